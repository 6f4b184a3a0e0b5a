//! The search against a simulated internet: the right answer, or a trail that says why not, within the deadline.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that meets the unexpected fails; its clock begins at some point of time"
)]

mod credentials;
mod directory;
mod internet;
mod published;
mod random;
mod redirects;
mod soap;
mod steps;
mod time;
