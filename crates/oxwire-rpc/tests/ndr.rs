//! NDR: alignment, deferred referents, counts that lie, both data representations.

use bytes::BytesMut;
use oxwire_core::{DecodeError, DecodeErrorKind, EncodeError, FileTime, Guid, Limits, Structure};
use oxwire_rpc::ndr::{
    Array, ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter, WideText, decode_stub, encode_stub,
};
use oxwire_rpc::pdu::DataRepresentation;
use proptest::prelude::*;

const LE: DataRepresentation = DataRepresentation::LITTLE_ENDIAN;
const BE: DataRepresentation = DataRepresentation::BIG_ENDIAN;

/// struct { unsigned short id; [string] wchar_t *name; DWORD size; [size_is(size)] BYTE *data; GUID g; }
#[derive(Debug, Clone, PartialEq)]
struct Item<'a> {
    id: u16,
    name: Option<Text<'a>>,
    data: Option<&'a [u8]>,
    guid: Guid,
}

#[derive(Debug, Clone, PartialEq)]
enum Text<'a> {
    Read(WideText<'a>),
    Given(String),
}

impl Text<'_> {
    fn text(&self) -> String {
        match self {
            Self::Read(text) => text.to_string(),
            Self::Given(text) => text.clone(),
        }
    }
}

/// void call(byte flag, ITEM items[count], [string] char *dn, BYTE cva[])
#[derive(Debug, Clone, PartialEq)]
struct Call<'a> {
    flag: u8,
    items: Vec<Item<'a>>,
    dn: &'a [u8],
    bytes: &'a [u8],
}

impl Structure for Call<'_> {
    const NAME: &'static str = "Call";
    const SPEC: &'static str = "[TEST] 1";
}

impl<'de> NdrDecode<'de> for Call<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let flag = r.u8("flag")?;
        let count = r.conformance(32, "items")?;
        let mut pointers = Vec::with_capacity(count);
        for _ in 0..count {
            r.align(4)?;
            let id = r.u16("id")?;
            let name = r.pointer("name")?;
            let size = r.u32("size")?;
            let data = r.pointer("data")?;
            pointers.push((id, name, size, data, r.guid("guid")?));
        }
        let mut items = Vec::with_capacity(count);
        for (id, name, size, data, guid) in pointers {
            let name = r.referent(name, |r| r.string16("name").map(Text::Read))?;
            let data = r.referent(data, |r| r.conformant_bytes_of(size, "data"))?;
            items.push(Item { id, name, data, guid });
        }
        Ok(Self { flag, items, dn: r.string8("dn")?, bytes: r.conformant_varying_bytes("bytes")? })
    }
}

impl NdrEncode for Call<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.u8(self.flag);
        w.conformance(self.items.len(), "items")?;
        for item in &self.items {
            w.align(4);
            w.u16(item.id);
            w.pointer(item.name.is_some());
            w.len_u32(item.data.map_or(0, <[u8]>::len), "size")?;
            w.pointer(item.data.is_some());
            w.guid(item.guid);
        }
        for item in &self.items {
            if let Some(name) = &item.name {
                w.string16(&name.text(), "name")?;
            }
            if let Some(data) = item.data {
                w.conformant_bytes(data, "data")?;
            }
        }
        w.string8(self.dn, "dn")?;
        w.conformant_varying_bytes(self.bytes.len(), self.bytes, "bytes")
    }
}

const GUID: Guid = Guid::from_wire([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

fn call() -> Call<'static> {
    Call {
        flag: 7,
        items: vec![
            Item { id: 1, name: Some(Text::Given("ab".into())), data: Some(&[1, 2, 3]), guid: GUID },
            Item { id: 2, name: None, data: None, guid: GUID },
        ],
        dn: b"/o=X",
        bytes: b"hello",
    }
}

fn hex_digit(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | hex_digit(*digit))).collect()
}

/// What impacket 0.13 writes for [`call`]: its padding is not zero, and its referent ids are its own.
const IMPACKET: &str = "07cecece 02000000 0100aaaa 66220000 03000000 b8910000 000102030405060708090a0b0c0d0e0f
    0200bfbf 00000000 00000000 00000000 000102030405060708090a0b0c0d0e0f
    03000000 00000000 03000000 6100 6200 0000 efef 03000000 010203ab
    05000000 00000000 05000000 2f6f3d5800 cecece 05000000 00000000 05000000 68656c6c6f";

#[test]
fn what_impacket_writes_is_read() {
    let stub = hex(IMPACKET);
    let (read, end) = decode_stub::<Call<'_>>(&stub, LE, &Limits::DEFAULT).unwrap();
    assert_eq!(end, stub.len());
    let expected = call();
    assert_eq!((read.flag, read.dn, read.bytes), (expected.flag, expected.dn, expected.bytes));
    let plain = |items: &[Item<'_>]| -> Vec<_> {
        items.iter().map(|i| (i.id, i.name.as_ref().map(Text::text), i.data.map(<[u8]>::to_vec), i.guid)).collect()
    };
    assert_eq!(plain(&read.items), plain(&expected.items));
}

/// The same bytes with padding of zeros and Windows' referent ids.
#[test]
fn what_is_written_differs_from_impacket_in_padding_and_referent_ids_alone() {
    let expected = IMPACKET
        .replace("07cecece", "07000000")
        .replace("0100aaaa", "01000000")
        .replace("0200bfbf", "02000000")
        .replace("66220000", "00000200")
        .replace("b8910000", "04000200")
        .replace("efef", "0000")
        .replace("010203ab", "01020300")
        .replace("cecece", "000000");
    assert_eq!(encode_stub(&call()).unwrap(), hex(&expected));
}

/// By hand from \[C706\] 14.2: each primitive in both orders, aligned to its size.
#[test]
fn primitives_in_both_data_representations() {
    let le = hex("01 00 0302 07060504 0f0e0d0c0b0a0908 11 000000 15141312 03020100 0504 0706 08090a0b0c0d0e0f");
    let be = hex("01 00 0203 04050607 08090a0b0c0d0e0f 11 000000 12131415 00010203 0405 0607 08090a0b0c0d0e0f");
    for (stub, drep) in [(le, LE), (be, BE)] {
        let mut r = NdrReader::new(&stub, drep);
        assert_eq!(r.u8("a"), Ok(1));
        assert_eq!(r.u16("b"), Ok(0x0203));
        assert_eq!(r.u32("c"), Ok(0x0405_0607));
        assert_eq!(r.u64("d"), Ok(0x0809_0a0b_0c0d_0e0f));
        assert_eq!(r.u8("e"), Ok(0x11));
        assert_eq!(r.u32("f"), Ok(0x1213_1415));
        let guid = r.guid("g").unwrap();
        assert_eq!(guid, "00010203-0405-0607-0809-0a0b0c0d0e0f".parse().unwrap());
        assert_eq!(r.finish(), Ok(()));
    }
}

#[test]
fn text_and_arrays_of_a_big_endian_sender() {
    let stub = hex("00000003 00000000 00000003 0061 20ac 0000 0000 00000002 00000005 00000006 00000001 00000002");
    let mut r = NdrReader::new(&stub, BE);
    let text = r.string16("text").unwrap();
    assert!(text == *"a€");
    assert_eq!(text.as_utf16(), None);
    assert_eq!(text.to_le_bytes().as_ref(), [0x61, 0, 0xac, 0x20]);
    let array: Array<'_, u32> = r.conformant("array").unwrap();
    assert_eq!(array.iter().collect::<Vec<_>>(), [5, 6]);
    assert_eq!((array.at(1), array.at(2)), (Some(6), None));
    assert_eq!(r.file_time("time"), Ok(FileTime::from_intervals(0x0000_0002_0000_0001)));
}

#[test]
fn context_handles_are_twenty_bytes_aligned_to_four() {
    let mut out = BytesMut::new();
    let mut w = NdrWriter::new(&mut out);
    w.u8(1);
    w.context_handle(ContextHandle::new(GUID));
    w.context_handle(ContextHandle::NIL);
    assert_eq!(
        &out[..],
        hex("01000000 00000000 000102030405060708090a0b0c0d0e0f 0000000000000000000000000000000000000000")
    );
    let mut r = NdrReader::new(&out, LE);
    r.u8("a").unwrap();
    assert_eq!(r.context_handle("h"), Ok(ContextHandle::new(GUID)));
    assert!(r.context_handle("h").unwrap().is_nil());
    assert_eq!(format!("{:?}", ContextHandle::new(GUID)), "ContextHandle(03020100-…)");
}

/// Alignment counts from where the stub begins, not from what stands in front of it in the buffer.
#[test]
fn alignment_is_relative_to_the_stub() {
    let mut out = BytesMut::from(&b"xyz"[..]);
    let mut w = NdrWriter::new(&mut out);
    w.u8(1);
    w.u64(2);
    assert_eq!(&out[3..], hex("01 00000000000000 0200000000000000"));
    let mut r = NdrReader::new(&out[3..], LE).at_offset(100);
    r.u8("a").unwrap();
    assert_eq!(r.u64("b"), Ok(2));
    assert_eq!((r.position(), r.u8("c").unwrap_err().offset), (16, 116));
}

/// \[C706\] 14.3.11: a unique pointer that is an argument has its referent at once.
#[test]
fn unique_pointers_of_arguments() {
    let stub = hex("00000000 00000200 05000000 04000200 09000000");
    let mut r = NdrReader::new(&stub, LE);
    assert_eq!(r.unique("a", |r| r.u32("a")), Ok(None));
    assert_eq!(r.unique("b", |r| r.u32("b")), Ok(Some(5)));
    assert_eq!(r.unique("c", |r| r.u32("c")), Ok(Some(9)));
    let mut out = BytesMut::new();
    let mut w = NdrWriter::new(&mut out);
    for value in [None, Some(5), Some(9)] {
        w.unique(value, |w, value| {
            w.u32(value);
            Ok(())
        })
        .unwrap();
    }
    assert_eq!(&out[..], stub);
    let error = NdrReader::new(&stub, LE).reference("ref").unwrap_err();
    assert!(matches!(error.kind, DecodeErrorKind::Value { found: 0, .. }), "{error}");
}

#[test]
fn counts_that_lie_are_errors() {
    let check = |stub: &str, read: &dyn Fn(&mut NdrReader<'_>) -> Option<DecodeError>, text: &str| {
        let stub = hex(stub);
        let error = read(&mut NdrReader::new(&stub, LE)).map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(text), "{error:?} for {text:?}");
    };
    let max = "ffffffff 00000000 00000000";
    check(max, &|r| r.conformant::<u32>("n").err(), "more bytes");
    check(max, &|r| r.conformance(1, "n").err(), "more bytes");
    check(max, &|r| r.conformance(0, "n").err(), "limit `items`");
    check(max, &|r| r.conformant_bytes("n").err(), "limit `value_bytes`");
    check("ffffffff 00000000 ffffffff", &|r| r.conformant_varying_bytes("n").err(), "limit `value_bytes`");
    check("ffffffff 00000000 ffffff7f", &|r| r.string16("n").err(), "limit `value_bytes`");
    check("ffffffff 00000000 10000000", &|r| r.string8("n").err(), "more bytes");
    check("ffffffff 00000000 10000000", &|r| r.conformant_varying::<u16>("n").err(), "more bytes");
    check("02000000 00000000 03000000 616200", &|r| r.string8("n").err(), "at most the maximum count");
    check("02000000 00000000 03000000 6161", &|r| r.string16("n").err(), "at most the maximum count");
    check("02000000 00000000 03000000 6161", &|r| r.conformant_varying::<u16>("n").err(), "at most the maximum count");
    check("02000000 01000000 01000000 00", &|r| r.string8("n").err(), "offset 0");
    check("02000000 01000000 01000000 0000", &|r| r.string16("n").err(), "offset 0");
    check("02000000 01000000 01000000 0000", &|r| r.conformant_varying::<u16>("n").err(), "offset 0");
    check("02000000 00000000 02000000 6162", &|r| r.string8("n").err(), "a NUL");
    check("01000000 00000000 01000000 6162", &|r| r.string16("n").err(), "a NUL");
    check("00000000 00000000 00000000", &|r| r.string8("n").err(), "a NUL");
    check("02000000 6162", &|r| r.conformant_bytes_of(1, "n").err(), "agrees with the argument");
    check(
        "04000000 00000000 02000000 6162",
        &|r| r.conformant_varying_bytes_of(1, "n").err(),
        "agrees with the argument",
    );
    check("04000000", &|r| r.elements::<u32>(2, "n").err(), "more bytes");
}

/// A list whose every node points to the next: bounded by depth, not by the stack.
#[test]
fn nesting_is_bounded() {
    fn node(r: &mut NdrReader<'_>) -> Result<u32, DecodeError> {
        let next = r.pointer("next")?;
        Ok(r.referent(next, node)?.unwrap_or(0) + 1)
    }
    let stub = hex(&"00000200".repeat(1000));
    let error = node(&mut NdrReader::new(&stub, LE)).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Limit { limit: "depth", allowed: 32, found: 33 });
    let stub = hex(&("00000200".repeat(31) + "00000000"));
    assert_eq!(node(&mut NdrReader::new(&stub, LE)), Ok(32));
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let mut out = BytesMut::new();
    let mut w = NdrWriter::new(&mut out);
    assert!(w.string8(b"a\0b", "s").is_err());
    assert!(w.string16("a\0b", "s").is_err());
    let named = Call { dn: b"a\0b", ..call() };
    assert_eq!(
        encode_stub(&named).unwrap_err().to_string(),
        "Call.dn: expected text without a NUL, given 0x0 ([TEST] 1)"
    );
}

#[test]
fn every_prefix_and_every_flip_is_read_without_panic() {
    let stub = hex(IMPACKET);
    for len in 0..stub.len() {
        assert!(decode_stub::<Call<'_>>(&stub[..len], LE, &Limits::DEFAULT).is_err(), "prefix of {len}");
    }
    for at in 0..stub.len() {
        for bit in 0..8 {
            let mut flipped = stub.clone();
            flipped[at] ^= 1 << bit;
            let _any = decode_stub::<Call<'_>>(&flipped, LE, &Limits::DEFAULT);
            let _any = decode_stub::<Call<'_>>(&flipped, BE, &Limits::DEFAULT);
        }
    }
}

proptest! {
    #[test]
    fn round_trip(
        flag: u8,
        items in prop::collection::vec(
            (any::<u16>(), prop::option::of("[^\0]{0,9}"), prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), any::<[u8; 16]>()),
            0..5,
        ),
        dn in "[^\0]{0,20}",
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let given: Vec<_> = items
            .iter()
            .map(|(id, name, data, guid)| Item {
                id: *id,
                name: name.clone().map(Text::Given),
                data: data.as_deref(),
                guid: Guid::from_wire(*guid),
            })
            .collect();
        let value = Call { flag, items: given, dn: dn.as_bytes(), bytes: &bytes };
        let stub = encode_stub(&value).unwrap();
        let (read, end) = decode_stub::<Call<'_>>(&stub, LE, &Limits::DEFAULT).unwrap();
        prop_assert_eq!(end, stub.len());
        prop_assert_eq!((read.flag, read.dn, read.bytes), (value.flag, value.dn, value.bytes));
        prop_assert_eq!(read.items.len(), value.items.len());
        for (read, given) in read.items.iter().zip(&value.items) {
            prop_assert_eq!((read.id, read.data, read.guid), (given.id, given.data, given.guid));
            prop_assert_eq!(read.name.as_ref().map(Text::text), given.name.as_ref().map(Text::text));
        }
        prop_assert_eq!(encode_stub(&read).unwrap(), stub);
    }

    #[test]
    fn any_bytes_are_read_without_panic(stub in prop::collection::vec(any::<u8>(), 0..200)) {
        for drep in [LE, BE] {
            let _any = decode_stub::<Call<'_>>(&stub, drep, &Limits::DEFAULT);
        }
    }
}
