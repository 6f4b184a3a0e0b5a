//! `serve`: whom it serves, where, and how they prove who they are.

use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser};
use oxwire::auth::ntlm::ExtendedProtection;
use oxwire::core::SecretString;
use oxwire::http::Origin;

use super::{Command, UsageError, check_address, helper, text, usage};
use crate::kerberos::Helper;

/// What `serve` was told.
#[derive(Debug)]
pub(crate) struct ServeArgs {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// The name, or name and port, that Autodiscover tells.
    pub(crate) host: Option<String>,
    /// HTTP instead of HTTPS.
    pub(crate) plain: bool,
    /// Address and password of each user.
    pub(crate) users: Vec<(String, SecretString)>,
    /// What may authenticate.
    pub(crate) schemes: Schemes,
    /// Whether clients have to be bound to the TLS connection.
    pub(crate) epa: ExtendedProtection,
    /// How many bytes an OUT channel of RPC over HTTP carries.
    pub(crate) channel_lifetime: Option<u32>,
    /// Answer compressed and obfuscated where that is allowed.
    pub(crate) compress: bool,
    /// A port that RPC over HTTP lets through, beside those of a mailbox server.
    pub(crate) rpc_port: Option<u16>,
    /// The PEM certificate of a proxy that ends TLS in front.
    pub(crate) tls_ends_at: Option<PathBuf>,
    /// Kerberos inside of Negotiate.
    pub(crate) kerberos: Option<Helper>,
    /// PEM files: certificate chain, key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// Where to write the certificate that clients are to trust.
    pub(crate) write_ca: Option<PathBuf>,
}

/// Authentication schemes that `serve` offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schemes {
    /// Basic.
    pub(crate) basic: bool,
    /// NTLM.
    pub(crate) ntlm: bool,
    /// Negotiate.
    pub(crate) negotiate: bool,
}

impl Schemes {
    /// Without `--auth`.
    pub(crate) const DEFAULT: Self = Self { basic: true, ntlm: true, negotiate: false };
}

/// Reads the rest of the command line.
pub(super) fn serve(parser: &mut Parser) -> Result<Command, UsageError> {
    let (mut listen, mut host, mut plain, mut users) = (None, None, false, Vec::new());
    let mut schemes = Schemes::DEFAULT;
    let (mut epa, mut tls_ends_at, mut keytab, mut program) = (ExtendedProtection::Allow, None, None, None);
    let (mut channel_lifetime, mut compress, mut rpc_port) = (None, false, None);
    let (mut cert, mut key, mut write_ca) = (None, None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("listen") => {
                let text = text(parser, "--listen")?;
                listen = Some(text.parse().or_else(|_| {
                    usage(format!("--listen {text}: expected an address and a port, as 127.0.0.1:8443 or [::1]:0"))
                })?);
            }
            Arg::Long("host") => {
                let text = text(parser, "--host")?;
                let url = Origin::from_url(&format!("https://{text}"));
                if url.ok().is_none_or(|(_, target)| target != "/") || text.ends_with('/') {
                    return usage(format!(
                        "--host {text}: expected a name, or a name and a port, as mail.example.com:8443"
                    ));
                }
                host = Some(text);
            }
            Arg::Long("plain") => plain = true,
            Arg::Long("user") => users.push(user(text(parser, "--user")?)?),
            Arg::Long("auth") => schemes = scheme_list(&text(parser, "--auth")?)?,
            Arg::Long("epa") => epa = extended_protection(&text(parser, "--epa")?)?,
            Arg::Long("tls-ends-at") => tls_ends_at = Some(PathBuf::from(parser.value()?)),
            Arg::Long("channel-lifetime") => {
                channel_lifetime = Some(lifetime(&text(parser, "--channel-lifetime")?)?);
            }
            Arg::Long("compress") => compress = true,
            Arg::Long("rpc-port") => {
                let text = text(parser, "--rpc-port")?;
                let port = text.parse().ok().filter(|port| *port != 0);
                let Some(port) = port else { return usage(format!("--rpc-port {text}: expected 1 to 65535")) };
                rpc_port = Some(port);
            }
            Arg::Long("keytab") => keytab = Some(PathBuf::from(parser.value()?)),
            Arg::Long("gssapi-helper") => program = Some(PathBuf::from(parser.value()?)),
            Arg::Long("cert") => cert = Some(PathBuf::from(parser.value()?)),
            Arg::Long("key") => key = Some(PathBuf::from(parser.value()?)),
            Arg::Long("write-ca") => write_ca = Some(PathBuf::from(parser.value()?)),
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(listen) = listen else { return usage("serve: --listen ADDR:PORT is missing") };
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => return usage("serve: --cert and --key go together"),
    };
    if plain && (identity.is_some() || write_ca.is_some()) {
        return usage("serve: --plain has no certificate; --cert, --key and --write-ca belong to HTTPS");
    }
    if tls_ends_at.is_some() && !plain {
        return usage("serve: --tls-ends-at goes with --plain; without it TLS ends here");
    }
    if keytab.is_some() && !schemes.negotiate {
        return usage("serve: --keytab goes with negotiate in --auth");
    }
    let kerberos = helper(program, "KRB5_KTNAME", keytab)?;
    for (at, (address, _)) in users.iter().enumerate() {
        if users.iter().take(at).any(|(other, _)| other.eq_ignore_ascii_case(address)) {
            return usage(format!("serve: --user {address} stands there twice"));
        }
    }
    let args = ServeArgs {
        listen,
        host,
        plain,
        users,
        schemes,
        epa,
        tls_ends_at,
        kerberos,
        identity,
        channel_lifetime,
        compress,
        rpc_port,
        write_ca,
    };
    Ok(Command::Serve(args))
}

/// `ADDRESS:PASSWORD`. What is wrong is said without the value: it holds a password.
fn user(value: String) -> Result<(String, SecretString), UsageError> {
    let value = SecretString::new(value);
    let Some((address, password)) = value.expose().split_once(':') else {
        return usage("--user: expected ADDRESS:PASSWORD, found no colon");
    };
    check_address(address).or_else(|error| usage(format!("--user {error}")))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`{|}~@".contains(c);
    if !address.chars().all(plain) {
        return usage(format!(
            "--user {address}: expected an address of ASCII letters, digits and !#$%&'*+-.^_`{{|}}~"
        ));
    }
    if password.is_empty() {
        return usage(format!("--user {address}: the password is empty"));
    }
    Ok((address.to_owned(), SecretString::from(password)))
}

fn scheme_list(value: &str) -> Result<Schemes, UsageError> {
    let mut schemes = Schemes { basic: false, ntlm: false, negotiate: false };
    for scheme in value.split(',') {
        match scheme {
            "basic" => schemes.basic = true,
            "ntlm" => schemes.ntlm = true,
            "negotiate" => schemes.negotiate = true,
            _ => return usage(format!("--auth {value}: expected basic, ntlm, negotiate, or more of them with commas")),
        }
    }
    Ok(schemes)
}

/// Bytes of a channel lifetime, [MS-RPCH] 2.2.3.5.5.
fn lifetime(value: &str) -> Result<u32, UsageError> {
    match value.parse() {
        Ok(bytes @ 0x2_0000..=0x8000_0000) => Ok(bytes),
        _ => usage(format!("--channel-lifetime {value}: expected 131072 to 2147483648 bytes")),
    }
}

fn extended_protection(value: &str) -> Result<ExtendedProtection, UsageError> {
    match value {
        "off" => Ok(ExtendedProtection::Off),
        "allow" => Ok(ExtendedProtection::Allow),
        "require" => Ok(ExtendedProtection::Require),
        _ => usage(format!("--epa {value}: expected off, allow or require")),
    }
}
