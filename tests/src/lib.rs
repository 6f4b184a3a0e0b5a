//! Integration tests of the oxwire workspace: what they share.
//!
//! - [`oracles`]: one function for each fuzz target, replayed on stable by `tests/fuzz_regression.rs`.
//! - [`simulation`]: RPC over HTTP on a virtual clock, by seed.
//! - [`vectors`]: annotated hex files, and the checks that each gets from [`vector!`].
//! - [`allocations`]: how many allocations a piece of code makes, for allocation budgets.

#[cfg(feature = "allocations")]
mod allocations;
pub mod oracles;
pub mod simulation;
pub mod vectors;

#[cfg(feature = "allocations")]
pub use allocations::{Allocations, allocations};
