//! The responder: what each kind of client gets, read back by the decoder.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use oxwire_autodiscover::pox::{
    AuthPackage, MobileResponse, Outcome, ProtocolType, Request, Response, Schema, Setting,
};
use oxwire_autodiscover::responder::{Asked, Known, Mailbox, MapiHttp, Proxy, Reply, RpcHttp, Subject, UrlPair};
use oxwire_autodiscover::transport::{Capabilities, Endpoint, Policy, choose};
use oxwire_autodiscover::xml::{Source, XmlLimits};

fn mailbox() -> Mailbox {
    let mut mailbox = Mailbox::new("kim@example.com", "Kim & Co", "/o=example/cn=kim");
    mailbox.mapi_http = Some(MapiHttp {
        mail_store: UrlPair::both("https://mail.example.com/mapi/emsmdb/?MailboxId=1@example.com"),
        address_book: UrlPair::both("https://mail.example.com/mapi/nspi/?MailboxId=1@example.com"),
    });
    let proxy = |host: &str| Proxy {
        host: host.to_owned(),
        tls: true,
        auth_package: AuthPackage::Negotiate,
        principal_name: format!("msstd:{host}"),
    };
    mailbox.rpc_http = Some(RpcHttp {
        server: "1@example.com".to_owned(),
        server_dn: "/o=example/cn=Servers/cn=1@example.com".to_owned(),
        server_version: "73C18080".to_owned(),
        mdb_dn: "/o=example/cn=Servers/cn=1@example.com/cn=Microsoft Private MDB".to_owned(),
        internal: Some(proxy("in.example.com")),
        external: Some(proxy("out.example.com")),
    });
    mailbox.web.ews = UrlPair::both("https://mail.example.com/EWS/Exchange.asmx");
    mailbox.web.owa = UrlPair { internal: None, external: Some("https://mail.example.com/owa/".to_owned()) };
    mailbox.active_sync_url = Some("https://mail.example.com/Microsoft-Server-ActiveSync".to_owned());
    mailbox.delegates.push(("team@example.com".to_owned(), "Team".to_owned()));
    mailbox.public_folder_address = Some("pf@example.com".to_owned());
    mailbox.ttl_hours = Some(2);
    mailbox
}

fn ask<'h>(schema: Schema, fields: &[(&'h str, &'h str)], known: Known<'_>) -> Reply {
    let body = Request::for_address(schema, "kim@example.com").encode().unwrap();
    let Asked::Question(question) = Asked::pox("POST", fields.iter().copied(), body.as_bytes(), XmlLimits::DEFAULT)
    else {
        panic!("no question")
    };
    assert_eq!((question.email_address(), question.legacy_dn()), (Some("kim@example.com"), None));
    let reply = question.answer(known);
    assert_eq!((reply.status, reply.content_type), (200, "text/xml; charset=utf-8"));
    reply
}

fn outlook(fields: &[(&str, &str)], known: Known<'_>) -> Response<'static> {
    let reply = ask(Schema::Outlook, fields, known);
    let source = Source::new(reply.body.as_bytes(), XmlLimits::DEFAULT).unwrap();
    Response::decode(&source).unwrap().into_owned()
}

fn types(response: &Response<'_>) -> Vec<String> {
    let Outcome::Settings(account) = response.outcome() else { panic!("{response:?}") };
    account.protocols.iter().map(|protocol| protocol.protocol_type.name().to_owned()).collect()
}

/// MAPI over HTTP goes to clients that ask for it, EXHTTP to those that read it; EXCH and EXPR to all, as the Remote
/// Connectivity Analyzer demands.
#[test]
fn protocols_by_the_headers_of_the_request() {
    let mailbox = mailbox();
    let known = Known::Mailbox(&mailbox);
    type Case<'c> = (&'c [(&'c str, &'c str)], &'c [&'c str]);
    let table: &[Case<'_>] = &[
        (&[], &["EXCH", "EXPR", "WEB"]),
        (&[("X-MapiHttpCapability", "1")], &["mapiHttp", "EXCH", "EXPR", "WEB"]),
        (&[("X-MapiHttpCapability", "0")], &["EXCH", "EXPR", "WEB"]),
        (&[("x-clientcanhandle", "Negotiate, ExHttpInfo")], &["EXCH", "EXHTTP", "EXHTTP", "EXPR", "WEB"]),
        (
            &[("X-MapiHttpCapability", "1"), ("X-ClientCanHandle", "ExHttpInfo")],
            &["mapiHttp", "EXCH", "EXHTTP", "EXHTTP", "EXPR", "WEB"],
        ),
    ];
    for (fields, expected) in table {
        assert_eq!(types(&outlook(fields, known)), *expected, "{fields:?}");
    }
    let package = |fields: &[(&str, &str)]| {
        let response = outlook(fields, known);
        response.account.unwrap().protocol(&ProtocolType::Expr).unwrap().auth_package()
    };
    assert_eq!(package(&[]), Some(AuthPackage::Ntlm));
    assert_eq!(package(&[("X-ClientCanHandle", "negotiate")]), Some(AuthPackage::Negotiate));
}

#[test]
fn facts_reach_the_document() {
    let response = outlook(&[("X-MapiHttpCapability", "1")], Known::Mailbox(&mailbox()));
    let user = response.user.as_ref().unwrap();
    assert_eq!(user.display_name.as_deref(), Some("Kim & Co"));
    assert_eq!(user.legacy_dn.as_deref(), Some("/o=example/cn=kim"));
    assert_eq!(
        (user.auto_discover_smtp_address.as_deref(), user.deployment_id.as_deref()),
        (Some("kim@example.com"), None)
    );
    let account = response.account.as_ref().unwrap();
    assert!(account.protocols.iter().all(|protocol| protocol.ttl_hours() == 2));
    let exch = account.protocol(&ProtocolType::Exch).unwrap();
    assert_eq!(exch.value(Setting::EwsUrl), Some("https://mail.example.com/EWS/Exchange.asmx"));
    let web = account.protocol(&ProtocolType::Web).unwrap();
    assert!(web.internal().unwrap().owa_urls.is_empty());
    assert_eq!(web.external().unwrap().owa_urls[0].url, "https://mail.example.com/owa/");
    assert_eq!(account.alternative_mailboxes[0].smtp_address.as_deref(), Some("team@example.com"));
    let public = account.public_folder_information.as_ref().unwrap();
    assert_eq!(public.smtp_address.as_deref(), Some("pf@example.com"));
}

/// The client's half takes from the answer what the server's half put there.
#[test]
fn answers_make_candidates() {
    let all = Capabilities { mapi_http: true, rpc_http: true, rpc: true };
    let fields = [("X-MapiHttpCapability", "1"), ("X-ClientCanHandle", "ExHttpInfo")];
    let response = outlook(&fields, Known::Mailbox(&mailbox()));
    let candidates = choose(&response, all, &Policy::DEFAULT).candidates;
    assert!(matches!(candidates[0].endpoint, Endpoint::MapiHttp { address_book: Some(_), .. }));
    // One URL from inside and outside is one candidate; then both proxies, EXPR being the external one again.
    let proxies: Vec<_> = candidates[1..]
        .iter()
        .map(|candidate| match candidate.endpoint {
            Endpoint::RpcHttp { proxy, server, .. } => (proxy, server),
            _ => panic!("{candidate:?}"),
        })
        .collect();
    assert_eq!(proxies, [("in.example.com", "1@example.com"), ("out.example.com", "1@example.com")]);
}

/// [MS-OXCMAPIHTTP] 2.1, 2.2.2: destination server, path and parameters come from here, and each endpoint has a URI of its own.
#[test]
fn r459_r28_r29_r1436_r1437_each_endpoint_has_a_uri_of_its_own() {
    let response = outlook(&[("X-MapiHttpCapability", "1")], Known::Mailbox(&mailbox()));
    let capabilities = Capabilities { mapi_http: true, rpc_http: false, rpc: false };
    let candidates = choose(&response, capabilities, &Policy::DEFAULT).candidates;
    let endpoints: Vec<_> = candidates.into_iter().map(|candidate| candidate.endpoint).collect();
    let mail_store = "https://mail.example.com/mapi/emsmdb/?MailboxId=1@example.com";
    let address_book = Some("https://mail.example.com/mapi/nspi/?MailboxId=1@example.com");
    assert_eq!(endpoints, [Endpoint::MapiHttp { mail_store, address_book }]);
}

#[test]
fn redirects() {
    let address = outlook(&[], Known::RedirectAddr("kim@tenant.example"));
    assert_eq!(address.outcome(), Outcome::RedirectAddr("kim@tenant.example"));
    let url = outlook(&[], Known::RedirectUrl("https://other.example/autodiscover/autodiscover.xml"));
    assert_eq!(url.outcome(), Outcome::RedirectUrl("https://other.example/autodiscover/autodiscover.xml"));
}

fn code(reply: &Reply) -> Option<u32> {
    let source = Source::new(reply.body.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let response = Response::decode(&source).unwrap();
    assert_eq!(reply.status, 200);
    match response.outcome() {
        Outcome::Error(error) => error.code(),
        outcome => panic!("{outcome:?}"),
    }
}

/// Exchange: a GET on autodiscover.xml is answered with error 600, and so is what is no request; never a 500 of HTTP.
#[test]
fn exchange_error_600_on_get() {
    let pox = |method, body: &[u8]| match Asked::pox(method, [], body, XmlLimits::DEFAULT) {
        Asked::Reply(reply) => code(&reply),
        Asked::Question(question) => panic!("{question:?}"),
    };
    let good = Request::for_address(Schema::Outlook, "kim@example.com").encode().unwrap();
    assert_eq!(pox("GET", b""), Some(600));
    assert_eq!(pox("GET", good.as_bytes()), Some(600));
    for len in 0..good.len() {
        assert_eq!(pox("POST", &good.as_bytes()[..len]), Some(600));
    }
    assert_eq!(pox("POST", b"<!DOCTYPE a><Autodiscover/>"), Some(600));
    assert_eq!(pox("POST", b"<Autodiscover><Request/></Autodiscover>"), Some(600));
    let mut other = Request::for_address(Schema::Outlook, "kim@example.com");
    other.acceptable = vec!["urn:other".into()];
    assert_eq!(pox("POST", other.encode().unwrap().as_bytes()), Some(601));
}

#[test]
fn what_cannot_be_given_is_an_error_in_the_document() {
    let empty = Mailbox::new("kim@example.com", "Kim", "/o=example/cn=kim");
    let mut mapi_only = empty.clone();
    mapi_only.mapi_http = mailbox().mapi_http;
    let mut unwritable = mailbox();
    unwritable.display_name = "\0".to_owned();
    for known in [
        Known::Nobody,
        Known::Trouble("directory away"),
        Known::Mailbox(&empty),
        // The client does not speak it, and there is nothing else.
        Known::Mailbox(&mapi_only),
        Known::Mailbox(&unwritable),
    ] {
        assert_eq!(code(&ask(Schema::Outlook, &[], known)), Some(500), "{known:?}");
    }
    for known in [Known::Nobody, Known::Mailbox(&empty), Known::RedirectUrl("https://x")] {
        assert_eq!(code(&ask(Schema::MobileSync, &[], known)), Some(500), "{known:?}");
    }
}

#[test]
fn active_sync() {
    let mobile = |known: Known<'_>| {
        let reply = ask(Schema::MobileSync, &[], known);
        let source = Source::new(reply.body.as_bytes(), XmlLimits::DEFAULT).unwrap();
        MobileResponse::decode(&source).unwrap().into_owned()
    };
    let response = mobile(Known::Mailbox(&mailbox()));
    assert_eq!(response.servers[0].url.as_deref(), Some("https://mail.example.com/Microsoft-Server-ActiveSync"));
    assert_eq!(response.user.unwrap().email_address.as_deref(), Some("kim@example.com"));
    let redirect = mobile(Known::RedirectAddr("kim@b.example")).redirect;
    assert_eq!(redirect.as_deref(), Some("kim@b.example"));
    let error = mobile(Known::Trouble("directory away")).action_error.unwrap();
    assert_eq!((error.status.as_deref(), error.message.as_deref()), (Some("2"), Some("directory away")));
}

/// A client that asks in Outlook's namespace for ActiveSync's answer gets that.
#[test]
fn acceptable_schema_decides() {
    let mut request = Request::for_legacy_dn("/o=example/cn=kim");
    request.acceptable = vec![" urn:x ".trim().into(), Schema::MobileSync.response().into()];
    let body = request.encode().unwrap();
    let Asked::Question(question) = Asked::pox("POST", [], body.as_bytes(), XmlLimits::DEFAULT) else { panic!() };
    assert_eq!((question.schema(), question.legacy_dn()), (Schema::MobileSync, Some("/o=example/cn=kim")));
}

/// [MS-OXDSCLI] 3.2.5: of a request that names both, the distinguished name is what is asked for.
#[test]
fn a_distinguished_name_counts_more_than_an_address() {
    let address = "<EMailAddress>kim@example.com</EMailAddress>";
    let dn = "<LegacyDN>/o=example/cn=lee</LegacyDN>";
    let table = [
        (format!("{address}{dn}"), Subject::LegacyDn("/o=example/cn=lee")),
        (format!("{dn}{address}"), Subject::LegacyDn("/o=example/cn=lee")),
        (dn.to_owned(), Subject::LegacyDn("/o=example/cn=lee")),
        (address.to_owned(), Subject::Address("kim@example.com")),
        (format!("{address}<LegacyDN/>"), Subject::Address("kim@example.com")),
    ];
    for (elements, expected) in table {
        let body = format!(
            "<Autodiscover><Request>{elements}<AcceptableResponseSchema>{}</AcceptableResponseSchema></Request></Autodiscover>",
            Schema::Outlook.response()
        );
        let Asked::Question(question) = Asked::pox("POST", [], body.as_bytes(), XmlLimits::DEFAULT) else {
            panic!("{body}")
        };
        assert_eq!(question.subject(), Some(expected), "{body}");
    }
}
