//! Opening a connection: names, TCP, a forward proxy, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Connection, Head, HttpEvent, HttpLimits, Origin, RequestHead, ResetCause, Scheme, name};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::socket::Stream;
use crate::tls::ClientTls;

/// Time for each of: resolve and connect, the proxy's answer, the TLS handshake.
pub(crate) const STAGE_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dialer {
    /// For `https`.
    pub(crate) tls: Option<ClientTls>,
    /// Goes in between by CONNECT.
    pub(crate) proxy: Option<Origin>,
    /// Other places for some names and ports; the first that fits counts.
    pub(crate) connect_to: Vec<ConnectTo>,
}

/// `--connect-to`: connections to one name and port go elsewhere, as curl has it. TLS and HTTP keep to the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectTo {
    /// The name; `None` is any.
    pub(crate) name: Option<String>,
    /// The port; `None` is any.
    pub(crate) port: Option<u16>,
    /// Where to; `None` is the name itself.
    pub(crate) to_host: Option<String>,
    /// Where to; `None` is the port itself.
    pub(crate) to_port: Option<u16>,
}

impl ConnectTo {
    fn fits(&self, origin: &Origin) -> bool {
        let name = self.name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&origin.host));
        name && self.port.is_none_or(|port| port == origin.port)
    }
}

/// What a TLS handshake taught.
#[derive(Debug, Clone)]
pub(crate) struct TlsFacts {
    /// `TLS 1.3` or `TLS 1.2`.
    pub(crate) version: &'static str,
    /// The cipher suite, as rustls names it.
    pub(crate) suite: String,
    /// The server's certificate.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

/// An open connection.
pub(crate) struct Channel {
    /// Bytes.
    pub(crate) stream: Box<dyn Stream>,
    /// The next hop's address.
    pub(crate) peer: Option<SocketAddr>,
    /// What TLS told; `None` without TLS.
    pub(crate) tls: Option<TlsFacts>,
}

/// A connection that does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// No address for the name.
    #[error("{host} does not resolve: {error}")]
    Resolve {
        /// The name.
        host: Arc<str>,
        /// What the resolver says.
        error: io::Error,
    },
    /// No address answered.
    #[error("{tried}: {error}")]
    Connect {
        /// The address that was tried last.
        tried: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// Nothing came in time.
    #[error("{what}: nothing came within {} s", STAGE_TIMEOUT.as_secs())]
    Timeout {
        /// What was waited for.
        what: String,
    },
    /// The proxy did not open a tunnel.
    #[error("proxy {proxy}: {came}")]
    Proxy {
        /// The proxy.
        proxy: Origin,
        /// Its answer.
        came: String,
    },
    /// A name that no certificate can carry.
    #[error("{0} is no name that TLS can ask for")]
    Name(Arc<str>),
    /// The handshake failed.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// `https` without a TLS configuration.
    #[error("no TLS configuration for {0}")]
    NoTls(Origin),
}

impl DialError {
    /// What it is to the machines.
    pub(crate) fn cause(&self) -> ResetCause {
        match self {
            Self::Resolve { .. } => ResetCause::NameNotFound,
            Self::Connect { .. } => ResetCause::Unreachable,
            Self::Timeout { .. } => ResetCause::Timeout,
            Self::Proxy { .. } => ResetCause::Proxy,
            Self::Tls(_) if matches!(self.tls_error(), Some(rustls::Error::InvalidCertificate(_))) => {
                ResetCause::Certificate
            }
            Self::Name(_) | Self::Tls(_) | Self::NoTls(_) => ResetCause::Tls,
        }
    }

    /// What rustls says, where it is TLS that failed.
    pub(crate) fn tls_error(&self) -> Option<&rustls::Error> {
        match self {
            Self::Tls(error) => error.get_ref()?.downcast_ref(),
            _ => None,
        }
    }
}

impl Dialer {
    /// TCP to the origin, or through the proxy to it. The address is that of the next hop.
    ///
    /// # Errors
    /// [`DialError`].
    pub(crate) async fn tcp(&self, origin: &Origin) -> Result<(TcpStream, SocketAddr), DialError> {
        let origin = &self.place_of(origin);
        let hop = self.proxy.as_ref().unwrap_or(origin);
        let what = || format!("a connection to {}", hop.authority());
        let (mut tcp, address) =
            timeout(STAGE_TIMEOUT, connect(hop)).await.map_err(|_| DialError::Timeout { what: what() })??;
        if let Some(proxy) = &self.proxy {
            let what = format!("the answer of proxy {proxy} to CONNECT");
            timeout(STAGE_TIMEOUT, tunnel(&mut tcp, proxy, origin))
                .await
                .map_err(|_| DialError::Timeout { what })??;
        }
        Ok((tcp, address))
    }

    /// Where a connection to an origin goes.
    fn place_of(&self, origin: &Origin) -> Origin {
        let mut place = origin.clone();
        if let Some(elsewhere) = self.connect_to.iter().find(|elsewhere| elsewhere.fits(origin)) {
            if let Some(host) = &elsewhere.to_host {
                place.host = host.as_str().into();
            }
            place.port = elsewhere.to_port.unwrap_or(place.port);
        }
        place
    }

    /// TLS over an open connection, where the origin wants it.
    ///
    /// # Errors
    /// [`DialError`].
    pub(crate) async fn secure(&self, origin: &Origin, tcp: TcpStream) -> Result<Channel, DialError> {
        let peer = tcp.peer_addr().ok();
        if origin.scheme == Scheme::Http {
            return Ok(Channel { stream: Box::new(tcp), peer, tls: None });
        }
        let tls = self.tls.as_ref().ok_or_else(|| DialError::NoTls(origin.clone()))?;
        let name =
            ServerName::try_from(origin.host.to_string()).map_err(|_| DialError::Name(Arc::clone(&origin.host)))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&tls.config));
        let stream = timeout(STAGE_TIMEOUT, connector.connect(name, tcp))
            .await
            .map_err(|_| DialError::Timeout { what: format!("the TLS handshake with {origin}") })?
            .map_err(DialError::Tls)?;
        let (_, session) = stream.get_ref();
        let version = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS of an unknown version",
        };
        let facts = TlsFacts {
            version,
            suite: session.negotiated_cipher_suite().map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            certificate: session.peer_certificates().and_then(|chain| chain.first()).map(|c| c.clone().into_owned()),
        };
        Ok(Channel { stream: Box::new(stream), peer, tls: Some(facts) })
    }

    /// All of it.
    ///
    /// # Errors
    /// [`DialError`].
    pub(crate) async fn dial(&self, origin: &Origin) -> Result<Channel, DialError> {
        let (tcp, _) = self.tcp(origin).await?;
        self.secure(origin, tcp).await
    }
}

/// Tries every address of the name in turn.
async fn connect(hop: &Origin) -> Result<(TcpStream, SocketAddr), DialError> {
    let resolve = |error| DialError::Resolve { host: Arc::clone(&hop.host), error };
    let addresses = tokio::net::lookup_host((hop.host.as_ref(), hop.port)).await.map_err(resolve)?;
    let mut last = resolve(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // One small request at a time: waiting for more to fill a segment only costs time.
                let _ = tcp.set_nodelay(true);
                return Ok((tcp, address));
            }
            Err(error) => last = DialError::Connect { tried: address, error },
        }
    }
    Err(last)
}

/// CONNECT ([RFC 9110] 9.3.6): any 2xx opens the tunnel, and its head has no body behind it.
async fn tunnel(tcp: &mut TcpStream, proxy: &Origin, origin: &Origin) -> Result<(), DialError> {
    let failed = |came: String| DialError::Proxy { proxy: proxy.clone(), came };
    let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.to_string() };
    let target = format!("{host}:{}", origin.port);
    let request = RequestHead::builder("CONNECT", &target).field(name::HOST, &target).request();
    let request = request.map_err(|error| failed(error.to_string()))?;
    let mut http = Connection::client(ConnectionId::new(0), HttpLimits::DEFAULT);
    let asked = http.send(Instant::now(), HttpEvent::Head(Head::Request(request)));
    asked.map_err(|error| failed(error.reason.to_string()))?;
    while let Some(transmit) = http.poll_transmit(Instant::now()) {
        if let Transmit::Send { head, body, .. } = transmit {
            for piece in [head.as_slice(), &body] {
                tcp.write_all(piece).await.map_err(|error| failed(error.to_string()))?;
            }
        }
    }
    loop {
        // Byte by byte: what follows the head belongs to the tunnel, and TLS reads it from the socket.
        match tcp.read_u8().await {
            Ok(byte) => http
                .handle(Instant::now(), Bytes::copy_from_slice(&[byte]))
                .map_err(|error| failed(error.to_string()))?,
            Err(error) => return Err(failed(format!("the connection ended in its answer: {error}"))),
        }
        while let Some(event) = http.poll_event() {
            match event {
                HttpEvent::Head(Head::Response(head)) if head.status() >= 300 => {
                    let reason = String::from_utf8_lossy(head.reason());
                    return Err(failed(format!("{} {reason}", head.status())));
                }
                HttpEvent::Head(Head::Response(head)) if head.status() >= 200 => return Ok(()),
                HttpEvent::Reset(reset) => return Err(failed(reset.reason.to_string())),
                _ => {}
            }
        }
    }
}
