//! What both ends share.

use std::borrow::Cow;

use libgssapi::context::{CtxFlags, SecurityContext as GssContext};
use libgssapi::error::Error;
use libgssapi::util::{Buf, GssIov, GssIovFake, GssIovType};
use oxwire_auth::ChannelBinding;
use oxwire_core::{Misuse, Part, SecurityError, Step};

/// GSS_C_CHANNEL_BOUND_FLAG of MIT 1.19 and later: both ends had the same channel binding.
const CHANNEL_BOUND: u32 = 0x800;

/// GSS_C_DCE_STYLE ([RFC 4757] 7.1): three tokens without the GSS header, and sealed messages whose header holds all that is not data.
pub(crate) const DCE_STYLE: u32 = 0x1000;

/// Bytes of a signature by Kerberos with AES and SHA-1 ([RFC 4121] 4.2.6.1, [RFC 3962]), until the context tells.
const SIGNATURE_LEN: usize = 28;

/// TOK_ID of a Wrap token, [RFC 4121] 4.2.6.2.
const WRAP: [u8; 2] = [5, 4];

/// The flag Sealed of its third octet, [RFC 4121] 4.2.2.
const SEALED: u8 = 2;

/// The application data of a channel binding.
pub(crate) fn application_data(binding: &ChannelBinding) -> Option<Vec<u8>> {
    binding.application_data()
}

/// The library's words, major and minor status. They hold no key and no ticket.
pub(crate) fn refused(error: &Error) -> SecurityError {
    SecurityError::Refused(Cow::Owned(error.to_string()))
}

pub(crate) fn misuse(state: &'static str, advice: &'static str) -> SecurityError {
    SecurityError::Misuse(Misuse { call: "step", state, advice })
}

/// What a step of the library's comes to.
pub(crate) fn step_of(
    context: &mut impl GssContext,
    messages: &mut Messages,
    token: Option<Buf>,
) -> Result<Step, SecurityError> {
    let token = token.map(|token| token.to_vec()).filter(|token| !token.is_empty());
    match (context.is_complete(), token) {
        (true, token) => {
            messages.begin(context);
            Ok(Step::Complete(token))
        }
        (false, Some(token)) => Ok(Step::Continue(token)),
        (false, None) => Err(misuse("token awaited", "the library gave no token and is not complete")),
    }
}

pub(crate) fn is_bound(context: &impl GssContext) -> bool {
    context.is_complete() && context.flags().is_ok_and(|flags| flags.bits() & CHANNEL_BOUND != 0)
}

pub(crate) fn can_sign(context: &impl GssContext) -> bool {
    context.is_complete() && context.flags().is_ok_and(|flags| flags.contains(CtxFlags::GSS_C_INTEG_FLAG))
}

pub(crate) fn can_seal(context: &impl GssContext) -> bool {
    let all = CtxFlags::GSS_C_CONF_FLAG.bits() | DCE_STYLE;
    context.is_complete() && context.flags().is_ok_and(|flags| flags.bits() & all == all)
}

/// What becomes of messages: signatures by gss_get_mic, sealing by gss_wrap_iov in the DCE style ([MS-KILE] 3.4.5.4).
#[derive(Debug)]
pub(crate) struct Messages {
    signed: usize,
    sealed: usize,
    expected: u32,
}

impl Default for Messages {
    fn default() -> Self {
        Self { signed: SIGNATURE_LEN, sealed: 0, expected: 0 }
    }
}

impl Messages {
    pub(crate) const fn signature_len(&self) -> usize {
        self.signed
    }

    pub(crate) const fn sealed_signature_len(&self) -> usize {
        self.sealed
    }

    /// The context is complete: its keys tell how long signatures are.
    pub(crate) fn begin(&mut self, context: &mut impl GssContext) {
        let data = || GssIov::new(GssIovType::Data, &mut []).as_fake();
        let fake = GssIovFake::new;
        // A Wrap token that seals nothing has the parts of a MIC token, in the same lengths ([RFC 4121] 4.2.4).
        let mut parts = [fake(GssIovType::Header), data(), fake(GssIovType::Padding), fake(GssIovType::Trailer)];
        if context.wrap_iov_length(false, &mut parts).is_ok() {
            self.signed = parts.iter().map(GssIovFake::len).sum();
        }
        let mut parts = [fake(GssIovType::Header), data()];
        if can_seal(context) && context.wrap_iov_length(true, &mut parts).is_ok() {
            self.sealed = parts.iter().map(GssIovFake::len).sum();
        }
    }

    pub(crate) fn sign(
        &mut self,
        context: &mut impl GssContext,
        parts: &[&[u8]],
        signature: &mut Vec<u8>,
    ) -> Result<(), SecurityError> {
        if !can_sign(context) {
            return Err(SecurityError::NotNegotiated("integrity, or the authentication is not complete"));
        }
        let mic = context.get_mic(&parts.concat()).map_err(|error| refused(&error))?;
        signature.extend_from_slice(&mic);
        Ok(())
    }

    pub(crate) fn verify(
        &mut self,
        context: &mut impl GssContext,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> Result<(), SecurityError> {
        let verified = context.verify_mic(&parts.concat(), signature).is_ok();
        self.taken(verified)
    }

    pub(crate) fn seal(
        &mut self,
        context: &mut impl GssContext,
        parts: &mut [Part<'_>],
        signature: &mut Vec<u8>,
    ) -> Result<(), SecurityError> {
        if !can_seal(context) {
            return Err(NO_SEALING);
        }
        let mut header = vec![0; self.sealed];
        context.wrap_iov(true, &mut iov(&mut header, parts)).map_err(|error| refused(&error))?;
        if !is_sealed(&header) {
            return Err(SecurityError::NotNegotiated("sealing by the keys of [RFC 4121]: the ticket's are older"));
        }
        signature.append(&mut header);
        Ok(())
    }

    pub(crate) fn unseal(
        &mut self,
        context: &mut impl GssContext,
        parts: &mut [Part<'_>],
        signature: &[u8],
    ) -> Result<(), SecurityError> {
        if !can_seal(context) {
            return Err(NO_SEALING);
        }
        let mut header = signature.to_vec();
        // The library takes a token that only signs, too, and does not tell.
        let unsealed = is_sealed(signature) && context.unwrap_iov(&mut iov(&mut header, parts)).is_ok();
        self.taken(unsealed)
    }

    /// Counts a message of the peer's.
    const fn taken(&mut self, right: bool) -> Result<(), SecurityError> {
        let sequence = self.expected;
        if !right {
            return Err(SecurityError::BadSignature { sequence });
        }
        self.expected = sequence.wrapping_add(1);
        Ok(())
    }
}

fn is_sealed(header: &[u8]) -> bool {
    header.starts_with(&WRAP) && header.get(2).is_some_and(|flags| flags & SEALED != 0)
}

/// The buffers of one message: the header, and each part as data or as what is signed alone.
fn iov<'a>(header: &'a mut [u8], parts: &'a mut [Part<'_>]) -> Vec<GssIov<'a>> {
    let part = |part: &'a mut Part<'_>| {
        let kind = if part.sealed { GssIovType::Data } else { GssIovType::SignOnly };
        GssIov::new(kind, part.data)
    };
    std::iter::once(GssIov::new(GssIovType::Header, header)).chain(parts.iter_mut().map(part)).collect()
}

const NO_SEALING: SecurityError =
    SecurityError::NotNegotiated("confidentiality in the DCE style: the initiator asks for it by `with_dce_style`");

/// The calls of [`oxwire_core::SecurityContext`] that are the same at both ends.
macro_rules! delegate {
    () => {
        fn is_complete(&self) -> bool {
            self.context.as_ref().is_some_and(|context| context.is_complete())
        }

        fn signature_len(&self) -> usize {
            self.messages.signature_len()
        }

        fn sealed_signature_len(&self) -> usize {
            self.messages.sealed_signature_len()
        }

        fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
            let context = self.context.as_mut().ok_or(misuse("not begun", "drive `step` until `is_complete`"))?;
            self.messages.sign(context, parts, signature)
        }

        fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
            let context = self.context.as_mut().ok_or(misuse("not begun", "drive `step` until `is_complete`"))?;
            self.messages.verify(context, parts, signature)
        }

        fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
            let context = self.context.as_mut().ok_or(misuse("not begun", "drive `step` until `is_complete`"))?;
            self.messages.seal(context, parts, signature)
        }

        fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
            let context = self.context.as_mut().ok_or(misuse("not begun", "drive `step` until `is_complete`"))?;
            self.messages.unseal(context, parts, signature)
        }

        /// The library keeps it to itself.
        fn session_key(&self) -> Option<SecretBytes> {
            None
        }

        fn is_bound(&self) -> bool {
            self.context.as_ref().is_some_and(is_bound)
        }

        fn can_sign(&self) -> bool {
            self.context.as_ref().is_some_and(can_sign)
        }
    };
}

pub(crate) use delegate;
