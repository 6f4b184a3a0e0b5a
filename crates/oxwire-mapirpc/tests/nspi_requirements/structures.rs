//! The structures: [MS-OXNSPI] 2.2.

use oxwire_core::{FileTime, Limits, Reader};
use oxwire_mapi::nspi::{
    DnToMIdRequest, GetPropListSuccess, GetPropsSuccess, GetSpecialTableSuccess, QueryRowsRequest, QueryRowsSuccess,
    Strings, TaggedValue, ValueList, WideStrings,
};
use oxwire_mapi::property::{
    CountWidth, ErrorCode, Multiple, MultipleBinary, MultipleString8, PropertyTag, PropertyValue as V, Restriction,
};
use oxwire_mapirpc::nspi::{Filter, GetMatchesRequest, Request, Response};
use oxwire_rpc::ndr::{decode_stub, encode_stub};

use super::{
    AUX, EXIST, GUID, HANDLE, LE, OK, PTR0, PTR1, PTR2, PTR3, ROW, ROWS, STAT, STRINGS, TAGS_R, TARGET, WSTRINGS1,
    ZERO, list, lists, matches, request, stat, tags, wide,
};

/// Rows, the property type, the arm, what it refers to, the value.
type ValueCase<'a> = (&'a str, u16, Vec<u8>, Vec<u8>, V<'a>);

/// One value of a PropertyRow_r, in the answer to an NspiGetProps: the part in the array, and what it refers to.
#[cfg(test)]
fn value(rows: &str, fixed: &[u8], referent: &[u8], tagged: TaggedValue<'_>) {
    let head = [PTR0, ZERO, &[1, 0, 0, 0], PTR1, &[1, 0, 0, 0]].concat();
    let gap = vec![0; (4 - (head.len() + fixed.len() + referent.len()) % 4) % 4];
    let between = vec![0; if referent.is_empty() { 0 } else { (4 - fixed.len() % 4) % 4 }];
    let stub = [&head[..], fixed, &between, referent, &gap, ZERO].concat();
    let values = [tagged];
    let property_values = Some(ValueList::new(&values));
    let body = GetPropsSuccess { error_code: OK, code_page: 0, property_values, auxiliary_buffer: AUX };
    assert_eq!(encode_stub(&Response(body)).as_deref(), Ok(&stub[..]), "{rows}");
    let (Response(read), _) = decode_stub::<Response<GetPropsSuccess<'_>>>(&stub, LE, &Limits::DEFAULT).expect(rows);
    assert_eq!(read, body, "{rows}");
}

/// The part in the array: ulPropTag of id 0x8001, ulReserved, the discriminant, the arm.
#[cfg(test)]
fn fixed(property_type: u16, arm: &[u8]) -> Vec<u8> {
    let [a, b] = property_type.to_le_bytes();
    [&[a, b, 1, 0x80], ZERO, &[a, b, 0, 0], arm].concat()
}

#[test]
fn property_values() {
    let two = &[2, 0, 0, 0];
    let one = &[1, 0, 0, 0];
    let p2: &[u8] = PTR2;
    let times = [FileTime::from_intervals(0x0102_0304_0506_0708)];
    let cases: &[ValueCase<'_>] = &[
        (
            "MS-OXNSPI_R26 MS-OXNSPI_R27 MS-OXNSPI_R1505 MS-OXNSPI_R181 MS-OXNSPI_R1572",
            3,
            vec![0xFE, 0xFF, 0xFF, 0xFF],
            vec![],
            V::Integer32(-2),
        ),
        ("MS-OXNSPI_R1506 MS-OXNSPI_R182 MS-OXNSPI_R183", 0x0B, vec![1, 0], vec![], V::Boolean(true)),
        ("MS-OXNSPI_R183", 0x0B, vec![0, 0], vec![], V::Boolean(false)),
        ("MS-OXNSPI_R31 MS-OXNSPI_R1657", 0x0D, vec![4, 3, 2, 1], vec![], V::EmbeddedTable(0x0102_0304)),
        (
            "MS-OXNSPI_R1507 MS-OXNSPI_R184 MS-OXNSPI_R185",
            0x1E,
            p2.to_vec(),
            b"\x03\0\0\0\0\0\0\0\x03\0\0\0al\0".to_vec(),
            V::String8(b"al"),
        ),
        (
            "MS-OXNSPI_R1508 MS-OXNSPI_R144 MS-OXNSPI_R1564 MS-OXNSPI_R145 MS-OXNSPI_R147 MS-OXNSPI_R186",
            0x0102,
            [&[3, 0, 0, 0], p2].concat(),
            b"\x03\0\0\0abc".to_vec(),
            V::Binary(b"abc"),
        ),
        (
            "MS-OXNSPI_R3 MS-OXNSPI_R1509 MS-OXNSPI_R188 MS-OXNSPI_R189",
            0x1F,
            p2.to_vec(),
            b"\x02\0\0\0\0\0\0\0\x02\0\0\0\xEB\0\0\0".to_vec(),
            V::String(wide(b"\xEB\0")),
        ),
        (
            "MS-OXNSPI_R136 MS-OXNSPI_R1562 MS-OXNSPI_R190 MS-OXNSPI_R191",
            0x48,
            p2.to_vec(),
            GUID.to_wire().to_vec(),
            V::Guid(GUID),
        ),
        (
            "MS-OXNSPI_R2 MS-OXNSPI_R1511 MS-OXNSPI_R192 MS-OXNSPI_R193",
            0x40,
            vec![8, 7, 6, 5, 4, 3, 2, 1],
            vec![],
            V::Time(times[0]),
        ),
        (
            "MS-OXNSPI_R1512 MS-OXNSPI_R194 MS-OXNSPI_R224",
            0x0A,
            vec![0x0F, 1, 4, 0x80],
            vec![],
            V::ErrorCode(ErrorCode::NOT_FOUND),
        ),
        (
            "MS-OXNSPI_R148 MS-OXNSPI_R1565 MS-OXNSPI_R149 MS-OXNSPI_R151 MS-OXNSPI_R195",
            0x1002,
            [two, p2].concat(),
            b"\x02\0\0\0\x01\0\xFF\xFF".to_vec(),
            V::MultipleInteger16(Multiple::new(&[1, -1])),
        ),
        (
            "MS-OXNSPI_R152 MS-OXNSPI_R1566 MS-OXNSPI_R153 MS-OXNSPI_R155 MS-OXNSPI_R197",
            0x1003,
            [two, p2].concat(),
            b"\x02\0\0\0\x01\0\0\0\xFF\xFF\xFF\xFF".to_vec(),
            V::MultipleInteger32(Multiple::new(&[1, -1])),
        ),
        (
            "MS-OXNSPI_R156 MS-OXNSPI_R1567 MS-OXNSPI_R157 MS-OXNSPI_R159 MS-OXNSPI_R160 MS-OXNSPI_R1515 MS-OXNSPI_R199 MS-OXNSPI_R200",
            0x101E,
            [two, p2].concat(),
            [
                b"\x02\0\0\0",
                PTR3,
                &[0x10, 0, 2, 0],
                b"\x02\0\0\0\0\0\0\0\x02\0\0\0a\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0",
            ]
            .concat(),
            V::MultipleString8(MultipleString8::new(&[b"a", b""])),
        ),
        (
            "MS-OXNSPI_R161 MS-OXNSPI_R1568 MS-OXNSPI_R162 MS-OXNSPI_R164 MS-OXNSPI_R1516 MS-OXNSPI_R202",
            0x1102,
            [one, p2].concat(),
            [b"\x01\0\0\0\x02\0\0\0", PTR3, b"\x02\0\0\0ab"].concat(),
            V::MultipleBinary(MultipleBinary::new(&[b"ab"])),
        ),
        (
            "MS-OXNSPI_R165 MS-OXNSPI_R1569 MS-OXNSPI_R166 MS-OXNSPI_R168 MS-OXNSPI_R205 MS-OXNSPI_R206",
            0x1048,
            [one, p2].concat(),
            [b"\x01\0\0\0", PTR3, &GUID.to_wire()[..]].concat(),
            V::MultipleGuid(Multiple::new(&[GUID])),
        ),
        (
            "MS-OXNSPI_R174 MS-OXNSPI_R1571 MS-OXNSPI_R175 MS-OXNSPI_R177 MS-OXNSPI_R211 MS-OXNSPI_R212",
            0x1040,
            [one, p2].concat(),
            b"\x01\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01".to_vec(),
            V::MultipleTime(Multiple::new(&times)),
        ),
        ("MS-OXNSPI_R34 MS-OXNSPI_R1707 MS-OXNSPI_R1708", 0x01, vec![0; 4], vec![], V::Null),
    ];
    for (rows, property_type, arm, referent, what) in cases {
        let tagged = TaggedValue::new(PropertyTag(0x8001_0000), *what);
        assert_eq!(tagged.tag.property_type().0, *property_type, "{rows}");
        value(rows, &fixed(*property_type, arm), referent, tagged);
    }
    // WStringArray_r, from text of the caller's.
    let rows = "MS-OXNSPI_R169 MS-OXNSPI_R1570 MS-OXNSPI_R170 MS-OXNSPI_R172 MS-OXNSPI_R173 MS-OXNSPI_R1517 MS-OXNSPI_R208 MS-OXNSPI_R209";
    let stub =
        [&[2, 0, 0, 0], PTR3, &[0x10, 0, 2, 0], b"\x02\0\0\0\0\0\0\0\x02\0\0\0a\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0"]
            .concat();
    let read = oxwire_mapi::property::MultipleString::decode_referents(&mut Reader::new(&stub[4..]), 2).unwrap();
    let tagged = TaggedValue::new(PropertyTag(0x8001_0000), V::MultipleString(read));
    value(rows, &fixed(0x101F, &[two, p2].concat()), &stub, tagged);
}

/// A value that RPC has no type for is PtypNull.
#[test]
fn oxnspi_r34_what_cannot_be_expressed_is_null() {
    for what in [V::Integer64(1), V::Floating64(1.0), V::Currency(1)] {
        let values = [TaggedValue::new(PropertyTag(0x8001_0000), what)];
        let property_values = Some(ValueList::new(&values));
        let body = GetPropsSuccess { error_code: OK, code_page: 0, property_values, auxiliary_buffer: AUX };
        let stub = encode_stub(&Response(body)).unwrap();
        assert_eq!(stub[20..36], fixed(1, ZERO)[..]);
    }
}

/// cValues, cRows, cRes, Count: more than 100,000; cb: more than 2,097,152.
#[test]
fn counts_past_the_limits_of_the_interface_definition() {
    const MANY: [u8; 4] = 100_001_u32.to_le_bytes();
    const LONG: [u8; 4] = 2_097_153_u32.to_le_bytes();
    let limits = Limits::DEFAULT.with_items(1_000_000);
    let props = |property_type: u16, arm: &[u8], behind: &[u8]| {
        [PTR0, ZERO, &[1, 0, 0, 0], PTR1, &[1, 0, 0, 0], &fixed(property_type, arm), behind, &[0; 64]].concat()
    };
    for (rows, property_type) in [
        ("MS-OXNSPI_R150 MS-OXNSPI_R196", 0x1002),
        ("MS-OXNSPI_R154 MS-OXNSPI_R198", 0x1003),
        ("MS-OXNSPI_R158 MS-OXNSPI_R201", 0x101E),
        ("MS-OXNSPI_R163 MS-OXNSPI_R204", 0x1102),
        ("MS-OXNSPI_R167 MS-OXNSPI_R207", 0x1048),
        ("MS-OXNSPI_R171 MS-OXNSPI_R210", 0x101F),
        ("MS-OXNSPI_R176 MS-OXNSPI_R213", 0x1040),
    ] {
        let stub = props(property_type, &[&MANY, PTR2].concat(), &MANY);
        let error = decode_stub::<Response<GetPropsSuccess<'_>>>(&stub, LE, &limits).unwrap_err();
        assert_eq!(error.field, "cValues", "{rows}: {error}");
    }
    for (rows, stub) in [
        ("MS-OXNSPI_R146 MS-OXNSPI_R187", props(0x0102, &[&LONG, PTR2].concat(), &LONG)),
        ("MS-OXNSPI_R203", props(0x1102, &[&[1, 0, 0, 0], PTR2].concat(), &[&[1, 0, 0, 0], &LONG[..], PTR3].concat())),
    ] {
        let error = decode_stub::<Response<GetPropsSuccess<'_>>>(&stub, LE, &limits).unwrap_err();
        assert_eq!(error.field, "cb", "{rows}: {error}");
    }
    let long = vec![0; 2_097_153];
    let values = [TaggedValue::new(PropertyTag(0x8001_0000), V::Binary(&long))];
    let property_values = Some(ValueList::new(&values));
    let body = GetPropsSuccess { error_code: OK, code_page: 0, property_values, auxiliary_buffer: AUX };
    assert_eq!(encode_stub(&Response(body)).unwrap_err().field, "cb");

    let refused = |rows: &str, stub: &[&[u8]], field: &str| {
        let stub = [&stub.concat(), &[0; 64][..]].concat();
        let error = match rows {
            "MS-OXNSPI_R230" => decode_stub::<Response<GetPropsSuccess<'_>>>(&stub, LE, &limits).map(drop),
            "MS-OXNSPI_R236" => decode_stub::<Response<QueryRowsSuccess<'_>>>(&stub, LE, &limits).map(drop),
            "MS-OXNSPI_R246" => decode_stub::<GetMatchesRequest<'_>>(&stub, LE, &limits).map(drop),
            "MS-OXNSPI_R301" => decode_stub::<Request<DnToMIdRequest<'_>>>(&stub, LE, &limits).map(drop),
            "MS-OXNSPI_R925" => decode_stub::<Request<QueryRowsRequest<'_>>>(&stub, LE, &limits).map(drop),
            _ => decode_stub::<Request<oxwire_mapi::nspi::ResolveNamesRequest<'_>>>(&stub, LE, &limits).map(drop),
        };
        assert_eq!(error.unwrap_err().field, field, "{rows}");
    };
    let pointers = vec![1; 400_004];
    refused("MS-OXNSPI_R230", &[PTR0, ZERO, &MANY, PTR1, &MANY], "cValues");
    refused("MS-OXNSPI_R236", &[STAT, PTR0, &MANY, &MANY], "aRow");
    refused("MS-OXNSPI_R925", &[HANDLE, ZERO, STAT, &MANY], "dwETableCount");
    refused("MS-OXNSPI_R301", &[HANDLE, ZERO, &MANY, &MANY, &pointers], "Count");
    refused("MS-OXNSPI_R306", &[HANDLE, ZERO, STAT, ZERO, &MANY, &MANY, &pointers], "Count");
    let and = [HANDLE, ZERO, STAT, ZERO, ZERO, PTR0, ZERO, ZERO, &MANY, PTR1, &MANY, &vec![8; 1_200_012]];
    refused("MS-OXNSPI_R246", &and, "cRes");
}

/// Restrictions: Restriction_r in NDR, and what MAPI over HTTP has.
#[test]
fn restrictions() {
    let rt = |kind: u8| [kind, 0, 0, 0, kind, 0, 0, 0];
    let exist_http = b"\x08\x1F\0\x01\x30";
    let value = &TARGET[..12];
    let text = &TARGET[16..];
    let cases: &[(&str, Vec<u8>, Vec<u8>)] = &[
        (
            "MS-OXNSPI_R265 MS-OXNSPI_R266 MS-OXNSPI_R1580 MS-OXNSPI_R267 MS-OXNSPI_R268 MS-OXNSPI_R269 MS-OXNSPI_R270 MS-OXNSPI_R271 MS-OXNSPI_R279 MS-OXNSPI_R272 MS-OXNSPI_R273 MS-OXNSPI_R1581 MS-OXNSPI_R280 MS-OXNSPI_R282 MS-OXNSPI_R1582 MS-OXNSPI_R283 MS-OXNSPI_R284",
            EXIST.to_vec(),
            exist_http.to_vec(),
        ),
        (
            "MS-OXNSPI_R239 MS-OXNSPI_R240 MS-OXNSPI_R241 MS-OXNSPI_R242 MS-OXNSPI_R243 MS-OXNSPI_R244 MS-OXNSPI_R1576 MS-OXNSPI_R245 MS-OXNSPI_R247 MS-OXNSPI_R274 MS-OXNSPI_R281",
            [&rt(0)[..], &[2, 0, 0, 0], PTR1, &[2, 0, 0, 0], EXIST, EXIST].concat(),
            [b"\0\x02\0\0\0", &exist_http[..], exist_http].concat(),
        ),
        (
            "MS-OXNSPI_R239 MS-OXNSPI_R242 MS-OXNSPI_R275",
            [&rt(1)[..], &[1, 0, 0, 0], PTR1, &[1, 0, 0, 0], EXIST].concat(),
            [b"\x01\x01\0\0\0", &exist_http[..]].concat(),
        ),
        (
            "MS-OXNSPI_R248 MS-OXNSPI_R249 MS-OXNSPI_R1577 MS-OXNSPI_R250 MS-OXNSPI_R276",
            [&rt(2)[..], PTR1, EXIST].concat(),
            [b"\x02", &exist_http[..]].concat(),
        ),
        (
            "MS-OXNSPI_R251 MS-OXNSPI_R252 MS-OXNSPI_R1578 MS-OXNSPI_R253 MS-OXNSPI_R254 MS-OXNSPI_R255 MS-OXNSPI_R258 MS-OXNSPI_R259 MS-OXNSPI_R277 MS-OXNSPI_R470",
            [&rt(3)[..], b"\x02\0\x01\0\x1F\0\x01\x30", PTR1, value, PTR2, text].concat(),
            b"\x03\x02\0\x01\0\x1F\0\x01\x30\xFF\x1F\0\x01\x30\xFFa\0\0\0".to_vec(),
        ),
        (
            "MS-OXNSPI_R260 MS-OXNSPI_R261 MS-OXNSPI_R1579 MS-OXNSPI_R262 MS-OXNSPI_R263 MS-OXNSPI_R264 MS-OXNSPI_R278",
            [&rt(4)[..], b"\x04\0\0\0\x1F\0\x01\x30", PTR1, value, PTR2, text].concat(),
            b"\x04\x04\x1F\0\x01\x30\xFF\x1F\0\x01\x30\xFFa\0\0\0".to_vec(),
        ),
    ];
    for (rows, ndr, http) in cases {
        let restriction = Restriction::decode(&mut Reader::new(http), CountWidth::AddressBook).unwrap();
        let mut request = matches();
        request.filter = Some(Filter::from(&restriction));
        request.body.property_name = None;
        request.body.columns = None;
        let stub = [HANDLE, ZERO, STAT, ZERO, ZERO, PTR0, ndr, ZERO, &[50, 0, 0, 0], ZERO].concat();
        assert_eq!(encode_stub(&request).as_deref(), Ok(&stub[..]), "{rows}");
        let (read, _) = decode_stub::<GetMatchesRequest<'_>>(&stub, LE, &Limits::DEFAULT).unwrap();
        assert_eq!(read.filter.unwrap().restriction().unwrap().as_bytes(), http, "{rows}");
    }
}

/// PropertyTagArray_r, PropertyRow_r and PropertyRowSet_r, StringsArray_r and WStringsArray_r, inside the calls above.
#[test]
fn aggregates() {
    let property_tags = Some(tags());
    let success = GetPropListSuccess { error_code: OK, property_tags, auxiliary_buffer: AUX };
    let stub = encode_stub(&Response(success)).unwrap();
    assert_eq!(stub[4..28], *TAGS_R, "{}", "MS-OXNSPI_R134 MS-OXNSPI_R140 MS-OXNSPI_R1563");
    let property_values = Some(list());
    let success = GetPropsSuccess { error_code: OK, code_page: 0, property_values, auxiliary_buffer: AUX };
    let stub = encode_stub(&Response(success)).unwrap();
    let rows = "MS-OXNSPI_R219 MS-OXNSPI_R1573 MS-OXNSPI_R225 MS-OXNSPI_R226 MS-OXNSPI_R1574 MS-OXNSPI_R1709 MS-OXNSPI_R229 MS-OXNSPI_R231";
    assert_eq!(stub[4..36], *ROW, "{rows}");
    let success = GetSpecialTableSuccess {
        error_code: OK,
        code_page: 0,
        version: None,
        rows: Some(lists()),
        auxiliary_buffer: AUX,
    };
    let stub = encode_stub(&Response(success)).unwrap();
    assert_eq!(stub[8..48], *ROWS, "{}", "MS-OXNSPI_R99 MS-OXNSPI_R234 MS-OXNSPI_R1575");
    let names = request(DnToMIdRequest { names: Some(Strings::new(&[b"/o=A"])), auxiliary_buffer: AUX });
    let rows = "MS-OXNSPI_R298 MS-OXNSPI_R299 MS-OXNSPI_R1585 MS-OXNSPI_R300 MS-OXNSPI_R302 MS-OXNSPI_R303";
    assert_eq!(encode_stub(&names).unwrap()[24..], *STRINGS, "{rows}");
    let names = request(oxwire_mapi::nspi::ResolveNamesRequest {
        state: Some(stat()),
        property_tags: None,
        names: Some(WideStrings::new(&["\u{EB}"])),
        auxiliary_buffer: AUX,
    });
    let rows = "MS-OXNSPI_R304 MS-OXNSPI_R1586 MS-OXNSPI_R305 MS-OXNSPI_R307 MS-OXNSPI_R308";
    let wide = [&WSTRINGS1[..8], PTR0, &WSTRINGS1[12..]].concat();
    assert_eq!(encode_stub(&names).unwrap()[64..], wide[..], "{rows}");
}
