//! Nothing secret in `Debug`, errors, events or logs: everything that an exchange leaves behind is searched for what must not be in
//! it, in the forms in which it could stand there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

mod support;

use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oxwire_auth::client::ClientConfig;
use oxwire_auth::ntlm::{self, AcceptorConfig, ExtendedProtection};
use oxwire_auth::server::{Answer, ServerConfig, ServerEvent};
use oxwire_auth::spnego::{BoxedContext, MechType, Mechanism};
use oxwire_auth::{AuthScheme, ChannelBinding, Credentials, UserName, basic_value, challenges, token_value};
use oxwire_core::{Principal, SecretBytes, SecretString, SecurityContext, Step};
use support::toy::Toy;
use support::{Pair, WALL, entropy};

/// A password that stands in nothing else.
const PASSWORD: &str = "xyzzy-Pa55";
const TOKEN: &str = "bearer-of-secrets-0123456789";

/// A secret in each form in which it could be printed.
fn forms(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        String::from_utf8_lossy(secret).into_owned(),
        hex.to_uppercase(),
        hex,
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        format!("{secret:?}").trim_matches(['[', ']']).to_owned(),
    ];
    forms.retain(|form| form.len() > 3 && !form.contains('\u{fffd}'));
    forms
}

fn secrets() -> Vec<String> {
    let hash = ntlm::nt_hash(PASSWORD);
    let utf16: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let basic = format!("DOM\\alice:{PASSWORD}");
    let all = [PASSWORD.as_bytes(), TOKEN.as_bytes(), &utf16, basic.as_bytes(), hash.expose()];
    all.into_iter().flat_map(forms).collect()
}

fn clean(what: &str, text: &str) {
    for secret in secrets() {
        assert!(!text.contains(&secret), "{what}: {secret} in {text}");
    }
    // A token of a handshake: who has it guesses passwords against it.
    for prefix in ["TlRMTVNTUAAD", "NTLMSSP\0\u{3}", "4e544c4d5353500003"] {
        assert!(!text.contains(prefix), "{what}: an AUTHENTICATE_MESSAGE in {text}");
    }
}

fn shown(what: &str, value: &impl Debug) {
    clean(what, &format!("{value:?}"));
    clean(what, &format!("{value:#?}"));
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let basic = basic_value(&UserName::parse("DOM\\alice"), &PASSWORD.into(), oxwire_auth::Charset::Utf8).unwrap();
    let hash = ntlm::nt_hash(PASSWORD);
    for text in [format!("{PASSWORD:?}"), format!("{:?}", hash.expose()), basic.expose().to_owned()] {
        assert!(std::panic::catch_unwind(|| clean("test", &text)).is_err(), "{text}");
    }
}

#[test]
fn values_show_nothing() {
    shown("password", &Credentials::password("alice", PASSWORD));
    let hash = ntlm::nt_hash(PASSWORD);
    shown("hash", &Credentials::NtHash { user: "alice".into(), hash: hash.clone() });
    shown("token", &Credentials::Bearer(TOKEN.into()));
    shown("key", &hash);
    shown("bytes", &SecretBytes::from(hash.expose().as_slice()));
    shown("text", &SecretString::from(PASSWORD));
    shown("client", &ntlm::ClientConfig::new("alice".into(), PASSWORD));
    shown("mechanism", &Mechanism::ntlm_client(ntlm::ClientConfig::new("alice".into(), PASSWORD)));
    shown("answer", &oxwire_auth::server::Answer::UnknownUser);
}

/// The right secret is `PASSWORD`.
fn accept(event: &ServerEvent) -> Answer {
    let principal = Principal::new("alice");
    match event {
        ServerEvent::NtHashNeeded { .. } => Answer::NtHash { hash: ntlm::nt_hash(PASSWORD), principal },
        _ => Answer::Accept { principal },
    }
}

/// Whether the policy turns everybody away, since no binding is known.
fn bound(scheme: AuthScheme, policy: ExtendedProtection) -> bool {
    scheme.is_connection_bound() && policy == ExtendedProtection::Require
}

/// A whole exchange by each scheme, with the right secret and a wrong one, refused for its binding too: layers, contexts, events
/// and reasons at every step.
#[test]
fn exchanges_leave_nothing_behind() {
    let schemes = [AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Basic, AuthScheme::Bearer];
    for scheme in schemes {
        for (kerberos, right) in [(false, false), (false, true), (true, false)] {
            for policy in [ExtendedProtection::Off, ExtendedProtection::Require] {
                let mut server = ServerConfig::new("MBX1");
                server.schemes = vec![scheme];
                server.ntlm.extended_protection = policy;
                let mut client = ClientConfig::default();
                if kerberos {
                    server.outside_mechanisms = vec![MechType::KERBEROS];
                    client.outside_mechanisms = vec![MechType::KERBEROS];
                }
                shown("server's configuration", &server);
                shown("client's configuration", &client);
                let mut pair = Pair::new(client, server);
                pair.ticket = Some(|| -> BoxedContext { Toy::initiator(2) });
                pair.keytab = Some(|| -> BoxedContext { Toy::acceptor(2) });
                pair.answers.push_back(None);
                if right {
                    pair.verdict = accept;
                }
                pair.login(match scheme {
                    AuthScheme::Bearer => Credentials::Bearer(TOKEN.into()),
                    _ => Credentials::password("DOM\\alice", PASSWORD),
                });
                pair.send("POST", b"x");
                shown("client layer", &pair.client);
                pair.run();
                shown("client layer", &pair.client);
                shown("server layer", &pair.server);
                let accepted = right || (kerberos && scheme == AuthScheme::Negotiate);
                assert_eq!(!pair.served.is_empty(), accepted && !bound(scheme, policy), "{scheme} {kerberos} {right}");
                for event in &pair.client_events {
                    shown("client's event", event);
                }
                for event in &pair.server_events {
                    shown("server's event", event);
                }
                for reason in pair.refusals() {
                    clean("reason", &reason.to_string());
                }
                let failures = pair.client_events.iter().filter_map(|event| match event {
                    oxwire_auth::client::ClientEvent::Failed { reason, .. } => Some(reason.to_string()),
                    _ => None,
                });
                failures.for_each(|reason| clean("reason", &reason));
            }
        }
    }
}

#[test]
fn contexts_show_nothing_at_any_step() {
    let mut config = ntlm::ClientConfig::new("DOM\\alice".into(), PASSWORD);
    config.seal = true;
    config.binding = ChannelBinding::TlsExporter([7; 32]);
    let mut initiator = oxwire_auth::spnego::Initiator::new(vec![Mechanism::ntlm_client(config.clone())]);
    let mechanisms = vec![Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1"))];
    let mut acceptor = oxwire_auth::spnego::Acceptor::new(mechanisms, oxwire_auth::spnego::ListProtection::Required);
    let (mut client, mut server) = (ntlm::Client::new(config), ntlm::Acceptor::new(AcceptorConfig::new("MBX1")));
    let mut random = entropy(1);
    let mut token = None;
    for _ in 0..2 {
        let Ok(Step::Continue(next)) = initiator.step(token.as_deref(), WALL, &mut *random) else { panic!("a token") };
        let header = token_value("Negotiate", &next);
        shown("challenge", &challenges(header.as_bytes()).next().unwrap());
        shown("initiator", &initiator);
        token = match acceptor.step(Some(&next), WALL, &mut *random) {
            Ok(Step::Continue(next)) => Some(next),
            Ok(Step::Pending) => {
                acceptor.ntlm().unwrap().answer(ntlm::Verdict::NtHash(ntlm::nt_hash(PASSWORD))).unwrap();
                shown("acceptor, answered", &acceptor.ntlm().unwrap());
                acceptor.step(None, WALL, &mut *random).unwrap();
                None
            }
            other => panic!("{other:?}"),
        };
        shown("acceptor", &acceptor);
    }
    let Ok(Step::Continue(negotiate)) = client.step(None, WALL, &mut *random) else { panic!("a token") };
    let Ok(Step::Continue(challenge)) = server.step(Some(&negotiate), WALL, &mut *random) else { panic!("a token") };
    let Ok(Step::Complete(Some(last))) = client.step(Some(&challenge), WALL, &mut *random) else { panic!("a token") };
    server.step(Some(&last), WALL, &mut *random).unwrap();
    shown("NTLM's client", &client);
    shown("NTLM's acceptor", &server);
    shown("NTLM's question", &server.question());
    let key = client.session_key().unwrap();
    assert!(!format!("{client:?}{initiator:?}").contains(&forms(key.expose())[0]));
    shown("session key", &key);
}
