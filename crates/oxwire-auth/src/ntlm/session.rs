//! Session security, [MS-NLMP] 3.4, with extended session security and in connection-oriented mode.

use std::fmt;

use hmac::{Hmac, Mac};
use md5::Md5;
use oxwire_core::{Part, SecretBytes, SecurityError};
use rc4::{Rc4, StreamCipher};

use super::NegotiateFlags;
use super::crypto::{Key, Mode, equal, keyed, rc4_of, seal_key, sign_key};

pub(crate) const SIGNATURE_LEN: usize = 16;

/// One direction: keys, RC4 handle, sequence number.
struct Direction {
    /// Keyed with SignKey.
    signing: Hmac<Md5>,
    sealing: Key,
    /// ServerHandle or ClientHandle; `None` before its first byte, when the sealing key says all of it.
    handle: Option<Rc4>,
    sequence: u32,
}

impl Direction {
    fn new(flags: NegotiateFlags, key: &Key, mode: Mode) -> Self {
        let signing = keyed(&sign_key(key, mode));
        Self { signing, sealing: seal_key(flags, key, mode), handle: None, sequence: 0 }
    }

    fn handle(&mut self) -> &mut Rc4 {
        self.handle.get_or_insert_with(|| rc4_of(&self.sealing))
    }

    /// The handle as before the first message ([MS-SPNG] 3.2.5.1): nothing precedes SPNEGO's mechListMIC. The sequence number
    /// goes on.
    fn reset_handle(&mut self) {
        self.handle = None;
    }

    /// MAC with extended session security (3.4.4.2); `checksum` is the HMAC over the sequence number and the message.
    fn signature(&mut self, flags: NegotiateFlags, mut checksum: [u8; 8]) -> [u8; SIGNATURE_LEN] {
        if flags.has(NegotiateFlags::KEY_EXCH) {
            self.handle().apply_keystream(&mut checksum);
        }
        let mut out = [0; SIGNATURE_LEN];
        let sequence = self.sequence.to_le_bytes();
        let fields = [1, 0, 0, 0].into_iter().chain(checksum).chain(sequence);
        out.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        self.sequence = self.sequence.wrapping_add(1);
        out
    }

    fn checksum<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> [u8; 8] {
        let mut mac = self.signing.clone();
        mac.update(&self.sequence.to_le_bytes());
        parts.for_each(|part| mac.update(part));
        let whole: [u8; 16] = mac.finalize().into_bytes().into();
        let [a, b, c, d, e, f, g, h, ..] = whole;
        [a, b, c, d, e, f, g, h]
    }
}

/// Both directions.
struct Directions {
    outgoing: Direction,
    incoming: Direction,
    /// Set by a checksum that was wrong: the RC4 stream of that direction can no longer be trusted to be in step.
    broken: bool,
}

/// An established context.
pub(crate) struct Session {
    flags: NegotiateFlags,
    exported_session_key: Key,
    own: Mode,
    /// Made by the first message that is signed or sealed: under HTTP there is none.
    directions: Option<Box<Directions>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequences = self.directions.as_ref().map(|both| (both.outgoing.sequence, both.incoming.sequence));
        let (sent, received) = sequences.unwrap_or_default();
        f.debug_struct("Session")
            .field("flags", &self.flags)
            .field("sent", &sent)
            .field("received", &received)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) const fn new(flags: NegotiateFlags, exported_session_key: Key, own: Mode) -> Self {
        Self { flags, exported_session_key, own, directions: None }
    }

    pub(crate) fn session_key(&self) -> SecretBytes {
        self.exported_session_key.to_secret()
    }

    fn check(&self, seal: bool) -> Result<(), SecurityError> {
        use NegotiateFlags as F;
        if seal && !self.flags.has(F::SEAL) {
            return Err(SecurityError::NotNegotiated(
                "NTLMSSP_NEGOTIATE_SEAL; ask for it in the client's configuration",
            ));
        }
        if !self.flags.has_any(F::SIGN | F::SEAL) {
            return Err(SecurityError::NotNegotiated(
                "NTLMSSP_NEGOTIATE_SIGN; ask for it in the client's configuration",
            ));
        }
        if !self.flags.has(F::EXTENDED_SESSIONSECURITY) {
            return Err(SecurityError::NotNegotiated(
                "extended session security, without which nothing is signed here",
            ));
        }
        Ok(())
    }

    /// Both directions, where that is negotiated.
    fn directions(&mut self, seal: bool) -> Result<&mut Directions, SecurityError> {
        self.check(seal)?;
        let (flags, key, own) = (self.flags, &self.exported_session_key, self.own);
        let peer = match own {
            Mode::Client => Mode::Server,
            Mode::Server => Mode::Client,
        };
        Ok(self.directions.get_or_insert_with(|| {
            Box::new(Directions {
                outgoing: Direction::new(flags, key, own),
                incoming: Direction::new(flags, key, peer),
                broken: false,
            })
        }))
    }

    pub(crate) fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let flags = self.flags;
        let Directions { outgoing, .. } = self.directions(false)?;
        let checksum = outgoing.checksum(parts.iter().copied());
        signature.extend(outgoing.signature(flags, checksum));
        Ok(())
    }

    pub(crate) fn can_sign(&self) -> bool {
        self.check(false).is_ok()
    }

    /// SPNEGO's mechListMIC: the RC4 state is the same for it and for the first message of the application.
    pub(crate) fn sign_mech_list(&mut self, list: &[u8], mic: &mut Vec<u8>) -> Result<(), SecurityError> {
        self.sign(&[list], mic)?;
        self.directions(false)?.outgoing.reset_handle();
        Ok(())
    }

    /// Where ALWAYS_SIGN is negotiated and SIGN is not, a signature is a Version of 1 and zeros ([MS-NLMP] 3.4.4.3): it proves
    /// nothing, and clients of HTTP that ask for no signing send it (negotiate-auth). SPNEGO asks `can_sign` what it is worth.
    pub(crate) fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> Result<(), SecurityError> {
        if self.flags.has(NegotiateFlags::ALWAYS_SIGN)
            && !self.flags.has_any(NegotiateFlags::SIGN | NegotiateFlags::SEAL)
            && mic == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        {
            return Ok(());
        }
        self.verify(&[list], mic)?;
        self.directions(false)?.incoming.reset_handle();
        Ok(())
    }

    pub(crate) fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let flags = self.flags;
        let Directions { outgoing, .. } = self.directions(true)?;
        // Over the plain text, but after the data in the RC4 stream (3.4.3).
        let checksum = outgoing.checksum(parts.iter().map(|part| &*part.data));
        for part in parts.iter_mut().filter(|part| part.sealed) {
            outgoing.handle().apply_keystream(part.data);
        }
        signature.extend(outgoing.signature(flags, checksum));
        Ok(())
    }

    pub(crate) fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        let flags = self.flags;
        let directions = self.directions(false)?;
        directions.in_sequence(signature)?;
        let checksum = directions.incoming.checksum(parts.iter().copied());
        directions.compare(flags, checksum, signature)
    }

    pub(crate) fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
        let flags = self.flags;
        let directions = self.directions(true)?;
        directions.in_sequence(signature)?;
        for part in parts.iter_mut().filter(|part| part.sealed) {
            directions.incoming.handle().apply_keystream(part.data);
        }
        let checksum = directions.incoming.checksum(parts.iter().map(|part| &*part.data));
        directions.compare(flags, checksum, signature)
    }
}

impl Directions {
    /// Refuses what is not the next signature before any state moves: the sequence number is not incremented (3.4.4).
    fn in_sequence(&self, signature: &[u8]) -> Result<(), SecurityError> {
        let expected = self.incoming.sequence;
        let fits = signature.len() == SIGNATURE_LEN
            && signature.starts_with(&[1, 0, 0, 0])
            && signature.ends_with(&expected.to_le_bytes());
        if fits && !self.broken { Ok(()) } else { Err(SecurityError::BadSignature { sequence: expected }) }
    }

    fn compare(&mut self, flags: NegotiateFlags, checksum: [u8; 8], signature: &[u8]) -> Result<(), SecurityError> {
        let sequence = self.incoming.sequence;
        let expected = self.incoming.signature(flags, checksum);
        if equal(&expected, signature) {
            return Ok(());
        }
        self.broken = true;
        Err(SecurityError::BadSignature { sequence })
    }
}
