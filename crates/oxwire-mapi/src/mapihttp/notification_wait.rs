//! The NotificationWait request type, [MS-OXCMAPIHTTP] 2.2.4.4: answered when an event is pending, or after 5 minutes.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::auxiliary;
use super::failure::{read_success_status, response_body};
use crate::flags::flags;

flags! {
    /// `EventPending` of the NotificationWait success response body: `pulFlagsOut` of [MS-OXCRPC] 3.3.4.1.
    EventPending: u32 {
        /// An event is pending: the client sends an Execute, with an empty ROP list if it has nothing else to say, and
        /// the event comes in the answer.
        PENDING = 0x0000_0001;
    }
}

/// The NotificationWait request type request body, [MS-OXCMAPIHTTP] 2.2.4.4.1.
///
/// Its `Flags` field is reserved: written as 0, ignored on receipt, and so not kept here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotificationWaitRequest<'de> {
    /// The extended buffer of the client's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for NotificationWaitRequest<'_> {
    const NAME: &'static str = "NotificationWait request body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.4.1";
}

impl<'de> Decode<'de> for NotificationWaitRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        r.u32_le("Flags")?;
        Ok(Self { auxiliary_buffer: auxiliary::read(r)? })
    }
}

impl Encode for NotificationWaitRequest<'_> {
    fn encoded_len(&self) -> usize {
        4 + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(0);
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

/// The NotificationWait request type success response body, [MS-OXCMAPIHTTP] 2.2.4.4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotificationWaitSuccess<'de> {
    /// The return value of the operation, [MS-OXCRPC] 3.3.4.1; 0 is success.
    pub error_code: u32,
    /// Whether an event is pending.
    pub event_pending: EventPending,
    /// The extended buffer of the server's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for NotificationWaitSuccess<'_> {
    const NAME: &'static str = "NotificationWait success response body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.4.4.2";
}

impl<'de> Decode<'de> for NotificationWaitSuccess<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        read_success_status(r)?;
        Ok(Self {
            error_code: r.u32_le("ErrorCode")?,
            event_pending: EventPending::from_bits(r.u32_le("EventPending")?),
            auxiliary_buffer: auxiliary::read(r)?,
        })
    }
}

impl Encode for NotificationWaitSuccess<'_> {
    fn encoded_len(&self) -> usize {
        3 * 4 + auxiliary::encoded_len(self.auxiliary_buffer)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(0);
        w.u32_le(self.error_code);
        w.u32_le(self.event_pending.bits());
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

response_body! {
    /// The response body of the NotificationWait request type.
    NotificationWaitResponse, NotificationWaitSuccess, "NotificationWait response body", "[MS-OXCMAPIHTTP] 2.2.4.4"
}
