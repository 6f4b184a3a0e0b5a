//! The loopback server: HTTP(S), authentication, Session Contexts, and a small mailbox for each user.

mod app;
mod autodiscover;
mod book;
mod nspi;
mod objects;
mod operations;
mod properties;
mod rops;
mod rpc;
mod stack;
#[cfg(test)]
mod tests;
mod users;

use std::fmt;
use std::future::Future;
use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use oxwire::auth::ntlm::ExtendedProtection;
use oxwire::core::{FileTime, Guid, SecretString};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::args::{Schemes, ServeArgs};
use crate::kerberos::Helper;
use crate::log::Log;
use crate::net::driver::Driver;
use crate::tls::{Identity, TlsError, names_for};

use app::App;
pub(crate) use app::Mail;
use autodiscover::Offers;
use stack::{ServerStack, Trust};
use users::Users;

/// The endpoint's path.
pub(crate) const PATH: &str = "/mapi/emsmdb/";

/// Connections that are served at a time; more are closed at once.
const CONNECTION_LIMIT: usize = 1024;

/// After an accept that failed, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server is made of.
pub(crate) struct Service {
    /// Who may log on.
    pub(crate) users: Users,
    /// How.
    pub(crate) schemes: Schemes,
    /// Whether they have to be bound to the TLS connection.
    pub(crate) epa: ExtendedProtection,
    /// The certificate of a proxy that ends TLS in front, in DER.
    pub(crate) tls_ends_at: Option<CertificateDer<'static>>,
    /// Kerberos inside of Negotiate.
    pub(crate) kerberos: Option<Helper>,
    /// The name and the port that Autodiscover tells: `host:port`.
    pub(crate) authority: String,
    /// Certificate and key; `None` is HTTP.
    pub(crate) identity: Option<Identity>,
    /// How many bytes an OUT channel of RPC over HTTP carries; `None` is 1 GiB.
    pub(crate) channel_lifetime: Option<u32>,
    /// Whether answers go compressed and obfuscated where the request allows it.
    pub(crate) compress: bool,
    /// A port that RPC over HTTP lets through, beside those of a mailbox server.
    pub(crate) rpc_port: Option<u16>,
    /// Delivered to whoever waits first.
    pub(crate) mail_on_wait: Option<Mail>,
    /// Where requests are told.
    pub(crate) log: Log,
}

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A layer refuses its configuration.
    #[error("the endpoint cannot be set up: {0}")]
    Setup(String),
}

/// Users with a new mailbox each.
pub(crate) fn users(given: &[(String, SecretString)]) -> Users {
    let wall = FileTime::from_system(SystemTime::now());
    let mut users = Users::default();
    for (address, password) in given {
        users.add(address, password.clone(), [guid(), guid()], wall);
    }
    users
}

/// The names of a certificate of this server's own: where it listens, the name that it tells, and those under which clients
/// look for Autodiscover.
pub(crate) fn names(users: &[(String, SecretString)], authority: &str, listening: IpAddr) -> Vec<String> {
    let mut names = names_for(listening);
    let host = host_of(authority);
    let domains = users.iter().filter_map(|(address, _)| address.split_once('@')).map(|(_, domain)| domain);
    let domains = domains.flat_map(|domain| [domain.to_owned(), format!("autodiscover.{domain}")]);
    for name in [host.to_owned()].into_iter().chain(domains) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The host of a `host:port`, or of a host alone; an IPv6 address without its brackets.
fn host_of(authority: &str) -> &str {
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    port.map_or(authority, |(host, _)| host).trim_matches(['[', ']'])
}

fn guid() -> Guid {
    let mut bytes = [0; 16];
    crate::entropy::fill(&mut bytes);
    Guid::from_entropy(bytes)
}

/// `oxprobe serve`: runs until it is stopped.
///
/// # Errors
/// What keeps it from starting.
pub(crate) async fn run(args: ServeArgs) -> Result<(), String> {
    let told = |what: &str, error: &dyn fmt::Display| format!("{what}: {error}");
    let listener = TcpListener::bind(args.listen).await.map_err(|error| told(&args.listen.to_string(), &error))?;
    let address = listener.local_addr().map_err(|error| told("the listening address", &error))?;
    let authority = args.host.unwrap_or_else(|| address.to_string());
    let identity = match (&args.identity, args.plain) {
        (_, true) => None,
        (Some((chain, key)), _) => Some(Identity::read(chain, key).map_err(|error| error.to_string())?),
        (None, _) => Some(
            Identity::self_signed(&names(&args.users, &authority, address.ip())).map_err(|error| error.to_string())?,
        ),
    };
    if let (Some(path), Some(identity)) = (&args.write_ca, &identity) {
        let pem = identity.trust_anchor_pem().ok_or("the certificate chain is empty")?;
        std::fs::write(path, pem).map_err(|error| told(&path.display().to_string(), &error))?;
    }
    let scheme = if identity.is_some() { "https" } else { "http" };
    let users = users(&args.users);
    let mut lines = format!("{scheme}://{address}{PATH}\n");
    lines.push_str(&format!("  address book at {}\n", nspi::PATH));
    lines.push_str(&format!(
        "  Autodiscover at /autodiscover/autodiscover.xml, .svc and .json, telling {scheme}://{authority}\n"
    ));
    for user in users.iter() {
        lines.push_str(&format!("  user {} with DN {}\n", user.address, user.dn));
    }
    if users.is_empty() {
        lines.push_str("  no --user was given: everybody is refused\n");
    }
    let tls_ends_at = match &args.tls_ends_at {
        Some(path) => Some(crate::tls::first_certificate(path).map_err(|error| error.to_string())?),
        None => None,
    };
    let service = Service {
        users,
        schemes: args.schemes,
        epa: args.epa,
        tls_ends_at,
        kerberos: args.kerberos,
        authority,
        identity,
        channel_lifetime: args.channel_lifetime,
        compress: args.compress,
        rpc_port: args.rpc_port,
        mail_on_wait: None,
        log: Log::Stderr,
    };
    let server = serve(listener, service).map_err(|error| error.to_string())?;
    let mut out = std::io::stdout();
    out.write_all(lines.as_bytes()).and_then(|()| out.flush()).map_err(|error| told("standard output", &error))?;
    server.await;
    Ok(())
}

/// Serves what `listener` accepts, without end.
///
/// # Errors
/// [`ServeError`].
pub(crate) fn serve(listener: TcpListener, service: Service) -> Result<impl Future<Output = ()> + Send, ServeError> {
    let Service {
        users,
        schemes,
        epa,
        tls_ends_at,
        kerberos,
        authority,
        identity,
        channel_lifetime,
        compress,
        rpc_port,
        mail_on_wait,
        log,
    } = service;
    let mut offers = Offers::new(&authority, identity.is_some(), schemes);
    offers.address_book = Some(nspi::PATH);
    let leaf: Option<CertificateDer<'static>> = identity.as_ref().and_then(|identity| identity.leaf().cloned());
    let acceptor = match identity {
        Some(identity) => Some(TlsAcceptor::from(identity.into_config()?)),
        None => None,
    };
    let (now, wall) = (Instant::now(), FileTime::from_system(SystemTime::now()));
    let certificate = leaf.as_deref().or(tls_ends_at.as_deref());
    let rpc = rpc::RpcSide::new(channel_lifetime, rpc_port, kerberos.clone());
    let trust = Trust { schemes, epa, certificate, kerberos };
    let stack = ServerStack::new(App::new(users, mail_on_wait, compress, log), offers, trust, rpc, now, wall)
        .map_err(ServeError::Setup)?;
    Ok(accept_all(listener, Driver::new(stack, None), acceptor))
}

async fn accept_all(listener: TcpListener, mut driver: Driver<ServerStack>, acceptor: Option<TlsAcceptor>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) if driver.connections() < CONNECTION_LIMIT => {
                    let _ = tcp.set_nodelay(true);
                    driver.accept(tcp, peer, acceptor.clone());
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            () = driver.turn() => {}
        }
    }
}
