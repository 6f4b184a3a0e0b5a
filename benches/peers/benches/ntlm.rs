//! A whole NTLMv2 handshake, both ends, against sspi's; and the same with a sealed message each way behind it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use oxwire_peers::ntlm::{self, Then};

fn handshake(c: &mut Criterion) {
    for (name, then) in [
        ("NTLM handshake, both ends", Then::Nothing),
        ("NTLM handshake, both ends, and a sealed message each way", Then::Messages),
    ] {
        let mut group = c.benchmark_group(name);
        group.bench_function("oxwire", |b| b.iter(|| black_box(ntlm::oxwire(then))));
        group.bench_function("sspi", |b| b.iter(|| black_box(ntlm::sspi(then))));
        group.finish();
    }
}

criterion_group!(benches, handshake);
criterion_main!(benches);
