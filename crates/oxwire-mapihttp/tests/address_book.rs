//! The address book endpoint, client against server on a virtual clock: [MS-OXCMAPIHTTP] 2.2.5, 3.1.5, 3.2.5.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{Error, FileTime, Guid, Limits, Principal, Utf16, decode_all, encode_to_bytes};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset};
use oxwire_mapi::mapihttp::RequestType;
use oxwire_mapi::nspi::{
    BindFlags, BindRequest, BindResponse, BindSuccess, Failure, GetMailboxUrlRequest, GetMailboxUrlResponse,
    GetMailboxUrlSuccess, UNBIND_SUCCESS, UnbindFailure, UnbindRequest, UnbindResponse, UnbindSuccess,
    check_request_body,
};
use oxwire_mapi::property::ErrorCode;
use oxwire_mapihttp::Endpoint;
use oxwire_mapihttp::client::{self, Client, Config, ContextState, Outcome};
use oxwire_mapihttp::server::{self, Server, ServerConfig};

const GUID: Guid = Guid::from_wire([7; 16]);

fn entropy() -> impl FnMut(&mut [u8]) {
    let mut next = 0_u8;
    move |out: &mut [u8]| {
        for byte in out {
            next = next.wrapping_add(37);
            *byte = next;
        }
    }
}

/// Both ends, joined without a byte in between.
struct Pair {
    now: Instant,
    client: Client,
    server: Server<&'static str>,
    /// The heads that the client sent.
    heads: Vec<RequestHead>,
    /// What stood in the response bodies that the server sent, meta-tags included.
    sent: Vec<u8>,
}

#[cfg(test)]
impl Pair {
    #[expect(clippy::disallowed_methods, reason = "a test needs one instant to count from")]
    fn new() -> Self {
        let now = Instant::now();
        let wall = FileTime::from_intervals(134_117_856_000_000_000);
        let config = Config::new("https://mail.test/mapi/nspi/?MailboxId=u@mail.test", &mut entropy());
        let client = Client::new(config.with_endpoint(Endpoint::AddressBook), now, wall).unwrap();
        let server = Server::new(now, wall, ServerConfig::address_book(), entropy()).unwrap();
        Self { now, client, server, heads: Vec::new(), sent: Vec::new() }
    }

    /// Moves events until nobody has any left.
    fn run(&mut self) {
        let principal = Principal::new("alice");
        loop {
            let mut idle = true;
            while let Some(transmit) = self.client.poll_transmit(self.now) {
                idle = false;
                match transmit {
                    HttpTransmit::Event { conn, event } => {
                        if let HttpEvent::Head(Head::Request(head)) = &event {
                            self.heads.push(head.clone());
                        }
                        self.server.handle(self.now, conn, Some(&principal), event).unwrap();
                    }
                    HttpTransmit::Close { conn } | HttpTransmit::Abort { conn, .. } => {
                        let reset = HttpEvent::Reset(Reset::unknown("closed"));
                        self.server.handle(self.now, conn, None, reset).unwrap();
                    }
                    _ => {}
                }
            }
            while let Some(transmit) = self.server.poll_transmit(self.now) {
                idle = false;
                if let HttpTransmit::Event { conn, event } = transmit {
                    if let HttpEvent::Body(piece) = &event {
                        self.sent.extend_from_slice(piece);
                    }
                    self.client.handle(self.now, conn, event).unwrap();
                }
            }
            if idle {
                return;
            }
        }
    }

    fn asked(&mut self) -> server::Event<&'static str> {
        self.run();
        self.server.poll_event().expect("the application is asked")
    }

    fn outcome(&mut self) -> (RequestType, Outcome) {
        self.run();
        match self.client.poll_event() {
            Some(client::Event::Completed(completion)) => (completion.request_type, completion.outcome),
            other => panic!("{other:?}"),
        }
    }

    fn bind(&mut self) -> server::Request {
        let request = BindRequest { flags: BindFlags::NONE, state: None, auxiliary_buffer: b"" };
        self.client.bind_with(self.now, &request).unwrap();
        match self.asked() {
            server::Event::Bind(request) => request,
            other => panic!("{other:?}"),
        }
    }

    fn bound() -> Self {
        let mut pair = Self::new();
        let request = pair.bind();
        pair.server.accept(pair.now, request.handle, "alice", &[bind_success()]).unwrap();
        assert!(matches!(pair.outcome(), (RequestType::Bind, Outcome::Answered(_))));
        pair.sent.clear();
        pair
    }
}

#[cfg(test)]
fn bind_success() -> Bytes {
    let body = BindSuccess { error_code: ErrorCode::SUCCESS, server_guid: GUID, auxiliary_buffer: b"" };
    encode_to_bytes(&body).unwrap()
}

/// The body of an answered request.
#[cfg(test)]
fn body_of(outcome: Outcome) -> Bytes {
    match outcome {
        Outcome::Answered(response) => response.body.into_bytes(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r324_r1429_r1441_r1446_bind_establishes_a_session_context() {
    let mut pair = Pair::new();
    let request = pair.bind();
    assert_eq!(pair.client.state(), ContextState::Connecting);
    assert_eq!(request.decode::<BindRequest<'_>>().unwrap().flags, BindFlags::NONE);
    pair.server.accept(pair.now, request.handle, "alice", &[bind_success()]).unwrap();
    let (_, outcome) = pair.outcome();
    let Outcome::Answered(response) = &outcome else { panic!("{outcome:?}") };
    let cookies: Vec<_> = response.head.fields().all("Set-Cookie").map(|line| line.to_vec()).collect();
    assert!(cookies.iter().all(|line| line.windows(16).any(|at| at == b"; path=/mapi/nsp")), "{cookies:?}");
    assert!(cookies.iter().any(|line| line.starts_with(b"MapiContext=")), "{cookies:?}");
    let body = body_of(outcome);
    let read = decode_all::<BindResponse<'_>>(&body, &Limits::DEFAULT).unwrap();
    assert!(matches!(read, BindResponse::Success(BindSuccess { server_guid: GUID, .. })));
    assert_eq!(pair.client.state(), ContextState::Established);
    assert_eq!(pair.server.contexts().state(request.context), Some(&"alice"));
    assert_eq!(pair.client.retry_advice(), None, "a Bind response has none: those bytes are the server's GUID");
}

#[test]
fn r2225_a_bind_that_fails_establishes_none() {
    let mut pair = Pair::new();
    let request = pair.bind();
    let failure = BindResponse::Failure(Failure { status_code: 5, auxiliary_buffer: b"" });
    pair.server.decline(pair.now, request.handle, &[encode_to_bytes(&failure).unwrap()]).unwrap();
    let body = body_of(pair.outcome().1);
    assert_eq!(decode_all::<BindResponse<'_>>(&body, &Limits::DEFAULT), Ok(failure));
    assert_eq!(pair.client.state(), ContextState::None);
    assert_eq!(pair.server.contexts().len(), 0);

    // gromox: a STAT of code page 1200 is ErrorCode 0x80040102 in a success response body.
    let mut pair = Pair::new();
    let request = pair.bind();
    let refused = BindSuccess::failed(ErrorCode::NOT_SUPPORTED);
    pair.server.decline(pair.now, request.handle, &[encode_to_bytes(&refused).unwrap()]).unwrap();
    let body = body_of(pair.outcome().1);
    assert_eq!(decode_all::<BindResponse<'_>>(&body, &Limits::DEFAULT), Ok(BindResponse::Success(refused)));
    assert_eq!(pair.client.state(), ContextState::None);
}

#[test]
fn r353_r1438_unbind_deletes_the_session_context() {
    let mut pair = Pair::bound();
    for error_code in [UNBIND_SUCCESS, ErrorCode::SUCCESS] {
        pair.client.unbind_with(pair.now, &UnbindRequest { auxiliary_buffer: b"" }).unwrap();
        let server::Event::Unbind(request) = pair.asked() else { panic!("an Unbind") };
        let success = UnbindSuccess { error_code, auxiliary_buffer: b"" };
        pair.server.respond(pair.now, request.handle, &[encode_to_bytes(&success).unwrap()]).unwrap();
        let (request_type, outcome) = pair.outcome();
        assert_eq!(request_type, RequestType::Unbind);
        let body = body_of(outcome);
        assert_eq!(decode_all::<UnbindResponse<'_>>(&body, &Limits::DEFAULT), Ok(UnbindResponse::Success(success)));
        assert_eq!(pair.client.state(), ContextState::None, "{error_code:?}");
        assert_eq!(pair.server.contexts().len(), 0);
        assert!(matches!(pair.server.poll_event(), Some(server::Event::Ended { .. })));
        pair = Pair::bound();
    }
}

#[test]
fn r2235_an_unbind_that_fails_leaves_it() {
    let mut pair = Pair::bound();
    pair.client.unbind_with(pair.now, &UnbindRequest { auxiliary_buffer: b"" }).unwrap();
    let server::Event::Unbind(request) = pair.asked() else { panic!("an Unbind") };
    let failure = UnbindFailure { status_code: 5, error_code: ErrorCode(2), auxiliary_buffer: b"" };
    let failure = UnbindResponse::Failure(failure);
    pair.server.decline(pair.now, request.handle, &[encode_to_bytes(&failure).unwrap()]).unwrap();
    let body = body_of(pair.outcome().1);
    assert_eq!(decode_all::<UnbindResponse<'_>>(&body, &Limits::DEFAULT), Ok(failure));
    assert_eq!(pair.client.state(), ContextState::Established);
    assert_eq!(pair.server.contexts().len(), 1);
}

/// The shortest request body of zeros: every optional field absent, every count 0.
#[cfg(test)]
fn shortest(request_type: RequestType) -> Bytes {
    let body = (0..64).map(|len| Bytes::from(vec![0; len]));
    body.into_iter().find(|body| check_request_body(request_type, body, &Limits::DEFAULT).is_ok()).expect("a body")
}

#[test]
fn every_request_type_goes_to_the_application_and_its_answer_back() {
    for (row, request_type) in [
        ("R372", RequestType::CompareMIds),
        ("R405", RequestType::DnToMId),
        ("R443", RequestType::GetMatches),
        ("R558", RequestType::GetPropList),
        ("GetProps, whose row is informative", RequestType::GetProps),
        ("R631", RequestType::GetSpecialTable),
        ("R683", RequestType::GetTemplateInfo),
        ("R724", RequestType::ModLinkAtt),
        ("R763", RequestType::ModProps),
        ("R802", RequestType::QueryRows),
        ("R865", RequestType::QueryColumns),
        ("R895", RequestType::ResolveNames),
        ("R958", RequestType::ResortRestriction),
        ("R1012 R1013", RequestType::SeekEntries),
        ("R1059", RequestType::UpdateStat),
        ("R1089", RequestType::GetMailboxUrl),
        ("R1106", RequestType::GetAddressBookUrl),
    ] {
        let mut pair = Pair::bound();
        let sent = shortest(request_type);
        pair.client.call(pair.now, request_type, sent.clone()).unwrap();
        let server::Event::Call(request) = pair.asked() else { panic!("{row}") };
        assert_eq!((request.request_type, &request.body), (request_type, &sent), "{row}");
        let head = pair.heads.last().unwrap();
        assert_eq!(head.fields().text("X-RequestType"), Some(request_type.as_str()), "{row}");
        let answer = Bytes::from_static(b"\0\0\0\0\0\0\0\0and so on");
        pair.server.respond(pair.now, request.handle, std::slice::from_ref(&answer)).unwrap();
        let (completed, outcome) = pair.outcome();
        assert_eq!((completed, body_of(outcome)), (request_type, answer), "{row}");
        assert_eq!(pair.client.state(), ContextState::Established, "{row}");
    }
}

#[test]
fn r321_r322_r323_r1462_r1463_the_common_formats_carry_the_bodies() {
    let mut pair = Pair::bound();
    let asked = GetMailboxUrlRequest { server_dn: Utf16::new(b"/\0o\0").unwrap(), auxiliary_buffer: b"" };
    pair.client.call_with(pair.now, &asked).unwrap();
    let server::Event::Call(request) = pair.asked() else { panic!("a call") };
    assert_eq!(request.decode::<GetMailboxUrlRequest<'_>>(), Ok(asked));
    let head = pair.heads.last().unwrap();
    for (name, value) in
        [("X-RequestType", "GetMailboxUrl"), ("Content-Type", "application/mapi-http"), ("Content-Length", "14")]
    {
        assert_eq!(head.fields().text(name), Some(value));
    }
    assert_eq!(head.target(), "/mapi/nspi/?MailboxId=u@mail.test");
    let answer = GetMailboxUrlSuccess {
        error_code: ErrorCode::SUCCESS,
        server_url: Utf16::new(b"h\0").unwrap(),
        auxiliary_buffer: b"",
    };
    let body = encode_to_bytes(&GetMailboxUrlResponse::Success(answer)).unwrap();
    pair.server.respond(pair.now, request.handle, std::slice::from_ref(&body)).unwrap();
    assert_eq!(body_of(pair.outcome().1), body);
    let blank = pair.sent.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
    assert!(pair.sent.starts_with(b"PROCESSING\r\nDONE\r\n"));
    assert_eq!(pair.sent[blank + 4..], body, "behind the blank line, as it is");
}

#[test]
fn r1128_ping_is_answered() {
    let mut pair = Pair::bound();
    pair.client.ping(pair.now).unwrap();
    assert!(matches!(pair.outcome(), (RequestType::Ping, Outcome::Answered(_))));
    assert!(pair.server.poll_event().is_none(), "nobody need be asked");
}

#[test]
fn an_endpoint_has_its_own_request_types_alone() {
    let mut pair = Pair::bound();
    let body = Bytes::from_static(b"body");
    let now = pair.now;
    for refused in [
        pair.client.connect(now, body.clone()),
        pair.client.execute(now, body.clone()),
        pair.client.notification_wait(now, body.clone()),
        pair.client.disconnect(now, body.clone()),
        pair.client.call(now, RequestType::Execute, body.clone()),
        pair.client.call(now, RequestType::Bind, body.clone()),
        pair.client.call(now, RequestType::Ping, body.clone()),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.body, body, "it comes back");
        assert!(matches!(*refused.error, Error::Misuse(_)), "{}", refused.error);
    }
    let config = Config::new("https://mail.test/mapi/emsmdb/", &mut entropy());
    let mut mailbox = Client::new(config, now, FileTime::default()).unwrap();
    assert!(mailbox.bind(now, body.clone()).is_err());
    assert!(mailbox.unbind(now, body).is_err());

    // And so has a server: X-ResponseCode 5.
    for (config, path, request_type) in [
        (ServerConfig::address_book(), "/mapi/nspi/", "Execute"),
        (ServerConfig::address_book(), "/mapi/nspi/", "NotificationWait"),
        (ServerConfig::new(), "/mapi/emsmdb/", "Bind"),
        (ServerConfig::new(), "/mapi/emsmdb/", "QueryRows"),
    ] {
        let mut server: Server<()> = Server::new(now, FileTime::default(), config, entropy()).unwrap();
        let request = http::Request::post(path)
            .header("content-type", "application/mapi-http")
            .header("x-requesttype", request_type)
            .header("x-requestid", "{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:1")
            .body(Bytes::new())
            .unwrap();
        let (response, _) = server.call(now, Some(&Principal::new("alice")), request).unwrap();
        assert_eq!(response.headers()["x-responsecode"], "5", "{request_type} at {path}");
    }
}

#[test]
fn a_body_that_does_not_decode_is_refused_before_the_application() {
    let mut pair = Pair::bound();
    pair.client.call(pair.now, RequestType::QueryRows, Bytes::from_static(b"\0\0\0\0\x01")).unwrap();
    let (_, outcome) = pair.outcome();
    assert!(matches!(outcome, Outcome::Refused { code, .. } if code.number() == 12), "{outcome:?}");
    assert!(matches!(pair.server.poll_event(), Some(server::Event::Refused { .. })));
}

#[test]
fn a_context_that_the_server_forgot_is_bound_again() {
    let mut pair = Pair::bound();
    pair.server = Server::new(pair.now, FileTime::default(), ServerConfig::address_book(), entropy()).unwrap();
    pair.client.call(pair.now, RequestType::QueryColumns, shortest(RequestType::QueryColumns)).unwrap();
    let (_, outcome) = pair.outcome();
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    let mut bind = None;
    for _ in 0..20 {
        pair.run();
        while let Some(event) = pair.server.poll_event() {
            if let server::Event::Bind(request) = event {
                bind = Some(request);
            }
        }
        pair.now += Duration::from_secs(1);
        pair.client.handle_timeout(pair.now);
    }
    let request = bind.expect("a Bind with the body that the caller gave");
    assert!(request.decode::<BindRequest<'_>>().is_ok());
    pair.server.accept(pair.now, request.handle, "again", &[bind_success()]).unwrap();
    pair.run();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::ContextReplaced { .. })));
    assert_eq!(pair.client.state(), ContextState::Established);
}
