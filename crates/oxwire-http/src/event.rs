//! The vocabulary of every HTTP-facing machine.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use oxwire_core::ConnectionId;

use crate::{Fields, RequestHead, ResponseHead};

/// A message's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// Of a request.
    Request(RequestHead),
    /// Of a response; an interim one (1xx) has a status below 200 and neither body nor end of its own.
    Response(ResponseHead),
}

/// One thing that happened, or is to happen, on a connection: the same vocabulary in both directions.
///
/// A message is `Head`, any number of `Body`, perhaps `Trailers`, and `End`. `Reset` ends the connection at any point.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpEvent {
    /// A head.
    Head(Head),
    /// A piece of the body, never empty. Where it is cut carries no meaning.
    Body(Bytes),
    /// Fields behind a chunked body.
    Trailers(Fields),
    /// The message is whole.
    End,
    /// The connection is gone, or of no further use.
    Reset(Reset),
}

/// Heads without what authenticates, bodies by their length: they are somebody's mail.
impl fmt::Debug for HttpEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(Head::Request(head)) => write!(f, "Head({head:?})"),
            Self::Head(Head::Response(head)) => write!(f, "Head({head:?})"),
            Self::Body(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Self::Trailers(fields) => write!(f, "Trailers({fields:?})"),
            Self::End => f.write_str("End"),
            Self::Reset(reset) => write!(f, "{reset:?}"),
        }
    }
}

/// The end of a connection, at whatever point.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reset {
    /// What became of the request that was being sent, if there was one.
    pub request: RequestFate,
    /// Why, for machines, as far as whoever tells it knows.
    pub cause: ResetCause,
    /// Why, for people.
    pub reason: Arc<str>,
}

impl Reset {
    /// The request in flight may have reached the peer whole.
    #[must_use]
    pub fn unknown(reason: impl Into<Arc<str>>) -> Self {
        Self::new(RequestFate::Unknown, reason)
    }

    /// The request in flight did not reach the peer whole.
    #[must_use]
    pub fn not_sent(reason: impl Into<Arc<str>>) -> Self {
        Self::new(RequestFate::NotSent, reason)
    }

    /// The end of a connection, for a reason that no [`ResetCause`] is given for.
    #[must_use]
    pub fn new(request: RequestFate, reason: impl Into<Arc<str>>) -> Self {
        Self { request, cause: ResetCause::Unspecified, reason: reason.into() }
    }

    /// Sets [`Reset::cause`].
    #[must_use]
    pub const fn with_cause(mut self, cause: ResetCause) -> Self {
        self.cause = cause;
        self
    }
}

/// Why a connection ended, where a machine may act upon it: Autodiscover tells a name that does not resolve from a certificate of
/// somebody else's. Whoever opens connections sets it; [`ResetCause::Unspecified`] is always right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ResetCause {
    /// Not told.
    #[default]
    Unspecified,
    /// The host's name has no address.
    NameNotFound,
    /// No address of the host took the connection.
    Unreachable,
    /// The server's certificate is not valid, not trusted, or bears another name.
    Certificate,
    /// TLS was not agreed upon, for another reason than the certificate.
    Tls,
    /// The forward proxy did not let it through.
    Proxy,
    /// Nothing came in time.
    Timeout,
    /// An open connection ended.
    Lost,
    /// Authentication goes on upon another connection: the same request, sent again, is let through or refused there.
    Authentication,
}

/// What became of the request on a connection that ended before its response did. On it hangs whether a request may go out
/// again ([MS-OXCMAPIHTTP] 3.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestFate {
    /// It was not wholly written to the transport: the connection never opened, broke while the request was being written, or
    /// authentication held the request back. The peer cannot have acted on it.
    NotSent,
    /// It was wholly written, or nobody knows: the peer may have acted on it.
    Unknown,
}

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// 80 or 443.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where a connection goes: what the driver resolves, connects to and, for `https`, whose certificate it checks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// With or without TLS.
    pub scheme: Scheme,
    /// Host name or address, without brackets around an IPv6 address.
    pub host: Arc<str>,
    /// TCP port.
    pub port: u16,
}

impl Origin {
    /// Takes an absolute URL apart: the origin, and the rest as a request target (`/` when there is none).
    ///
    /// # Errors
    /// [`crate::HeadError`] for a URL that is not `http://` or `https://`, or that carries user information.
    pub fn from_url(url: &str) -> Result<(Self, String), crate::HeadError> {
        let bad = |what| crate::HeadError::Url { what };
        let uri: http::Uri = url.parse().map_err(|_| bad("not a URL"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(bad("the scheme is neither http nor https")),
        };
        let authority = uri.authority().ok_or_else(|| bad("no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("user information in front of the host"));
        }
        let host = match authority.host().strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) if address.contains(':') => address,
            Some(_) => return Err(bad("no IPv6 address inside the brackets")),
            None => authority.host(),
        };
        if host.is_empty() {
            return Err(bad("no host"));
        }
        if host.contains(['[', ']']) {
            return Err(bad("a bracket inside the host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().ends_with(|c: char| c == ']' || c != ':' && !c.is_ascii_digit())
                || !authority.as_str().contains(':')
                || authority.as_str().ends_with(authority.host()) =>
            {
                scheme.default_port()
            }
            None => return Err(bad("the port is not a number from 0 to 65535")),
        };
        let mut target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        // `https://host?query` has an empty path, and a request line has none ([RFC 9112] 3.2.1).
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        Ok((Self { scheme, host: host.into(), port }, target))
    }

    /// `host`, or `host:port` where the port is not the scheme's own; an IPv6 address in brackets. What `Host` carries.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a machine that speaks HTTP events wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpTransmit {
    /// Open a transport connection to `origin` and pin it to `conn` until it ends. What is sent on it before it is open waits
    /// for that. A connection that cannot be opened is told as [`HttpEvent::Reset`].
    Open {
        /// The name that the machine gives it.
        conn: ConnectionId,
        /// Where it goes.
        origin: Origin,
    },
    /// Send this.
    Event {
        /// The connection.
        conn: ConnectionId,
        /// What to send; never `Reset`.
        event: HttpEvent,
    },
    /// Close the connection once all is out.
    Close {
        /// The connection.
        conn: ConnectionId,
    },
    /// Close the connection now.
    Abort {
        /// The connection.
        conn: ConnectionId,
    },
}

impl HttpTransmit {
    /// The connection that it concerns.
    #[must_use]
    pub const fn conn(&self) -> ConnectionId {
        match self {
            Self::Open { conn, .. } | Self::Event { conn, .. } | Self::Close { conn } | Self::Abort { conn } => *conn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_body() {
        let event = HttpEvent::Body(Bytes::from_static(b"Dear Ada"));
        assert_eq!(format!("{event:?}"), "Body(8 bytes)");
    }

    #[test]
    fn resets_carry_a_cause() {
        let reset = Reset::not_sent("mail.test has no address").with_cause(ResetCause::NameNotFound);
        assert_eq!((reset.request, reset.cause), (RequestFate::NotSent, ResetCause::NameNotFound));
        assert_eq!(Reset::unknown("cut").cause, ResetCause::Unspecified);
    }

    #[test]
    fn urls_come_apart() {
        for (url, origin, target) in [
            ("https://mail.test/mapi/emsmdb/?MailboxId=a@b", "https://mail.test", "/mapi/emsmdb/?MailboxId=a@b"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "/"),
            ("https://[::1]:444/x", "https://[::1]:444", "/x"),
            ("https://[::1]/x", "https://[::1]", "/x"),
            ("https://mail.test:443/", "https://mail.test", "/"),
            ("https://mail.test?MailboxId=a@b", "https://mail.test", "/?MailboxId=a@b"),
        ] {
            let (o, t) = Origin::from_url(url).unwrap();
            assert_eq!((o.to_string().as_str(), t.as_str()), (origin, target), "{url}");
        }
    }

    #[test]
    fn urls_that_are_not_ours_are_refused() {
        for url in [
            "",
            "/mapi",
            "ftp://x/",
            "https://user:pw@x/",
            "mail.test",
            "https://x:99999/",
            "https://x[::1]/",
            "https://[x]/",
        ] {
            assert!(Origin::from_url(url).is_err(), "{url}");
        }
    }
}
