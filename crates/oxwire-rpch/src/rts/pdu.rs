//! RTS PDUs: the view over any of them, and what the typed ones share.

use oxwire_core::{Decode, DecodeError, EncodeError, Reader, Structure, Writer};

use super::command::{self, CommandBody};
use super::{Command, Empty, Padding, RtsFlags, RtsHeader};

/// Any RTS PDU, [MS-RPCH] 2.2.3.6: its header, and its commands as they stand.
///
/// Decoding checks the whole: every command has a known type and ends where its type says, NumberOfCommands is their number, and
/// they fill frag_length.
#[derive(Debug, Clone, Copy)]
pub struct RtsPdu<'de> {
    header: RtsHeader,
    body: &'de [u8],
}

impl<'de> RtsPdu<'de> {
    /// Its header.
    #[must_use]
    pub const fn header(&self) -> RtsHeader {
        self.header
    }

    /// Its flags.
    #[must_use]
    pub const fn flags(&self) -> RtsFlags {
        self.header.flags
    }

    /// Its commands, in order.
    #[must_use]
    pub const fn commands(&self) -> Commands<'de> {
        Commands { r: Reader::new(self.body) }
    }
}

impl Structure for RtsPdu<'_> {
    const NAME: &'static str = "RTS PDU";
    const SPEC: &'static str = "[MS-RPCH] 2.2.3.6";
}

impl<'de> Decode<'de> for RtsPdu<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let header = r.structure::<RtsHeader>()?;
        let mut sub = r.sub(body_len(header), "commands")?;
        let body = sub.peek_rest();
        for _ in 0..header.number_of_commands {
            sub.structure::<Command>()?;
        }
        sub.finish()?;
        Ok(Self { header, body })
    }
}

/// The commands of an [`RtsPdu`].
#[derive(Debug, Clone)]
pub struct Commands<'de> {
    r: Reader<'de>,
}

impl Iterator for Commands<'_> {
    type Item = Command;

    fn next(&mut self) -> Option<Command> {
        // Decoding the PDU has read every command once: an error here cannot be.
        if self.r.is_empty() { None } else { self.r.structure().ok() }
    }
}

fn body_len(header: RtsHeader) -> usize {
    usize::from(header.frag_length).saturating_sub(RtsHeader::LEN)
}

/// Reads the header of a typed PDU and gives a reader over its commands.
pub(super) fn open<'de>(
    r: &mut Reader<'de>,
    flags: RtsFlags,
    commands: u16,
    expected: &'static str,
) -> Result<Reader<'de>, DecodeError> {
    let at = r.offset();
    let header = r.structure::<RtsHeader>()?;
    if (header.flags, header.number_of_commands) != (flags, commands) {
        let found = u64::from(header.flags.0) << 16 | u64::from(header.number_of_commands);
        return Err(command::wrong_signature(r, at.saturating_add(16), expected, found));
    }
    r.sub(body_len(header), "commands")
}

/// Writes the header of a typed PDU whose commands take `body` bytes.
pub(super) fn begin(w: &mut Writer<'_>, flags: RtsFlags, commands: u16, body: usize) -> Result<(), EncodeError> {
    let len = RtsHeader::LEN.saturating_add(body);
    let frag_length = u16::try_from(len).map_err(|_| command::too_long(w, "frag_length", len))?;
    w.structure(&RtsHeader { frag_length, flags, number_of_commands: commands })
}

/// What a field of a typed PDU is: one command, or one of two.
pub(super) trait Field: Sized {
    fn len(&self) -> usize;
    fn write(&self, w: &mut Writer<'_>) -> Result<(), EncodeError>;
    fn read(r: &mut Reader<'_>, expected: &'static str) -> Result<Self, DecodeError>;
}

impl<T: CommandBody> Field for T {
    fn len(&self) -> usize {
        4 + self.body_len()
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        command::write(w, self)
    }

    fn read(r: &mut Reader<'_>, expected: &'static str) -> Result<Self, DecodeError> {
        command::read(r, expected)
    }
}

/// The one command of OUT_R2/C1, [MS-RPCH] 2.2.4.45.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmptyOrPadding {
    /// 4 bytes: brings the PDU to 24, the size of OUT_R1/A11.
    Empty(Empty),
    /// 8 bytes and more.
    Padding(Padding),
}

impl Field for EmptyOrPadding {
    fn len(&self) -> usize {
        match self {
            Self::Empty(empty) => empty.len(),
            Self::Padding(padding) => padding.len(),
        }
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Empty(empty) => empty.write(w),
            Self::Padding(padding) => padding.write(w),
        }
    }

    fn read(r: &mut Reader<'_>, expected: &'static str) -> Result<Self, DecodeError> {
        let at = r.offset();
        match r.structure::<Command>()? {
            Command::Empty(empty) => Ok(Self::Empty(empty)),
            Command::Padding(padding) => Ok(Self::Padding(padding)),
            other => Err(r.invalid(at, "CommandType", expected, other.command_type().value())),
        }
    }
}

/// Declares typed PDUs: name, section, flags, the Destination that comes first where it is fixed, and the commands in wire order.
macro_rules! rts_pdus {
    ($(
        $doc:literal
        $ty:ident $name:literal $spec:literal ($($flag:ident)*) $(-> $destination:ident)? { $($field:ident : $command:ident),* $(,)? }
    )*) => {$(
        #[doc = $doc]
        #[doc = ""]
        #[doc = concat!("[MS-RPCH] ", $spec)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $ty {
            $(
                #[doc = concat!("The ", stringify!($command), " command.")]
                pub $field: $command,
            )*
        }

        impl $ty {
            const FLAGS: crate::rts::RtsFlags = crate::rts::RtsFlags::NONE $(.with(crate::rts::RtsFlags::$flag))*;
            const COMMANDS: &'static [&'static str] = &[
                $({ let _ = crate::rts::ForwardDestination::$destination; "Destination" },)?
                $(stringify!($command)),*
            ];

            #[allow(clippy::cast_possible_truncation, reason = "the list above is at most seven long")]
            const COUNT: u16 = Self::COMMANDS.len() as u16;

            fn commands_len(&self) -> usize {
                0 $(+ { let _ = crate::rts::ForwardDestination::$destination; 8 })?
                $(+ crate::rts::pdu::Field::len(&self.$field))*
            }
        }

        impl oxwire_core::Structure for $ty {
            const NAME: &'static str = concat!($name, " RTS PDU");
            const SPEC: &'static str = concat!("[MS-RPCH] ", $spec);
        }

        impl oxwire_core::Encode for $ty {
            fn encoded_len(&self) -> usize {
                crate::rts::RtsHeader::LEN + self.commands_len()
            }

            fn encode(&self, w: &mut oxwire_core::Writer<'_>) -> Result<(), oxwire_core::EncodeError> {
                crate::rts::pdu::begin(w, Self::FLAGS, Self::COUNT, self.commands_len())?;
                $(
                    let destination = crate::rts::Destination(crate::rts::ForwardDestination::$destination);
                    crate::rts::pdu::Field::write(&destination, w)?;
                )?
                $(crate::rts::pdu::Field::write(&self.$field, w)?;)*
                Ok(())
            }
        }

        impl<'de> oxwire_core::Decode<'de> for $ty {
            fn decode(r: &mut oxwire_core::Reader<'de>) -> Result<Self, oxwire_core::DecodeError> {
                let expected = concat!("the flags and the number of commands of ", $name);
                #[allow(unused_mut, reason = "a PDU without commands reads none")]
                let mut body = crate::rts::pdu::open(r, Self::FLAGS, Self::COUNT, expected)?;
                $(crate::rts::pdu::destination(&mut body, crate::rts::ForwardDestination::$destination)?;)?
                let pdu = Self {
                    $($field: crate::rts::pdu::Field::read(&mut body, concat!("a ", stringify!($command), " command"))?,)*
                };
                body.finish()?;
                Ok(pdu)
            }
        }
    )*};
}

/// Reads a Destination command whose value the PDU's section fixes.
pub(super) fn destination(r: &mut Reader<'_>, fixed: super::ForwardDestination) -> Result<(), DecodeError> {
    let at = r.offset();
    let super::Destination(found) = command::read(r, "a Destination command")?;
    if found == fixed {
        return Ok(());
    }
    let expected = if fixed == super::ForwardDestination::CLIENT { "FDClient (0)" } else { "FDServer (2)" };
    Err(r.invalid(at.saturating_add(4), "Destination", expected, found.value()))
}

pub(super) use rts_pdus;
