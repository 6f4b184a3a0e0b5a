//! The RTS PDU Header, [MS-RPCH] 2.2.3.6.1.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

/// Flags of an RTS PDU, [MS-RPCH] 2.2.3.6.1. Unknown bits are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RtsFlags(pub u16);

impl RtsFlags {
    /// RTS_FLAG_NONE
    pub const NONE: Self = Self(0x0000);
    /// RTS_FLAG_PING
    pub const PING: Self = Self(0x0001);
    /// RTS_FLAG_OTHER_CMD
    pub const OTHER_CMD: Self = Self(0x0002);
    /// RTS_FLAG_RECYCLE_CHANNEL
    pub const RECYCLE_CHANNEL: Self = Self(0x0004);
    /// RTS_FLAG_IN_CHANNEL
    pub const IN_CHANNEL: Self = Self(0x0008);
    /// RTS_FLAG_OUT_CHANNEL
    pub const OUT_CHANNEL: Self = Self(0x0010);
    /// RTS_FLAG_EOF
    pub const EOF: Self = Self(0x0020);
    /// RTS_FLAG_ECHO
    pub const ECHO: Self = Self(0x0040);

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for RtsFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 7] = ["PING", "OTHER_CMD", "RECYCLE_CHANNEL", "IN_CHANNEL", "OUT_CHANNEL", "EOF", "ECHO"];
        if self.0 == 0 {
            return f.write_str("NONE");
        }
        let mut first = true;
        for bit in 0..16_u16 {
            if self.0 >> bit & 1 == 0 {
                continue;
            }
            if !std::mem::take(&mut first) {
                f.write_str("|")?;
            }
            match NAMES.get(usize::from(bit)) {
                Some(name) => f.write_str(name)?,
                None => write!(f, "{:#06x}", 1_u16 << bit)?,
            }
        }
        Ok(())
    }
}

/// The RTS PDU Header, [MS-RPCH] 2.2.3.6.1, but for its constants: rpc_vers 5.0, PTYPE 20, first and last fragment,
/// little-endian, no authentication, call_id 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtsHeader {
    /// frag_length: bytes of the whole PDU.
    pub frag_length: u16,
    /// Flags.
    pub flags: RtsFlags,
    /// NumberOfCommands.
    pub number_of_commands: u16,
}

impl RtsHeader {
    /// Bytes of the header.
    pub const LEN: usize = 20;
    /// PTYPE of an RTS PDU.
    pub const PTYPE: u8 = 20;
    /// PFC_FIRST_FRAG | PFC_LAST_FRAG
    const PFC_FLAGS: u8 = 0x03;
    /// Little-endian integers, ASCII, IEEE floats.
    const DREP: [u8; 4] = [0x10, 0, 0, 0];
}

impl Structure for RtsHeader {
    const NAME: &'static str = "RTS PDU Header";
    const SPEC: &'static str = "[MS-RPCH] 2.2.3.6.1";
}

impl Encode for RtsHeader {
    fn encoded_len(&self) -> usize {
        Self::LEN
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.bytes(&[5, 0, Self::PTYPE, Self::PFC_FLAGS]);
        w.bytes(&Self::DREP);
        w.u16_le(self.frag_length);
        w.u16_le(0);
        w.u32_le(0);
        w.u16_le(self.flags.0);
        w.u16_le(self.number_of_commands);
        Ok(())
    }
}

impl<'de> Decode<'de> for RtsHeader {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        constant(r, "rpc_vers", 5, "5")?;
        constant(r, "rpc_vers_minor", 0, "0")?;
        constant(r, "PTYPE", Self::PTYPE, "20 (RTS)")?;
        constant(r, "pfc_flags", Self::PFC_FLAGS, "3 (first and last fragment, nothing else)")?;
        let at = r.offset();
        let drep = r.array::<4>("packed_drep")?;
        if drep != Self::DREP {
            return Err(r.invalid(
                at,
                "packed_drep",
                "0x10000000 (little-endian, ASCII, IEEE)",
                u32::from_be_bytes(drep),
            ));
        }
        let at = r.offset();
        let frag_length = r.u16_le("frag_length")?;
        if usize::from(frag_length) < Self::LEN {
            return Err(r.invalid(at, "frag_length", "at least 20", frag_length));
        }
        let at = r.offset();
        match r.u16_le("auth_length")? {
            0 => {}
            other => return Err(r.invalid(at, "auth_length", "0", other)),
        }
        let at = r.offset();
        match r.u32_le("call_id")? {
            0 => {}
            other => return Err(r.invalid(at, "call_id", "0", other)),
        }
        let flags = RtsFlags(r.u16_le("Flags")?);
        let number_of_commands = r.u16_le("NumberOfCommands")?;
        Ok(Self { frag_length, flags, number_of_commands })
    }
}

fn constant(r: &mut Reader<'_>, field: &'static str, value: u8, expected: &'static str) -> Result<(), DecodeError> {
    let at = r.offset();
    match r.u8(field)? {
        found if found == value => Ok(()),
        found => Err(r.invalid(at, field, expected, found)),
    }
}
