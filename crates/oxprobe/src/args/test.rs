//! `test`: by which transport, to which endpoint.

use std::time::Duration;

use lexopt::{Arg, Parser};
use oxwire::http::Origin;

use super::reach::{Options, Reach, Search};
use super::{Command, UsageError, text, usage};
use crate::test::{Endpoint, RpcAuth, RpcScheme};

/// What `test` was told.
#[derive(Debug)]
pub(crate) struct TestArgs {
    /// Whom to reach, and how.
    pub(crate) reach: Reach,
    /// Where the endpoint comes from.
    pub(crate) target: Target,
    /// The address book's endpoint of MAPI over HTTP, verbatim, in place of the one that was found.
    pub(crate) nspi_url: Option<String>,
    /// Send compressed and obfuscated, and ask for it.
    pub(crate) compress: bool,
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

/// Reads the rest of the command line.
pub(super) fn test(parser: &mut Parser) -> Result<Command, UsageError> {
    let (mut options, mut url, mut user_dn, mut nspi_url) = (Options::new(), None, None, None);
    let (mut transport, mut rpc_server, mut rpc_auth) = ("auto".to_owned(), None, None);
    let (mut listen, mut compress) = (Duration::from_secs(5), false);
    while let Some(name) = options.next_name(parser)? {
        match name.as_str() {
            "help" => return Ok(Command::Help),
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
            "compress" => compress = true,
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
    match (rpc_auth.and_then(|auth| auth.scheme), reach.kerberos.is_some()) {
        (Some(RpcScheme::Ntlm), true) => {
            return usage(
                "test: NTLM inside RPC wants a password: with --ccache say negotiate or kerberos in --rpc-auth",
            );
        }
        (Some(RpcScheme::Kerberos), false) => return usage("test: kerberos in --rpc-auth goes with --ccache"),
        _ => {}
    }
    let level = rpc_auth.unwrap_or(RpcAuth::DEFAULT);
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
    Ok(Command::Test(TestArgs { reach, target, nspi_url, compress, listen }))
}

fn rpc_auth_level(value: &str) -> Result<RpcAuth, UsageError> {
    let wanted =
        "none, connect, integrity or privacy, the last three with ntlm-, negotiate- or kerberos- in front if need be";
    RpcAuth::parse(value).map_or_else(|| usage(format!("--rpc-auth {value}: expected {wanted}")), Ok)
}
