//! What names an object: DNs, MinimalEntryIDs, EntryIDs of both kinds. [MS-OXNSPI] 2.2.1.3, 2.2.9, 3.1.4.1.7, 3.1.4.1.13, 3.1.4.6.

use oxwire::core::{Limits, decode_all};
use oxwire::mapi::nspi::{
    DisplayType, DnToMIdRequest, DnToMIdSuccess, EntryId, GetPropsRequest, GetPropsSuccess, GetSpecialTableRequest,
    GetSpecialTableSuccess, MinimalEntryId, PropertyFlags, QueryRowsRequest, QueryRowsSuccess, SpecialTableFlags,
    Strings,
};
use oxwire::mapi::property::{ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue};

use super::super::Book;
use super::super::calls;
use super::{ADA, BERT, BERTA, EVE, PROVIDER, answered, at, book, bytes_of, query, stat, users};
use crate::log::Log;
use crate::serve::app::App;
use crate::serve::users::{Users, user_dn};

const ALL: [MinimalEntryId; 4] = [ADA, BERT, BERTA, EVE];

#[test]
fn dn_to_mid() {
    let users = users();
    let book = book(&users);
    let (eve, ada) = (user_dn("eve@oxwire.test"), user_dn("ada@oxwire.test").to_uppercase());
    let names = [eve.as_bytes(), b"/o=elsewhere/cn=x", b"", ada.as_bytes(), eve.as_bytes()];
    let request = DnToMIdRequest { names: Some(Strings::new(&names)), auxiliary_buffer: &[] };
    let rows = "MS-OXNSPI_R1243 MS-OXNSPI_R1260 MS-OXNSPI_R1262 MS-OXNSPI_R1263 MS-OXNSPI_R1264 MS-OXNSPI_R1266";
    answered!(DnToMIdSuccess, rows, |to| calls::dn_to_mid(&book, &request, to), |answer| {
        let mids: Vec<u32> = answer.minimal_ids.unwrap().iter().map(|mid| mid.0).collect();
        assert_eq!((answer.error_code, mids.as_slice()), (ErrorCode::SUCCESS, &[0x10, 0, 0, 0x12, 0x10][..]), "{rows}");
    });
}

/// The EntryID of a row, and the type that it has.
fn entry_id(book: &Book<'_>, mid: MinimalEntryId, flags: PropertyFlags) -> Vec<u8> {
    let tags = [PropertyTag::ENTRY_ID];
    let request = GetPropsRequest {
        flags,
        state: Some(at(mid, 0)),
        property_tags: Some(PropertyTags::new(&tags)),
        auxiliary_buffer: &[],
    };
    let mut told = Vec::new();
    answered!(GetPropsSuccess, "MS-OXNSPI_R901", |to| calls::get_props(book, &request, to), |object| {
        let value = object.property_values.unwrap().iter().next().unwrap().value;
        assert_eq!(value.property_type(), PropertyType::BINARY, "{}", "MS-OXNSPI_R384");
        told = bytes_of(value).1;
    });
    told
}

#[test]
fn entry_ids() {
    let users = users();
    let book = book(&users);
    for (mid, name) in [(ADA, "ada"), (BERT, "Bert"), (BERTA, "berta"), (EVE, "eve")] {
        let dn = user_dn(&format!("{name}@oxwire.test"));
        let permanent = entry_id(&book, mid, PropertyFlags::NONE);
        // ID Type, three reserved bytes, GUID_NSPI, R4, the display type of a user, the DN.
        let head = b"\0\0\0\0\xDC\xA7\x40\xC8\xC0\x42\x10\x1A\xB4\xB9\x08\0\x2B\x2F\xE1\x82\x01\0\0\0\0\0\0\0";
        assert_eq!(permanent, [head, dn.as_bytes(), b"\0"].concat(), "{}", "MS-OXNSPI_R901");
        // The ephemeral one carries the server's GUID and the MinimalEntryID.
        let ephemeral = entry_id(&book, mid, PropertyFlags::EPHEMERAL_IDS);
        let expected = [b"\x87\0\0\0", &PROVIDER.to_wire()[..], b"\x01\0\0\0\0\0\0\0", &mid.0.to_le_bytes()].concat();
        assert_eq!(ephemeral, expected, "{}", "MS-OXNSPI_R605 MS-OXNSPI_R609");
    }
}

/// The DN of a user by the ABNF of [MS-OXOABK] 2.2.1.1: `/o=`, `/ou=`, up to 14 times `/cn=`, each with 1 to 64 characters.
#[test]
fn oxnspi_r2003004_dns_are_of_their_grammar() {
    const TELETEX: &str = " !\"%&\\()*+,-.0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz|";
    let users = users();
    for user in users.iter() {
        let rdns: Vec<(&str, &str)> = user.dn.split('/').skip(1).map(|rdn| rdn.split_once('=').unwrap()).collect();
        let kinds: Vec<&str> = rdns.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, ["o", "ou", "cn", "cn"], "{}", user.dn);
        for (_, value) in rdns {
            assert!((1..=64).contains(&value.len()) && value.trim() == value, "{value}");
            assert!(value.chars().all(|character| TELETEX.contains(character)), "{value}");
        }
    }
}

/// Between two calls, and for another session of the same server, every object keeps its names.
#[test]
fn names_last() {
    let users = users();
    let (first, second) = (book(&users), book(&users));
    for mid in ALL {
        for (rows, flags) in [
            ("MS-OXNSPI_R608 MS-OXNSPI_R1994 MS-OXNSPI_R1995 MS-OXNSPI_R1993", PropertyFlags::EPHEMERAL_IDS),
            ("MS-OXNSPI_R2001", PropertyFlags::NONE),
        ] {
            let asked = [entry_id(&first, mid, flags), entry_id(&first, mid, flags), entry_id(&second, mid, flags)];
            assert!(asked.iter().all(|id| *id == asked[0]), "{rows}");
        }
    }
    let rows = "MS-OXNSPI_R611 MS-OXNSPI_R1706";
    let mids = |book: &Book<'_>| book.entries().iter().map(|entry| entry.mid).collect::<Vec<_>>();
    assert_eq!((mids(&first), mids(&second)), (ALL.to_vec(), ALL.to_vec()), "{rows}");
    // One more user leaves the names of the others as they were.
    let mut more = super::users();
    let guid = oxwire::core::Guid::from_wire([8; 16]);
    let wall = oxwire::core::FileTime::from_intervals(1 << 57);
    more.add("aaron@oxwire.test", oxwire::core::SecretString::from("x"), [guid, guid], wall);
    let third = super::book(&more);
    assert_eq!(mids(&third)[1..], ALL, "{rows}");
    assert_eq!(
        entry_id(&third, EVE, PropertyFlags::NONE),
        entry_id(&first, EVE, PropertyFlags::NONE),
        "{}",
        "MS-OXNSPI_R2001"
    );
}

/// A server has a GUID of its own, by which its ephemeral names are told from another's.
#[test]
fn oxnspi_r627_r699_each_server_has_a_guid() {
    let server = || App::new(Users::default(), None, false, Log::Quiet);
    let (one, another) = (server(), server());
    assert_ne!(one.book_guid(), oxwire::core::Guid::NIL);
    assert_eq!(one.book_guid(), one.book_guid());
    assert_ne!(one.book_guid(), another.book_guid());
}

/// Display types in the EntryIDs of an answer: DT_CONTAINER in the hierarchy table and nowhere else, and none that a server must
/// not answer.
#[test]
fn display_types() {
    let users = users();
    let book = book(&users);
    let of = |id: &[u8]| match decode_all(id, &Limits::DEFAULT).unwrap() {
        EntryId::Ephemeral { display_type, .. } | EntryId::Permanent { display_type, .. } => display_type,
    };
    let columns = [PropertyTag::ENTRY_ID, PropertyTag::DISPLAY_TYPE, PropertyTag::RECORD_KEY];
    let rows = "MS-OXNSPI_R59 MS-OXNSPI_R63 MS-OXNSPI_R53001 MS-OXNSPI_R1997 MS-OXNSPI_R1999";
    for flags in [PropertyFlags::NONE, PropertyFlags::EPHEMERAL_IDS] {
        let request = QueryRowsRequest { flags, ..query(stat(), 9, &columns) };
        answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &request, to), |page| {
            let found = page.rows.unwrap();
            assert_eq!(found.len(), 4);
            for row in found.rows().map(Result::unwrap) {
                for (_, cell) in row.cells().map(Result::unwrap) {
                    match cell.value().unwrap() {
                        PropertyValue::Binary(id) => assert_eq!(of(id), DisplayType::MAILUSER, "{rows}"),
                        PropertyValue::Integer32(number) => assert_eq!(number, 0, "{rows}"),
                        other => panic!("{other:?}"),
                    }
                }
            }
        });
    }
    let flags = SpecialTableFlags::UNICODE_STRINGS;
    let request = GetSpecialTableRequest { flags, state: Some(stat()), version: Some(0), auxiliary_buffer: &[] };
    let rows = "MS-OXNSPI_R59 MS-OXNSPI_R63 MS-OXNSPI_R1998";
    answered!(GetSpecialTableSuccess, rows, |to| calls::get_special_table(&request, to), |table| {
        let row = table.rows.unwrap().iter().next().unwrap();
        let Some(PropertyValue::Binary(id)) = row.value(PropertyTag::ENTRY_ID) else { panic!("{row:?}") };
        assert_eq!(of(id), DisplayType::CONTAINER, "{rows}");
    });
}
