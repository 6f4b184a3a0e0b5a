//! The analyser: a mailbox session, step by step.

mod address_book;
mod advice;
mod auth_side;
mod authentication;
mod context;
mod cuts;
mod mailbox;
mod notification;
mod operations;
mod packing;
mod rpc;
mod session;
mod stack;
mod transport;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use oxwire::auth::Credentials;
use oxwire::auth::client::{ClientConfig, ClientLayer, Target};
use oxwire::auth::spnego::MechType;
use oxwire::core::{FileTime, SecretString};
use oxwire::http::Origin;
use oxwire::mapihttp::Endpoint as Machine;
use oxwire::mapihttp::client::{Client, Config, Deadlines, Retry};
use oxwire::rpch::http::RpcTarget;

use crate::args::AuthChoice;
use crate::kerberos::Helper;
use crate::net::dial::Dialer;
use crate::net::driver::Driver;
use crate::report::{Facts, Failure, Report};
use auth_side::AuthSide;
use packing::Packing;
#[cfg(test)]
pub(crate) use rpc::RpcLevel;
pub(crate) use rpc::{RpcAuth, RpcScheme};
use session::Session;
use stack::ClientStack;
pub(crate) use transport::needs_tls;

/// How long a request may stay without the first byte of its answer.
const FIRST_RESPONSE: Duration = Duration::from_secs(30);

/// How long a request may take in all, however often the server says that it is at work; longer only to listen longer.
const WHOLE_REQUEST: Duration = Duration::from_secs(120);

/// What is to be tested, and how.
pub(crate) struct Plan {
    /// The user's address, and the name that authenticates.
    pub(crate) address: String,
    /// The endpoint.
    pub(crate) endpoint: Endpoint,
    /// The mailbox's legacy DN.
    pub(crate) user_dn: String,
    /// What may authenticate.
    pub(crate) auth: AuthChoice,
    /// Kerberos, in place of a password.
    pub(crate) kerberos: Option<Helper>,
    /// The password.
    pub(crate) password: SecretString,
    /// Opens connections.
    pub(crate) dialer: Dialer,
    /// Whether certificates are checked.
    pub(crate) verified: bool,
    /// Whether NTLM is bound to the TLS channel.
    pub(crate) binding: bool,
    /// Whether ROPs and auxiliary blocks go compressed and obfuscated, and are asked for so.
    pub(crate) compress: bool,
    /// How long NotificationWait may wait.
    pub(crate) listen: Duration,
    /// Whether somebody delivers a message meanwhile, so that an event has to come.
    pub(crate) message_expected: bool,
}

/// An endpoint, by its transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// MAPI over HTTP.
    MapiHttp {
        /// The endpoint, verbatim.
        url: String,
        /// The address book's; without one it is not tested.
        address_book: Option<String>,
    },
    /// RPC over HTTP.
    RpcHttp {
        /// The RPC proxy.
        url: String,
        /// The RPC server behind it.
        server: RpcTarget,
        /// Authentication inside RPC.
        level: RpcAuth,
    },
}

impl Endpoint {
    /// What is connected to.
    pub(crate) fn url(&self) -> &str {
        let (Self::MapiHttp { url, .. } | Self::RpcHttp { url, .. }) = self;
        url
    }

    /// The same with another address book, where one is given and the transport has it.
    pub(crate) fn with_address_book(mut self, given: Option<&String>) -> Self {
        if let (Self::MapiHttp { address_book, .. }, Some(given)) = (&mut self, given) {
            *address_book = Some(given.clone());
        }
        self
    }

    /// What it is.
    pub(crate) fn facts(&self) -> Facts {
        match self {
            Self::MapiHttp { url, address_book } => Facts::new()
                .with("transport", "mapihttp")
                .with("url", url.as_str())
                .with_some("address book", address_book.as_deref()),
            Self::RpcHttp { url, server, .. } => Facts::new()
                .with("transport", "rpchttp")
                .with("url", url.as_str())
                .with("RPC server", server.to_string()),
        }
    }
}

/// A step's end: what it learned, or why it failed.
type Outcome<T> = Result<T, Failure>;

/// Runs all steps and tells of each; ends at the first that fails.
///
/// # Errors
/// Those of the output.
pub(crate) async fn run<W: Write>(plan: &Plan, report: &mut Report<W>) -> std::io::Result<()> {
    let origin = match Origin::from_url(plan.endpoint.url()) {
        Ok((origin, _)) => origin,
        Err(error) => {
            let failure =
                Failure::new("the URL of an endpoint", error.to_string(), "use the URL that Autodiscover gives");
            return report.fail("tcp", Instant::now(), &failure);
        }
    };
    let since = Instant::now();
    let tcp = match transport::tcp(&plan.dialer, &origin).await {
        Ok((tcp, facts)) => {
            report.pass("tcp", since, &facts)?;
            tcp
        }
        Err(failure) => return report.fail("tcp", since, &failure),
    };
    let since = Instant::now();
    let channel = match transport::tls(&plan.dialer, &origin, tcp, plan.verified).await {
        Ok((channel, facts)) => {
            if needs_tls(plan.endpoint.url()) {
                report.pass("tls", since, &facts)?;
            }
            channel
        }
        Err(failure) => return report.fail("tls", since, &failure),
    };
    match &plan.endpoint {
        Endpoint::MapiHttp { url, address_book } => {
            let mut session = match open(plan, &origin, url, Machine::Mailbox) {
                Ok(session) => session,
                Err(failure) => return report.fail("authentication", Instant::now(), &failure),
            };
            session.driver.adopt(origin, channel);
            steps(plan, &mut session, report).await?;
            match address_book {
                Some(url) if !report.failed() => address_book_steps(plan, url, report).await,
                _ => Ok(()),
            }
        }
        Endpoint::RpcHttp { url, server, level } => {
            let mut session = match rpc::open(plan, &origin, url, server) {
                Ok(session) => session,
                Err(failure) => return report.fail("authentication", Instant::now(), &failure),
            };
            // Through a proxy: the echo requests say whether it is needed, and this connection would be one of its.
            if plan.dialer.proxy.is_none() {
                session.driver.adopt(origin.clone(), channel);
            }
            rpc::steps(plan, *level, &mut session, report).await?;
            if report.failed() {
                return Ok(());
            }
            rpc::address_book_steps(plan, *level, (&origin, url), server, report).await
        }
    }
}

/// Authentication to an origin.
fn auth_side(plan: &Plan, origin: &Origin, now: Instant, wall: FileTime) -> AuthSide {
    let mut auth = ClientConfig::default();
    auth.preference = plan.auth.preference();
    // Whoever says `--auth basic` over http means it.
    auth.cleartext = plan.auth == AuthChoice::Basic;
    if plan.kerberos.is_some() {
        auth.outside_mechanisms = vec![MechType::KERBEROS];
    }
    let mut auth = ClientLayer::new(auth, Box::new(crate::entropy::fill), now, wall);
    let credentials = match &plan.kerberos {
        Some(_) => Credentials::Outside { user: None },
        None => Credentials::password(plan.address.as_str(), plan.password.clone()),
    };
    auth.set_credentials(now, Target::Origin(origin.clone()), credentials);
    AuthSide::new(auth, plan.binding, plan.kerberos.clone())
}

fn open(plan: &Plan, origin: &Origin, url: &str, machine: Machine) -> Outcome<Session> {
    let (now, wall) = (Instant::now(), FileTime::from_system(SystemTime::now()));
    let mut deadlines = Deadlines::default();
    deadlines.first_response = FIRST_RESPONSE;
    deadlines.whole_request = WHOLE_REQUEST.max(plan.listen.saturating_mul(2));
    let mut retry = Retry::default();
    retry.count = 1;
    let config = Config::new(url, &mut crate::entropy::fill)
        .with_endpoint(machine)
        .with_user_agent(concat!("oxprobe/", env!("CARGO_PKG_VERSION")))
        .with_deadlines(deadlines)
        .with_retry(retry);
    let machine = Client::new(config, now, wall).map_err(|error| {
        Failure::new("a URL that a request can be sent to", error.to_string(), "use the URL that Autodiscover gives")
    })?;
    let stack = ClientStack::new(auth_side(plan, origin, now, wall), machine);
    let packing = Packing::new(plan.compress);
    Ok(Session::new(Driver::new(stack, Some(plan.dialer.clone())), packing))
}

/// Tells of a step and gives its product, or ends the test. With a packing at the end it tells what that saved, too.
macro_rules! step {
    ($report:ident, $name:literal, $run:expr $(, $packing:expr)?) => {{
        let since = Instant::now();
        match $run {
            Ok((product, facts)) => {
                $(let facts = facts.with_all($packing.take_saved());)?
                $report.pass($name, since, &facts)?;
                product
            }
            Err(failure) => return $report.fail($name, since, &failure),
        }
    }};
}

use step;

/// A step that has no product.
fn only(outcome: Outcome<Facts>) -> Outcome<((), Facts)> {
    outcome.map(|facts| ((), facts))
}

async fn steps<W: Write>(plan: &Plan, session: &mut Session, report: &mut Report<W>) -> std::io::Result<()> {
    let connect = step!(
        report,
        "authentication",
        match context::begin_connect(session, &plan.user_dn) {
            Ok(connect) => context::authentication(session, connect).await.map(|facts| (connect, facts)),
            Err(failure) => Err(failure),
        }
    );
    step!(report, "connect", only(context::connect(session, connect).await), session.packing);
    let mailbox = step!(report, "logon", mailbox::logon(session, &plan.user_dn).await, session.packing);
    step!(report, "folders", only(mailbox::folders(session, &mailbox).await), session.packing);
    let inbox = step!(report, "inbox", mailbox::inbox(session, &mailbox).await, session.packing);
    step!(report, "notification", only(notification::wait(session, &mailbox, inbox, plan).await), session.packing);
    step!(report, "cut between requests", only(cuts::between_requests(session, inbox).await), session.packing);
    step!(report, "cut in mid-response", only(cuts::in_mid_response(session, inbox).await), session.packing);
    step!(report, "disconnect", only(context::disconnect(session).await));
    Ok(())
}

/// A session of its own: the address book has its own endpoint, connection and Session Context.
async fn address_book_steps<W: Write>(plan: &Plan, url: &str, report: &mut Report<W>) -> std::io::Result<()> {
    let origin = Origin::from_url(url).map_err(|error| {
        Failure::new("the URL of an endpoint", error.to_string(), "use the address book's URL that Autodiscover gives")
    });
    let mut session = match origin.and_then(|(origin, _)| open(plan, &origin, url, Machine::AddressBook)) {
        Ok(session) => session,
        Err(failure) => return report.fail("address book bind", Instant::now(), &failure),
    };
    let session = &mut session;
    step!(report, "address book bind", only(address_book::bind(session).await));
    let dn = step!(report, "resolve", address_book::resolve(session, &plan.address, &plan.user_dn).await);
    step!(report, "address list", only(address_book::list(session).await));
    let server_dn = step!(report, "entry", address_book::entry(session, &dn).await);
    step!(report, "mailbox url", only(address_book::mailbox_url(session, server_dn.as_deref()).await));
    step!(report, "address book url", only(address_book::address_book_url(session, &dn).await));
    step!(report, "address book unbind", only(address_book::unbind(session).await));
    Ok(())
}
