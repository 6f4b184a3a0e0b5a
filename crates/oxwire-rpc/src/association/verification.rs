//! What a verification trailer is held against, [MS-RPCE] 2.2.2.13.

use bytes::{Bytes, BytesMut};
use oxwire_core::Writer;

use crate::pdu::{DataRepresentation, FaultStatus, Ptype, SyntaxIdentifier, VerificationCommand, VerificationTrailer};

/// What the PDUs of a call said, which its verification trailer has to repeat. [MS-RPCE] 2.2.2.13
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// The interface of the presentation context.
    pub interface: SyntaxIdentifier,
    /// Its transfer syntax.
    pub transfer_syntax: SyntaxIdentifier,
    /// drep of the request.
    pub drep: DataRepresentation,
    /// call_id.
    pub call_id: u32,
    /// p_cont_id.
    pub context_id: u16,
    /// opnum.
    pub opnum: u16,
    /// Whether the client's bind had PFC_SUPPORT_HEADER_SIGN.
    pub header_sign: bool,
}

impl Verification {
    /// CLIENT_SUPPORT_HEADER_SIGNING, [MS-RPCE] 2.2.2.13.2
    const HEADER_SIGNING: u32 = 1;

    /// Checks the verification trailer of `stub`, where there is one behind the arguments, which end at `end_of_arguments`
    /// ([`decode_stub`](crate::ndr::decode_stub) gives it).
    ///
    /// Only worth something where the stub data is signed: at level pkt and above.
    ///
    /// # Errors
    /// The status to fault the call with: ERROR_ACCESS_DENIED, as [MS-RPCE] 2.2.2.13 has it for a command that must be processed and
    /// is not known. The sections do not name one for a command that says something else than the PDUs; it is the same one.
    pub fn check(&self, stub: &[u8], end_of_arguments: usize) -> Result<(), FaultStatus> {
        let Some(trailer) = VerificationTrailer::find(stub, end_of_arguments) else { return Ok(()) };
        for command in trailer.commands() {
            let holds = match command.map_err(|_| FaultStatus::ACCESS_DENIED)? {
                VerificationCommand::Bitmask(bits) => bits & Self::HEADER_SIGNING == 0 || self.header_sign,
                VerificationCommand::PresentationContext { interface, transfer_syntax } => {
                    (interface, transfer_syntax) == (self.interface, self.transfer_syntax)
                }
                VerificationCommand::Header2 { ptype, drep, call_id, context_id, opnum } => {
                    (ptype, drep, call_id, context_id, opnum)
                        == (Ptype::REQUEST.0, self.drep.to_wire(), self.call_id, self.context_id, self.opnum)
                }
                VerificationCommand::Unknown { must_process, .. } => !must_process,
            };
            if !holds {
                return Err(FaultStatus::ACCESS_DENIED);
            }
        }
        Ok(())
    }

    /// The trailer that a client puts behind `stub_len` bytes of stub data, padding in front included. Empty without commands.
    pub(super) fn trailer(&self, stub_len: usize, bitmask: bool, context: bool, header2: bool) -> Bytes {
        let bits = if self.header_sign { Self::HEADER_SIGNING } else { 0 };
        let commands = [
            bitmask.then_some(VerificationCommand::Bitmask(bits)),
            context.then_some(VerificationCommand::PresentationContext {
                interface: self.interface,
                transfer_syntax: self.transfer_syntax,
            }),
            header2.then_some(VerificationCommand::Header2 {
                ptype: Ptype::REQUEST.0,
                drep: self.drep.to_wire(),
                call_id: self.call_id,
                context_id: self.context_id,
                opnum: self.opnum,
            }),
        ];
        let mut kept = [VerificationCommand::Bitmask(0); 3];
        let mut count = 0;
        for (to, command) in kept.iter_mut().zip(commands.into_iter().flatten()) {
            *to = command;
            count += 1;
        }
        if count == 0 {
            return Bytes::new();
        }
        let mut out = BytesMut::with_capacity(96);
        let w = &mut Writer::new(&mut out);
        w.zeros(stub_len.next_multiple_of(4).saturating_sub(stub_len));
        // None of these commands is too long for its length field.
        if VerificationTrailer::write(kept.get(..count).unwrap_or_default(), w).is_err() {
            return Bytes::new();
        }
        out.freeze()
    }
}
