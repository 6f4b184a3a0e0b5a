//! RPC_HEADER_EXT, auxiliary blocks, and the Execute bodies built around them, by the rows of [MS-OXCRPC].

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeErrorKind, Encode, EncodeError, EncodeErrorKind, Limits, Writer, decode_all, encode_to_bytes};
use oxwire_mapi::aux_buffer::{
    AuxBlock, AuxBlocks, AuxClientControl, AuxExOrgInfo, AuxHeader, AuxServerCapabilities, EnableFlags, OrgFlags,
    OtherAuxBlock, ServerCapabilityFlags, ServerTopology, auxiliary_buffer, auxiliary_buffer_len,
};
use oxwire_mapi::mapihttp::{
    ExecuteFlags, ExecuteRequest, ExecuteRequestBuilder, ExecuteResponse, ExecuteSuccess, ExecuteSuccessBuilder,
};
use oxwire_mapi::rpc_header_ext::{ExtendedBuffer, MAX_PAYLOAD, PayloadForm, RpcHeaderExt, RpcHeaderFlags};
use proptest::prelude::*;

#[test]
fn the_fields_of_an_rpc_header_ext() {
    let (last, compressed, xor) = (RpcHeaderFlags::LAST, RpcHeaderFlags::COMPRESSED, RpcHeaderFlags::XOR_MAGIC);
    let cases: [(&str, [u8; 8], RpcHeaderExt); 5] = [
        ("MS-OXCRPC_R33", [0, 0, 4, 0, 2, 0, 2, 0], RpcHeaderExt { flags: last, size: 2, size_actual: 2 }),
        ("MS-OXCRPC_R36", [0, 0, 5, 0, 2, 0, 3, 0], RpcHeaderExt { flags: last | compressed, size: 2, size_actual: 3 }),
        ("MS-OXCRPC_R39", [0, 0, 6, 0, 2, 0, 2, 0], RpcHeaderExt { flags: last | xor, size: 2, size_actual: 2 }),
        (
            "MS-OXCRPC_R40",
            [0, 0, 0, 0, 2, 1, 2, 1],
            RpcHeaderExt { flags: RpcHeaderFlags::NONE, size: 0x102, size_actual: 0x102 },
        ),
        (
            "MS-OXCRPC_R34 MS-OXCRPC_R35",
            [0, 0, 4, 0x80, 0, 0, 0, 0],
            RpcHeaderExt { flags: RpcHeaderFlags::from_bits(0x8004), size: 0, size_actual: 0 },
        ),
    ];
    for (row, wire, header) in cases {
        assert_eq!(decode_all(&wire, &Limits::DEFAULT), Ok(header), "{row}");
        assert_eq!(encode_to_bytes(&header).as_deref(), Ok(&wire[..]), "{row}");
    }
}

/// What the rows say MUST NOT be, with the place of the field that is wrong.
#[test]
fn an_rpc_header_ext_that_contradicts_itself_is_refused() {
    for (row, wire, offset, field) in [
        ("MS-OXCRPC_R33", [1, 0, 4, 0, 2, 0, 2, 0], 0, "Version"),
        ("MS-OXCRPC_R38", [0, 0, 4, 0, 2, 0, 3, 0], 6, "SizeActual"),
        ("MS-OXCRPC_R46", [0, 0, 4, 0, 3, 0, 2, 0], 6, "SizeActual"),
        ("MS-OXCRPC_R4794", [0, 0, 5, 0, 3, 0, 3, 0], 6, "SizeActual"),
        ("MS-OXCRPC_R4794", [0, 0, 5, 0, 3, 0, 2, 0], 6, "SizeActual"),
    ] {
        let error = decode_all::<RpcHeaderExt>(&wire, &Limits::DEFAULT).unwrap_err();
        assert_eq!((error.offset, error.field), (offset, field), "{row}");
        let [_, _, flags, _, size, _, size_actual, _] = wire;
        let header = RpcHeaderExt {
            flags: RpcHeaderFlags::from_bits(flags.into()),
            size: size.into(),
            size_actual: size_actual.into(),
        };
        assert_eq!(encode_to_bytes(&header).is_err(), field != "Version", "{row}");
    }
}

/// [MS-OXCRPC] 3.1.4.1.1.3: every byte XOR 0xA5. The pairs are worked out by hand.
#[test]
fn oxcrpc_r956_each_byte_is_xored_with_a5() {
    let wire = [0, 0, 6, 0, 5, 0, 5, 0, 0xA5, 0x5A, 0x00, 0xA4, 0x25];
    let buffer: ExtendedBuffer<'_> = decode_all(&wire, &Limits::DEFAULT).unwrap();
    assert_eq!(&buffer.payload().unwrap()[..], [0x00, 0xFF, 0xA5, 0x01, 0x80]);
    assert_eq!(buffer.stored(), [0xA5, 0x5A, 0x00, 0xA4, 0x25]);
}

#[test]
fn a_payload_that_is_not_obfuscated_is_not_copied() {
    let body = Bytes::from_static(&[0, 0, 4, 0, 2, 0, 2, 0, 1, 2]);
    let buffer: ExtendedBuffer<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
    assert!(matches!(buffer.payload(), Ok(Cow::Borrowed(_))));
    assert_eq!(buffer.payload_bytes(&body).unwrap().as_ptr(), body[8..].as_ptr());
    // Another buffer than it was decoded from costs a copy, and nothing else.
    assert_eq!(&buffer.payload_bytes(&Bytes::new()).unwrap()[..], [1, 2]);
}

const EX_ORG_INFO: AuxBlock<'_> = AuxBlock::ExOrgInfo(AuxExOrgInfo { org_flags: OrgFlags::PUBLIC_FOLDERS_ENABLED });

#[test]
fn the_blocks_of_an_auxiliary_buffer() {
    let control = AuxClientControl {
        enable_flags: EnableFlags::ENABLE_COMPRESSION | EnableFlags::ENABLE_HTTP_TUNNELING,
        expiry_time: 60_480_000,
    };
    let flags = ServerCapabilityFlags::PACKED_FAST_TRANSFER_UPLOAD_BUFFERS
        | ServerCapabilityFlags::PACKED_WRITE_STREAM_UPLOAD_BUFFERS
        | ServerCapabilityFlags::ULTRA_LARGE_PACKED_DOWNLOAD_BUFFERS;
    let cases: [(&str, &[u8], AuxBlock<'_>); 6] = [
        ("MS-OXCRPC_R78 MS-OXCRPC_R284 MS-OXCRPC_R1061", &[8, 0, 1, 0x17, 1, 0, 0, 0], EX_ORG_INFO),
        (
            "MS-OXCRPC_R1852",
            &[8, 0, 1, 0x17, 2, 0, 0, 0],
            AuxBlock::ExOrgInfo(AuxExOrgInfo { org_flags: OrgFlags::USE_AUTODISCOVER_FOR_PUBLIC_FOLDER_CONFIGURATION }),
        ),
        (
            "MS-OXCRPC_R65 MS-OXCRPC_R4815 MS-OXCRPC_R261 MS-OXCRPC_R269",
            &[12, 0, 1, 0x0A, 12, 0, 0, 0, 0, 0xDA, 0x9A, 3],
            AuxBlock::ClientControl(control),
        ),
        (
            "MS-OXCRPC_R1350001 MS-OXCRPC_R291004 MS-OXCRPC_R291007 MS-OXCRPC_R291009",
            &[8, 0, 1, 0x46, 11, 0, 0, 0],
            AuxBlock::ServerCapabilities(AuxServerCapabilities { server_capability_flags: flags }),
        ),
        // The same type in the other table of types is another block.
        (
            "MS-OXCRPC_R49",
            &[8, 0, 2, 0x17, 1, 0, 0, 0],
            AuxBlock::Other(OtherAuxBlock { version: AuxHeader::VERSION_2, block_type: 0x17, payload: &[1, 0, 0, 0] }),
        ),
        (
            "MS-OXCRPC_R47",
            &[4, 0, 1, 0x99],
            AuxBlock::Other(OtherAuxBlock { version: 1, block_type: 0x99, payload: &[] }),
        ),
    ];
    for (rows, wire, block) in &cases {
        assert_eq!(decode_all(wire, &Limits::DEFAULT), Ok(*block), "{rows}");
        assert_eq!(encode_to_bytes(block).as_deref(), Ok(*wire), "{rows}");
        assert_eq!(block.encoded_len(), wire.len(), "{rows}");
    }
    let payload = cases.map(|(_, wire, _)| wire).concat();
    let walked: Vec<AuxBlock<'_>> = AuxBlocks::new(&payload).map(Result::unwrap).collect();
    assert_eq!(walked, cases.map(|(_, _, block)| block));
}

/// [MS-OXCRPC] 3.1.4.1.2: an unknown block is skipped without an error, by its Size.
#[test]
fn oxcrpc_r992_r1476_r1601_r1602_unknown_blocks_are_kept_and_walked_past() {
    let payload = [&[7, 0, 9, 0xEE, 1, 2, 3][..], &[8, 0, 1, 0x17, 1, 0, 0, 0]].concat();
    let blocks: Vec<_> = AuxBlocks::new(&payload).collect();
    let unknown = AuxBlock::Other(OtherAuxBlock { version: 9, block_type: 0xEE, payload: &[1, 2, 3] });
    assert_eq!(blocks, [Ok(unknown), Ok(EX_ORG_INFO)]);
}

#[test]
fn a_damaged_block_does_not_take_the_next_ones_with_it() {
    let payload =
        [&[6, 0, 1, 0x17, 1, 0][..], &[8, 0, 1, 0x17, 1, 0, 0, 0], &[3, 0, 1, 0x17], &[8, 0, 1, 0x17]].concat();
    let mut blocks = AuxBlocks::new(&payload);
    let error = blocks.next().unwrap().unwrap_err();
    assert_eq!((error.offset, error.name, error.field), (4, "AUX_EXORGINFO", "OrgFlags"));
    assert_eq!(error.kind, DecodeErrorKind::Eof { needed: 4, left: 2 });
    assert_eq!(blocks.next(), Some(Ok(EX_ORG_INFO)));
    // A Size that does not count its own header says nothing about the next block.
    let error = blocks.next().unwrap().unwrap_err();
    assert_eq!((error.offset, error.field), (14, "Size"));
    assert_eq!(blocks.next(), None);
    let error = AuxBlocks::new(&[9, 0, 1, 0x17, 1, 0, 0, 0]).next().unwrap().unwrap_err();
    assert_eq!((error.offset, error.field), (4, "block"));
}

/// A later edition's longer block: what it adds stands behind what is known.
#[test]
fn a_typed_block_may_be_longer() {
    let longer = [10, 0, 1, 0x17, 1, 0, 0, 0, 9, 9];
    assert_eq!(decode_all(&longer, &Limits::DEFAULT), Ok(EX_ORG_INFO));
}

#[test]
fn oxcrpc_r737_r738_r747_r748_r990_r993_r1597_r4840_r4843_r4847_an_auxiliary_buffer_is_one_extended_buffer_with_the_last_flag()
 {
    let blocks = [EX_ORG_INFO];
    let buffer = auxiliary_buffer(PayloadForm::Plain, &blocks).unwrap();
    assert_eq!(&buffer[..], [0, 0, 4, 0, 8, 0, 8, 0, 8, 0, 1, 0x17, 1, 0, 0, 0]);
    assert_eq!(auxiliary_buffer_len(&blocks), buffer.len());
    assert_eq!(auxiliary_buffer(PayloadForm::XorMagic, &[]).as_deref(), Ok(&[][..]));
    let long = [OtherAuxBlock { version: 1, block_type: 2, payload: &[0; 20_000] }; 2].map(AuxBlock::Other);
    let error = auxiliary_buffer(PayloadForm::Plain, &long).unwrap_err();
    assert_eq!(error.kind, EncodeErrorKind::TooLong { max: 32_768, len: 40_008 });
}

/// [MS-OXCRPC] 3.1.4.1.2.1: without the block public folders are assumed.
#[test]
fn oxcrpc_r1070_r1071_public_folders_are_there_unless_the_server_says_otherwise() {
    let topology = ServerTopology::from_auxiliary_buffer(&[]).unwrap();
    assert!(topology.has_public_folders());
    for (flags, has) in [(OrgFlags::NONE, false), (OrgFlags::PUBLIC_FOLDERS_ENABLED, true)] {
        let block = AuxBlock::ExOrgInfo(AuxExOrgInfo { org_flags: flags });
        let buffer = auxiliary_buffer(PayloadForm::XorMagic, &[block]).unwrap();
        let topology = ServerTopology::from_auxiliary_buffer(&buffer).unwrap();
        assert_eq!(topology.has_public_folders(), has);
    }
    assert!(ServerTopology::from_auxiliary_buffer(&[0, 0, 4, 0, 1, 0, 1, 0, 9]).is_err());
}

/// A payload that is there already.
fn writes(payload: &[u8]) -> impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError> {
    |w| {
        w.bytes(payload);
        Ok(())
    }
}

/// One body of each kind, byte for byte.
#[test]
fn execute_bodies_built_around_a_payload() {
    let rops = [5, 0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF];
    let aux = [EX_ORG_INFO];
    let builder = ExecuteRequestBuilder { max_rop_out: 0x8007, auxiliary: &aux, ..Default::default() };
    let body = builder.build(rops.len(), writes(&rops)).unwrap();
    let expected = [
        &[3, 0, 0, 0, 17, 0, 0, 0, 0, 0, 4, 0, 9, 0, 9, 0][..],
        &rops,
        &[7, 0x80, 0, 0, 16, 0, 0, 0, 0, 0, 4, 0, 8, 0, 8, 0, 8, 0, 1, 0x17, 1, 0, 0, 0],
    ]
    .concat();
    assert_eq!(body[..], expected[..]);
    assert_eq!(builder.len_with(rops.len()), body.len());
    let request: ExecuteRequest<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
    assert_eq!(request.flags, ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC);
    let payload = request.rop_payload(&body).unwrap();
    assert_eq!((&payload[..], payload.as_ptr()), (&rops[..], body[16..].as_ptr()));

    let builder = ExecuteSuccessBuilder { error_code: 0, form: PayloadForm::XorMagic, auxiliary: &[] };
    let body = builder.build(rops.len(), writes(&rops)).unwrap();
    let xored = rops.map(|byte| byte ^ 0xA5);
    let head = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 6, 0, 9, 0, 9, 0];
    assert_eq!(body[..], [&head[..], &xored, &[0; 4]].concat()[..]);
    assert_eq!(builder.len_with(rops.len()), body.len());
    let ExecuteResponse::Success(success) = decode_all(&body, &Limits::DEFAULT).unwrap() else { panic!("a failure") };
    assert_eq!(&success.rop_payload(&body).unwrap()[..], rops);
}

/// Microsoft's 32 KB; the buffer of the caller's is as it was.
#[test]
fn oxcrpc_r726_r1628_r1649007_a_payload_past_32_kb_is_not_sent() {
    let mut out = BytesMut::from(&b"before"[..]);
    let builder = ExecuteRequestBuilder::default();
    let error = builder.write(&mut out, writes(&[0; MAX_PAYLOAD + 1])).unwrap_err();
    assert_eq!((error.field, error.kind), ("Size", EncodeErrorKind::TooLong { max: 32_768, len: 32_769 }));
    assert_eq!(&out[..], b"before");
    assert_eq!(builder.write(&mut out, writes(&[0; MAX_PAYLOAD])), Ok(()));
}

/// The place of an error is the place in the body.
#[test]
fn a_rop_buffer_that_is_not_what_it_should_be_is_named_with_its_place() {
    let compressed = [0, 0, 5, 0, 1, 0, 2, 0, 0];
    let request =
        ExecuteRequest { flags: ExecuteFlags::NONE, rop_buffer: &compressed, max_rop_out: 0, auxiliary_buffer: b"" };
    let body = encode_to_bytes(&request).unwrap();
    let request: ExecuteRequest<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
    let error = request.rop_payload(&body).unwrap_err();
    assert_eq!((error.offset, error.name, error.field), (16, "DIRECT2 stream", "bitmask"));
    let chained = [0, 0, 0, 0, 1, 0, 1, 0, 9, 0, 0, 4, 0, 1, 0, 1, 0, 9];
    let success = ExecuteSuccess { error_code: 0, rop_buffer: &chained, auxiliary_buffer: b"" };
    let body = encode_to_bytes(&success).unwrap();
    let success: ExecuteSuccess<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
    let error = success.rop_payload(&body).unwrap_err();
    assert_eq!((error.offset, error.field), (18, "Flags"));
    assert!(error.to_string().contains("Last flag (0x0004)"), "{error}");
    let empty = ExecuteSuccess { error_code: 1, rop_buffer: b"", auxiliary_buffer: b"" };
    assert_eq!(empty.rop_payload(&Bytes::new()).as_deref(), Ok(&[][..]));
}

#[test]
fn truncations_and_flips_of_an_extended_buffer_and_its_blocks() {
    let control = AuxClientControl { enable_flags: EnableFlags::NONE, expiry_time: 7 };
    let other = OtherAuxBlock { version: 1, block_type: 0x18, payload: &[0; 20] };
    let blocks = [EX_ORG_INFO, AuxBlock::ClientControl(control), AuxBlock::Other(other)];
    let whole = auxiliary_buffer(PayloadForm::XorMagic, &blocks).unwrap();
    for len in 0..whole.len() {
        assert!(decode_all::<ExtendedBuffer<'_>>(&whole[..len], &Limits::DEFAULT).is_err());
        for mask in [1, 0x80, 0xFF] {
            let mut damaged = whole.to_vec();
            damaged[len] ^= mask;
            let Ok(buffer) = decode_all::<ExtendedBuffer<'_>>(&damaged, &Limits::DEFAULT) else { continue };
            let payload = buffer.payload().unwrap();
            assert!(AuxBlocks::new(&payload).count() <= payload.len() / 4 + 1);
        }
    }
    let payload = &decode_all::<ExtendedBuffer<'_>>(&whole, &Limits::DEFAULT).unwrap().payload().unwrap()[..];
    for len in 0..payload.len() {
        let walked = AuxBlocks::new(&payload[..len]).filter(Result::is_ok).count();
        assert_eq!(walked, [8, 20, 44].iter().filter(|end| **end <= len).count(), "cut off at {len}");
    }
}

fn blocks() -> impl Strategy<Value = Vec<(u8, u8, Vec<u8>)>> {
    let types = prop_oneof![Just(0x17_u8), Just(0x0A), Just(0x46), any::<u8>()];
    prop::collection::vec((0..3_u8, types, prop::collection::vec(any::<u8>(), 0..24)), 0..8)
}

proptest! {
    #[test]
    fn blocks_come_back(blocks in blocks(), obfuscate in any::<bool>()) {
        // Typed ones first go through bytes, since an `Other` of a typed block's type is not what is read back.
        let wire: Vec<u8> = blocks
            .iter()
            .flat_map(|(version, block_type, payload)| {
                let size = u16::try_from(payload.len() + 4).unwrap().to_le_bytes();
                [&size[..], &[*version, *block_type], payload].concat()
            })
            .collect();
        let good: Vec<AuxBlock<'_>> = AuxBlocks::new(&wire).filter_map(Result::ok).collect();
        let form = if obfuscate { PayloadForm::XorMagic } else { PayloadForm::Plain };
        let buffer = auxiliary_buffer(form, &good).unwrap();
        prop_assert_eq!(buffer.len(), auxiliary_buffer_len(&good));
        if good.is_empty() {
            prop_assert!(buffer.is_empty());
        } else {
            let buffer: ExtendedBuffer<'_> = decode_all(&buffer, &Limits::DEFAULT).unwrap();
            let payload = buffer.payload().unwrap();
            let again: Vec<AuxBlock<'_>> = AuxBlocks::new(&payload).map(Result::unwrap).collect();
            prop_assert_eq!(again, good);
        }
    }

    #[test]
    fn no_bytes_break_an_extended_buffer(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode_all::<ExtendedBuffer<'_>>(&bytes, &Limits::DEFAULT);
        let _ = ServerTopology::from_auxiliary_buffer(&bytes);
        prop_assert!(AuxBlocks::new(&bytes).count() <= bytes.len() / 4 + 1);
    }
}
