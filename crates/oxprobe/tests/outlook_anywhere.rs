//! `test --transport rpchttp` against `serve`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

mod common;

use common::{ADDRESS, PASSWORD, RPC_STEPS, Server, all_pass, fails_at, proxy};

const STORE: &str = "mailbox.oxwire.test:6001";

/// A server that faults each call whose handle is not the session's: every step that passes has passed it on.
#[test]
fn oxcrpc_r708_r1135_r1245_r4868_r4869_every_level_and_both_channels_recycled() {
    let server = Server::start("rpc", &["--channel-lifetime", "131072"]);
    for (level, expected) in
        [("none", "none"), ("connect", "NTLM, connect"), ("integrity", "NTLM, integrity"), ("privacy", "NTLM, privacy")]
    {
        let ended = server.test_rpc(PASSWORD, STORE, &["--ca", server.ca(), "--rpc-auth", level]);
        all_pass(&ended, &RPC_STEPS);
        assert_eq!(ended.detail("bind")["authentication"], expected);
        assert_eq!(ended.detail("authentication")["binding"], "tls-server-end-point");
        assert!(ended.detail("IN channel recycling")["recycled"].as_str().unwrap().starts_with("IN_R2"));
        assert!(ended.detail("OUT channel recycling")["recycled"].as_str().unwrap().starts_with("OUT_R2"));
        assert_eq!(ended.detail("folders")["folders"][0]["name"], "Inbox");
        assert_eq!(ended.detail("resolve")["address"], ADDRESS);
        assert_eq!(ended.detail("address list")["names"][0], "alice");
        assert_eq!(ended.detail("referral")["RPC server"], "mailbox.oxwire.test:6002");
        let server = ended.detail("server name")["mailbox server"].as_str().unwrap().to_owned();
        assert_eq!(ended.detail("referral")["address book server"], server.as_str());
        assert!(server.ends_with("@oxwire.test"), "{server}");
        // Nobody delivers: the wait is cancelled, and the session goes on.
        let notification = ended.detail("notification").to_string();
        assert!(
            notification.contains("none within 1 s") && notification.contains("nca_s_fault_cancel"),
            "{notification}"
        );
    }
    let log = server.log();
    for call in ["NspiResolveNamesW", "NspiQueryRows", "NspiUnbind", "RfrGetNewDSA", "RfrGetFQDNFromServerDN"] {
        assert!(log.contains(call), "{call}: {log} {}", "MS-OXNSPI_R1502");
    }
    assert!(log.contains("EcDoAsyncWaitEx") && !log.contains(PASSWORD), "{log}");
}

#[test]
fn basic_without_tls_and_a_channel_that_lives_long() {
    let server = Server::start("rpcplain", &["--plain"]);
    let steps: Vec<&str> = RPC_STEPS.into_iter().filter(|step| *step != "tls").collect();
    for scheme in ["basic", "ntlm"] {
        let ended = server.test_rpc(PASSWORD, STORE, &["--auth", scheme]);
        all_pass(&ended, &steps);
        assert!(ended.detail("OUT channel recycling")["recycled"].as_str().unwrap().starts_with("not yet"));
    }
}

/// The proxy is named, and is not needed: the echo says so.
#[test]
fn proxy_use_is_determined() {
    let server = Server::start("rpcproxy", &[]);
    let ended = server.test_rpc(PASSWORD, STORE, &["--ca", server.ca(), "--proxy", &proxy::start()]);
    all_pass(&ended, &RPC_STEPS);
    assert_eq!(ended.detail("echo")["way"], "direct");
}

#[test]
fn what_is_refused_is_said_with_advice() {
    const WRONG: &str = "wrong-battery-51d0";
    let server = Server::start("rpcrefused", &[]);
    for scheme in ["ntlm", "basic"] {
        let ended = server.test_rpc(WRONG, STORE, &["--ca", server.ca(), "--auth", scheme]);
        let detail = fails_at(&ended, "authentication");
        assert!(detail.contains("401") && !ended.all.contains(WRONG), "{detail}");
    }
    let ended = server.test_rpc(PASSWORD, "mailbox.oxwire.test:7000", &["--ca", server.ca()]);
    let detail = fails_at(&ended, "channels");
    assert!(detail.contains("0x6ba") || detail.contains("unavailable"), "{detail}");
    assert!(detail.contains("--rpc-server"), "{detail}");
}
