//! The verification trailer, [MS-RPCE] 2.2.2.13.

use oxwire_core::{DecodeError, EncodeError, Reader, Structure, Writer};

use super::SyntaxIdentifier;

/// What begins a verification trailer, [MS-RPCE] 2.2.2.13.1.
const SIGNATURE: [u8; 8] = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];
/// SEC_VT_COMMAND_END
const END: u16 = 0x4000;
/// SEC_VT_MUST_PROCESS_COMMAND
const MUST_PROCESS: u16 = 0x8000;

/// One command of a verification trailer. [MS-RPCE] 2.2.2.13; its integers are little-endian whatever the PDU's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerificationCommand<'de> {
    /// rpc_sec_vt_bitmask: bit 0 says that the client supports header signing. [MS-RPCE] 2.2.2.13.2
    Bitmask(u32),
    /// rpc_sec_vt_pcontext: interface and transfer syntax of the call. [MS-RPCE] 2.2.2.13.4
    PresentationContext {
        /// InterfaceId.
        interface: SyntaxIdentifier,
        /// TransferSyntax.
        transfer_syntax: SyntaxIdentifier,
    },
    /// rpc_sec_vt_header2: what the request's header says. [MS-RPCE] 2.2.2.13.3
    Header2 {
        /// PTYPE.
        ptype: u8,
        /// drep.
        drep: [u8; 4],
        /// call_id.
        call_id: u32,
        /// p_cont_id.
        context_id: u16,
        /// opnum.
        opnum: u16,
    },
    /// One that is not known. With `must_process` the call is to be refused with status 5.
    Unknown {
        /// Bits 0 to 13.
        command: u16,
        /// SEC_VT_MUST_PROCESS_COMMAND.
        must_process: bool,
        /// Its content.
        content: &'de [u8],
    },
}

/// A verification trailer behind the stub data of a request, [MS-RPCE] 2.2.2.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationTrailer<'de> {
    /// Where it begins in the stub.
    offset: usize,
    body: &'de [u8],
}

impl Structure for VerificationTrailer<'_> {
    const NAME: &'static str = "rpc_sec_verification_trailer";
    const SPEC: &'static str = "[MS-RPCE] 2.2.2.13";
}

impl<'de> VerificationTrailer<'de> {
    /// Looks for the signature from `end_of_arguments` on: a client may pad behind its arguments, so the section has servers
    /// search. The trailer is aligned to 4.
    #[must_use]
    pub fn find(stub: &'de [u8], end_of_arguments: usize) -> Option<Self> {
        let from = end_of_arguments.checked_next_multiple_of(4)?;
        let tail = stub.get(from..)?;
        let step = tail.chunks_exact(4).zip(tail.chunks_exact(4).skip(1)).position(|(a, b)| {
            let (first, second) = SIGNATURE.split_at(4);
            a == first && b == second
        })?;
        let offset = from.checked_add(step.checked_mul(4)?)?;
        Some(Self { offset, body: stub.get(offset.checked_add(SIGNATURE.len())?..)? })
    }

    /// Where it begins in the stub: the arguments end there at the latest.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Its commands, up to the one that carries SEC_VT_COMMAND_END.
    pub fn commands(&self) -> impl Iterator<Item = Result<VerificationCommand<'de>, DecodeError>> + use<'de> {
        let mut r =
            Reader::new(self.body).named(Self::NAME, Self::SPEC).at_offset(self.offset.saturating_add(SIGNATURE.len()));
        let mut ended = false;
        std::iter::from_fn(move || {
            if std::mem::take(&mut ended) {
                return None;
            }
            let command = read(&mut r);
            match &command {
                Ok((_, last)) => ended = *last,
                Err(_) => ended = true,
            }
            Some(command.map(|(command, _)| command))
        })
        .fuse()
    }

    /// Writes a trailer of these commands; the writer stands at a multiple of 4 from the beginning of the PDU.
    ///
    /// # Errors
    /// [`EncodeError`] for content of more than 65,535 bytes.
    pub fn write(commands: &[VerificationCommand<'_>], w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.bytes(&SIGNATURE);
        for (at, command) in commands.iter().enumerate() {
            let end = if at.saturating_add(1) == commands.len() { END } else { 0 };
            match *command {
                VerificationCommand::Bitmask(bits) => {
                    w.u16_le(1 | end);
                    w.u16_le(4);
                    w.u32_le(bits);
                }
                VerificationCommand::PresentationContext { interface, transfer_syntax } => {
                    w.u16_le(2 | end);
                    w.u16_le(40);
                    for syntax in [interface, transfer_syntax] {
                        w.guid(syntax.uuid);
                        w.u32_le(syntax.version);
                    }
                }
                VerificationCommand::Header2 { ptype, drep, call_id, context_id, opnum } => {
                    w.u16_le(3 | end);
                    w.u16_le(16);
                    w.bytes(&[ptype, 0, 0, 0]);
                    w.bytes(&drep);
                    w.u32_le(call_id);
                    w.u16_le(context_id);
                    w.u16_le(opnum);
                }
                VerificationCommand::Unknown { command, must_process, content } => {
                    w.u16_le(command & 0x3FFF | end | if must_process { MUST_PROCESS } else { 0 });
                    w.len_u16_le(content.len(), "length")?;
                    w.bytes(content);
                }
            }
        }
        Ok(())
    }
}

/// A command, and whether it is the last.
fn read<'de>(r: &mut Reader<'de>) -> Result<(VerificationCommand<'de>, bool), DecodeError> {
    let word = r.u16_le("command")?;
    let at = r.offset();
    let length = r.u16_le("length")?;
    let expect =
        |len: u16, expected| if length == len { Ok(()) } else { Err(r.invalid(at, "length", expected, length)) };
    let command = match word & 0x3FFF {
        1 => {
            expect(4, "4 (rpc_sec_vt_bitmask)")?;
            VerificationCommand::Bitmask(r.u32_le("bits")?)
        }
        2 => {
            expect(40, "40 (rpc_sec_vt_pcontext)")?;
            VerificationCommand::PresentationContext {
                interface: SyntaxIdentifier { uuid: r.guid("InterfaceId")?, version: r.u32_le("InterfaceId")? },
                transfer_syntax: SyntaxIdentifier {
                    uuid: r.guid("TransferSyntax")?,
                    version: r.u32_le("TransferSyntax")?,
                },
            }
        }
        3 => {
            expect(16, "16 (rpc_sec_vt_header2)")?;
            let ptype = r.u8("PTYPE")?;
            r.bytes(3, "Reserved")?;
            VerificationCommand::Header2 {
                ptype,
                drep: r.array("drep")?,
                call_id: r.u32_le("call_id")?,
                context_id: r.u16_le("p_cont_id")?,
                opnum: r.u16_le("opnum")?,
            }
        }
        command => VerificationCommand::Unknown {
            command,
            must_process: word & MUST_PROCESS != 0,
            content: r.bytes(usize::from(length), "content")?,
        },
    };
    Ok((command, word & END != 0))
}
