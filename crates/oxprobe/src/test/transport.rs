//! The first two steps: a TCP connection, and TLS over it.

use std::time::SystemTime;

use oxwire::http::{Origin, Scheme};
use rustls::CertificateError;
use tokio::net::TcpStream;

use crate::certificate::Facets;
use crate::net::dial::{Channel, DialError, Dialer};
use crate::report::{Facts, Failure};

/// TCP to the endpoint, or through the proxy to it.
///
/// # Errors
/// What came instead.
pub(crate) async fn tcp(dialer: &Dialer, origin: &Origin) -> Result<(TcpStream, Facts), Failure> {
    match dialer.tcp(origin).await {
        Ok((stream, address)) => {
            let facts = Facts::new().with("address", address.to_string());
            Ok((
                stream,
                facts.with_some("proxy", dialer.proxy.as_ref().map(|_| format!("CONNECT {}", origin.authority()))),
            ))
        }
        Err(error) => {
            let hop = dialer.proxy.as_ref().unwrap_or(origin);
            let advice = match &error {
                DialError::Resolve { .. } => "check the spelling of the host, and that this machine's DNS knows it",
                DialError::Timeout { .. } => {
                    "a firewall drops the packets, or the address is wrong: try another network, or --proxy"
                }
                DialError::Proxy { .. } => {
                    "ask whoever runs the proxy whether it may reach that host and port; proxies that want a password are not supported"
                }
                _ if dialer.proxy.is_some() => {
                    "nothing listens there, or a firewall refuses: check host and port of --proxy"
                }
                _ => "nothing listens there, or a firewall refuses: check host and port of --url",
            };
            Err(Failure::new(format!("a connection to {}", hop.authority()), error.to_string(), advice))
        }
    }
}

/// TLS over it.
///
/// # Errors
/// What came instead, with what the certificate says.
pub(crate) async fn tls(
    dialer: &Dialer,
    origin: &Origin,
    tcp: TcpStream,
    verified: bool,
) -> Result<(Channel, Facts), Failure> {
    let channel = match dialer.secure(origin, tcp).await {
        Ok(channel) => channel,
        Err(error) => {
            let seen = dialer.tls.as_ref().and_then(|tls| tls.last_certificate());
            let facts = match seen.map(|certificate| Facets::read(&certificate)) {
                Some(Ok(facets)) => facets.tell(Facts::new(), SystemTime::now()),
                Some(Err(error)) => Facts::new().with("certificate", error.to_string()),
                None => Facts::new(),
            };
            let expected = format!("TLS with a certificate for {} that is trusted", origin.host);
            return Err(Failure::new(expected, error.to_string(), tls_advice(&error)).with_facts(facts));
        }
    };
    let Some(tls) = &channel.tls else { return Ok((channel, Facts::new().with("version", "none"))) };
    let mut facts = Facts::new().with("version", tls.version).with("cipher suite", tls.suite.as_str());
    facts = match tls.certificate.as_ref().map(Facets::read) {
        Some(Ok(facets)) => facets.tell(facts, SystemTime::now()),
        Some(Err(error)) => facts.with("certificate", error.to_string()),
        None => facts,
    };
    if !verified {
        facts = facts.with("trusted", "not checked (--insecure)");
    }
    Ok((channel, facts))
}

fn tls_advice(error: &DialError) -> &'static str {
    match error.tls_error() {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::UnknownIssuer => {
                "the issuer is not trusted on this machine: name its certificate with --ca FILE, or go on without trust with --insecure"
            }
            CertificateError::BadSignature => {
                "a certificate of that issuer's name is trusted, and it is not the one that signed: name the right one with --ca FILE, or go on without trust with --insecure"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate is for other names: use one of those in --url, or have the server's certificate replaced"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired: have it renewed, and check this machine's clock"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet: check this machine's clock"
            }
            _ => "have the server's certificate replaced, or go on without trust with --insecure",
        },
        Some(rustls::Error::AlertReceived(_)) => {
            "the server refuses the handshake: it may want an older TLS than 1.2, or a client certificate"
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            "what answers there does not speak TLS: check scheme and port of --url"
        }
        _ => "the connection broke in the handshake: something between may inspect TLS; try another network",
    }
}

/// Whether the endpoint is reached by TLS.
pub(crate) fn needs_tls(url: &str) -> bool {
    Origin::from_url(url).is_ok_and(|(origin, _)| origin.scheme == Scheme::Https)
}
