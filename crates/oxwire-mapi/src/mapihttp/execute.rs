//! The Execute request type, [MS-OXCMAPIHTTP] 2.2.4.2: carries ROP requests and ROP responses.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::auxiliary;
use super::failure::{read_success_status, response_body};
use crate::flags::flags;

flags! {
    /// `Flags` of the Execute request type request body: how the server is to build the ROP responses, `pulFlags` of
    /// [MS-OXCRPC] 3.1.4.2.
    ExecuteFlags: u32 {
        /// The server must not compress the ROP responses and its auxiliary blocks.
        NO_COMPRESSION = 0x0000_0001;
        /// The server must not obfuscate the ROP responses and its auxiliary blocks.
        NO_XOR_MAGIC = 0x0000_0002;
        /// The client takes chained ROP response payloads.
        CHAIN = 0x0000_0004;
    }
}

/// The Execute request type request body, [MS-OXCMAPIHTTP] 2.2.4.2.1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExecuteRequest<'de> {
    /// How the server is to build the ROP responses.
    pub flags: ExecuteFlags,
    /// The extended buffer of the ROP requests payload: see [`crate::rpc_header_ext`].
    pub rop_buffer: &'de [u8],
    /// The longest `RopBuffer` that the response may carry, in bytes.
    pub max_rop_out: u32,
    /// The extended buffer of the client's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

/// Lengths only: the ROPs are somebody's mail.
impl fmt::Debug for ExecuteRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteRequest")
            .field("flags", &self.flags)
            .field("rop_buffer", &format_args!("{} bytes", self.rop_buffer.len()))
            .field("max_rop_out", &self.max_rop_out)
            .field("auxiliary_buffer", &format_args!("{} bytes", self.auxiliary_buffer.len()))
            .finish()
    }
}

impl Structure for ExecuteRequest<'_> {
    const NAME: &'static str = "Execute request body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.2.1";
}

impl<'de> Decode<'de> for ExecuteRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            flags: ExecuteFlags::from_bits(r.u32_le("Flags")?),
            rop_buffer: read_rop_buffer(r)?,
            max_rop_out: r.u32_le("MaxRopOut")?,
            auxiliary_buffer: auxiliary::read(r)?,
        })
    }
}

impl Encode for ExecuteRequest<'_> {
    fn encoded_len(&self) -> usize {
        3 * 4 + self.rop_buffer.len() + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.flags.bits());
        w.len_u32_le(self.rop_buffer.len(), "RopBufferSize")?;
        w.bytes(self.rop_buffer);
        w.u32_le(self.max_rop_out);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

/// The Execute request type success response body, [MS-OXCMAPIHTTP] 2.2.4.2.2.
///
/// Its `Flags` field is reserved: written as 0, ignored on receipt, and so not kept here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExecuteSuccess<'de> {
    /// The return value of the operation, [MS-OXCRPC] 3.1.4.2; 0 is success.
    pub error_code: u32,
    /// The extended buffer of the ROP responses payload: see [`crate::rpc_header_ext`].
    pub rop_buffer: &'de [u8],
    /// The extended buffer of the server's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

/// Lengths only: the ROPs are somebody's mail.
impl fmt::Debug for ExecuteSuccess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteSuccess")
            .field("error_code", &self.error_code)
            .field("rop_buffer", &format_args!("{} bytes", self.rop_buffer.len()))
            .field("auxiliary_buffer", &format_args!("{} bytes", self.auxiliary_buffer.len()))
            .finish()
    }
}

impl Structure for ExecuteSuccess<'_> {
    const NAME: &'static str = "Execute success response body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.2.2";
}

impl<'de> Decode<'de> for ExecuteSuccess<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        read_success_status(r)?;
        let error_code = r.u32_le("ErrorCode")?;
        r.u32_le("Flags")?;
        Ok(Self { error_code, rop_buffer: read_rop_buffer(r)?, auxiliary_buffer: auxiliary::read(r)? })
    }
}

impl Encode for ExecuteSuccess<'_> {
    fn encoded_len(&self) -> usize {
        4 * 4 + self.rop_buffer.len() + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(0);
        w.u32_le(self.error_code);
        w.u32_le(0);
        w.len_u32_le(self.rop_buffer.len(), "RopBufferSize")?;
        w.bytes(self.rop_buffer);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

response_body! {
    /// The response body of the Execute request type.
    ExecuteResponse, ExecuteSuccess, "Execute response body", "[MS-OXCMAPIHTTP] 2.2.4.2"
}

fn read_rop_buffer<'de>(r: &mut Reader<'de>) -> Result<&'de [u8], DecodeError> {
    let len = r.len_u32_le("RopBufferSize")?;
    r.value_bytes(len, "RopBuffer")
}
