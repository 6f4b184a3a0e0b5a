//! PtypServerId, [MS-OXCDATA] 2.11.1.4.

use oxwire_core::{DecodeError, EncodeError, Reader, Writer};

use super::{FolderId, MessageId};

/// The value of a PtypServerId property, [MS-OXCDATA] 2.11.1.4. Its 16-bit count stands before it in every context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerId<'a> {
    /// In the server's own format (Ours is 1).
    Ours {
        /// The folder, or the folder of the message.
        folder_id: FolderId,
        /// The message, or all zero for a folder.
        message_id: MessageId,
        /// The instance of a multivalue instance row, or zero.
        instance: u32,
    },
    /// In a format of the client's (Ours is not 1): that byte, and what follows it.
    Client {
        /// The Ours byte; 0 by the specification.
        ours: u8,
        /// The rest.
        data: &'a [u8],
    },
    /// No bytes at all, as servers send for a row without one.
    Empty,
}

impl<'a> ServerId<'a> {
    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16_le("Count")?);
        let mut r = r.sub(count, "ServerId")?;
        if r.is_empty() {
            return Ok(Self::Empty);
        }
        let ours = r.u8("Ours")?;
        if ours != 1 {
            return Ok(Self::Client { ours, data: r.rest() });
        }
        let (folder_id, message_id) = (r.structure()?, r.structure()?);
        let instance = r.u32_le("Instance")?;
        r.finish()?;
        Ok(Self::Ours { folder_id, message_id, instance })
    }

    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::Ours { .. } => 23,
            Self::Client { data, .. } => data.len().saturating_add(3),
            Self::Empty => 2,
        }
    }

    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Ours { folder_id, message_id, instance } => {
                w.u16_le(21);
                w.u8(1);
                w.structure(folder_id)?;
                w.structure(message_id)?;
                w.u32_le(*instance);
            }
            Self::Client { ours, data } => {
                w.len_u16_le(data.len().saturating_add(1), "Count")?;
                w.u8(*ours);
                w.bytes(data);
            }
            Self::Empty => w.u16_le(0),
        }
        Ok(())
    }
}
