//! NSPI and RFR calls against `vectors/ms-oxnspi` and `vectors/ms-oxabref`, which impacket wrote.

use std::fmt::Debug;

use oxwire::core::{FileTime, Guid, Limits, Utf16};
use oxwire::mapi::nspi::{
    BindFlags, CompareMIdsRequest, DisplayType, DnToMIdRequest, ExplicitTable, GetPropListRequest, GetPropListSuccess,
    GetSpecialTableRequest, GetTemplateInfoRequest, MinimalEntryId, MinimalEntryIds, PropertyFlags, QueryColumnsFlags,
    QueryColumnsRequest, QueryRowsRequest, QueryRowsSuccess, SortType, SpecialTableFlags, Stat, Strings, TemplateFlags,
    UpdateStatRequest, WideStrings,
};
use oxwire::mapi::property::{
    Cell, ErrorCode, Multiple, MultipleBinary, MultipleString8, PropertyTag, PropertyTags, PropertyValue as V,
};
use oxwire::mapirpc::nspi::{BindRequest, Request, ResolveNamesRequest, Response, UnbindRequest};
use oxwire::mapirpc::rfr::{GetFqdnFromServerDnRequest, GetNewDsaRequest};
use oxwire::rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, decode_stub, encode_stub};
use oxwire::rpc::pdu::DataRepresentation;
use oxwire_tests::vectors::Vector;

fn handle() -> ContextHandle {
    ContextHandle::new(Guid::from_wire([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]))
}

fn stat() -> Stat {
    Stat {
        sort_type: SortType::DISPLAY_NAME,
        container_id: MinimalEntryId(0x20),
        current_rec: MinimalEntryId(0x10),
        delta: -3,
        num_pos: 5,
        total_recs: 9,
        code_page: 1252,
        template_locale: 0x0407,
        sort_locale: 0x0409,
    }
}

/// Reads a file whole, and holds damaged copies of it against panics.
fn read<'de, T: NdrDecode<'de> + PartialEq + Debug>(vector: &'de Vector) -> T {
    let le = DataRepresentation::LITTLE_ENDIAN;
    let (value, end) = match decode_stub::<T>(&vector.bytes, le, &Limits::DEFAULT) {
        Ok(read) => read,
        Err(error) => panic!("{}: {error}", vector.heading),
    };
    assert_eq!(end, vector.bytes.len(), "{}", vector.heading);
    value
}

/// What impacket wrote reads as that value, and the value is written as the same bytes but for the ids of referents, which are
/// any numbers.
fn check<'de, T: NdrDecode<'de> + NdrEncode + PartialEq + Debug>(vector: &'de Vector, expected: &T) {
    assert_eq!(&read::<T>(vector), expected, "{}", vector.heading);
    let written = encode_stub(expected).unwrap();
    assert_eq!(written.len(), vector.bytes.len(), "{}", vector.heading);
    for (at, (ours, theirs)) in written.chunks(4).zip(vector.bytes.chunks(4)).enumerate() {
        let is_id = ours[1..] == [0, 2, 0] && theirs != [0; 4];
        // impacket fills gaps with bytes of its own.
        let is_same =
            ours.iter().zip(theirs).all(|(ours, theirs)| ours == theirs || *ours == 0 && FILLERS.contains(theirs));
        assert!(is_same || is_id, "{}: word {at}: {ours:02x?}, impacket {theirs:02x?}", vector.heading);
    }
}

/// What impacket puts between items for alignment.
const FILLERS: [u8; 12] = [0xAA, 0xAB, 0xBB, 0xBC, 0xBD, 0xBF, 0xCA, 0xCB, 0xCC, 0xDD, 0xEE, 0xEF];

fn vector(file: &str) -> &'static Vector {
    Box::leak(Box::new(Vector::load(file)))
}

/// Every truncation is an error, no flip panics.
fn damaged<T: for<'de> NdrDecode<'de> + Debug>(vector: &Vector) {
    for cut in vector.truncations() {
        let read = decode_stub::<T>(cut, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT);
        assert!(read.is_err(), "{}: cut off at {}", vector.heading, cut.len());
    }
    for flipped in vector.flips() {
        if let Ok((value, _)) = decode_stub::<T>(&flipped, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT) {
            let _ = format!("{value:?}");
        }
    }
    let big = decode_stub::<T>(&vector.bytes, DataRepresentation::BIG_ENDIAN, &Limits::DEFAULT);
    drop(big.map(|(value, _)| format!("{value:?}")));
}

#[test]
fn sessions() {
    let bind = BindRequest { flags: BindFlags::ANONYMOUS_LOGIN, stat: stat(), server_guid: None };
    check(vector("ms-oxnspi/bind_request.hex"), &bind);
    damaged::<BindRequest>(vector("ms-oxnspi/bind_request.hex"));
    check(vector("ms-oxnspi/unbind_request.hex"), &UnbindRequest { handle: handle() });
    let update = vector("ms-oxnspi/update_stat_request.hex");
    let read: Request<UpdateStatRequest<'_>> = read(update);
    let body = UpdateStatRequest { state: Some(stat()), delta_requested: true, auxiliary_buffer: b"" };
    assert_eq!(read, Request { handle: handle(), body });
}

#[test]
fn objects() {
    let body = GetPropListRequest {
        flags: PropertyFlags::SKIP_OBJECTS,
        minimal_id: MinimalEntryId(0x10),
        code_page: 1252,
        auxiliary_buffer: b"",
    };
    check(vector("ms-oxnspi/get_prop_list_request.hex"), &Request { handle: handle(), body });
    let tags = [PropertyTag(0x3001_001F), PropertyTag(0x39FE_001E)];
    let property_tags = Some(PropertyTags::new(&tags));
    let success = GetPropListSuccess { error_code: ErrorCode::SUCCESS, property_tags, auxiliary_buffer: b"" };
    check(vector("ms-oxnspi/get_prop_list_response.hex"), &Response(success));
    let body = CompareMIdsRequest {
        state: Some(stat()),
        minimal_id_1: MinimalEntryId(0x10),
        minimal_id_2: MinimalEntryId(0x11),
        auxiliary_buffer: b"",
    };
    check(vector("ms-oxnspi/compare_mids_request.hex"), &Request { handle: handle(), body });
    let body = GetTemplateInfoRequest {
        flags: TemplateFlags::from_bits(0x75),
        display_type: DisplayType::REMOTE_MAILUSER,
        template_dn: Some(b"/o=A"),
        code_page: 1252,
        locale_id: 0x0409,
        auxiliary_buffer: b"",
    };
    check(vector("ms-oxnspi/get_template_info_request.hex"), &Request { handle: handle(), body });
    let body = QueryColumnsRequest { mapi_flags: QueryColumnsFlags::UNICODE_PROPTYPES, auxiliary_buffer: b"" };
    check(vector("ms-oxnspi/query_columns_request.hex"), &Request { handle: handle(), body });
}

#[test]
fn names() {
    let body = DnToMIdRequest { names: Some(Strings::new(&[b"/o=A/cn=bob", b"/"])), auxiliary_buffer: b"" };
    check(vector("ms-oxnspi/dn_to_mid_request.hex"), &Request { handle: handle(), body });
    let tags = [PropertyTag(0x3001_001E)];
    let request = ResolveNamesRequest {
        handle: handle(),
        stat: stat(),
        property_tags: Some(PropertyTags::new(&tags)),
        names: Strings::new(&[b"alice", b"bob"]),
    };
    check(vector("ms-oxnspi/resolve_names_request.hex"), &request);
    let body = oxwire::mapi::nspi::ResolveNamesRequest {
        state: Some(stat()),
        property_tags: None,
        names: Some(WideStrings::new(&["alice", "zo\u{EB}"])),
        auxiliary_buffer: b"",
    };
    check(vector("ms-oxnspi/resolve_names_w_request.hex"), &Request { handle: handle(), body });
}

#[test]
fn rows() {
    let columns = [PropertyTag(0x3001_001F), PropertyTag(0x0FFF_0102)];
    let ids = [MinimalEntryId(0x10), MinimalEntryId(0x11)];
    let body = QueryRowsRequest {
        flags: PropertyFlags::SKIP_OBJECTS,
        state: Some(stat()),
        explicit_table: ExplicitTable(MinimalEntryIds::new(&ids)),
        row_count: 22,
        columns: Some(PropertyTags::new(&columns)),
        auxiliary_buffer: b"",
    };
    check(vector("ms-oxnspi/query_rows_request.hex"), &Request { handle: handle(), body });

    let file = vector("ms-oxnspi/query_rows_response.hex");
    let Response(success): Response<QueryRowsSuccess<'_>> = read(file);
    assert_eq!(success.state.map(|state| *state.stat()), Some(stat()));
    let rows: Vec<_> = success.rows.unwrap().rows().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let cells: Vec<_> = rows[0].cells().map(Result::unwrap).collect();
    let integers = Multiple::new(&[1, 2]);
    let expected = [
        (0x3001_001F, Cell::Value(V::String(Utf16::new(b"A\0l\0i\0c\0e\0").unwrap()))),
        (0x39FE_001E, Cell::Value(V::String8(b"al"))),
        (0x0FFE_0003, Cell::Value(V::Integer32(-2))),
        (0x3A40_000B, Cell::Value(V::Boolean(true))),
        (0x3002_000A, Cell::Error(ErrorCode::NOT_FOUND)),
        (0x3007_0040, Cell::Value(V::Time(FileTime::from_intervals(0x01D0_0000_1122_3344)))),
        (0x3017_0002, Cell::Value(V::Integer16(7))),
        (0x0FFF_0102, Cell::Value(V::Binary(b"abc"))),
        (0x800F_101E, Cell::Value(V::MultipleString8(MultipleString8::new(&[b"smtp:a@b", b"SMTP:c@d"])))),
        (0x8010_1003, Cell::Value(V::MultipleInteger32(integers))),
        (0x8011_1102, Cell::Value(V::MultipleBinary(MultipleBinary::new(&[b"abc", b"d"])))),
    ];
    let (wide, rest): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(tag, _)| tag.0 == 0x800F_101F);
    assert_eq!(rest, expected.map(|(tag, cell)| (PropertyTag(tag), cell)));
    let [(_, Cell::Value(V::MultipleString(wide)))] = wide[..] else { panic!("{wide:?}") };
    assert_eq!(wide.iter().map(|text| text.to_string()).collect::<Vec<_>>(), ["x", "yz"]);
    let name = rows[1].cell(PropertyTag(0x3001_001F)).unwrap().unwrap();
    assert!(matches!(name, Cell::Value(V::String(text)) if text.to_string() == "Alice"));
    check(file, &Response(success));
}

/// impacket puts a referent id in front of a STAT that the interface definition has no pointer for, so all of it stands one place
/// too late; Exchange reads past that, since what it needs is in front.
#[test]
fn impacket_sends_a_pointer_to_the_stat_of_get_special_table() {
    let file = vector("ms-oxnspi/get_special_table_request.hex");
    let le = DataRepresentation::LITTLE_ENDIAN;
    let (read, end) = decode_stub::<Request<GetSpecialTableRequest<'_>>>(&file.bytes, le, &Limits::DEFAULT).unwrap();
    assert_eq!((read.handle, read.body.flags), (handle(), SpecialTableFlags::UNICODE_STRINGS));
    assert_eq!(read.body.version, Some(0));
    assert_eq!(file.bytes.len() - end, 4, "one place behind the last parameter");
}

#[test]
fn damaged_vectors_are_errors_or_other_values() {
    for file in ["query_rows_request", "query_rows_response", "resolve_names_w_request", "dn_to_mid_request"] {
        let file = Vector::load(&format!("ms-oxnspi/{file}.hex"));
        let le = DataRepresentation::LITTLE_ENDIAN;
        let look = |stub: &[u8]| {
            if let Ok(read) = decode_stub::<Request<QueryRowsRequest<'_>>>(stub, le, &Limits::DEFAULT) {
                assert!(!format!("{read:?}").is_empty());
            }
            if let Ok((Response(read), _)) = decode_stub::<Response<QueryRowsSuccess<'_>>>(stub, le, &Limits::DEFAULT) {
                let rows = read.rows.into_iter().flat_map(|rows| rows.rows().collect::<Vec<_>>());
                rows.for_each(|row| assert!(row.unwrap().cells().all(|cell| cell.is_ok())));
            }
            if let Ok(read) = decode_stub::<Request<DnToMIdRequest<'_>>>(stub, le, &Limits::DEFAULT) {
                assert!(!format!("{read:?}").is_empty());
            }
        };
        file.truncations().for_each(look);
        file.flips().for_each(|flipped| look(&flipped));
    }
}

#[test]
fn referrals() {
    let file = vector("ms-oxabref/get_new_dsa_request.hex");
    let request: GetNewDsaRequest<'_> = read(file);
    assert_eq!(request, GetNewDsaRequest { user_dn: b"/o=A/cn=bob", server_wanted: true });
    let fqdn = GetFqdnFromServerDnRequest { server_dn: b"/o=A/cn=mbx1" };
    check(vector("ms-oxabref/get_fqdn_from_server_dn_request.hex"), &fqdn);
}
