//! TLS: configurations of both ends, and what a handshake taught.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};

use crate::args::Trust;

/// A TLS configuration that cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A PEM file that cannot be read.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// This machine trusts nobody.
    #[error("this machine has no trusted certificates ({0}); name them with --ca FILE")]
    NoSystemTrust(String),
    /// The certificate of `serve` cannot be made.
    #[error("the certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// rustls refuses.
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
    /// Nothing to trust in what was given.
    #[error("TLS: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificate and key of a server.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// A new self-signed certificate for these names, valid from yesterday for a year.
    ///
    /// # Errors
    /// [`TlsError::Make`].
    pub(crate) fn self_signed(names: &[String]) -> Result<Self, TlsError> {
        let mut params = rcgen::CertificateParams::new(names)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "oxprobe loopback server");
        params.use_authority_key_identifier_extension = false;
        let now = std::time::SystemTime::now();
        let day = std::time::Duration::from_secs(86_400);
        params.not_before = (now - day).into();
        params.not_after = (now + 365 * day).into();
        let key = rcgen::KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Self { chain: vec![certificate.der().clone()], key })
    }

    /// The chain and the key of two PEM files.
    ///
    /// # Errors
    /// [`TlsError::File`].
    pub(crate) fn read(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let problem = |path: &Path, error: rustls::pki_types::pem::Error| TlsError::File {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        Ok(Self {
            chain: read_certificates(chain)?,
            key: PrivateKeyDer::from_pem_file(key).map_err(|error| problem(key, error))?,
        })
    }

    /// The server's own certificate: what the channel binding is made of.
    pub(crate) fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    /// What a client is to trust, as PEM: the last certificate of the chain.
    pub(crate) fn trust_anchor_pem(&self) -> Option<String> {
        self.chain.last().map(|der| pem_of(der))
    }

    /// The server's configuration.
    ///
    /// # Errors
    /// When the key does not belong to the certificate.
    pub(crate) fn into_config(self) -> Result<Arc<ServerConfig>, TlsError> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)?;
        Ok(Arc::new(config))
    }
}

/// The first certificate of a PEM file.
///
/// # Errors
/// The file, or what is in it.
pub(crate) fn first_certificate(path: &Path) -> Result<CertificateDer<'static>, TlsError> {
    CertificateDer::from_pem_file(path)
        .map_err(|error| TlsError::File { path: path.to_path_buf(), problem: error.to_string() })
}

fn pem_of(der: &[u8]) -> String {
    use x509_cert::der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE", LineEnding::LF, der).unwrap_or_default()
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let problem = |problem: String| TlsError::File { path: path.to_owned(), problem };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(problem("expected certificates in PEM, found none".to_owned()));
    }
    Ok(certificates)
}

/// A client's end: whom it trusts, and what the last handshake showed.
#[derive(Debug, Clone)]
pub(crate) struct ClientTls {
    /// For the connector.
    pub(crate) config: Arc<ClientConfig>,
    seen: Arc<Watch>,
}

impl ClientTls {
    /// Trusts what the caller says.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn new(trust: &Trust) -> Result<Self, TlsError> {
        match trust {
            Trust::Anything => Self::with_roots(None),
            Trust::File(path) => Self::trusting(read_certificates(path)?),
            Trust::System => {
                let found = rustls_native_certs::load_native_certs();
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
                    return Err(TlsError::NoSystemTrust(if why.is_empty() {
                        "none found".into()
                    } else {
                        why.join("; ")
                    }));
                }
                Self::with_roots(Some(roots))
            }
        }
    }

    /// Trusts these certificates, and no others.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn trusting(certificates: Vec<CertificateDer<'static>>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate)?;
        }
        Self::with_roots(Some(roots))
    }

    fn with_roots(roots: Option<RootCertStore>) -> Result<Self, TlsError> {
        let provider = provider();
        let verifier = match roots {
            Some(roots) => {
                Some(WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?)
            }
            None => None,
        };
        let seen = Arc::new(Watch { verifier, provider: Arc::clone(&provider), certificate: Mutex::new(None) });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), seen })
    }

    /// The certificate that the last handshake showed, whether or not it was trusted.
    pub(crate) fn last_certificate(&self) -> Option<CertificateDer<'static>> {
        self.seen.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Verifies as WebPKI does (or not at all, for `--insecure`), and remembers the certificate that was shown: a report on a
/// certificate that is not trusted is of use only if it says what stands in it.
#[derive(Debug)]
struct Watch {
    verifier: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    certificate: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Watch {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.clone().into_owned());
        match &self.verifier {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The names that the self-signed certificate of a server on `address` carries.
pub(crate) fn names_for(address: IpAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let own = address.to_string();
    if !address.is_unspecified() && !names.contains(&own) {
        names.push(own);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Facets;

    #[test]
    fn a_self_signed_certificate_says_what_was_asked_for() {
        let identity = Identity::self_signed(&names_for([192, 0, 2, 7].into())).unwrap();
        let facets = Facets::read(identity.leaf().unwrap()).unwrap();
        assert_eq!(facets.names, ["localhost", "127.0.0.1", "::1", "192.0.2.7"]);
        assert_eq!(facets.subject, facets.issuer);
        let left = facets.not_after.duration_since(std::time::SystemTime::now()).unwrap();
        assert!(left.as_secs() / 86_400 >= 364);
        let pem = identity.trust_anchor_pem().unwrap();
        let back = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert_eq!(&back, identity.leaf().unwrap());
        assert!(identity.into_config().is_ok());
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let error = ClientTls::new(&Trust::File("/nonexistent/ca.pem".into())).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/ca.pem"), "{error}");
    }
}
