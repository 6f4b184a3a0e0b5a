//! What `test` and `discover` share: whom to reach, as whom, and by which ways.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use oxwire::auth::AuthScheme;
use oxwire::autodiscover::discovery::Config;
use oxwire::http::{Origin, Scheme};

use super::{UsageError, check_address, helper, text, usage};
use crate::kerberos::Helper;
use crate::net::dial::ConnectTo;

/// `--auth` of `test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthChoice {
    /// The strongest that the server offers.
    Auto,
    /// Basic only.
    Basic,
    /// NTLM only.
    Ntlm,
    /// Negotiate only.
    Negotiate,
}

impl AuthChoice {
    /// The schemes that it lets be used, best first.
    pub(crate) fn preference(self) -> Vec<AuthScheme> {
        match self {
            Self::Auto => vec![AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Basic],
            Self::Basic => vec![AuthScheme::Basic],
            Self::Ntlm => vec![AuthScheme::Ntlm],
            Self::Negotiate => vec![AuthScheme::Negotiate],
        }
    }
}

/// Which certificates `test` trusts.
#[derive(Debug, Clone)]
pub(crate) enum Trust {
    /// Those that this machine trusts.
    System,
    /// Those of a PEM file, and no others.
    File(PathBuf),
    /// All.
    Anything,
}

/// Whom to reach, and how.
#[derive(Debug)]
pub(crate) struct Reach {
    /// The user's address, and the name that authenticates.
    pub(crate) address: String,
    /// What may authenticate.
    pub(crate) auth: AuthChoice,
    /// Kerberos, in place of a password.
    pub(crate) kerberos: Option<Helper>,
    /// Where the password comes from; `None` asks the terminal.
    pub(crate) password_env: Option<String>,
    /// Which certificates are trusted.
    pub(crate) trust: Trust,
    /// Whether NTLM is bound to the TLS channel.
    pub(crate) binding: bool,
    /// Forward proxy.
    pub(crate) proxy: Option<Origin>,
    /// Other places for names and ports.
    pub(crate) connect_to: Vec<ConnectTo>,
    /// JSON lines instead of text.
    pub(crate) json: bool,
}

/// How Autodiscover goes about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// The answer to the question for SRV records; where there is none, a name server is asked.
    pub(crate) srv: Vec<(String, u16)>,
    /// The name server; `None` is the machine's own.
    pub(crate) dns: Option<SocketAddr>,
    /// Hosts, and domains with a dot in front, that get the password without a question.
    pub(crate) allow: Vec<String>,
    /// Outlook's policy keys.
    pub(crate) policies: Vec<(String, bool)>,
    /// Ask by SOAP first, as clients of Exchange Web Services do.
    pub(crate) soap: bool,
}

/// The options while they are being read.
#[derive(Debug)]
pub(super) struct Options {
    address: Option<String>,
    auth: AuthChoice,
    password_env: Option<String>,
    ca: Option<PathBuf>,
    insecure: bool,
    binding: bool,
    proxy: Option<Origin>,
    connect_to: Vec<ConnectTo>,
    json: bool,
    ccache: Option<PathBuf>,
    helper: Option<PathBuf>,
    search: Search,
}

impl Options {
    pub(super) fn new() -> Self {
        Self {
            address: None,
            auth: AuthChoice::Auto,
            password_env: None,
            ca: None,
            insecure: false,
            binding: true,
            proxy: None,
            connect_to: Vec::new(),
            json: false,
            ccache: None,
            helper: None,
            search: Search::default(),
        }
    }

    /// The name of the next option, `help` for `-h`; an ADDRESS on the way is taken.
    pub(super) fn next_name(&mut self, parser: &mut Parser) -> Result<Option<String>, UsageError> {
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Value(value) => self.address(value)?,
                Arg::Short('h') => return Ok(Some("help".to_owned())),
                Arg::Long(name) => return Ok(Some(name.to_owned())),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(None)
    }

    /// The ADDRESS.
    fn address(&mut self, value: std::ffi::OsString) -> Result<(), UsageError> {
        if self.address.is_some() {
            return Err(Arg::Value(value).unexpected().into());
        }
        let value = value.string()?;
        check_address(&value)?;
        self.address = Some(value);
        Ok(())
    }

    /// Takes a long option, where it is one of these.
    pub(super) fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool, UsageError> {
        match name {
            "auth" => {
                let value = text(parser, "--auth")?;
                self.auth = match value.as_str() {
                    "auto" => AuthChoice::Auto,
                    "basic" => AuthChoice::Basic,
                    "ntlm" => AuthChoice::Ntlm,
                    "negotiate" => AuthChoice::Negotiate,
                    _ => return usage(format!("--auth {value}: expected auto, basic, ntlm or negotiate")),
                };
            }
            "password-env" => self.password_env = Some(text(parser, "--password-env")?),
            "ca" => self.ca = Some(PathBuf::from(parser.value()?)),
            "insecure" => self.insecure = true,
            "binding" => {
                let value = text(parser, "--binding")?;
                self.binding = match value.as_str() {
                    "auto" => true,
                    "none" => false,
                    _ => return usage(format!("--binding {value}: expected auto or none")),
                };
            }
            "proxy" => self.proxy = Some(proxy_origin(&text(parser, "--proxy")?)?),
            "connect-to" => self.connect_to.push(connect_to(&text(parser, "--connect-to")?)?),
            "srv" => self.search.srv.push(srv(&text(parser, "--srv")?)?),
            "dns" => self.search.dns = Some(dns(&text(parser, "--dns")?)?),
            "allow" => self.search.allow.push(allow(text(parser, "--allow")?)?),
            "policy" => self.search.policies.push(policy(&text(parser, "--policy")?)?),
            "json" => self.json = true,
            "ccache" => self.ccache = Some(PathBuf::from(parser.value()?)),
            "gssapi-helper" => self.helper = Some(PathBuf::from(parser.value()?)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What they come to.
    pub(super) fn finish(self, command: &str) -> Result<(Reach, Search), UsageError> {
        let trust = match (self.ca, self.insecure) {
            (Some(_), true) => return usage(format!("{command}: --ca and --insecure exclude each other")),
            (Some(file), false) => Trust::File(file),
            (None, true) => Trust::Anything,
            (None, false) => Trust::System,
        };
        let Some(address) = self.address else {
            return usage(format!("{command}: the mailbox's ADDRESS is missing"));
        };
        if self.ccache.is_some() && !matches!(self.auth, AuthChoice::Auto | AuthChoice::Negotiate) {
            return usage(format!("{command}: --ccache goes with negotiate in --auth"));
        }
        let kerberos = helper(self.helper, "KRB5CCNAME", self.ccache)?;
        let reach = Reach {
            address,
            auth: self.auth,
            kerberos,
            password_env: self.password_env,
            trust,
            binding: self.binding,
            proxy: self.proxy,
            connect_to: self.connect_to,
            json: self.json,
        };
        Ok((reach, self.search))
    }
}

/// A host in the form that a colon can stand behind: an IPv6 address in brackets.
fn host(value: &str) -> Option<(&str, &str)> {
    match value.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            Some((host, rest))
        }
        None => Some(value.split_at(value.find(':').unwrap_or(value.len()))),
    }
}

fn port(value: &str) -> Option<Option<u16>> {
    if value.is_empty() { Some(None) } else { value.parse().ok().filter(|port| *port != 0).map(Some) }
}

/// `NAME:PORT:ADDR:PORT`, each of the four may be empty.
fn connect_to(value: &str) -> Result<ConnectTo, UsageError> {
    let read = || {
        let (name, rest) = host(value)?;
        let (from, rest) = rest.strip_prefix(':')?.split_once(':')?;
        let (to_host, rest) = host(rest)?;
        let to_port = match rest.strip_prefix(':') {
            Some(to) => port(to)?,
            None if rest.is_empty() => None,
            None => return None,
        };
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(ConnectTo { name: filled(name), port: port(from)?, to_host: filled(to_host), to_port })
    };
    read().map_or_else(|| usage(format!("--connect-to {value}: expected NAME:PORT:ADDR:PORT, as curl has it")), Ok)
}

/// `NAME:PORT`.
fn srv(value: &str) -> Result<(String, u16), UsageError> {
    let read = || {
        let (host, port) = value.rsplit_once(':')?;
        Some((host.to_owned(), port.parse().ok().filter(|port| *port != 0)?)).filter(|_| !host.is_empty())
    };
    read().map_or_else(|| usage(format!("--srv {value}: expected NAME:PORT")), Ok)
}

/// `ADDR` or `ADDR:PORT`.
fn dns(value: &str) -> Result<SocketAddr, UsageError> {
    let alone = || value.parse().ok().map(|address: IpAddr| SocketAddr::new(address, 53));
    let address = value.parse().ok().or_else(alone);
    address.map_or_else(|| usage(format!("--dns {value}: expected the address of a name server, or ADDR:PORT")), Ok)
}

/// A host, or a domain with a dot in front.
fn allow(value: String) -> Result<String, UsageError> {
    let name = value.strip_prefix('.').unwrap_or(&value);
    if name.is_empty() || name.contains(['/', ':', '@']) {
        return usage(format!("--allow {value}: expected a host name, or a dot and a domain"));
    }
    Ok(value)
}

/// `KEY` or `KEY=0|1`.
fn policy(value: &str) -> Result<(String, bool), UsageError> {
    let (key, on) = match value.split_once('=') {
        None => (value, true),
        Some((key, "1")) => (key, true),
        Some((key, "0")) => (key, false),
        Some(_) => return usage(format!("--policy {value}: expected KEY, KEY=1 or KEY=0")),
    };
    match Config::default().set_policy(key, on) {
        Ok(()) => Ok((key.to_owned(), on)),
        Err(error) => usage(format!("--policy {value}: {error}")),
    }
}

fn proxy_origin(value: &str) -> Result<Origin, UsageError> {
    let (origin, target) = Origin::from_url(value).or_else(|error| usage(format!("--proxy {value}: {error}")))?;
    if origin.scheme != Scheme::Http || target != "/" {
        return usage(format!("--proxy {value}: expected http://host:port"));
    }
    Ok(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_to_as_curl_has_it() {
        let of = |value: &str| {
            let to = connect_to(value).ok()?;
            Some((to.name, to.port, to.to_host, to.to_port))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("a.test:443:127.0.0.1:8443"), Some((some("a.test"), Some(443), some("127.0.0.1"), Some(8443))));
        assert_eq!(of("::[::1]:8443"), Some((None, None, some("::1"), Some(8443))));
        assert_eq!(of("[fe80::1]:80:b:"), Some((some("fe80::1"), Some(80), some("b"), None)));
        assert_eq!(of("a:1::"), Some((some("a"), Some(1), None, None)));
        for wrong in ["", "a", "a:1", "a:x:b:1", "a:1:b:x", "a:0:b:1", "a:1:b:2:3", "[::1:1:b:2", "a:1:[::1]x:2"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
