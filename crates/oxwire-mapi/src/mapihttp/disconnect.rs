//! The Disconnect request type, [MS-OXCMAPIHTTP] 2.2.4.3: destroys a Session Context.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::auxiliary;
use super::failure::{read_success_status, response_body};

/// The Disconnect request type request body, [MS-OXCMAPIHTTP] 2.2.4.3.1.
///
/// 3.1.5.4 says of the same request that it has no body: no byte at all is accepted, as no auxiliary buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisconnectRequest<'de> {
    /// The extended buffer of the client's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for DisconnectRequest<'_> {
    const NAME: &'static str = "Disconnect request body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.3.1";
}

impl<'de> Decode<'de> for DisconnectRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        if r.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { auxiliary_buffer: auxiliary::read(r)? })
    }
}

impl Encode for DisconnectRequest<'_> {
    fn encoded_len(&self) -> usize {
        auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

/// The Disconnect request type success response body, [MS-OXCMAPIHTTP] 2.2.4.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisconnectSuccess<'de> {
    /// The return value of the operation, [MS-OXCRPC] 3.1.4.3; 0 is success.
    pub error_code: u32,
    /// The extended buffer of the server's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for DisconnectSuccess<'_> {
    const NAME: &'static str = "Disconnect success response body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.3.2";
}

impl<'de> Decode<'de> for DisconnectSuccess<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        read_success_status(r)?;
        Ok(Self { error_code: r.u32_le("ErrorCode")?, auxiliary_buffer: auxiliary::read(r)? })
    }
}

impl Encode for DisconnectSuccess<'_> {
    fn encoded_len(&self) -> usize {
        2 * 4 + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(0);
        w.u32_le(self.error_code);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

response_body! {
    /// The response body of the Disconnect request type.
    DisconnectResponse, DisconnectSuccess, "Disconnect response body", "[MS-OXCMAPIHTTP] 2.2.4.3"
}
