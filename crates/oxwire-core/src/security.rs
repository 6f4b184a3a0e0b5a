//! The one trait behind which NTLM, SPNEGO and a system's Kerberos stand.

use std::borrow::Cow;

use crate::{Entropy, FileTime, SecretBytes};

/// What [`SecurityContext::step`] came to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Send this token; the peer answers with one.
    Continue(Vec<u8>),
    /// Established. A token, if there is one, still has to reach the peer.
    Complete(Option<Vec<u8>>),
    /// The caller has been asked something (a hash, a verdict, a ticket) through the context's own type; answer it there,
    /// then call `step(None, …)`.
    Pending,
}

/// Why a security context refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecurityError {
    /// A token that does not decode.
    #[error(transparent)]
    Decode(#[from] crate::DecodeError),
    /// A token that could not be made.
    #[error(transparent)]
    Encode(#[from] crate::EncodeError),
    /// A call that the state does not allow.
    #[error(transparent)]
    Misuse(#[from] crate::Misuse),
    /// The peer's proof is wrong, or the caller refused it. The text is for the log of this end, not for the peer.
    #[error("refused: {0}")]
    Refused(Cow<'static, str>),
    /// A message whose signature does not verify, or that came out of sequence.
    #[error("message of sequence number {sequence}: the signature does not verify")]
    BadSignature {
        /// The sequence number that this end expected.
        sequence: u32,
    },
    /// What was asked for was not negotiated.
    #[error("not negotiated: {0}")]
    NotNegotiated(&'static str),
}

/// One buffer of a message that is sealed: all parts are signed in order, and those marked are encrypted in place.
#[derive(Debug)]
pub struct Part<'a> {
    /// The bytes.
    pub data: &'a mut [u8],
    /// Whether they are encrypted, or only signed.
    pub sealed: bool,
}

/// An authentication mechanism, one end of it.
///
/// Sequence numbers are the context's own: messages are signed, sealed, verified and unsealed in the order in which they
/// travel. Nothing here blocks; a mechanism that has to ask somebody (a KDC) is driven from outside a machine.
pub trait SecurityContext {
    /// Takes the peer's token (`None` at the initiator's first call) and gives the next one.
    ///
    /// # Errors
    /// [`SecurityError`]; the context is of no further use then.
    fn step(&mut self, token: Option<&[u8]>, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError>;

    /// Whether both ends are done.
    fn is_complete(&self) -> bool;

    /// Bytes of a signature, fixed once complete.
    fn signature_len(&self) -> usize;

    /// Bytes of the signature of a message that is sealed, fixed once complete: Kerberos has more to say there than where it only
    /// signs ([MS-KILE] 3.4.5.4.1). [`signature_len`](Self::signature_len) where nothing else is known.
    fn sealed_signature_len(&self) -> usize {
        self.signature_len()
    }

    /// Signs a message made of `parts`; the signature is appended to `signature`.
    ///
    /// # Errors
    /// [`SecurityError::NotNegotiated`], [`SecurityError::Misuse`] before completion.
    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError>;

    /// Verifies the peer's signature over `parts`.
    ///
    /// # Errors
    /// [`SecurityError::BadSignature`].
    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError>;

    /// Signs all parts and encrypts the sealed ones in place; the signature is appended to `signature`.
    ///
    /// # Errors
    /// [`SecurityError::NotNegotiated`], [`SecurityError::Misuse`] before completion.
    fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError>;

    /// Decrypts the sealed parts in place and verifies the signature over all.
    ///
    /// # Errors
    /// [`SecurityError::BadSignature`]; the parts' content is not to be used then.
    fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError>;

    /// The session key, once complete.
    fn session_key(&self) -> Option<SecretBytes>;

    /// Who the peer is, where the mechanism tells: `DOMAIN\user` or a Kerberos principal.
    fn peer_name(&self) -> Option<Cow<'_, str>>;

    /// Whether the peer proved that it is bound to the channel underneath. False until complete, and where the mechanism does not
    /// tell.
    fn is_bound(&self) -> bool {
        false
    }

    /// Whether signatures over the PDUs of DCE/RPC cover header and sec_trailer although header signing was not agreed on
    /// ([MS-RPCE] 3.3.1.5.2.2): NTLM with extended session security, in Windows and in its peers. False where the agreement counts.
    fn signs_whole_pdu(&self) -> bool {
        false
    }

    /// Whether messages can be signed. SPNEGO leaves mechListMIC out where they cannot ([RFC 4178] 5).
    fn can_sign(&self) -> bool {
        self.is_complete()
    }

    /// Whether SPNEGO sends mechListMIC even where [RFC 4178] 5 leaves it free: NTLM, once its last message carries a MIC
    /// ([MS-SPNG] 3.1.5.1, note 8).
    fn wants_mech_list_mic(&self) -> bool {
        false
    }

    /// Signs SPNEGO's list of mechanisms, `list` in DER; the signature is appended to `mic`. A message like any other, unless the
    /// mechanism says otherwise (NTLM: [MS-SPNG] 3.2.5.1, 3.3.5.1).
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    fn sign_mech_list(&mut self, list: &[u8], mic: &mut Vec<u8>) -> Result<(), SecurityError> {
        self.sign(&[list], mic)
    }

    /// Verifies the peer's signature over SPNEGO's list of mechanisms.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> Result<(), SecurityError> {
        self.verify(&[list], mic)
    }
}

/// What is boxed is driven as it is.
impl<T: SecurityContext + ?Sized> SecurityContext for Box<T> {
    fn step(&mut self, token: Option<&[u8]>, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        (**self).step(token, wall, entropy)
    }

    fn is_complete(&self) -> bool {
        (**self).is_complete()
    }

    fn signature_len(&self) -> usize {
        (**self).signature_len()
    }

    fn sealed_signature_len(&self) -> usize {
        (**self).sealed_signature_len()
    }

    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        (**self).sign(parts, signature)
    }

    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        (**self).verify(parts, signature)
    }

    fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        (**self).seal(parts, signature)
    }

    fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
        (**self).unseal(parts, signature)
    }

    fn session_key(&self) -> Option<SecretBytes> {
        (**self).session_key()
    }

    fn peer_name(&self) -> Option<Cow<'_, str>> {
        (**self).peer_name()
    }

    fn is_bound(&self) -> bool {
        (**self).is_bound()
    }

    fn signs_whole_pdu(&self) -> bool {
        (**self).signs_whole_pdu()
    }

    fn can_sign(&self) -> bool {
        (**self).can_sign()
    }

    fn wants_mech_list_mic(&self) -> bool {
        (**self).wants_mech_list_mic()
    }

    fn sign_mech_list(&mut self, list: &[u8], mic: &mut Vec<u8>) -> Result<(), SecurityError> {
        (**self).sign_mech_list(list, mic)
    }

    fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> Result<(), SecurityError> {
        (**self).verify_mech_list(list, mic)
    }
}
