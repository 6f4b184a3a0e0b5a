//! What needs no KDC: order of calls, and the helper's lines. The rest is in tests/interop, against MIT's KDC.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use std::io::Write;
use std::process::{Command, Stdio};

use oxwire_auth::ChannelBinding;
use oxwire_core::{FileTime, SecurityContext, SecurityError};
use oxwire_gssapi::{Acceptor, Initiator};

const WALL: FileTime = FileTime::from_intervals(0);

fn step(context: &mut dyn SecurityContext, token: Option<&[u8]>) -> SecurityError {
    context.step(token, WALL, &mut |_: &mut [u8]| ()).unwrap_err()
}

#[test]
fn the_order_of_calls_is_kept() {
    let mut initiator = Initiator::new("HTTP/localhost", &ChannelBinding::None);
    assert!(matches!(step(&mut initiator, Some(b"token")), SecurityError::Misuse(_)));
    let mut acceptor = Acceptor::new(&ChannelBinding::None);
    assert!(matches!(step(&mut acceptor, None), SecurityError::Misuse(_)));
    assert!(!acceptor.is_complete() && !acceptor.is_bound() && !acceptor.can_sign());
    assert!(matches!(acceptor.sign(&[b"data"], &mut Vec::new()), Err(SecurityError::Misuse(_))));
    assert!(matches!(acceptor.seal(&mut [], &mut Vec::new()), Err(SecurityError::Misuse(_))));
    assert_eq!(acceptor.sealed_signature_len(), 0);
    assert!(acceptor.session_key().is_none() && acceptor.peer_name().is_none());
}

/// Lines in, lines out, with neither tickets nor keys at hand.
fn helper(lines: &str) -> Vec<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oxwire-gssapi-helper"))
        .env("KRB5CCNAME", "FILE:/nonexistent")
        .env("KRB5_KTNAME", "FILE:/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_helper_answers_each_line() {
    let odd = "error a line that is not understood";
    assert_eq!(helper("step -\nwhat\n\ninitiate x zz\n"), [odd; 4]);
    let answers = helper("initiate HTTP/localhost -\ninitiate HTTP/localhost -\nstep -\nsign 00\n");
    assert_eq!(answers.get(..2).unwrap(), ["ok", odd]);
    assert!(answers.iter().skip(2).all(|answer| answer.starts_with("error ")), "{answers:?}");
    let answers = helper("initiate-dce HTTP/localhost -\nseal +00\nunseal 00 +00\nseal 00\n");
    assert_eq!(answers.first().unwrap(), "ok");
    assert!(answers.iter().skip(1).all(|answer| answer.starts_with("error ")), "{answers:?}");
    assert_eq!(answers.last().unwrap(), odd, "a part says whether it is sealed");
    let answers = helper("accept 746c732d756e697175653a01\nstep 6000\nstep 0\n");
    assert_eq!(answers.first().unwrap(), "ok");
    assert!(answers.iter().skip(1).all(|answer| answer.starts_with("error ")), "{answers:?}");
}
