//! Property tags, [MS-OXCDATA] 2.9, and the names of common ones, [MS-OXPROPS].

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::PropertyType;

/// A property tag: the id of a property in its upper half, the type of its value in its lower, [MS-OXCDATA] 2.9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyTag(pub u32);

impl PropertyTag {
    /// A tag of its two halves.
    #[must_use]
    pub const fn new(id: u16, property_type: PropertyType) -> Self {
        Self((id as u32) << 16 | property_type.0 as u32)
    }

    /// The property id.
    #[must_use]
    pub const fn id(self) -> u16 {
        let [_, _, a, b] = self.0.to_le_bytes();
        u16::from_le_bytes([a, b])
    }

    /// The property type.
    #[must_use]
    pub const fn property_type(self) -> PropertyType {
        let [a, b, _, _] = self.0.to_le_bytes();
        PropertyType(u16::from_le_bytes([a, b]))
    }

    /// The same property with another type, as a server does that answers PtypUnspecified or an error.
    #[must_use]
    pub const fn with_type(self, property_type: PropertyType) -> Self {
        Self::new(self.id(), property_type)
    }
}

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:literal $spec:literal,)*) => {
        impl PropertyTag {
            $($(#[$doc])* #[doc = concat!("`", $spec, "`.")] pub const $name: Self = Self($value);)*

            /// The name in [MS-OXPROPS] of a tag that this type has a constant for.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($spec),)*
                    _ => None,
                }
            }
        }
    };
}

tags! {
    /// A message's importance: 0 low, 1 normal, 2 high.
    IMPORTANCE = 0x0017_0003 "PidTagImportance",
    /// A message's class, as in `IPM.Note`.
    MESSAGE_CLASS = 0x001A_001F "PidTagMessageClass",
    /// The subject.
    SUBJECT = 0x0037_001F "PidTagSubject",
    /// When the client submitted the message.
    CLIENT_SUBMIT_TIME = 0x0039_0040 "PidTagClientSubmitTime",
    /// The name of whom the sender sent for.
    SENT_REPRESENTING_NAME = 0x0042_001F "PidTagSentRepresentingName",
    /// The subject without prefix.
    CONVERSATION_TOPIC = 0x0070_001F "PidTagConversationTopic",
    /// The sender's name.
    SENDER_NAME = 0x0C1A_001F "PidTagSenderName",
    /// The sender's address, in the form that the address type names.
    SENDER_EMAIL_ADDRESS = 0x0C1F_001F "PidTagSenderEmailAddress",
    /// The names of the blind-copied, with semicolons.
    DISPLAY_BCC = 0x0E02_001F "PidTagDisplayBcc",
    /// The names of the copied, with semicolons.
    DISPLAY_CC = 0x0E03_001F "PidTagDisplayCc",
    /// The names of the primary recipients, with semicolons.
    DISPLAY_TO = 0x0E04_001F "PidTagDisplayTo",
    /// When the message was delivered.
    MESSAGE_DELIVERY_TIME = 0x0E06_0040 "PidTagMessageDeliveryTime",
    /// Flags of a message, [MS-OXCMSG] 2.2.1.6.
    MESSAGE_FLAGS = 0x0E07_0003 "PidTagMessageFlags",
    /// Bytes of a message on the server.
    MESSAGE_SIZE = 0x0E08_0003 "PidTagMessageSize",
    /// Bytes of a message or a folder on the server, in 64 bits.
    MESSAGE_SIZE_EXTENDED = 0x0E08_0014 "PidTagMessageSizeExtended",
    /// The entry id of the parent folder.
    PARENT_ENTRY_ID = 0x0E09_0102 "PidTagParentEntryId",
    /// Whether a message has attachments.
    HAS_ATTACHMENTS = 0x0E1B_000B "PidTagHasAttachments",
    /// The subject without its prefix.
    NORMALIZED_SUBJECT = 0x0E1D_001F "PidTagNormalizedSubject",
    /// Rights of the client on an object.
    ACCESS = 0x0FF4_0003 "PidTagAccess",
    /// The unique key of a table row.
    INSTANCE_KEY = 0x0FF6_0102 "PidTagInstanceKey",
    /// The kind of an object.
    OBJECT_TYPE = 0x0FFE_0003 "PidTagObjectType",
    /// The entry id.
    ENTRY_ID = 0x0FFF_0102 "PidTagEntryId",
    /// The body as plain text.
    BODY = 0x1000_001F "PidTagBody",
    /// The Message-ID header.
    INTERNET_MESSAGE_ID = 0x1035_001F "PidTagInternetMessageId",
    /// The display name.
    DISPLAY_NAME = 0x3001_001F "PidTagDisplayName",
    /// A comment.
    COMMENT = 0x3004_001F "PidTagComment",
    /// The depth of a row in a hierarchy table.
    DEPTH = 0x3005_0003 "PidTagDepth",
    /// When the object was made.
    CREATION_TIME = 0x3007_0040 "PidTagCreationTime",
    /// When the object was last changed.
    LAST_MODIFICATION_TIME = 0x3008_0040 "PidTagLastModificationTime",
    /// A key to search for the object with.
    SEARCH_KEY = 0x300B_0102 "PidTagSearchKey",
    /// A folder's kind: 0 root, 1 generic, 2 search.
    FOLDER_TYPE = 0x3601_0003 "PidTagFolderType",
    /// Messages in a folder.
    CONTENT_COUNT = 0x3602_0003 "PidTagContentCount",
    /// Unread messages in a folder.
    CONTENT_UNREAD_COUNT = 0x3603_0003 "PidTagContentUnreadCount",
    /// Whether a folder has folders inside.
    SUBFOLDERS = 0x360A_000B "PidTagSubfolders",
    /// A folder's class, as in `IPF.Note`.
    CONTAINER_CLASS = 0x3613_001F "PidTagContainerClass",
    /// Folder associated messages in a folder.
    ASSOCIATED_CONTENT_COUNT = 0x3617_0003 "PidTagAssociatedContentCount",
    /// The code page of a message's strings.
    MESSAGE_CODEPAGE = 0x3FFD_0003 "PidTagMessageCodepage",
    /// The id of a folder.
    FOLDER_ID = 0x6748_0014 "PidTagFolderId",
    /// The id of the folder that a folder or message is in.
    PARENT_FOLDER_ID = 0x6749_0014 "PidTagParentFolderId",
    /// The id of a message.
    MID = 0x674A_0014 "PidTagMid",
    /// The instance of a message in a table.
    INST_ID = 0x674D_0014 "PidTagInstID",
    /// The number of that instance.
    INSTANCE_NUM = 0x674E_0003 "PidTagInstanceNum",
}

impl fmt::Debug for PropertyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#06x}:{:?}", self.id(), self.property_type()),
        }
    }
}

impl Structure for PropertyTag {
    const NAME: &'static str = "PropertyTag";
    const SPEC: &'static str = "[MS-OXCDATA] 2.9";
}

impl Encode for PropertyTag {
    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.0);
        Ok(())
    }
}

impl<'de> Decode<'de> for PropertyTag {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        r.u32_le("PropertyTag").map(Self)
    }
}
