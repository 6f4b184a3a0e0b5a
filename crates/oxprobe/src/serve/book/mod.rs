//! The address book: the users of this server as the rows of one table, the global address list. It is what [MS-OXNSPI] asks
//! about, whatever carries the calls.

pub(crate) mod calls;
mod matching;
#[cfg(test)]
pub(crate) mod requirements;

use bytes::Bytes;
use oxwire::core::{Guid, encode_to_bytes};
use oxwire::mapi::nspi::{
    CP_TELETEX, DisplayType, EntryId, GUID_NSPI, MinimalEntryId, Position, SortType, Stat, StatAnswer, TaggedValue,
};
use oxwire::mapi::property::{Cell, ErrorCode, PropertyTag, PropertyType, PropertyValue};

use super::users::{User, Users};

/// The one container, and its DN: gal-addrlist-dn of [MS-OXOABK] 2.2.1.1.
const GLOBAL_ADDRESS_LIST: MinimalEntryId = MinimalEntryId(0);
const GLOBAL_ADDRESS_LIST_DN: &[u8] = b"/";
const GLOBAL_ADDRESS_LIST_NAME: &str = "Global Address List";

/// The version of the hierarchy table, which never changes.
const HIERARCHY_VERSION: u32 = 1;

/// MAPI_MAILUSER of PidTagObjectType, and of PidTagDisplayTypeEx somebody who can be given rights.
const OBJECT_TYPE_MAILUSER: i32 = 6;
const DISPLAY_TYPE_EX_ACL_CAPABLE: i32 = 0x4000_0000;
/// AB_RECIPIENTS and AB_UNMODIFIABLE of PidTagContainerFlags, [MS-OXOABK] 2.2.2.1.
const CONTAINER_FLAGS: i32 = 0x0000_0001 | 0x0000_0008;

const HOME_MDB: PropertyTag = PropertyTag::new(0x8006, PropertyType::STRING);
const INITIAL_DETAILS_PANE: PropertyTag = PropertyTag::new(0x3F08, PropertyType::INTEGER32);
const TEMPLATEID: PropertyTag = PropertyTag::new(0x3902, PropertyType::BINARY);
const TRANSMITTABLE_DISPLAY_NAME: PropertyTag = PropertyTag::new(0x3A20, PropertyType::STRING);
const OBJECT_DISTINGUISHED_NAME: PropertyTag = PropertyTag::new(0x803C, PropertyType::STRING);
/// PidTagAddressBookMember of a list, and PidTagAddressBookPublicDelegates of a user: what NspiModLinkAtt is for.
const LINKS: [PropertyTag; 2] =
    [PropertyTag::new(0x8009, PropertyType::OBJECT), PropertyTag::new(0x8015, PropertyType::OBJECT)];
const PRIMARY_TELEPHONE_NUMBER: PropertyTag = PropertyTag::new(0x3A1A, PropertyType::STRING8);

/// What a user has: of every object what [MS-OXNSPI] 3.1.4.2 asks for, and more.
const PROPERTIES: [PropertyTag; 22] = [
    PropertyTag::OBJECT_TYPE,
    PropertyTag::DISPLAY_TYPE,
    PropertyTag::DISPLAY_TYPE_EX,
    PropertyTag::ENTRY_ID,
    PropertyTag::RECORD_KEY,
    PropertyTag::INSTANCE_KEY,
    PropertyTag::MAPPING_SIGNATURE,
    PropertyTag::SEARCH_KEY,
    PropertyTag::DISPLAY_NAME,
    PropertyTag::ADDRESS_BOOK_DISPLAY_NAME_PRINTABLE,
    PropertyTag::ADDRESS_TYPE,
    PropertyTag::EMAIL_ADDRESS,
    PropertyTag::SMTP_ADDRESS,
    PropertyTag::ACCOUNT,
    PropertyTag::SEND_RICH_INFO,
    PropertyTag::ADDRESS_BOOK_OBJECT_GUID,
    PropertyTag::ADDRESS_BOOK_CONTAINER_ID,
    INITIAL_DETAILS_PANE,
    TEMPLATEID,
    TRANSMITTABLE_DISPLAY_NAME,
    OBJECT_DISTINGUISHED_NAME,
    HOME_MDB,
];

/// What only the hierarchy table has.
const OF_CONTAINERS: [PropertyTag; 3] =
    [PropertyTag::CONTAINER_FLAGS, PropertyTag::DEPTH, PropertyTag::ADDRESS_BOOK_IS_MASTER];

/// The columns of who names none, in the order of [MS-OXNSPI] 3.1.4.1.8.
const DEFAULT_COLUMNS: [PropertyTag; 7] = [
    PropertyTag::ADDRESS_BOOK_CONTAINER_ID,
    PropertyTag::OBJECT_TYPE,
    PropertyTag::DISPLAY_TYPE,
    PropertyTag::DISPLAY_NAME.with_type(PropertyType::STRING8),
    PRIMARY_TELEPHONE_NUMBER,
    PropertyTag::DEPARTMENT_NAME.with_type(PropertyType::STRING8),
    PropertyTag::OFFICE_LOCATION.with_type(PropertyType::STRING8),
];

/// The tags of all properties that a user has, strings of one type.
fn properties(strings: PropertyType) -> Vec<PropertyTag> {
    let typed =
        |tag: PropertyTag| if tag.property_type() == PropertyType::STRING { tag.with_type(strings) } else { tag };
    PROPERTIES.into_iter().map(typed).collect()
}

/// Whether there is such a property at all.
fn recognizes(tag: PropertyTag) -> bool {
    PROPERTIES.iter().chain(&OF_CONTAINERS).chain(&LINKS).any(|known| known.id() == tag.id())
}

/// Whether strings can be told in a code page: addresses are ASCII, which is a part of these.
const fn serves_code_page(code_page: u32) -> bool {
    matches!(code_page, 0 | 874 | 932 | 936 | 949 | 950 | 1250..=1258 | 20127 | CP_TELETEX | 28591..=28605 | 65001)
}

/// In which form PidTagEntryId is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// For as long as the session lasts.
    Ephemeral,
    /// For good.
    Permanent,
}

/// The table, in its order: by display name.
#[derive(Debug)]
pub(crate) struct Book<'u>(Vec<Entry<'u>>);

/// A row of it.
#[derive(Debug)]
pub(crate) struct Entry<'u> {
    /// Its name in the session.
    pub(crate) mid: MinimalEntryId,
    user: &'u User,
    ephemeral: Bytes,
    permanent: Bytes,
    instance_key: [u8; 4],
    search_key: Vec<u8>,
    home_mdb: String,
    object_guid: [u8; 16],
    sort_key: String,
}

const MAPPING_SIGNATURE: [u8; 16] = GUID_NSPI.to_wire();

impl<'u> Book<'u> {
    /// Of these users; `provider` is what the server calls itself in ephemeral entry ids.
    pub(crate) fn new(users: &'u Users, provider: Guid) -> Self {
        // Users are neither added nor removed while the server runs: their order names them.
        let mids = (MinimalEntryId::FIRST_ROW.0..).map(MinimalEntryId);
        let mut entries: Vec<Entry<'u>> =
            users.iter().zip(mids).map(|(user, mid)| Entry::new(user, mid, provider)).collect();
        entries.sort_by(|a, b| (&a.sort_key, &a.user.address).cmp(&(&b.sort_key, &b.user.address)));
        Self(entries)
    }

    /// The rows in order.
    pub(crate) fn entries(&self) -> &[Entry<'u>] {
        &self.0
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The row of that name.
    pub(crate) fn entry(&self, mid: MinimalEntryId) -> Option<&Entry<'u>> {
        self.0.iter().find(|entry| entry.mid == mid)
    }

    /// Where that row stands.
    pub(crate) fn index_of(&self, mid: MinimalEntryId) -> Option<u32> {
        self.0.iter().position(|entry| entry.mid == mid).and_then(|index| u32::try_from(index).ok())
    }

    /// The row with that DN, in any letter case.
    pub(crate) fn of_dn(&self, dn: &[u8]) -> Option<&Entry<'u>> {
        self.0.iter().find(|entry| entry.user.dn.as_bytes().eq_ignore_ascii_case(dn))
    }

    /// The name of the row at an index; behind the last one there is none.
    fn mid_at(&self, index: u32) -> MinimalEntryId {
        let entry = usize::try_from(index).ok().and_then(|index| self.0.get(index));
        entry.map_or(MinimalEntryId::END_OF_TABLE, |entry| entry.mid)
    }

    /// The place that a client asks for.
    ///
    /// # Errors
    /// InvalidBookmark for another container, NotFound for a row that is not there.
    pub(crate) fn locate(&self, stat: &Stat) -> Result<Position, ErrorCode> {
        check_container(stat)?;
        stat.locate(self.len(), |mid| self.index_of(mid)).ok_or(ErrorCode::NOT_FOUND)
    }

    /// The STAT for a place in the table; one behind its end is the end.
    ///
    /// # Errors
    /// None.
    pub(crate) fn place(&self, stat: &Stat, index: u32) -> Result<StatAnswer, ErrorCode> {
        let total_recs = self.len();
        let position = Position { index: index.min(total_recs), total_recs, moved: 0 };
        position.answer(stat, |index| self.mid_at(index)).map_err(|_| ErrorCode::GENERAL_FAILURE)
    }

    /// The first of these rows that does not stand before `target`, by its place among them: [MS-OXNSPI] 3.1.4.1.9.
    ///
    /// # Errors
    /// GeneralFailure for an order, or a property, that the table is not sorted by; NotFound when all stand before.
    pub(crate) fn seek<'b>(
        stat: &Stat,
        target: &TaggedValue<'_>,
        rows: impl Iterator<Item = &'b Entry<'u>>,
    ) -> Result<(usize, &'b Entry<'u>), ErrorCode>
    where
        'u: 'b,
    {
        let text = matching::text(&target.value).filter(|_| target.tag.id() == PropertyTag::DISPLAY_NAME.id());
        let target = text.filter(|_| stat.sort_type == SortType::DISPLAY_NAME).ok_or(ErrorCode::GENERAL_FAILURE)?;
        rows.enumerate().find(|(_, entry)| entry.sort_key >= target).ok_or(ErrorCode::NOT_FOUND)
    }
}

/// Whether the container is there.
///
/// # Errors
/// InvalidBookmark.
fn check_container(stat: &Stat) -> Result<(), ErrorCode> {
    if stat.container_id == GLOBAL_ADDRESS_LIST { Ok(()) } else { Err(ErrorCode::INVALID_BOOKMARK) }
}

impl<'u> Entry<'u> {
    fn new(user: &'u User, mid: MinimalEntryId, provider: Guid) -> Self {
        let display_type = DisplayType::MAILUSER;
        let permanent = EntryId::Permanent { display_type, distinguished_name: user.dn.as_bytes() };
        let ephemeral = EntryId::Ephemeral { provider_uid: provider, display_type, mid };
        let mut search_key = format!("EX:{}", user.dn.to_ascii_uppercase()).into_bytes();
        search_key.push(0);
        // An address is ASCII, and so the DN: both ids can be written.
        Self {
            mid,
            user,
            ephemeral: encode_to_bytes(&ephemeral).unwrap_or_default(),
            permanent: encode_to_bytes(&permanent).unwrap_or_default(),
            instance_key: mid.0.to_le_bytes(),
            search_key,
            home_mdb: format!("{}/cn=Microsoft Private MDB", user.server_dn()),
            object_guid: user.mailbox.guid.to_wire(),
            sort_key: user.display_name().to_lowercase(),
        }
    }

    /// What the row says in a column. A string comes in the type that the column has; any type may be left open. DNs and what goes
    /// with them are strings in 8 bits by nature, names are Unicode.
    pub(crate) fn cell(&self, tag: PropertyTag, ids: Ids) -> Cell<'_> {
        use PropertyValue::{Binary, Boolean, Integer32, Str, String8};
        const ABSENT: Cell<'static> = Cell::Error(ErrorCode::NOT_FOUND);
        let Some(known) = PROPERTIES.into_iter().find(|known| known.id() == tag.id()) else { return ABSENT };
        let value = match known {
            PropertyTag::OBJECT_TYPE => Integer32(OBJECT_TYPE_MAILUSER),
            PropertyTag::DISPLAY_TYPE => Integer32(0),
            PropertyTag::DISPLAY_TYPE_EX => Integer32(DISPLAY_TYPE_EX_ACL_CAPABLE),
            PropertyTag::ENTRY_ID if ids == Ids::Ephemeral => Binary(&self.ephemeral),
            PropertyTag::ENTRY_ID | PropertyTag::RECORD_KEY | TEMPLATEID => Binary(&self.permanent),
            PropertyTag::ADDRESS_BOOK_CONTAINER_ID => Integer32(GLOBAL_ADDRESS_LIST.0.cast_signed()),
            INITIAL_DETAILS_PANE => Integer32(0),
            PropertyTag::INSTANCE_KEY => Binary(&self.instance_key),
            PropertyTag::MAPPING_SIGNATURE => Binary(&MAPPING_SIGNATURE),
            PropertyTag::SEARCH_KEY => Binary(&self.search_key),
            PropertyTag::ADDRESS_TYPE => String8(b"EX"),
            PropertyTag::EMAIL_ADDRESS | OBJECT_DISTINGUISHED_NAME => String8(self.user.dn.as_bytes()),
            PropertyTag::SMTP_ADDRESS => Str(&self.user.address),
            PropertyTag::SEND_RICH_INFO => Boolean(true),
            PropertyTag::ADDRESS_BOOK_OBJECT_GUID => Binary(&self.object_guid),
            HOME_MDB => String8(self.home_mdb.as_bytes()),
            // The display name, the forms of it that are printed and sent, the account.
            _ => Str(self.user.display_name()),
        };
        match (value, tag.property_type()) {
            // All of it is ASCII, which is the same in every code page and in Unicode.
            (Str(text), PropertyType::STRING8) => Cell::Value(String8(text.as_bytes())),
            (String8(text), PropertyType::STRING) => {
                std::str::from_utf8(text).map_or(ABSENT, |text| Cell::Value(Str(text)))
            }
            (value, wanted) if wanted == value.property_type() || wanted == PropertyType::UNSPECIFIED => {
                Cell::Value(value)
            }
            _ => ABSENT,
        }
    }
}

/// The row of the one container in the hierarchy table, its properties in the order of [MS-OXNSPI] 3.1.4.1.3; it has no parent.
fn hierarchy_row(entry_id: &[u8], unicode: bool) -> [TaggedValue<'_>; 6] {
    let name = if unicode {
        PropertyValue::Str(GLOBAL_ADDRESS_LIST_NAME)
    } else {
        PropertyValue::String8(GLOBAL_ADDRESS_LIST_NAME.as_bytes())
    };
    [
        TaggedValue::new(PropertyTag::ENTRY_ID, PropertyValue::Binary(entry_id)),
        TaggedValue::new(PropertyTag::CONTAINER_FLAGS, PropertyValue::Integer32(CONTAINER_FLAGS)),
        TaggedValue::new(PropertyTag::DEPTH, PropertyValue::Integer32(0)),
        TaggedValue::new(PropertyTag::ADDRESS_BOOK_CONTAINER_ID, PropertyValue::Integer32(0)),
        TaggedValue::new(PropertyTag::DISPLAY_NAME, name),
        TaggedValue::new(PropertyTag::ADDRESS_BOOK_IS_MASTER, PropertyValue::Boolean(false)),
    ]
}

/// The entry id of the container.
fn container_entry_id() -> Bytes {
    let id = EntryId::Permanent { display_type: DisplayType::CONTAINER, distinguished_name: GLOBAL_ADDRESS_LIST_DN };
    // One ASCII character.
    encode_to_bytes(&id).unwrap_or_default()
}
