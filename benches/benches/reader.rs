//! Reading fields off a buffer, against a copy of the same bytes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxwire::core::Reader;
use oxwire_benches::Cycle;

const LEN: usize = 32 << 10;

fn reader(c: &mut Criterion) {
    let mut group = c.benchmark_group("reader");
    group.throughput(Throughput::Bytes(LEN as u64));

    let mut cycle = Cycle::filled(LEN);
    let mut to = vec![0; LEN];
    group.bench_function("memcpy", |b| b.iter(|| black_box(cycle.memcpy(black_box(&mut to)))));

    group.bench_function("u32 fields", |b| {
        b.iter(|| {
            let buffer = cycle.next_buffer();
            let mut reader = Reader::new(&buffer);
            let mut sum = 0u32;
            while let Ok(value) = reader.u32_le("value") {
                sum = sum.wrapping_add(value);
            }
            black_box(sum)
        });
    });
    group.finish();
}

criterion_group!(benches, reader);
criterion_main!(benches);
