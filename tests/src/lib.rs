//! Integration tests of the oxwire workspace: what they share.
//!
//! - [`oracles`]: one function for each fuzz target, replayed on stable by `tests/fuzz_regression.rs`.
//! - [`allocations`]: how many allocations a piece of code makes, for allocation budgets.

#[cfg(feature = "allocations")]
mod allocations;
pub mod oracles;

#[cfg(feature = "allocations")]
pub use allocations::{Allocations, allocations};
