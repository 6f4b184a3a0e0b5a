//! Autodiscover v2: queries, answers, errors, and the responder's half.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use oxwire_autodiscover::json::{Answer, JsonError, JsonLimits, Protocol, Query, QueryError};
use oxwire_autodiscover::responder::{AskedJson, KnownJson, Reply, answer_json};
use proptest::prelude::*;

fn answer(text: &str) -> Result<Answer, JsonError> {
    Answer::decode(text.as_bytes(), JsonLimits::DEFAULT)
}

/// Outlook 2019 asks for `Autodiscoverv1`.
#[test]
fn outlook_2019_query() {
    let query =
        Query::parse("/autodiscover/autodiscover.json?Email=kim%40example.com&Protocol=Autodiscoverv1&RedirectCount=1")
            .unwrap();
    assert_eq!(
        (&*query.email, &query.protocol, query.redirect_count),
        ("kim@example.com", &Protocol::AutodiscoverV1, Some(1))
    );
}

/// Outlook for mobile devices asks for ActiveSync, with RedirectCount 1 in its first query.
#[test]
fn outlook_mobile_query() {
    let target = "/autodiscover/autodiscover.json/v1.0/kim@example.com?Protocol=ActiveSync&RedirectCount=1";
    let query = Query::parse(target).unwrap();
    assert_eq!(query.to_string(), target);
    assert_eq!((&*query.email, query.protocol), ("kim@example.com", Protocol::ActiveSync));
}

#[test]
fn targets() {
    type Case = (&'static str, Result<(&'static str, &'static str), QueryError>);
    let table: &[Case] = &[
        ("/AutoDiscover/AutoDiscover.JSON?email=a+b@c&PROTOCOL=EWS", Ok(("a+b@c", "Ews"))),
        ("/autodiscover/autodiscover.json/v1.0/a@b?Protocol=rest", Ok(("a@b", "Rest"))),
        ("/autodiscover/autodiscover.json/v1.0/?Email=a@b&Protocol=X%20y", Ok(("a@b", "X y"))),
        ("/autodiscover/autodiscover.json/v1.0/a@b?Email=c@d&Protocol=x", Ok(("a@b", "x"))),
        ("/autodiscover/autodiscover.json?Email=%C3%BC@b&Protocol=x&&Y", Ok(("ü@b", "x"))),
        ("/autodiscover/autodiscover.xml?Email=a@b&Protocol=x", Err(QueryError::Path)),
        ("/autodiscover/autodiscover.jsonp?Email=a@b&Protocol=x", Err(QueryError::Path)),
        ("", Err(QueryError::Path)),
        ("/autodiscover/autodiscover.json?Protocol=x", Err(QueryError::NoEmail)),
        ("/autodiscover/autodiscover.json?Email=kim&Protocol=x", Err(QueryError::NoEmail)),
        ("/autodiscover/autodiscover.json?Email=a@b", Err(QueryError::NoProtocol)),
        ("/autodiscover/autodiscover.json?Email=a@b&Protocol=", Err(QueryError::NoProtocol)),
        ("/autodiscover/autodiscover.json?Email=%4", Err(QueryError::Encoding)),
        ("/autodiscover/autodiscover.json?Email=%+1", Err(QueryError::Encoding)),
        ("/autodiscover/autodiscover.json?Email=%ff@b&Protocol=x", Err(QueryError::Encoding)),
    ];
    for (target, expected) in table {
        let found = Query::parse(target);
        let found = found.as_ref().map(|query| (&*query.email, query.protocol.name())).map_err(|error| *error);
        assert_eq!(found, *expected, "{target}");
    }
    let long = format!("/autodiscover/autodiscover.json?Email={}", "a".repeat(Query::MAX_TARGET));
    assert_eq!(Query::parse(&long), Err(QueryError::TooLong));
}

#[test]
fn answers() {
    let url =
        answer(r#"{"Protocol":"ActiveSync","Url":"https:\/\/mail.example.com\/Microsoft-Server-ActiveSync"}"#).unwrap();
    let expected = "https://mail.example.com/Microsoft-Server-ActiveSync";
    assert_eq!(url, Answer::Url { protocol: Some(Protocol::ActiveSync), url: expected.to_owned() });
    assert_eq!((answer(&url.encode()), url.status()), (Ok(url.clone()), 200));
    let spelled = answer("\u{FEFF}{\"url\":\"https://x\",\"New\":[1,{}],\"PROTOCOL\":\"autodiscoverV1\"}").unwrap();
    assert_eq!(spelled, Answer::Url { protocol: Some(Protocol::AutodiscoverV1), url: "https://x".to_owned() });
    let error = answer(r#"{"ErrorCode":"InvalidProtocol","ErrorMessage":"'x' is none of 'ActiveSync'"}"#).unwrap();
    assert!(error.is_error(Answer::INVALID_PROTOCOL) && !error.is_error(Answer::USER_NOT_FOUND));
    assert_eq!((error.status(), answer(&error.encode())), (400, Ok(error)));
}

#[test]
fn no_answers() {
    let syntax = |line, column| JsonError::Syntax { line, column };
    let table = [
        ("", syntax(1, 0)),
        ("<html>", syntax(1, 1)),
        ("{\n\"Url\":}", syntax(2, 7)),
        ("{\"Url\":\"x\"} x", syntax(1, 13)),
        ("[]", JsonError::NotObject),
        ("\"Url\"", JsonError::NotObject),
        ("{}", JsonError::NoAnswer),
        ("{\"Url\":1}", JsonError::NoAnswer),
        ("{\"Url\":\"\"}", JsonError::NoAnswer),
        ("{\"ErrorMessage\":\"x\"}", JsonError::NoAnswer),
    ];
    for (text, expected) in table {
        assert_eq!(answer(text), Err(expected), "{text}");
    }
    let deep = "[".repeat(200);
    assert!(matches!(answer(&deep), Err(JsonError::Syntax { .. })));
    let limits = JsonLimits::DEFAULT.with_bytes(1);
    assert_eq!(Answer::decode(b"{}", limits), Err(JsonError::TooLong { allowed: 1 }));
    let whole = r#"{"Protocol":"Ews","Url":"https://x"}"#;
    for len in 0..whole.len() {
        assert!(Answer::decode(&whole.as_bytes()[..len], JsonLimits::DEFAULT).is_err());
    }
}

fn read(reply: &Reply) -> Answer {
    assert_eq!((reply.content_type, &reply.location), ("application/json; charset=utf-8", &None));
    answer(&reply.body).unwrap()
}

#[test]
fn responder() {
    let urls = [
        (Protocol::AutodiscoverV1, "https://mail.example.com/autodiscover/autodiscover.xml"),
        (Protocol::Ews, "https://e"),
    ];
    let ask = |target: &str, known| match AskedJson::read("GET", target) {
        AskedJson::Query(query) => answer_json(&query, known),
        AskedJson::Reply(reply) => reply,
    };
    let target = |protocol: &str| format!("/autodiscover/autodiscover.json?Email=kim@example.com&Protocol={protocol}");
    let known = KnownJson::Urls(&urls);
    let found = ask(&target("AUTODISCOVERV1"), known);
    assert_eq!(found.status, 200);
    let expected = Answer::Url { protocol: Some(Protocol::AutodiscoverV1), url: urls[0].1.to_owned() };
    assert_eq!(read(&found), expected);
    // An unknown protocol is answered with the list.
    let unknown = ask(&target("telepathy"), known);
    assert_eq!(unknown.status, 400);
    let Answer::Error { code, message } = read(&unknown) else { panic!("{unknown:?}") };
    assert_eq!(code, Answer::INVALID_PROTOCOL);
    assert!(message.contains("'telepathy'") && message.contains("'AutodiscoverV1,Ews'"), "{message}");
    let nobody = ask(&target("ews"), KnownJson::Nobody);
    assert_eq!((nobody.status, read(&nobody).is_error(Answer::USER_NOT_FOUND)), (404, true));
    let redirect = ask(&target("ews"), KnownJson::Redirect("https://other.example/"));
    let location =
        "https://other.example/autodiscover/autodiscover.json/v1.0/kim@example.com?Protocol=Ews&RedirectCount=1";
    assert_eq!((redirect.status, redirect.location.as_deref()), (302, Some(location)));
    for (method, target, code) in [
        ("GET", "/autodiscover/autodiscover.json?Email=a@b", Answer::MANDATORY_PARAMETER_MISSING),
        ("GET", "/autodiscover/autodiscover.json?Protocol=Ews", Answer::INVALID_USER_ID),
        ("POST", "/autodiscover/autodiscover.json?Email=a@b&Protocol=Ews", Answer::MANDATORY_PARAMETER_MISSING),
    ] {
        let AskedJson::Reply(reply) = AskedJson::read(method, target) else { panic!("{target}") };
        assert_eq!((reply.status, read(&reply).is_error(code)), (400, true), "{target}");
    }
}

proptest! {
    #[test]
    fn query_round_trips(email in "[^\\x00]{0,8}@[^\\x00]{0,8}", protocol in "[^\\x00]{1,8}", redirect_count: Option<u32>) {
        let query = Query { redirect_count, ..Query::new(email, Protocol::of(protocol.into())) };
        let target = query.to_string();
        prop_assert_eq!(Query::parse(&target), Ok(query));
    }

    #[test]
    fn answer_round_trips(text in any::<[String; 2]>(), error: bool) {
        let [first, second] = text.map(|text| format!("x{text}"));
        let written = if error {
            Answer::Error { code: first, message: second }
        } else {
            Answer::Url { protocol: Some(Protocol::of(first.into())), url: second }
        };
        prop_assert_eq!(answer(&written.encode()), Ok(written));
    }

    #[test]
    fn any_target(target in "/autodiscover.json(/v1.0/)?[%@a?&=A-F0-9]{0,20}|\\PC{0,20}") {
        if let Ok(query) = Query::parse(&target) {
            let again = query.to_string();
            prop_assert_eq!(Query::parse(&again), Ok(query));
        }
    }
}
