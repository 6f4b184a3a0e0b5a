//! The choice of the transport: the published matrix of clients and servers, and the rules one by one.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail")]

use oxwire_autodiscover::pox::{AuthPackage, PrincipalName, Response};
use oxwire_autodiscover::transport::{
    Candidate, Capabilities, Choice, Endpoint, Location, Locations, Policy, Reason, Selection, choose,
};
use oxwire_autodiscover::xml::{Source, XmlLimits};

const ALL: Capabilities = Capabilities { mapi_http: true, rpc_http: true, rpc: true };

const MAPI: &str = "<Protocol Type='mapiHttp' Version='1'><MailStore><InternalUrl>https://in.example.com/mapi/emsmdb/?MailboxId=1\
    </InternalUrl><ExternalUrl>https://out.example.com/mapi/emsmdb/?MailboxId=1</ExternalUrl></MailStore><AddressBook>\
    <ExternalUrl>https://out.example.com/mapi/nspi/?MailboxId=1</ExternalUrl></AddressBook></Protocol>";
/// Exchange 2013: the server behind the proxy is a GUID with a domain.
const EXCH_2013: &str = "<Protocol><Type>EXCH</Type><Server>01234567-89ab-cdef-0123-456789abcdef@example.com</Server>\
    <ServerVersion>73C18080</ServerVersion></Protocol>";
const EXCH_2010: &str = "<Protocol><Type>EXCH</Type><Server>mbx.example.com</Server><ServerVersion>738180DA</ServerVersion>\
    <AuthPackage>KerbNtlm</AuthPackage></Protocol>";
const EXCH_2007: &str = "<Protocol><Type>EXCH</Type><Server>mbx.example.com</Server><ServerVersion>72008287</ServerVersion>\
    </Protocol>";
const EXPR: &str = "<Protocol><Type>EXPR</Type><Server>out.example.com</Server><SSL>On</SSL><AuthPackage>Ntlm</AuthPackage>\
    <CertPrincipalName>msstd:cert.example.com</CertPrincipalName></Protocol>";
const EXHTTP: &str = "<Protocol><Type>EXHTTP</Type><Server>in.example.com</Server><SSL>On</SSL></Protocol><Protocol>\
    <Type>EXHTTP</Type><Server>out.example.com</Server><SSL>On</SSL></Protocol>";

fn response(protocols: &[&str]) -> Response<'static> {
    let text = format!(
        "<Autodiscover><Response><User><LegacyDN>/o=example/cn=kim</LegacyDN></User><Account><Action>settings</Action>{}\
         </Account></Response></Autodiscover>",
        protocols.concat()
    );
    let source = Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap();
    Response::decode(&source).unwrap().into_owned()
}

fn names(choice: &Choice<'_>) -> String {
    let mut names: Vec<_> = choice
        .candidates
        .iter()
        .map(|candidate| match candidate.endpoint {
            Endpoint::MapiHttp { .. } => "MAPI/HTTP",
            Endpoint::RpcHttp { .. } => "Outlook Anywhere",
            Endpoint::Rpc { .. } => "RPC",
            _ => "?",
        })
        .collect();
    names.dedup();
    names.join(", ")
}

/// The supportability table of "MAPI over HTTP in Exchange Server": what each client reaches each server by, first the
/// preferred transport.
#[test]
fn support_matrix() {
    let clients = [
        ("Outlook 2013 SP1 and later", true),
        ("Outlook 2013 RTM", false),
        ("Outlook 2010 SP2 with KB2956191 and KB2965295", true),
        ("Outlook 2010 SP2 and earlier", false),
        ("Outlook 2007", false),
    ];
    let both = "MAPI/HTTP, Outlook Anywhere";
    let anywhere = "Outlook Anywhere";
    let older = "RPC, Outlook Anywhere";
    let expected = [
        [both, anywhere, older, older],
        [anywhere, anywhere, older, older],
        [both, anywhere, older, older],
        [anywhere, anywhere, older, older],
        [anywhere, anywhere, older, older],
    ];
    let servers: [(&str, &[&str]); 4] = [
        ("Exchange 2013 SP1 and later", &[MAPI, EXCH_2013, EXHTTP, EXPR]),
        ("Exchange 2013 RTM", &[EXCH_2013, EXHTTP, EXPR]),
        ("Exchange 2010 SP3", &[EXCH_2010, EXPR]),
        ("Exchange 2007 SP3", &[EXCH_2007, EXPR]),
    ];
    for ((client, mapi_http), row) in clients.into_iter().zip(expected) {
        for ((server, protocols), expected) in servers.into_iter().zip(row) {
            let response = response(protocols);
            let choice = choose(&response, Capabilities { mapi_http, ..ALL }, &Policy::DEFAULT);
            assert_eq!(names(&choice), expected, "{client} and {server}");
        }
    }
}

#[test]
fn candidates_carry_what_the_transports_need() {
    let response = response(&[MAPI, EXCH_2013, EXPR]);
    let choice = choose(&response, ALL, &Policy::DEFAULT);
    let user_dn = Some("/o=example/cn=kim");
    let mapi = |location, mail_store, address_book| Candidate {
        location,
        user_dn,
        endpoint: Endpoint::MapiHttp { mail_store, address_book },
    };
    let internal = mapi(Location::Internal, "https://in.example.com/mapi/emsmdb/?MailboxId=1", None);
    let external = mapi(
        Location::External,
        "https://out.example.com/mapi/emsmdb/?MailboxId=1",
        Some("https://out.example.com/mapi/nspi/?MailboxId=1"),
    );
    let anywhere = Candidate {
        location: Location::External,
        user_dn,
        endpoint: Endpoint::RpcHttp {
            proxy: "out.example.com",
            server: "01234567-89ab-cdef-0123-456789abcdef@example.com",
            tls: true,
            principal_name: Some(PrincipalName::Msstd("cert.example.com".into())),
            auth_package: Some(AuthPackage::Ntlm),
        },
    };
    assert_eq!(choice.candidates, [internal.clone(), external.clone(), anywhere.clone()]);
    let choice = choose(&response, ALL, &Policy::DEFAULT.with_locations(Locations::ExternalFirst));
    assert_eq!(choice.candidates, [external.clone(), internal, anywhere.clone()]);
    let only = Policy::DEFAULT.with_locations(Locations::ExternalOnly).with_rpc_http_first(true);
    assert_eq!(choose(&response, ALL, &only).candidates, [anywhere, external]);
}

#[test]
fn what_is_passed_over_says_why() {
    let plain = "<Protocol><Type>EXHTTP</Type><Server>in.example.com</Server><SSL>Off</SSL></Protocol>";
    let basic = "<Protocol><Type>EXHTTP</Type><Server>in.example.com</Server><SSL>Off</SSL><AuthPackage>Basic</AuthPackage></Protocol>";
    let http = "<Protocol Type='mapiHttp'><MailStore><InternalUrl>http://in.example.com/mapi</InternalUrl><ExternalUrl>x\
                </ExternalUrl></MailStore></Protocol>";
    let strange = "<Protocol><Type>EXPR</Type><Server>s</Server><AuthPackage>telepathy</AuthPackage></Protocol>";
    let allow_plain = Policy::DEFAULT.with_allow_plain(true);
    let no_rpc = Policy::DEFAULT.with_allow_rpc_http(false);
    let kerberos = Policy::DEFAULT.with_auth_packages(&[AuthPackage::Kerb]);
    let none = Capabilities { mapi_http: false, rpc_http: false, rpc: false };
    let internal = Policy::DEFAULT.with_locations(Locations::InternalOnly);
    let outside = Policy::DEFAULT.with_locations(Locations::ExternalOnly);
    type Case<'c> = (&'c [&'c str], Capabilities, Policy<'c>, &'c [Reason]);
    let table: &[Case<'_>] = &[
        (&[MAPI, EXCH_2010, EXPR], none, Policy::DEFAULT, &[Reason::NotSpoken, Reason::NotSpoken, Reason::NotSpoken]),
        (&[EXCH_2013], ALL, Policy::DEFAULT, &[Reason::NotByTcp]),
        (&[EXPR], ALL, Policy::DEFAULT, &[Reason::NoServer]),
        (&["<Protocol><Type>EXCH</Type></Protocol>"], ALL, Policy::DEFAULT, &[Reason::NoAddress]),
        (&[EXCH_2013, EXPR], ALL, no_rpc, &[Reason::NotByTcp, Reason::NotAllowed]),
        (&[EXCH_2010, EXPR], ALL, kerberos, &[Reason::AuthPackage, Reason::AuthPackage]),
        (&[EXCH_2010, strange], ALL, outside, &[Reason::Location, Reason::AuthPackage]),
        (&[EXCH_2013, EXPR], ALL, internal, &[Reason::NotByTcp, Reason::Location]),
        (&[EXCH_2013, plain], ALL, Policy::DEFAULT, &[Reason::NotByTcp, Reason::Plain]),
        (&[EXCH_2013, basic], ALL, allow_plain, &[Reason::NotByTcp, Reason::Plain]),
        (&[http], ALL, Policy::DEFAULT, &[Reason::Plain, Reason::NoAddress]),
        (&["<Protocol Type='mapiHttp'/>"], ALL, Policy::DEFAULT, &[Reason::NoAddress, Reason::NoAddress]),
    ];
    for (protocols, can, policy, expected) in table {
        let response = response(protocols);
        let choice = choose(&response, *can, policy);
        let reasons: Vec<_> = choice.passed_over.iter().map(|passed| passed.reason).collect();
        assert_eq!((&reasons[..], choice.candidates.len()), (*expected, 0), "{protocols:?}");
    }
    // The same without TLS, where the caller allows it.
    let response = response(&[EXCH_2013, plain]);
    let choice = choose(&response, ALL, &allow_plain);
    let [candidate] = &choice.candidates[..] else { panic!("{choice:?}") };
    assert!(matches!(candidate.endpoint, Endpoint::RpcHttp { tls: false, principal_name: None, .. }));
}

/// Exchange 2013: EXHTTP with ServerExclusiveConnect goes before the order of places.
#[test]
fn exchange_2013_server_exclusive_connect() {
    let exclusive = "<Protocol><Type>EXHTTP</Type><Server>in</Server></Protocol><Protocol><Type>EXHTTP</Type><Server>out</Server>\
                     <ServerExclusiveConnect>on</ServerExclusiveConnect></Protocol>";
    let response = response(&[EXCH_2013, exclusive]);
    let choice = choose(&response, ALL, &Policy::DEFAULT);
    let locations: Vec<_> = choice.candidates.iter().map(|candidate| candidate.location).collect();
    assert_eq!(locations, [Location::External, Location::Internal]);
}

/// EXHTTP's external host and EXPR are one endpoint: it is tried once.
#[test]
fn one_endpoint_is_one_candidate() {
    let same = "<Protocol Type='mapiHttp'><MailStore><InternalUrl>https://m/x</InternalUrl><ExternalUrl>https://m/x</ExternalUrl>\
                </MailStore></Protocol>";
    let response = response(&[same]);
    assert_eq!(choose(&response, ALL, &Policy::DEFAULT).candidates.len(), 1);
}

#[test]
fn falling_back_and_back_again() {
    let before = response(&[EXCH_2013, EXPR]);
    let after = response(&[MAPI, EXCH_2013, EXPR]);
    let candidates = |response| choose(response, ALL, &Policy::DEFAULT).candidates;
    let mut selection = Selection::new(candidates(&after));
    assert!(matches!(selection.current().unwrap().endpoint, Endpoint::MapiHttp { .. }));
    selection.failed();
    assert!(matches!(selection.failed().unwrap().endpoint, Endpoint::RpcHttp { .. }));
    // The same settings leave it there.
    assert!(!selection.update(candidates(&after)));
    assert!(matches!(selection.current().unwrap().endpoint, Endpoint::RpcHttp { .. }));
    assert!(selection.failed().is_none() && selection.failed().is_none());
    // All have failed: the same settings begin anew.
    assert!(selection.update(candidates(&after)));
    // The server switches MAPI over HTTP off, and on.
    assert!(selection.update(candidates(&before)));
    assert!(matches!(selection.current().unwrap().endpoint, Endpoint::RpcHttp { .. }));
    assert!(selection.update(candidates(&after)));
    assert!(matches!(selection.current().unwrap().endpoint, Endpoint::MapiHttp { .. }));
}
