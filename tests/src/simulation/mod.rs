//! Virtual connections of RPC over HTTP, simulated: the client against the collapsed endpoint, or against two inbound proxies, two outbound
//! proxies and a server apart, on a virtual clock.
//!
//! A seed decides everything: latencies, chunks, windows, lifetimes, the applications' pace, and what is cut when. Beside the machines
//! runs a reference model that knows none of their code: [`model`](self) holds what was handed over against what comes,
//! and a watcher reads along on every connection, counts windows and lifetimes again and names each RTS PDU.
//!
//! Held at every step, for every seed:
//! - a PDU is delivered once, in order and byte for byte; or given back; or within what its sender reports as in doubt. Of what a server
//!   behind separate proxies has sent, two client windows may be lost unreported: nobody acknowledges that hop to it;
//! - no window is exceeded, nor the length of a channel;
//! - after `handle_timeout(now)` no timer is due at `now`;
//! - what is queued keeps within its limit;
//! - nothing in flight and nothing to consume, then everything is delivered, or an end was told.

mod applications;
mod configs;
mod ending;
mod faults;
mod model;
mod network;
mod random;
mod roles;
mod settings;
mod tally;
mod watch;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use faults::Fault;
pub use tally::{NAMES, Tally};

/// Runs one seed, with a fault planted in the network or without.
///
/// # Errors
/// The invariant that does not hold, with where everybody stands.
pub fn run(seed: u64, fault: Option<Fault>) -> Result<Tally, String> {
    let told = catch_unwind(AssertUnwindSafe(|| world::World::new(seed, fault).run()));
    match told {
        Ok(result) => result.map_err(|error| format!("seed {seed}: {error}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into())).unwrap_or_default();
            Err(format!("seed {seed}: panicked: {text}"))
        }
    }
}
