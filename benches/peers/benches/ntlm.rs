//! A whole NTLMv2 handshake, both ends, against sspi's.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use oxwire_peers::ntlm;

fn handshake(c: &mut Criterion) {
    let mut group = c.benchmark_group("NTLM handshake, both ends");
    let stored = ntlm::stored();
    group.bench_function("oxwire", |b| b.iter(|| black_box(ntlm::oxwire(black_box(&stored)))));
    group.bench_function("sspi", |b| b.iter(ntlm::sspi));
    group.finish();
}

criterion_group!(benches, handshake);
criterion_main!(benches);
