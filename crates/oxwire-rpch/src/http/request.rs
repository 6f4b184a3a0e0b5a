//! Requests: IN channel, OUT channel, echo, and version 1's RPC connect.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use oxwire_core::Guid;
use oxwire_http::{HeadBuilder, HeadError, RequestHead, Version, name};

use super::{
    MAX_CHANNEL_LENGTH, MAX_ECHO_LENGTH, MIN_CHANNEL_LENGTH, OUT_CHANNEL_LENGTH, REPLACEMENT_OUT_CHANNEL_LENGTH,
};

/// Which way a channel carries PDUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// From the client: `RPC_IN_DATA`.
    In,
    /// To the client: `RPC_OUT_DATA`.
    Out,
}

impl ChannelKind {
    /// The method of its request.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::In => "RPC_IN_DATA",
            Self::Out => "RPC_OUT_DATA",
        }
    }
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::In => "IN channel",
            Self::Out => "OUT channel",
        })
    }
}

/// abs-path, [MS-RPCH] 2.2.2. Letter case does not count: `/RPC/RpcProxy.dll` is common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PathKind {
    /// `/rpc/rpcproxy.dll`
    #[default]
    NoCert,
    /// `/rpcwithcert/rpcproxy.dll`: the client authenticates by a certificate.
    WithCert,
}

impl PathKind {
    /// The path as the section spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCert => "/rpc/rpcproxy.dll",
            Self::WithCert => "/rpcwithcert/rpcproxy.dll",
        }
    }

    /// The kind of a path, in any letter case.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        [Self::NoCert, Self::WithCert].into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(path))
    }
}

/// The RPC server that a proxy is to connect to: the query, [MS-RPCH] 2.2.2.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RpcTarget {
    /// server-name: a host name, an address (IPv6 with or without brackets), or what the proxy resolves by itself, as
    /// Exchange 2013 and later do with `<mailbox GUID>@<domain>`. Less than 1,024 characters.
    pub server: Arc<str>,
    /// server-port.
    pub port: u16,
}

/// A query that names no server and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the query of the URL: expected server-name:server-port, found {found} ([MS-RPCH] 2.2.2)")]
pub struct RpcTargetError {
    /// What came.
    pub found: &'static str,
}

impl FromStr for RpcTarget {
    type Err = RpcTargetError;

    /// Takes `server:port`. What stands in front of the last colon is the server: IPv6 addresses come with and without
    /// brackets.
    fn from_str(query: &str) -> Result<Self, RpcTargetError> {
        let bad = |found| RpcTargetError { found };
        let (server, port) = query.rsplit_once(':').ok_or(bad("no colon"))?;
        if server.is_empty() {
            return Err(bad("no server-name"));
        }
        if server.len() >= 1_024 {
            return Err(bad("a server-name of 1,024 characters or more"));
        }
        if !server.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(bad("a server-name with blanks or control characters"));
        }
        if !(1..=6).contains(&port.len()) || !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad("a server-port that is not 1 to 6 digits"));
        }
        let port = port.parse().map_err(|_| bad("a server-port past 65535"))?;
        Ok(Self { server: server.into(), port })
    }
}

impl fmt::Display for RpcTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.server, self.port)
    }
}

/// The pragma directives with a value. [MS-RPCH] 2.1.2.1.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pragmas {
    /// MinConnTimeout, in seconds: the least connection time-out that the client wants, 120 to 14,400.
    pub min_conn_timeout: Option<u32>,
    /// ResourceTypeUuid: 3.2.3.1.5.
    pub resource_type_uuid: Option<Guid>,
    /// SessionId: 3.2.3.1.6.
    pub session_id: Option<Guid>,
}

impl Pragmas {
    fn write(self, mut builder: HeadBuilder) -> HeadBuilder {
        builder = builder.field(name::PRAGMA, "No-cache");
        if let Some(seconds) = self.min_conn_timeout {
            builder = builder.field(name::PRAGMA, format!("MinConnTimeout={}", seconds.clamp(120, 14_400)));
        }
        if let Some(uuid) = self.resource_type_uuid {
            builder = builder.field(name::PRAGMA, format!("ResourceTypeUuid={uuid}"));
        }
        if let Some(uuid) = self.session_id {
            builder = builder.field(name::PRAGMA, format!("SessionId={uuid}"));
        }
        builder
    }

    /// Reads them from a request; several on a line, and what is not understood, are no error: a proxy ignores them.
    #[must_use]
    pub fn of(head: &RequestHead) -> Self {
        let mut this = Self::default();
        let lines = head.fields().all(name::PRAGMA).filter_map(|line| std::str::from_utf8(line).ok());
        for directive in lines.flat_map(|line| line.split(',')) {
            let Some((key, value)) = directive.trim().split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if key.eq_ignore_ascii_case("MinConnTimeout") {
                let in_range = |seconds: &u32| (120..=14_400).contains(seconds);
                this.min_conn_timeout = value.parse().ok().filter(in_range).or(this.min_conn_timeout);
            } else if key.eq_ignore_ascii_case("ResourceTypeUuid") {
                this.resource_type_uuid = value.parse().ok().or(this.resource_type_uuid);
            } else if key.eq_ignore_ascii_case("SessionId") {
                this.session_id = value.parse().ok().or(this.session_id);
            }
        }
        this
    }
}

fn base(method: &str, target: &str, host: &str, user_agent: &str, version: Version) -> HeadBuilder {
    RequestHead::builder(method, target)
        .version(version)
        .field(name::CACHE_CONTROL, "no-cache")
        .field(name::CONNECTION, "Keep-Alive")
        .field(name::USER_AGENT, user_agent)
        .field(name::ACCEPT, "application/rpc")
        .field(name::HOST, host)
}

/// An IN channel request, or an OUT channel request that is no replacement. [MS-RPCH] 2.1.2.1.1, 2.1.2.1.2
///
/// `path` is the request's path, such as [`PathKind::as_str`]; `host` the proxy's name for `Host`; `in_channel_length` the
/// Content-Length of an IN channel, which is its lifetime (an OUT channel's is 76). `version` is SHOULD 1.0 in the text;
/// clients in the field send either.
///
/// # Errors
/// [`HeadError`] for names with control characters.
pub fn channel_request(
    kind: ChannelKind,
    path: &str,
    rpc: &RpcTarget,
    host: &str,
    pragmas: Pragmas,
    in_channel_length: u32,
    version: Version,
) -> Result<RequestHead, HeadError> {
    let length = match kind {
        ChannelKind::In => u64::from(in_channel_length),
        ChannelKind::Out => OUT_CHANNEL_LENGTH,
    };
    sized_request(kind, path, rpc, host, pragmas, length, version)
}

/// A replacement OUT channel request, as recycling sends it. [MS-RPCH] 2.1.2.1.2
///
/// # Errors
/// [`HeadError`] for names with control characters.
pub fn replacement_out_channel_request(
    path: &str,
    rpc: &RpcTarget,
    host: &str,
    pragmas: Pragmas,
    version: Version,
) -> Result<RequestHead, HeadError> {
    sized_request(ChannelKind::Out, path, rpc, host, pragmas, REPLACEMENT_OUT_CHANNEL_LENGTH, version)
}

fn sized_request(
    kind: ChannelKind,
    path: &str,
    rpc: &RpcTarget,
    host: &str,
    pragmas: Pragmas,
    length: u64,
    version: Version,
) -> Result<RequestHead, HeadError> {
    let builder = base(kind.method(), &format!("{path}?{rpc}"), host, "MSRPC", version);
    pragmas.write(builder).field(name::CONTENT_LENGTH, length.to_string()).request()
}

/// An echo request, whose body is the four bytes `F8 E8 18 08` (note 12). [MS-RPCH] 2.1.2.1.5
///
/// # Errors
/// [`HeadError`] for names with control characters.
pub fn echo_request(
    kind: ChannelKind,
    path: &str,
    rpc: &RpcTarget,
    host: &str,
    version: Version,
) -> Result<(RequestHead, &'static [u8]), HeadError> {
    const BODY: &[u8] = &[0xF8, 0xE8, 0x18, 0x08];
    let head = sized_request(kind, path, rpc, host, Pragmas::default(), BODY.len() as u64, version)?;
    Ok((head, BODY))
}

/// Version 1's RPC connect request: no Content-Length and no coding, the body is the connection's own bytes.
/// [MS-RPCH] 2.1.1.1.1
///
/// # Errors
/// [`HeadError`] for names with control characters.
pub fn connect_request(path: &str, rpc: &RpcTarget, host: &str) -> Result<RequestHead, HeadError> {
    RequestHead::builder("RPC_CONNECT", &format!("{path}?{rpc}"))
        .field(name::PRAGMA, "No-cache")
        .field(name::USER_AGENT, "RPC")
        .field(name::HOST, host)
        .request()
}

/// A Content-Length that no channel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Content-Length of an {kind} request: expected {}, found {} ([MS-RPCH] {})",
    expected(*kind), Found(*found), if matches!(kind, ChannelKind::In) { "2.1.2.1.1" } else { "2.1.2.1.2" })]
pub struct ContentLengthFault {
    /// Of which channel.
    pub kind: ChannelKind,
    /// What came; `None` where there was none, or no number.
    pub found: Option<u64>,
}

const fn expected(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::In => "0 to 0x10 (an echo request) or 131072 to 2147483648",
        ChannelKind::Out => "0 to 0x10 (an echo request), 76, or 120 (a replacement)",
    }
}

struct Found(Option<u64>);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(length) => write!(f, "{length}"),
            None => f.write_str("none"),
        }
    }
}

/// Why a request is none of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Neither `RPC_IN_DATA` nor `RPC_OUT_DATA`.
    #[error("the method: expected RPC_IN_DATA or RPC_OUT_DATA, found another ([MS-RPCH] 2.1.2.1)")]
    Method,
    /// Not the path of an RPC proxy.
    #[error("the path: expected /rpc/rpcproxy.dll or /rpcwithcert/rpcproxy.dll, found another ([MS-RPCH] 2.2.2)")]
    Path,
    /// A query without server and port.
    #[error(transparent)]
    Target(#[from] RpcTargetError),
    /// A Content-Length that no channel has.
    #[error(transparent)]
    ContentLength(#[from] ContentLengthFault),
}

/// What a request for a channel says, as a proxy reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelRequest {
    /// An echo request: Content-Length up to 0x10, whatever the body and the query (impacket's has none). [MS-RPCH] 2.1.2.1.5
    Echo {
        /// By which method.
        kind: ChannelKind,
    },
    /// An IN channel request. [MS-RPCH] 2.1.2.1.1
    In {
        /// The server to connect to.
        rpc: RpcTarget,
        /// Which of the two paths.
        path: PathKind,
        /// The pragma directives.
        pragmas: Pragmas,
        /// Content-Length: how many bytes the channel carries.
        length: u32,
    },
    /// An OUT channel request. [MS-RPCH] 2.1.2.1.2
    Out {
        /// The server to connect to.
        rpc: RpcTarget,
        /// Which of the two paths.
        path: PathKind,
        /// The pragma directives.
        pragmas: Pragmas,
        /// Content-Length was 120, not 76: a replacement OUT channel.
        replacement: bool,
    },
}

impl ChannelRequest {
    /// Reads a request's head.
    ///
    /// # Errors
    /// [`RequestError`], which says what was expected and what came.
    pub fn parse(head: &RequestHead) -> Result<Self, RequestError> {
        let kind = [ChannelKind::In, ChannelKind::Out]
            .into_iter()
            .find(|kind| kind.method() == head.method())
            .ok_or(RequestError::Method)?;
        let (path, query) = head.target().split_once('?').unwrap_or((head.target(), ""));
        let path = PathKind::of(path).ok_or(RequestError::Path)?;
        let found = head.fields().text(name::CONTENT_LENGTH).and_then(|text| text.trim().parse::<u64>().ok());
        let fault = ContentLengthFault { kind, found };
        let length = found.ok_or(fault)?;
        if length <= MAX_ECHO_LENGTH {
            return Ok(Self::Echo { kind });
        }
        let pragmas = Pragmas::of(head);
        match (kind, length) {
            (ChannelKind::In, _) => {
                let range = MIN_CHANNEL_LENGTH..=MAX_CHANNEL_LENGTH;
                let length = u32::try_from(length).ok().filter(|length| range.contains(length)).ok_or(fault)?;
                Ok(Self::In { rpc: query.parse()?, path, pragmas, length })
            }
            (ChannelKind::Out, OUT_CHANNEL_LENGTH | REPLACEMENT_OUT_CHANNEL_LENGTH) => {
                let replacement = length == REPLACEMENT_OUT_CHANNEL_LENGTH;
                Ok(Self::Out { rpc: query.parse()?, path, pragmas, replacement })
            }
            (ChannelKind::Out, _) => Err(fault.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc() -> RpcTarget {
        "mbx1.example.test:6001".parse().unwrap()
    }

    /// [MS-RPCH] 2.1.2.1.1, field by field.
    #[test]
    fn an_in_channel_request() {
        let pragmas = Pragmas {
            min_conn_timeout: Some(120),
            resource_type_uuid: Some("44E265DD-7DAF-42CD-8560-3CDB6E7A2729".parse().unwrap()),
            session_id: Some("33C0B3AE-6B41-4D2C-8D0E-5B1B5C7C4A10".parse().unwrap()),
        };
        let head = channel_request(
            ChannelKind::In,
            PathKind::NoCert.as_str(),
            &rpc(),
            "mail.example.test",
            pragmas,
            0x4000_0000,
            Version::Http10,
        )
        .unwrap();
        let expected = "RPC_IN_DATA /rpc/rpcproxy.dll?mbx1.example.test:6001 HTTP/1.0\r\n\
            Cache-Control: no-cache\r\nConnection: Keep-Alive\r\nUser-Agent: MSRPC\r\nAccept: application/rpc\r\n\
            Host: mail.example.test\r\nPragma: No-cache\r\nPragma: MinConnTimeout=120\r\n\
            Pragma: ResourceTypeUuid=44E265DD-7DAF-42CD-8560-3CDB6E7A2729\r\n\
            Pragma: SessionId=33C0B3AE-6B41-4D2C-8D0E-5B1B5C7C4A10\r\nContent-Length: 1073741824\r\n\r\n";
        assert_eq!(head.as_bytes(), expected);
        let parsed = ChannelRequest::parse(&head).unwrap();
        assert_eq!(parsed, ChannelRequest::In { rpc: rpc(), path: PathKind::NoCert, pragmas, length: 0x4000_0000 });
    }

    /// [MS-RPCH] 2.1.2.1.2: 76, or 120 for a replacement.
    #[test]
    fn out_channel_requests() {
        let (path, none) = (PathKind::WithCert.as_str(), Pragmas::default());
        let first = channel_request(ChannelKind::Out, path, &rpc(), "x", none, 0, Version::Http11).unwrap();
        let again = replacement_out_channel_request(path, &rpc(), "x", none, Version::Http11).unwrap();
        for (head, length, replacement) in [(first, "76", false), (again, "120", true)] {
            assert_eq!(head.fields().text("content-length"), Some(length));
            let out = ChannelRequest::Out { rpc: rpc(), path: PathKind::WithCert, pragmas: none, replacement };
            assert_eq!(ChannelRequest::parse(&head).unwrap(), out);
        }
    }

    fn head(method: &str, target: &str, length: Option<&str>) -> RequestHead {
        let builder = RequestHead::builder(method, target).field("Host", "x");
        let builder = length.into_iter().fold(builder, |builder, length| builder.field("Content-Length", length));
        builder.request().unwrap()
    }

    /// RCA's echo has a 4-byte body, impacket's first request neither body nor query.
    #[test]
    fn rca_and_impacket_echo() {
        let (echo, body) = echo_request(ChannelKind::In, "/rpc/rpcproxy.dll", &rpc(), "x", Version::Http10).unwrap();
        assert_eq!(body, [0xF8, 0xE8, 0x18, 0x08]);
        for head in [
            echo,
            head("RPC_IN_DATA", "/rpc/rpcproxy.dll", Some("0")),
            head("RPC_IN_DATA", "/rpc/rpcproxy.dll?a:1", Some("16")),
        ] {
            assert_eq!(ChannelRequest::parse(&head), Ok(ChannelRequest::Echo { kind: ChannelKind::In }));
        }
    }

    #[test]
    fn content_lengths_that_no_channel_has() {
        for (method, lengths) in [
            ("RPC_IN_DATA", &["17", "131071", "2147483649", "18446744073709551616", "-1", "x"][..]),
            ("RPC_OUT_DATA", &["17", "75", "77", "119", "121", "131072"][..]),
        ] {
            for length in lengths.iter().map(|length| Some(*length)).chain([None]) {
                let error = ChannelRequest::parse(&head(method, "/rpc/rpcproxy.dll?a:1", length)).unwrap_err();
                let RequestError::ContentLength(fault) = error else { panic!("{error}") };
                assert_eq!(fault.found, length.and_then(|length| length.parse().ok()));
                let text = error.to_string();
                assert!(text.contains("Content-Length") && text.contains("2.1.2.1."), "{text}");
            }
        }
        for (length, ok) in [("131072", true), ("2147483648", true)] {
            assert_eq!(ChannelRequest::parse(&head("RPC_IN_DATA", "/rpc/rpcproxy.dll?a:1", Some(length))).is_ok(), ok);
        }
    }

    /// Paths in the field, and what is none.
    #[test]
    fn paths_in_any_letter_case() {
        for path in ["/rpc/rpcproxy.dll", "/RPC/RpcProxy.dll", "/RpcWithCert/RPCPROXY.DLL"] {
            assert!(ChannelRequest::parse(&head("RPC_OUT_DATA", &format!("{path}?a:1"), Some("76"))).is_ok(), "{path}");
        }
        let other = head("RPC_OUT_DATA", "/mapi/emsmdb?a:1", Some("76"));
        assert_eq!(ChannelRequest::parse(&other), Err(RequestError::Path));
        let other = head("POST", "/rpc/rpcproxy.dll?a:1", Some("76"));
        assert_eq!(ChannelRequest::parse(&other), Err(RequestError::Method));
    }

    /// Exchange 2013 and later: a mailbox in place of a server.
    #[test]
    fn servers_and_ports() {
        for (text, server, port) in [
            (
                "b1e8c6d4-4a0a-4f0f-a5c5-9c6c9d4cf1a3@example.test:6001",
                "b1e8c6d4-4a0a-4f0f-a5c5-9c6c9d4cf1a3@example.test",
                6001,
            ),
            ("[2001:db8::1]:593", "[2001:db8::1]", 593),
            ("2001:db8::1:593", "2001:db8::1", 593),
            ("MBX1:000593", "MBX1", 593),
        ] {
            let rpc: RpcTarget = text.parse().unwrap();
            assert_eq!((&*rpc.server, rpc.port), (server, port));
        }
        let long = format!("{}:1", "a".repeat(1_024));
        for text in ["", "a", ":1", "a:", "a:x", "a:+1", "a:0000001", "a:65536", "a b:1", &long] {
            assert!(text.parse::<RpcTarget>().is_err(), "{text}");
        }
        assert!(format!("{}:1", "a".repeat(1_023)).parse::<RpcTarget>().is_ok());
    }

    #[test]
    fn pragmas_that_are_not_understood_are_ignored() {
        let head = RequestHead::builder("RPC_IN_DATA", "/")
            .field("Pragma", "no-cache, MinConnTimeout=119")
            .field("pragma", "minconntimeout = 14400 ,SessionId=x, Other=1")
            .request()
            .unwrap();
        assert_eq!(Pragmas::of(&head), Pragmas { min_conn_timeout: Some(14_400), ..Pragmas::default() });
    }

    /// [MS-RPCH] 2.1.1.1.1: neither Content-Length nor Content-Type.
    #[test]
    fn version_ones_request() {
        let head = connect_request("/rpc/rpcproxy.dll", &rpc(), "x").unwrap();
        let expected = "RPC_CONNECT /rpc/rpcproxy.dll?mbx1.example.test:6001 HTTP/1.1\r\n\
            Pragma: No-cache\r\nUser-Agent: RPC\r\nHost: x\r\n\r\n";
        assert_eq!(head.as_bytes(), expected);
    }
}
