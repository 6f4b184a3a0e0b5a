//! The search: from an address to the endpoints of its mailbox, every step of it shown.

mod advice;
mod stack;
mod ways;

use std::io::Write;
use std::time::{Instant, SystemTime};

use oxwire::auth::Credentials;
use oxwire::auth::client::{ClientConfig, ClientEvent, ClientLayer};
use oxwire::auth::spnego::MechType;
use oxwire::autodiscover::discovery::{
    Asked, Config, Destination, Discovery, Entry, Event, Failure as SearchFailure, Found, Service, SrvRecord,
};
use oxwire::core::{FileTime, SecretString};
use oxwire::http::Origin;
use serde_json::{Value, json};

use crate::args::{AuthChoice, Search, Wanted};
use crate::kerberos::Helper;
use crate::net::dial::Dialer;
use crate::net::driver::Driver;
use crate::net::srv;
use crate::report::{Facts, Failure, Report};
use crate::test::Endpoint;
use stack::SearchStack;

/// The step's name in the report.
const STEP: &str = "autodiscover";

/// The name of the step that chooses among what was found.
const TRANSPORT: &str = "transport";

/// Whom to look for, and how.
pub(crate) struct Quest {
    /// The user's address, and the name that authenticates.
    pub(crate) address: String,
    /// The password.
    pub(crate) password: SecretString,
    /// What may authenticate.
    pub(crate) auth: AuthChoice,
    /// Kerberos, in place of a password.
    pub(crate) kerberos: Option<Helper>,
    /// Opens connections.
    pub(crate) dialer: Dialer,
    /// Whether NTLM is bound to the TLS channel.
    pub(crate) binding: bool,
    /// What the command line says of the search.
    pub(crate) search: Search,
}

/// What was learned on the way.
#[derive(Debug, Default)]
struct Learned {
    /// The scheme that the last server took.
    scheme: Option<&'static str>,
    /// Why authentication failed, in words that say what to do.
    refusals: Vec<String>,
    /// Where the search led, and the password did not go.
    not_allowed: Vec<String>,
}

/// Searches, and tells of every step; `None` where nothing was found, which is told too. `mapi_http` is whether the client says that
/// it speaks MAPI over HTTP: to one that does, Exchange 2019 does not tell Outlook Anywhere.
///
/// # Errors
/// Those of the output.
pub(crate) async fn run<W: Write>(
    quest: &Quest,
    mapi_http: bool,
    report: &mut Report<W>,
) -> std::io::Result<Option<Box<Found>>> {
    let since = Instant::now();
    let mut driver = match open(quest, mapi_http) {
        Ok(driver) => driver,
        Err(failure) => {
            report.fail(STEP, since, &failure)?;
            return Ok(None);
        }
    };
    let (mut learned, mut shown, mut end) = (Learned::default(), 0, None);
    loop {
        while let Some(event) = driver.stack.poll_auth() {
            match event {
                ClientEvent::Authenticated { scheme, .. } => learned.scheme = Some(scheme.as_str()),
                ClientEvent::Failed { target, reason, .. } => learned.refusals.push(format!("{target}: {reason}")),
                _ => {}
            }
        }
        while let Some(event) = driver.stack.machine.poll_event() {
            // Steps follow one another: nothing else waits while a name server is asked.
            let records = match &event {
                Event::ResolveSrv { name, .. } => resolve(&quest.search, name).await,
                _ => Ok(Vec::new()),
            };
            end = end.or(answer(&mut driver.stack.machine, event, records, &mut learned));
        }
        for entry in driver.stack.machine.trail().iter().skip(shown) {
            report.note(&entry.to_string())?;
        }
        shown = driver.stack.machine.trail().len();
        if let Some(end) = end {
            let trail = driver.stack.machine.trail();
            return tell(quest, report, since, trail, &learned, end);
        }
        driver.turn().await;
    }
}

/// Searches, and chooses the endpoint to test, and the mailbox's distinguished name. `None` where there is none, which is told too.
///
/// # Errors
/// Those of the output.
pub(crate) async fn endpoint_of<W: Write>(
    quest: &Quest,
    wanted: Wanted,
    report: &mut Report<W>,
) -> std::io::Result<Option<(Endpoint, String)>> {
    let Some(found) = run(quest, wanted.mapi_http, report).await? else { return Ok(None) };
    let since = Instant::now();
    let mut endpoints = match ways::endpoints(&found, wanted) {
        Ok(endpoints) => endpoints,
        Err(came) => {
            let (expected, advice) = match (wanted.mapi_http, wanted.rpc_http) {
                (true, false) => (
                    "MAPI over HTTP among the ways to the mailbox",
                    "have the server publish it, or test the endpoint with --url, or Outlook Anywhere with --transport rpchttp",
                ),
                (false, true) => (
                    "RPC over HTTP with TLS among the ways to the mailbox",
                    "have the server publish Outlook Anywhere, or test the proxy with --url and --rpc-server",
                ),
                _ => (
                    "MAPI over HTTP, or RPC over HTTP with TLS, among the ways to the mailbox",
                    "have the server publish one of them, or test the endpoint with --url",
                ),
            };
            report.fail(TRANSPORT, since, &Failure::new(expected, came, advice))?;
            return Ok(None);
        }
    };
    // The last one is taken as it is: the test tells what is wrong with it.
    while endpoints.len() > 1 {
        let reached = match endpoints.first().and_then(|(endpoint, _)| Origin::from_url(endpoint.url()).ok()) {
            Some((origin, _)) => quest.dialer.tcp(&origin).await.map(drop).map_err(|error| error.to_string()),
            None => Err("no URL that a request can be sent to".to_owned()),
        };
        let Err(error) = reached else { break };
        let (endpoint, _) = endpoints.remove(0);
        report.note(&format!("{}: {error}", endpoint.url()))?;
    }
    let endpoint = endpoints.into_iter().next();
    if let Some((endpoint, _)) = &endpoint {
        report.pass(TRANSPORT, since, &endpoint.facts())?;
    }
    Ok(endpoint)
}

fn open(quest: &Quest, mapi_http: bool) -> Result<Driver<SearchStack>, Failure> {
    let (now, wall) = (Instant::now(), FileTime::from_system(SystemTime::now()));
    let mut auth = ClientConfig::default();
    auth.preference = quest.auth.preference();
    if quest.kerberos.is_some() {
        auth.outside_mechanisms = vec![MechType::KERBEROS];
    }
    let auth = ClientLayer::new(auth, Box::new(crate::entropy::fill), now, wall);
    let mut config = Config::default();
    config.user_agent = concat!("oxprobe/", env!("CARGO_PKG_VERSION")).to_owned();
    config.headers.mapi_http_capability = mapi_http.then_some(1);
    config.headers.ex_http_info = true;
    if quest.search.soap {
        config.service = Service::SoapThenPox;
    }
    // Whoever states an SRV answer has named the host.
    let stated = quest.search.srv.iter().map(|(host, _)| host.trim_end_matches('.').to_owned());
    config.trusted_hosts = quest.search.allow.iter().cloned().chain(stated).collect();
    for (key, on) in &quest.search.policies {
        config.set_policy(key, *on).map_err(|error| Failure::new("a policy key", error.to_string(), "see --help"))?;
    }
    let machine = Discovery::new(&quest.address, config, now).map_err(|error| {
        Failure::new("an address that can be looked for", error.to_string(), "give it as local-part@domain")
    })?;
    let credentials = match &quest.kerberos {
        Some(_) => Credentials::Outside { user: None },
        None => Credentials::password(quest.address.as_str(), quest.password.clone()),
    };
    let stack = SearchStack::new(auth, machine, credentials, quest.binding, quest.kerberos.clone());
    Ok(Driver::new(stack, Some(quest.dialer.clone())))
}

/// The SRV records, stated or asked for.
async fn resolve(search: &Search, name: &str) -> Result<Vec<SrvRecord>, String> {
    if search.srv.is_empty() {
        return srv::resolve(name, search.dns).await.map_err(|error| error.to_string());
    }
    let record = |(host, port): &(String, u16)| SrvRecord { priority: 0, weight: 0, port: *port, target: host.clone() };
    Ok(search.srv.iter().map(record).collect())
}

/// Answers a question of the search's, as far as this program can; gives its end.
fn answer(
    machine: &mut Discovery,
    event: Event,
    records: Result<Vec<SrvRecord>, String>,
    learned: &mut Learned,
) -> Option<Result<Box<Found>, SearchFailure>> {
    let now = Instant::now();
    // A question that was answered too late is no mistake; another mistake there is not.
    let _answered = match event {
        Event::SearchDirectory { handle, .. } => {
            machine.answer_directory(now, handle, Err("this program asks no directory"))
        }
        Event::ResolveSrv { handle, .. } => {
            let records = records.as_ref().map_err(String::as_str);
            machine.answer_srv(now, handle, records.cloned(), &mut crate::entropy::fill)
        }
        Event::ReadLocalXml { handle, .. } => machine.answer_local_xml(now, handle, Ok(None)),
        Event::ConsentNeeded { handle, to, .. } => {
            learned.not_allowed.push(match to {
                Destination::Url(url) => url.to_string(),
                Destination::Address(address) => address.to_string(),
            });
            machine.refuse(now, handle)
        }
        Event::Found(found) => return Some(Ok(found)),
        Event::Failed(failure) => return Some(Err(failure)),
        _ => Ok(()),
    };
    None
}

fn tell<W: Write>(
    quest: &Quest,
    report: &mut Report<W>,
    since: Instant,
    trail: &[Entry],
    learned: &Learned,
    end: Result<Box<Found>, SearchFailure>,
) -> std::io::Result<Option<Box<Found>>> {
    let trail_told: Vec<Value> = trail.iter().map(told).collect();
    let found = match end {
        Ok(found) => found,
        Err(failure) => {
            let expected = format!("settings for {}", quest.address);
            let advice = advice::of(trail, &learned.refusals, &learned.not_allowed);
            let failure = Failure::new(expected, failure.to_string(), advice);
            report.fail(STEP, since, &failure.with_facts(Facts::new().with_quiet("trail", trail_told)))?;
            return Ok(None);
        }
    };
    let facts = Facts::new()
        .with("by", found.step.to_string())
        .with_some("at", found.url.as_deref())
        .with_some("address", (found.address != found.login).then_some(&*found.address))
        .with_some("scheme", learned.scheme);
    let facts = ways::tell(&found, facts).with_quiet("trail", trail_told);
    report.pass(STEP, since, &facts)?;
    Ok(Some(found))
}

/// An entry of the trail, as JSON has it.
fn told(entry: &Entry) -> Value {
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let asked = (entry.asked != Asked::Nothing).then(|| entry.asked.to_string());
    let came = entry.came.as_ref();
    json!({
        "step": entry.step.to_string(),
        "address": &*entry.address,
        "asked": asked,
        "status": came.map(|came| came.status),
        "content type": came.and_then(|came| came.content_type.as_deref()),
        "verdict": entry.verdict.to_string(),
        "at": millis(entry.at),
        "ms": millis(entry.took),
    })
}
