//! Command lines, as typed.

use std::time::Duration;

use oxwire::auth::ntlm::ExtendedProtection;
use oxwire::core::SecretString;

use super::*;
use crate::test::{Endpoint, RpcAuth, RpcLevel, RpcScheme};

fn line(text: &str) -> Result<Command, UsageError> {
    parse(text.split_whitespace().map(Into::into))
}

#[test]
fn every_command_has_help() {
    for command in ["decode", "demo", "discover a@oxwire.test", "serve", "test a@oxwire.test --json"] {
        for help in ["-h", "--help"] {
            assert!(matches!(line(&format!("{command} {help}")), Ok(Command::Help)), "{command} {help}");
        }
        assert!(line(&format!("{command} -x")).is_err(), "{command}");
    }
}

#[test]
fn serve_takes_every_flag() {
    let Ok(Command::Serve(args)) = line(
        "serve --listen 127.0.0.1:0 --host mail.oxwire.test:444 --user a@oxwire.test:p:w --user b@oxwire.test:x --auth ntlm \
         --cert c --key k --write-ca ca --compress",
    ) else {
        panic!("refused")
    };
    assert_eq!(args.users.len(), 2);
    assert_eq!(args.host.as_deref(), Some("mail.oxwire.test:444"));
    assert_eq!(args.users[0], ("a@oxwire.test".to_owned(), SecretString::from("p:w")));
    assert_eq!(args.schemes, Schemes { basic: false, ntlm: true, negotiate: false });
    assert!(args.identity.is_some() && args.write_ca.is_some() && !args.plain && args.compress);
}

#[test]
fn negotiate_kerberos_and_extended_protection() {
    let Ok(Command::Serve(args)) = line(
        "serve --listen 127.0.0.1:0 --plain --tls-ends-at c --auth basic,negotiate --epa require --keytab k --gssapi-helper h",
    ) else {
        panic!("refused")
    };
    assert_eq!(args.schemes, Schemes { basic: true, ntlm: false, negotiate: true });
    assert_eq!(args.epa, ExtendedProtection::Require);
    let helper = Helper { program: "h".into(), environment: Some(("KRB5_KTNAME", "k".into())) };
    assert_eq!((args.kerberos, args.tls_ends_at), (Some(helper), Some("c".into())));

    let Ok(Command::Test(args)) = line("test a@b --url https://h/ --user-dn /o=x/cn=a --auth negotiate --ccache c")
    else {
        panic!("refused")
    };
    let helper = Helper { program: "oxwire-gssapi-helper".into(), environment: Some(("KRB5CCNAME", "c".into())) };
    assert_eq!((args.reach.auth, args.reach.kerberos), (AuthChoice::Negotiate, Some(helper.clone())));
    let Ok(Command::Discover(args)) = line("discover a@b --ccache c") else { panic!("refused") };
    assert_eq!((args.reach.auth, args.reach.kerberos), (AuthChoice::Auto, Some(helper)));

    for wrong in [
        "serve --listen 127.0.0.1:0 --keytab k",
        "serve --listen 127.0.0.1:0 --tls-ends-at c",
        "serve --listen 127.0.0.1:0 --epa maybe",
        "serve --listen 127.0.0.1:0 --auth negotiate --gssapi-helper h",
        "discover a@b --gssapi-helper h",
        "discover a@b --auth basic --ccache c",
        "test a@b --url https://h/ --user-dn /o=x --auth ntlm --ccache c",
        "test a@b --url https://h/ --user-dn /o=x --gssapi-helper h",
    ] {
        assert!(line(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn test_takes_every_flag() {
    let Ok(Command::Test(args)) = line(
        "test a@b --url https://h/mapi/emsmdb/?MailboxId=x --user-dn /o=x/cn=a --auth basic --password-env P --ca f \
         --binding none --proxy http://p:3128 --listen-seconds 9 --compress --json",
    ) else {
        panic!("refused")
    };
    let Target::Given { endpoint, user_dn } = args.target else { panic!("searches") };
    assert_eq!((endpoint.url(), user_dn.as_str()), ("https://h/mapi/emsmdb/?MailboxId=x", "/o=x/cn=a"));
    let reach = args.reach;
    assert_eq!((reach.auth, reach.binding, reach.json), (AuthChoice::Basic, false, true));
    assert_eq!((args.listen, args.compress), (Duration::from_secs(9), true));
    assert_eq!(reach.proxy.map(|p| p.port), Some(3128));
}

#[test]
fn discover_takes_every_flag() {
    let flags = "--connect-to b:443:127.0.0.1:8443 --connect-to ::[::1]:1 --srv s.b:444 --dns ::1 --allow .c --allow d \
                 --policy ExcludeSrvRecord --policy excludehttpredirect=0 --insecure";
    let Ok(Command::Discover(args)) = line(&format!("discover a@b {flags} --soap --json")) else { panic!("refused") };
    assert_eq!(args.reach.connect_to.len(), 2);
    let policies = vec![("ExcludeSrvRecord".to_owned(), true), ("excludehttpredirect".to_owned(), false)];
    let allow = vec![".c".to_owned(), "d".to_owned()];
    let dns = Some("[::1]:53".parse().unwrap());
    assert_eq!(args.search, Search { srv: vec![("s.b".to_owned(), 444)], dns, allow, policies, soap: true });
    let Ok(Command::Test(args)) = line(&format!("test a@b --transport auto {flags}")) else { panic!("refused") };
    assert!(
        matches!(args.target, Target::Search(search, wanted) if search.srv.len() == 1 && wanted.mapi_http && wanted.rpc_http)
    );
}

#[test]
fn rpc_over_http_has_a_server_and_a_level() {
    let of = |flags: &str| {
        let Ok(Command::Test(args)) = line(&format!("test a@b --transport rpchttp {flags}")) else { panic!("{flags}") };
        args.target
    };
    let given = "--url https://h/ --user-dn /o=x --rpc-server m@h.test:6001";
    for (flags, expected) in [
        ("", RpcAuth::DEFAULT),
        ("--rpc-auth none", RpcAuth { scheme: None, level: RpcLevel::None }),
        ("--rpc-auth connect", RpcAuth { scheme: None, level: RpcLevel::Connect }),
        ("--rpc-auth negotiate-integrity", RpcAuth { scheme: Some(RpcScheme::Negotiate), level: RpcLevel::Integrity }),
        ("--ccache c", RpcAuth::DEFAULT),
        (
            "--ccache c --rpc-auth kerberos-privacy",
            RpcAuth { scheme: Some(RpcScheme::Kerberos), level: RpcLevel::Privacy },
        ),
    ] {
        let Target::Given { endpoint: Endpoint::RpcHttp { url, server, level }, .. } = of(&format!("{given} {flags}"))
        else {
            panic!("{flags}")
        };
        assert_eq!((url.as_str(), server.to_string().as_str(), level), ("https://h/", "m@h.test:6001", expected));
    }
    let wanted =
        Wanted { mapi_http: false, rpc_http: true, rpc_auth: RpcAuth { scheme: None, level: RpcLevel::Connect } };
    assert!(matches!(of("--rpc-auth connect"), Target::Search(_, found) if found == wanted));
}

#[test]
fn what_is_wrong_is_named() {
    for (text, expected) in [
        ("", "a command is missing"),
        ("frobnicate", "frobnicate"),
        ("demo --jsn", "--jsn"),
        ("serve", "--listen"),
        ("serve --listen nowhere", "nowhere"),
        ("serve --listen 127.0.0.1:0 --user x", "--user"),
        ("serve --listen 127.0.0.1:0 --user x:y", "x: expected an address"),
        ("serve --listen 127.0.0.1:0 --user a@b:c --user A@b:d", "twice"),
        ("serve --listen 127.0.0.1:0 --host a/b", "--host a/b"),
        ("serve --listen 127.0.0.1:0 --cert c", "go together"),
        ("serve --listen 127.0.0.1:0 --plain --write-ca c", "--plain"),
        ("serve --listen 127.0.0.1:0 --auth kerberos", "kerberos"),
        ("test", "ADDRESS"),
        ("test ab --url https://h/ --user-dn /o=x", "ab: expected an address"),
        ("test a@b --user-dn /o=x", "--url"),
        ("test a@b --url ftp://h/ --user-dn /o=x", "ftp://h/"),
        ("test a@b --url https://h/", "--user-dn"),
        ("test a@b --url https://h/ --user-dn cn", "legacy distinguished name"),
        ("test a@b --url https://h/ --user-dn /o --ca f --insecure", "exclude"),
        ("test a@b --url https://h/ --user-dn /o --auth kerberos", "kerberos"),
        ("test a@b --url https://h/ --user-dn /o --binding x", "--binding x"),
        ("test a@b --url https://h/ --user-dn /o --proxy https://p", "--proxy"),
        ("test a@b --url https://h/ --user-dn /o --listen-seconds 0", "1 to 3600"),
        ("test a@b c@d --url https://h/ --user-dn /o", "c@d"),
        ("test a@b --url https://h/ --user-dn /o --srv x:1", "--srv"),
        ("test a@b --rpc-server h:6001", "goes with --url"),
        ("test a@b --rpc-auth none --transport mapihttp", "belong to RPC over HTTP"),
        ("test a@b --rpc-auth low", "none, connect, integrity or privacy"),
        ("test a@b --ccache c --rpc-auth ntlm-connect", "wants a password"),
        ("test a@b --rpc-auth kerberos-privacy", "--ccache"),
        ("test a@b --url https://h/ --user-dn /o --transport rpchttp", "--rpc-server HOST:PORT is missing"),
        ("test a@b --url https://h/ --user-dn /o --rpc-server h:6001", "--transport rpchttp"),
        ("test a@b --url https://h/ --user-dn /o --rpc-auth none", "--transport rpchttp"),
        ("test a@b --url https://h/ --user-dn /o --transport rpchttp --rpc-server h", "HOST:PORT"),
        ("test a@b --transport smtp", "--transport smtp"),
        ("discover", "ADDRESS"),
        ("discover a@b --url https://h/", "--url"),
        ("discover a@b --listen-seconds 1", "--listen-seconds"),
        ("discover a@b --connect-to x:1", "--connect-to x:1"),
        ("discover a@b --srv x", "--srv x"),
        ("discover a@b --dns ns.x", "--dns ns.x"),
        ("discover a@b --allow https://x", "--allow https://x"),
        ("discover a@b --policy ExcludeAll", "--policy ExcludeAll"),
        ("discover a@b --policy ExcludeSrvRecord=2", "KEY=0"),
    ] {
        let error = line(text).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_password_never_comes_back() {
    let error = line("serve --listen 127.0.0.1:0 --user a@b@c:hunter2").map(|_| ()).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    assert!(!format!("{:?}", line("serve --listen 127.0.0.1:0 --user a@b:hunter2")).contains("hunter2"));
}
