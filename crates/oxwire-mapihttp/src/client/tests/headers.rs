//! Headers that a request carries, and those that it never does.

use bytes::Bytes;
use oxwire_core::{Error, Guid};
use oxwire_http::{Scheme, Version};

use super::{Answer, Bench, Received, URL, WALL, config, entropy, start};
use crate::GuidCounter;
use crate::client::{Client, Config, Outcome};

/// Every header of every request type, against [MS-OXCMAPIHTTP] 2.2.2.1 and 2.2.3.
#[test]
fn r2_r3_r27_r37_r38_r39_r59_r61_r67_r2039_r2045_r161_r162_r180_r456_request_headers() {
    let mut bench = Bench::new(config().with_user_agent("agent/1"));
    bench.client.connect(bench.now, Bytes::from_static(b"connect")).unwrap();
    let mut seen = vec![bench.request()];
    bench.answer(&seen[0], &Answer::connected());
    bench.execute(b"rops");
    seen.push(bench.request());
    bench.answer(&seen[1], &Answer::ok(b""));
    bench.client.notification_wait(bench.now, Bytes::from_static(b"wait")).unwrap();
    seen.push(bench.request());
    bench.client.ping(bench.now).unwrap();
    seen.push(bench.request());
    bench.answer(&seen[3], &Answer::ok(b""));
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    seen.push(bench.request());
    let types: Vec<&str> = seen.iter().map(Received::request_type).collect();
    assert_eq!(types, ["Connect", "Execute", "NotificationWait", "PING", "Disconnect"]);
    assert!(bench.opened.iter().all(|(_, origin)| origin.scheme == Scheme::Https));
    for request in &seen {
        assert_eq!(request.head.method(), "POST");
        assert_eq!(request.head.version(), Version::Http11);
        // The body follows a blank line.
        assert!(request.head.as_bytes().ends_with(b"\r\n\r\n"));
        // The URL as Autodiscover gave it, its query included.
        assert_eq!(request.head.target(), "/mapi/emsmdb/?MailboxId=6e07fc3a@mail.test");
        assert_eq!(request.header("Host"), Some("mail.test"));
        assert_eq!(request.header("Content-Type"), Some("application/mapi-http"));
        assert_eq!(request.header("Content-Length"), Some(request.body.len().to_string().as_str()));
        assert_eq!(request.header("Accept"), Some("application/mapi-http"));
        assert_eq!(request.header("User-Agent"), Some("agent/1"));
        let application = request.header("X-ClientApplication").unwrap();
        let version: Vec<&str> = application.strip_prefix("Outlook/").unwrap().split('.').collect();
        assert_eq!((version[0], version.len()), ("15", 4), "Outlook/15.xx.xxxx.xxxx");
        assert!(request.header("X-RequestId").unwrap().parse::<GuidCounter>().is_ok());
        assert!(request.header("X-ClientInfo").unwrap().parse::<GuidCounter>().is_ok());
        for name in ["Transfer-Encoding", "X-DeviceInfo", "Authorization", "Expect"] {
            assert_eq!(request.header(name), None, "{name}");
        }
        let names: Vec<&str> = request.head.fields().iter().map(|(name, _)| name).collect();
        let unique: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len(), "each header once: {names:?}");
    }
}

#[test]
fn r59_host_names_a_port_that_is_not_the_schemes_own() {
    let mut bench = Bench::new(Config::new("https://[::1]:8443/mapi/emsmdb/", &mut entropy(1)));
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!(request.header("Host"), Some("[::1]:8443"));
    assert_eq!(bench.opened[0].1.port, 8443);
}

fn id_of(request: &Received) -> GuidCounter {
    request.header("X-RequestId").unwrap().parse().unwrap()
}

fn info_of(request: &Received) -> GuidCounter {
    request.header("X-ClientInfo").unwrap().parse().unwrap()
}

/// One GUID a Session Context, one counter for all of them; X-ClientInfo one GUID a client instance, its counter one a
/// context that is established and the same for one that is re-established.
#[test]
fn r130_r131_r1305_r1330_r1432_r1464_r155_r2041_r2042_r2043_r2044_identifiers() {
    let mut bench = Bench::new(config());
    let mut ids = Vec::new();
    let mut infos = Vec::new();
    for _ in 0..2 {
        bench.client.connect(bench.now, Bytes::new()).unwrap();
        let request = bench.request();
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::connected());
        bench.execute(b"");
        let request = bench.request();
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::ok(b""));
        bench.client.reconnect(bench.now).unwrap();
        let request = bench.request();
        assert_eq!(request.request_type(), "Connect");
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::connected());
        bench.client.disconnect(bench.now, Bytes::new()).unwrap();
        let request = bench.request();
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::ok(b""));
    }
    assert!(ids.is_sorted_by(|a, b| a.counter < b.counter), "{ids:?}");
    let guids: Vec<Guid> = ids.iter().map(|id| id.guid).collect();
    assert_eq!((guids[0], guids[2], guids[4], guids[6]), (guids[1], guids[3], guids[5], guids[7]));
    let unique: std::collections::BTreeSet<Guid> = guids.iter().copied().collect();
    assert_eq!(unique.len(), 4, "{guids:?}");
    assert!(infos.iter().all(|info| info.guid == infos[0].guid));
    let counters: Vec<u64> = infos.iter().map(|info| info.counter).collect();
    assert_eq!(counters, [1, 1, 1, 1, 2, 2, 2, 2]);
    // Another client has other GUIDs, unless it is told that it belongs to the same instance.
    let other = Config::new(URL, &mut entropy(8));
    assert_ne!(other.client_instance, config().client_instance);
    assert_ne!(other.request_guid, config().request_guid);
    let same = other.with_client_instance(config().client_instance, 100);
    assert_eq!((same.client_instance, same.client_info_counter), (config().client_instance, 100));
}

#[test]
fn r2047_r2048_r2049_r2051_r2052_r2054_r2238_device_info_is_discarded() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"");
    let request = bench.request();
    assert_eq!(request.header("X-DeviceInfo"), None);
    bench.answer(&request, &Answer::ok(b"x").with("X-DeviceInfo", "proxy 7"));
    match bench.outcome_of(handle) {
        Outcome::Answered(response) => assert_eq!(response.header("X-DeviceInfo"), None),
        other => panic!("{other:?}"),
    }
    bench.execute(b"");
    assert_eq!(bench.request().header("X-DeviceInfo"), None);
}

#[test]
fn configured_texts_are_checked_before_anything_goes_out() {
    let now = start();
    for config in [
        Config::new("mail.test/mapi", &mut entropy(1)),
        config().with_user_agent("a\r\nCookie: x"),
        config().with_client_application("a\nb"),
    ] {
        assert!(matches!(Client::new(config, now, WALL), Err(Error::Misuse(_))));
    }
}
