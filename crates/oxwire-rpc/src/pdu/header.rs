//! The common header, \[C706\] 12.6.3.1.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::DataRepresentation;

/// PTYPE, \[C706\] 12.6.3 and [MS-RPCE] 2.2.2.10; unknown values are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ptype(pub u8);

macro_rules! ptypes {
    ($($name:ident = $value:literal $text:literal,)*) => {
        impl Ptype {
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $name: Self = Self($value);
            )*

            /// The specification's name, where it has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

ptypes! {
    REQUEST = 0 "request",
    RESPONSE = 2 "response",
    FAULT = 3 "fault",
    BIND = 11 "bind",
    BIND_ACK = 12 "bind_ack",
    BIND_NAK = 13 "bind_nak",
    ALTER_CONTEXT = 14 "alter_context",
    ALTER_CONTEXT_RESP = 15 "alter_context_resp",
    RPC_AUTH_3 = 16 "rpc_auth_3",
    SHUTDOWN = 17 "shutdown",
    CO_CANCEL = 18 "co_cancel",
    ORPHANED = 19 "orphaned",
    RTS = 20 "RTS",
}

impl fmt::Debug for Ptype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Ptype({})", self.0),
        }
    }
}

/// pfc_flags, \[C706\] 12.6.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PfcFlags(pub u8);

impl PfcFlags {
    /// PFC_FIRST_FRAG
    pub const FIRST_FRAG: Self = Self(0x01);
    /// PFC_LAST_FRAG
    pub const LAST_FRAG: Self = Self(0x02);
    /// First and last.
    pub const WHOLE: Self = Self(0x03);
    /// PFC_PENDING_CANCEL: in PDUs of calls.
    pub const PENDING_CANCEL: Self = Self(0x04);
    /// PFC_SUPPORT_HEADER_SIGN: the same bit, in bind, alter_context, their answers and rpc_auth_3. [MS-RPCE] 2.2.2.3
    pub const SUPPORT_HEADER_SIGN: Self = Self(0x04);
    /// PFC_CONC_MPX
    pub const CONC_MPX: Self = Self(0x10);
    /// PFC_DID_NOT_EXECUTE
    pub const DID_NOT_EXECUTE: Self = Self(0x20);
    /// PFC_MAYBE
    pub const MAYBE: Self = Self(0x40);
    /// PFC_OBJECT_UUID
    pub const OBJECT_UUID: Self = Self(0x80);

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

/// The 16 bytes in front of every PDU, \[C706\] 12.6.3.1. rpc_vers is 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommonHeader {
    /// rpc_vers_minor: 0, or 1 (\[C706\] 12.6.3.1 lets a receiver take what is not above its own).
    pub rpc_vers_minor: u8,
    /// PTYPE.
    pub ptype: Ptype,
    /// pfc_flags.
    pub pfc_flags: PfcFlags,
    /// packed_drep.
    pub drep: DataRepresentation,
    /// frag_length: bytes of the whole PDU.
    pub frag_length: u16,
    /// auth_length: bytes of the authentication token; the 8 bytes of the sec_trailer in front of it do not count.
    pub auth_length: u16,
    /// call_id.
    pub call_id: u32,
}

impl CommonHeader {
    /// Bytes of the header.
    pub const LEN: usize = 16;
}

impl Structure for CommonHeader {
    const NAME: &'static str = "common header";
    const SPEC: &'static str = "[C706] 12.6.3.1";
}

impl Encode for CommonHeader {
    fn encoded_len(&self) -> usize {
        Self::LEN
    }

    /// Integers go out little-endian, whatever `drep` says of the PDU that this header came from.
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.bytes(&[5, self.rpc_vers_minor, self.ptype.0, self.pfc_flags.0]);
        w.bytes(&DataRepresentation::LITTLE_ENDIAN.to_wire());
        w.u16_le(self.frag_length);
        w.u16_le(self.auth_length);
        w.u32_le(self.call_id);
        Ok(())
    }
}

impl<'de> Decode<'de> for CommonHeader {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        match r.u8("rpc_vers")? {
            5 => {}
            other => return Err(r.invalid(at, "rpc_vers", "5", other)),
        }
        let at = r.offset();
        let rpc_vers_minor = r.u8("rpc_vers_minor")?;
        if rpc_vers_minor > 1 {
            return Err(r.invalid(at, "rpc_vers_minor", "0 or 1", rpc_vers_minor));
        }
        let ptype = Ptype(r.u8("PTYPE")?);
        let pfc_flags = PfcFlags(r.u8("pfc_flags")?);
        let at = r.offset();
        let drep = DataRepresentation::from_wire(r.array("packed_drep")?);
        if !drep.is_supported() {
            let found = u32::from_be_bytes(drep.to_wire());
            return Err(r.invalid(at, "packed_drep", "0x10000000 or 0x00000000 (either order, ASCII, IEEE)", found));
        }
        let at = r.offset();
        let frag_length = drep.u16(r, "frag_length")?;
        if usize::from(frag_length) < Self::LEN {
            return Err(r.invalid(at, "frag_length", "at least 16", frag_length));
        }
        let auth_length = drep.u16(r, "auth_length")?;
        let call_id = drep.u32(r, "call_id")?;
        Ok(Self { rpc_vers_minor, ptype, pfc_flags, drep, frag_length, auth_length, call_id })
    }
}
