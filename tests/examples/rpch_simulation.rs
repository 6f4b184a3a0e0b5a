//! Simulated virtual connections of RPC over HTTP, by the million if wanted.
//!
//!     cargo run --release -p oxwire-tests --example rpch_simulation -- [SEEDS [FIRST]]
//!
//! `OXWIRE_SEED=7` replays one seed alone. Prints what occurred, and which planted fault was found by which seed.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use oxwire::rpch::rts::PduName;
use oxwire_tests::simulation::{Fault, Tally, run};

/// Failures that are printed; the run ends then.
const ENOUGH: usize = 10;

/// Why a PDU does not occur, where that is known.
const fn reason(name: PduName) -> &'static str {
    match name {
        PduName::OutR2B2 => {
            "the server sends it for an OUT_R2/A8 with another cookie than OUT_R2/A4's, which no client sends"
        }
        PduName::PingTrafficSentNotify => "sent once pings have cost much of a channel; no run is silent for so long",
        _ => "more seeds are needed",
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (count, first) = (arguments.next().unwrap_or(10_000), arguments.next().unwrap_or(0));
    let alone = std::env::var("OXWIRE_SEED").ok().and_then(|seed| seed.parse().ok());
    let (first, count) = alone.map_or((first, count), |seed: u64| (seed, 1));
    let begun = Instant::now();
    let next = AtomicU64::new(first);
    let tally = Mutex::new(Tally::default());
    let failures = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut mine = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || failures.lock().unwrap_or_else(PoisonError::into_inner).len() >= ENOUGH
                    {
                        break;
                    }
                    match run(seed, None) {
                        Ok(one) => mine.add(&one),
                        Err(error) => failures.lock().unwrap_or_else(PoisonError::into_inner).push(error),
                    }
                }
                tally.lock().unwrap_or_else(PoisonError::into_inner).add(&mine);
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{tally}");
    let missing: Vec<_> = tally.missing().into_iter().map(|name| name.name()).collect();
    println!("did not occur: {missing:?}");
    for name in tally.missing() {
        println!("  {name}: {}", reason(name));
    }
    println!("{} seeds in {:.1} s", tally.seeds, begun.elapsed().as_secs_f64());
    // With this many seeds, what roles can send has been sent, and every recycling has been.
    let mut failed = count >= 1_000 && (tally.missing().len() > 2 || tally.recyclings.contains(&0));
    for failure in failures.into_inner().unwrap_or_else(PoisonError::into_inner) {
        failed = true;
        println!(
            "FAILED {failure}\n  replay: OXWIRE_SEED=<seed> cargo run --release -p oxwire-tests --example rpch_simulation"
        );
    }
    if alone.is_none() {
        for fault in Fault::ALL {
            match (first..first + count).find_map(|seed| run(seed, Some(fault)).err()) {
                Some(error) => println!("{fault:?}: found: {}", error.split("; after").next().unwrap_or_default()),
                None => {
                    failed = true;
                    println!("{fault:?}: NOT FOUND");
                }
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
