//! One exchange after another, nothing going wrong: headers, cookies, order.

use bytes::Bytes;

use super::{Answer, Bench, config};
use crate::client::{ContextState, Outcome};

#[test]
fn connect_execute_disconnect() {
    let mut bench = Bench::new(config());
    assert_eq!(bench.client.state(), ContextState::None);
    let connect = bench.client.connect(bench.now, Bytes::from_static(b"hello")).unwrap();
    let request = bench.request();
    assert_eq!(bench.opened.len(), 1);
    assert_eq!(bench.opened[0].1.to_string(), "https://mail.test");
    assert_eq!((request.request_type(), &request.body[..]), ("Connect", &b"hello"[..]));
    bench.answer(&request, &Answer::connected());
    assert!(matches!(bench.outcome_of(connect), Outcome::Answered(_)));
    assert_eq!(bench.client.state(), ContextState::Established);

    let execute = bench.execute(b"rops");
    let request = bench.request();
    assert_eq!((request.request_type(), &request.body[..]), ("Execute", &b"rops"[..]));
    bench.answer(&request, &Answer::ok(b"answer"));
    match bench.outcome_of(execute) {
        Outcome::Answered(response) => {
            assert_eq!(response.header("x-elapsedtime"), Some(&b"3"[..]));
            assert_eq!(response.body.into_bytes(), "answer");
        }
        other => panic!("{other:?}"),
    }

    let disconnect = bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!((request.request_type(), request.header("Content-Length")), ("Disconnect", Some("0")));
    bench.answer(&request, &Answer::ok(&[0; 12]));
    assert!(matches!(bench.outcome_of(disconnect), Outcome::Answered(_)));
    assert_eq!(bench.client.state(), ContextState::None);
    assert_eq!((bench.opened.len(), bench.closed.len()), (1, 1), "one connection carried all");
    assert_eq!(bench.client.poll_timeout(), None);
}
