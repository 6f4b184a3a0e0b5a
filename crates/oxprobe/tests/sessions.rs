//! `test` against `serve`, and `demo`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use common::{
    ADDRESS, ADDRESS_BOOK_STEPS, DN, Ended, PASSWORD, RPC_STEPS, STEPS, Server, VARIABLE, all_pass, fails_at, oxprobe,
    run,
};

fn demo_steps() -> Vec<&'static str> {
    let found = ["autodiscover", "transport"];
    [&found, &STEPS[..], &ADDRESS_BOOK_STEPS, &found, &RPC_STEPS].concat()
}

#[test]
fn demo_goes_through_every_step() {
    let ended: Ended = run(&["demo", "--json"]).into();
    all_pass(&ended, &demo_steps());
    assert_eq!(ended.detail("entry")["address"], "ada@oxwire.test");
    assert_eq!(ended.detail("mailbox url")["url"], ended.detail("transport")["url"]);
    assert_eq!(ended.detail("address book url")["url"], ended.detail("transport")["address book"]);
    assert_eq!(ended.detail("authentication")["scheme"], "NTLM");
    assert_eq!(ended.detail("authentication")["binding"], "tls-server-end-point");
    let lines = ended.lines();
    let notifications = lines.iter().filter(|line| line["step"] == "notification");
    let newest = notifications.map(|line| line["detail"]["newest"]["subject"].as_str().unwrap());
    assert_eq!(newest.collect::<Vec<_>>(), ["Delivered while you waited"; 2]);
    assert!(ended.detail("OUT channel recycling")["recycled"].as_str().unwrap().starts_with("OUT_R2"));
}

#[test]
fn demo_for_people_has_a_line_a_step() {
    let ended: Ended = run(&["demo"]).into();
    assert_eq!(ended.status, 0, "{}", ended.all);
    // What the searches try stands in front of what they come to, indented.
    let lines: Vec<&str> = ended.stdout.lines().filter(|line| !line.starts_with("      ")).collect();
    let steps = demo_steps();
    assert_eq!(lines.len(), steps.len(), "{}", ended.stdout);
    for (line, step) in lines.iter().zip(steps) {
        assert!(line.starts_with("ok ") && line.contains(step), "{line}");
    }
}

#[test]
fn ntlm_and_basic_over_tls() {
    let server = Server::start("tls", &[]);
    for scheme in ["ntlm", "basic", "auto"] {
        let ended = server.test(PASSWORD, &["--auth", scheme, "--ca", server.ca()]);
        all_pass(&ended, &STEPS);
        let expected = if scheme == "basic" { "Basic" } else { "NTLM" };
        assert_eq!(ended.detail("authentication")["scheme"], expected);
        assert_eq!(ended.detail("tls")["names"][0], "localhost");
    }
}

#[test]
fn without_tls() {
    let server = Server::start("plain", &["--plain"]);
    let steps: Vec<&str> = STEPS.into_iter().filter(|step| *step != "tls").collect();
    for scheme in ["ntlm", "basic"] {
        all_pass(&server.test(PASSWORD, &["--auth", scheme]), &steps);
    }
}

#[test]
fn ntlm_without_a_binding_where_it_is_allowed() {
    let server = Server::start("nobinding", &["--auth", "ntlm"]);
    let ended = server.test(PASSWORD, &["--ca", server.ca(), "--binding", "none"]);
    all_pass(&ended, &STEPS);
    assert_eq!(ended.detail("authentication")["binding"], "none");
}

#[test]
fn a_wrong_password_is_told_with_advice_and_without_the_password() {
    const WRONG: &str = "wrong-battery-51d0";
    let server = Server::start("wrong", &[]);
    let mut outputs = String::new();
    for scheme in ["ntlm", "basic"] {
        let ended = server.test(WRONG, &["--auth", scheme, "--ca", server.ca()]);
        let detail = fails_at(&ended, "authentication");
        assert!(detail.contains("401") && detail.contains("password"), "{detail}");
        outputs.push_str(&ended.all);
    }
    outputs.push_str(&server.test(PASSWORD, &["--ca", server.ca()]).all);
    outputs.push_str(&server.log());
    assert!(outputs.contains("refused"), "the server's log is part of it: {outputs}");
    for secret in [WRONG, PASSWORD] {
        assert!(!outputs.contains(secret), "{outputs}");
    }
}

#[test]
fn a_port_where_nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("https://127.0.0.1:{port}/mapi/emsmdb/");
    let args = ["test", ADDRESS, "--url", &url, "--user-dn", DN, "--password-env", VARIABLE, "--insecure", "--json"];
    let ended: Ended = oxprobe(args).env(VARIABLE, PASSWORD).output().unwrap().into();
    let detail = fails_at(&ended, "tcp");
    assert!(detail.contains(&port.to_string()) && detail.contains("--url"), "{detail}");
    // The proxy is what is connected to, so the proxy is what to look at.
    let proxy = format!("http://127.0.0.1:{port}");
    let ended: Ended = oxprobe(args).args(["--proxy", &proxy]).env(VARIABLE, PASSWORD).output().unwrap().into();
    let detail = fails_at(&ended, "tcp");
    assert!(detail.contains("--proxy") && !detail.contains("--url"), "{detail}");
}

#[test]
fn a_certificate_that_nobody_trusts() {
    let server = Server::start("untrusted", &[]);
    let other = Server::start("other", &[]);
    let ended = server.test(PASSWORD, &["--ca", other.ca()]);
    let detail = fails_at(&ended, "tls");
    assert!(detail.contains("--ca") && detail.contains("127.0.0.1") && detail.contains("expires"), "{detail}");
    all_pass(&server.test(PASSWORD, &["--insecure"]), &STEPS);
}

#[test]
fn tls_where_there_is_none() {
    let server = Server::start("notls", &["--plain"]);
    let url = server.url.replace("http:", "https:");
    let args = ["test", ADDRESS, "--url", &url, "--user-dn", DN, "--password-env", VARIABLE, "--insecure", "--json"];
    let ended: Ended = oxprobe(args).env(VARIABLE, PASSWORD).output().unwrap().into();
    fails_at(&ended, "tls");
}

#[test]
fn a_path_that_is_no_endpoint() {
    let mut server = Server::start("path", &["--plain"]);
    server.url = server.url.replace("emsmdb", "elsewhere");
    let detail = fails_at(&server.test(PASSWORD, &["--auth", "basic"]), "connect");
    assert!(detail.contains("3 (Invalid Path)"), "{detail}");
}

/// As many users as two pages of the list do not hold.
#[test]
fn the_address_book_by_its_url() {
    let others: Vec<String> = (1..50).map(|n| format!("user{n:02}@oxwire.test:x")).collect();
    let options: Vec<&str> = others.iter().flat_map(|user| ["--user", user]).collect();
    let server = Server::start("nspi", &options);
    let url = server.url.replace("emsmdb", "nspi");
    let ended = server.test(PASSWORD, &["--ca", server.ca(), "--nspi-url", &url]);
    all_pass(&ended, &[&STEPS[..], &ADDRESS_BOOK_STEPS].concat());
    let list = ended.detail("address list");
    assert_eq!((&list["entries"], &list["read"], &list["pages"]), (&50.into(), &50.into(), &3.into()));
    assert_eq!((&list["names"][0], &list["names"][1]), (&"alice".into(), &"user01".into()));
    assert_eq!(ended.detail("resolve")["DN"], DN);
    // What is no address book is told as such.
    let ended = server.test(PASSWORD, &["--ca", server.ca(), "--nspi-url", &server.url]);
    let detail = fails_at(&ended, "address book bind");
    assert!(detail.contains("X-ResponseCode 5"), "{detail}");
}

#[test]
fn the_mailbox_of_somebody_else() {
    let server = Server::start("dn", &["--plain"]);
    let detail = fails_at(&server.test(PASSWORD, &["--auth", "basic", "--user-dn", "/o=oxwire/cn=bob"]), "connect");
    assert!(detail.contains("UnknownUser"), "{detail}");
}

#[test]
fn a_proxy_by_connect() {
    let server = Server::start("proxied", &[]);
    let proxy = common::proxy::start();
    let ended = server.test(PASSWORD, &["--auth", "ntlm", "--ca", server.ca(), "--proxy", &proxy]);
    all_pass(&ended, &STEPS);
    assert!(ended.detail("tcp")["proxy"].as_str().unwrap().starts_with("CONNECT 127.0.0.1:"));
}

/// Bytes that are no HTTP, halves of requests, and connections that say nothing cost nobody but themselves.
#[test]
fn garbage_does_not_disturb_the_others() {
    let server = Server::start("garbage", &["--plain"]);
    let address = server.url.split('/').nth(2).unwrap().to_owned();
    let silent = TcpStream::connect(&address).unwrap();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"POST /mapi/emsmdb/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc").unwrap();
    for bytes in [
        &b"\0\xFF\x16\x03\x01 no HTTP\r\n\r\n"[..],
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut tcp = TcpStream::connect(&address).unwrap();
        tcp.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset in place of an answer is as good: what counts is that the connection ends.
        let _ = tcp.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{answer:?}");
    }
    let steps: Vec<&str> = STEPS.into_iter().filter(|step| *step != "tls").collect();
    all_pass(&server.test(PASSWORD, &["--auth", "ntlm"]), &steps);
    drop((silent, half));
}

#[test]
fn a_scheme_that_the_server_does_not_offer() {
    let server = Server::start("basiconly", &["--plain", "--auth", "basic"]);
    let detail = fails_at(&server.test(PASSWORD, &["--auth", "ntlm"]), "authentication");
    assert!(detail.contains("401") && detail.contains("Basic"), "{detail}");
    // Nobody said that the password may go in clear.
    let detail = fails_at(&server.test(PASSWORD, &["--auth", "auto"]), "authentication");
    assert!(detail.contains("TLS") && detail.contains("--auth basic"), "{detail}");
}

/// Each step that carries ROPs, or auxiliary blocks, says what was saved: by both transports, in both directions.
#[test]
fn compressed_and_obfuscated() {
    const SAVED: &str = "bytes saved";
    let server = Server::start("compress", &["--compress"]);
    for (ended, blocks) in [
        (server.test(PASSWORD, &["--ca", server.ca(), "--compress"]), &["EXORGINFO", "CLIENT_CONTROL"][..]),
        (
            server.test_rpc(PASSWORD, "mailbox.oxwire.test:6001", &["--ca", server.ca(), "--compress"]),
            &["EXORGINFO", "CLIENT_CONTROL", "ENDPOINT_CAPABILITIES"],
        ),
    ] {
        assert_eq!(ended.status, 0, "{}", ended.all);
        for step in ["folders", "inbox"] {
            assert!(ended.detail(step)[SAVED].as_u64().unwrap() > 50, "{step}: {}", ended.all);
        }
        assert_eq!(ended.detail("connect")["auxiliary blocks"], serde_json::json!(blocks));
        assert!(ended.detail("connect")[SAVED].is_u64(), "obfuscated, and not shorter: {}", ended.all);
    }
    // Without the client's leave the server compresses nothing, and nothing is said of it.
    let ended = server.test(PASSWORD, &["--ca", server.ca()]);
    assert_eq!((ended.status, ended.detail("folders")[SAVED].is_null()), (0, true), "{}", ended.all);
    let plain = Server::start("nocompress", &[]);
    let ended = plain.test(PASSWORD, &["--ca", plain.ca(), "--compress"]);
    assert_eq!(ended.status, 0, "{}", ended.all);
    let ended = plain.test_rpc(PASSWORD, "mailbox.oxwire.test:6001", &["--ca", plain.ca(), "--compress"]);
    assert_eq!(ended.status, 0, "{}", ended.all);
}
