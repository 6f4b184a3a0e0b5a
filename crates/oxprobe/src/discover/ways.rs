//! The ways to the mailbox that a server publishes.

use oxwire::autodiscover::discovery::Found;
use oxwire::autodiscover::pox::PrincipalName;
use oxwire::autodiscover::soap::{SubjectResponse, Value as SettingValue};
use oxwire::autodiscover::transport::{Candidate, Capabilities, Endpoint, Location, Policy};
use oxwire::rpch::http::RpcTarget;
use serde_json::{Value, json};

use crate::args::Wanted;
use crate::report::Facts;
use crate::test::Endpoint as Tested;

/// Everything that may be published: an analyser shows it all, with TLS or without.
const ALL: Capabilities = Capabilities { mapi_http: true, rpc_http: true, rpc: true };

/// Adds the ways to what was learned, in the order in which a client tries them, and what is none.
pub(super) fn tell(found: &Found, facts: Facts) -> Facts {
    let choice = found.choose(ALL, &Policy::DEFAULT.with_allow_plain(true));
    let words: Vec<String> = choice.candidates.iter().map(words).collect();
    let ways: Vec<Value> = choice.candidates.iter().map(told).collect();
    let words = if words.is_empty() { "none".to_owned() } else { words.join(", then ") };
    let passed: Vec<Value> = choice
        .passed_over
        .iter()
        .map(|passed| {
            let location = passed.location.map(place);
            json!({ "protocol": passed.protocol, "location": location, "reason": format!("{:?}", passed.reason) })
        })
        .collect();
    let facts = match &found.user_settings {
        Some(settings) => by_soap(settings, facts),
        None => facts,
    };
    let user_dn = found.response.user.as_ref().and_then(|user| user.legacy_dn.as_deref());
    facts.with_some("user DN", user_dn).with_words("ways", ways, words).with_quiet("passed over", passed)
}

/// What the SOAP service tells and the ways do not: the web services, and quietly every text.
fn by_soap(settings: &SubjectResponse<'_>, facts: Facts) -> Facts {
    let texts = settings.settings.iter().filter_map(|setting| match &setting.value {
        SettingValue::Text(text) => Some((setting.name.to_string(), Value::from(&**text))),
        _ => None,
    });
    facts
        .with_some("EWS internal", settings.text("InternalEwsUrl"))
        .with_some("EWS external", settings.text("ExternalEwsUrl"))
        .with_quiet("user settings", Value::Object(texts.collect()))
}

/// The port of the store, EMSMDB, behind an RPC proxy.
const STORE: u16 = 6001;

/// The endpoints that can be tested, with the mailbox's distinguished name, in the order to try them.
///
/// # Errors
/// What the server publishes instead.
pub(super) fn endpoints(found: &Found, wanted: Wanted) -> Result<Vec<(Tested, String)>, String> {
    let choice = found.choose(ALL, &Policy::DEFAULT);
    let tested = |candidate: &Candidate<'_>| {
        let endpoint = match &candidate.endpoint {
            Endpoint::MapiHttp { mail_store, address_book } if wanted.mapi_http => {
                Tested::MapiHttp { url: (*mail_store).to_owned(), address_book: address_book.map(str::to_owned) }
            }
            Endpoint::RpcHttp { proxy, server, tls, .. } if wanted.rpc_http => Tested::RpcHttp {
                url: format!("{}://{proxy}/rpc/rpcproxy.dll", if *tls { "https" } else { "http" }),
                server: RpcTarget { server: (*server).into(), port: STORE },
                level: wanted.rpc_auth,
            },
            _ => return None,
        };
        Some((endpoint, candidate.user_dn?.to_owned()))
    };
    let endpoints: Vec<(Tested, String)> = choice.candidates.iter().filter_map(tested).collect();
    if endpoints.is_empty() {
        let ways: Vec<String> = choice.candidates.iter().map(words).collect();
        return Err(if ways.is_empty() { "no way to the mailbox".to_owned() } else { ways.join(", ") });
    }
    Ok(endpoints)
}

const fn place(location: Location) -> &'static str {
    match location {
        Location::Internal => "internal",
        Location::External => "external",
    }
}

fn name(principal: &PrincipalName<'_>) -> String {
    match principal {
        PrincipalName::ByTls => "none".to_owned(),
        PrincipalName::Msstd(name) => format!("msstd:{name}"),
        PrincipalName::Other(name) => name.clone().into_owned(),
    }
}

fn words(candidate: &Candidate<'_>) -> String {
    let place = place(candidate.location);
    match &candidate.endpoint {
        Endpoint::MapiHttp { mail_store, .. } => format!("MAPI/HTTP {place} {mail_store}"),
        Endpoint::RpcHttp { proxy, server, tls, auth_package, .. } => {
            let tls = if *tls { "TLS" } else { "no TLS" };
            let auth = auth_package.map_or("", |package| package.name());
            format!("RPC/HTTP {place} {proxy} to {server} ({tls}) {auth}").trim_end().to_owned()
        }
        Endpoint::Rpc { server, .. } => format!("RPC/TCP {place} {server}"),
        _ => format!("another way, {place}"),
    }
}

fn told(candidate: &Candidate<'_>) -> Value {
    let place = place(candidate.location);
    match &candidate.endpoint {
        Endpoint::MapiHttp { mail_store, address_book } => {
            json!({ "transport": "mapihttp", "location": place, "mail store": mail_store, "address book": address_book })
        }
        Endpoint::RpcHttp { proxy, server, tls, principal_name, auth_package } => json!({
            "transport": "rpchttp", "location": place, "proxy": proxy, "server": server, "tls": tls,
            "principal name": principal_name.as_ref().map(name), "auth": auth_package.map(|package| package.name()),
        }),
        Endpoint::Rpc { server, auth_package } => json!({
            "transport": "rpc", "location": place, "server": server, "auth": auth_package.map(|package| package.name()),
        }),
        _ => json!({ "location": place }),
    }
}
