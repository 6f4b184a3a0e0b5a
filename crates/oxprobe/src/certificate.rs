//! What a certificate says: names, expiry, and the hash that binds an authentication to it.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use oxwire::core::FileTime;
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::report::Facts;

/// What the report tells of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facets {
    /// Subject, as a distinguished name.
    pub(crate) subject: String,
    /// Issuer, as a distinguished name.
    pub(crate) issuer: String,
    /// DNS names and addresses of the subject alternative name extension.
    pub(crate) names: Vec<String>,
    /// End of validity.
    pub(crate) not_after: SystemTime,
}

/// A certificate that cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable(x509_cert::der::Error);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate does not decode: {}", self.0)
    }
}

impl Facets {
    /// Reads them out of a certificate.
    ///
    /// # Errors
    /// When it does not decode.
    pub(crate) fn read(certificate: &CertificateDer<'_>) -> Result<Self, Unreadable> {
        let parsed = Certificate::from_der(certificate).map_err(Unreadable)?;
        let body = parsed.tbs_certificate();
        let names = match body.get_extension::<SubjectAltName>() {
            Ok(Some((_, alternatives))) => alternatives.0.iter().filter_map(name_of).collect(),
            Ok(None) => Vec::new(),
            Err(error) => return Err(Unreadable(error)),
        };
        Ok(Self {
            subject: body.subject().to_string(),
            issuer: body.issuer().to_string(),
            names,
            not_after: body.validity().not_after.to_system_time(),
        })
    }

    /// Adds them to a step's facts, `now` deciding how many days are left.
    pub(crate) fn tell(&self, facts: Facts, now: SystemTime) -> Facts {
        let days = match self.not_after.duration_since(now) {
            Ok(left) => format!("{} days left", days(left)),
            Err(past) => format!("expired {} days ago", days(past.duration())),
        };
        let names =
            if self.names.is_empty() { vec![format!("none (subject {})", self.subject)] } else { self.names.clone() };
        facts
            .with("names", names)
            .with("expires", FileTime::from_system(self.not_after).to_string())
            .with("validity", days)
            .with("issuer", if self.issuer == self.subject { "itself".to_owned() } else { self.issuer.clone() })
    }
}

const fn days(duration: Duration) -> u64 {
    duration.as_secs() / 86_400
}

fn name_of(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            <[u8; 4]>::try_from(bytes)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
                .ok()
                .map(|address| address.to_string())
        }
        _ => None,
    }
}
