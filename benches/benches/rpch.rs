//! PDUs through a virtual connection from the client's `send_pdu` to the server's `consume` and back, in memory and without security, against
//! memcpy of the same bytes; recognising RTS PDUs; many idle ones.

use std::hint::black_box;
use std::time::Instant;

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

/// What a tick costs among so many idle virtual connections: one of them is called and asked for its timer. Always the same one shows whether
/// the others cost anything; each in turn, in an order that no cache foresees, comes upon one that the caches have lost, as a server's
/// timers do: the work is the same, and memory is waited for.
fn idle(c: &mut Criterion) {
    /// A prime that divides none of the counts: all have their turn.
    const STRIDE: usize = 3_571;
    let mut group = c.benchmark_group("rpch idle");
    for count in [1, 100, 10_000] {
        let pairs = (0..count).map(|n| Pair::open(u8::try_from(n % 200).unwrap_or(0)));
        let mut connections: Vec<_> = pairs.filter_map(Pair::into_connection).collect();
        let now = Instant::now();
        let mut tick = |n: usize| {
            connections.get_mut(n).map(|connection| {
                connection.handle_timeout(now);
                black_box(connection.poll_timeout())
            })
        };
        let half = count / 2;
        group.bench_function(BenchmarkId::new("tick of one among", count), |b| b.iter(|| tick(black_box(half))));
        let mut next = 0;
        group.bench_function(BenchmarkId::new("tick of each in turn", count), |b| {
            b.iter(|| {
                next = (next + STRIDE) % count;
                tick(next)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, transfer, recognising, idle);
criterion_main!(benches);
