//! The Connect request type, [MS-OXCMAPIHTTP] 2.2.4.1: establishes a Session Context.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Utf16, Writer};

use super::auxiliary;
use super::failure::{read_success_status, response_body};
use crate::flags::flags;

flags! {
    /// `Flags` of the Connect request type request body: `ulFlags` of [MS-OXCRPC] 3.1.4.1.
    ConnectFlags: u32 {
        /// Asks for administrator privilege, which the server checks: an ordinary user is refused with LoginPermission.
        ADMINISTRATOR = 0x0000_0001;
        /// Keeps a server without public folders from refusing clients earlier than 12.00.0000.000.
        IGNORE_NO_PUBLIC_FOLDERS = 0x0000_8000;
    }
}

/// The Connect request type request body, [MS-OXCMAPIHTTP] 2.2.4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectRequest<'de> {
    /// The DN of the user who connects, ASCII, without its NUL.
    pub user_dn: &'de [u8],
    /// The type of connection that is asked for.
    pub flags: ConnectFlags,
    /// The code page of string values that are not Unicode.
    pub default_code_page: u32,
    /// The LCID ([MS-LCID]) for sorting.
    pub lcid_sort: u32,
    /// The LCID ([MS-LCID]) for everything else.
    pub lcid_string: u32,
    /// The extended buffer of the client's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for ConnectRequest<'_> {
    const NAME: &'static str = "Connect request body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.1.1";
}

impl<'de> Decode<'de> for ConnectRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            user_dn: r.c_string("UserDn")?,
            flags: ConnectFlags::from_bits(r.u32_le("Flags")?),
            default_code_page: r.u32_le("DefaultCodePage")?,
            lcid_sort: r.u32_le("LcidSort")?,
            lcid_string: r.u32_le("LcidString")?,
            auxiliary_buffer: auxiliary::read(r)?,
        })
    }
}

impl Encode for ConnectRequest<'_> {
    fn encoded_len(&self) -> usize {
        self.user_dn.len() + 1 + 4 * 4 + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.c_string(ascii(self.user_dn, "UserDn", w)?, "UserDn")?;
        w.u32_le(self.flags.bits());
        w.u32_le(self.default_code_page);
        w.u32_le(self.lcid_sort);
        w.u32_le(self.lcid_string);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

/// The Connect request type success response body, [MS-OXCMAPIHTTP] 2.2.4.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectSuccess<'de> {
    /// The return value of the operation, [MS-OXCRPC] 3.1.4.1; 0 is success.
    pub error_code: u32,
    /// The longest polling interval, in milliseconds.
    pub polls_max: u32,
    /// How often a failed request is to be tried again.
    pub retry_count: u32,
    /// How long to wait before a failed request is tried again, in milliseconds.
    pub retry_delay: u32,
    /// The DN prefix for message recipients, ASCII, without its NUL.
    pub dn_prefix: &'de [u8],
    /// The display name of the user, without its NUL.
    pub display_name: Utf16<'de>,
    /// The extended buffer of the server's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for ConnectSuccess<'_> {
    const NAME: &'static str = "Connect success response body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.1.2";
}

impl<'de> Decode<'de> for ConnectSuccess<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        read_success_status(r)?;
        Ok(Self {
            error_code: r.u32_le("ErrorCode")?,
            polls_max: r.u32_le("PollsMax")?,
            retry_count: r.u32_le("RetryCount")?,
            retry_delay: r.u32_le("RetryDelay")?,
            dn_prefix: r.c_string("DnPrefix")?,
            display_name: r.c_utf16("DisplayName")?,
            auxiliary_buffer: auxiliary::read(r)?,
        })
    }
}

impl Encode for ConnectSuccess<'_> {
    fn encoded_len(&self) -> usize {
        let text = self.dn_prefix.len() + 1 + self.display_name.as_bytes().len() + 2;
        5 * 4 + text + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(0);
        w.u32_le(self.error_code);
        w.u32_le(self.polls_max);
        w.u32_le(self.retry_count);
        w.u32_le(self.retry_delay);
        w.c_string(ascii(self.dn_prefix, "DnPrefix", w)?, "DnPrefix")?;
        if self.display_name.units().any(|unit| unit == 0) {
            let kind = EncodeErrorKind::Value { expected: "text without a NUL", found: 0 };
            return Err(w.error("DisplayName", kind));
        }
        w.bytes(self.display_name.as_bytes());
        w.u16_le(0);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

response_body! {
    /// The response body of the Connect request type.
    ConnectResponse, ConnectSuccess, "Connect response body", "[MS-OXCMAPIHTTP] 2.2.4.1"
}

/// What is sent is ASCII; what is received stays bytes.
fn ascii<'a>(text: &'a [u8], field: &'static str, w: &Writer<'_>) -> Result<&'a [u8], EncodeError> {
    match text.iter().find(|byte| !byte.is_ascii()) {
        None => Ok(text),
        Some(byte) => Err(w.error(field, EncodeErrorKind::Value { expected: "ASCII text", found: u64::from(*byte) })),
    }
}
