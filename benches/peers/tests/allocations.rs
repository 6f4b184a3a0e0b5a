//! Allocations of a whole handshake, beside those of the alternatives: never more than theirs.

use allocation_counter::measure;
use oxwire_peers::{negotiate, ntlm};

fn allocations(mut handshake: impl FnMut()) -> (u64, u64) {
    // What is made once a process is made here.
    handshake();
    let info = measure(handshake);
    (info.count_total, info.bytes_total)
}

#[test]
fn a_handshake_allocates_no_more_than_the_alternatives() {
    let stored = ntlm::stored();
    let ours = allocations(|| drop(ntlm::oxwire(&stored)));
    let theirs = allocations(|| drop(ntlm::sspi()));
    println!("NTLM, both ends: oxwire {ours:?}, sspi {theirs:?} (number, bytes)");
    assert!(ours.0 <= theirs.0 && ours.1 <= theirs.1, "{ours:?}, {theirs:?}");

    let stored = negotiate::stored();
    let ours = allocations(|| negotiate::oxwire(&stored, true));
    let theirs = allocations(|| negotiate::negotiate_auth(&stored));
    println!("Negotiate with oxwire's acceptor: oxwire's client {ours:?}, negotiate-auth's {theirs:?}");
    assert!(ours.0 <= theirs.0 && ours.1 <= theirs.1, "{ours:?}, {theirs:?}");
}
