//! Virtual connections of RPC over HTTP, simulated: the client against the collapsed endpoint, or against two inbound proxies, two outbound
//! proxies and a server apart, on a virtual clock.
//!
//! A seed decides everything: latencies, chunks, windows of 8 to 256 KiB, channel lifetimes from 128 KiB on, timeouts, the applications'
//! pace and pauses, and what is cut when: at any byte, or while a role is in a certain state. Beside the machines runs a reference model that
//! knows none of their code: `model` holds what was handed over against what comes, `watch` reads along on every connection, counts
//! windows and lengths again and names each RTS PDU, `sequence` holds what arrives against what it answers.
//!
//! [`Invariant`] lists what is held at every step, for every seed. Of what a server behind separate proxies has sent, what an outbound
//! proxy has handed to the client's connection may be lost unreported: nobody acknowledges that hop to the server.
//!
//! [`Fault`]s are planted by a seed's run only when asked for; each is found by its own invariant.
//!
//! # Running it
//! - `cargo test -p oxwire-tests --test rpch_simulation`: some seeds, and each fault found.
//! - `bash .ci/run simulation`: 10,000 seeds; it fails too when one of the 50 PDUs, a kind of recycling or a state in [`STATES`] has not
//!   occurred, or a fault is not found. `SEEDS=1000000 bash .ci/steps/simulation` for millions, as many at a time as there are processors.
//! - One seed alone, as a failure names it: `cargo run --profile simulation -p oxwire-tests --example rpch_simulation -- --seed 7`.
//! - What was sent, PDU by PDU, for tshark: the same with `--dump 7`.

mod applications;
mod configs;
mod cuts;
mod dump;
mod ending;
mod faults;
mod machines;
mod model;
mod names;
mod network;
mod random;
mod roles;
mod sequence;
mod settings;
mod tally;
mod violation;
mod watch;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use cuts::{Of, Role, STATES, State};
pub use faults::Fault;
pub use tally::{NAMES, Tally};
pub use violation::{Invariant, Violation};
use world::World;

/// Runs one seed, with a fault planted or without.
///
/// # Errors
/// The invariant that does not hold, with where everybody stands.
pub fn run(seed: u64, fault: Option<Fault>) -> Result<Tally, Violation> {
    guarded(|| World::new(seed, fault).run()).map(|(tally, _)| tally)
}

/// Runs one seed and gives all that was sent on its connections, for `text2pcap -T 40000,593`: before each PDU a line with the hop, the
/// connection and our name for it (`-` for an RPC PDU).
///
/// # Errors
/// Those of [`run`].
pub fn dump(seed: u64) -> Result<(Tally, String), Violation> {
    guarded(|| World::new(seed, None).dumping().run())
}

fn guarded<T>(run: impl FnOnce() -> Result<T, Violation>) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into())).unwrap_or_default();
        Err(Invariant::Driver.broken(format!("panicked: {text}")))
    })
}
