//! PDUs through a virtual connection from the client's `send_pdu` to the server's `consume` and back, in memory and without security, against
//! memcpy of the same bytes; two threads with one each; recognising RTS PDUs; many idle ones.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use oxwire::core::{Limits, decode_all, encode_to_bytes};
use oxwire::rpch::rts::conn::ConnB1;
use oxwire::rpch::rts::other::Ping;
use oxwire::rpch::rts::{
    AssociationGroupId, ChannelLifetime, ClientKeepalive, Cookie, RtsCookie, RtsPdu, Signature, Version,
};
use oxwire_benches::Cycle;
use oxwire_benches::rpch::{Pair, rpc_pdu};

fn transfer(c: &mut Criterion) {
    let mut group = c.benchmark_group("rpch");
    for len in [4_096, 32_768_u16] {
        group.throughput(Throughput::Bytes(u64::from(len)));
        let mut pdus = Cycle::of(&rpc_pdu(len));
        let mut to = vec![0; usize::from(len)];
        group
            .bench_function(BenchmarkId::new("memcpy", len), |b| b.iter(|| black_box(pdus.memcpy(black_box(&mut to)))));
        let mut pair = Pair::open(1);
        group.bench_function(BenchmarkId::new("server to client", len), |b| {
            b.iter(|| assert_eq!(pair.down(pdus.next_buffer()), usize::from(len)));
        });
        group.bench_function(BenchmarkId::new("client to server", len), |b| {
            b.iter(|| assert_eq!(pair.up(pdus.next_buffer()), usize::from(len)));
        });
    }
    group.finish();
}

/// The same work once in one thread and twice in two: the second figure is of twice the PDUs.
fn threads(c: &mut Criterion) {
    const PDUS: usize = 20_000;
    fn work(seed: u8) -> Duration {
        let (mut pair, pdu) = (Pair::open(seed), Bytes::from(rpc_pdu(4_096)));
        let start = Instant::now();
        for _ in 0..PDUS {
            black_box(pair.down(pdu.clone()));
        }
        start.elapsed()
    }
    let mut group = c.benchmark_group("rpch threads");
    group.sample_size(10);
    group.throughput(Throughput::Elements(PDUS as u64));
    group.bench_function("one", |b| b.iter_custom(|times| (0..times).map(|_| work(1)).sum()));
    group.throughput(Throughput::Elements(2 * PDUS as u64));
    group.bench_function("two", |b| {
        b.iter_custom(|times| {
            let once = || {
                let both = [1, 100].map(|seed| std::thread::spawn(move || work(seed)));
                both.map(|thread| thread.join().unwrap_or_default()).into_iter().max().unwrap_or_default()
            };
            (0..times).map(|_| once()).sum()
        });
    });
    group.finish();
}

fn recognising(c: &mut Criterion) {
    let cookie = |fill| Cookie(RtsCookie([fill; 16]));
    let b1 = ConnB1 {
        version: Version(1),
        virtual_connection_cookie: cookie(1),
        in_channel_cookie: cookie(2),
        channel_lifetime: ChannelLifetime(1 << 30),
        client_keepalive: ClientKeepalive(300_000),
        association_group_id: AssociationGroupId(RtsCookie([3; 16])),
    };
    let mut group = c.benchmark_group("rpch recognise");
    for (name, pdu) in [("Ping", encode_to_bytes(&Ping {})), ("CONN/B1", encode_to_bytes(&b1))] {
        let pdu = pdu.unwrap_or_default();
        group.bench_function(name, |b| {
            b.iter(|| {
                let rts = decode_all::<RtsPdu<'_>>(black_box(&pdu), &Limits::DEFAULT);
                black_box(rts.ok().as_ref().and_then(Signature::of))
            });
        });
    }
    group.finish();
}

/// What a tick costs among so many idle virtual connections: one of them is asked for its timer and called.
fn idle(c: &mut Criterion) {
    let mut group = c.benchmark_group("rpch idle");
    for count in [1, 100, 10_000] {
        let mut pairs: Vec<_> = (0..count).map(|n| Pair::open(u8::try_from(n % 200).unwrap_or(0))).collect();
        let (now, mut next) = (Instant::now(), 0);
        group.bench_function(BenchmarkId::new("tick", count), |b| {
            b.iter(|| {
                next = (next + 1) % count;
                let connection = pairs.get_mut(next).and_then(Pair::connection);
                connection.map(|connection| {
                    connection.handle_timeout(now);
                    black_box(connection.poll_timeout())
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, transfer, threads, recognising, idle);
criterion_main!(benches);
