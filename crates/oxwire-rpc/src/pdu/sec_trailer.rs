//! The sec_trailer, [MS-RPCE] 2.2.2.11.

use std::fmt;

use oxwire_core::{DecodeError, Reader};

use super::DataRepresentation;

macro_rules! open_u8 {
    ($(#[$doc:meta])* $ty:ident { $($(#[$cdoc:meta])* $name:ident = $value:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $ty(pub u8);

        impl $ty {
            $($(#[$cdoc])* pub const $name: Self = Self($value);)*
        }

        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($value => f.write_str($text),)*
                    other => write!(f, "{}({other})", stringify!($ty)),
                }
            }
        }
    };
}

open_u8! {
    /// The authentication level, [MS-RPCE] 2.2.1.1.8; unknown values are kept.
    AuthLevel {
        /// RPC_C_AUTHN_LEVEL_DEFAULT
        DEFAULT = 0 "default",
        /// RPC_C_AUTHN_LEVEL_NONE
        NONE = 1 "none",
        /// RPC_C_AUTHN_LEVEL_CONNECT
        CONNECT = 2 "connect",
        /// RPC_C_AUTHN_LEVEL_CALL: processed as PKT
        CALL = 3 "call",
        /// RPC_C_AUTHN_LEVEL_PKT
        PKT = 4 "pkt",
        /// RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
        PKT_INTEGRITY = 5 "pkt_integrity",
        /// RPC_C_AUTHN_LEVEL_PKT_PRIVACY
        PKT_PRIVACY = 6 "pkt_privacy",
    }
}

open_u8! {
    /// The authentication type, [MS-RPCE] 2.2.1.1.7; unknown values are kept.
    AuthType {
        /// RPC_C_AUTHN_NONE
        NONE = 0x00 "none",
        /// RPC_C_AUTHN_GSS_NEGOTIATE
        GSS_NEGOTIATE = 0x09 "gss_negotiate",
        /// RPC_C_AUTHN_WINNT
        WINNT = 0x0A "winnt",
        /// RPC_C_AUTHN_GSS_SCHANNEL
        GSS_SCHANNEL = 0x0E "gss_schannel",
        /// RPC_C_AUTHN_GSS_KERBEROS
        GSS_KERBEROS = 0x10 "gss_kerberos",
        /// RPC_C_AUTHN_NETLOGON
        NETLOGON = 0x44 "netlogon",
        /// RPC_C_AUTHN_DEFAULT
        DEFAULT = 0xFF "default",
    }
}

/// The sec_trailer and the authentication token behind it, [MS-RPCE] 2.2.2.11.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecTrailer<'de> {
    /// auth_type.
    pub auth_type: AuthType,
    /// auth_level.
    pub auth_level: AuthLevel,
    /// auth_pad_length: padding octets between the body and the sec_trailer, written as given; see
    /// [`Pdu::with_auth`](super::Pdu::with_auth).
    pub auth_pad_length: u8,
    /// auth_context_id.
    pub auth_context_id: u32,
    /// The authentication token.
    pub token: &'de [u8],
}

impl SecTrailer<'_> {
    /// Bytes of the sec_trailer, without the token.
    pub const LEN: usize = 8;
    /// It begins at a multiple of this from the beginning of the PDU body, [MS-RPCE] 2.2.2.11.
    pub const ALIGNMENT: usize = 16;
}

impl<'de> SecTrailer<'de> {
    /// Reads the trailer that ends at the reader's end.
    pub(super) fn read(r: &mut Reader<'de>, drep: DataRepresentation) -> Result<Self, DecodeError> {
        let auth_type = AuthType(r.u8("auth_type")?);
        let auth_level = AuthLevel(r.u8("auth_level")?);
        let auth_pad_length = r.u8("auth_pad_length")?;
        r.u8("auth_reserved")?;
        let auth_context_id = drep.u32(r, "auth_context_id")?;
        Ok(Self { auth_type, auth_level, auth_pad_length, auth_context_id, token: r.rest() })
    }
}

/// The token is shown by its length: tokens carry proofs.
impl fmt::Debug for SecTrailer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecTrailer")
            .field("auth_type", &self.auth_type)
            .field("auth_level", &self.auth_level)
            .field("auth_pad_length", &self.auth_pad_length)
            .field("auth_context_id", &self.auth_context_id)
            .field("token", &format_args!("{} bytes", self.token.len()))
            .finish()
    }
}
