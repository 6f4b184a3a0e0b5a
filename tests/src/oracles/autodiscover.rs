//! oxwire-autodiscover: its documents and its responder.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::autodiscover::json::{Answer, JsonLimits, Query};
use oxwire::autodiscover::pox::{MobileResponse, Outcome, Request, Response};
use oxwire::autodiscover::responder::{
    Asked, AskedSoap, Known, KnownJson, KnownSoap, Mailbox, MapiHttp, Responder, ResponderConfig, UrlPair, Wanted,
    answer_json,
};
use oxwire::autodiscover::soap;
use oxwire::autodiscover::transport::{Capabilities, Policy, choose};
use oxwire::autodiscover::xml::{Reader, Source, XmlError, XmlLimits};
use oxwire::core::ConnectionId;
use oxwire::http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("autodiscover_json", autodiscover_json),
    ("autodiscover_mobilesync", autodiscover_mobilesync),
    ("autodiscover_request", autodiscover_request),
    ("autodiscover_responder", autodiscover_responder),
    ("autodiscover_response", autodiscover_response),
    ("autodiscover_soap", autodiscover_soap),
    ("autodiscover_xml", autodiscover_xml),
];

fn place(data: &[u8], error: XmlError) {
    assert!(error.offset <= data.len(), "{error} in {} bytes", data.len());
    assert!(!error.to_string().is_empty());
}

/// A walk comes to an end, its error is inside the input, and an element that is kept raw is itself a document.
pub fn autodiscover_xml(data: &[u8]) {
    let limits = XmlLimits::DEFAULT.with_bytes(1 << 16).with_depth(8).with_elements(64).with_references(16);
    let source = match Source::new(data, limits) {
        Ok(source) => source,
        Err(error) => return place(data, error),
    };
    let mut reader = Reader::new(&source);
    let walk = reader.root().and_then(|_| {
        while let Some(element) = reader.child()? {
            let _ = element.attribute("Type");
            let raw = reader.raw()?;
            assert!(raw.starts_with('<') && raw.ends_with('>'), "{raw:?}");
            // The part of a document that is well formed is so alone.
            let part = Source::new(raw.as_bytes(), limits).expect("text of the same document");
            let mut part = Reader::new(&part);
            assert_eq!(part.root().expect("an element").name(), element.name());
            part.skip().and_then(|()| part.finish()).expect("a whole element");
        }
        reader.finish()
    });
    if let Err(error) = walk {
        place(data, error);
    }
}

/// A bracket anywhere in a document has its values read item by item, and not in one step: what comes, settings or error, is the same.
fn item_by_item(data: &[u8], decoded: &Result<Response<'static>, XmlError>) {
    const COMMENT: &[u8] = b"<!--]-->";
    let bracketed = [COMMENT, data].concat();
    let sources = (Source::new(data, XmlLimits::DEFAULT), Source::new(&bracketed, XmlLimits::DEFAULT));
    // Neither a byte order mark, nor another encoding, nor a declaration may be moved from the start.
    let (Ok(source), Ok(bracketed)) = sources else { return };
    if source.text().as_bytes() != data || data.starts_with(b"<?xml") || !bracketed.text().ends_with(source.text()) {
        return;
    }
    let moved = |error: XmlError| XmlError { offset: error.offset + COMMENT.len(), ..error };
    assert_eq!(Response::decode(&bracketed).map(Response::into_owned), decoded.clone().map_err(moved));
}

/// What is read as a response is written to something that reads the same, and its choice of a transport names only what stands there.
pub fn autodiscover_response(data: &[u8]) {
    let decoded =
        Source::new(data, XmlLimits::DEFAULT).and_then(|source| Response::decode(&source).map(Response::into_owned));
    item_by_item(data, &decoded);
    let response = match decoded {
        Ok(response) => response,
        Err(error) => return place(data, error),
    };
    let written = response.encode().expect("what was read can be written");
    let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT.with_bytes(8 << 20)).expect("UTF-8");
    assert_eq!(Response::decode(&source).as_ref(), Ok(&response), "{written}");
    let can = Capabilities { mapi_http: true, rpc_http: true, rpc: true };
    let choice = choose(&response, can, &Policy::DEFAULT);
    let protocols = response.account.as_ref().map_or(0, |account| account.protocols.len());
    assert!(choice.candidates.len() + choice.passed_over.len() <= 2 * protocols);
    if let Outcome::RedirectAddr(to) | Outcome::RedirectUrl(to) = response.outcome() {
        assert!(!to.is_empty());
    }
}

/// A request reads back the same, and whatever is asked, the answer is a document with the status 200.
pub fn autodiscover_request(data: &[u8]) {
    let decoded =
        Source::new(data, XmlLimits::DEFAULT).and_then(|source| Request::decode(&source).map(Request::into_owned));
    match &decoded {
        Ok(request) => {
            let written = request.encode().expect("what was read can be written");
            let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT.with_bytes(8 << 20)).expect("UTF-8");
            assert_eq!(Request::decode(&source).as_ref(), Ok(request), "{written}");
        }
        Err(error) => place(data, *error),
    }
    let mut mailbox = Mailbox::new("kim@example.com", "Kim", "/o=example/cn=kim");
    mailbox.mapi_http = Some(MapiHttp { mail_store: UrlPair::both("https://m"), address_book: UrlPair::default() });
    let reply = match Asked::pox("POST", [("X-MapiHttpCapability", "1")], data, XmlLimits::DEFAULT) {
        Asked::Question(question) => question.answer(Known::Mailbox(&mailbox)),
        Asked::Reply(reply) => reply,
    };
    assert_eq!(reply.status, 200);
    let source = Source::new(reply.body.as_bytes(), XmlLimits::DEFAULT).expect("UTF-8");
    Response::decode(&source).expect("an answer, or an error in the document");
}

/// What is read as a response to ActiveSync is written to something that reads the same.
pub fn autodiscover_mobilesync(data: &[u8]) {
    let decoded = Source::new(data, XmlLimits::DEFAULT)
        .and_then(|source| MobileResponse::decode(&source).map(MobileResponse::into_owned));
    match decoded {
        Ok(response) => {
            let written = response.encode().expect("what was read can be written");
            let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT.with_bytes(8 << 20)).expect("UTF-8");
            assert_eq!(MobileResponse::decode(&source).as_ref(), Ok(&response), "{written}");
        }
        Err(error) => place(data, error),
    }
}

/// What is read as a SOAP message is written to something that reads the same.
pub fn autodiscover_soap(data: &[u8]) {
    let limits = XmlLimits::DEFAULT.with_bytes(1 << 18);
    let source = match Source::new(data, limits) {
        Ok(source) => source,
        Err(error) => return place(data, error),
    };
    match soap::Response::decode(&source) {
        Ok(response) => {
            let written = response.encode().expect("what was read can be written");
            let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT.with_bytes(8 << 20)).expect("UTF-8");
            assert_eq!(soap::Response::decode(&source).as_ref(), Ok(&response), "{written}");
        }
        Err(error) => place(data, error),
    }
    match soap::Request::decode(&source) {
        Ok(request) => {
            let written = request.encode().expect("what was read can be written");
            let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT.with_bytes(8 << 20)).expect("UTF-8");
            assert_eq!(soap::Request::decode(&source).as_ref(), Ok(&request), "{written}");
        }
        Err(error) => place(data, error),
    }
    // Whatever is asked, the answer is a document of the service, or a fault, and never has the status 500.
    let mailbox = Mailbox::new("kim@example.com", "Kim", "/o=example/cn=kim");
    let reply = match AskedSoap::read("POST", data, limits) {
        AskedSoap::Question(question) => {
            let known = vec![Known::Mailbox(&mailbox); question.subjects().len()];
            question.answer(KnownSoap::Users(&known), None)
        }
        AskedSoap::Reply(reply) => reply,
    };
    let source = Source::new(reply.body.as_bytes(), XmlLimits::DEFAULT.with_bytes(8 << 20)).expect("UTF-8");
    let response = soap::Response::decode(&source).expect("an answer, or a fault");
    assert_eq!(reply.status == 200, !matches!(response.body, soap::ResponseBody::Fault(_)));
    assert!(matches!(reply.status, 200 | 400));
}

/// An answer of v2 reads back the same; so does a query, whose target stays one line.
pub fn autodiscover_json(data: &[u8]) {
    if let Ok(answer) = Answer::decode(data, JsonLimits::DEFAULT) {
        let written = answer.encode();
        assert_eq!(
            Answer::decode(written.as_bytes(), JsonLimits::DEFAULT.with_bytes(1 << 20)),
            Ok(answer),
            "{written}"
        );
    }
    let Ok(target) = std::str::from_utf8(data) else { return };
    if let Ok(query) = Query::parse(target) {
        let written = query.to_string();
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written:?}");
        if written.len() <= Query::MAX_TARGET {
            assert_eq!(Query::parse(&written), Ok(query), "{written}");
        }
    }
}

/// Requests on two connections, in any order and broken off anywhere: each that ends gets one response, whose status is never 500,
/// and nothing is left behind.
pub fn autodiscover_responder(data: &[u8]) {
    const TARGETS: [&str; 4] = [
        "/autodiscover/autodiscover.xml",
        "/autodiscover/autodiscover.svc",
        "/autodiscover/autodiscover.json?Email=a@b",
        "/",
    ];
    let now = Instant::now();
    let mut responder = Responder::new(ResponderConfig::DEFAULT);
    // Of each connection whether a request is open, and how many were ended.
    let (mut open, mut owed) = ([false; 2], [0_u32; 2]);
    let mut rest = data;
    while let Some((op, tail)) = rest.split_first() {
        rest = tail;
        let at = usize::from(op & 1);
        let conn = ConnectionId::new(u64::from(op & 1));
        let event = match op >> 1 & 7 {
            0 | 1 => {
                let method = if op & 0x40 == 0 { "POST" } else { "GET" };
                let head = RequestHead::builder(method, TARGETS[usize::from(op >> 4 & 3)]).request();
                HttpEvent::Head(Head::Request(head.expect("a head")))
            }
            2 | 3 => {
                let len = usize::from(op >> 4) * 64;
                let (body, tail) = rest.split_at(len.clamp(1, rest.len().max(1)).min(rest.len()));
                rest = tail;
                HttpEvent::Body(Bytes::copy_from_slice(body))
            }
            4 => HttpEvent::End,
            5 => HttpEvent::Reset(Reset::unknown("gone")),
            6 => {
                if let Some(event) = responder.poll_event() {
                    let reply = match &event.wanted {
                        Wanted::Pox(question) => question.answer(Known::Nobody),
                        Wanted::Soap(question) => question.answer(KnownSoap::Busy, None),
                        Wanted::Json(query) => answer_json(query, KnownJson::Nobody),
                        other => panic!("{other:?}"),
                    };
                    responder.reply(event.handle, &reply);
                }
                continue;
            }
            _ => {
                responder.handle_timeout(now + Duration::from_secs(31));
                continue;
            }
        };
        let (begins, ends) = (matches!(event, HttpEvent::Head(_)), matches!(event, HttpEvent::End));
        let gone = matches!(event, HttpEvent::Reset(_));
        let taken = responder.handle(now, conn, None, event).is_ok();
        assert!(!ends || taken == open[at], "an end without a request");
        if begins && taken {
            open[at] = true;
        } else if ends && taken {
            open[at] = false;
            owed[at] += 1;
        } else if gone {
            (open[at], owed[at]) = (false, 0);
        }
        while let Some(transmit) = responder.poll_transmit(now) {
            if let HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Response(head)) } = transmit {
                let at = usize::from(conn == ConnectionId::new(1));
                assert!(owed[at] > 0 && head.status() != 500);
                owed[at] -= 1;
            }
        }
    }
    responder.handle_timeout(now + Duration::from_secs(31));
    let answered = std::iter::from_fn(|| responder.poll_transmit(now));
    let ends = answered.filter(|t| matches!(t, HttpTransmit::Event { event: HttpEvent::End, .. })).count();
    assert!(u32::try_from(ends).is_ok_and(|ends| ends <= owed.iter().sum()));
    assert!(responder.poll_timeout().is_none() && responder.poll_event().is_none());
}
