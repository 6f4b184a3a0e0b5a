//! A mechanism for tests of what stands around one.

use std::borrow::Cow;

use oxwire_core::{Entropy, FileTime, Part, SecretBytes, SecurityContext, SecurityError, Step};

/// A mechanism that says `legs` tokens in all, the initiator's first, and signs by a sum.
pub struct Toy {
    legs: u8,
    said: u8,
    initiator: bool,
    pub signs: bool,
    pub bound: bool,
}

impl Toy {
    pub fn initiator(legs: u8) -> Box<Self> {
        Box::new(Self { legs, said: 0, initiator: true, signs: true, bound: false })
    }

    pub fn acceptor(legs: u8) -> Box<Self> {
        Box::new(Self { legs, said: 0, initiator: false, signs: true, bound: false })
    }
}

fn sum(parts: &[&[u8]]) -> u8 {
    parts.iter().flat_map(|part| part.iter()).fold(17, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte))
}

impl SecurityContext for Toy {
    fn step(&mut self, token: Option<&[u8]>, _: FileTime, _: &mut dyn Entropy) -> Result<Step, SecurityError> {
        if let Some(token) = token {
            if token != [b't', self.said] {
                return Err(SecurityError::Refused(Cow::Borrowed("not the next token")));
            }
            self.said += 1;
        } else if !self.initiator || self.said != 0 {
            return Err(SecurityError::Refused(Cow::Borrowed("no token")));
        }
        if self.is_complete() {
            return Ok(Step::Complete(None));
        }
        let token = vec![b't', self.said];
        self.said += 1;
        Ok(if self.is_complete() { Step::Complete(Some(token)) } else { Step::Continue(token) })
    }

    fn is_complete(&self) -> bool {
        self.said >= self.legs
    }

    fn signature_len(&self) -> usize {
        1
    }

    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        signature.push(sum(parts));
        Ok(())
    }

    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        if signature == [sum(parts)] { Ok(()) } else { Err(SecurityError::BadSignature { sequence: 0 }) }
    }

    fn seal(&mut self, _: &mut [Part<'_>], _: &mut Vec<u8>) -> Result<(), SecurityError> {
        Err(SecurityError::NotNegotiated("sealing"))
    }

    fn unseal(&mut self, _: &mut [Part<'_>], _: &[u8]) -> Result<(), SecurityError> {
        Err(SecurityError::NotNegotiated("sealing"))
    }

    fn session_key(&self) -> Option<SecretBytes> {
        None
    }

    fn peer_name(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("toy"))
    }

    fn can_sign(&self) -> bool {
        self.signs && self.is_complete()
    }

    fn is_bound(&self) -> bool {
        self.bound && self.is_complete()
    }
}
