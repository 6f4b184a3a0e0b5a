//! `discover`, and `test` that discovers first, against `serve` and against hosts that answer something else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread;

use common::{ADDRESS, ADDRESS_BOOK_STEPS, DN, Ended, PASSWORD, RPC_STEPS, STEPS, Server, VARIABLE, oxprobe};
use serde_json::Value;

/// `HOST:PORT` of a server's URL.
fn authority(server: &Server) -> &str {
    server.url.split('/').nth(2).unwrap()
}

/// Connections to a name and port of the domain go to this server.
fn to(name: &str, port: u16, server: &str) -> String {
    format!("{name}:{port}:{server}")
}

fn run(password: &str, args: &[&str]) -> Ended {
    let mut command = oxprobe(args);
    command.args(["--password-env", VARIABLE]).env(VARIABLE, password);
    command.output().unwrap().into()
}

fn discover(password: &str, args: &[&str]) -> Ended {
    run(password, &[&["discover", ADDRESS, "--json"], args].concat())
}

/// The verdicts of the trail on one step.
fn verdicts(ended: &Ended, step: &str) -> Vec<String> {
    let detail = ended.detail("autodiscover");
    let of_step = detail["trail"].as_array().unwrap().iter().filter(|entry| entry["step"] == step);
    of_step.map(|entry| entry["verdict"].as_str().unwrap().to_owned()).collect()
}

/// A host without TLS that gives every request the same answer, and tells the requests it saw.
fn plain_host(answer: String) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        stream.write_all(answer.as_bytes()).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = reader.read_to_string(&mut String::new());
        head
    });
    (address, seen)
}

#[test]
fn the_root_domain_and_then_a_whole_session() {
    let server = Server::start("discover", &[]);
    let elsewhere = to("oxwire.test", 443, authority(&server));
    let ended = discover(PASSWORD, &["--ca", server.ca(), "--connect-to", &elsewhere]);
    assert_eq!(ended.status, 0, "{}", ended.all);
    let detail = ended.detail("autodiscover");
    assert_eq!(detail["by"], "https root domain");
    assert_eq!(detail["at"], "https://oxwire.test/autodiscover/autodiscover.xml");
    assert_eq!((&detail["scheme"], &detail["user DN"]), (&Value::from("NTLM"), &Value::from(DN)));
    assert_eq!(detail["ways"][0]["transport"], "mapihttp");
    assert!(detail["ways"][0]["mail store"].as_str().unwrap().starts_with(&server.url));
    assert_eq!(verdicts(&ended, "SCP"), ["not answered: this program asks no directory"]);
    for transport in ["auto", "mapihttp"] {
        let args =
            ["test", ADDRESS, "--json", "--listen-seconds", "1", "--ca", server.ca(), "--connect-to", &elsewhere];
        let ended = run(PASSWORD, &[&args[..], &["--transport", transport]].concat());
        assert_eq!(ended.status, 0, "{}", ended.all);
        let steps: Vec<String> = ended.steps().into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [&["autodiscover", "transport"], &STEPS[..], &ADDRESS_BOOK_STEPS].concat());
    }
    assert!(!server.log().contains(PASSWORD));
}

/// A client without MAPI over HTTP is handed Outlook Anywhere, proxy, RPC server and authentication, and goes through a session by it.
#[test]
fn outlook_anywhere_by_discovery_and_then_a_whole_session() {
    for (offered, package) in [("basic,ntlm,negotiate", "negotiate"), ("basic,ntlm", "ntlm"), ("basic", "basic")] {
        let server = Server::start(package, &["--auth", offered]);
        let elsewhere = to("oxwire.test", 443, authority(&server));
        let reach = [ADDRESS, "--json", "--ca", server.ca(), "--connect-to", &elsewhere];
        let args = [&["test"], &reach[..], &["--listen-seconds", "1", "--transport", "rpchttp"]].concat();
        let ended = run(PASSWORD, &args);
        assert_eq!(ended.status, 0, "{}", ended.all);
        let steps: Vec<String> = ended.steps().into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [&["autodiscover", "transport"], &RPC_STEPS[..]].concat());
        // EXHTTP inside, and the same from outside; nothing else is published to who does not say that it speaks more.
        let ways = ended.detail("autodiscover")["ways"].clone();
        assert_eq!(ways.as_array().unwrap().len(), 1, "{ways}");
        let way = ways[0].as_object().unwrap();
        assert_eq!((&way["transport"], &way["location"]), (&Value::from("rpchttp"), &Value::from("internal")));
        assert_eq!((&way["proxy"], &way["tls"]), (&Value::from(authority(&server)), &Value::from(true)));
        assert_eq!((&way["auth"], &way["principal name"]), (&Value::from(package), &Value::from("msstd:127.0.0.1")));
        let (mailbox, domain) = way["server"].as_str().unwrap().split_once('@').unwrap();
        assert_eq!((mailbox.len(), domain), (36, "oxwire.test"));
        let transport = ended.detail("transport");
        assert_eq!(transport["url"], format!("https://{}/rpc/rpcproxy.dll", authority(&server)));
        assert_eq!(transport["RPC server"], format!("{mailbox}@{domain}:6001"));
        // One that speaks both is told both, MAPI over HTTP first.
        let both = run(PASSWORD, &[&["discover"], &reach[..]].concat());
        let ways = both.detail("autodiscover")["ways"].clone();
        let transports: Vec<&Value> = ways.as_array().unwrap().iter().map(|way| &way["transport"]).collect();
        assert_eq!(transports, ["mapihttp", "rpchttp"], "{ways}");
        assert!(server.log().contains(&format!("channel to {mailbox}@{domain}:6001 opened")));
    }
}

/// As a client of Exchange Web Services searches: what SOAP tells, and the way that it leads to.
#[test]
fn by_soap() {
    let server = Server::start("soap", &[]);
    let elsewhere = to("oxwire.test", 443, authority(&server));
    let ended = discover(PASSWORD, &["--soap", "--ca", server.ca(), "--connect-to", &elsewhere]);
    assert_eq!(ended.status, 0, "{}", ended.all);
    let detail = ended.detail("autodiscover");
    assert_eq!(detail["at"], "https://oxwire.test/autodiscover/autodiscover.svc");
    assert_eq!(detail["user settings"]["UserDN"], DN);
    assert_eq!(detail["user settings"]["MapiHttpEnabled"], "True");
    assert_eq!(verdicts(&ended, "https root domain"), ["settings"]);
}

#[test]
fn every_way_to_the_server() {
    let server = Server::start("ways", &[]);
    let (address, port) = authority(&server).rsplit_once(':').unwrap();
    let autodiscover = to("autodiscover.oxwire.test", 443, authority(&server));
    let base = ["--ca", server.ca(), "--policy", "ExcludeHttpsRootDomain"];
    let no_srv = ["--policy", "ExcludeSrvRecord"];
    let by = |args: &[&str], step: &str| {
        let ended = discover(PASSWORD, &[&base[..], if step == "SRV" { &[] } else { &no_srv }, args].concat());
        assert_eq!(ended.status, 0, "{step}: {}", ended.all);
        assert_eq!(ended.detail("autodiscover")["by"], step);
        ended
    };
    by(&["--connect-to", &autodiscover], "https autodiscover domain");
    let no_autodiscover = ["--policy", "ExcludeHttpsAutoDiscoverDomain"];
    // The SRV answer that is stated needs no further consent.
    by(&[&no_autodiscover[..], &["--srv", &format!("localhost:{port}")]].concat(), "SRV");
    // JSON of v2, at the same server, leads to its own name.
    let json = [&no_autodiscover[..], &["--connect-to", &autodiscover, "--allow", address]].concat();
    by(&json, "JSON v2");
    // A redirect from a host without TLS, which sees no credentials.
    let location = format!("https://localhost:{port}/autodiscover/autodiscover.xml");
    let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let (plain, seen) = plain_host(answer.clone());
    let redirect = to("autodiscover.oxwire.test", 80, &plain);
    by(&[&no_autodiscover[..], &["--connect-to", &redirect, "--allow", "localhost"]].concat(), "http redirect");
    let head = seen.join().unwrap();
    assert!(head.starts_with("GET /autodiscover/autodiscover.xml HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Host: autodiscover.oxwire.test\r\n") && !head.contains("Authorization"), "{head}");
    // Without --allow the password stays here, and the advice says how it would not.
    let (plain, _seen) = plain_host(answer);
    let redirect = to("autodiscover.oxwire.test", 80, &plain);
    let args = [&base[..], &no_srv, &no_autodiscover, &["--connect-to", &redirect]].concat();
    let ended = discover(PASSWORD, &args);
    assert_eq!(ended.status, 1, "{}", ended.all);
    assert!(verdicts(&ended, "http redirect")[1].ends_with("not followed: refused by the caller"), "{}", ended.all);
    assert!(ended.detail("autodiscover")["advice"].as_str().unwrap().contains("--allow localhost"), "{}", ended.all);
    // Through a forward proxy.
    let proxy = common::proxy::start();
    by(&["--connect-to", &autodiscover, "--proxy", &proxy], "https autodiscover domain");
}

/// A name server that has one SRV record for every name, by hand from [RFC 1035] 4.1 and [RFC 2782]; it says what it was asked for.
fn name_server(target: &str, port: &str) -> (String, thread::JoinHandle<Vec<u8>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let mut data = vec![0, 1, 0, 1];
    data.extend(port.parse::<u16>().unwrap().to_be_bytes());
    data.push(u8::try_from(target.len()).unwrap());
    data.extend(target.as_bytes());
    data.push(0);
    let asked = thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        // Without the record behind the question, which says how much an answer may hold.
        let question = buffer[..length - 11].to_vec();
        let mut answer = question.clone();
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        answer.extend([0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
        answer.extend(data);
        // An answer to somebody else's question is not taken.
        let mut stray = answer.clone();
        stray[0] ^= 0xFF;
        socket.send_to(&stray, from).unwrap();
        socket.send_to(&answer, from).unwrap();
        question
    });
    (address, asked)
}

/// SRV records of a name server lead to a host that has to be allowed; one that does not answer is in the trail.
#[test]
fn records_of_a_name_server() {
    let server = Server::start("dns", &[]);
    let port = authority(&server).rsplit_once(':').unwrap().1;
    let keys = [
        "ExcludeHttpsRootDomain",
        "ExcludeHttpsAutoDiscoverDomain",
        "ExcludeHttpRedirect",
        "DisableAutodiscoverV2Service",
    ];
    let policies: Vec<&str> = keys.iter().flat_map(|key| ["--policy", *key]).chain(["--ca", server.ca()]).collect();
    let (dns, asked) = name_server("localhost", port);
    let ended = discover(PASSWORD, &[&policies[..], &["--dns", &dns, "--allow", "localhost"]].concat());
    assert_eq!(ended.status, 0, "{}", ended.all);
    assert_eq!(ended.detail("autodiscover")["by"], "SRV");
    assert_eq!(asked.join().unwrap()[12..], b"\x0d_autodiscover\x04_tcp\x06oxwire\x04test\0\0\x21\0\x01"[..]);
    let (dns, _asked) = name_server("localhost", port);
    let ended = discover(PASSWORD, &[&policies[..], &["--dns", &dns]].concat());
    assert_eq!(ended.status, 1, "{}", ended.all);
    assert!(verdicts(&ended, "SRV")[1].contains("refused by the caller"), "{}", ended.all);
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = discover(PASSWORD, &[&policies[..], &["--dns", &closed]].concat());
    assert!(verdicts(&ended, "SRV")[0].starts_with(&format!("not answered: {closed}: ")), "{}", ended.all);
}

/// What keeps the search from an answer is in the trail, and in the advice.
#[test]
fn what_is_wrong_is_told() {
    let server = Server::start("wrong", &[]);
    let elsewhere = to("oxwire.test", 443, authority(&server));
    let only_root: Vec<String> =
        ["ExcludeHttpsAutoDiscoverDomain", "ExcludeHttpRedirect", "DisableAutodiscoverV2Service"]
            .iter()
            .flat_map(|key| ["--policy".to_owned(), (*key).to_owned()])
            .collect();
    let only_root: Vec<&str> = only_root.iter().map(String::as_str).collect();
    let fails = |password: &str, args: &[&str], verdict: &str, advice: &str| {
        let ended = discover(password, &[&only_root[..], args].concat());
        assert_eq!(ended.status, 1, "{}", ended.all);
        let trail = verdicts(&ended, "https root domain").concat();
        assert!(trail.contains(verdict), "{verdict}: {trail}");
        let told = ended.detail("autodiscover")["advice"].as_str().unwrap().to_owned();
        assert!(told.contains(advice), "{advice}: {told}");
        assert!(!ended.all.contains(PASSWORD) && !ended.all.contains("hunter2"), "{}", ended.all);
    };
    fails(
        "hunter2",
        &["--ca", server.ca(), "--connect-to", &elsewhere],
        "(401)",
        "the user name or the password is wrong",
    );
    fails(PASSWORD, &["--connect-to", &elsewhere], "wrong certificate: TLS: ", "--ca FILE");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    fails(
        PASSWORD,
        &["--connect-to", &to("oxwire.test", 443, &free)],
        "not reached: 127.0.0.1:",
        "no host of the domain",
    );
    let none = "does-not-exist.invalid";
    fails(PASSWORD, &["--connect-to", &to("oxwire.test", 443, &format!("{none}:1"))], none, "none of the names exists");
    let (page, _seen) = plain_host("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned());
    fails(PASSWORD, &["--connect-to", &to("oxwire.test", 443, &page)], "not reached: TLS: ", "no host of the domain");
    // A user that the server does not know: its own error, in a document.
    let other = ["--ca", server.ca(), "--connect-to", &elsewhere];
    let ended = run(PASSWORD, &[&["test", "bert@oxwire.test", "--json"], &only_root[..], &other].concat());
    assert_eq!(ended.status, 1, "{}", ended.all);
    assert_eq!(ended.steps(), [("autodiscover".to_owned(), false)]);
    // One password, tried once: the log of the server has one refusal of it.
    let log = server.log();
    assert!(!log.contains("hunter2") && !log.contains(PASSWORD), "{log}");
}

/// Lines for people: every step of the trail, then the answer.
#[test]
fn a_line_for_every_step_of_the_trail() {
    let server = Server::start("lines", &[]);
    let elsewhere = to("autodiscover.oxwire.test", 443, authority(&server));
    let refused = to("oxwire.test", 443, "127.0.0.1:1");
    let args = ["discover", ADDRESS, "--ca", server.ca(), "--connect-to", &elsewhere, "--connect-to", &refused];
    let ended = run(PASSWORD, &args);
    assert_eq!(ended.status, 0, "{}", ended.all);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", ended.stdout);
    assert!(lines[..4].iter().all(|line| line.starts_with("      ")), "{}", ended.stdout);
    assert!(
        lines[2].contains("https root domain: POST https://oxwire.test/autodiscover/autodiscover.xml: not reached")
    );
    assert!(lines[3].ends_with("200 text/xml; charset=utf-8, settings"), "{}", lines[3]);
    assert!(
        lines[4].starts_with("ok    autodiscover") && lines[4].contains("MAPI/HTTP internal https://"),
        "{}",
        lines[4]
    );
}
