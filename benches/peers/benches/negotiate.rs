//! A whole Negotiate handshake with oxwire's acceptor: oxwire's client against negotiate-auth's, which never signs, and oxwire's that signs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use oxwire_peers::negotiate;

fn handshake(c: &mut Criterion) {
    let mut group = c.benchmark_group("Negotiate handshake, oxwire's acceptor");
    let stored = negotiate::stored();
    group.bench_function("client of oxwire", |b| b.iter(|| negotiate::oxwire(black_box(&stored), false)));
    group.bench_function("client of oxwire that signs: keys exchanged, list of mechanisms proved", |b| {
        b.iter(|| negotiate::oxwire(black_box(&stored), true));
    });
    group.bench_function("client of negotiate-auth", |b| b.iter(|| negotiate::negotiate_auth(black_box(&stored))));
    group.finish();
}

criterion_group!(benches, handshake);
criterion_main!(benches);
