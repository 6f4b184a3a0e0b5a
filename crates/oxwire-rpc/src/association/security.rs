//! A security context applied to PDUs, [MS-RPCE] 3.3.1.5.2.2.

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Encode, Error, Part, SecurityContext, SecurityError, Writer};

use super::peer_fault;
use crate::pdu::{AuthLevel, AuthType, Body, Pdu, SecTrailer};

/// A security context of one connection: auth_context_id. [MS-RPCE] 2.2.2.11
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecurityId(pub u32);

/// What a level does to the PDUs of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    None,
    Sign,
    Seal,
}

impl Protection {
    /// `None` for a level that does not exist.
    pub(super) const fn of(level: AuthLevel) -> Option<Self> {
        match level {
            AuthLevel::CONNECT => Some(Self::None),
            AuthLevel::CALL | AuthLevel::PKT | AuthLevel::PKT_INTEGRITY => Some(Self::Sign),
            AuthLevel::PKT_PRIVACY => Some(Self::Seal),
            _ => None,
        }
    }
}

/// The level that is acted on: CALL is PKT, [MS-RPCE] 2.2.1.1.8.
pub(super) const fn effective(level: AuthLevel) -> AuthLevel {
    if matches!(level, AuthLevel::CALL) { AuthLevel::PKT } else { level }
}

/// One security context, with what its PDUs say about it.
pub(super) struct Secured<S> {
    pub(super) id: SecurityId,
    pub(super) auth_type: AuthType,
    pub(super) level: AuthLevel,
    pub(super) protection: Protection,
    pub(super) context: S,
    scratch: Vec<u8>,
}

impl<S> fmt::Debug for Secured<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured")
            .field("id", &self.id)
            .field("auth_type", &self.auth_type)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

/// The token of a PDU at level connect, where several security contexts make one necessary ([MS-RPCE] 3.3.1.5.4): the section
/// leaves its content open, and it is not looked at.
const CONNECT_TOKEN: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// What a received PDU says about its security, taken out of the view so that the bytes can be worked on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub(super) auth_type: AuthType,
    pub(super) auth_level: AuthLevel,
    pub(super) id: SecurityId,
    pad: usize,
    token: usize,
}

impl Received {
    pub(super) fn of(auth: &SecTrailer<'_>) -> Self {
        Self {
            auth_type: auth.auth_type,
            auth_level: auth.auth_level,
            id: SecurityId(auth.auth_context_id),
            pad: usize::from(auth.auth_pad_length),
            token: auth.token.len(),
        }
    }
}

impl<S: SecurityContext> Secured<S> {
    /// `None` for a level that does not exist.
    pub(super) fn new(id: SecurityId, auth_type: AuthType, level: AuthLevel, context: S) -> Option<Self> {
        let protection = Protection::of(level)?;
        Some(Self { id, auth_type, level, protection, context, scratch: Vec::new() })
    }

    /// Whether the context, once complete, can do what the level asks for.
    pub(super) fn is_capable(&self) -> bool {
        self.protection == Protection::None || self.context.can_sign()
    }

    /// Bytes that sec_trailer and token take in a PDU of a call, padding not included.
    pub(super) fn overhead(&self, needs_token: bool) -> usize {
        match self.protection {
            Protection::None if needs_token => SecTrailer::LEN.saturating_add(CONNECT_TOKEN.len()),
            Protection::None => 0,
            Protection::Sign | Protection::Seal => SecTrailer::LEN.saturating_add(self.token_len()),
        }
    }

    /// Bytes of the token of a PDU that is signed or sealed.
    fn token_len(&self) -> usize {
        match self.protection {
            Protection::Seal => self.context.sealed_signature_len(),
            _ => self.context.signature_len(),
        }
    }

    /// A PDU of a call, signed or sealed.
    pub(super) fn protect(&mut self, pdu: Pdu<'_>, header_signing: bool, needs_token: bool) -> Result<Bytes, Error> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        match self.protection {
            Protection::None if needs_token => scratch.extend_from_slice(&CONNECT_TOKEN),
            Protection::None => {}
            Protection::Sign | Protection::Seal => scratch.resize(self.token_len(), 0),
        }
        let mut pdu = pdu;
        if !scratch.is_empty() {
            pdu = pdu.with_auth(SecTrailer {
                auth_type: self.auth_type,
                auth_level: self.level,
                auth_pad_length: 0,
                auth_context_id: self.id.0,
                token: &scratch,
            });
        }
        let mut out = BytesMut::with_capacity(pdu.encoded_len());
        Writer::new(&mut out).structure(&pdu)?;
        let sealed = pdu.sealed();
        let result = match (sealed, self.protection) {
            (Some(sealed), Protection::Sign | Protection::Seal) => {
                self.sign(&mut out, sealed, &mut scratch, header_signing)
            }
            _ => Ok(()),
        };
        self.scratch = scratch;
        result.map(|()| out.freeze())
    }

    fn sign(
        &mut self,
        out: &mut BytesMut,
        sealed: Range<usize>,
        scratch: &mut Vec<u8>,
        header_signing: bool,
    ) -> Result<(), Error> {
        let whole = header_signing || self.context.signs_whole_pdu();
        let room = scratch.len();
        scratch.clear();
        let at = out.len().saturating_sub(room);
        let (message, token) = out.split_at_mut(at);
        let parts = split(message, sealed).ok_or_else(|| refused("a PDU that is shorter than its parts"))?;
        apply(&mut self.context, self.protection, whole, parts, |context, parts| match parts {
            Parts::Sign(parts) => context.sign(parts, scratch),
            Parts::Seal(parts) => context.seal(parts, scratch),
        })
        .map_err(security_error)?;
        if scratch.len() > room {
            return Err(refused("a signature longer than it was said to be"));
        }
        // A token that is shorter than the room for it is filled up with zeros, [MS-RPCE] 2.2.2.11.
        scratch.resize(room, 0);
        token.copy_from_slice(scratch);
        Ok(())
    }

    /// Verifies and unseals a PDU of a call, and gives its stub data. `body` is the range of stub data and padding.
    pub(super) fn unprotect(
        &mut self,
        pdu: Bytes,
        body: Range<usize>,
        received: &Received,
        header_signing: bool,
    ) -> Result<Bytes, Error> {
        self.same(received)?;
        let stub = body.start..body.end.saturating_sub(received.pad).max(body.start);
        let whole = header_signing || self.context.signs_whole_pdu();
        let message = pdu.len().saturating_sub(received.token);
        match self.protection {
            Protection::None => Ok(slice(&pdu, stub)),
            Protection::Sign => {
                self.verify_signed(&pdu, body, received, header_signing)?;
                Ok(slice(&pdu, stub))
            }
            Protection::Seal => {
                let mut pdu = pdu.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
                let (message, token) =
                    pdu.split_at_mut_checked(message).ok_or_else(|| refused("a PDU that is shorter than its token"))?;
                let parts = split(message, body).ok_or_else(|| refused("a PDU that is shorter than its parts"))?;
                let token = &*token;
                apply(&mut self.context, self.protection, whole, parts, |context, parts| match parts {
                    Parts::Sign(parts) => context.verify(parts, token),
                    Parts::Seal(parts) => context.unseal(parts, token),
                })
                .map_err(security_error)?;
                Ok(slice(&pdu.freeze(), stub))
            }
        }
    }

    /// Verifies the signature of a PDU that is signed whatever the level: a fault.
    pub(super) fn verify_signed(
        &mut self,
        pdu: &Bytes,
        body: Range<usize>,
        received: &Received,
        header_signing: bool,
    ) -> Result<(), Error> {
        self.same(received)?;
        if self.protection == Protection::None {
            return Ok(());
        }
        let whole = header_signing || self.context.signs_whole_pdu();
        let (message, token) = pdu.split_at_checked(pdu.len().saturating_sub(received.token)).unwrap_or_default();
        let (header, rest) = message.split_at_checked(body.start).unwrap_or_default();
        let (data, trailer) = rest.split_at_checked(body.len()).unwrap_or_default();
        let parts: &[&[u8]] = if whole { &[header, data, trailer] } else { &[data] };
        self.context.verify(parts, token).map_err(security_error)
    }

    /// Every PDU of a context says the same about it, [MS-RPCE] 2.2.2.11.
    fn same(&self, received: &Received) -> Result<(), Error> {
        if (received.auth_type, received.auth_level) == (self.auth_type, self.level) {
            return Ok(());
        }
        let expected = format!("auth_type {:?} and auth_level {:?}", self.auth_type, self.level);
        let found = format!("{:?} and {:?}", received.auth_type, received.auth_level);
        Err(peer_fault("CONTEXT_NEGOTIATED", expected, found, "[MS-RPCE] 2.2.2.11"))
    }
}

fn slice(pdu: &Bytes, range: Range<usize>) -> Bytes {
    if range.end <= pdu.len() && range.start <= range.end { pdu.slice(range) } else { Bytes::new() }
}

fn split(message: &mut [u8], body: Range<usize>) -> Option<[&mut [u8]; 3]> {
    let (header, rest) = message.split_at_mut_checked(body.start)?;
    let (body, trailer) = rest.split_at_mut_checked(body.end.checked_sub(body.start)?)?;
    Some([header, body, trailer])
}

enum Parts<'a, 'b> {
    Sign(&'a [&'a [u8]]),
    Seal(&'a mut [Part<'b>]),
}

/// Gives `f` the segments that are protected: header, body and sec_trailer, or the body alone.
fn apply<S, R>(
    context: &mut S,
    protection: Protection,
    whole: bool,
    [header, body, trailer]: [&mut [u8]; 3],
    f: impl FnOnce(&mut S, Parts<'_, '_>) -> R,
) -> R {
    let part = |data, sealed| Part { data, sealed };
    match (protection, whole) {
        (Protection::Seal, true) => {
            f(context, Parts::Seal(&mut [part(header, false), part(body, true), part(trailer, false)]))
        }
        (Protection::Seal, false) => f(context, Parts::Seal(&mut [part(body, true)])),
        (_, true) => f(context, Parts::Sign(&[header, body, trailer])),
        (_, false) => f(context, Parts::Sign(&[body])),
    }
}

pub(super) fn security_error(error: SecurityError) -> Error {
    match error {
        SecurityError::Decode(error) => error.into(),
        SecurityError::Encode(error) => error.into(),
        SecurityError::Misuse(error) => error.into(),
        other => peer_fault(
            "CONTEXT_NEGOTIATED",
            "a PDU that the security context accepts",
            other.to_string(),
            "[MS-RPCE] 3.3.1.5.2.2",
        ),
    }
}

fn refused(what: &'static str) -> Error {
    peer_fault("CONTEXT_NEGOTIATED", "whole segments and a token that fits", what, "[MS-RPCE] 2.2.2.11")
}

/// Where stub data and padding of a request, response or fault lie. Faults have a body that is signed and never sealed.
pub(super) fn protected_range(pdu: &Pdu<'_>, len: usize) -> Option<Range<usize>> {
    match (&pdu.body, &pdu.auth) {
        (Body::Fault(_), Some(auth)) => {
            let end = len.checked_sub(auth.token.len())?.checked_sub(SecTrailer::LEN)?;
            Some(24..end)
        }
        _ => pdu.sealed(),
    }
}
