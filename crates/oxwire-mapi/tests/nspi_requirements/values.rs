//! Values that calls carry: error codes, display types, object identifiers, code pages and locales. [MS-OXNSPI] 2.2.1, 2.2.9.

use oxwire_core::{Limits, decode_all, encode_to_bytes};
use oxwire_mapi::nspi::{
    BindFlags, BindRequest, CP_TELETEX, DEFAULT_LOCALE, DisplayType, EntryId, GetPropListRequest,
    GetTemplateInfoRequest, MinimalEntryId, MinimalEntryIds, PropertyFlags, QueryRowsSuccess, Stat, TaggedValue,
    TemplateFlags, UNBIND_FAILURE, UNBIND_SUCCESS,
};
use oxwire_mapi::nspi::{DnToMIdSuccess, UnbindSuccess};
use oxwire_mapi::property::{ErrorCode, PropertyTag, PropertyValue as V};

use super::{EPHEMERAL, PERMANENT, TAGS, guid};

/// [MS-OXNSPI] 2.2.1.2: the codes, and where they stand in a body.
#[test]
fn return_values() {
    let codes = [
        ("MS-OXNSPI_R1661", ErrorCode::SUCCESS, [0x00, 0x00, 0x00, 0x00]),
        ("MS-OXNSPI_R1661", ErrorCode::ERRORS_RETURNED, [0x80, 0x03, 0x04, 0x00]),
        ("MS-OXNSPI_R1661", ErrorCode::GENERAL_FAILURE, [0x05, 0x40, 0x00, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::NOT_SUPPORTED, [0x02, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::INVALID_OBJECT, [0x08, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661 MS-OXNSPI_R948", ErrorCode::OUT_OF_RESOURCES, [0x0E, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::NOT_FOUND, [0x0F, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::LOGON_FAILED, [0x11, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::TOO_COMPLEX, [0x17, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661 MS-OXNSPI_R974", ErrorCode::INVALID_CODE_PAGE, [0x1E, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::INVALID_LOCALE, [0x1F, 0x01, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::TABLE_TOO_BIG, [0x03, 0x04, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::INVALID_BOOKMARK, [0x05, 0x04, 0x04, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::ACCESS_DENIED, [0x05, 0x00, 0x07, 0x80]),
        // NotEnoughMemory.
        ("MS-OXNSPI_R1661", ErrorCode::OUT_OF_MEMORY, [0x0E, 0x00, 0x07, 0x80]),
        ("MS-OXNSPI_R1661", ErrorCode::INVALID_PARAMETER, [0x57, 0x00, 0x07, 0x80]),
    ];
    for (rows, code, wire) in codes {
        let body = encode_to_bytes(&QueryRowsSuccess::failed(code)).unwrap();
        assert_eq!((&body[..4], &body[4..8]), (&[0; 4][..], &wire[..]), "{rows}");
        assert_eq!(decode_all::<QueryRowsSuccess<'_>>(&body, &Limits::DEFAULT).unwrap().error_code, code, "{rows}");
    }
    for (rows, code, number) in [("MS-OXNSPI_R1661", UNBIND_SUCCESS, 1), ("MS-OXNSPI_R1661", UNBIND_FAILURE, 2)] {
        let body = encode_to_bytes(&UnbindSuccess { error_code: code, auxiliary_buffer: b"" }).unwrap();
        assert_eq!(body[..8], [0, 0, 0, 0, number, 0, 0, 0], "{rows}");
    }
}

/// [MS-OXNSPI] 2.2.1.3: each display type in both kinds of EntryID, 24 bytes in.
#[test]
fn display_types() {
    for (rows, number) in [
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0000_u32),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0001),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0002),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0003),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0004),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0005),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0006),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0100),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0101),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0102),
        ("MS-OXNSPI_R1662 MS-OXNSPI_R1663", 0x0200),
    ] {
        let display_type = DisplayType(number);
        assert!(display_type.name().is_some_and(|name| name.starts_with("DT_")), "{rows}: {number:#x}");
        for (wire, id) in [
            (EPHEMERAL, EntryId::Ephemeral { provider_uid: guid(), display_type, mid: MinimalEntryId(0x10) }),
            (PERMANENT, EntryId::Permanent { display_type, distinguished_name: b"/" }),
        ] {
            let mut wire = wire.to_vec();
            wire[24..28].copy_from_slice(&number.to_le_bytes());
            assert_eq!(encode_to_bytes(&id).as_deref(), Ok(&wire[..]), "{rows}: {number:#x}");
            assert_eq!(decode_all(&wire, &Limits::DEFAULT), Ok(id), "{rows}: {number:#x}");
        }
    }
}

/// The display type of an EntryID says nothing about which object it is.
#[test]
fn oxnspi_r1665_r1666_an_entry_id_of_another_display_type_names_the_same_object() {
    for display_type in [0_u32, 6, 0x0100, 0xFFFF_FFFF] {
        let named = |wire: &[u8]| {
            let mut wire = wire.to_vec();
            wire[24..28].copy_from_slice(&display_type.to_le_bytes());
            match decode_all::<EntryId<'_>>(&wire, &Limits::DEFAULT).unwrap() {
                EntryId::Ephemeral { mid, .. } => (mid, Vec::new()),
                EntryId::Permanent { distinguished_name, .. } => (MinimalEntryId(0), distinguished_name.to_vec()),
            }
        };
        assert_eq!(named(EPHEMERAL), (MinimalEntryId(0x10), Vec::new()));
        assert_eq!(named(PERMANENT), (MinimalEntryId(0), b"/".to_vec()));
    }
}

/// A MinimalEntryID is four bytes, and nothing else of the object travels with it.
#[test]
fn oxnspi_r347_a_minimal_entry_id_is_one_dword() {
    let ids = [MinimalEntryId(0x0102_0304), MinimalEntryId(0x10)];
    let minimal_ids = Some(MinimalEntryIds::new(&ids));
    let body = DnToMIdSuccess { error_code: ErrorCode::SUCCESS, minimal_ids, auxiliary_buffer: b"" };
    let wire = [&[0; 8][..], &[0xFF], &[2, 0, 0, 0], &[4, 3, 2, 1], &[0x10, 0, 0, 0], &[0; 4]].concat();
    assert_eq!(encode_to_bytes(&body).as_deref(), Ok(&wire[..]));
    assert_eq!(decode_all(&wire, &Limits::DEFAULT), Ok(body));
}

/// Where clients name code pages and locales: STAT, GetPropList, GetTemplateInfo.
#[test]
fn oxnspi_r66_r70_r526_code_pages_and_locales_of_requests() {
    let state = Stat { code_page: CP_TELETEX, template_locale: 0x0407, sort_locale: DEFAULT_LOCALE, ..super::stat() };
    let bind = BindRequest { flags: BindFlags::NONE, state: Some(state), auxiliary_buffer: b"" };
    let wire = encode_to_bytes(&bind).unwrap();
    // Flags, HasState; SortType, ContainerID, CurrentRec, Delta, which with SortLocale say where to begin.
    assert_eq!(wire[5..21], [0xE8, 3, 0, 0, 0x20, 0, 0, 0, 0x10, 0, 0, 0, 0xFD, 0xFF, 0xFF, 0xFF]);
    assert_eq!(wire[29..41], [0x25, 0x4F, 0, 0, 0x07, 0x04, 0, 0, 0x09, 0x04, 0, 0]);
    let list = GetPropListRequest {
        flags: PropertyFlags::NONE,
        minimal_id: MinimalEntryId(0x10),
        code_page: CP_TELETEX,
        auxiliary_buffer: b"",
    };
    assert_eq!(encode_to_bytes(&list).unwrap()[8..12], [0x25, 0x4F, 0, 0]);
    let template = GetTemplateInfoRequest {
        flags: TemplateFlags::TEMPLATE,
        display_type: DisplayType::MAILUSER,
        template_dn: None,
        code_page: CP_TELETEX,
        locale_id: DEFAULT_LOCALE,
        auxiliary_buffer: b"",
    };
    assert_eq!(encode_to_bytes(&template).unwrap()[9..17], [0x25, 0x4F, 0, 0, 0x09, 0x04, 0, 0]);
}

/// A value has a type of its own, whatever type was asked for; PtypUnspecified is the type of none.
#[test]
fn oxnspi_r37_nothing_is_answered_as_unspecified() {
    let asked = PropertyTag(0x3001_0000);
    for (value, number) in [(V::Str("a"), 0x1F), (V::Integer32(1), 3), (V::ErrorCode(ErrorCode::NOT_FOUND), 0x0A)] {
        let told = encode_to_bytes(&TaggedValue::new(asked, value)).unwrap();
        assert_eq!(told[..4], [number, 0, 0x01, 0x30]);
    }
    assert!(encode_to_bytes(&TaggedValue { tag: asked, value: V::Str("a") }).is_err());
    assert!(encode_to_bytes(&TaggedValue { tag: asked, value: V::Null }).is_err());
    // PtypBinary, as Permanent Entry IDs travel.
    let id = TaggedValue { tag: TAGS[1], value: V::Binary(PERMANENT) };
    let wire = encode_to_bytes(&id).unwrap();
    let head = [0x02, 0x01, 0xFF, 0x0F, 0xFF, 30, 0, 0, 0];
    assert_eq!((&wire[..9], &wire[9..]), (&head[..], PERMANENT), "{}", "MS-OXNSPI_R384");
}
