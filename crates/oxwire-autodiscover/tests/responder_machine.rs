//! The responder over HTTP events: routes, replies, any chunking, any order, and what time does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_autodiscover::json::Protocol;
use oxwire_autodiscover::pox::{Request, Response, Schema};
use oxwire_autodiscover::responder::{
    Known, KnownJson, KnownSoap, Mailbox, MapiHttp, Responder, ResponderConfig, Service, UrlPair, Wanted, answer_json,
};
use oxwire_autodiscover::soap;
use oxwire_autodiscover::xml::{Source, XmlLimits};
use oxwire_core::{ConnectionId, Error, Principal};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead};
use proptest::prelude::*;

const CONN: ConnectionId = ConnectionId::new(1);
const POX: &str = "/autodiscover/autodiscover.xml";

/// A machine only adds to it and compares.
#[allow(clippy::disallowed_methods, reason = "tests need one instant to start from")]
fn start_time() -> Instant {
    Instant::now()
}

fn head(method: &str, target: &str) -> HttpEvent {
    let head = RequestHead::builder(method, target).field("Host", "x").field("X-MapiHttpCapability", "1").request();
    HttpEvent::Head(Head::Request(head.unwrap()))
}

fn mailbox() -> Mailbox {
    let mut mailbox = Mailbox::new("kim@example.com", "Kim", "/o=example/cn=kim");
    let mail_store = UrlPair::both("https://mail.example.com/mapi/emsmdb/?MailboxId=1@example.com");
    mailbox.mapi_http = Some(MapiHttp { mail_store, address_book: UrlPair::default() });
    mailbox
}

fn request() -> String {
    Request::for_address(Schema::Outlook, "kim@example.com").encode().unwrap()
}

/// Status and body of the one response that waits.
fn response(responder: &mut Responder, now: Instant) -> Option<(ResponseHead, Vec<u8>)> {
    let mut head = None;
    let mut body = Vec::new();
    while let Some(transmit) = responder.poll_transmit(now) {
        match transmit {
            HttpTransmit::Event { conn: CONN, event: HttpEvent::Head(Head::Response(found)) } => head = Some(found),
            HttpTransmit::Event { conn: CONN, event: HttpEvent::Body(piece) } => body.extend_from_slice(&piece),
            HttpTransmit::Event { conn: CONN, event: HttpEvent::End } => return head.map(|head| (head, body)),
            other => panic!("{other:?}"),
        }
    }
    assert!(head.is_none());
    None
}

/// Sends a request in pieces, answers what is asked, and gives the response.
fn exchange(
    responder: &mut Responder,
    now: Instant,
    method: &str,
    target: &str,
    body: &[&[u8]],
) -> (ResponseHead, Vec<u8>) {
    let kim = Principal::new("kim");
    responder.handle(now, CONN, Some(&kim), head(method, target)).unwrap();
    for piece in body.iter().filter(|piece| !piece.is_empty()) {
        responder.handle(now, CONN, None, HttpEvent::Body(Bytes::copy_from_slice(piece))).unwrap();
    }
    responder.handle(now, CONN, None, HttpEvent::End).unwrap();
    if let Some(event) = responder.poll_event() {
        assert_eq!((event.conn, event.principal.as_ref()), (CONN, Some(&kim)));
        let reply = match &event.wanted {
            Wanted::Pox(question) => question.answer(Known::Mailbox(&mailbox())),
            Wanted::Json(query) => {
                answer_json(query, KnownJson::Urls(&[(Protocol::AutodiscoverV1, "https://mail.example.com/a.xml")]))
            }
            Wanted::Soap(question) => question.answer(KnownSoap::Users(&[Known::Nobody]), None),
            other => panic!("{other:?}"),
        };
        responder.reply(event.handle, &reply);
        // Of use once.
        responder.reply(event.handle, &reply);
    }
    response(responder, now).unwrap()
}

fn pox_error(body: &[u8]) -> Option<u32> {
    let source = Source::new(body, XmlLimits::DEFAULT).unwrap();
    Response::decode(&source).unwrap().error.and_then(|error| error.code())
}

#[test]
fn targets() {
    for (target, service) in [
        ("/autodiscover/autodiscover.xml", Some(Service::Pox)),
        ("/Autodiscover/Autodiscover.xml", Some(Service::Pox)),
        ("/AUTODISCOVER/AUTODISCOVER.XML?x=1", Some(Service::Pox)),
        ("/autodiscover/autodiscover.xml/more", None),
        ("/autodiscover/autodiscover.xmlx", None),
        ("/Autodiscover/Autodiscover.SVC", Some(Service::Soap)),
        ("/autodiscover/autodiscover.svc/wssecurity", None),
        ("/autodiscover/autodiscover.json", Some(Service::Json)),
        ("/autodiscover/autodiscover.json?Email=a@b", Some(Service::Json)),
        ("/autodiscover/autodiscover.json/v1.0/a@b", Some(Service::Json)),
        ("/autodiscover/autodiscover.jsonp", None),
        ("/autodiscover/é", None),
        ("/", None),
        ("", None),
        ("*", None),
    ] {
        assert_eq!(Service::of_target(target), service, "{target}");
    }
    assert!(Service::Json.is_anonymous() && !Service::Pox.is_anonymous() && !Service::Soap.is_anonymous());
}

#[test]
fn one_connection_serves_one_request_after_another() {
    let (now, mut responder) = (start_time(), Responder::new(ResponderConfig::DEFAULT));
    for _ in 0..2 {
        let (head, body) = exchange(&mut responder, now, "POST", POX, &[request().as_bytes()]);
        assert_eq!((head.status(), head.fields().text("Content-Type")), (200, Some("text/xml; charset=utf-8")));
        assert_eq!(head.fields().text("Content-Length"), Some(body.len().to_string().as_str()));
        let source = Source::new(&body, XmlLimits::DEFAULT).unwrap();
        assert_eq!(Response::decode(&source).unwrap().account.unwrap().protocols.len(), 1);

        let (head, body) = exchange(&mut responder, now, "GET", POX, &[]);
        assert_eq!((head.status(), pox_error(&body)), (200, Some(600)));

        let target = "/autodiscover/autodiscover.json?Email=kim@example.com&Protocol=Autodiscoverv1";
        let (head, body) = exchange(&mut responder, now, "GET", target, &[]);
        assert_eq!(head.status(), 200);
        assert_eq!(body, br#"{"Protocol":"AutodiscoverV1","Url":"https://mail.example.com/a.xml"}"#);

        let settings = soap::SettingsRequest {
            of: vec!["kim@example.com".into()],
            settings: vec!["UserDN".into()],
            requested_version: None,
        };
        let request = soap::Request::new(soap::RequestBody::UserSettings(settings)).encode().unwrap();
        let target = "/autodiscover/autodiscover.svc";
        let (head, body) = exchange(&mut responder, now, "POST", target, &[request.as_bytes()]);
        assert_eq!(head.status(), 200);
        assert!(String::from_utf8(body).unwrap().contains("<ErrorCode>InvalidUser</ErrorCode>"));
        let (head, _) = exchange(&mut responder, now, "GET", target, &[]);
        assert_eq!(head.status(), 400);

        let (head, body) = exchange(&mut responder, now, "GET", "/nothing", &[]);
        assert_eq!((head.status(), body.len()), (404, 0));
    }
    assert_eq!(responder.poll_timeout(), None);
}

/// A HEAD announces the length of the document and has none.
#[test]
fn head_has_no_body() {
    let (now, mut responder) = (start_time(), Responder::new(ResponderConfig::DEFAULT));
    let (head, body) = exchange(&mut responder, now, "HEAD", POX, &[]);
    assert_eq!((head.status(), body.len()), (200, 0));
    assert_ne!(head.fields().text("Content-Length"), Some("0"));
}

/// A body of any length is read to its end; what is beyond the limit is not kept, and is no request.
#[test]
fn a_long_body_is_no_request() {
    let limit = request().len();
    let config = |bytes| ResponderConfig::DEFAULT.with_xml(XmlLimits::DEFAULT.with_bytes(bytes));
    let now = start_time();
    let mut exact = Responder::new(config(limit));
    assert_eq!(pox_error(&exchange(&mut exact, now, "POST", POX, &[request().as_bytes()]).1), None);
    let mut less = Responder::new(config(limit - 1));
    assert_eq!(pox_error(&exchange(&mut less, now, "POST", POX, &[request().as_bytes()]).1), Some(600));
    let pieces = [request().as_bytes().split_at(10).0.to_vec(), vec![b' '; limit], vec![b' '; 5]];
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    assert_eq!(pox_error(&exchange(&mut less, now, "POST", POX, &pieces).1), Some(600));
}

#[test]
fn a_question_that_waits_too_long_is_answered_with_trouble() {
    let (start, mut responder) = (start_time(), Responder::new(ResponderConfig::DEFAULT));
    responder.handle(start, CONN, None, head("POST", POX)).unwrap();
    responder.handle(start, CONN, None, HttpEvent::Body(request().into())).unwrap();
    assert_eq!(responder.poll_timeout(), None);
    responder.handle(start, CONN, None, HttpEvent::End).unwrap();
    let question = responder.poll_event().unwrap();
    let due = start + Duration::from_secs(30);
    assert_eq!(responder.poll_timeout(), Some(due));
    responder.handle_timeout(due - Duration::from_nanos(1));
    assert!(response(&mut responder, due).is_none());
    responder.handle_timeout(due);
    assert_eq!(responder.poll_timeout(), None);
    let (head, body) = response(&mut responder, due).unwrap();
    assert_eq!((head.status(), pox_error(&body)), (200, Some(500)));
    // The answer comes too late, and is passed over.
    let Wanted::Pox(asked) = &question.wanted else { panic!() };
    responder.reply(question.handle, &asked.answer(Known::Nobody));
    assert!(response(&mut responder, due).is_none());
}

#[test]
fn a_client_that_goes_takes_its_question_along() {
    let (now, mut responder) = (start_time(), Responder::new(ResponderConfig::DEFAULT));
    let ask = |responder: &mut Responder| {
        responder.handle(now, CONN, None, head("POST", POX)).unwrap();
        responder.handle(now, CONN, None, HttpEvent::Body(request().into())).unwrap();
        responder.handle(now, CONN, None, HttpEvent::End).unwrap();
    };
    ask(&mut responder);
    responder.handle(now, CONN, None, HttpEvent::Reset(Reset::unknown("gone"))).unwrap();
    assert!(responder.poll_event().is_none() && responder.poll_timeout().is_none());
    ask(&mut responder);
    let event = responder.poll_event().unwrap();
    let Wanted::Pox(question) = &event.wanted else { panic!() };
    responder.reply(event.handle, &question.answer(Known::Nobody));
    responder.handle(now, CONN, None, HttpEvent::Reset(Reset::unknown("gone"))).unwrap();
    assert!(responder.poll_transmit(now).is_none());
}

#[test]
fn events_out_of_order_are_misuse() {
    let (now, mut responder) = (start_time(), Responder::new(ResponderConfig::DEFAULT));
    let is_misuse = |result: Result<(), Error>| matches!(result, Err(Error::Misuse(_)));
    let status = ResponseHead::builder(200, "OK").response().unwrap();
    assert!(is_misuse(responder.handle(now, CONN, None, HttpEvent::End)));
    assert!(is_misuse(responder.handle(now, CONN, None, HttpEvent::Body(Bytes::from_static(b"x")))));
    assert!(is_misuse(responder.handle(now, CONN, None, HttpEvent::Head(Head::Response(status)))));
    responder.handle(now, CONN, None, head("POST", POX)).unwrap();
    assert!(is_misuse(responder.handle(now, CONN, None, head("POST", POX))));
    responder.handle(now, CONN, None, HttpEvent::Body(request().into())).unwrap();
    responder.handle(now, CONN, None, HttpEvent::End).unwrap();
    assert!(is_misuse(responder.handle(now, CONN, None, HttpEvent::End)));
    // None of this disturbs the question.
    assert!(responder.poll_event().is_some());
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_response(cuts in prop::collection::vec(0_usize..600, 0..6)) {
        let body = request();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % body.len()).chain([0, body.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]).collect();
        let now = start_time();
        let mut responder = Responder::new(ResponderConfig::DEFAULT);
        let cut = exchange(&mut responder, now, "POST", POX, &pieces);
        let whole = exchange(&mut responder, now, "POST", POX, &[body.as_bytes()]);
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn any_bytes_get_a_document(body in prop::collection::vec(any::<u8>(), 0..200), method in "[A-Z]{1,6}") {
        let now = start_time();
        let mut responder = Responder::new(ResponderConfig::DEFAULT);
        let (head, _) = exchange(&mut responder, now, &method, POX, &[&body]);
        prop_assert_eq!(head.status(), 200);
    }
}
