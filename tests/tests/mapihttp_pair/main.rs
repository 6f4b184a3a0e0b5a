//! The client and the server of MAPI over HTTP, joined by HTTP connections whose bytes are delayed, chopped and cut, on a virtual
//! clock; held against a model that knows what was executed where.
//!
//! `PAIR_SEED=17 cargo test -p oxwire-tests --test mapihttp_pair` replays one seed.

mod network;
mod world;

use std::time::Duration;

use oxwire::core::FileTime;

use world::World;

/// 2026-01-01 00:00 UTC.
pub(crate) const WALL: FileTime = FileTime::from_intervals(134_117_856_000_000_000);

/// Something planted that the model has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The driver says that a request was not sent, when it was, and the server has lost its cache of answers.
    LiesAboutSending,
    /// The application repeats an unanswered Execute in the new context.
    RepeatsInNewContext,
    /// A completion is lost.
    LosesAnEvent,
    /// The server answers with what it has for another request.
    MixesAnswers,
}

/// What a run has reached: a run that reaches nothing proves nothing.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    pub(crate) answered: u32,
    pub(crate) unanswered: u32,
    pub(crate) not_sent: u32,
    pub(crate) gone: u32,
    /// The same X-RequestId sent again.
    pub(crate) resent: u32,
    pub(crate) replaced: u32,
    pub(crate) lost: u32,
    pub(crate) reconnected_bare: u32,
    pub(crate) pauses: u32,
    pub(crate) in_flight_at_pause: u32,
    pub(crate) cuts_before_sent: u32,
    pub(crate) cuts_after_sent: u32,
    pub(crate) waits_answered: u32,
    pub(crate) events_fetched: u32,
    pub(crate) pings: u32,
    pub(crate) disconnects: u32,
}

impl Reach {
    pub(crate) fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.unanswered += other.unanswered;
        self.not_sent += other.not_sent;
        self.gone += other.gone;
        self.resent += other.resent;
        self.replaced += other.replaced;
        self.lost += other.lost;
        self.reconnected_bare += other.reconnected_bare;
        self.pauses += other.pauses;
        self.in_flight_at_pause += other.in_flight_at_pause;
        self.cuts_before_sent += other.cuts_before_sent;
        self.cuts_after_sent += other.cuts_after_sent;
        self.waits_answered += other.waits_answered;
        self.events_fetched += other.events_fetched;
        self.pings += other.pings;
        self.disconnects += other.disconnects;
    }
}

/// xorshift64*: the same numbers everywhere.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
fn run(seed: u64, fault: Fault) -> Result<Reach, String> {
    let mut world = World::new(seed, fault);
    let start = world.now;
    world.connect()?;
    for _ in 0..60 {
        let pause = Duration::from_millis(world.rng.below(400));
        world.run_for(pause)?;
        world.act(start)?;
        world.settle()?;
    }
    world.finish()
}

fn seeds() -> Vec<u64> {
    match std::env::var("PAIR_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (0..60).collect(),
    }
}

#[test]
fn every_request_ends_once_and_nothing_happens_twice() {
    let mut reach = Reach::default();
    for seed in seeds() {
        match run(seed, Fault::None) {
            Ok(reached) => reach.add(&reached),
            Err(error) => panic!("PAIR_SEED={seed}: {error}"),
        }
    }
    println!("{reach:#?}");
    if seeds().len() > 1 {
        for (what, count, least) in [
            ("answered", reach.answered, 500),
            ("unanswered", reach.unanswered, 50),
            ("not sent", reach.not_sent, 5),
            ("context gone", reach.gone, 5),
            ("resent with the same id", reach.resent, 20),
            ("contexts replaced", reach.replaced, 50),
            ("reconnected without cookies", reach.reconnected_bare, 5),
            ("pauses", reach.pauses, 50),
            ("in flight at a pause", reach.in_flight_at_pause, 5),
            ("cuts before a request was sent", reach.cuts_before_sent, 50),
            ("cuts after", reach.cuts_after_sent, 50),
            ("waits answered", reach.waits_answered, 50),
            ("events fetched", reach.events_fetched, 20),
            ("pings", reach.pings, 50),
            ("disconnects", reach.disconnects, 50),
            ("contexts lost", reach.lost, 1),
        ] {
            assert!(count >= least, "{what}: {count} of at least {least}: the simulation does not reach it");
        }
    }
}

#[test]
fn planted_faults_are_found() {
    for fault in [Fault::LiesAboutSending, Fault::RepeatsInNewContext, Fault::LosesAnEvent, Fault::MixesAnswers] {
        let found = (0..150).find_map(|seed| run(seed, fault).err());
        assert!(found.is_some(), "{fault:?} was not found");
    }
}
