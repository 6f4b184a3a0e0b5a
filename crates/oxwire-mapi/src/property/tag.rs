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
    /// A message's priority: 1 urgent, 0 normal, -1 not urgent.
    PRIORITY = 0x0026_0003 "PidTagPriority",
    /// Whether the sender asks for a read receipt.
    READ_RECEIPT_REQUESTED = 0x0029_000B "PidTagReadReceiptRequested",
    /// Sensitivity: 0 normal, 1 personal, 2 private, 3 confidential.
    SENSITIVITY = 0x0036_0003 "PidTagSensitivity",
    /// The subject.
    SUBJECT = 0x0037_001F "PidTagSubject",
    /// When the client submitted the message.
    CLIENT_SUBMIT_TIME = 0x0039_0040 "PidTagClientSubmitTime",
    /// The prefix of the subject, as in `RE: `.
    SUBJECT_PREFIX = 0x003D_001F "PidTagSubjectPrefix",
    /// The entry id of whom the message was received by.
    RECEIVED_BY_ENTRY_ID = 0x003F_0102 "PidTagReceivedByEntryId",
    /// The name of whom the message was received by.
    RECEIVED_BY_NAME = 0x0040_001F "PidTagReceivedByName",
    /// The entry id of whom the sender sent for.
    SENT_REPRESENTING_ENTRY_ID = 0x0041_0102 "PidTagSentRepresentingEntryId",
    /// The name of whom the sender sent for.
    SENT_REPRESENTING_NAME = 0x0042_001F "PidTagSentRepresentingName",
    /// The type of the next address.
    SENT_REPRESENTING_ADDRESS_TYPE = 0x0064_001F "PidTagSentRepresentingAddressType",
    /// The address of whom the sender sent for.
    SENT_REPRESENTING_EMAIL_ADDRESS = 0x0065_001F "PidTagSentRepresentingEmailAddress",
    /// The subject without prefix.
    CONVERSATION_TOPIC = 0x0070_001F "PidTagConversationTopic",
    /// The place in its conversation.
    CONVERSATION_INDEX = 0x0071_0102 "PidTagConversationIndex",
    /// The headers that the message came with.
    TRANSPORT_MESSAGE_HEADERS = 0x007D_001F "PidTagTransportMessageHeaders",
    /// A recipient's kind: 1 primary, 2 copied, 3 blind-copied.
    RECIPIENT_TYPE = 0x0C15_0003 "PidTagRecipientType",
    /// The sender's entry id.
    SENDER_ENTRY_ID = 0x0C19_0102 "PidTagSenderEntryId",
    /// The sender's name.
    SENDER_NAME = 0x0C1A_001F "PidTagSenderName",
    /// The type of the sender's address.
    SENDER_ADDRESS_TYPE = 0x0C1E_001F "PidTagSenderAddressType",
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
    /// Bytes of an attachment on the server.
    ATTACH_SIZE = 0x0E20_0003 "PidTagAttachSize",
    /// The number of an attachment in its message.
    ATTACH_NUMBER = 0x0E21_0003 "PidTagAttachNumber",
    /// Rights of the client on an object.
    ACCESS = 0x0FF4_0003 "PidTagAccess",
    /// The unique key of a table row.
    INSTANCE_KEY = 0x0FF6_0102 "PidTagInstanceKey",
    /// The signature of the mapping of named properties.
    MAPPING_SIGNATURE = 0x0FF8_0102 "PidTagMappingSignature",
    /// A key that is the object's alone.
    RECORD_KEY = 0x0FF9_0102 "PidTagRecordKey",
    /// The entry id of the store.
    STORE_ENTRY_ID = 0x0FFB_0102 "PidTagStoreEntryId",
    /// The kind of an object.
    OBJECT_TYPE = 0x0FFE_0003 "PidTagObjectType",
    /// The entry id.
    ENTRY_ID = 0x0FFF_0102 "PidTagEntryId",
    /// The body as plain text.
    BODY = 0x1000_001F "PidTagBody",
    /// The body as compressed RTF.
    RTF_COMPRESSED = 0x1009_0102 "PidTagRtfCompressed",
    /// The body as HTML.
    HTML = 0x1013_0102 "PidTagHtml",
    /// The Message-ID header.
    INTERNET_MESSAGE_ID = 0x1035_001F "PidTagInternetMessageId",
    /// The References header.
    INTERNET_REFERENCES = 0x1039_001F "PidTagInternetReferences",
    /// The In-Reply-To header.
    IN_REPLY_TO_ID = 0x1042_001F "PidTagInReplyToId",
    /// The icon of a message.
    ICON_INDEX = 0x1080_0003 "PidTagIconIndex",
    /// What was last done with a message.
    LAST_VERB_EXECUTED = 0x1081_0003 "PidTagLastVerbExecuted",
    /// The flag of a message.
    FLAG_STATUS = 0x1090_0003 "PidTagFlagStatus",
    /// The display name.
    DISPLAY_NAME = 0x3001_001F "PidTagDisplayName",
    /// The type of the address, as in `EX` or `SMTP`.
    ADDRESS_TYPE = 0x3002_001F "PidTagAddressType",
    /// The address, in the form that the type names.
    EMAIL_ADDRESS = 0x3003_001F "PidTagEmailAddress",
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
    /// The conversation.
    CONVERSATION_ID = 0x3013_0102 "PidTagConversationId",
    /// The entry id of the folder that a user's folders are in.
    IPM_SUBTREE_ENTRY_ID = 0x35E0_0102 "PidTagIpmSubtreeEntryId",
    /// Flags of an address book container.
    CONTAINER_FLAGS = 0x3600_0003 "PidTagContainerFlags",
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
    /// The attachment as an object.
    ATTACH_DATA_OBJECT = 0x3701_000D "PidTagAttachDataObject",
    /// The attachment's content.
    ATTACH_DATA_BINARY = 0x3701_0102 "PidTagAttachDataBinary",
    /// The attachment's short file name.
    ATTACH_FILENAME = 0x3704_001F "PidTagAttachFilename",
    /// How the attachment is stored.
    ATTACH_METHOD = 0x3705_0003 "PidTagAttachMethod",
    /// The attachment's file name.
    ATTACH_LONG_FILENAME = 0x3707_001F "PidTagAttachLongFilename",
    /// Where in the body the attachment is shown.
    RENDERING_POSITION = 0x370B_0003 "PidTagRenderingPosition",
    /// The attachment's content type.
    ATTACH_MIME_TAG = 0x370E_001F "PidTagAttachMimeTag",
    /// The kind of an address book entry.
    DISPLAY_TYPE = 0x3900_0003 "PidTagDisplayType",
    /// The kind of an address book entry, with that in a remote forest.
    DISPLAY_TYPE_EX = 0x3905_0003 "PidTagDisplayTypeEx",
    /// The SMTP address.
    SMTP_ADDRESS = 0x39FE_001F "PidTagSmtpAddress",
    /// The display name in printable characters.
    ADDRESS_BOOK_DISPLAY_NAME_PRINTABLE = 0x39FF_001F "PidTagAddressBookDisplayNamePrintable",
    /// The account.
    ACCOUNT = 0x3A00_001F "PidTagAccount",
    /// The given name.
    GIVEN_NAME = 0x3A06_001F "PidTagGivenName",
    /// The telephone number at work.
    BUSINESS_TELEPHONE_NUMBER = 0x3A08_001F "PidTagBusinessTelephoneNumber",
    /// The surname.
    SURNAME = 0x3A11_001F "PidTagSurname",
    /// The company.
    COMPANY_NAME = 0x3A16_001F "PidTagCompanyName",
    /// The job title.
    TITLE = 0x3A17_001F "PidTagTitle",
    /// The department.
    DEPARTMENT_NAME = 0x3A18_001F "PidTagDepartmentName",
    /// The office.
    OFFICE_LOCATION = 0x3A19_001F "PidTagOfficeLocation",
    /// Whether a recipient takes rich text.
    SEND_RICH_INFO = 0x3A40_000B "PidTagSendRichInfo",
    /// The code page of the body.
    INTERNET_CODEPAGE = 0x3FDE_0003 "PidTagInternetCodepage",
    /// The locale of a message.
    MESSAGE_LOCALE_ID = 0x3FF1_0003 "PidTagMessageLocaleId",
    /// The code page of a message's strings.
    MESSAGE_CODEPAGE = 0x3FFD_0003 "PidTagMessageCodepage",
    /// The object's id for synchronization.
    SOURCE_KEY = 0x65E0_0102 "PidTagSourceKey",
    /// The parent folder's id for synchronization.
    PARENT_SOURCE_KEY = 0x65E1_0102 "PidTagParentSourceKey",
    /// The last change.
    CHANGE_KEY = 0x65E2_0102 "PidTagChangeKey",
    /// The changes before.
    PREDECESSOR_CHANGE_LIST = 0x65E3_0102 "PidTagPredecessorChangeList",
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
    /// The last change's number.
    CHANGE_NUMBER = 0x67A4_0014 "PidTagChangeNumber",
    /// The DN of the mailbox database.
    ADDRESS_BOOK_HOME_MESSAGE_DATABASE = 0x8006_001F "PidTagAddressBookHomeMessageDatabase",
    /// Every address of the entry.
    ADDRESS_BOOK_PROXY_ADDRESSES = 0x800F_101F "PidTagAddressBookProxyAddresses",
    /// The entry's GUID in the directory.
    ADDRESS_BOOK_OBJECT_GUID = 0x8C6D_0102 "PidTagAddressBookObjectGuid",
    /// Whether a container is the master.
    ADDRESS_BOOK_IS_MASTER = 0xFFFB_000B "PidTagAddressBookIsMaster",
    /// The Minimal Entry ID of a container.
    ADDRESS_BOOK_CONTAINER_ID = 0xFFFD_0003 "PidTagAddressBookContainerId",
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
