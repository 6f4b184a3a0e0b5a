//! Recipient rows, [MS-OXCDATA] 2.8.3.

use oxwire_core::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Structure, Writer};

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
    /// X500DN (1): the address of somebody in the directory.
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

impl Structure for RecipientRow<'_> {
    const NAME: &'static str = "RecipientRow";
    const SPEC: &'static str = "[MS-OXCDATA] 2.8.3.2";
}

impl<'a> RecipientRow<'a> {
    /// The four texts in the order of the wire, each with the flag that says that it is there, and its field.
    fn texts(&self) -> [(RecipientFlags, Option<Text<'a>>, &'static str); 4] {
        use RecipientFlags as F;
        [
            (F::EMAIL_ADDRESS, self.email_address, "EmailAddress"),
            (F::DISPLAY_NAME, self.display_name, "DisplayName"),
            (F::SIMPLE_DISPLAY_NAME, self.simple_display_name, "SimpleDisplayName"),
            (F::TRANSMITTABLE_DISPLAY_NAME, self.transmittable_display_name, "TransmittableDisplayName"),
        ]
    }

    /// Whether RecipientFlags say what the row has: a reader goes by them.
    fn is_consistent(&self) -> bool {
        let has = |flag| self.flags.contains(flag);
        let address = match (self.address, self.flags.address_type()) {
            (RecipientAddress::X500Dn { .. }, 1) | (RecipientAddress::PersonalDistributionList { .. }, 6 | 7) => true,
            (RecipientAddress::Other { address_type }, 0) => {
                address_type.is_some() == has(RecipientFlags::ADDRESS_TYPE)
            }
            (RecipientAddress::Other { address_type }, 2..=5) => address_type.is_none(),
            _ => false,
        };
        let unicode = has(RecipientFlags::UNICODE);
        let text = |text: Option<Text<'_>>| text.is_none_or(|text| text.is_unicode() == unicode);
        address && self.texts().into_iter().all(|(flag, value, _)| value.is_some() == has(flag) && text(value))
    }

    /// Bytes that [`RecipientRow::encode`] writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let address = match self.address {
            RecipientAddress::X500Dn { x500_dn, .. } => x500_dn.len().saturating_add(3),
            RecipientAddress::PersonalDistributionList { entry_id, search_key } => {
                entry_id.len().saturating_add(search_key.len()).saturating_add(4)
            }
            RecipientAddress::Other { address_type } => address_type.map_or(0, |text| text.len().saturating_add(1)),
        };
        let texts = self.texts().into_iter().filter_map(|(_, text, _)| text);
        let len = texts.fold(address.saturating_add(4), |sum, text| sum.saturating_add(text.encoded_len()));
        len.saturating_add(self.properties.encoded_len())
    }

    /// Writes the row. Its properties are those of a [`PropertyRow`] that was read, or [`PropertyRow::empty`]; their columns are the
    /// first of the RecipientColumns of the ROP around it.
    ///
    /// # Errors
    /// [`EncodeErrorKind::Value`] where the flags do not say what the row has, for text with a NUL inside, and for properties whose
    /// counts are not those of a ROP buffer; [`EncodeErrorKind::TooLong`] for an entry id, a search key or columns past 65,535.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if !self.is_consistent() {
            let kind = EncodeErrorKind::Value {
                expected: "flags that say what the row has: its kind of address, which texts, in which encoding",
                found: self.flags.bits().into(),
            };
            return Err(w.error("RecipientFlags", kind));
        }
        w.u16_le(self.flags.bits());
        match self.address {
            RecipientAddress::X500Dn { address_prefix_used, display_type, x500_dn } => {
                w.u8(address_prefix_used);
                w.u8(display_type);
                w.c_string(x500_dn, "X500DN")?;
            }
            RecipientAddress::PersonalDistributionList { entry_id, search_key } => {
                w.len_u16_le(entry_id.len(), "EntryIdSize")?;
                w.bytes(entry_id);
                w.len_u16_le(search_key.len(), "SearchKeySize")?;
                w.bytes(search_key);
            }
            RecipientAddress::Other { address_type } => {
                address_type.map_or(Ok(()), |text| w.c_string(text, "AddressType"))?;
            }
        }
        for (_, text, field) in self.texts() {
            text.map_or(Ok(()), |text| text.encode(w, field))?;
        }
        if self.properties.width() != CountWidth::RopBuffer {
            let found = self.properties.width() as u64;
            let kind = EncodeErrorKind::Value { expected: "properties with the counts of a ROP buffer", found };
            return Err(w.error("RecipientProperties", kind));
        }
        w.len_u16_le(self.properties.columns().len(), "RecipientColumnCount")?;
        self.properties.encode(w);
        Ok(())
    }

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
