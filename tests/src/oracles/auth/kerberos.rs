//! What stands in the place of Kerberos: two tokens, a key that both ends have, signatures that are a sum. It knows a client without
//! a ticket by an empty name.

use std::borrow::Cow;

use oxwire::core::{Entropy, FileTime, Part, SecretBytes, SecurityContext, SecurityError, Step};

/// One end of it.
pub struct Ticket {
    /// The client's name, which its token carries.
    name: Vec<u8>,
    initiator: bool,
    said: u8,
}

const REQUEST: &[u8] = b"AP-REQ ";
const REPLY: &[u8] = b"AP-REP ";

impl Ticket {
    pub fn initiator(name: &str) -> Box<Self> {
        Box::new(Self { name: name.into(), initiator: true, said: 0 })
    }

    pub fn acceptor() -> Box<Self> {
        Box::new(Self { name: Vec::new(), initiator: false, said: 0 })
    }

    /// Any change of any byte changes it.
    fn sum(&self, parts: &[&[u8]]) -> [u8; 8] {
        let bytes = self.name.iter().chain(parts.iter().flat_map(|part| part.iter()));
        let sum =
            bytes.fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
        sum.to_le_bytes()
    }
}

impl SecurityContext for Ticket {
    fn step(&mut self, token: Option<&[u8]>, _: FileTime, _: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let refused = || SecurityError::Refused(Cow::Borrowed("not the next token"));
        match (self.initiator, self.said, token) {
            (true, 0, None) => {
                self.said = 1;
                let sum = self.sum(&[REQUEST]);
                Ok(Step::Continue([REQUEST, &sum, &self.name].concat()))
            }
            (true, 1, Some(token)) if token == [REPLY, &self.sum(&[REPLY])].concat() => {
                self.said = 2;
                Ok(Step::Complete(None))
            }
            (false, 0, Some(token)) => {
                let token = token.strip_prefix(REQUEST).ok_or_else(refused)?;
                let (sum, name) = token.split_at_checked(8).ok_or_else(refused)?;
                self.name = name.to_vec();
                if sum != self.sum(&[REQUEST]) {
                    return Err(refused());
                }
                self.said = 2;
                Ok(Step::Complete(Some([REPLY, &self.sum(&[REPLY])].concat())))
            }
            _ => Err(refused()),
        }
    }

    fn is_complete(&self) -> bool {
        self.said == 2
    }

    fn signature_len(&self) -> usize {
        8
    }

    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        signature.extend(self.sum(parts));
        Ok(())
    }

    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        if signature == self.sum(parts) { Ok(()) } else { Err(SecurityError::BadSignature { sequence: 0 }) }
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
        Some(String::from_utf8_lossy(if self.initiator { b"server" } else { &self.name }))
    }
}
