//! Recipient rows, [MS-OXCDATA] 2.8.3.

use oxwire_core::{DecodeError, DecodeErrorKind, Reader};

use super::{CountWidth, PropertyRow, PropertyTags, Text};
use crate::flags::flags;

flags! {
    /// RecipientFlags, [MS-OXCDATA] 2.8.3.1. The lower three bits are the Type: [`RecipientFlags::address_type`].
    RecipientFlags: u16 {
        /// R: another transport delivers to the recipient.
        RESPONSIBILITY = 0x0080;
        /// S: TransmittableDisplayName is the same as DisplayName.
        SAME_TRANSMITTABLE = 0x0040;
        /// T: TransmittableDisplayName is there.
        TRANSMITTABLE_DISPLAY_NAME = 0x0020;
        /// D: DisplayName is there.
        DISPLAY_NAME = 0x0010;
        /// E: EmailAddress is there.
        EMAIL_ADDRESS = 0x0008;
        /// O: AddressType is there.
        ADDRESS_TYPE = 0x8000;
        /// I: SimpleDisplayName is there.
        SIMPLE_DISPLAY_NAME = 0x0400;
        /// U: the strings are UTF-16.
        UNICODE = 0x0200;
        /// N: the recipient takes no rich text.
        NO_RICH_TEXT = 0x0100;
    }
}

impl RecipientFlags {
    /// The Type.
    #[must_use]
    pub const fn address_type(self) -> u8 {
        let [low, _] = self.bits().to_le_bytes();
        low & 7
    }
}

/// How a recipient is addressed: the Type of RecipientFlags and the fields that go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientAddress<'a> {
    /// X500DN (1).
    X500Dn {
        /// AddressPrefixUsed: how much of the DN prefix of the connection goes in front.
        address_prefix_used: u8,
        /// DisplayType.
        display_type: u8,
        /// X500DN, ASCII.
        x500_dn: &'a [u8],
    },
    /// A personal distribution list (6, 7).
    PersonalDistributionList {
        /// EntryID.
        entry_id: &'a [u8],
        /// SearchKey.
        search_key: &'a [u8],
    },
    /// Any other, with AddressType (ASCII) where the O flag says that it is there.
    Other {
        /// AddressType.
        address_type: Option<&'a [u8]>,
    },
}

/// RecipientRow, [MS-OXCDATA] 2.8.3.2, as a view.
#[derive(Debug, Clone)]
pub struct RecipientRow<'a> {
    /// What is there, and how.
    pub flags: RecipientFlags,
    /// The address.
    pub address: RecipientAddress<'a>,
    /// EmailAddress.
    pub email_address: Option<Text<'a>>,
    /// DisplayName.
    pub display_name: Option<Text<'a>>,
    /// SimpleDisplayName.
    pub simple_display_name: Option<Text<'a>>,
    /// TransmittableDisplayName.
    pub transmittable_display_name: Option<Text<'a>>,
    /// The first RecipientColumnCount of the columns, and their values.
    pub properties: PropertyRow<'a>,
}

impl<'a> RecipientRow<'a> {
    /// The structure's name.
    pub const NAME: &'static str = "RecipientRow";
    /// Its section.
    pub const SPEC: &'static str = "[MS-OXCDATA] 2.8.3.2";

    /// Reads a row, whose columns are the RecipientColumns of the ROP around it.
    ///
    /// # Errors
    /// [`DecodeError`]; more columns than there are is [`DecodeErrorKind::Value`].
    pub fn decode(r: &mut Reader<'a>, columns: PropertyTags<'a>) -> Result<Self, DecodeError> {
        let flags = RecipientFlags::from_bits(r.u16_le("RecipientFlags")?);
        let address = match flags.address_type() {
            1 => RecipientAddress::X500Dn {
                address_prefix_used: r.u8("AddressPrefixUsed")?,
                display_type: r.u8("DisplayType")?,
                x500_dn: r.c_string("X500DN")?,
            },
            6 | 7 => {
                let len = r.u16_le("EntryIdSize")?;
                let entry_id = r.bytes(len.into(), "EntryID")?;
                let len = r.u16_le("SearchKeySize")?;
                RecipientAddress::PersonalDistributionList { entry_id, search_key: r.bytes(len.into(), "SearchKey")? }
            }
            kind => {
                let there = kind == 0 && flags.contains(RecipientFlags::ADDRESS_TYPE);
                let address_type = there.then(|| r.c_string("AddressType")).transpose()?;
                RecipientAddress::Other { address_type }
            }
        };
        let unicode = flags.contains(RecipientFlags::UNICODE);
        let mut text = |flag, field| flags.contains(flag).then(|| Text::decode(r, unicode, field)).transpose();
        let email_address = text(RecipientFlags::EMAIL_ADDRESS, "EmailAddress")?;
        let display_name = text(RecipientFlags::DISPLAY_NAME, "DisplayName")?;
        let simple_display_name = text(RecipientFlags::SIMPLE_DISPLAY_NAME, "SimpleDisplayName")?;
        let transmittable_display_name = text(RecipientFlags::TRANSMITTABLE_DISPLAY_NAME, "TransmittableDisplayName")?;
        let at = r.offset();
        let count = r.u16_le("RecipientColumnCount")?;
        let Some(columns) = columns.first(count.into()) else {
            let kind =
                DecodeErrorKind::Value { expected: "no more than there are RecipientColumns", found: count.into() };
            return Err(r.error_at(at, "RecipientColumnCount", kind));
        };
        let properties = PropertyRow::decode(r, columns, CountWidth::RopBuffer)?;
        Ok(Self {
            flags,
            address,
            email_address,
            display_name,
            simple_display_name,
            transmittable_display_name,
            properties,
        })
    }
}
