//! The client layer against scripted servers and proxies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests, which may fail and begin at some point of time"
)]

mod channels;
mod credentials;
mod failures;
mod legs;
mod proxies;
mod script;
#[path = "../support/mod.rs"]
mod support;
