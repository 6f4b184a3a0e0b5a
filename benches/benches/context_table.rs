//! The server's context table: a look-up with its touch at 1 000 to 1 000 000 idle contexts, and a bare `HashMap::get` of the same
//! size in the same run.
//!
//! Both are asked in an order that no cache foresees, as clients ask. Instructions are counted by
//! `examples/context_table_instructions.rs`, bytes a context by `tests/tests/context_table.rs`.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use oxwire::core::Principal;
use oxwire::mapihttp::server::{ContextCookie, ContextTable, TableLimits};

fn generator() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Cookies in an order of their own, with the principal that authentication would find for each.
fn filled(now: Instant, count: usize) -> (ContextTable<u64>, Vec<(ContextCookie, Principal)>) {
    let mut table = ContextTable::new(now, TableLimits::DEFAULT.with_contexts(count));
    let mut next = generator();
    let mut entropy =
        move |out: &mut [u8]| out.chunks_mut(8).for_each(|to| to.copy_from_slice(&next().to_le_bytes()[..to.len()]));
    let mut cookies: Vec<_> = (0..count)
        .map(|n| {
            let name = format!("user{}@oxwire.test", n / 4);
            let (_, cookie) = table.create(now, &Principal::new(name.as_str()), &mut entropy).expect("room");
            (cookie, Principal::new(name.as_str()))
        })
        .collect();
    let mut next = generator();
    for at in (1..count).rev() {
        cookies.swap(at, usize::try_from(next() % (at as u64 + 1)).expect("below count"));
    }
    // The name of each request's user is fresh from authentication: it lies where the request does.
    let fresh = |(cookie, principal): (ContextCookie, Principal)| (cookie, Principal::new(principal.name()));
    (table, cookies.into_iter().map(fresh).collect())
}

fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("context table");
    group.throughput(Throughput::Elements(1));
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let mut now = Instant::now();
        let (mut table, cookies) = filled(now, count);
        group.bench_with_input(BenchmarkId::new("look-up and touch", count), &count, |b, _| {
            let mut asked = cookies.iter().cycle();
            b.iter(|| {
                let (cookie, principal) = asked.next().expect("cycles");
                now += Duration::from_nanos(100);
                black_box(table.look_up(now, cookie, principal)).expect("idle for less than its lifetime")
            });
        });
        drop(table);
        let map: HashMap<[u8; 32], u64> =
            cookies.iter().enumerate().map(|(n, (cookie, _))| (bytes_of(cookie), n as u64)).collect();
        let keys: Vec<[u8; 32]> = cookies.iter().map(|(cookie, _)| bytes_of(cookie)).collect();
        group.bench_with_input(BenchmarkId::new("yardstick: HashMap get", count), &count, |b, _| {
            let mut asked = keys.iter().cycle();
            b.iter(|| black_box(map.get(asked.next().expect("cycles"))).copied().expect("there"));
        });
    }
    group.finish();
}

/// A key of a cookie's length and as random as one.
fn bytes_of(cookie: &ContextCookie) -> [u8; 32] {
    cookie.to_text().as_bytes()[..32].try_into().expect("43 characters")
}

criterion_group!(benches, look_up);
criterion_main!(benches);
