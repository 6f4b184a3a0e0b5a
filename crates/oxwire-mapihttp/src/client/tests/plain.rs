//! The plain form is the same machine.

use bytes::Bytes;
use oxwire_http::{PlainForm as _, PlainTransmit, Reset};

use super::{Answer, URL, WALL, config, start};
use crate::client::{Client, ContextState, Event, Outcome};

fn request(client: &mut Client) -> (oxwire_core::ConnectionId, http::Request<Bytes>) {
    match client.poll_request(client.now) {
        Some(PlainTransmit::Request { conn, request, .. }) => (conn, *request),
        other => panic!("{other:?}"),
    }
}

fn answer(client: &mut Client, conn: oxwire_core::ConnectionId, answer: &Answer) {
    let now = client.now;
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let (parts, ()) = response.body(()).unwrap().into_parts();
    client.handle_response(now, conn, &parts).unwrap();
    for byte in &answer.body {
        client.handle_body(now, conn, Bytes::copy_from_slice(&[*byte])).unwrap();
        client.handle_body(now, conn, Bytes::new()).unwrap();
    }
    client.handle_end(now, conn).unwrap();
}

#[test]
fn a_context_by_plain_requests() {
    let now = start();
    let mut client = Client::new(config(), now, WALL).unwrap();
    client.connect(now, Bytes::from_static(b"connect body")).unwrap();
    let (conn, connect) = request(&mut client);
    assert_eq!((connect.method(), connect.uri().to_string().as_str()), (&http::Method::POST, URL));
    assert_eq!(connect.headers()["x-requesttype"], "Connect");
    assert_eq!(connect.body(), "connect body");
    answer(&mut client, conn, &Answer::connected());
    assert!(matches!(client.poll_event(), Some(Event::Completed(_))));

    client.execute(now, Bytes::from_static(b"rops")).unwrap();
    client.notification_wait(now, Bytes::from_static(b"wait")).unwrap();
    let (execute, first) = request(&mut client);
    let (wait, second) = request(&mut client);
    assert_eq!((first.body(), second.body()), (&Bytes::from("rops"), &Bytes::from("wait")));
    assert_eq!(first.headers()["cookie"], "MapiContext=c1; MapiSequence=s1");
    assert!(client.poll_request(now).is_none());

    // No connection could be opened: the same request again.
    client.handle_failed(now, execute, Reset::not_sent("refused")).unwrap();
    let (execute, again) = request(&mut client);
    assert_eq!((again.headers(), again.body()), (first.headers(), first.body()));
    // Broken off after it was sent: reported, the other exchange dropped, and a Connect.
    client.handle_failed(now, execute, Reset::unknown("reset by peer")).unwrap();
    match client.poll_request(now) {
        Some(PlainTransmit::Cancel { conn }) => assert_eq!(conn, wait),
        other => panic!("{other:?}"),
    }
    let (conn, connect) = request(&mut client);
    assert_eq!(connect.headers()["x-requesttype"], "Connect");
    answer(&mut client, conn, &Answer::connected());
    let events: Vec<Event> = std::iter::from_fn(|| client.poll_event()).collect();
    assert!(matches!(&events[0], Event::Completed(done) if matches!(done.outcome, Outcome::Unanswered { .. })));
    assert!(matches!(&events[1], Event::Completed(done) if matches!(done.outcome, Outcome::Unanswered { .. })));
    assert!(matches!(&events[2], Event::ContextReplaced { .. }));
    assert_eq!((events.len(), client.state()), (3, ContextState::Established));
}

/// A request that was made for one host, its cookies in it, goes there: also when a redirect was followed before it was taken.
#[test]
fn a_request_goes_where_it_was_made_for() {
    let now = start();
    let mut client = Client::new(config(), now, WALL).unwrap();
    client.connect(now, Bytes::new()).unwrap();
    let (conn, _) = request(&mut client);
    answer(&mut client, conn, &Answer::connected());
    client.poll_event();
    client.execute(now, Bytes::from_static(b"rops")).unwrap();
    let (conn, _) = request(&mut client);
    answer(&mut client, conn, &Answer::status(302).with("Location", "https://other.test/mapi/"));
    let Some(Event::Redirect { handle, .. }) = client.poll_event() else { panic!() };
    client.notification_wait(now, Bytes::from_static(b"wait")).unwrap();
    client.follow_redirect(now, handle).unwrap();
    for _ in 0..2 {
        let (_, sent) = request(&mut client);
        let cookies = sent.headers().get("cookie").map(|value| value.to_str().unwrap());
        match sent.uri().host().unwrap() {
            "mail.test" => {
                assert_eq!((&sent.body()[..], cookies), (&b"wait"[..], Some("MapiContext=c1; MapiSequence=s1")))
            }
            host => assert_eq!((host, &sent.body()[..], cookies), ("other.test", &b"rops"[..], None)),
        }
    }
}
