//! Oracles: for each fuzz target one function that takes any bytes and panics where a promise of the library is broken.
//!
//! A target lives in three places that one check in `tests/fuzz_regression.rs` holds together: the function here with its row in
//! [`targets`], `fuzz/fuzz_targets/<name>.rs` (three lines), and its `[[bin]]` in `fuzz/Cargo.toml`.
//!
//! What an oracle checks, beyond "no panic": what is decoded encodes to something that decodes to the same; any chunking of
//! the input gives the same events; a machine has no timer due right after `handle_timeout`, and comes to rest.

pub mod address_book;
pub mod auth;
pub mod autodiscover;
pub mod bodies;
pub mod client;
pub mod decode;
pub mod discovery;
pub mod http;
pub mod lz77;
pub mod mapirpc;
pub mod rops;
pub mod rpc;
pub mod rpc_association;
pub mod rpch_client;
pub mod rpch_roles;
pub mod rpch_v1;
pub mod rts;
pub mod server;

/// A target: its name and its oracle.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by area.
#[must_use]
pub fn targets() -> Vec<Target> {
    [
        address_book::TARGETS,
        auth::TARGETS,
        autodiscover::TARGETS,
        bodies::TARGETS,
        client::TARGETS,
        decode::TARGETS,
        discovery::TARGETS,
        http::TARGETS,
        lz77::TARGETS,
        rops::TARGETS,
        mapirpc::TARGETS,
        rpc::TARGETS,
        rpc_association::TARGETS,
        rpch_client::TARGETS,
        rpch_roles::TARGETS,
        rpch_v1::TARGETS,
        rts::TARGETS,
        server::TARGETS,
    ]
    .concat()
}
