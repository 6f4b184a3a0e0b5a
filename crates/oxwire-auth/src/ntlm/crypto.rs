//! The calculations of [MS-NLMP] 3.3.2 and 3.4.5.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use oxwire_core::{SecretBytes, utf16_le_bytes};
use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::NegotiateFlags;

/// A 16-byte secret: an NT hash, a response key, a session key. Wiped when dropped, not shown, compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 16]);

impl Key {
    /// Takes the bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes. Do not print them, do not copy them into something that is not wiped.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    /// As [`SecretBytes`].
    #[must_use]
    pub fn to_secret(&self) -> SecretBytes {
        SecretBytes::from(&self.0[..])
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The NT hash of a password: MD4 over its UTF-16 form ([MS-NLMP] 3.3.1, NTOWFv1). What an account database holds, and what
/// an acceptor asks for. It is as good as the password to who steals it.
#[must_use]
pub fn nt_hash(password: &str) -> Key {
    let unicode = Zeroizing::new(utf16_le_bytes(password));
    Key(Md4::digest(&*unicode).into())
}

/// NTOWFv2 from the NT hash ([MS-NLMP] 3.3.2): the response key, which LMOWFv2 is too. The user name counts in upper case,
/// the domain as it stands.
#[must_use]
pub fn ntowf_v2(nt_hash: &Key, user: &str, domain: &str) -> Key {
    let mut mac = keyed(nt_hash);
    // Upper case by code unit, as Windows has it: one unit stays one unit, so a lower-case sharp s stays itself.
    for unit in user.encode_utf16() {
        mac.update(&upper_unit(unit).to_le_bytes());
    }
    for unit in domain.encode_utf16() {
        mac.update(&unit.to_le_bytes());
    }
    Key(finish(mac))
}

fn upper_unit(unit: u16) -> u16 {
    let Some(c) = char::from_u32(u32::from(unit)) else { return unit };
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        _ => unit,
    }
}

pub(crate) fn keyed(key: &Key) -> Hmac<Md5> {
    // HMAC takes a key of any length: the error is for MACs with a fixed one.
    Hmac::<Md5>::new_from_slice(&key.0).unwrap_or_else(|_| <Hmac<Md5> as KeyInit>::new(&Default::default()))
}

fn finish(mac: Hmac<Md5>) -> [u8; 16] {
    mac.finalize().into_bytes().into()
}

pub(crate) fn hmac_md5(key: &Key, parts: &[&[u8]]) -> [u8; 16] {
    finish(parts.iter().fold(keyed(key), Mac::chain_update))
}

/// NTProofStr ([MS-NLMP] 3.3.2): `temp` is the NTLMv2_CLIENT_CHALLENGE as it travels.
#[must_use]
pub fn nt_proof(response_key: &Key, server_challenge: &[u8; 8], temp: &[u8]) -> [u8; 16] {
    hmac_md5(response_key, &[server_challenge, temp])
}

/// The LMv2 response ([MS-NLMP] 3.3.2).
#[must_use]
pub fn lm_v2_response(response_key: &Key, server_challenge: &[u8; 8], client_challenge: &[u8; 8]) -> [u8; 24] {
    let mut out = [0; 24];
    let (mac, challenge) = out.split_at_mut(16);
    mac.copy_from_slice(&hmac_md5(response_key, &[server_challenge, client_challenge]));
    challenge.copy_from_slice(client_challenge);
    out
}

/// SessionBaseKey ([MS-NLMP] 3.3.2), which with NTLMv2 is the KeyExchangeKey too (3.4.5.1).
#[must_use]
pub fn session_base_key(response_key: &Key, nt_proof: &[u8; 16]) -> Key {
    Key(hmac_md5(response_key, &[nt_proof]))
}

/// NTProofStr and, behind it, SessionBaseKey: both are made with the one key, which is scheduled once.
pub(crate) fn prove(response_key: &Key, server_challenge: &[u8; 8], temp: &[u8]) -> ([u8; 16], Key) {
    let mac = keyed(response_key);
    let proof = finish(mac.clone().chain_update(server_challenge).chain_update(temp));
    (proof, Key(finish(mac.chain_update(proof))))
}

/// RC4K ([MS-NLMP] 6): one use of RC4 over 16 bytes; its own inverse.
#[must_use]
pub fn rc4k(key: &Key, data: &[u8; 16]) -> [u8; 16] {
    let mut out = *data;
    rc4_of(key).apply_keystream(&mut out);
    out
}

pub(crate) fn rc4_of(key: &Key) -> Rc4 {
    // RC4 repeats its key up to 256 bytes, so that a key and the same key written twice are one; of 32 bytes it takes any.
    let mut twice = Zeroizing::new([0; 32]);
    twice.iter_mut().zip(key.0.iter().cycle()).for_each(|(to, from)| *to = *from);
    <Rc4 as rc4::KeyInit>::new((&*twice).into())
}

/// Whose messages a key signs or seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Those that the client sends.
    Client,
    /// Those that the server sends.
    Server,
}

/// SIGNKEY with extended session security ([MS-NLMP] 3.4.5.2).
#[must_use]
pub fn sign_key(exported_session_key: &Key, mode: Mode) -> Key {
    let magic: &[u8] = match mode {
        Mode::Client => b"session key to client-to-server signing key magic constant\0",
        Mode::Server => b"session key to server-to-client signing key magic constant\0",
    };
    md5_of(&exported_session_key.0, magic)
}

/// SEALKEY with extended session security ([MS-NLMP] 3.4.5.3): 128, 56 or 40 bits by the flags.
#[must_use]
pub fn seal_key(flags: NegotiateFlags, exported_session_key: &Key, mode: Mode) -> Key {
    let magic: &[u8] = match mode {
        Mode::Client => b"session key to client-to-server sealing key magic constant\0",
        Mode::Server => b"session key to server-to-client sealing key magic constant\0",
    };
    let key = &exported_session_key.0;
    if flags.has(NegotiateFlags::KEY_128) {
        md5_of(key, magic)
    } else if flags.has(NegotiateFlags::KEY_56) {
        md5_of(key.first_chunk::<7>().map_or(&[], |k| k), magic)
    } else {
        md5_of(key.first_chunk::<5>().map_or(&[], |k| k), magic)
    }
}

fn md5_of(a: &[u8], b: &[u8]) -> Key {
    Key(Md5::new().chain_update(a).chain_update(b).finalize().into())
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
