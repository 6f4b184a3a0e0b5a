//! Compressed payloads and chains of payloads, by the rows of [MS-OXCRPC] 3.1.4.1.1 and 3.1.4.2.1.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeErrorKind, EncodeError, EncodeErrorKind, Limits, Writer, decode_all};
use oxwire_mapi::aux_buffer::{AuxBlock, AuxBlocks, OtherAuxBlock};
use oxwire_mapi::mapihttp::{ExecuteFlags, ExecuteRequestBuilder, ExecuteResponse, ExecuteSuccessBuilder};
use oxwire_mapi::rop::RopId;
use oxwire_mapi::rpc_header_ext::{
    ChainWriter, ExtendedBuffer, ExtendedBuffers, MAX_PAYLOAD, Packer, PayloadForm, RpcHeaderFlags, xor_magic,
};
use proptest::prelude::*;

/// [MS-XCA] 3.1: "abc" a hundred times.
const PACKED: &[u8] = b"\xff\xff\xff\x1fabc\x17\0\x0f\xff\x26\x01";

const FORMS: [PayloadForm; 4] =
    [PayloadForm::Plain, PayloadForm::XorMagic, PayloadForm::Compressed, PayloadForm::CompressedXorMagic];

fn header(flags: u16, size: usize, actual: usize) -> Vec<u8> {
    let half = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
    [[0, 0], flags.to_le_bytes(), half(size), half(actual)].concat()
}

fn xored(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    xor_magic(&mut bytes);
    bytes
}

fn writes(payload: &[u8]) -> impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError> {
    |w| {
        w.bytes(payload);
        Ok(())
    }
}

fn payloads(chain: &[u8]) -> Result<Vec<Vec<u8>>, oxwire_core::DecodeError> {
    ExtendedBuffers::new(chain).map(|buffer| Ok(buffer?.payload()?.into_owned())).collect()
}

/// Compressed, then obfuscated; read the other way round. The bytes are those of the published example.
#[test]
fn each_form_byte_for_byte() {
    let plain = b"abc".repeat(100);
    for (rows, form, wire) in [
        // Not obfuscated, and not compressed either: the connection may be encrypted anyway.
        ("MS-OXCRPC_R732 MS-OXCRPC_R1638", PayloadForm::Plain, [header(4, 300, 300), plain.clone()].concat()),
        // Not obfuscated, as it is compressed.
        ("MS-OXCRPC_R731", PayloadForm::Compressed, [header(5, PACKED.len(), 300), PACKED.to_vec()].concat()),
        ("MS-OXCRPC_R766 MS-OXCRPC_R779", PayloadForm::Plain, [header(4, 300, 300), plain.clone()].concat()),
        (
            "MS-OXCRPC_R742 MS-OXCRPC_R753 MS-OXCRPC_R770 MS-OXCRPC_R783 MS-OXCRPC_R784",
            PayloadForm::XorMagic,
            [header(6, 300, 300), xored(&plain)].concat(),
        ),
        (
            "MS-OXCRPC_R739 MS-OXCRPC_R750 MS-OXCRPC_R767 MS-OXCRPC_R780 MS-OXCRPC_R781 MS-OXCRPC_R831 MS-OXCRPC_R1482 MS-OXCRPC_R1770",
            PayloadForm::Compressed,
            [header(5, PACKED.len(), 300), PACKED.to_vec()].concat(),
        ),
        (
            "MS-OXCRPC_R4841 MS-OXCRPC_R4846 MS-OXCRPC_R4859 MS-OXCRPC_R4862",
            PayloadForm::CompressedXorMagic,
            [header(7, PACKED.len(), 300), xored(PACKED)].concat(),
        ),
    ] {
        let mut out = BytesMut::from(&b"before"[..]);
        let written = Packer::new().write(&mut out, form, writes(&plain));
        assert_eq!((written, &out[6..]), (Ok(wire.len()), &wire[..]), "{rows}");
        let buffer: ExtendedBuffer<'_> = decode_all(&wire, &Limits::DEFAULT).unwrap();
        assert_eq!(buffer.payload().as_deref(), Ok(&plain[..]), "{rows}");
        let mut copy = BytesMut::from(&b"before"[..]);
        assert_eq!(buffer.copy_payload_to(&mut copy), Ok(()), "{rows}");
        assert_eq!(&copy[6..], &plain[..], "{rows}");
    }
}

/// What compression would not shorten is sent as it is, with the flags that say so; a small payload is not compressed at all.
#[test]
fn oxcrpc_r730_r1634_r1636_what_does_not_get_shorter_goes_as_it_is() {
    let mut state = 1_u32;
    let random: Vec<u8> = (0..4000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let mut packer = Packer::new();
    for payload in [&random[..], &[7; 100], b""] {
        for form in FORMS {
            let mut out = BytesMut::new();
            packer.write(&mut out, form, writes(payload)).unwrap();
            let buffer: ExtendedBuffer<'_> = decode_all(&out, &Limits::DEFAULT).unwrap();
            assert_eq!((buffer.is_compressed(), buffer.is_obfuscated()), (false, form.is_obfuscated()));
            assert_eq!(buffer.payload().as_deref(), Ok(payload));
        }
    }
}

/// Each payload of a chain by its own flags, [MS-OXCRPC] 3.2.4.1.1.
#[test]
fn oxcrpc_r786_r1675_r1698_each_payload_by_its_own_flags() {
    let plain = b"abc".repeat(100);
    let chain = [
        header(0, 2, 2),
        vec![2, 0],
        header(1, PACKED.len(), 300),
        PACKED.to_vec(),
        header(3, PACKED.len(), 300),
        xored(PACKED),
        header(6, 3, 3),
        xored(&[1, 2, 3]),
    ]
    .concat();
    assert_eq!(payloads(&chain), Ok(vec![vec![2, 0], plain.clone(), plain, vec![1, 2, 3]]));
    let offsets: Vec<usize> =
        ExtendedBuffers::new(&chain).at_offset(100).map(|buffer| buffer.unwrap().offset()).collect();
    assert_eq!(offsets, [108, 118, 139, 160]);
    // A payload that is not touched is a slice of the chain.
    let body = Bytes::from(chain);
    let first = ExtendedBuffers::new(&body).next().unwrap().unwrap();
    assert_eq!(first.payload_bytes(&body).unwrap().as_ptr(), body[8..].as_ptr());
    assert_eq!(payloads(&[]), Ok(vec![]));
}

/// Only the last header has the Last flag, so a chain that ends without it, or goes on behind it, is an error with its place; the
/// payloads before it have been given.
#[test]
fn a_chain_that_is_cut_off_or_too_long_is_an_error_with_its_place() {
    let one = [header(0, 1, 1), vec![7]].concat();
    let last = [header(4, 1, 1), vec![8]].concat();
    let packed = [header(5, PACKED.len(), 300), PACKED.to_vec()].concat();
    for (rows, chain, good, offset, field) in [
        ("MS-OXCRPC_R766 MS-OXCRPC_R779", one.clone(), 1, 9, "RPC_HEADER_EXT"),
        ("MS-OXCRPC_R778", [&one[..], &last, &last].concat(), 2, 18, "end"),
        ("MS-OXCRPC_R777", [&one[..], &last[..7]].concat(), 1, 15, "SizeActual"),
        ("MS-OXCRPC_R1775", [&one[..], &last[..8]].concat(), 1, 17, "payload"),
        ("MS-OXCRPC_R777", [&one[..], &[1, 0, 4, 0, 0, 0, 0, 0]].concat(), 1, 9, "Version"),
        // The stream inside: its metadata reaches past SizeActual.
        ("MS-OXCRPC_R781", [&one[..], &header(5, PACKED.len(), 299), PACKED].concat(), 2, 24, "length"),
        ("MS-OXCRPC_R781", [&one[..], &packed[..]].concat(), 2, 99, ""),
    ] {
        let buffers: Vec<_> = ExtendedBuffers::new(&chain).collect();
        assert_eq!(buffers.iter().filter(|buffer| buffer.is_ok()).count(), good, "{rows}");
        let error = payloads(&chain).err().map(|error| (error.offset, error.field));
        let expected = (offset < 99).then_some((offset, field));
        assert_eq!(error, expected, "{rows}");
    }
    let endless = [header(0, 0, 0), header(0, 0, 0)].concat();
    let error = payloads(&endless).unwrap_err();
    assert_eq!(error.offset, 16);
    assert!(error.to_string().contains("Last flag (0x0004)"), "{error}");
}

/// [MS-OXCRPC] 3.1.4.2.1.2.2: no more than 96 payloads; and no more bytes than the caller allows.
#[test]
fn oxcrpc_r969_a_chain_is_bounded() {
    let chain = [header(0, 0, 0).repeat(96), header(4, 0, 0)].concat();
    let read: Vec<_> = ExtendedBuffers::new(&chain).collect();
    assert_eq!(read.len(), 97);
    let error = read[96].unwrap_err();
    assert_eq!((error.offset, error.field), (96 * 8, "RPC_HEADER_EXT"));
    assert!(matches!(error.kind, DecodeErrorKind::Limit { allowed: 96, found: 97, .. }), "{error}");
    assert_eq!(payloads(&chain[8..]).map(|payloads| payloads.len()), Ok(96));

    let mut out = BytesMut::new();
    let mut packer = Packer::new();
    let mut writer = ChainWriter::new(&mut packer, &mut out, PayloadForm::Plain, ExecuteFlags::CHAIN, usize::MAX);
    for _ in 0..96 {
        assert_eq!(writer.push(writes(b"x")), Ok(()));
    }
    assert_eq!((writer.len(), writer.room(), writer.can_pack(RopId::QUERY_ROWS)), (96, 0, false));
    assert!(writer.push(writes(b"x")).is_err());
    assert_eq!(payloads(&out).map(|payloads| payloads.len()), Ok(96));

    let packed = [header(0, 0, 0), header(5, PACKED.len(), 300), PACKED.to_vec()].concat();
    let limits = Limits::DEFAULT.with_body_bytes(299);
    let error = ExtendedBuffers::with_limits(&packed, &limits).nth(1).unwrap().unwrap_err();
    assert_eq!((error.offset, error.field), (14, "SizeActual"));
}

/// The flags of the request decide what the answer may be, [MS-OXCRPC] 3.1.4.2.
#[test]
fn the_flags_of_the_request_decide() {
    use ExecuteFlags as F;
    for (rows, wanted, flags, allowed) in [
        ("MS-OXCRPC_R634 MS-OXCRPC_R1304", PayloadForm::Compressed, F::NO_COMPRESSION, PayloadForm::Plain),
        ("MS-OXCRPC_R634 MS-OXCRPC_R1304", PayloadForm::CompressedXorMagic, F::NO_COMPRESSION, PayloadForm::XorMagic),
        ("MS-OXCRPC_R638 MS-OXCRPC_R1305", PayloadForm::CompressedXorMagic, F::NO_XOR_MAGIC, PayloadForm::Compressed),
        ("MS-OXCRPC_R638 MS-OXCRPC_R1305", PayloadForm::XorMagic, F::NO_XOR_MAGIC, PayloadForm::Plain),
        ("MS-OXCRPC_R632", PayloadForm::CompressedXorMagic, F::NONE, PayloadForm::CompressedXorMagic),
        ("MS-OXCRPC_R632", PayloadForm::CompressedXorMagic, F::CHAIN, PayloadForm::CompressedXorMagic),
        ("MS-OXCRPC_R632", PayloadForm::Plain, F::NONE, PayloadForm::Plain),
    ] {
        assert_eq!(wanted.allowed_by(flags), allowed, "{rows}");
        let block = OtherAuxBlock { version: 1, block_type: 0x99, payload: &[0; 200] };
        let blocks = [AuxBlock::Other(block)];
        let builder = ExecuteSuccessBuilder { error_code: 0, form: wanted, auxiliary: &blocks };
        let mut body = BytesMut::new();
        let mut packer = Packer::new();
        builder.write_answer(&mut packer, &mut body, flags, 1 << 16, |chain| chain.push(writes(&[7; 500]))).unwrap();
        let body = body.freeze();
        let ExecuteResponse::Success(success) = decode_all(&body, &Limits::DEFAULT).unwrap() else {
            panic!("a failure")
        };
        assert_eq!(success.rop_payload(&body).as_deref(), Ok(&[7; 500][..]), "{rows}");
        for buffer in [success.rop_buffer, success.auxiliary_buffer] {
            let buffer: ExtendedBuffer<'_> = decode_all(buffer, &Limits::DEFAULT).unwrap();
            assert_eq!(buffer.is_compressed(), allowed.is_compressed(), "{rows}");
            assert_eq!(buffer.is_obfuscated(), allowed.is_obfuscated(), "{rows}");
        }
        let auxiliary: ExtendedBuffer<'_> = decode_all(success.auxiliary_buffer, &Limits::DEFAULT).unwrap();
        assert_eq!(AuxBlocks::new(&auxiliary.payload().unwrap()).collect::<Vec<_>>(), [Ok(blocks[0])], "{rows}");
    }
}

/// When another payload may follow: the Chain flag, one of three ROPs, and what is left of MaxRopOut.
#[test]
fn oxcrpc_r642_r959_r960_r968_when_a_server_may_pack() {
    let (rows, stream, fast) = (RopId::QUERY_ROWS, RopId::READ_STREAM, RopId::FAST_TRANSFER_SOURCE_GET_BUFFER);
    for (flags, left, rop, may) in [
        (ExecuteFlags::CHAIN, 32 * 1024, rows, true),
        (ExecuteFlags::CHAIN, 32 * 1024 - 1, rows, false),
        (ExecuteFlags::CHAIN, 8 * 1024, stream, true),
        (ExecuteFlags::CHAIN, 8 * 1024, fast, true),
        (ExecuteFlags::CHAIN, 8 * 1024 - 1, stream, false),
        (ExecuteFlags::CHAIN, 8 * 1024 - 1, fast, false),
        (ExecuteFlags::CHAIN, 1 << 20, RopId::LOGON, false),
        (ExecuteFlags::NONE, 1 << 20, rows, false),
    ] {
        let mut out = BytesMut::from(&b"before"[..]);
        let mut packer = Packer::new();
        let mut writer = ChainWriter::new(&mut packer, &mut out, PayloadForm::Plain, flags, 108 + left);
        assert!(writer.is_empty() && !writer.can_pack(rop), "nothing to go on with yet");
        writer.push(writes(&[1; 100])).unwrap();
        assert_eq!((writer.left(), writer.can_pack(rop)), (left, may), "{rop:?} {left}");
        assert_eq!(writer.room() > 0, flags == ExecuteFlags::CHAIN);
    }
}

/// MaxRopOut holds, what is too long leaves what was there, and only the last payload has the Last flag.
#[test]
fn a_chain_is_written_up_to_max_rop_out() {
    let mut out = BytesMut::from(&b"before"[..]);
    let mut packer = Packer::new();
    let mut writer =
        ChainWriter::new(&mut packer, &mut out, PayloadForm::XorMagic, ExecuteFlags::CHAIN, 8 + 40 + 8 + 10);
    assert_eq!(writer.room(), 58);
    assert_eq!(writer.push(writes(&[1; 40])), Ok(()));
    assert_eq!(writer.room(), 10);
    let error = writer.push(writes(&[2; 11])).unwrap_err();
    assert_eq!(error.kind, EncodeErrorKind::TooLong { max: 10, len: 11 });
    assert_eq!(writer.push(writes(&[3; 10])), Ok(()));
    assert_eq!((writer.len(), writer.left(), writer.room()), (2, 0, 0));
    let flags: Vec<RpcHeaderFlags> =
        ExtendedBuffers::new(&out[6..]).map(|buffer| buffer.unwrap().header().flags).collect();
    let rows =
        "MS-OXCRPC_R775 MS-OXCRPC_R778 MS-OXCRPC_R779 MS-OXCRPC_R965 MS-OXCRPC_R966 MS-OXCRPC_R967 MS-OXCRPC_R1775002";
    assert_eq!(flags, [RpcHeaderFlags::XOR_MAGIC, RpcHeaderFlags::XOR_MAGIC | RpcHeaderFlags::LAST], "{rows}");
    assert_eq!(payloads(&out[6..]), Ok(vec![vec![1; 40], vec![3; 10]]));

    let mut out = BytesMut::new();
    let mut writer = ChainWriter::new(&mut packer, &mut out, PayloadForm::Plain, ExecuteFlags::CHAIN, usize::MAX);
    for (row, len, fits) in [
        ("MS-OXCRPC_R961", MAX_PAYLOAD + 1, false),
        ("MS-OXCRPC_R964", MAX_PAYLOAD, true),
        ("MS-OXCRPC_R964", MAX_PAYLOAD + 1, false),
    ] {
        assert_eq!(writer.push(writes(&vec![0; len])).is_ok(), fits, "{row}");
    }
}

/// [MS-OXCRPC] 3.1.4.2.1.2.1: requests are packed as responses are.
#[test]
fn oxcrpc_r1649001_a_request_with_several_payloads_is_read() {
    let rop_buffer = [header(0, 2, 2), vec![2, 0], header(4, 2, 2), vec![2, 0]].concat();
    let request = oxwire_mapi::mapihttp::ExecuteRequest {
        flags: ExecuteFlags::NONE,
        rop_buffer: &rop_buffer,
        max_rop_out: 0,
        auxiliary_buffer: &[],
    };
    let body = oxwire_core::encode_to_bytes(&request).unwrap();
    let request: oxwire_mapi::mapihttp::ExecuteRequest<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
    let read: Vec<Bytes> = request.rop_payloads(&body).map(Result::unwrap).collect();
    assert_eq!(read, [&[2, 0][..], &[2, 0]]);
    assert_eq!(read[1].as_ptr(), body[26..].as_ptr());
}

/// A packer that is kept takes the same bytes as a new one.
#[test]
fn a_request_in_every_form_comes_back() {
    let payload = b"RopQueryRows ".repeat(1000);
    let mut packer = Packer::new();
    for form in FORMS.into_iter().chain(FORMS) {
        let builder = ExecuteRequestBuilder { form, ..Default::default() };
        let mut out = BytesMut::new();
        builder.write_with(&mut packer, &mut out, writes(&payload)).unwrap();
        assert_eq!(builder.build(payload.len(), writes(&payload)).as_deref(), Ok(&out[..]));
        let body = out.freeze();
        let request: oxwire_mapi::mapihttp::ExecuteRequest<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
        assert_eq!(request.rop_payload(&body).as_deref(), Ok(&payload[..]));
        assert_eq!(body.len() < payload.len() / 10, form.is_compressed());
    }
}

proptest! {
    /// What is written is read back, cut anywhere it is an error, and any damage is bounded.
    #[test]
    fn chains_come_back(
        given in prop::collection::vec((prop::collection::vec(0_u8..4, 0..700), 0_usize..4), 1..6),
        damage in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut packer = Packer::new();
        let mut chain = Vec::new();
        for (at, (payload, form)) in given.iter().enumerate() {
            let mut out = BytesMut::new();
            packer.write(&mut out, FORMS[*form], writes(payload)).unwrap();
            if at + 1 < given.len() {
                out[2] &= !4;
            }
            chain.extend_from_slice(&out);
        }
        let expected: Vec<Vec<u8>> = given.into_iter().map(|(payload, _)| payload).collect();
        prop_assert_eq!(payloads(&chain), Ok(expected));
        for len in 1..chain.len() {
            prop_assert!(payloads(&chain[..len]).is_err());
        }
        let (at, mask) = damage;
        let at = at.index(chain.len());
        chain[at] ^= mask;
        let total: usize = payloads(&chain).map_or(0, |payloads| payloads.iter().map(Vec::len).sum());
        prop_assert!(total <= 6 * 65_536);
    }

    #[test]
    fn no_bytes_break_a_chain(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ExtendedBuffers::new(&bytes).count() <= bytes.len() / 8 + 2);
    }
}
