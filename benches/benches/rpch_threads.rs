//! Two threads with a virtual connection each against one.
//!
//! Other tenants of a machine take from the second processor as they please, and often it is half of a core: that only ever makes a run
//! slower, so the fastest of many short rounds is what counts, the rounds of all kinds in turn. Beside the PDUs stand additions in
//! registers, where the threads share nothing by construction: what they do not reach, the machine does not give.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_benches::rpch::{Pair, rpc_pdu};

/// Rounds of each kind.
const ROUNDS: usize = 100;
/// PDUs of 4 KiB that a thread carries in a round, from the server's `send_pdu` to the client's `consume`.
const PDUS: usize = 40_000;
/// Steps of a thread in a round of additions, which take about as long.
const STEPS: usize = 8_000_000;
/// One in so many of a round is done before the clock runs: each thread has its memory and its caches by then.
const WARM: usize = 10;

fn pdus(seed: u8) -> impl FnMut() {
    let (mut pair, pdu) = (Pair::open(seed), Bytes::from(rpc_pdu(4_096)));
    move || {
        black_box(pair.down(pdu.clone()));
    }
}

fn additions(seed: u8) -> impl FnMut() {
    let mut sums = [u64::from(seed); 4];
    move || {
        for sum in &mut sums {
            *sum = black_box(*sum + 3);
        }
    }
}

/// From the moment when all threads are ready to the last one's end.
fn round<W: FnMut()>(threads: u8, times: usize, start: fn(u8) -> W) -> Duration {
    let ready = Barrier::new(usize::from(threads));
    let work = |seed: u8| {
        let mut work = start(seed);
        (0..times / WARM).for_each(|_| work());
        ready.wait();
        let began = Instant::now();
        (0..times).for_each(|_| work());
        (began, Instant::now())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|n| scope.spawn(move || work(1 + n * 100))).collect();
        let spans: Vec<_> = running.into_iter().filter_map(|thread| thread.join().ok()).collect();
        let (began, ended) = (spans.iter().map(|span| span.0).min(), spans.iter().map(|span| span.1).max());
        ended.zip(began).map_or(Duration::MAX, |(ended, began)| ended - began)
    })
}

/// The fastest round, and the one in the middle.
fn fastest(mut rounds: Vec<Duration>) -> (Duration, Duration) {
    rounds.sort();
    (rounds.first().copied().unwrap_or_default(), rounds.get(rounds.len() / 2).copied().unwrap_or_default())
}

fn main() {
    let mut rounds = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let took = [round(1, PDUS, pdus), round(2, PDUS, pdus), round(1, STEPS, additions), round(2, STEPS, additions)];
        for (rounds, took) in rounds.iter_mut().zip(took) {
            rounds.push(took);
        }
    }
    let [one_pdus, two_pdus, one_sums, two_sums] = rounds.map(fastest);
    println!(
        "{ROUNDS} rounds of each; milliseconds of the fastest, of the middle one; how much more two threads do than one"
    );
    for (name, one, two) in [("PDUs of 4 KiB", one_pdus, two_pdus), ("additions", one_sums, two_sums)] {
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        let more = |one: Duration, two: Duration| 2.0 * one.as_secs_f64() / two.as_secs_f64();
        println!(
            "{name:14} one {:.1} ({:.1})  two {:.1} ({:.1})  x{:.2} (x{:.2})",
            ms(one.0),
            ms(one.1),
            ms(two.0),
            ms(two.1),
            more(one.0, two.0),
            more(one.1, two.1),
        );
    }
}
