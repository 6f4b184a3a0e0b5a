//! A short count of what `cargo run --profile simulation -p oxwire-tests --example rpch_simulation` runs by the ten thousand and more.
//! `OXWIRE_SEED=7` replays one seed alone.

use oxwire_tests::simulation::{Fault, Tally, run};

#[test]
fn seeds_of_the_simulation() {
    let alone = std::env::var("OXWIRE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = alone.map_or(0..40, |seed: u64| seed..seed + 1);
    let mut tally = Tally::default();
    for seed in seeds {
        match run(seed, None) {
            Ok(one) => tally.add(&one),
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(alone.is_some() || tally.recyclings.iter().all(|count| *count > 0), "{tally}");
}

/// Each fault is found by its own invariant: which shows that the invariant can fail.
#[test]
fn planted_faults_are_found() {
    for fault in Fault::ALL {
        let found =
            (0..100).filter_map(|seed| run(seed, Some(fault)).err()).find(|error| error.invariant == fault.found_by());
        assert!(found.is_some(), "{fault:?} is not found by {:?}", fault.found_by());
    }
}
