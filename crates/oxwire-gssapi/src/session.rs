//! What both ends share.

use std::borrow::Cow;

use libgssapi::context::{CtxFlags, SecurityContext as GssContext};
use libgssapi::error::Error;
use oxwire_auth::ChannelBinding;
use oxwire_core::{Misuse, SecurityError};

/// GSS_C_CHANNEL_BOUND_FLAG of MIT 1.19 and later: both ends had the same channel binding.
const CHANNEL_BOUND: u32 = 0x800;

/// Bytes of a signature by Kerberos with AES and SHA-1 ([RFC 4121] 4.2.6.1, [RFC 3962]); what is signed tells for other keys.
const SIGNATURE_LEN: usize = 28;

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

pub(crate) fn is_bound(context: &impl GssContext) -> bool {
    context.is_complete() && context.flags().is_ok_and(|flags| flags.bits() & CHANNEL_BOUND != 0)
}

pub(crate) fn can_sign(context: &impl GssContext) -> bool {
    context.is_complete() && context.flags().is_ok_and(|flags| flags.contains(CtxFlags::GSS_C_INTEG_FLAG))
}

/// Signatures by gss_get_mic.
#[derive(Debug)]
pub(crate) struct Signatures {
    len: usize,
    expected: u32,
}

impl Default for Signatures {
    fn default() -> Self {
        Self { len: SIGNATURE_LEN, expected: 0 }
    }
}

impl Signatures {
    pub(crate) const fn len(&self) -> usize {
        self.len
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
        self.len = mic.len();
        signature.extend_from_slice(&mic);
        Ok(())
    }

    pub(crate) fn verify(
        &mut self,
        context: &mut impl GssContext,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> Result<(), SecurityError> {
        let sequence = self.expected;
        if context.verify_mic(&parts.concat(), signature).is_err() {
            return Err(SecurityError::BadSignature { sequence });
        }
        self.expected = sequence.wrapping_add(1);
        Ok(())
    }
}

/// Sealing is RPC's, in a style of its own ([MS-KILE] 3.4.5.4), and not built here.
pub(crate) const NO_SEALING: SecurityError =
    SecurityError::NotNegotiated("sealing, which oxwire-gssapi does not do; signatures and the mechListMIC it does");

/// The calls of [`oxwire_core::SecurityContext`] that are the same at both ends.
macro_rules! delegate {
    () => {
        fn is_complete(&self) -> bool {
            self.context.as_ref().is_some_and(|context| context.is_complete())
        }

        fn signature_len(&self) -> usize {
            self.signatures.len()
        }

        fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
            let context = self.context.as_mut().ok_or(misuse("not begun", "drive `step` until `is_complete`"))?;
            self.signatures.sign(context, parts, signature)
        }

        fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
            let context = self.context.as_mut().ok_or(misuse("not begun", "drive `step` until `is_complete`"))?;
            self.signatures.verify(context, parts, signature)
        }

        fn seal(&mut self, _parts: &mut [Part<'_>], _signature: &mut Vec<u8>) -> Result<(), SecurityError> {
            Err(NO_SEALING)
        }

        fn unseal(&mut self, _parts: &mut [Part<'_>], _signature: &[u8]) -> Result<(), SecurityError> {
            Err(NO_SEALING)
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
