//! Channel bindings: what ties an authentication to the TLS connection underneath (RFC 5056, RFC 5929, RFC 9266).

use std::fmt;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader as _, SliceReader, Tag, TagNumber, Tagged};
use md5::{Digest, Md5};
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

/// The binding of one connection, as a client sends it and as an acceptor expects it.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// None: there is no TLS, or nobody knows its binding. A client sends the all-zero hash, which says so.
    #[default]
    None,
    /// TLS ends elsewhere (a proxy in front of the server, a tunnel in front of the client), so that this end of the TCP
    /// connection has none to give. On the wire as [`ChannelBinding::None`]; told apart in events.
    EndsElsewhere,
    /// tls-server-end-point: the hash of the server's certificate ([`ChannelBinding::of_certificate`]). What Windows uses.
    TlsServerEndPoint(Box<[u8]>),
    /// tls-unique: the first Finished message (TLS 1.2 and before).
    TlsUnique(Box<[u8]>),
    /// tls-exporter: 32 bytes of keying material (RFC 9266, TLS 1.3).
    TlsExporter([u8; 32]),
}

const END_POINT: &[u8] = b"tls-server-end-point:";
const UNIQUE: &[u8] = b"tls-unique:";
const EXPORTER: &[u8] = b"tls-exporter:";

/// Why a certificate gives no tls-server-end-point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// Not an X.509 certificate in DER.
    #[error("expected an X.509 certificate in DER (not PEM), found something else")]
    NotACertificate,
    /// The signature algorithm has no single hash function (Ed25519), or one that is not known here; RFC 5929 4.1 leaves the
    /// binding undefined then.
    #[error("the certificate's signature algorithm {0} names no hash function that RFC 5929 defines a binding for")]
    NoHash(ObjectIdentifier),
}

impl ChannelBinding {
    /// tls-server-end-point of a certificate in DER ([RFC 5929] 4.1): its hash by the hash function of its signature
    /// algorithm, with SHA-256 in place of MD5 and SHA-1.
    ///
    /// # Errors
    /// [`BindingError`].
    pub fn of_certificate(der: &[u8]) -> Result<Self, BindingError> {
        let hash = match signature_hash(der)? {
            Hash::Sha224 => Sha224::digest(der).to_vec(),
            Hash::Sha256 => Sha256::digest(der).to_vec(),
            Hash::Sha384 => Sha384::digest(der).to_vec(),
            Hash::Sha512 => Sha512::digest(der).to_vec(),
            Hash::Sha512To224 => Sha512_224::digest(der).to_vec(),
            Hash::Sha512To256 => Sha512_256::digest(der).to_vec(),
        };
        Ok(Self::TlsServerEndPoint(hash.into()))
    }

    /// MsvAvChannelBindings: the MD5 hash of the gss_channel_bindings_struct ([RFC 2744] 3.11) without addresses, in which
    /// prefix and binding are the application data ([RFC 5929] 2.1, [RFC 4121] 4.1.1.2). `None` when there is nothing to bind to.
    #[must_use]
    pub fn hash(&self) -> Option<[u8; 16]> {
        let (prefix, data) = self.parts()?;
        // Initiator and acceptor address: type and length, all zero.
        let mut md5 = Md5::new_with_prefix([0; 16]);
        let len = u32::try_from(prefix.len().saturating_add(data.len())).unwrap_or(u32::MAX);
        md5.update(len.to_le_bytes());
        md5.update(prefix);
        md5.update(data);
        Some(md5.finalize().into())
    }

    /// The application data of GSSAPI's channel bindings: prefix and binding ([RFC 5929] 2.1). What a mechanism of the system takes,
    /// Kerberos. `None` when there is nothing to bind to.
    #[must_use]
    pub fn application_data(&self) -> Option<Vec<u8>> {
        let (prefix, data) = self.parts()?;
        Some([prefix, data].concat())
    }

    /// The reverse of [`application_data`](Self::application_data); [`ChannelBinding::None`] for what no prefix here begins.
    #[must_use]
    pub fn from_application_data(data: &[u8]) -> Self {
        if let Some(hash) = data.strip_prefix(END_POINT) {
            return Self::TlsServerEndPoint(hash.into());
        }
        if let Some(finished) = data.strip_prefix(UNIQUE) {
            return Self::TlsUnique(finished.into());
        }
        let material = data.strip_prefix(EXPORTER).and_then(|material| material.try_into().ok());
        material.map_or(Self::None, Self::TlsExporter)
    }

    fn parts(&self) -> Option<(&'static [u8], &[u8])> {
        Some(match self {
            Self::None | Self::EndsElsewhere => return None,
            Self::TlsServerEndPoint(hash) => (END_POINT, hash),
            Self::TlsUnique(finished) => (UNIQUE, finished),
            Self::TlsExporter(material) => (EXPORTER, material),
        })
    }

    /// The name of its kind.
    #[must_use]
    pub const fn kind(&self) -> BindingKind {
        match self {
            Self::None => BindingKind::None,
            Self::EndsElsewhere => BindingKind::EndsElsewhere,
            Self::TlsServerEndPoint(_) => BindingKind::TlsServerEndPoint,
            Self::TlsUnique(_) => BindingKind::TlsUnique,
            Self::TlsExporter(_) => BindingKind::TlsExporter,
        }
    }
}

/// tls-unique and the exporter's material are not shown.
impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind(), f)
    }
}

/// A kind of [`ChannelBinding`], for events and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BindingKind {
    /// No binding.
    None,
    /// TLS ends elsewhere.
    EndsElsewhere,
    /// tls-server-end-point
    TlsServerEndPoint,
    /// tls-unique
    TlsUnique,
    /// tls-exporter
    TlsExporter,
}

impl fmt::Display for BindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::EndsElsewhere => "none (TLS ends elsewhere)",
            Self::TlsServerEndPoint => "tls-server-end-point",
            Self::TlsUnique => "tls-unique",
            Self::TlsExporter => "tls-exporter",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    /// SHA-512/224
    Sha512To224,
    /// SHA-512/256
    Sha512To256,
}

/// The hash function of a certificate's signatureAlgorithm ([RFC 5280] 4.1.1.2). Only the outermost SEQUENCE is taken apart:
/// what a certificate says about its subject has no part in the binding, so its slips are none of ours.
fn signature_hash(der: &[u8]) -> Result<Hash, BindingError> {
    let bad = |_| BindingError::NotACertificate;
    let (oid, parameters) = outer_algorithm(der).map_err(bad)?;
    if oid == RSASSA_PSS {
        // RFC 4055: the hash is a parameter, SHA-1 by default, which stands for SHA-256 here.
        return match parameters.map_or(Ok(None), pss_hash).map_err(bad)? {
            None => Ok(Hash::Sha256),
            Some(hash) => hash_of(&HASHES, hash),
        };
    }
    hash_of(&SIGNATURES, oid)
}

fn hash_of(table: &[(ObjectIdentifier, Hash)], oid: ObjectIdentifier) -> Result<Hash, BindingError> {
    table.iter().find(|(known, _)| *known == oid).map(|(_, hash)| *hash).ok_or(BindingError::NoHash(oid))
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const RSASSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");

/// Signature algorithms and the hash that the binding takes (RFC 3279, 4055, 5758, 8017; MD5 and SHA-1 give SHA-256).
const SIGNATURES: [(ObjectIdentifier, Hash); 19] = [
    (oid("1.2.840.113549.1.1.4"), Hash::Sha256),
    (oid("1.2.840.113549.1.1.5"), Hash::Sha256),
    (oid("1.3.14.3.2.29"), Hash::Sha256),
    (oid("1.2.840.10040.4.3"), Hash::Sha256),
    (oid("1.2.840.10045.4.1"), Hash::Sha256),
    (oid("1.2.840.113549.1.1.14"), Hash::Sha224),
    (oid("1.2.840.113549.1.1.11"), Hash::Sha256),
    (oid("1.2.840.113549.1.1.12"), Hash::Sha384),
    (oid("1.2.840.113549.1.1.13"), Hash::Sha512),
    (oid("1.2.840.10045.4.3.1"), Hash::Sha224),
    (oid("1.2.840.10045.4.3.2"), Hash::Sha256),
    (oid("1.2.840.10045.4.3.3"), Hash::Sha384),
    (oid("1.2.840.10045.4.3.4"), Hash::Sha512),
    (oid("2.16.840.1.101.3.4.3.1"), Hash::Sha224),
    (oid("2.16.840.1.101.3.4.3.2"), Hash::Sha256),
    (oid("2.16.840.1.101.3.4.3.3"), Hash::Sha384),
    (oid("2.16.840.1.101.3.4.3.4"), Hash::Sha512),
    (oid("1.2.840.113549.1.1.15"), Hash::Sha512To224),
    (oid("1.2.840.113549.1.1.16"), Hash::Sha512To256),
];

/// Hash functions by themselves, as RSASSA-PSS names them.
const HASHES: [(ObjectIdentifier, Hash); 8] = [
    (oid("1.2.840.113549.2.5"), Hash::Sha256),
    (oid("1.3.14.3.2.26"), Hash::Sha256),
    (oid("2.16.840.1.101.3.4.2.4"), Hash::Sha224),
    (oid("2.16.840.1.101.3.4.2.1"), Hash::Sha256),
    (oid("2.16.840.1.101.3.4.2.2"), Hash::Sha384),
    (oid("2.16.840.1.101.3.4.2.3"), Hash::Sha512),
    (oid("2.16.840.1.101.3.4.2.5"), Hash::Sha512To224),
    (oid("2.16.840.1.101.3.4.2.6"), Hash::Sha512To256),
];

/// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }.
fn outer_algorithm(der: &[u8]) -> der::Result<(ObjectIdentifier, Option<AnyRef<'_>>)> {
    let certificate = AnyRef::from_der(der)?;
    let mut r = inside(certificate)?;
    let tbs = AnyRef::decode(&mut r)?;
    if tbs.tag() != Tag::Sequence {
        return Err(tbs.tag().unexpected_error(Some(Tag::Sequence)).into());
    }
    let algorithm = AnyRef::decode(&mut r)?;
    let signature = AnyRef::decode(&mut r)?;
    if signature.tag() != Tag::BitString {
        return Err(signature.tag().unexpected_error(Some(Tag::BitString)).into());
    }
    r.finish()?;
    algorithm_identifier(algorithm)
}

fn algorithm_identifier(any: AnyRef<'_>) -> der::Result<(ObjectIdentifier, Option<AnyRef<'_>>)> {
    let mut r = inside(any)?;
    let oid = ObjectIdentifier::decode(&mut r)?;
    let parameters = if r.is_finished() { None } else { Some(AnyRef::decode(&mut r)?) };
    Ok((oid, parameters))
}

/// RSASSA-PSS-params: `[0] EXPLICIT` hashAlgorithm, SHA-1 by default.
fn pss_hash(parameters: AnyRef<'_>) -> der::Result<Option<ObjectIdentifier>> {
    let mut r = inside(parameters)?;
    if r.is_finished() {
        return Ok(None);
    }
    let first = AnyRef::decode(&mut r)?;
    if first.tag() != (Tag::ContextSpecific { constructed: true, number: TagNumber(0) }) {
        return Ok(None);
    }
    let algorithm = AnyRef::from_der(first.value())?;
    algorithm_identifier(algorithm).map(|(oid, _)| Some(oid))
}

fn inside(any: AnyRef<'_>) -> der::Result<SliceReader<'_>> {
    if any.tag() == Tag::Sequence {
        SliceReader::new(any.value())
    } else {
        Err(any.tag().unexpected_error(Some(Tag::Sequence)).into())
    }
}
