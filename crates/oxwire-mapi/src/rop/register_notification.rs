//! RopRegisterNotification, [MS-OXCROPS] 2.2.14.1, [MS-OXCNOTIF] 2.2.1.2.1.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{boolean, request_head, success_head, write_request_head, write_response_head};
use super::{HandleIndexes, NotificationTypes, Request, Response, RopId};
use crate::property::{ErrorCode, FolderId, MessageId};

/// Where events are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationScope {
    /// In the whole mailbox (WantWholeStore).
    WholeStore,
    /// At one folder, with a message id of zero, or at one message.
    Object {
        /// The folder, or the folder of the message.
        folder_id: FolderId,
        /// The message, or zero for the folder.
        message_id: MessageId,
    },
}

/// RopRegisterNotification request, [MS-OXCROPS] 2.2.14.1.1. Its Reserved byte is there exactly when the types have the bit
/// Extended, and is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterNotificationRequest {
    /// The logon.
    pub logon_id: u8,
    /// The logon object.
    pub input_handle_index: u8,
    /// Where the handle of the subscription goes.
    pub output_handle_index: u8,
    /// Which events.
    pub notification_types: NotificationTypes,
    /// Where.
    pub scope: NotificationScope,
}

impl Structure for RegisterNotificationRequest {
    const NAME: &'static str = "RopRegisterNotification request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.14.1.1";
}

impl Encode for RegisterNotificationRequest {
    fn encoded_len(&self) -> usize {
        let reserved = usize::from(self.notification_types.contains(NotificationTypes::EXTENDED));
        let ids = if matches!(self.scope, NotificationScope::Object { .. }) { 16 } else { 0 };
        7 + reserved + ids
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::REGISTER_NOTIFICATION, self.logon_id, self.input_handle_index);
        w.u8(self.output_handle_index);
        w.u16_le(self.notification_types.bits());
        if self.notification_types.contains(NotificationTypes::EXTENDED) {
            w.u8(0);
        }
        match self.scope {
            NotificationScope::WholeStore => w.u8(1),
            NotificationScope::Object { folder_id, message_id } => {
                w.u8(0);
                w.structure(&folder_id)?;
                w.structure(&message_id)?;
            }
        }
        Ok(())
    }
}

impl<'de> Decode<'de> for RegisterNotificationRequest {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::REGISTER_NOTIFICATION, "InputHandleIndex")?;
        let output_handle_index = r.u8("OutputHandleIndex")?;
        let notification_types = NotificationTypes::from_bits(r.u16_le("NotificationTypes")?);
        if notification_types.contains(NotificationTypes::EXTENDED) {
            r.u8("Reserved")?;
        }
        let scope = if boolean(r, "WantWholeStore")? {
            NotificationScope::WholeStore
        } else {
            NotificationScope::Object { folder_id: r.structure()?, message_id: r.structure()? }
        };
        Ok(Self { logon_id, input_handle_index, output_handle_index, notification_types, scope })
    }
}

impl Request for RegisterNotificationRequest {
    fn rop_id(&self) -> RopId {
        RopId::REGISTER_NOTIFICATION
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: Some(self.output_handle_index) }
    }
}

/// RopRegisterNotification success response, [MS-OXCROPS] 2.2.14.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterNotificationResponse {
    /// Where the handle of the subscription is.
    pub output_handle_index: u8,
}

impl Structure for RegisterNotificationResponse {
    const NAME: &'static str = "RopRegisterNotification response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.14.1.2";
}

impl Encode for RegisterNotificationResponse {
    fn encoded_len(&self) -> usize {
        6
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_response_head(w, RopId::REGISTER_NOTIFICATION, self.output_handle_index, ErrorCode::SUCCESS);
        Ok(())
    }
}

impl<'de> Decode<'de> for RegisterNotificationResponse {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let output_handle_index = success_head(r, RopId::REGISTER_NOTIFICATION, "OutputHandleIndex")?;
        Ok(Self { output_handle_index })
    }
}

impl Response for RegisterNotificationResponse {
    fn rop_id(&self) -> RopId {
        RopId::REGISTER_NOTIFICATION
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.output_handle_index)
    }
}
