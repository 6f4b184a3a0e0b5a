//! Property data types, [MS-OXCDATA] 2.11.1.

use std::fmt;

/// A property data type, [MS-OXCDATA] 2.11.1. Unknown numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyType(pub u16);

/// How wide the count fields that [MS-OXCDATA] 2.11.1.1 calls COUNT are, and what else depends on where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CountWidth {
    /// ROP buffers: 16 bits for the byte count of a PtypBinary value, 32 bits for the number of values of a PtypMultiple type.
    #[default]
    RopBuffer,
    /// Extended rules: 32 bits for both.
    Extended,
    /// The address book of MAPI over HTTP: 32 bits for both, and a HasValue byte before what can be missing
    /// ([MS-OXCMAPIHTTP] 2.2.1.1): strings, binary values, and values of PtypMultiple types.
    AddressBook,
}

impl CountWidth {
    /// Bytes of the count of a PtypBinary value, and of the counts inside restrictions and rule actions.
    #[must_use]
    pub const fn binary(self) -> usize {
        match self {
            Self::RopBuffer => 2,
            Self::Extended | Self::AddressBook => 4,
        }
    }

    /// Whether a HasValue byte stands before values of that type.
    #[must_use]
    pub const fn has_value(self, property_type: PropertyType) -> bool {
        matches!(self, Self::AddressBook)
            && (property_type.0 & PropertyType::MULTIVALUE != 0
                || matches!(property_type, PropertyType::STRING | PropertyType::STRING8 | PropertyType::BINARY))
    }
}

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $value:literal $spec:literal,)*) => {
        impl PropertyType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The specification's name, or `None` for a number that [MS-OXCDATA] 2.11.1 does not list.
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

types! {
    /// Any type: in a request, the server chooses; the answer carries the type beside the value.
    UNSPECIFIED = 0x0000 "PtypUnspecified",
    /// No value.
    NULL = 0x0001 "PtypNull",
    /// 16 bits.
    INTEGER16 = 0x0002 "PtypInteger16",
    /// 32 bits.
    INTEGER32 = 0x0003 "PtypInteger32",
    /// 32-bit floating point.
    FLOATING32 = 0x0004 "PtypFloating32",
    /// 64-bit floating point.
    FLOATING64 = 0x0005 "PtypFloating64",
    /// 64 bits, ten-thousandths of a unit.
    CURRENCY = 0x0006 "PtypCurrency",
    /// 64-bit floating point, days since 1899-12-30.
    FLOATING_TIME = 0x0007 "PtypFloatingTime",
    /// 32 bits, [MS-OXCDATA] 2.4.
    ERROR_CODE = 0x000A "PtypErrorCode",
    /// One byte.
    BOOLEAN = 0x000B "PtypBoolean",
    /// A COM object, which a ROP buffer does not carry; or PtypEmbeddedTable, a 32-bit number in the address book.
    OBJECT = 0x000D "PtypObject",
    /// 64 bits.
    INTEGER64 = 0x0014 "PtypInteger64",
    /// Text in a code page, with a NUL.
    STRING8 = 0x001E "PtypString8",
    /// UTF-16LE text, with a NUL code unit.
    STRING = 0x001F "PtypString",
    /// A FILETIME.
    TIME = 0x0040 "PtypTime",
    /// A GUID.
    GUID = 0x0048 "PtypGuid",
    /// A server id, [MS-OXCDATA] 2.11.1.4.
    SERVER_ID = 0x00FB "PtypServerId",
    /// A restriction, [MS-OXCDATA] 2.12.
    RESTRICTION = 0x00FD "PtypRestriction",
    /// A rule action, [MS-OXORULE] 2.2.5.
    RULE_ACTION = 0x00FE "PtypRuleAction",
    /// Counted bytes.
    BINARY = 0x0102 "PtypBinary",
    /// Several PtypInteger16.
    MULTIPLE_INTEGER16 = 0x1002 "PtypMultipleInteger16",
    /// Several PtypInteger32.
    MULTIPLE_INTEGER32 = 0x1003 "PtypMultipleInteger32",
    /// Several PtypFloating32.
    MULTIPLE_FLOATING32 = 0x1004 "PtypMultipleFloating32",
    /// Several PtypFloating64.
    MULTIPLE_FLOATING64 = 0x1005 "PtypMultipleFloating64",
    /// Several PtypCurrency.
    MULTIPLE_CURRENCY = 0x1006 "PtypMultipleCurrency",
    /// Several PtypFloatingTime.
    MULTIPLE_FLOATING_TIME = 0x1007 "PtypMultipleFloatingTime",
    /// Several PtypInteger64.
    MULTIPLE_INTEGER64 = 0x1014 "PtypMultipleInteger64",
    /// Several PtypString8.
    MULTIPLE_STRING8 = 0x101E "PtypMultipleString8",
    /// Several PtypString.
    MULTIPLE_STRING = 0x101F "PtypMultipleString",
    /// Several PtypTime.
    MULTIPLE_TIME = 0x1040 "PtypMultipleTime",
    /// Several PtypGuid.
    MULTIPLE_GUID = 0x1048 "PtypMultipleGuid",
    /// Several PtypBinary.
    MULTIPLE_BINARY = 0x1102 "PtypMultipleBinary",
}

impl PropertyType {
    /// The bit of a multivalue type.
    pub const MULTIVALUE: u16 = 0x1000;
    /// The MultivalueInstance bit of a column or sort order, [MS-OXCDATA] 2.11.1.3: one row a value.
    pub const MULTIVALUE_INSTANCE: u16 = 0x2000;

    /// The type of the value that a row carries in a column of this type: a multivalue column with the MultivalueInstance bit
    /// ([MS-OXCDATA] 2.11.1.3) has one single value a row.
    #[must_use]
    pub const fn in_row(self) -> Self {
        if self.0 & Self::MULTIVALUE_INSTANCE == 0 {
            self
        } else {
            Self(self.0 & !(Self::MULTIVALUE | Self::MULTIVALUE_INSTANCE))
        }
    }

    /// Bytes of a value on the wire, for a type whose values all have as many; `None` for every other.
    #[must_use]
    pub const fn fixed_len(self) -> Option<usize> {
        match self {
            Self::NULL => Some(0),
            Self::BOOLEAN => Some(1),
            Self::INTEGER16 => Some(2),
            Self::INTEGER32 | Self::FLOATING32 | Self::ERROR_CODE => Some(4),
            Self::INTEGER64 | Self::FLOATING64 | Self::CURRENCY | Self::FLOATING_TIME | Self::TIME => Some(8),
            Self::GUID => Some(16),
            _ => None,
        }
    }
}

impl fmt::Debug for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "PropertyType({:#06x})", self.0),
        }
    }
}
