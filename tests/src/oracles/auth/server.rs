//! The server layer by operation sequences.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::auth::ntlm::{Client, ClientConfig, ExtendedProtection, nt_hash};
use oxwire::auth::server::{Answer, QuestionHandle, ServerConfig, ServerEvent, ServerLayer};
use oxwire::auth::spnego::{Initiator, ListProtection, MechType, Mechanism};
use oxwire::auth::{AuthScheme, ChannelBinding, Charset, UserName, basic_value, challenges, token_value};
use oxwire::core::{ConnectionId, Error, Principal, SecurityContext, Step};
use oxwire::http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead};

use super::kerberos::Ticket;
use super::{PASSWORD, Script, WALL, entropy};

/// An honest client's context, its scheme, and what it says next.
type Honest = (Box<dyn SecurityContext>, &'static str, Option<String>);

struct Fuzz {
    now: Instant,
    layer: ServerLayer,
    /// By connection.
    clients: HashMap<ConnectionId, Honest>,
    questions: Vec<QuestionHandle>,
    calls: Vec<QuestionHandle>,
}

/// A client of NTLM by itself, or one of SPNEGO with NTLM, Kerberos, or both in one of the two orders.
fn honest(kind: u8) -> Box<dyn SecurityContext> {
    let mut config = ClientConfig::new(UserName::parse("DOM\\alice"), PASSWORD);
    config.seal = kind & 8 != 0;
    if kind & 32 == 0 {
        return Box::new(Client::new(config));
    }
    config.sign = true;
    let ntlm = || Mechanism::ntlm_client(config.clone());
    let kerberos = || Mechanism::new(MechType::KERBEROS, Ticket::initiator("alice@MAIL.TEST"));
    Box::new(Initiator::new(match kind >> 3 & 3 {
        0 => vec![ntlm()],
        1 => vec![kerberos()],
        2 => vec![kerberos(), ntlm()],
        _ => vec![ntlm(), kerberos()],
    }))
}

impl Fuzz {
    fn authorization(&mut self, conn: ConnectionId, kind: u8, script: &mut Script<'_>) -> Option<Vec<u8>> {
        let password = |text: &str| {
            let value = basic_value(&"alice".into(), &text.into(), Charset::Utf8);
            value.expect("plain letters").expose().as_bytes().to_vec()
        };
        match kind % 8 {
            0 => None,
            1 => {
                let mut client = honest(kind);
                let Ok(Step::Continue(token)) = client.step(None, WALL, &mut *entropy()) else { return None };
                // Windows with NTLM alone says it under either name.
                let scheme = if kind & 48 != 0 { "Negotiate" } else { "NTLM" };
                self.clients.insert(conn, (client, scheme, None));
                Some(token_value(scheme, &token).into_bytes())
            }
            2 | 3 => self.clients.get_mut(&conn)?.2.take().map(String::into_bytes),
            4 => Some(password(PASSWORD)),
            5 => Some(b"Bearer token".to_vec()),
            6 => Some(b"Bearer".to_vec()),
            _ => Some(script.piece().to_vec()),
        }
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.layer.poll_transmit(self.now) {
            let HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Response(head)) } = transmit else { continue };
            let Some((client, scheme, next)) = self.clients.get_mut(&conn) else { continue };
            let challenge =
                head.fields().all("WWW-Authenticate").flat_map(challenges).find_map(|c| c.token_bytes(9_999));
            if let Some(challenge) = challenge
                && let Ok(Step::Complete(Some(token)) | Step::Continue(token)) =
                    client.step(Some(&challenge), WALL, &mut *entropy())
            {
                *next = Some(token_value(scheme, &token));
            }
        }
        while let Some(delivery) = self.layer.poll_deliver() {
            let name = delivery.principal.as_ref().map(Principal::name);
            assert_ne!(name, Some("nobody"), "a wrong hash lets nobody in");
            assert!(name.is_some() || matches!(delivery.event, HttpEvent::Reset(_)), "{delivery:?}");
        }
        while let Some(event) = self.layer.poll_event() {
            assert!(!format!("{event:?}").contains(PASSWORD));
            match event {
                ServerEvent::NtHashNeeded { handle, .. }
                | ServerEvent::PasswordNeeded { handle, .. }
                | ServerEvent::PrincipalNeeded { handle, .. }
                | ServerEvent::TokenNeeded { handle, .. } => self.questions.push(handle),
                ServerEvent::MechanismNeeded { handle, .. } => self.calls.push(handle),
                _ => {}
            }
        }
    }

    /// Runs a call, late and twice too, or says that there is no keytab.
    fn call(&mut self, arg: u8) -> Result<(), Error> {
        let handle = self.calls.get(usize::from(arg >> 4)).or(self.calls.last()).copied();
        let Some((handle, call)) = handle.and_then(|handle| Some((handle, self.layer.take_call(handle)?))) else {
            return Ok(());
        };
        let reply = match arg & 3 {
            0 => call.call.unavailable("no keytab"),
            _ if call.call.needs_context() => call.call.with_context(Ticket::acceptor()).run(WALL, &mut *entropy()),
            _ => call.call.run(WALL, &mut *entropy()),
        };
        self.layer.finish_call(self.now, handle, reply)
    }
}

/// Any order of calls: an error is always the caller's own (`Misuse`), nothing reaches the machine without a principal, a wrong
/// hash lets nobody in, neither by NTLM nor by SPNEGO, no timer is due after `handle_timeout`.
pub fn auth_server_layer(data: &[u8]) {
    let now = Instant::now();
    let mut script = Script::new(data);
    let first = script.byte().unwrap_or(0);
    let mut config = ServerConfig::new("MBX1");
    config.schemes = vec![AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Basic, AuthScheme::Bearer];
    config.ntlm.extended_protection =
        [ExtendedProtection::Off, ExtendedProtection::Allow, ExtendedProtection::Require][usize::from(first % 3)];
    config.ntlm.timestamp = first & 4 == 0;
    if first & 8 != 0 {
        config.outside_mechanisms = vec![MechType::KERBEROS];
    }
    config.negotiate_ntlm = first & 16 == 0;
    config.list_protection = if first & 32 == 0 { ListProtection::Required } else { ListProtection::WhenSent };
    config.drain_bytes = 100;
    config.held_bytes = 100;
    config.max_half_open = 2;
    let layer = ServerLayer::new(config, entropy(), now, WALL);
    let mut fuzz = Fuzz { now, layer, clients: HashMap::new(), questions: Vec::new(), calls: Vec::new() };
    while let Some(op) = script.byte() {
        let arg = script.byte().unwrap_or(0);
        let conn = ConnectionId::new(u64::from(arg & 3));
        let now = fuzz.now;
        let out = |event| HttpTransmit::Event { conn, event };
        let result = match op % 12 {
            0 => fuzz.layer.accept(conn, arg & 4 == 0, ChannelBinding::TlsUnique(Box::new([1]))),
            1..=3 => {
                let mut builder = RequestHead::builder("POST", "/x");
                if let Some(value) = fuzz.authorization(conn, arg >> 2, &mut script) {
                    builder = builder.field("Authorization", value);
                }
                builder = match op >> 4 & 3 {
                    0 => builder.field("Content-Length", "0"),
                    1 => builder.field("Content-Length", "101"),
                    2 => builder.field("Transfer-Encoding", "chunked"),
                    _ => builder,
                };
                match builder.request() {
                    Ok(head) => fuzz.layer.handle(now, conn, HttpEvent::Head(Head::Request(head))),
                    Err(_) => Ok(()),
                }
            }
            4 => fuzz.layer.handle(now, conn, HttpEvent::Body(Bytes::copy_from_slice(script.piece()))),
            5 => fuzz.layer.handle(now, conn, HttpEvent::End),
            6 => fuzz.layer.handle(now, conn, HttpEvent::Reset(Reset::unknown("cut"))),
            7 | 8 if op & 16 != 0 => fuzz.call(arg),
            7 | 8 => match fuzz.questions.get(usize::from(arg >> 4)).or(fuzz.questions.last()).copied() {
                Some(handle) => {
                    let principal = |name: &str| Principal::new(name);
                    let answer = match arg % 6 {
                        0 => Answer::NtHash { hash: nt_hash(PASSWORD), principal: principal("alice") },
                        1 => Answer::NtHash { hash: nt_hash("other"), principal: principal("nobody") },
                        2 => Answer::Accept { principal: principal("alice") },
                        3 => Answer::SessionBaseKey { key: nt_hash("key"), principal: principal("alice") },
                        4 => Answer::UnknownUser,
                        _ => Answer::Refuse,
                    };
                    fuzz.layer.answer(now, handle, answer)
                }
                None => Ok(()),
            },
            9 => {
                let head = ResponseHead::builder(200, "OK").response().expect("sound");
                fuzz.layer.handle_outgoing(now, out(HttpEvent::Head(Head::Response(head))))
            }
            10 => fuzz
                .layer
                .handle_outgoing(now, if arg & 8 == 0 { out(HttpEvent::End) } else { HttpTransmit::Close { conn } }),
            _ => {
                fuzz.now += Duration::from_secs(u64::from(arg));
                fuzz.layer.handle_timeout(fuzz.now);
                let due = fuzz.layer.poll_timeout();
                assert!(due.is_none_or(|at| at > fuzz.now), "a timer is due right after handle_timeout");
                Ok(())
            }
        };
        assert!(matches!(result, Ok(()) | Err(Error::Misuse(_))), "{result:?}");
        fuzz.drain();
    }
}
