//! Simulated virtual connections of RPC over HTTP, by the million if wanted.
//!
//!     cargo run --profile simulation -p oxwire-tests --example rpch_simulation -- [SEEDS [FIRST]]
//!     cargo run --profile simulation -p oxwire-tests --example rpch_simulation -- --seed 7
//!     cargo run --profile simulation -p oxwire-tests --example rpch_simulation -- --dump [7] >streams.txt
//!
//! Prints what occurred, and which planted fault was found by which seed. It fails when an invariant does not hold, a fault is not found by
//! its own invariant, or, from 10,000 seeds on, one of the 50 PDUs, a kind of recycling or a state that connections are cut in has not
//! occurred. `--seed` replays one seed alone. `--dump` writes down what was sent, for text2pcap: by one seed, or by
//! so many that each of the 50 PDUs is among it.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use oxwire_tests::simulation::{Fault, NAMES, Tally, dump, run};

/// Failures that are printed; the run ends then.
const ENOUGH: usize = 10;

/// From so many seeds on, everything has to occur.
const ALL: u64 = 10_000;

const USAGE: &str = "usage: rpch_simulation [SEEDS [FIRST]] | --seed SEED | --dump [SEED]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().ok();
    let ok = match words.as_slice() {
        [] => campaign(ALL, 0),
        ["--seed", seed] => number(seed).and_then(alone),
        ["--dump"] => Some(dump_all()),
        ["--dump", seed] => number(seed).and_then(dumped),
        [count] => number(count).and_then(|count| campaign(count, 0)),
        [count, first] => number(count).zip(number(first)).and_then(|(count, first)| campaign(count, first)),
        _ => None,
    };
    match ok {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// One seed again.
fn alone(seed: u64) -> Option<bool> {
    let told = run(seed, None);
    match &told {
        Ok(tally) => println!("{tally}"),
        Err(error) => println!("FAILED seed {seed}: {error}"),
    }
    Some(told.is_ok())
}

fn dumped(seed: u64) -> Option<bool> {
    let told = dump(seed);
    match &told {
        Ok((_, text)) => print!("{text}"),
        Err(error) => eprintln!("FAILED seed {seed}: {error}"),
    }
    Some(told.is_ok())
}

/// Seeds that each bring a PDU that those before had not.
fn dump_all() -> bool {
    let mut seen = BTreeSet::new();
    for seed in 0..ALL {
        let Ok((tally, text)) = dump(seed) else { continue };
        let before = seen.len();
        seen.extend(tally.pdus.into_keys());
        if seen.len() > before {
            print!("{text}");
        }
        if seen.len() == NAMES.len() {
            return true;
        }
    }
    eprintln!("of {} PDUs only {} occurred", NAMES.len(), seen.len());
    false
}

fn campaign(count: u64, first: u64) -> Option<bool> {
    let last = first.checked_add(count)?;
    let begun = Instant::now();
    let next = AtomicU64::new(first);
    let tally = Mutex::new(Tally::default());
    let failures = Mutex::new(Vec::new());
    let failed_so_far = || failures.lock().unwrap_or_else(PoisonError::into_inner).len();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let mut mine = Tally::default();
                while failed_so_far() < ENOUGH {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last {
                        break;
                    }
                    match run(seed, None) {
                        Ok(one) => mine.add(&one),
                        Err(error) => failures.lock().unwrap_or_else(PoisonError::into_inner).push((seed, error)),
                    }
                }
                tally.lock().unwrap_or_else(PoisonError::into_inner).add(&mine);
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{tally}");
    println!("{} seeds in {:.1} s", tally.seeds, begun.elapsed().as_secs_f64());
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (seed, error) in &failures {
        println!("FAILED seed {seed}: {error}\n  replay: {} --seed {seed}", replay());
    }
    let missing = tally.missing();
    println!("did not occur: {}", if missing.is_empty() { "nothing".into() } else { missing.join("; ") });
    let found = Fault::ALL.map(|fault| find(fault, first..last)).into_iter().all(|found| found);
    println!("{:.1} s in all", begun.elapsed().as_secs_f64());
    Some(failures.is_empty() && found && (missing.is_empty() || count < ALL))
}

fn replay() -> String {
    std::env::args().next().unwrap_or_else(|| "rpch_simulation".into())
}

/// The first seed at which the fault's own invariant finds it.
fn find(fault: Fault, seeds: std::ops::Range<u64>) -> bool {
    let found = seeds.into_iter().find_map(|seed| {
        let error = run(seed, Some(fault)).err()?;
        (error.invariant == fault.found_by()).then_some((seed, error))
    });
    match &found {
        Some((seed, error)) => {
            let error = error.to_string();
            println!("{fault:?}: found by seed {seed}: {}", error.split("; after").next().unwrap_or_default());
        }
        None => println!("{fault:?}: NOT FOUND by {:?}", fault.found_by()),
    }
    found.is_some()
}
