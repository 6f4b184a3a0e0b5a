//! The server machine on a virtual clock, by scripted requests.
#![allow(unreachable_pub, missing_docs, reason = "modules of one test program")]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets the unexpected fails"
)]

mod codes;
mod emission;
mod exchanges;
mod harness;
mod limits;
mod plain;
mod properties;
mod recovery;
mod waits;
