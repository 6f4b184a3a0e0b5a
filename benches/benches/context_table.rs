//! The server's context table: a look-up with its touch at 1 000 to 1 000 000 idle contexts, and a bare `HashMap::get` of the same
//! size in the same run.
//!
//! Both are asked in an order that no cache foresees, as clients ask, and in two ways. "one by one": which cookie comes next
//! depends on the answer before it, so that each look-up waits for its own memory, as it does in a server that has other work
//! between two of them. "in a stream": nothing lies between two look-ups, and a processor works on several at once, on the more the fewer
//! instructions one has; no server gets to do that. Instructions are counted by
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
    // A request's user is fresh from authentication, and so is the name: few users, whose names stay in the first caches, stand for
    // that. A name of its own for each of a million requests would be read from memory, which no server does.
    let users: Vec<_> = (0..count.div_ceil(200)).map(|n| Principal::new(format!("user{n}@oxwire.test"))).collect();
    let mut cookies: Vec<_> = (0..count)
        .map(|n| {
            let user = &users[n % users.len()];
            let (_, cookie) = table.create(now, user, &mut entropy).expect("room");
            (cookie, user.clone())
        })
        .collect();
    let mut next = generator();
    for at in (1..count).rev() {
        cookies.swap(at, usize::try_from(next() % (at as u64 + 1)).expect("below count"));
    }
    (table, cookies)
}

fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("context table");
    group.throughput(Throughput::Elements(1));
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let mut now = Instant::now();
        let (mut table, cookies) = filled(now, count);
        for one_by_one in [true, false] {
            let way = if one_by_one { "one by one" } else { "in a stream" };
            group.bench_with_input(BenchmarkId::new(format!("look-up and touch, {way}"), count), &count, |b, _| {
                let mut at = 0;
                b.iter(|| {
                    let (cookie, principal) = &cookies[at];
                    now += Duration::from_nanos(100);
                    let found = black_box(table.look_up(now, cookie, principal));
                    let found = found.expect("idle for less than its lifetime").number();
                    at = next_of(at, if one_by_one { found } else { 0 }, count);
                });
            });
        }
        drop(table);
        let map: HashMap<[u8; 32], u64> =
            cookies.iter().enumerate().map(|(n, (cookie, _))| (bytes_of(cookie), n as u64)).collect();
        let keys: Vec<[u8; 32]> = cookies.iter().map(|(cookie, _)| bytes_of(cookie)).collect();
        for one_by_one in [true, false] {
            let way = if one_by_one { "one by one" } else { "in a stream" };
            group.bench_with_input(
                BenchmarkId::new(format!("yardstick: HashMap get, {way}"), count),
                &count,
                |b, _| {
                    let mut at = 0;
                    b.iter(|| {
                        let found = black_box(map.get(&keys[at])).copied().expect("there");
                        at = next_of(at, if one_by_one { found } else { 0 }, count);
                    });
                },
            );
        }
    }
    group.finish();
}

/// The place behind `at`. It waits for `found`, whose top bit is never set.
fn next_of(at: usize, found: u64, count: usize) -> usize {
    let next = at + 1 + usize::try_from(found >> 63).expect("a bit");
    if next < count { next } else { 0 }
}

/// A key of a cookie's length and as random as one.
fn bytes_of(cookie: &ContextCookie) -> [u8; 32] {
    cookie.to_text().as_bytes()[..32].try_into().expect("43 characters")
}

criterion_group!(benches, look_up);
criterion_main!(benches);
