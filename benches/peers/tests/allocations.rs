//! Allocations of a whole handshake, beside those of the alternatives: never more than theirs.

use allocation_counter::measure;
use oxwire_peers::negotiate;
use oxwire_peers::ntlm::{self, Then};

fn allocations(mut handshake: impl FnMut()) -> (u64, u64) {
    // What is made once a process is made here.
    handshake();
    let info = measure(handshake);
    (info.count_total, info.bytes_total)
}

#[test]
fn a_handshake_allocates_no_more_than_the_alternatives() {
    for then in [Then::Nothing, Then::Messages] {
        let ours = allocations(|| drop(ntlm::oxwire(then)));
        let theirs = allocations(|| drop(ntlm::sspi(then)));
        println!("NTLM, both ends, then {then:?}: oxwire {ours:?}, sspi {theirs:?} (number, bytes)");
        assert!(ours.0 <= theirs.0 && ours.1 <= theirs.1, "{ours:?}, {theirs:?}");
    }

    let stored = negotiate::stored();
    let theirs = allocations(|| negotiate::negotiate_auth(&stored));
    for sign in [false, true] {
        let ours = allocations(|| negotiate::oxwire(&stored, sign));
        println!(
            "Negotiate, signing {sign}: oxwire's client {ours:?}, negotiate-auth's {theirs:?} (which never signs)"
        );
        assert!(ours.0 <= theirs.0 && ours.1 <= theirs.1, "{ours:?}, {theirs:?}");
    }
}
