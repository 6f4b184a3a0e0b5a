//! Round trips of values, rows and ROPs, and damage behind what is good, for any input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may fail")]

mod rops;
mod values;
