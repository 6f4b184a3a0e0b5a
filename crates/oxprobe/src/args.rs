//! The command line: what may stand on it, and what it comes to.

mod reach;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser};
use oxwire::auth::AuthScheme;
use oxwire::auth::ntlm::ExtendedProtection;
use oxwire::core::SecretString;
use oxwire::http::{Origin, Scheme};

use crate::decode::{DecodeArgs, Kind};
use crate::kerberos::Helper;
use crate::test::{Endpoint, RpcAuth};
use reach::Options;
pub(crate) use reach::{Reach, Search};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
oxprobe: why is, or is not, a mailbox found, and does it answer over MAPI over HTTP and
RPC over HTTP?

USAGE
  oxprobe demo [--json]
      Runs `serve` and `test` against each other: TLS on a free loopback port, NTLM with
      channel binding, a message delivered while NotificationWait waits; then the same over
      RPC over HTTP, found as a client finds it that speaks nothing else, with both channels
      recycled.

  oxprobe test ADDRESS [--url URL --user-dn DN] [options]
      Finds the mailbox by Autodiscover, unless its endpoint is given, and goes through a session
      step by step: says of each step what was learned, or what was expected, what came and what
      to do.
        --url URL             the mailbox endpoint as Autodiscover gives it, its query included;
                              with --transport rpchttp the RPC proxy, https://HOST/rpc/rpcproxy.dll
        --nspi-url URL        mapihttp: the address book's endpoint (default: as Autodiscover gives it;
                              without one the address book is not tested)
        --user-dn DN          the mailbox's legacy distinguished name, from the same answer
        --transport WHICH     auto (default), mapihttp, rpchttp (Outlook Anywhere, searched for as
                              a client without MAPI over HTTP does)
        --rpc-server HOST:PORT    rpchttp with --url: the RPC server behind the proxy, port 6001;
                              its address book is asked for at 6004, the referral at 6002
        --rpc-auth WHICH      rpchttp: NTLM inside RPC: none, connect, integrity, privacy
                              (default; none with --ccache)
        --listen-seconds N    how long NotificationWait, or EcDoAsyncWaitEx, may wait for news
                              (default 5)

  oxprobe discover ADDRESS [options]
      Finds the mailbox by Autodiscover as Outlook does, shows every step on the way, and the
      ways to the mailbox that the server publishes.

    Options of both:
        --auth WHICH          auto (default: the strongest that the server offers), basic, ntlm,
                              negotiate
        --password-env VAR    take the password from this environment variable; without it
                              the terminal asks
        --ccache FILE         Kerberos inside of Negotiate, with the tickets of this file in place of
                              a password
        --gssapi-helper PROGRAM   what speaks Kerberos (default: oxwire-gssapi-helper)
        --ca FILE             trust the certificates of this PEM file, and no others
        --insecure            trust any certificate (what it says is still reported)
        --binding WHICH       auto (default: tls-server-end-point where there is TLS), none
        --proxy URL           forward proxy, http://host:port, by CONNECT
        --connect-to NAME:PORT:ADDR:PORT
                              connect to ADDR:PORT instead of NAME:PORT, as curl does; may be
                              given several times
        --srv NAME:PORT       what the SRV records of the domain say, instead of asking for them
        --dns ADDR[:PORT]     the name server to ask for SRV records (default: this machine's)
        --allow HOST          the password may go to this host, or with a dot in front to hosts
                              of this domain, when the search leads there
        --policy KEY[=0|1]    one of Outlook's policy keys: ExcludeHttpsRootDomain,
                              ExcludeHttpsAutoDiscoverDomain, ExcludeHttpRedirect,
                              ExcludeSrvRecord, DisableAutodiscoverV2Service …
        --json                one object a line: {\"step\",\"ok\",\"ms\",\"detail\"}

  oxprobe serve --listen ADDR:PORT [options]
      A server with a small mailbox in memory for each user, at /mapi/emsmdb/ and behind
      /rpc/rpcproxy.dll, and Autodiscover, which tells both.
      Port 0 takes a free one. The first line of output is the URL.
        --user ADDRESS:PASSWORD   a user; may be given several times
        --auth LIST           of basic, ntlm, negotiate (default: basic,ntlm)
        --epa WHICH           Extended Protection: off, allow (default) or require the channel
                              binding of NTLM and Negotiate
        --tls-ends-at FILE    with --plain: a proxy in front ends TLS with this PEM certificate,
                              and clients are bound to it
        --channel-lifetime BYTES
                              How much an OUT channel of RPC over HTTP carries before it is
                              recycled, 131072 to 2147483648; 1 GiB by default
        --rpc-port PORT       another port that RPC over HTTP lets through, to the same
                              interfaces; a client that wants others is told that they are not here
        --keytab FILE         Kerberos inside of Negotiate, with the keys of this file
        --gssapi-helper PROGRAM   what speaks Kerberos (default: oxwire-gssapi-helper)
        --host NAME[:PORT]    the name that Autodiscover tells (default: where it listens)
        --plain               HTTP instead of HTTPS
        --cert FILE --key FILE    PEM certificate chain and key; without them a self-signed
                              certificate is made at start
        --write-ca FILE       write the certificate that clients are to trust (--ca FILE)

  oxprobe decode FILE [--kind KIND]
      Prints captured bytes as a tree with offsets, names and sections, and the bytes around an
      error. FILE holds them as they are or as hexadecimal text (plain, xxd, hexdump -C, a
      Wireshark dump); - is standard input. It connects to nothing.
        --kind KIND           what they are (default: a guess): rpc (DCE/RPC and RTS PDUs),
                              extended (RPC_HEADER_EXT around ROPs), aux (around auxiliary
                              blocks), rop-request, rop-response, response (meta-tags and what
                              is behind them), or a body of MAPI over HTTP by its request type,
                              as connect-request, execute-response, queryrows-request

EXIT STATUS
  0  every step went through        1  a step failed, or decode met an error
  2  the command line is wrong
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// Captured bytes as a tree.
    Decode(DecodeArgs),
    /// `serve` and `test` against each other.
    Demo {
        /// JSON lines instead of text.
        json: bool,
    },
    /// The loopback server.
    Serve(ServeArgs),
    /// The analyser.
    Test(TestArgs),
    /// The search alone.
    Discover(DiscoverArgs),
}

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

/// What `test` was told.
#[derive(Debug)]
pub(crate) struct TestArgs {
    /// Whom to reach, and how.
    pub(crate) reach: Reach,
    /// Where the endpoint comes from.
    pub(crate) target: Target,
    /// The address book's endpoint of MAPI over HTTP, verbatim, in place of the one that was found.
    pub(crate) nspi_url: Option<String>,
    /// How long NotificationWait may wait.
    pub(crate) listen: Duration,
}

/// Where `test` takes the endpoint from.
#[derive(Debug)]
pub(crate) enum Target {
    /// From the command line, verbatim.
    Given {
        /// The endpoint.
        endpoint: Endpoint,
        /// The mailbox's legacy DN.
        user_dn: String,
    },
    /// From Autodiscover.
    Search(Search, Wanted),
}

/// `--transport`, and what goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// MAPI over HTTP may be chosen.
    pub(crate) mapi_http: bool,
    /// RPC over HTTP may be chosen.
    pub(crate) rpc_http: bool,
    /// Authentication inside RPC.
    pub(crate) rpc_auth: RpcAuth,
}

/// What `discover` was told.
#[derive(Debug)]
pub(crate) struct DiscoverArgs {
    /// Whom to reach, and how.
    pub(crate) reach: Reach,
    /// How the search goes about it.
    pub(crate) search: Search,
}

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

/// A command line that is not one of ours.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

fn usage<T>(text: impl Into<String>) -> Result<T, UsageError> {
    Err(UsageError(text.into()))
}

/// Reads a command line, the program's own name not included.
pub(crate) fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Command, UsageError> {
    let mut parser = Parser::from_args(args);
    match parser.next()? {
        None => usage("a command is missing: decode, demo, discover, test or serve"),
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help),
        Some(Arg::Short('V') | Arg::Long("version")) => Ok(Command::Version),
        Some(Arg::Value(command)) => match command.to_str() {
            Some("help") => Ok(Command::Help),
            Some("decode") => decode(&mut parser),
            Some("demo") => demo(&mut parser),
            Some("serve") => serve(&mut parser),
            Some("test") => test(&mut parser),
            Some("discover") => discover(&mut parser),
            _ => usage(format!("no command {command:?}: there are decode, demo, discover, test and serve")),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

fn decode(parser: &mut Parser) -> Result<Command, UsageError> {
    let (mut file, mut kind) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            Arg::Long("kind") => {
                let value = text(parser, "--kind")?;
                let Some(named) = Kind::parse(&value) else {
                    return usage(format!("--kind {value}: expected one of {}", Kind::names()));
                };
                kind = Some(named);
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(file) = file else { return usage("decode: FILE is missing; - is standard input") };
    Ok(Command::Decode(DecodeArgs { file, kind }))
}

fn demo(parser: &mut Parser) -> Result<Command, UsageError> {
    let mut json = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("json") => json = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Demo { json })
}

fn serve(parser: &mut Parser) -> Result<Command, UsageError> {
    let (mut listen, mut host, mut plain, mut users) = (None, None, false, Vec::new());
    let mut schemes = Schemes::DEFAULT;
    let (mut epa, mut tls_ends_at, mut keytab, mut program) = (ExtendedProtection::Allow, None, None, None);
    let (mut channel_lifetime, mut rpc_port) = (None, None);
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
        rpc_port,
        write_ca,
    };
    Ok(Command::Serve(args))
}

fn test(parser: &mut Parser) -> Result<Command, UsageError> {
    let (mut options, mut url, mut user_dn, mut nspi_url) = (Options::new(), None, None, None);
    let (mut transport, mut rpc_server, mut rpc_auth) = ("auto".to_owned(), None, None);
    let mut listen = Duration::from_secs(5);
    while let Some(arg) = parser.next()? {
        let name = match arg {
            Arg::Value(value) => {
                options.address(value)?;
                continue;
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Long(name) => name.to_owned(),
            other => return Err(other.unexpected().into()),
        };
        match name.as_str() {
            "url" => {
                let value = text(parser, "--url")?;
                Origin::from_url(&value).or_else(|error| usage(format!("--url {value}: {error}")))?;
                url = Some(value);
            }
            "nspi-url" => {
                let value = text(parser, "--nspi-url")?;
                Origin::from_url(&value).or_else(|error| usage(format!("--nspi-url {value}: {error}")))?;
                nspi_url = Some(value);
            }
            "user-dn" => user_dn = Some(text(parser, "--user-dn")?),
            "transport" => {
                let value = text(parser, "--transport")?;
                if !matches!(value.as_str(), "auto" | "mapihttp" | "rpchttp") {
                    return usage(format!("--transport {value}: expected auto, mapihttp or rpchttp"));
                }
                transport = value;
            }
            "rpc-server" => {
                let value = text(parser, "--rpc-server")?;
                let server = value.parse().or_else(|_| {
                    usage(format!("--rpc-server {value}: expected HOST:PORT, as mailbox.example.com:6001"))
                })?;
                rpc_server = Some(server);
            }
            "rpc-auth" => rpc_auth = Some(rpc_auth_level(&text(parser, "--rpc-auth")?)?),
            "listen-seconds" => {
                let value = text(parser, "--listen-seconds")?;
                let seconds = value.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
                let Some(seconds) = seconds else {
                    return usage(format!("--listen-seconds {value}: expected 1 to 3600"));
                };
                listen = Duration::from_secs(seconds);
            }
            other if options.take(other, parser)? => {}
            other => return Err(Arg::Long(other).unexpected().into()),
        }
    }
    let (reach, search) = options.finish("test")?;
    if transport == "mapihttp" && (rpc_server.is_some() || rpc_auth.is_some()) {
        return usage("test: --rpc-server and --rpc-auth belong to RPC over HTTP, --transport rpchttp");
    }
    if transport == "rpchttp" && nspi_url.is_some() {
        return usage("test: --nspi-url belongs to MAPI over HTTP, and not to --transport rpchttp");
    }
    if reach.kerberos.is_some() && rpc_auth.is_some_and(|level| level != RpcAuth::None) {
        return usage("test: NTLM inside RPC wants a password: with --ccache say --rpc-auth none");
    }
    let level = rpc_auth.unwrap_or(if reach.kerberos.is_some() { RpcAuth::None } else { RpcAuth::Privacy });
    let target = match (url, user_dn) {
        (None, None) if rpc_server.is_some() => return usage("test: --rpc-server goes with --url and --user-dn"),
        (None, None) => {
            let (mapi_http, rpc_http) = (transport != "rpchttp", transport != "mapihttp");
            Target::Search(search, Wanted { mapi_http, rpc_http, rpc_auth: level })
        }
        (Some(_), Some(_)) if search != Search::default() => {
            return usage("test: --srv, --dns, --allow and --policy belong to Autodiscover, and --url goes without");
        }
        (Some(url), Some(user_dn)) if user_dn.starts_with('/') => {
            let endpoint = match (transport == "rpchttp", rpc_server) {
                (true, Some(server)) => Endpoint::RpcHttp { url, server, level },
                (true, None) => {
                    return usage("test: --rpc-server HOST:PORT is missing, the server behind the RPC proxy");
                }
                (false, Some(_)) => return usage("test: --rpc-server goes with --transport rpchttp"),
                (false, None) if rpc_auth.is_some() => {
                    return usage("test: --rpc-auth goes with --transport rpchttp");
                }
                (false, None) => Endpoint::MapiHttp { url, address_book: None },
            };
            Target::Given { endpoint, user_dn }
        }
        (Some(_), Some(user_dn)) => {
            return usage(format!("--user-dn {user_dn}: expected a legacy distinguished name, /o=…/ou=…/cn=…"));
        }
        (Some(_), None) => return usage("test: --user-dn DN is missing; without --url both come from Autodiscover"),
        (None, Some(_)) => return usage("test: --url URL is missing; without --user-dn both come from Autodiscover"),
    };
    Ok(Command::Test(TestArgs { reach, target, nspi_url, listen }))
}

fn discover(parser: &mut Parser) -> Result<Command, UsageError> {
    let mut options = Options::new();
    while let Some(arg) = parser.next()? {
        let name = match arg {
            Arg::Value(value) => {
                options.address(value)?;
                continue;
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Long(name) => name.to_owned(),
            other => return Err(other.unexpected().into()),
        };
        if !options.take(&name, parser)? {
            return Err(Arg::Long(&name).unexpected().into());
        }
    }
    let (reach, search) = options.finish("discover")?;
    Ok(Command::Discover(DiscoverArgs { reach, search }))
}

fn text(parser: &mut Parser, option: &str) -> Result<String, UsageError> {
    // Not the parser's own message: it would print the value, and a value may hold a password.
    parser.value()?.into_string().or_else(|_| usage(format!("{option}: the value is not text")))
}

fn check_address(address: &str) -> Result<(), UsageError> {
    match address.split_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => Ok(()),
        _ => usage(format!("{address}: expected an address, local-part@domain")),
    }
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

fn rpc_auth_level(value: &str) -> Result<RpcAuth, UsageError> {
    match value {
        "none" => Ok(RpcAuth::None),
        "connect" => Ok(RpcAuth::Connect),
        "integrity" => Ok(RpcAuth::Integrity),
        "privacy" => Ok(RpcAuth::Privacy),
        _ => usage(format!("--rpc-auth {value}: expected none, connect, integrity or privacy")),
    }
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

/// What speaks Kerberos, where there is a file for it.
fn helper(
    program: Option<PathBuf>,
    variable: &'static str,
    file: Option<PathBuf>,
) -> Result<Option<Helper>, UsageError> {
    match (program, file) {
        (Some(_), None) => usage("--gssapi-helper goes with --ccache or --keytab"),
        (_, None) => Ok(None),
        (program, Some(file)) => {
            let program = program.unwrap_or_else(|| "oxwire-gssapi-helper".into());
            Ok(Some(Helper { program, environment: Some((variable, file)) }))
        }
    }
}

fn proxy_origin(value: &str) -> Result<Origin, UsageError> {
    let (origin, target) = Origin::from_url(value).or_else(|error| usage(format!("--proxy {value}: {error}")))?;
    if origin.scheme != Scheme::Http || target != "/" {
        return usage(format!("--proxy {value}: expected http://host:port"));
    }
    Ok(origin)
}
