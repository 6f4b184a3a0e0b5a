//! What both ends share: mechListMIC ([RFC 4178] 5), and what goes to the mechanism once it is chosen.

use oxwire_core::{EncodeError, SecurityContext, encode_to_bytes};

use super::{Mechanism, NegState, NegTokenResp, NegotiationToken};

/// How far the list of mechanisms is protected.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Protection {
    pub(super) required: bool,
    pub(super) sent: bool,
    pub(super) received: bool,
}

/// What is kept of the other end's token while its mechanism is at work.
#[derive(Default)]
pub(super) struct Received {
    pub(super) neg_state: Option<NegState>,
    pub(super) mic: Option<Vec<u8>>,
}

/// A NegTokenResp.
pub(super) fn resp(resp: NegTokenResp<'_>) -> Result<Vec<u8>, EncodeError> {
    Ok(encode_to_bytes(&NegotiationToken::Resp(resp))?.into())
}

pub(super) fn is_done(mechanism: Option<&Mechanism>) -> bool {
    mechanism.and_then(Mechanism::context).is_some_and(SecurityContext::is_complete)
}

pub(super) fn can_sign(mechanism: Option<&Mechanism>) -> bool {
    mechanism.and_then(Mechanism::context).is_some_and(SecurityContext::can_sign)
}

/// The per-message calls of a [`SecurityContext`], handed to the mechanism that was chosen.
macro_rules! delegate {
    () => {
        fn is_complete(&self) -> bool {
            matches!(self.state, State::Complete)
        }

        fn signature_len(&self) -> usize {
            self.context().map_or(0, SecurityContext::signature_len)
        }

        fn sealed_signature_len(&self) -> usize {
            self.context().map_or(0, SecurityContext::sealed_signature_len)
        }

        fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
            self.complete("sign")?.sign(parts, signature)
        }

        fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
            self.complete("verify")?.verify(parts, signature)
        }

        fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
            self.complete("seal")?.seal(parts, signature)
        }

        fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
            self.complete("unseal")?.unseal(parts, signature)
        }

        fn session_key(&self) -> Option<SecretBytes> {
            self.context()?.session_key()
        }

        fn peer_name(&self) -> Option<Cow<'_, str>> {
            self.context()?.peer_name()
        }

        fn is_bound(&self) -> bool {
            self.context().is_some_and(SecurityContext::is_bound)
        }

        fn signs_whole_pdu(&self) -> bool {
            self.context().is_some_and(SecurityContext::signs_whole_pdu)
        }

        fn can_sign(&self) -> bool {
            self.context().is_some_and(SecurityContext::can_sign)
        }
    };
}

pub(super) use delegate;
