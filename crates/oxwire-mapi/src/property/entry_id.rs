//! Entry ids, [MS-OXCDATA] 2.2.3 to 2.2.5: values of PtypBinary properties that name an object for good.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Guid, Reader, Structure, Writer};

use super::Text;
use crate::flags::flags;

/// ProviderUID of an address book EntryID, and of a private one.
const ADDRESS_BOOK: [u8; 16] =
    [0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82];
/// ProviderUID of a one-off EntryID.
const ONE_OFF: [u8; 16] =
    [0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02];
/// ProviderUID of a Store object EntryID.
const STORE: [u8; 16] =
    [0x38, 0xA1, 0xBB, 0x10, 0x05, 0xE5, 0x10, 0x1A, 0xA1, 0xBB, 0x08, 0x00, 0x2B, 0x2A, 0x56, 0xC2];

/// LongTermID, [MS-OXCDATA] 2.2.1.3.1: a folder or message by the GUID of its replica instead of the replica's short id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LongTermId {
    /// The replica.
    pub database_guid: Guid,
    /// The global counter, in the byte order of the wire.
    pub global_counter: [u8; 6],
}

impl Structure for LongTermId {
    const NAME: &'static str = "LongTermID";
    const SPEC: &'static str = "[MS-OXCDATA] 2.2.1.3.1";
}

impl Decode<'_> for LongTermId {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (database_guid, global_counter) = (r.guid("DatabaseGuid")?, r.array("GlobalCounter")?);
        r.u16_le("Pad")?;
        Ok(Self { database_guid, global_counter })
    }
}

impl Encode for LongTermId {
    fn encoded_len(&self) -> usize {
        24
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.guid(self.database_guid);
        w.bytes(&self.global_counter);
        w.u16_le(0);
        Ok(())
    }
}

/// FolderType or MessageType of an EntryID, [MS-OXCDATA] 2.2.4. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreObjectType(pub u16);

impl StoreObjectType {
    /// eitLTPrivateFolder.
    pub const PRIVATE_FOLDER: Self = Self(0x0001);
    /// eitLTPublicFolder.
    pub const PUBLIC_FOLDER: Self = Self(0x0003);
    /// eitLTWackyFolder.
    pub const MAPPED_PUBLIC_FOLDER: Self = Self(0x0005);
    /// eitLTPrivateMessage.
    pub const PRIVATE_MESSAGE: Self = Self(0x0007);
    /// eitLTPublicMessage.
    pub const PUBLIC_MESSAGE: Self = Self(0x0009);
    /// eitLTWackyMessage.
    pub const MAPPED_PUBLIC_MESSAGE: Self = Self(0x000B);
    /// eitLTPublicFolderByName.
    pub const PUBLIC_NEWSGROUP_FOLDER: Self = Self(0x000C);
}

/// Type of an address book EntryID, [MS-OXCDATA] 2.2.5.2. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressBookType(pub u32);

impl AddressBookType {
    /// A local mail user.
    pub const LOCAL_MAIL_USER: Self = Self(0x0000);
    /// A distribution list.
    pub const DISTRIBUTION_LIST: Self = Self(0x0001);
    /// A bulletin board or public folder.
    pub const BULLETIN_BOARD: Self = Self(0x0002);
    /// An automated mailbox.
    pub const AUTOMATED_MAILBOX: Self = Self(0x0003);
    /// An organizational mailbox.
    pub const ORGANIZATIONAL_MAILBOX: Self = Self(0x0004);
    /// A private distribution list.
    pub const PRIVATE_DISTRIBUTION_LIST: Self = Self(0x0005);
    /// A remote mail user.
    pub const REMOTE_MAIL_USER: Self = Self(0x0006);
    /// A container.
    pub const CONTAINER: Self = Self(0x0100);
    /// A template.
    pub const TEMPLATE: Self = Self(0x0101);
    /// A one-off user.
    pub const ONE_OFF_USER: Self = Self(0x0102);
    /// A search.
    pub const SEARCH: Self = Self(0x0200);
}

flags! {
    /// The bits of a one-off EntryID, [MS-OXCDATA] 2.2.5.1, as a little-endian number; MAE and Format have no name here.
    OneOffFlags: u16 {
        /// M: the recipient gets no rich text.
        NO_RICH_TEXT = 0x0001;
        /// L: the address is not looked up in the address book.
        NO_LOOKUP = 0x1000;
        /// U: the strings are UTF-16. Set by the strings that are written.
        UNICODE = 0x8000;
    }
}

/// An EntryID, [MS-OXCDATA] 2.2.3: told apart by ProviderUID, and those of messages and folders by length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryId<'a> {
    /// Folder EntryID, 2.2.4.1.
    Folder {
        /// The mailbox, or the public store.
        provider_uid: [u8; 16],
        /// FolderType.
        folder_type: StoreObjectType,
        /// The folder.
        folder: LongTermId,
    },
    /// Message EntryID, 2.2.4.2.
    Message {
        /// The mailbox, or the public store.
        provider_uid: [u8; 16],
        /// MessageType.
        message_type: StoreObjectType,
        /// The folder.
        folder: LongTermId,
        /// The message in it.
        message: LongTermId,
    },
    /// Store object EntryID, 2.2.4.3: a mailbox or the public store.
    Store {
        /// WrappedFlags.
        wrapped_flags: u32,
        /// WrappedProviderUID.
        wrapped_provider_uid: [u8; 16],
        /// WrappedType.
        wrapped_type: u32,
        /// ServerShortname, ASCII.
        server_shortname: &'a [u8],
        /// MailboxDN, ASCII; `None` where the bytes end before it, as they do for a public store.
        mailbox_dn: Option<&'a [u8]>,
        /// What stands behind them: later versions append fields.
        rest: &'a [u8],
    },
    /// One-Off EntryID, 2.2.5.1: an address that is in no directory.
    OneOff {
        /// How to treat the address.
        flags: OneOffFlags,
        /// DisplayName.
        display_name: Text<'a>,
        /// AddressType.
        address_type: Text<'a>,
        /// EmailAddress.
        email_address: Text<'a>,
    },
    /// Address book EntryID, 2.2.5.2.
    AddressBook {
        /// Type.
        object_type: AddressBookType,
        /// X500DN, ASCII.
        x500_dn: &'a [u8],
    },
    /// Any other: kept as it is.
    Other {
        /// Flags.
        flags: u32,
        /// The provider that made it.
        provider_uid: [u8; 16],
        /// What follows.
        data: &'a [u8],
    },
}

impl Structure for EntryId<'_> {
    const NAME: &'static str = "EntryID";
    const SPEC: &'static str = "[MS-OXCDATA] 2.2.3";
}

/// DLLFileName of a Store object EntryID.
const EMSMDB_DLL: [u8; 14] = *b"emsmdb.dll\0\0\0\0";
/// Bytes behind ProviderUID.
const FOLDER_LEN: usize = 2 + 24;
const MESSAGE_LEN: usize = 2 + 24 + 24;

/// Reads to the end of the reader: the value of a property is the whole of an EntryID.
impl<'de> Decode<'de> for EntryId<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let flags = r.u32_le("Flags")?;
        let provider_uid: [u8; 16] = r.array("ProviderUID")?;
        let value = match (flags, provider_uid, r.left()) {
            (0, ADDRESS_BOOK, _) => {
                let at = r.offset();
                let version = r.u32_le("Version")?;
                if version != 1 {
                    return Err(r.invalid(at, "Version", "1", version));
                }
                Self::AddressBook { object_type: AddressBookType(r.u32_le("Type")?), x500_dn: r.c_string("X500DN")? }
            }
            (0, ONE_OFF, _) => {
                let at = r.offset();
                let version = r.u16_le("Version")?;
                if version != 0 {
                    return Err(r.invalid(at, "Version", "0", version));
                }
                let flags = OneOffFlags::from_bits(r.u16_le("flags")?);
                let unicode = flags.contains(OneOffFlags::UNICODE);
                Self::OneOff {
                    flags,
                    display_name: Text::decode(r, unicode, "DisplayName")?,
                    address_type: Text::decode(r, unicode, "AddressType")?,
                    email_address: Text::decode(r, unicode, "EmailAddress")?,
                }
            }
            (0, STORE, _) => {
                let at = r.offset();
                let version_and_flag = r.u16_le("Version")?;
                if version_and_flag != 0 {
                    return Err(r.invalid(at, "Version", "0, and Flag 0", version_and_flag));
                }
                r.bytes(EMSMDB_DLL.len(), "DLLFileName")?;
                let wrapped_flags = r.u32_le("WrappedFlags")?;
                let wrapped_provider_uid = r.array("WrappedProviderUID")?;
                let wrapped_type = r.u32_le("WrappedType")?;
                let server_shortname = r.c_string("ServerShortname")?;
                let mailbox_dn = if r.is_empty() { None } else { Some(r.c_string("MailboxDN")?) };
                let rest = r.rest();
                Self::Store { wrapped_flags, wrapped_provider_uid, wrapped_type, server_shortname, mailbox_dn, rest }
            }
            (0, _, FOLDER_LEN) => Self::Folder {
                provider_uid,
                folder_type: StoreObjectType(r.u16_le("FolderType")?),
                folder: r.structure()?,
            },
            (0, _, MESSAGE_LEN) => Self::Message {
                provider_uid,
                message_type: StoreObjectType(r.u16_le("MessageType")?),
                folder: r.structure()?,
                message: r.structure()?,
            },
            _ => Self::Other { flags, provider_uid, data: r.rest() },
        };
        r.finish()?;
        Ok(value)
    }
}

impl Encode for EntryId<'_> {
    fn encoded_len(&self) -> usize {
        20 + match self {
            Self::Folder { .. } => FOLDER_LEN,
            Self::Message { .. } => MESSAGE_LEN,
            Self::Store { server_shortname, mailbox_dn, rest, .. } => {
                2 + EMSMDB_DLL.len()
                    + 24
                    + server_shortname.len()
                    + 1
                    + mailbox_dn.map_or(0, |dn| dn.len() + 1)
                    + rest.len()
            }
            Self::OneOff { display_name, address_type, email_address, .. } => {
                4 + display_name.encoded_len() + address_type.encoded_len() + email_address.encoded_len()
            }
            Self::AddressBook { x500_dn, .. } => 8 + x500_dn.len() + 1,
            Self::Other { data, .. } => data.len(),
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let (flags, provider_uid) = match self {
            Self::Folder { provider_uid, .. } | Self::Message { provider_uid, .. } => (0, provider_uid),
            Self::Store { .. } => (0, &STORE),
            Self::OneOff { .. } => (0, &ONE_OFF),
            Self::AddressBook { .. } => (0, &ADDRESS_BOOK),
            Self::Other { flags, provider_uid, .. } => (*flags, provider_uid),
        };
        w.u32_le(flags);
        w.bytes(provider_uid);
        match *self {
            Self::Folder { folder_type, folder, .. } => {
                w.u16_le(folder_type.0);
                w.structure(&folder)?;
            }
            Self::Message { message_type, folder, message, .. } => {
                w.u16_le(message_type.0);
                w.structure(&folder)?;
                w.structure(&message)?;
            }
            Self::Store { wrapped_flags, wrapped_provider_uid, wrapped_type, server_shortname, mailbox_dn, rest } => {
                w.u16_le(0);
                w.bytes(&EMSMDB_DLL);
                w.u32_le(wrapped_flags);
                w.bytes(&wrapped_provider_uid);
                w.u32_le(wrapped_type);
                w.c_string(server_shortname, "ServerShortname")?;
                if let Some(dn) = mailbox_dn {
                    w.c_string(dn, "MailboxDN")?;
                }
                w.bytes(rest);
            }
            Self::OneOff { flags, display_name, address_type, email_address } => {
                let unicode = display_name.is_unicode();
                if address_type.is_unicode() != unicode || email_address.is_unicode() != unicode {
                    let expected = "three strings in the same encoding";
                    return Err(w.error("EmailAddress", EncodeErrorKind::Value { expected, found: 0 }));
                }
                let flags = flags.without(OneOffFlags::UNICODE);
                w.u16_le(0);
                w.u16_le(if unicode { flags.with(OneOffFlags::UNICODE) } else { flags }.bits());
                display_name.encode(w, "DisplayName")?;
                address_type.encode(w, "AddressType")?;
                email_address.encode(w, "EmailAddress")?;
            }
            Self::AddressBook { object_type, x500_dn } => {
                w.u32_le(1);
                w.u32_le(object_type.0);
                w.c_string(x500_dn, "X500DN")?;
            }
            Self::Other { data, .. } => w.bytes(data),
        }
        Ok(())
    }
}
