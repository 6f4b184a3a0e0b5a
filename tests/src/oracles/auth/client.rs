//! The client layer by operation sequences.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::auth::client::{CallHandle, ClientConfig, ClientEvent, ClientLayer, CredentialsHandle, Target};
use oxwire::auth::ntlm::{AcceptorConfig, ChallengeMessage, NegotiateFlags, Verdict, nt_hash};
use oxwire::auth::spnego::{Acceptor, ListProtection, MechType, Mechanism};
use oxwire::auth::{AuthScheme, ChannelBinding, Credentials, challenges, token_value};
use oxwire::core::{ConnectionId, Error, SecurityContext, Step, encode_to_bytes};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, Reset, ResponseHead};

use super::kerberos::Ticket;
use super::{PASSWORD, Script, WALL, entropy};

/// What one connection has seen, to hold the layer's output against.
#[derive(Default)]
struct Seen {
    /// A request is open on the wire.
    open: bool,
    /// The machine's request is a CONNECT: a tunnel may follow.
    connect: bool,
    /// What the machine has said of its request's body, and what of it is on the wire, where that is no leg.
    said: Vec<u8>,
    sent: Option<Vec<u8>>,
    /// The transport is gone.
    cut: bool,
    /// The layer closed it.
    closed: bool,
    /// The machine was told its end.
    reset: bool,
    cleartext: bool,
    /// An honest acceptor of SPNEGO at the far end, and what it says next: whether it is the last word, and the token.
    acceptor: Option<Acceptor>,
    reply: Option<(bool, Vec<u8>)>,
}

impl Seen {
    /// The far end reads what the client says by Negotiate: NTLM, and Kerberos where there is a keytab.
    fn accept(&mut self, value: &str, keytab: bool) {
        let Some(token) = challenges(value.as_bytes()).next().and_then(|challenge| challenge.token_bytes(9_999)) else {
            return;
        };
        let acceptor = self.acceptor.get_or_insert_with(|| {
            let ntlm = Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1"));
            let mut mechanisms = vec![ntlm];
            if keytab {
                mechanisms.insert(0, Mechanism::new(MechType::KERBEROS, Ticket::acceptor()));
            }
            Acceptor::new(mechanisms, ListProtection::WhenSent)
        });
        let mut step = acceptor.step(Some(&token), WALL, &mut *entropy());
        if let (Ok(Step::Pending), Some(ntlm)) = (&step, acceptor.ntlm()) {
            ntlm.answer(Verdict::NtHash(nt_hash(PASSWORD))).expect("it asked");
            step = acceptor.step(None, WALL, &mut *entropy());
        }
        self.reply = match step {
            Ok(Step::Complete(token)) => Some((true, token.unwrap_or_default())),
            Ok(Step::Continue(token)) => Some((false, token)),
            _ => None,
        };
        if !matches!(self.reply, Some((false, _))) {
            self.acceptor = None;
        }
    }

    /// What the far end answers, with the bytes changed that the script says.
    fn negotiated(&mut self, kind: u8, script: &mut Script<'_>) -> Option<HttpEvent> {
        let (last, mut token) = self.reply.take()?;
        if kind & 128 != 0 {
            super::spnego::changed(&mut token, script);
        }
        let status = if last || kind & 32 != 0 { 200 } else { 401 };
        let mut builder = ResponseHead::builder(status, "X");
        if kind & 16 == 0 {
            builder = builder.field("WWW-Authenticate", token_value("Negotiate", &token));
        }
        if kind & 8 != 0 {
            builder = builder.field("Persistent-Auth", if kind & 4 == 0 { "true" } else { "false" });
        }
        if kind & 2 != 0 {
            builder = builder.field("Connection", "close");
        }
        Some(HttpEvent::Head(Head::Response(builder.response().expect("sound"))))
    }
}

fn challenge(info: bool) -> String {
    let flags = NegotiateFlags::UNICODE | NegotiateFlags::NTLM | NegotiateFlags::TARGET_INFO;
    let pairs = [2, 0, 2, 0, b'D', 0, 1, 0, 2, 0, b'C', 0, 0, 0, 0, 0];
    let message = ChallengeMessage {
        target_name: b"D\0",
        flags,
        server_challenge: [1; 8],
        target_info: if info { &pairs } else { &[] },
        version: oxwire::auth::ntlm::Version::NONE,
    };
    token_value("NTLM", &encode_to_bytes(&message).expect("a small message"))
}

fn response(kind: u8, script: &mut Script<'_>) -> Option<HttpEvent> {
    let status = [200, 401, 407, 100, 503, 401, 401, 302][usize::from(kind & 7)];
    let field = if status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
    let mut builder = ResponseHead::builder(status, "X");
    builder = match kind >> 3 & 7 {
        0 => builder.field(field, "NTLM").field(field, "Basic realm=\"x\""),
        1 => builder.field(field, challenge(true)),
        2 => builder.field(field, challenge(false)).field("Connection", "close"),
        3 => builder.field(field, "Basic realm=\"x\", Bearer"),
        4 => builder.field(field, "NTLM").field("Connection", "close"),
        5 => builder.field(field, script.piece()),
        6 => builder.field(field, "Negotiate").field(field, "NTLM"),
        7 if kind & 1 == 1 => builder.field(field, challenge(true).replace("NTLM", "Negotiate")),
        _ => builder,
    };
    Some(HttpEvent::Head(Head::Response(builder.response().ok()?)))
}

/// Any order of calls: an error is always the caller's own (`Misuse`), requests on the wire begin and end one after the other, a leg
/// has no body and the request itself all of it, nothing follows a close or a reset, no password goes out in clear, no timer is due after `handle_timeout`.
pub fn auth_client_layer(data: &[u8]) {
    let mut now = Instant::now();
    let mut config = ClientConfig::default();
    config.held_bytes = 64;
    let kerberos = data.first().is_some_and(|first| first & 128 != 0);
    if kerberos {
        config.outside_mechanisms = vec![MechType::KERBEROS];
    }
    config.require_last_token = data.first().is_some_and(|first| first & 64 != 0);
    let mut layer = ClientLayer::new(config, entropy(), now, WALL);
    let mut script = Script::new(data);
    let mut seen: HashMap<ConnectionId, Seen> = HashMap::new();
    let mut handles: Vec<CredentialsHandle> = Vec::new();
    let mut calls: Vec<CallHandle> = Vec::new();
    while let Some(op) = script.byte() {
        let arg = script.byte().unwrap_or(0);
        let conn = ConnectionId::new(u64::from(arg & 3));
        let send = |event| HttpTransmit::Event { conn, event };
        let result = match op % 16 {
            0 | 1 => {
                let url = if arg & 4 == 0 { "https://mail.test" } else { "http://mail.test" };
                let origin = Origin::from_url(url).expect("a sound URL").0;
                let result = layer.handle_outgoing(now, HttpTransmit::Open { conn, origin });
                if result.is_ok() {
                    seen.insert(conn, Seen { cleartext: arg & 4 != 0, ..Seen::default() });
                }
                result
            }
            2 | 3 => {
                let method = ["POST", "CONNECT", "RPC_IN_DATA", "GET"][usize::from(arg >> 2 & 3)];
                let target = if arg & 16 == 0 { "/x" } else { "http://mail.test/x" };
                let head = RequestHead::builder(method, target).field("Content-Length", "9").request();
                let result = layer.handle_outgoing(now, send(HttpEvent::Head(Head::Request(head.expect("sound")))));
                if let (Ok(()), Some(seen)) = (&result, seen.get_mut(&conn)) {
                    seen.connect |= method == "CONNECT";
                    seen.said.clear();
                }
                result
            }
            4 => {
                let piece = script.piece();
                let result = layer.handle_outgoing(now, send(HttpEvent::Body(Bytes::copy_from_slice(piece))));
                if let (Ok(()), Some(seen)) = (&result, seen.get_mut(&conn)) {
                    seen.said.extend(piece);
                }
                result
            }
            5 => layer.handle_outgoing(now, send(HttpEvent::End)),
            6..=8 => {
                let kind = script.byte().unwrap_or(0);
                let honest = if kind & 64 == 0 { None } else { seen.get_mut(&conn) };
                match honest.and_then(|seen| seen.negotiated(kind, &mut script)) {
                    Some(event) => layer.handle(now, conn, event),
                    None => response(kind, &mut script).map_or(Ok(()), |event| layer.handle(now, conn, event)),
                }
            }
            9 => layer.handle(now, conn, HttpEvent::Body(Bytes::from_static(b"body"))),
            10 => layer.handle(now, conn, HttpEvent::End),
            11 => {
                let result = layer.handle(now, conn, HttpEvent::Reset(Reset::unknown("cut")));
                if let (Ok(()), Some(seen)) = (&result, seen.get_mut(&conn)) {
                    seen.cut = true;
                }
                result
            }
            // Late and twice, too.
            12 if op & 16 != 0 => {
                let handle = calls.get(usize::from(arg >> 4)).or(calls.last()).copied();
                match handle.and_then(|handle| Some((handle, layer.take_call(handle)?.call))) {
                    None => Ok(()),
                    Some((handle, call)) => {
                        let reply = match arg & 3 {
                            0 => call.unavailable("no ticket"),
                            _ if call.needs_context() => {
                                call.with_context(Ticket::initiator("alice@MAIL.TEST")).run(WALL, &mut *entropy())
                            }
                            _ => call.run(WALL, &mut *entropy()),
                        };
                        layer.finish_call(now, handle, reply)
                    }
                }
            }
            12 => {
                let credentials = match arg >> 2 & 3 {
                    0 => Credentials::Bearer("token".into()),
                    _ => Credentials::password("DOM\\alice", PASSWORD),
                };
                match (arg & 3, handles.get(usize::from(arg >> 4))) {
                    (0, Some(handle)) => layer.refuse(now, *handle),
                    (1, Some(handle)) => layer.provide(now, *handle, credentials),
                    (2, _) => {
                        layer.set_credentials(now, Target::Proxy, credentials);
                        Ok(())
                    }
                    _ => {
                        let origin = Origin::from_url("https://mail.test").expect("sound").0;
                        layer.set_credentials(now, Target::Origin(origin), credentials);
                        Ok(())
                    }
                }
            }
            13 => {
                now += Duration::from_secs(u64::from(arg) * 4);
                layer.handle_timeout(now);
                assert!(layer.poll_timeout().is_none_or(|at| at > now), "a timer is due right after handle_timeout");
                Ok(())
            }
            14 => {
                let origin = Origin::from_url("http://mail.test").expect("sound").0;
                let schemes = [AuthScheme::Ntlm, AuthScheme::Basic, AuthScheme::Bearer, AuthScheme::Negotiate];
                layer.assume_scheme(Target::Origin(origin), schemes[usize::from(arg % 3 + (op >> 4 & 1))]);
                layer.set_channel_binding(conn, ChannelBinding::EndsElsewhere)
            }
            _ => layer.handle_outgoing(
                now,
                if arg & 4 == 0 { HttpTransmit::Close { conn } } else { HttpTransmit::Abort { conn } },
            ),
        };
        assert!(matches!(result, Ok(()) | Err(Error::Misuse(_))), "{result:?}");
        drain(&mut layer, now, &mut seen, (&mut handles, &mut calls), kerberos);
    }
}

fn drain(
    layer: &mut ClientLayer,
    now: Instant,
    seen: &mut HashMap<ConnectionId, Seen>,
    (handles, calls): (&mut Vec<CredentialsHandle>, &mut Vec<CallHandle>),
    kerberos: bool,
) {
    while let Some(transmit) = layer.poll_transmit(now) {
        let seen = seen.entry(transmit.conn()).or_default();
        let HttpTransmit::Event { event, .. } = transmit else {
            if matches!(transmit, HttpTransmit::Close { .. } | HttpTransmit::Abort { .. }) {
                seen.closed = true;
            }
            continue;
        };
        assert!(!seen.closed, "{event:?} after the end");
        match event {
            HttpEvent::Head(Head::Request(head)) => {
                assert!(!seen.open || seen.connect, "a request inside of another");
                seen.open = true;
                seen.sent = (head.fields().text("Content-Length") != Some("0")).then(Vec::new);
                let value = head.fields().text("Authorization");
                let (ntlm, negotiate) =
                    value.map_or((true, false), |value| (value.starts_with("NTLM"), value.starts_with("Negotiate")));
                assert!(ntlm || negotiate || !seen.cleartext, "a password in clear");
                if let (Some(value), true) = (value, negotiate) {
                    seen.accept(value, kerberos);
                }
            }
            HttpEvent::End => {
                assert!(seen.open || seen.connect);
                seen.open = false;
                if let Some(sent) = seen.sent.take() {
                    assert!(seen.connect || sent == seen.said, "the request goes out without a part of its body");
                }
            }
            HttpEvent::Body(bytes) => {
                assert!(seen.open || seen.connect, "a body outside of a request");
                if let Some(sent) = &mut seen.sent {
                    sent.extend(&bytes);
                } else {
                    assert!(seen.connect, "a body behind a leg");
                }
            }
            other => panic!("{other:?}"),
        }
    }
    while let Some((conn, event)) = layer.poll_deliver() {
        let seen = seen.entry(conn).or_default();
        assert!(!seen.reset, "{event:?} after a reset");
        seen.reset = matches!(event, HttpEvent::Reset(_));
    }
    for seen in seen.values().filter(|seen| !(seen.connect || seen.cut || seen.closed || seen.reset)) {
        let sent = seen.sent.as_ref().filter(|_| seen.open);
        assert!(sent.is_none_or(|sent| *sent == seen.said), "a part of the body is held back");
    }
    while let Some(event) = layer.poll_event() {
        assert!(!format!("{event:?}").contains(PASSWORD));
        match event {
            ClientEvent::CredentialsNeeded { handle, .. } => handles.push(handle),
            ClientEvent::MechanismNeeded { handle, .. } => calls.push(handle),
            _ => {}
        }
    }
}
