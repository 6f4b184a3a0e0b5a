//! Cookies of a Session Context, in the spellings of real servers.

use bytes::Bytes;

use super::{Answer, Bench, config};

/// Exchange SE on Connect: four cookies in four lines; all come back in one.
#[test]
fn r70_r71_r72_r73_r1140_r1148_r1149_r1150_r1151_r1154_r1155_r1212_exchange_se_cookies() {
    let mut bench = Bench::new(config());
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!(request.header("Cookie"), None, "never an empty one");
    bench.answer(
        &request,
        &Answer::connected()
            .with("Set-Cookie", "MapiRouting=r1; path=/mapi/; secure; HttpOnly")
            .with(
                "set-cookie",
                "X-BackEndCookie=b1; expires=Sun, 01-Feb-2026 00:00:00 GMT; path=/mapi; secure; HttpOnly",
            )
            .with("Set-Cookie", "cadata=; expires=Mon, 01-Jan-1990 00:00:00 GMT"),
    );
    bench.execute(b"");
    let request = bench.request();
    let cookies = "MapiContext=c1; MapiSequence=s1; MapiRouting=r1; X-BackEndCookie=b1";
    assert_eq!(request.header("Cookie"), Some(cookies));
    assert_eq!(request.head.fields().all("Cookie").count(), 1);
    // Renewed on any response; of a repeated name the last one wins; an emptied one goes.
    bench.answer(
        &request,
        &Answer::ok(b"")
            .with("Set-Cookie", "MapiSequence=s2; path=/mapi/emsmdb")
            .with("Set-Cookie", "X-BackEndCookie=b2; path=/")
            .with("Set-Cookie", "X-BackEndCookie=b3; path=/mapi")
            .with("Set-Cookie", "MapiRouting="),
    );
    bench.execute(b"");
    let request = bench.request();
    assert_eq!(request.header("Cookie"), Some("MapiContext=c1; MapiSequence=s2; X-BackEndCookie=b3"));
}

/// gromox: `sid` and `sequence` without attributes, `sequence` new at every Execute.
#[test]
fn r1150_gromox_cookies_without_attributes() {
    let mut bench = Bench::new(config());
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    let answer = Answer::ok(&[0; 31]).with("Set-Cookie", "sid=abc").with("Set-Cookie", "sequence=1");
    bench.answer(&request, &answer);
    for sequence in 1..4 {
        bench.execute(b"");
        let request = bench.request();
        assert_eq!(request.header("Cookie"), Some(format!("sid=abc; sequence={sequence}").as_str()));
        bench.answer(&request, &Answer::ok(b"").with("Set-Cookie", &format!("sequence={}", sequence + 1)));
    }
}

#[test]
fn r1167_r1160_every_later_request_carries_the_cookies() {
    let mut bench = Bench::connected(config());
    bench.client.ping(bench.now).unwrap();
    let ping = bench.request();
    assert_eq!(ping.header("Cookie"), Some("MapiContext=c1; MapiSequence=s1"));
    bench.answer(&ping, &Answer::ok(b"").with("Set-Cookie", "MapiSequence=s2; path=/mapi/emsmdb"));
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    assert_eq!(bench.request().header("Cookie"), Some("MapiContext=c1; MapiSequence=s2"));
}
