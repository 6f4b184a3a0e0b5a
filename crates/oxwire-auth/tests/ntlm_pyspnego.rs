//! pyspnego 0.12.4 (under requests_ntlm 1.3.0) as a client, recorded against our acceptor on 2026-11-21.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oxwire_auth::ntlm::{Acceptor, AcceptorConfig, Refusal, Verdict, nt_hash};
use oxwire_core::{FileTime, SecurityContext, Step};

const NEGOTIATE: &str = "TlRMTVNTUAABAAAAN4II4gAAAAAoAAAAAAAAACgAAAAADAQAAAAADw==";
const CHALLENGE: &str = "TlRMTVNTUAACAAAADgAOADgAAAA1gorgXEO9ifJ38/gAAAAAAAAAADQANABGAAAAAAAAAAAAAABPAFgAUABSAE8AQgBFAAIADgBPAFgA\
    UABSAE8AQgBFAAEADgBPAFgAUABSAE8AQgBFAAcACAAQaY9uYHndAQAAAAA=";
const AUTHENTICATE: &str = "TlRMTVNTUAADAAAAGAAYAFAAAACMAIwAaAAAAAgACAD0AAAACgAKAPwAAAAAAAAABgEAABAAEAAGAQAANYKK4HlyvImWELnjI2On\
    ScJhn0EAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACKkBD9fG0sg6ba0+Wu7H1oAQEAAAAAAAAQaY9uYHndAUfFANM8ro0WAAAAAAIADgBPAFgAUABSAE8AQgBF\
    AAEADgBPAFgAUABSAE8AQgBFAAcACAAQaY9uYHndAQkAHABoAHQAdABwAC8AMQAyADcALgAwAC4AMAAuADEABgAEAAIAAAAAAAAAAAAAAE0AQQBJAEwAYQBs\
    AGkAYwBlACkM8ftYhyF5SYSRB29Z66Q=";

fn token(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// The acceptor as far as its question, with the last token changed by `change`.
fn asked(change: impl FnOnce(&mut Vec<u8>)) -> (Acceptor, Result<Step, oxwire_core::SecurityError>) {
    // ServerChallenge and MsvAvTimestamp of the recorded challenge.
    let mut entropy = |out: &mut [u8]| out.copy_from_slice(&[0x5c, 0x43, 0xbd, 0x89, 0xf2, 0x77, 0xf3, 0xf8]);
    let wall = FileTime::from_intervals(0x01dd_7960_6e8f_6910);
    let mut config = AcceptorConfig::new("OXPROBE");
    // As it was when this was recorded.
    config.version = None;
    let mut acceptor = Acceptor::new(config);
    let Step::Continue(challenge) = acceptor.step(Some(&token(NEGOTIATE)), wall, &mut entropy).unwrap() else {
        panic!("no challenge")
    };
    assert_eq!(challenge, token(CHALLENGE));
    let mut last = token(AUTHENTICATE);
    change(&mut last);
    assert!(matches!(acceptor.step(Some(&last), wall, &mut entropy), Ok(Step::Pending)));
    acceptor.answer(Verdict::NtHash(nt_hash("secret"))).unwrap();
    let verdict = acceptor.step(None, wall, &mut entropy);
    (acceptor, verdict)
}

/// Version was not negotiated: pyspnego leaves the field out of its last message, and the MIC stands at offset 64.
#[test]
fn pyspnego_puts_the_mic_where_version_would_be() {
    let (acceptor, verdict) = asked(|_| ());
    assert!(matches!(verdict, Ok(Step::Complete(_))), "{verdict:?} {:?}", acceptor.refusal());
}

#[test]
fn pyspnego_with_a_changed_mic_is_refused() {
    for at in 64..80 {
        let (acceptor, verdict) = asked(|last| last[at] ^= 1);
        assert!(verdict.is_err());
        assert_eq!(acceptor.refusal(), Some(Refusal::WrongMic), "byte {at}");
    }
}
