//! Negotiate between a client layer and a server layer: NTLM inside, a mechanism of the caller's, what goes wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail")]

mod support;

use std::time::Duration;

use oxwire_auth::client::{ClientConfig, ClientEvent, FailReason, LastToken};
use oxwire_auth::ntlm::{ExtendedProtection, Refusal};
use oxwire_auth::server::{RefuseReason, ServerConfig, ServerEvent};
use oxwire_auth::spnego::{self, BoxedContext, MechType};
use oxwire_auth::{AuthScheme, BindingKind, ChannelBinding, Credentials};
use oxwire_http::{ResponseHead, name};
use support::toy::Toy;
use support::{Outcome, PASSWORD, Pair};

fn ok(body: &[u8]) -> Outcome {
    Outcome::Status(200, body.to_vec())
}

/// Kerberos in front of NTLM at either end, as far as it is asked for.
fn pair(client_kerberos: bool, server_kerberos: bool) -> Pair {
    let mut client = ClientConfig::default();
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate];
    if client_kerberos {
        client.outside_mechanisms = vec![MechType::KERBEROS];
    }
    if server_kerberos {
        server.outside_mechanisms = vec![MechType::KERBEROS];
    }
    with(client, server)
}

fn with(client: ClientConfig, server: ServerConfig) -> Pair {
    let mut pair = Pair::new(client, server);
    pair.login(Credentials::password("DOM\\alice", PASSWORD));
    pair.ticket = Some(ticket::<2>);
    pair.keytab = Some(keytab::<2>);
    pair
}

/// Makes a mechanism's context.
type Make = fn() -> BoxedContext;

fn ticket<const LEGS: u8>() -> BoxedContext {
    Toy::initiator(LEGS)
}

fn keytab<const LEGS: u8>() -> BoxedContext {
    Toy::acceptor(LEGS)
}

fn bound() -> BoxedContext {
    let mut toy = Toy::acceptor(2);
    toy.bound = true;
    toy
}

/// Mechanism, binding and last token of the client's event.
fn authenticated(pair: &Pair) -> Option<(Option<MechType>, BindingKind, LastToken)> {
    pair.client_events.iter().find_map(|event| match event {
        ClientEvent::Authenticated { scheme: AuthScheme::Negotiate, mechanism, binding, last_token, .. } => {
            Some((*mechanism, *binding, *last_token))
        }
        _ => None,
    })
}

fn failures(pair: &Pair) -> Vec<FailReason> {
    let reason = |event: &ClientEvent| match event {
        ClientEvent::Failed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    pair.client_events.iter().filter_map(reason).collect()
}

fn no_token(head: ResponseHead) -> ResponseHead {
    if head.status() == 200 { head.to_builder().without(name::WWW_AUTHENTICATE).response().unwrap() } else { head }
}

#[test]
fn ntlm_inside_authenticates_the_connection() {
    let mut pair = pair(false, false);
    assert_eq!(pair.post(b"first"), ok(b"first"));
    assert_eq!(pair.post(b"second"), ok(b"second"));
    assert_eq!(pair.requests, ["POST 5 -", "POST 0 Negotiate", "POST 5 Negotiate", "POST 6 -"]);
    assert_eq!(authenticated(&pair), Some((Some(MechType::NTLM), BindingKind::None, LastToken::Verified)));
    assert!(matches!(
        &pair.client_events[..],
        [
            ClientEvent::SchemeChosen { scheme: AuthScheme::Negotiate, .. },
            ClientEvent::MechanismChosen { mechanism: MechType::NTLM, instead_of: None, .. },
            ClientEvent::Authenticated { .. },
        ]
    ));
    assert!(pair.server_events.iter().any(|event| matches!(
        event,
        ServerEvent::Authenticated { scheme: AuthScheme::Negotiate, mechanism: Some(MechType::NTLM), .. }
    )));
}

#[test]
fn kerberos_rides_on_the_request_itself() {
    let mut pair = pair(true, true);
    assert_eq!(pair.post(b"first"), ok(b"first"));
    assert_eq!(pair.post(b"second"), ok(b"second"));
    assert_eq!(pair.requests, ["POST 5 -", "POST 5 Negotiate", "POST 6 -"]);
    assert_eq!(authenticated(&pair), Some((Some(MechType::KERBEROS), BindingKind::None, LastToken::Verified)));
    assert_eq!(pair.served[0].0.as_ref().unwrap().name(), "alice");
}

/// [MS-N2HT] 3.2.5: without `Persistent-Auth: true` Kerberos authenticates one request, and IIS says so by default.
#[test]
fn iis_authenticates_each_request_by_kerberos() {
    for drop_it in [true, false] {
        let mut pair = pair(true, true);
        pair.on_response = if drop_it {
            |head| head.to_builder().without(name::PERSISTENT_AUTH).response().unwrap()
        } else {
            |head| head.to_builder().set(name::PERSISTENT_AUTH, "False").response().unwrap()
        };
        assert_eq!(pair.post(b"first"), ok(b"first"));
        assert_eq!(pair.post(b"second"), ok(b"second"));
        assert_eq!(pair.requests, ["POST 5 -", "POST 5 Negotiate", "POST 6 Negotiate"]);
        let told = pair.client_events.iter().filter(|e| matches!(e, ClientEvent::Authenticated { .. })).count();
        assert_eq!(told, 1, "once a connection");
    }
}

#[test]
fn without_a_ticket_ntlm_is_what_is_offered() {
    let mut pair = pair(true, true);
    pair.ticket = None;
    assert_eq!(pair.post(b"x"), ok(b"x"));
    assert_eq!(pair.requests, ["POST 1 -", "POST 0 Negotiate", "POST 1 Negotiate"]);
    let skipped = pair.client_events.iter().find_map(|event| match event {
        ClientEvent::MechanismChosen { mechanism: MechType::NTLM, skipped, .. } => Some(skipped.clone()),
        _ => None,
    });
    let skipped = skipped.unwrap();
    assert_eq!(skipped[0].0, MechType::KERBEROS);
    assert!(skipped[0].1.contains("no ticket"));
}

#[test]
fn a_server_without_kerberos_falls_back_by_an_event() {
    let mut pair = pair(true, false);
    assert_eq!(pair.post(b"x"), ok(b"x"));
    assert_eq!(pair.requests, ["POST 1 -", "POST 1 Negotiate", "POST 0 Negotiate", "POST 1 Negotiate"]);
    assert!(pair.client_events.iter().any(|event| matches!(
        event,
        ClientEvent::MechanismChosen { mechanism: MechType::NTLM, instead_of: Some(MechType::KERBEROS), .. }
    )));
    assert_eq!(authenticated(&pair), Some((Some(MechType::NTLM), BindingKind::None, LastToken::Verified)));
}

/// The server prefers Kerberos, which the client has not: a MIC is asked for, and given.
#[test]
fn a_server_that_prefers_kerberos_gets_its_mic() {
    let mut pair = pair(false, true);
    assert_eq!(pair.post(b"x"), ok(b"x"));
    assert_eq!(authenticated(&pair), Some((Some(MechType::NTLM), BindingKind::None, LastToken::Verified)));
}

/// A mechanism whose last token is the server's, and a list to protect: one more leg, and the caller is asked once.
#[test]
fn the_list_is_proved_after_the_mechanism_is_through() {
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate];
    // What the client calls second best is the only thing that the server has.
    server.outside_mechanisms = vec![MechType::NEGOEX];
    server.negotiate_ntlm = false;
    let mut client = ClientConfig::default();
    client.outside_mechanisms = vec![MechType::KERBEROS, MechType::NEGOEX];
    let ends: [(Make, Make); 4] = [
        (ticket::<1>, keytab::<1>),
        (ticket::<2>, keytab::<2>),
        (ticket::<3>, keytab::<3>),
        (ticket::<4>, keytab::<4>),
    ];
    for (ticket, keytab) in ends {
        let mut pair = with(client.clone(), server.clone());
        (pair.ticket, pair.keytab) = (Some(ticket), Some(keytab));
        assert_eq!(pair.post(b"x"), ok(b"x"), "{:?}", pair.client_events);
        assert!(authenticated(&pair).is_some(), "{:?}", pair.client_events);
        assert_eq!(pair.served.len(), 1);
    }
}

/// gromox answers 200 after SPNEGO without the last token: that is accepted, and told; who does not want it says so.
#[test]
fn gromox_answers_200_without_a_last_token() {
    let mut pair = pair(false, false);
    pair.on_response = no_token;
    assert_eq!(pair.post(b"x"), ok(b"x"));
    assert_eq!(authenticated(&pair), Some((Some(MechType::NTLM), BindingKind::None, LastToken::Missing)));
    assert_eq!(pair.post(b"y"), ok(b"y"), "the connection is authenticated");

    let mut client = ClientConfig::default();
    client.require_last_token = true;
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate];
    let mut pair = with(client, server);
    pair.on_response = no_token;
    assert!(matches!(pair.post(b"x"), Outcome::Reset(_)));
    assert_eq!(failures(&pair), [FailReason::Negotiate(spnego::Refusal::EndedEarly(MechType::NTLM))]);
}

/// Whoever answers with a last token of his own has not taken part: the answer does not reach the machine.
#[test]
fn a_wrong_last_token_ends_the_connection() {
    for (value, client_kerberos) in [
        // accept-completed with a MIC of zeros.
        ("Negotiate oRkwF6ADCgEAoxAEDgAAAAAAAAAAAAAAAAAA", false),
        // reject.
        ("Negotiate oQcwBaADCgEC", false),
        ("Negotiate oQcwBaADCgEC", true),
        // A token that is none of the mechanism's.
        ("Negotiate oQ8wDaADCgEAogYEBG5vbmU=", true),
    ] {
        let mut pair = pair(client_kerberos, client_kerberos);
        pair.on_response = match value {
            "Negotiate oRkwF6ADCgEAoxAEDgAAAAAAAAAAAAAAAAAA" => {
                |head| swap(head, "Negotiate oRkwF6ADCgEAoxAEDgAAAAAAAAAAAAAAAAAA")
            }
            "Negotiate oQcwBaADCgEC" => |head| swap(head, "Negotiate oQcwBaADCgEC"),
            _ => |head| swap(head, "Negotiate oQ8wDaADCgEAogYEBG5vbmU="),
        };
        assert!(matches!(pair.post(b"x"), Outcome::Reset(_)), "{value}");
        assert!(matches!(failures(&pair)[..], [FailReason::Negotiate(_)]), "{value}: {:?}", failures(&pair));
        assert_eq!(authenticated(&pair), None, "{value}");
    }
}

fn swap(head: ResponseHead, value: &str) -> ResponseHead {
    if head.status() == 200 { head.to_builder().set(name::WWW_AUTHENTICATE, value).response().unwrap() } else { head }
}

#[test]
fn a_wrong_password_is_told_once_and_tried_by_no_other_scheme() {
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Basic];
    let mut pair = with(ClientConfig::default(), server);
    pair.login(Credentials::password("DOM\\alice", "wrong"));
    pair.answers.push_back(None);
    assert_eq!(pair.post(b"x"), Outcome::Status(401, vec![]));
    assert_eq!(pair.requests, ["POST 1 -", "POST 0 Negotiate", "POST 1 Negotiate"]);
    assert_eq!(pair.refusals(), [RefuseReason::Ntlm(Refusal::WrongProof)]);
    assert_eq!(failures(&pair)[0], FailReason::Rejected { binding: BindingKind::None });
}

/// Negotiate without a common mechanism proves nobody: NTLM is next, and an event says what it comes after.
#[test]
fn a_scheme_that_comes_to_nothing_gives_way_by_an_event() {
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm];
    server.outside_mechanisms = vec![MechType::KERBEROS];
    server.negotiate_ntlm = false;
    let mut pair = with(ClientConfig::default(), server);
    assert_eq!(pair.post(b"x"), ok(b"x"));
    assert_eq!(pair.requests, ["POST 1 -", "POST 0 Negotiate", "POST 0 NTLM", "POST 1 NTLM"]);
    assert_eq!(failures(&pair), [FailReason::Negotiate(spnego::Refusal::Rejected)]);
    assert!(pair.client_events.iter().any(|event| matches!(
        event,
        ClientEvent::SchemeChosen { scheme: AuthScheme::Ntlm, downgrade_from: Some(AuthScheme::Negotiate), .. }
    )));
    let offered = RefuseReason::Negotiate(spnego::Refusal::NoCommonMechanism { offered: "NTLM".into() });
    assert_eq!(pair.refusals(), [offered]);
    assert_eq!(pair.post(b"y"), ok(b"y"));
}

#[test]
fn nothing_to_offer_is_told() {
    let mut pair = pair(true, true);
    pair.login(Credentials::Outside { user: None });
    pair.ticket = None;
    assert_eq!(pair.post(b"x"), Outcome::Status(401, vec![]));
    assert!(matches!(
        &failures(&pair)[..],
        [FailReason::Negotiate(spnego::Refusal::NothingToOffer(why))] if why.contains("no ticket")
    ));
    // Without NTLM in it, nothing proves a password.
    assert_eq!(pair.requests, ["POST 1 -"]);
}

#[test]
fn a_server_without_a_keytab_refuses_with_the_reason() {
    let mut pair = pair(true, true);
    pair.keytab = None;
    pair.answers.push_back(None);
    assert_eq!(pair.post(b"x"), Outcome::Status(401, vec![]));
    assert!(matches!(
        &pair.refusals()[..],
        [RefuseReason::Negotiate(spnego::Refusal::Mechanism { mech: MechType::KERBEROS, reason })]
            if reason.contains("no ticket")
    ));
}

#[test]
fn calls_that_nobody_brings_back_have_an_end() {
    let mut pair = pair(true, true);
    pair.no_calls = true;
    pair.send("POST", b"x");
    pair.run();
    assert_eq!(pair.try_outcome(), None, "the request waits");
    pair.pass(Duration::from_secs(300));
    assert_eq!(pair.try_outcome(), Some(Outcome::Status(401, vec![])));
    assert_eq!(failures(&pair), [FailReason::CallTimeout]);
}

/// Without the channel binding no call goes out: Kerberos puts it into its first token.
#[test]
fn a_call_waits_for_the_channel_binding() {
    let mut client = ClientConfig::default();
    client.outside_mechanisms = vec![MechType::KERBEROS];
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate];
    server.outside_mechanisms = vec![MechType::KERBEROS];
    let mut pair = with(client, server);
    let target = pair.target();
    pair.client.assume_scheme(target, AuthScheme::Negotiate);
    pair.client_binding = ChannelBinding::TlsServerEndPoint(vec![1; 32].into());
    assert_eq!(pair.post(b"x"), ok(b"x"));
    assert_eq!(pair.requests, ["POST 1 Negotiate"], "assumed");
    let binding = authenticated(&pair).unwrap().1;
    assert_eq!(binding, BindingKind::TlsServerEndPoint);
}

/// The three policies by way of Negotiate, with NTLM inside: as by NTLM itself.
#[test]
fn extended_protection_inside_of_negotiate() {
    use ExtendedProtection::{Allow, Off, Require};
    let a = || ChannelBinding::TlsServerEndPoint(vec![1; 32].into());
    let b = || ChannelBinding::TlsServerEndPoint(vec![2; 32].into());
    let none = || ChannelBinding::None;
    for (client, policy, server, expected) in [
        (b(), Off, a(), Ok(BindingKind::None)),
        (none(), Allow, a(), Ok(BindingKind::None)),
        (a(), Allow, a(), Ok(BindingKind::TlsServerEndPoint)),
        (b(), Allow, a(), Err(Refusal::BindingMismatch)),
        (none(), Require, a(), Err(Refusal::NoBindingSent)),
        (a(), Require, a(), Ok(BindingKind::TlsServerEndPoint)),
        (a(), Require, none(), Err(Refusal::BindingUnknown)),
    ] {
        let case = format!("{client:?} {policy:?} {server:?}");
        let mut config = ServerConfig::new("MBX1");
        config.schemes = vec![AuthScheme::Negotiate];
        config.ntlm.extended_protection = policy;
        let mut pair = with(ClientConfig::default(), config);
        (pair.client_binding, pair.server_binding) = (client, server);
        pair.answers.push_back(None);
        let outcome = pair.post(b"x");
        match expected {
            Ok(binding) => {
                assert_eq!(outcome, ok(b"x"), "{case}");
                assert!(
                    pair.server_events
                        .iter()
                        .any(|event| matches!(event, ServerEvent::Authenticated { binding: b, .. } if *b == binding)),
                    "{case}"
                );
            }
            Err(refusal) => {
                assert_eq!(outcome, Outcome::Status(401, vec![]), "{case}");
                assert_eq!(pair.refusals(), [RefuseReason::Ntlm(refusal)], "{case}");
            }
        }
    }
}

#[test]
fn extended_protection_of_a_mechanism_of_the_callers() {
    let known = || ChannelBinding::TlsServerEndPoint(vec![1; 32].into());
    for (proved, binding, expected) in [
        (true, known(), None),
        (false, known(), Some(RefuseReason::NotBound { mechanism: MechType::KERBEROS })),
        (true, ChannelBinding::None, Some(RefuseReason::Ntlm(Refusal::BindingUnknown))),
    ] {
        let mut config = ServerConfig::new("MBX1");
        config.schemes = vec![AuthScheme::Negotiate];
        config.outside_mechanisms = vec![MechType::KERBEROS];
        config.ntlm.extended_protection = ExtendedProtection::Require;
        let mut client = ClientConfig::default();
        client.outside_mechanisms = vec![MechType::KERBEROS];
        let mut pair = with(client, config);
        (pair.client_binding, pair.server_binding) = (binding.clone(), binding);
        pair.keytab = Some(if proved { bound } else { keytab::<2> });
        pair.answers.push_back(None);
        match (pair.post(b"x"), expected) {
            (Outcome::Status(200, _), None) => {}
            (Outcome::Status(401, _), Some(reason)) => assert_eq!(pair.refusals(), [reason]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn http2_gets_a_clear_error() {
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm];
    let mut pair = with(ClientConfig::default(), server);
    let conn = pair.connect();
    pair.client.set_multiplexed(conn).unwrap();
    assert_eq!(pair.post(b"x"), Outcome::Status(401, vec![]));
    assert_eq!(failures(&pair), [FailReason::NeedsHttp11]);
    assert!(failures(&pair)[0].to_string().contains("HTTP/1.1"));

    // The server's end of such a connection offers neither, and says why it takes neither.
    let mut server = ServerConfig::new("MBX1");
    server.schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Basic];
    let mut pair = with(ClientConfig::default(), server);
    let conn = pair.connect();
    pair.server.set_multiplexed(conn).unwrap();
    let target = pair.target();
    pair.client.assume_scheme(target, AuthScheme::Ntlm);
    assert!(matches!(pair.post(b"x"), Outcome::Status(401, _)));
    assert_eq!(pair.refusals(), [RefuseReason::NeedsHttp11(AuthScheme::Ntlm)]);
}

#[test]
fn a_channel_sends_its_body_once_authentication_is_through() {
    let mut pair = pair(true, true);
    pair.send("RPC_IN_DATA", b"PDUs");
    pair.run();
    assert_eq!(pair.try_outcome(), Some(ok(b"PDUs")));
    // Asked without a body; the token of a mechanism that may yet be refused by a leg; the channel itself.
    assert_eq!(pair.requests, ["RPC_IN_DATA 0 -", "RPC_IN_DATA 0 Negotiate", "RPC_IN_DATA 4 -"]);
}

/// Where bodies are cut on the way carries no meaning.
#[test]
fn any_cut_of_the_bodies_gives_the_same() {
    let body: Vec<u8> = (0..200).collect();
    for (client, server) in [(false, false), (true, true), (true, false), (false, true)] {
        for piece in [1, 3, 64, 200, 1000] {
            let mut pair = pair(client, server);
            pair.piece = piece;
            assert_eq!(pair.post(&body), ok(&body), "{client} {server} {piece}");
            assert_eq!(pair.post(&[]), ok(&[]), "{client} {server} {piece}");
            assert_eq!(pair.served.len(), 2);
        }
    }
}
