//! The failure response bodies of the address book endpoint.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Writer};

use crate::mapihttp::auxiliary;
use crate::property::ErrorCode;

/// The failure response body of every request type of the address book endpoint but Unbind, [MS-OXCMAPIHTTP] 2.2.5.x.3.
///
/// Those sections ask for a StatusCode of 0x00000000, by which nothing could tell it from a success response body: a status other
/// than 0 is written and read, as in [MS-OXCMAPIHTTP] 2.2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'de> {
    /// The status of the request; never 0.
    pub status_code: u32,
    /// The extended buffer of the server's auxiliary blocks; empty when the server sent none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for Failure<'_> {
    const NAME: &'static str = "failure response body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.5.1.3";
}

impl<'de> Decode<'de> for Failure<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { status_code: status(r)?, auxiliary_buffer: auxiliary::read(r)? })
    }
}

impl Encode for Failure<'_> {
    fn encoded_len(&self) -> usize {
        auxiliary::encoded_len(self.auxiliary_buffer).saturating_add(4)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_status(self.status_code, w)?;
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

/// The Unbind request type failure response body, [MS-OXCMAPIHTTP] 2.2.5.2.3, which alone has an ErrorCode.
///
/// One without it, laid out as the other request types', is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbindFailure<'de> {
    /// The status of the request; never 0.
    pub status_code: u32,
    /// The return status of the operation; 0 where the server sent none.
    pub error_code: ErrorCode,
    /// The extended buffer of the server's auxiliary blocks; empty when the server sent none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for UnbindFailure<'_> {
    const NAME: &'static str = "Unbind failure response body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.5.2.3";
}

impl<'de> Decode<'de> for UnbindFailure<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let status_code = status(r)?;
        let mut without = r.clone();
        if let Ok(auxiliary_buffer) = auxiliary::read(&mut without)
            && without.is_empty()
        {
            *r = without;
            return Ok(Self { status_code, error_code: ErrorCode::SUCCESS, auxiliary_buffer });
        }
        let error_code = ErrorCode(r.u32_le("ErrorCode")?);
        Ok(Self { status_code, error_code, auxiliary_buffer: auxiliary::read(r)? })
    }
}

impl Encode for UnbindFailure<'_> {
    fn encoded_len(&self) -> usize {
        auxiliary::encoded_len(self.auxiliary_buffer).saturating_add(8)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_status(self.status_code, w)?;
        w.u32_le(self.error_code.0);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

fn status(r: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let at = r.offset();
    match r.u32_le("StatusCode")? {
        0 => Err(r.invalid(at, "StatusCode", "a status other than 0", 0_u32)),
        status => Ok(status),
    }
}

fn write_status(status: u32, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    if status == 0 {
        return Err(w.error("StatusCode", EncodeErrorKind::Value { expected: "a status other than 0", found: 0 }));
    }
    w.u32_le(status);
    Ok(())
}
