//! Channel bindings: certificates, and the hash that NTLM carries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, which may fail and begin at some point of time"
)]

use oxwire_auth::{BindingError, BindingKind, ChannelBinding};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

macro_rules! certificate {
    ($name:literal) => {
        include_bytes!(concat!("certificates/", $name, ".der"))
    };
}

/// Certificates by OpenSSL 3.0.19: `openssl req -x509 -newkey … -sha… [-sigopt rsa_padding_mode:pss] -outform DER`. The expected
/// beginnings of the hashes are those of `openssl dgst`, by the function that [RFC 5929] 4.1 names.
#[test]
fn the_hash_function_is_that_of_the_signature() {
    for (name, der, expected) in [
        ("RSA with SHA-1: SHA-256", &certificate!("rsa_sha1")[..], "e4b11441"),
        ("RSA with SHA-256", certificate!("rsa_sha256"), "2e0a8538"),
        ("RSA with SHA-384", certificate!("rsa_sha384"), "00d6c2a2"),
        ("RSA with SHA-512", certificate!("rsa_sha512"), "22dd6752"),
        ("ECDSA with SHA-256", certificate!("ec_sha256"), "54df856c"),
        ("ECDSA with SHA-384", certificate!("ec_sha384"), "dca6bb63"),
        ("RSASSA-PSS, SHA-1 by default: SHA-256", certificate!("pss_sha1"), "c00a9677"),
        ("RSASSA-PSS with SHA-256", certificate!("pss_sha256"), "440f8754"),
        ("RSASSA-PSS with SHA-512", certificate!("pss_sha512"), "b1771994"),
    ] {
        let binding = ChannelBinding::of_certificate(der).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ChannelBinding::TlsServerEndPoint(hash) = &binding else { panic!("{name}") };
        assert!(hex(hash).starts_with(expected), "{name}: {}", hex(hash));
        assert_eq!(binding.kind(), BindingKind::TlsServerEndPoint);
    }
}

#[test]
fn what_gives_no_binding_says_so() {
    let error = ChannelBinding::of_certificate(certificate!("ed25519")).unwrap_err();
    assert!(matches!(error, BindingError::NoHash(_)));
    assert!(error.to_string().contains("1.3.101.112"), "{error}");
    let pem = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    assert_eq!(ChannelBinding::of_certificate(pem), Err(BindingError::NotACertificate));
    assert_eq!(ChannelBinding::of_certificate(&[]), Err(BindingError::NotACertificate));
    assert_eq!(ChannelBinding::of_certificate(&[0x30, 0x00]), Err(BindingError::NotACertificate));
}

#[test]
fn damaged_certificates_are_refused_or_hashed_and_nothing_else() {
    for der in [&certificate!("pss_sha256")[..], certificate!("ec_sha256")] {
        for len in 0..der.len() {
            assert_eq!(ChannelBinding::of_certificate(&der[..len]), Err(BindingError::NotACertificate), "{len}");
        }
        let mut damaged = der.to_vec();
        for at in 0..der.len() {
            damaged[at] ^= 0xFF;
            let _ = ChannelBinding::of_certificate(&damaged);
            damaged[at] ^= 0xFF;
        }
    }
}

/// Two values that are published with their certificate hashes: Microsoft's explanation of the channel binding hash, and the
/// tests of the Python package ntlm-auth.
#[test]
fn published_hashes() {
    for (certificate, expected) in [
        ("ea05fefecc6b0bd571dbbc5baa3ed45386d0446835f7b74c85621b9983475f95", "6586e99d81c2fc984e47172fd4dd0310"),
        ("e3ca49271e5089cc48ce82109f1324f41dbeddc29a777410c738f7868c4ff405", "6ea19df066da4622051f9c4f92c6df74"),
    ] {
        let bytes: Vec<u8> =
            (0..64).step_by(2).map(|i| u8::from_str_radix(&certificate[i..i + 2], 16).unwrap()).collect();
        let binding = ChannelBinding::TlsServerEndPoint(bytes.into());
        assert_eq!(hex(&binding.hash().unwrap()), expected);
    }
}

#[test]
fn no_binding_has_no_hash_and_kinds_differ() {
    assert_eq!(ChannelBinding::None.hash(), None);
    assert_eq!(ChannelBinding::EndsElsewhere.hash(), None);
    let data = [5; 32];
    let hashes = [
        ChannelBinding::TlsServerEndPoint(data.into()).hash(),
        ChannelBinding::TlsUnique(data.into()).hash(),
        ChannelBinding::TlsExporter(data).hash(),
    ];
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
    assert!(!format!("{:?}", ChannelBinding::TlsExporter(data)).contains('5'));
}

/// [RFC 5929] 2.1, 3.1, 4.1, [RFC 9266] 2: the prefixes.
#[test]
fn application_data_is_prefix_and_binding() {
    for (binding, expected) in [
        (ChannelBinding::TlsServerEndPoint([1, 2].into()), &b"tls-server-end-point:\x01\x02"[..]),
        (ChannelBinding::TlsUnique([3].into()), b"tls-unique:\x03"),
        (ChannelBinding::TlsExporter([b'x'; 32]), b"tls-exporter:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ] {
        assert_eq!(binding.application_data().unwrap(), expected);
        assert!(ChannelBinding::from_application_data(expected) == binding);
    }
    assert_eq!(ChannelBinding::EndsElsewhere.application_data(), None);
    assert!(ChannelBinding::from_application_data(b"tls-exporter:short") == ChannelBinding::None);
    assert!(ChannelBinding::from_application_data(b"") == ChannelBinding::None);
}

/// The signature algorithms of [RFC 3279], [RFC 4055], [RFC 5758] and [RFC 8017], put into a certificate whose other parts are
/// another's: the length of the hash tells which it is.
#[test]
fn every_signature_hash() {
    let template = certificate!("rsa_sha256");
    // SEQUENCE { OBJECT IDENTIFIER 1.2.840.113549.1.1.11, NULL }, the second time: behind the tbsCertificate.
    let rsa = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
    let at = (0..template.len()).rev().find(|at| template[*at..].starts_with(&rsa)).unwrap();
    let with = |oid: &[u8]| {
        let algorithm = [&[0x30, oid.len() as u8 + 2, 0x06, oid.len() as u8][..], oid].concat();
        let inside = [&template[4..at], &algorithm, &template[at + rsa.len()..]].concat();
        [&[0x30, 0x82, (inside.len() >> 8) as u8, inside.len() as u8][..], &inside].concat()
    };
    let pkcs1 = |last: u8| vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last];
    let ecdsa = |last: u8| vec![0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last];
    let dsa = |last: u8| vec![0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, last];
    for (name, oid, len) in [
        ("md5WithRSAEncryption", pkcs1(4), 32),
        ("sha1WithRSAEncryption", pkcs1(5), 32),
        ("sha224WithRSAEncryption", pkcs1(14), 28),
        ("sha256WithRSAEncryption", pkcs1(11), 32),
        ("sha384WithRSAEncryption", pkcs1(12), 48),
        ("sha512WithRSAEncryption", pkcs1(13), 64),
        ("sha512-224WithRSAEncryption", pkcs1(15), 28),
        ("sha512-256WithRSAEncryption", pkcs1(16), 32),
        ("ecdsa-with-SHA1", vec![0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], 32),
        ("ecdsa-with-SHA224", ecdsa(1), 28),
        ("ecdsa-with-SHA256", ecdsa(2), 32),
        ("ecdsa-with-SHA384", ecdsa(3), 48),
        ("ecdsa-with-SHA512", ecdsa(4), 64),
        ("dsa-with-sha1", vec![0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03], 32),
        ("dsa-with-sha224", dsa(1), 28),
        ("dsa-with-sha256", dsa(2), 32),
        ("dsa-with-sha384", dsa(3), 48),
        ("dsa-with-sha512", dsa(4), 64),
    ] {
        let binding = ChannelBinding::of_certificate(&with(&oid));
        let Ok(ChannelBinding::TlsServerEndPoint(hash)) = binding else { panic!("{name}: {binding:?}") };
        assert_eq!(hash.len(), len, "{name}");
    }
}
