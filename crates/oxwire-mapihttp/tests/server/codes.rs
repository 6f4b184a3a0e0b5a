//! Every X-ResponseCode and the condition that it is sent on: [MS-OXCMAPIHTTP] 2.2.3.3.3.

use bytes::Bytes;
use oxwire_http::HeadBuilder;
use oxwire_mapihttp::server::{Availability, Refusal, ServerConfig, ServerLimits, TableLimits};

use crate::harness::{Harness, Response, connect_body, connect_success, execute_body, execute_success, wait_body};

/// What is wrong with a request, and what it comes to.
struct Case {
    rows: &'static str,
    code: u32,
    name: &'static str,
    request: fn(&mut Harness) -> Response,
}

fn from_alice(h: &mut Harness, head: HeadBuilder, body: &Bytes) -> Response {
    h.refusal(Some("alice"), head, body)
}

fn connect_with(h: &mut Harness, change: fn(HeadBuilder) -> HeadBuilder) -> Response {
    let head = change(h.head("Connect", ""));
    from_alice(h, head, &connect_body())
}

const CASES: &[Case] = &[
    Case {
        rows: "R138",
        code: 2,
        name: "a GET",
        request: |h| {
            let head = oxwire_http::RequestHead::builder("GET", "/mapi/emsmdb/")
                .field("X-RequestType", "Connect")
                .field("X-RequestId", h.next_id());
            from_alice(h, head, &Bytes::new())
        },
    },
    Case {
        rows: "R139",
        code: 3,
        name: "another path",
        request: |h| {
            let head = oxwire_http::RequestHead::builder("POST", "/mapi/nspi/")
                .field("X-RequestType", "Connect")
                .field("X-RequestId", h.next_id());
            from_alice(h, head, &connect_body())
        },
    },
    Case {
        rows: "R140",
        code: 4,
        name: "a Content-Type of forms",
        request: |h| connect_with(h, |head| head.set("Content-Type", "application/x-www-form-urlencoded")),
    },
    Case {
        rows: "R140",
        code: 4,
        name: "an X-RequestId of 129 characters",
        request: |h| connect_with(h, |head| head.set("X-RequestId", "1".repeat(129))),
    },
    Case {
        rows: "R140",
        code: 4,
        name: "an X-ClientInfo of 129 characters",
        request: |h| connect_with(h, |head| head.set("X-ClientInfo", "1".repeat(129))),
    },
    Case {
        rows: "R141",
        code: 5,
        name: "a request type that nobody knows",
        request: |h| connect_with(h, |head| head.set("X-RequestType", "invalidValue")),
    },
    Case {
        rows: "R141",
        code: 5,
        name: "a request type of the address book endpoint",
        request: |h| connect_with(h, |head| head.set("X-RequestType", "Bind")),
    },
    Case {
        rows: "R142",
        code: 6,
        name: "a context cookie that no server made",
        request: |h| {
            let head = h.head("Execute", "MapiContext=Invalid cookie; MapiSequence=Invalid cookie");
            from_alice(h, head, &execute_body(b""))
        },
    },
    Case {
        rows: "R143",
        code: 7,
        name: "no X-RequestId",
        request: |h| connect_with(h, |head| head.without("X-RequestId")),
    },
    Case {
        rows: "R143",
        code: 7,
        name: "no X-RequestType",
        request: |h| connect_with(h, |head| head.without("X-RequestType")),
    },
    Case {
        rows: "R143",
        code: 7,
        name: "no Content-Type",
        request: |h| connect_with(h, |head| head.without("Content-Type")),
    },
    Case {
        rows: "R144 R35 R36",
        code: 8,
        name: "nobody",
        request: |h| {
            let head = h.head("Connect", "");
            h.refusal(None, head, &connect_body())
        },
    },
    Case {
        rows: "R145",
        code: 9,
        name: "a body past the limit",
        request: |h| {
            let head = h.head("Connect", "");
            from_alice(h, head, &Bytes::from(vec![0; (16 << 20) + 1]))
        },
    },
    Case {
        rows: "R146 R1253 R2236",
        code: 10,
        name: "the cookie of a context that has ended",
        request: |h| {
            let (context, jar) = h.connect("alice", 1);
            h.server.end_context(h.now, context);
            let head = h.head("Execute", &jar.line());
            from_alice(h, head, &execute_body(b""))
        },
    },
    Case {
        rows: "R1225",
        code: 10,
        name: "the cookie of another user's context",
        request: |h| {
            let (_, jar) = h.connect("bob", 1);
            let head = h.head("Execute", &jar.line());
            from_alice(h, head, &execute_body(b""))
        },
    },
    Case {
        rows: "R1283",
        code: 10,
        name: "a Connect with the cookie of another server",
        request: |h| {
            let head = h.head("Connect", "MapiContext=MAPIAAAAAJaf+4n+iPOg");
            from_alice(h, head, &connect_body())
        },
    },
    Case {
        rows: "R148",
        code: 12,
        name: "an Execute whose ROP buffer is shorter than it says",
        request: |h| {
            let (_, jar) = h.connect("alice", 1);
            let head = h.head("Execute", &jar.line());
            let body = execute_body(b"rops");
            from_alice(h, head, &body.slice(..body.len() - 9))
        },
    },
    Case {
        rows: "R148",
        code: 12,
        name: "a Connect without its body",
        request: |h| {
            let head = h.head("Connect", "");
            from_alice(h, head, &Bytes::new())
        },
    },
    Case {
        rows: "R148",
        code: 12,
        name: "a Disconnect with a body that is none",
        request: |h| {
            let (_, jar) = h.connect("alice", 1);
            let head = h.head("Disconnect", &jar.line());
            from_alice(h, head, &Bytes::from_static(b"xyz"))
        },
    },
    Case {
        rows: "R149",
        code: 13,
        name: "an Execute without cookies",
        request: |h| {
            let head = h.head("Execute", "");
            from_alice(h, head, &execute_body(b""))
        },
    },
    Case {
        rows: "R149",
        code: 13,
        name: "an Execute without the sequence cookie",
        request: |h| {
            let (_, jar) = h.connect("alice", 1);
            let head = h.head("Execute", &jar.context);
            from_alice(h, head, &execute_body(b""))
        },
    },
    Case {
        rows: "R149",
        code: 13,
        name: "a NotificationWait without cookies",
        request: |h| {
            let head = h.head("NotificationWait", "");
            from_alice(h, head, &wait_body())
        },
    },
    Case {
        rows: "R151",
        code: 15,
        name: "a sequence cookie that was used",
        request: |h| {
            let (_, jar) = h.connect("alice", 1);
            h.execute("alice", &mut jar.clone(), b"");
            let head = h.head("Execute", &jar.line());
            from_alice(h, head, &execute_body(b""))
        },
    },
    Case {
        rows: "R1228",
        code: 15,
        name: "two requests at a time",
        request: |h| {
            let (_, jar) = h.connect("alice", 1);
            h.begin_execute("alice", &jar, b"first");
            let head = h.head("Execute", &jar.line());
            from_alice(h, head, &execute_body(b"second"))
        },
    },
    Case {
        rows: "R1228",
        code: 15,
        name: "a PING beside an Execute",
        request: |h| {
            let (_, jar) = h.connect("alice", 1);
            h.begin_execute("alice", &jar, b"first");
            let head = h.head("PING", &jar.line());
            from_alice(h, head, &Bytes::new())
        },
    },
    Case {
        rows: "R152",
        code: 16,
        name: "an endpoint that is switched off",
        request: |h| {
            h.server.set_availability(h.now, Availability::Disabled);
            connect_with(h, |head| head)
        },
    },
    Case {
        rows: "R154",
        code: 18,
        name: "an endpoint that is being shut down",
        request: |h| {
            h.server.set_availability(h.now, Availability::ShuttingDown);
            connect_with(h, |head| head)
        },
    },
    Case {
        rows: "R137",
        code: 1,
        name: "more contexts than a user may have",
        request: |h| {
            let table = TableLimits::DEFAULT.with_contexts_per_user(1);
            *h = Harness::new(ServerConfig::new().with_table(table));
            h.connect("alice", 1);
            h.connect("bob", 1);
            connect_with(h, |head| head)
        },
    },
    Case {
        rows: "R137",
        code: 1,
        name: "more contexts than there may be",
        request: |h| {
            *h = Harness::new(ServerConfig::new().with_table(TableLimits::DEFAULT.with_contexts(1)));
            h.connect("bob", 1);
            connect_with(h, |head| head)
        },
    },
];

#[test]
fn r47_r49_r50_r54_r61_r135_r460_r1459_r2038_each_refusal_is_a_200_with_its_code_and_a_text() {
    for case in CASES {
        let mut h = Harness::plain();
        let response = (case.request)(&mut h);
        let what = format!("{} ({})", case.name, case.rows);
        assert_eq!(response.code(), case.code, "{what}: {}", response.text());
        let head = response.head.as_ref().unwrap();
        assert_eq!(head.status(), 200, "{what}");
        // R2038: the diagnostic text is text/html. R460, R61: it is whole, so it has a length. R56: there is a text.
        assert_eq!(response.header("Content-Type"), "text/html", "{what}");
        assert_eq!(response.header("Content-Length"), response.body.len().to_string(), "{what}");
        assert_eq!(response.header("Transfer-Encoding"), "", "{what}");
        assert!(response.text().contains(&format!("X-ResponseCode {}: ", case.code)), "{what}");
        assert!(response.cookies().is_empty(), "{what}");
    }
}

/// The codes that the machine sends of itself, and those that only the application knows a reason for: together all but 0 and 14.
#[test]
fn r135_every_code_of_the_table_has_a_condition_and_14_has_none() {
    let mut codes: Vec<u32> = CASES.iter().map(|case| case.code).collect();
    // NoPrivilege and InvalidResponse come behind DONE: tested below.
    codes.extend([11, 17]);
    codes.sort_unstable();
    codes.dedup();
    let all: Vec<u32> = Refusal::ALL.iter().map(|refusal| refusal.code().number()).collect();
    assert_eq!(codes, all);
    assert!(!all.contains(&14));
}

/// R147: the application says so, behind DONE.
#[test]
fn r147_r2229_r2230_r2232_the_application_fails_a_request_after_it_was_accepted() {
    let mut h = Harness::plain();
    let (_, mut jar) = h.connect("alice", 1);
    let (conn, handle) = h.begin_execute("alice", &jar, b"");
    h.server.fail(h.now, handle, Refusal::NoPrivilege, "no rights on <this>").unwrap();
    let response = h.receive(conn);
    jar.learn(&response);
    assert!(response.ended);
    assert_eq!(response.code(), 0);
    let text = response.text();
    assert!(text.starts_with("PROCESSING\r\nDONE\r\nX-ResponseCode: 11\r\nContent-Type: text/html\r\n"), "{text}");
    assert!(text.ends_with("X-ResponseCode 11: no rights on &lt;this&gt;</p></body></html>"), "{text}");
    // The context goes on.
    assert_eq!(h.execute("alice", &mut jar, b"").code(), 0);
}

#[test]
fn r153_an_answer_past_the_limit_is_told_as_code_17() {
    let limits = ServerLimits::DEFAULT.with_response_bytes(100);
    let mut h = Harness::new(ServerConfig::new().with_limits(limits));
    let (_, mut jar) = h.connect("alice", 1);
    let (conn, handle) = h.begin_execute("alice", &jar, b"");
    let error = h.server.respond(h.now, handle, &[Bytes::from(vec![0; 60]), Bytes::from(vec![0; 41])]).unwrap_err();
    assert!(error.to_string().contains("101 bytes"), "{error}");
    let response = h.receive(conn);
    assert!(response.ended && response.text().contains("\r\nX-ResponseCode: 17\r\n"), "{}", response.text());
    jar.learn(&response);
    assert_eq!(h.execute("alice", &mut jar, b"").payload(), execute_success(b""));
}

#[test]
fn r133_r136_r48_success_is_0() {
    let mut h = Harness::plain();
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Connect", ""), &connect_body());
    let handle = h.request().handle;
    h.server.accept(h.now, handle, 0, &[connect_success()]).unwrap();
    let response = h.receive(conn);
    assert_eq!((response.head.as_ref().unwrap().status(), response.header("X-ResponseCode")), (200, "0"));
}

/// quirks: RCA sends `application/octet-stream` and an X-RequestId without braces; gromox writes request types in lower case.
#[test]
fn rca_and_gromox_are_understood() {
    let mut h = Harness::plain();
    let conn = h.conn();
    let head = h
        .head("connect", "")
        .set("Content-Type", "application/octet-stream")
        .set("X-RequestId", "E2EA6C1C-E61B-49E9-9CFB-38184F907552:1")
        .set("User-Agent", "MapiHttpClient");
    h.send(conn, Some("alice"), head, &connect_body());
    let request = h.request();
    assert_eq!(request.client_application().unwrap().version, [15, 0, 4569, 1503]);
    assert_eq!(request.query(), Some("MailboxId=a@oxwire.test"));
    assert_eq!(h.receive(conn).header("X-RequestId"), "E2EA6C1C-E61B-49E9-9CFB-38184F907552:1");
}
