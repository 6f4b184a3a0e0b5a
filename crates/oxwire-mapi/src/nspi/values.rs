//! Constants of [MS-OXNSPI] 2.2: sort orders, display types, flags, code pages.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, Reader, Writer};

use super::field::{Field, fixed_fields};
use crate::flags::flags;
use crate::property::ErrorCode;

/// Defines a newtype over the number on the wire, with the specification's names.
macro_rules! constants {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $constant:ident = $value:literal $spec:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$doc])* #[doc = concat!("`", $spec, "`.")] pub const $constant: Self = Self($value);)*

            /// The specification's name.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($spec),)*
                    _ => None,
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($name), "({:#x})"), self.0),
                }
            }
        }
    };
}

constants! {
    /// How a table is sorted, [MS-OXNSPI] 2.2.1.10. Unknown numbers are kept.
    SortType {
        /// By PidTagDisplayName.
        DISPLAY_NAME = 0x0000_0000 "SortTypeDisplayName",
        /// By PidTagAddressBookPhoneticDisplayName.
        PHONETIC_DISPLAY_NAME = 0x0000_0003 "SortTypePhoneticDisplayName",
        /// By PidTagDisplayName; GetMatches on a property that holds objects, to read.
        DISPLAY_NAME_RO = 0x0000_03E8 "SortTypeDisplayName_RO",
        /// By PidTagDisplayName; GetMatches on a property that holds objects, to write.
        DISPLAY_NAME_W = 0x0000_03E9 "SortTypeDisplayName_W",
    }
}

constants! {
    /// What an object is shown as, [MS-OXNSPI] 2.2.1.3. Unknown numbers are kept.
    DisplayType {
        /// Somebody with a mailbox.
        MAILUSER = 0x0000_0000 "DT_MAILUSER",
        /// A distribution list.
        DISTLIST = 0x0000_0001 "DT_DISTLIST",
        /// A public folder.
        FORUM = 0x0000_0002 "DT_FORUM",
        /// A program.
        AGENT = 0x0000_0003 "DT_AGENT",
        /// A department.
        ORGANIZATION = 0x0000_0004 "DT_ORGANIZATION",
        /// Somebody's own distribution list.
        PRIVATE_DISTLIST = 0x0000_0005 "DT_PRIVATE_DISTLIST",
        /// Somebody of another messaging system.
        REMOTE_MAILUSER = 0x0000_0006 "DT_REMOTE_MAILUSER",
        /// A container of the hierarchy table.
        CONTAINER = 0x0000_0100 "DT_CONTAINER",
        /// A display template.
        TEMPLATE = 0x0000_0101 "DT_TEMPLATE",
        /// An address creation template.
        ADDRESS_TEMPLATE = 0x0000_0102 "DT_ADDRESS_TEMPLATE",
        /// A search template.
        SEARCH = 0x0000_0200 "DT_SEARCH",
    }
}

flags! {
    /// `Flags` of Bind, [MS-OXNSPI] 3.1.4.1.1.
    BindFlags: u32 {
        /// fAnonymousLogin: the client does not want to be known by name.
        ANONYMOUS_LOGIN = 0x0000_0020;
    }
}

flags! {
    /// `Flags` of GetPropList, GetProps and QueryRows, [MS-OXNSPI] 2.2.1.11.
    PropertyFlags: u32 {
        /// fSkipObjects: no tags of PtypEmbeddedTable in a list that the server makes.
        SKIP_OBJECTS = 0x0000_0001;
        /// fEphID: entry ids as EphemeralEntryIDs.
        EPHEMERAL_IDS = 0x0000_0002;
    }
}

flags! {
    /// `Flags` of GetSpecialTable, [MS-OXNSPI] 2.2.1.12.
    SpecialTableFlags: u32 {
        /// NspiAddressCreationTemplates: the address creation table, not the hierarchy table.
        ADDRESS_CREATION_TEMPLATES = 0x0000_0002;
        /// NspiUnicodeStrings: strings in Unicode.
        UNICODE_STRINGS = 0x0000_0004;
    }
}

flags! {
    /// `MapiFlags` of QueryColumns, [MS-OXNSPI] 2.2.1.13.
    QueryColumnsFlags: u32 {
        /// NspiUnicodeProptypes: tags of strings with PtypString, not PtypString8.
        UNICODE_PROPTYPES = 0x8000_0000;
    }
}

flags! {
    /// `Flags` of GetTemplateInfo, [MS-OXNSPI] 2.2.1.14.
    TemplateFlags: u32 {
        /// TI_TEMPLATE: the template.
        TEMPLATE = 0x0000_0001;
        /// TI_SCRIPT: its script.
        SCRIPT = 0x0000_0004;
        /// TI_EMT: its e-mail type.
        EMAIL_TYPE = 0x0000_0010;
        /// TI_HELPFILE_NAME: the name of its help file.
        HELPFILE_NAME = 0x0000_0020;
        /// TI_HELPFILE_CONTENTS: the contents of its help file.
        HELPFILE_CONTENTS = 0x0000_0040;
    }
}

flags! {
    /// `Flags` of ModLinkAtt, [MS-OXNSPI] 2.2.1.15.
    ModLinkFlags: u32 {
        /// fDelete: remove the values, do not add them.
        DELETE = 0x0000_0001;
    }
}

flags! {
    /// How a server compares Unicode strings, [MS-OXNSPI] 2.2.1.6: the flags of Windows' comparison of strings, for a server that sorts
    /// as Windows does. They stand in no call.
    ComparisonFlags: u32 {
        /// NORM_IGNORECASE: letter case makes no difference.
        IGNORE_CASE = 0x0000_0001;
        /// NORM_IGNORENONSPACE: characters that take no space make none.
        IGNORE_NONSPACE = 0x0000_0002;
        /// NORM_IGNORESYMBOLS: symbols make none.
        IGNORE_SYMBOLS = 0x0000_0004;
        /// SORT_STRINGSORT: punctuation counts as symbols.
        STRING_SORT = 0x0000_1000;
        /// NORM_IGNOREKANATYPE: hiragana and katakana are the same.
        IGNORE_KANA_TYPE = 0x0001_0000;
        /// NORM_IGNOREWIDTH: half width and full width are the same.
        IGNORE_WIDTH = 0x0002_0000;
        /// NSPI_DEFAULT_LOCALE_COMPARE_FLAGS: for [`DEFAULT_LOCALE`].
        OF_DEFAULT_LOCALE = 0x0003_1003;
        /// NSPI_NON_DEFAULT_LOCALE_COMPARE_FLAGS: for any other.
        OF_OTHER_LOCALES = 0x0003_1007;
    }
}

fixed_fields! {
    BindFlags, 4, |r, field| Self::from_bits(r.u32_le(field)?), |w, value| w.u32_le(value.bits());
    PropertyFlags, 4, |r, field| Self::from_bits(r.u32_le(field)?), |w, value| w.u32_le(value.bits());
    SpecialTableFlags, 4, |r, field| Self::from_bits(r.u32_le(field)?), |w, value| w.u32_le(value.bits());
    QueryColumnsFlags, 4, |r, field| Self::from_bits(r.u32_le(field)?), |w, value| w.u32_le(value.bits());
    TemplateFlags, 4, |r, field| Self::from_bits(r.u32_le(field)?), |w, value| w.u32_le(value.bits());
    ModLinkFlags, 4, |r, field| Self::from_bits(r.u32_le(field)?), |w, value| w.u32_le(value.bits());
    DisplayType, 4, |r, field| Self(r.u32_le(field)?), |w, value| w.u32_le(value.0);
}

/// NSPI_DEFAULT_LOCALE, [MS-OXNSPI] 2.2.1.4: the LCID that every server sorts by.
pub const DEFAULT_LOCALE: u32 = 0x0409;
/// CP_TELETEX, [MS-OXNSPI] 2.2.1.5: a code page that every server takes.
pub const CP_TELETEX: u32 = 0x4F25;
/// CP_WINUNICODE, [MS-OXNSPI] 2.2.1.5: Unicode. Not a code page of strings in 8 bits: gromox answers NotSupported (0x80040102) to
/// Bind with it.
pub const CP_WINUNICODE: u32 = 0x04B0;

/// UnbindSuccess, [MS-OXNSPI] 2.2.1.2: the ErrorCode of an Unbind that worked.
pub const UNBIND_SUCCESS: ErrorCode = ErrorCode(1);
/// UnbindFailure, [MS-OXNSPI] 2.2.1.2: the ErrorCode of an Unbind that did not.
pub const UNBIND_FAILURE: ErrorCode = ErrorCode(2);
