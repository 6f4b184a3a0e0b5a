//! The failure response body, which all request types of the mailbox endpoint share.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Writer};

use super::auxiliary;

/// The failure response body of Connect, Execute, Disconnect and NotificationWait.
///
/// [MS-OXCMAPIHTTP] 2.2.4.1.3, 2.2.4.2.3, 2.2.4.3.3 and 2.2.4.4.3 lay out the same fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'de> {
    /// The status of the request; never 0.
    pub status_code: u32,
    /// The extended buffer of the server's auxiliary blocks; empty when the server sent none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for Failure<'_> {
    const NAME: &'static str = "failure response body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.1.3, 2.2.4.2.3, 2.2.4.3.3, 2.2.4.4.3";
}

impl<'de> Decode<'de> for Failure<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let status_code = r.u32_le("StatusCode")?;
        if status_code == 0 {
            return Err(r.invalid(at, "StatusCode", "a status other than 0", status_code));
        }
        Ok(Self { status_code, auxiliary_buffer: auxiliary::read(r)? })
    }
}

impl Encode for Failure<'_> {
    fn encoded_len(&self) -> usize {
        4 + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if self.status_code == 0 {
            let kind = EncodeErrorKind::Value { expected: "a status other than 0", found: 0 };
            return Err(w.error("StatusCode", kind));
        }
        w.u32_le(self.status_code);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

/// Reads the StatusCode of a success response body, which must be 0.
pub(crate) fn read_success_status(r: &mut Reader<'_>) -> Result<(), DecodeError> {
    let at = r.offset();
    match r.u32_le("StatusCode")? {
        0 => Ok(()),
        status => Err(r.invalid(at, "StatusCode", "0, for success", status)),
    }
}

/// Whether the bytes ahead start with a StatusCode other than 0. Less than a StatusCode reads as success, so that the
/// success body reports what is missing.
pub(crate) fn is_failure(r: &Reader<'_>) -> bool {
    r.peek_rest().first_chunk::<4>().is_some_and(|status| *status != [0; 4])
}

/// Defines the enum of a request type's two response bodies, told apart by StatusCode.
macro_rules! response_body {
    ($(#[$meta:meta])* $name:ident, $success:ident, $text:literal, $spec:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name<'de> {
            /// StatusCode is 0. The operation has an ErrorCode of its own.
            Success($success<'de>),
            /// StatusCode is not 0.
            Failure($crate::mapihttp::Failure<'de>),
        }

        impl oxwire_core::Structure for $name<'_> {
            const NAME: &'static str = $text;
            const SPEC: &'static str = $spec;
        }

        impl<'de> oxwire_core::Decode<'de> for $name<'de> {
            fn decode(r: &mut oxwire_core::Reader<'de>) -> Result<Self, oxwire_core::DecodeError> {
                if $crate::mapihttp::failure::is_failure(r) {
                    r.structure().map(Self::Failure)
                } else {
                    r.structure().map(Self::Success)
                }
            }
        }

        impl oxwire_core::Encode for $name<'_> {
            fn encoded_len(&self) -> usize {
                match self {
                    Self::Success(body) => body.encoded_len(),
                    Self::Failure(body) => body.encoded_len(),
                }
            }

            fn encode(&self, w: &mut oxwire_core::Writer<'_>) -> Result<(), oxwire_core::EncodeError> {
                match self {
                    Self::Success(body) => w.structure(body),
                    Self::Failure(body) => w.structure(body),
                }
            }
        }
    };
}

pub(super) use response_body;
