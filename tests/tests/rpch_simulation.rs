//! A short count of what `cargo run --release -p oxwire-tests --example rpch_simulation` runs by the thousand.
//! `OXWIRE_SEED=7` replays one seed alone.

use oxwire_tests::simulation::{Tally, run};

#[test]
fn seeds_of_the_simulation() {
    let alone = std::env::var("OXWIRE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = alone.map_or(0..40, |seed: u64| seed..seed + 1);
    let mut tally = Tally::default();
    for seed in seeds {
        match run(seed, None) {
            Ok(one) => tally.add(&one),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(tally.unnamed.is_empty(), "{:?}", tally.unnamed);
    assert!(alone.is_some() || tally.recyclings.iter().all(|count| *count > 0), "{tally}");
}
