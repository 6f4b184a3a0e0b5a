//! Client layer against server layer: every scheme, the Extended Protection table, what goes wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests, which may fail and begin at some point of time"
)]

mod support;

use oxwire_auth::client::{ClientEvent, FailReason};
use oxwire_auth::ntlm::{ExtendedProtection, Refusal};
use oxwire_auth::server::{RefuseReason, ServerEvent};
use oxwire_auth::{AuthScheme, BindingKind, ChannelBinding, Credentials};
use support::{Outcome, PASSWORD, Pair};

fn ok(body: &[u8]) -> Outcome {
    Outcome::Status(200, body.to_vec())
}

#[test]
fn ntlm_authenticates_the_connection_with_a_bodiless_leg() {
    let mut pair = Pair::with(&[AuthScheme::Ntlm]);
    pair.login(Credentials::password("DOM\\alice", PASSWORD));
    assert_eq!(pair.post(b"first"), ok(b"first"));
    assert_eq!(pair.post(b"second"), ok(b"second"));
    assert_eq!(pair.requests, ["POST 5 -", "POST 0 NTLM", "POST 5 NTLM", "POST 6 -"]);
    assert_eq!(pair.served.iter().map(|(p, _)| p.as_ref().unwrap().name()).collect::<Vec<_>>(), ["alice", "alice"]);
    assert!(matches!(pair.client_events[0], ClientEvent::SchemeChosen { scheme: AuthScheme::Ntlm, .. }));
    assert!(matches!(pair.client_events[1], ClientEvent::Authenticated { scheme: AuthScheme::Ntlm, .. }));
    assert_eq!(pair.client_events.len(), 2);
}

#[test]
fn basic_goes_with_each_request() {
    let mut pair = Pair::with(&[AuthScheme::Basic]);
    pair.login(Credentials::password("alice", PASSWORD));
    assert_eq!(pair.post(b"first"), ok(b"first"));
    assert_eq!(pair.post(b"second"), ok(b"second"));
    assert_eq!(pair.requests, ["POST 5 -", "POST 5 Basic", "POST 6 Basic"]);
}

#[test]
fn bearer_goes_with_each_request() {
    let mut pair = Pair::with(&[AuthScheme::Bearer, AuthScheme::Ntlm]);
    pair.login(Credentials::Bearer("good-token".into()));
    assert_eq!(pair.post(b"first"), ok(b"first"));
    assert_eq!(pair.requests, ["POST 5 -", "POST 5 Bearer"]);
}

#[test]
fn a_wrong_password_is_not_tried_twice_and_names_both_likely_causes() {
    let mut pair = Pair::with(&[AuthScheme::Ntlm, AuthScheme::Basic]);
    pair.login(Credentials::password("DOM\\alice", "wrong"));
    pair.answers.push_back(None);
    assert_eq!(pair.post(b"x").clone(), Outcome::Status(401, vec![]));
    assert_eq!(pair.requests, ["POST 1 -", "POST 0 NTLM", "POST 1 NTLM"]);
    assert_eq!(pair.refusals(), [RefuseReason::Ntlm(Refusal::WrongProof)]);
    let failed = pair.client_events.iter().find_map(|event| match event {
        ClientEvent::Failed { reason, .. } => Some(reason.to_string()),
        _ => None,
    });
    let failed = failed.unwrap();
    assert!(failed.contains("password is wrong") && failed.contains("channel binding"), "{failed}");
}

#[test]
fn new_credentials_go_on_with_the_same_request() {
    let mut pair = Pair::with(&[AuthScheme::Ntlm]);
    pair.login(Credentials::password("DOM\\alice", "wrong"));
    pair.answers.push_back(Some(Credentials::password("DOM\\alice", PASSWORD)));
    assert_eq!(pair.post(b"x"), ok(b"x"));
    let asked = pair.client_events.iter().find_map(|event| match event {
        ClientEvent::CredentialsNeeded { after, .. } => Some(after.clone()),
        _ => None,
    });
    assert_eq!(asked.unwrap(), Some(FailReason::Rejected { binding: BindingKind::None }));
}

/// [MS-NLMP] 3.2.5.1.2 and the three policies: client's binding × policy × server's binding.
#[test]
fn extended_protection_table() {
    use ExtendedProtection::{Allow, Off, Require};
    let a = || ChannelBinding::TlsServerEndPoint(vec![1; 32].into());
    let b = || ChannelBinding::TlsServerEndPoint(vec![2; 32].into());
    let none = || ChannelBinding::None;
    let elsewhere = || ChannelBinding::EndsElsewhere;
    let exporter = || ChannelBinding::TlsExporter([7; 32]);
    for (client, policy, server, expected) in [
        (none(), Off, a(), Ok(BindingKind::None)),
        (a(), Off, a(), Ok(BindingKind::None)),
        (b(), Off, a(), Ok(BindingKind::None)),
        (none(), Allow, a(), Ok(BindingKind::None)),
        (elsewhere(), Allow, a(), Ok(BindingKind::None)),
        (a(), Allow, a(), Ok(BindingKind::TlsServerEndPoint)),
        (b(), Allow, a(), Err(Refusal::BindingMismatch)),
        (exporter(), Allow, a(), Err(Refusal::BindingMismatch)),
        (a(), Allow, none(), Ok(BindingKind::None)),
        (a(), Allow, elsewhere(), Ok(BindingKind::None)),
        (none(), Require, a(), Err(Refusal::NoBindingSent)),
        (elsewhere(), Require, a(), Err(Refusal::NoBindingSent)),
        (a(), Require, a(), Ok(BindingKind::TlsServerEndPoint)),
        (b(), Require, a(), Err(Refusal::BindingMismatch)),
        (exporter(), Require, exporter(), Ok(BindingKind::TlsExporter)),
        (a(), Require, none(), Err(Refusal::BindingUnknown)),
        (a(), Require, elsewhere(), Err(Refusal::BindingUnknown)),
        (none(), Require, none(), Err(Refusal::BindingUnknown)),
    ] {
        let case = format!("{client:?} {policy:?} {server:?}");
        let mut pair = Pair::extended(client, policy, server);
        pair.answers.push_back(None);
        match (pair.post(b"x"), expected) {
            (Outcome::Status(200, _), Ok(binding)) => {
                let told = pair.server_events.iter().find_map(|event| match event {
                    ServerEvent::Authenticated { binding, .. } => Some(*binding),
                    _ => None,
                });
                assert_eq!(told, Some(binding), "{case}");
            }
            (Outcome::Status(401, _), Err(refusal)) => {
                assert_eq!(pair.refusals(), [RefuseReason::Ntlm(refusal)], "{case}");
            }
            (outcome, expected) => panic!("{case}: expected {expected:?}, came {outcome:?}"),
        }
    }
}

/// Where bodies are cut on the way carries no meaning: the same outcome, principals and bodies, whatever the scheme.
#[test]
fn any_cut_of_the_bodies_gives_the_same() {
    let body: Vec<u8> = (0..200).collect();
    for (scheme, credentials) in [
        (AuthScheme::Ntlm, Credentials::password("DOM\\alice", PASSWORD)),
        (AuthScheme::Basic, Credentials::password("alice", PASSWORD)),
        (AuthScheme::Bearer, Credentials::Bearer("good-token".into())),
    ] {
        for piece in [1, 2, 3, 7, 64, 199, 200, 1000] {
            let mut pair = Pair::with(&[scheme]);
            pair.piece = piece;
            pair.login(credentials.clone());
            assert_eq!(pair.post(&body), ok(&body), "{scheme} {piece}");
            assert_eq!(pair.post(&[]), ok(&[]), "{scheme} {piece}");
            let served: Vec<_> = pair.served.iter().map(|(p, b)| (p.as_ref().unwrap().name(), b.len())).collect();
            assert_eq!(served, [("alice", 200), ("alice", 0)], "{scheme} {piece}");
        }
    }
}

#[test]
fn three_spellings_of_a_user_are_one_principal() {
    for user in ["DOM\\alice", "ALICE@mail.test", "alice", "DOM\\Alice"] {
        let mut pair = Pair::with(&[AuthScheme::Ntlm]);
        pair.login(Credentials::password(user, PASSWORD));
        assert_eq!(pair.post(b"x"), ok(b"x"), "{user}");
        assert_eq!(pair.served[0].0.as_ref().unwrap().name(), "alice", "{user}");
    }
}
