//! Blocks that one side sends for the other's log: [MS-OXCRPC] 2.2.2.2.21, 2.2.2.2.22.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Guid, Reader, Structure, Utf16, Writer};

use super::block::{Offsets, put_text, text, text_len};
use crate::flags::flags;

flags! {
    /// `ConnectionFlags` of AUX_CLIENT_CONNECTION_INFO.
    ConnectionFlags: u32 {
        /// The client works with a cache.
        CACHED_MODE = 0x0000_0001;
    }
}

/// AUX_CLIENT_CONNECTION_INFO, [MS-OXCRPC] 2.2.2.2.21: a client's connection, for the server's log.
///
/// ConnectionAttempts has 32 bits, as the published page has it (since the edition of 2018 that counted 16, which left the field
/// behind it unaligned).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxClientConnectionInfo<'de> {
    /// The connection.
    pub connection_guid: Guid,
    /// How often it was tried.
    pub connection_attempts: u32,
    /// Online or cached.
    pub connection_flags: ConnectionFlags,
    /// Opaque text; empty where it is not there.
    pub connection_context_info: Utf16<'de>,
}

impl Structure for AuxClientConnectionInfo<'_> {
    const NAME: &'static str = "AUX_CLIENT_CONNECTION_INFO";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.21";
}

impl<'de> Decode<'de> for AuxClientConnectionInfo<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let whole = r.clone();
        let connection_guid = r.guid("ConnectionGUID")?;
        let context = r.u16_le("OffsetConnectionContextInfo")?;
        r.u16_le("Reserved")?;
        let connection_attempts = r.u32_le("ConnectionAttempts")?;
        let connection_flags = ConnectionFlags::from_bits(r.u32_le("ConnectionFlags")?);
        r.ignore_rest("[MS-OXCRPC] 2.2.2.2.21: read by the offset");
        let connection_context_info = text(&whole, context, "ConnectionContextInfo")?;
        Ok(Self { connection_guid, connection_attempts, connection_flags, connection_context_info })
    }
}

impl Encode for AuxClientConnectionInfo<'_> {
    fn encoded_len(&self) -> usize {
        28 + text_len(self.connection_context_info)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.guid(self.connection_guid);
        let len = text_len(self.connection_context_info);
        w.u16_le(Offsets::behind(28).take(w, len, "OffsetConnectionContextInfo")?);
        w.u16_le(0);
        w.u32_le(self.connection_attempts);
        w.u32_le(self.connection_flags.bits());
        put_text(w, self.connection_context_info, "ConnectionContextInfo")
    }
}

/// AUX_SERVER_SESSION_INFO, [MS-OXCRPC] 2.2.2.2.22: the server's session, for the client's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxServerSessionInfo<'de> {
    /// Opaque text; empty where it is not there.
    pub server_session_context_info: Utf16<'de>,
}

impl Structure for AuxServerSessionInfo<'_> {
    const NAME: &'static str = "AUX_SERVER_SESSION_INFO";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.22";
}

impl<'de> Decode<'de> for AuxServerSessionInfo<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let whole = r.clone();
        let context = r.u16_le("OffsetServerSessionContextInfo")?;
        r.ignore_rest("[MS-OXCRPC] 2.2.2.2.22: read by the offset");
        Ok(Self { server_session_context_info: text(&whole, context, "ServerSessionContextInfo")? })
    }
}

impl Encode for AuxServerSessionInfo<'_> {
    fn encoded_len(&self) -> usize {
        2 + text_len(self.server_session_context_info)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let len = text_len(self.server_session_context_info);
        w.u16_le(Offsets::behind(2).take(w, len, "OffsetServerSessionContextInfo")?);
        put_text(w, self.server_session_context_info, "ServerSessionContextInfo")
    }
}
