//! LZ77 in the DIRECT2 encoding, [MS-OXCRPC] 3.1.4.1.1.2.

use bytes::BytesMut;
use oxwire_core::DecodeErrorKind;
use oxwire_mapi::lz77::{Compressor, decompress};
use proptest::prelude::*;

fn unpack(input: &[u8], size: usize) -> Result<Vec<u8>, (usize, &'static str)> {
    let mut out = Vec::new();
    decompress(input, size, &mut out).map(|()| out).map_err(|error| (error.offset, error.field))
}

fn pack(input: &[u8]) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    let len = Compressor::new().compress(input, &mut out);
    assert_eq!(len.unwrap_or(0), out.len());
    len.map(|_| out)
}

/// [MS-XCA] 3.1: literals alone, and one match of 297 bytes.
#[test]
fn the_published_examples() {
    let alphabet = b"\x3f\0\0\0abcdefghijklmnopqrstuvwxyz";
    assert_eq!(unpack(alphabet, 26).as_deref(), Ok(&b"abcdefghijklmnopqrstuvwxyz"[..]));
    let repeated = b"\xff\xff\xff\x1fabc\x17\0\x0f\xff\x26\x01";
    let plain = b"abc".repeat(100);
    assert_eq!(unpack(repeated, 300).as_deref(), Ok(&plain[..]));
    assert_eq!(pack(&plain).as_deref(), Some(&repeated[..]));
}

/// The example of [MS-OXCRPC] 3.1.4.1.1.2.2.1, with a mask of 32 bits: ABC, a match of 3 bytes 3 back, DEF, the end.
#[test]
fn oxcrpc_r881_r887_r888_r1873_r1875_a_match_among_literals() {
    let stream = [&0x1100_0000_u32.to_le_bytes()[..], b"ABC\x10\0DEF"].concat();
    assert_eq!(unpack(&stream, 9).as_deref(), Ok(&b"ABCABCDEF"[..]));
}

/// [MS-OXCRPC] 3.1.4.1.1.2.2.3: 0x0018 is four back, three long.
#[test]
fn oxcrpc_r904_r905_the_offset_is_less_one() {
    let stream = [&0x0C00_0000_u32.to_le_bytes()[..], b"wxyz\x18\0"].concat();
    assert_eq!(unpack(&stream, 7).as_deref(), Ok(&b"wxyzwxy"[..]));
}

/// The table of [MS-OXCRPC] 3.1.4.1.1.2.2.4: what follows the 16 bits for each length of a run, and the same bytes from us.
#[test]
fn oxcrpc_r937_r945_lengths() {
    for (len, metadata, behind) in [
        (3, 0_u16, &[][..]),
        (9, 6, &[]),
        (10, 7, &[0][..]),
        (24, 7, &[14]),
        (25, 7, &[15, 0]),
        (26, 7, &[15, 1]),
        (279, 7, &[15, 254]),
        (280, 7, &[15, 255, 0x15, 0x01]),
        (281, 7, &[15, 255, 0x16, 0x01]),
        (65_533, 7, &[15, 255, 0xFA, 0xFF]),
    ] {
        // One literal and a match one back.
        let mut stream = 0x7FFF_FFFF_u32.to_le_bytes().to_vec();
        stream.push(b'a');
        stream.extend(metadata.to_le_bytes());
        stream.extend(behind);
        let plain = vec![b'a'; len + 1];
        assert_eq!(unpack(&stream, len + 1).as_ref(), Ok(&plain), "{len}");
        if len > 9 {
            assert_eq!(pack(&plain).as_deref(), Some(&stream[..]), "{len}");
        }
    }
}

/// [MS-OXCRPC] 3.1.4.1.1.2.2.4: two long matches share a byte, low half first; the third takes another.
#[test]
fn oxcrpc_r915_r920_half_bytes_are_shared() {
    // a, 12 more of it, b, 13 more, c, 14 more, the end.
    let mask: u32 = 0b0101_0110 << 24;
    let mut stream = mask.to_le_bytes().to_vec();
    stream.extend(b"a\x07\0\x32b\x07\0c\x07\0\x04");
    let plain = [&[b'a'; 13][..], &[b'b'; 14], &[b'c'; 15]].concat();
    assert_eq!(unpack(&stream, 42).as_deref(), Ok(&plain[..]));
    let packed = pack(&plain).unwrap();
    assert_eq!(packed[4..], stream[4..]);
}

/// [MS-OXCRPC] 3.1.4.1.1.2.2.1: the end takes a bit of its own, if need be in a mask of its own.
#[test]
fn oxcrpc_r1877_the_end_may_need_another_mask() {
    let literals: Vec<u8> = (0..32).collect();
    let mut stream = 0_u32.to_le_bytes().to_vec();
    stream.extend(&literals);
    assert_eq!(unpack(&stream, 32), Err((36, "bitmask")));
    stream.extend(0x8000_0000_u32.to_le_bytes());
    assert_eq!(unpack(&stream, 32), Ok(literals));
}

#[test]
fn damaged_streams_say_where() {
    let mask = |bits: u32| bits.to_le_bytes();
    for (stream, size, place) in [
        (vec![], 1, (0, "bitmask")),
        (mask(0)[..3].to_vec(), 1, (0, "bitmask")),
        ([&mask(0)[..], b"abc"].concat(), 32, (4, "literal")),
        // A literal more than there are bytes.
        ([&mask(0x2000_0000)[..], b"abc"].concat(), 1, (4, "literal")),
        // A match before anything is there, and one that lies before the beginning.
        ([&mask(0x8000_0000)[..], b"\0\0"].concat(), 3, (4, "offset")),
        ([&mask(0x4000_0000)[..], b"a\x08\0"].concat(), 4, (5, "offset")),
        // A match longer than what is left.
        ([&mask(0x4000_0000)[..], b"a\x00\0"].concat(), 3, (5, "length")),
        // Cut off in each part of a match.
        ([&mask(0x4000_0000)[..], b"a\x07"].concat(), 99, (5, "metadata")),
        ([&mask(0x4000_0000)[..], b"a\x07\0"].concat(), 99, (7, "shared length byte")),
        ([&mask(0x4000_0000)[..], b"a\x07\0\x0f"].concat(), 99, (8, "length byte")),
        ([&mask(0x4000_0000)[..], b"a\x07\0\x0f\xff\x15"].concat(), 999, (9, "length")),
        // 16 bits for a length that needs none; [MS-XCA]'s 32-bit form, a zero, is one of these.
        ([&mask(0x4000_0000)[..], b"a\x07\0\x0f\xff\0\0\0\0\x01\0"].concat(), 99, (9, "length")),
        // Bytes behind the end.
        ([&mask(0x4000_0000)[..], b"ab"].concat(), 1, (5, "end")),
    ] {
        assert_eq!(unpack(&stream, size), Err(place), "{stream:02x?}");
    }
    let mut out = Vec::new();
    let error = decompress(&[], 0, &mut out).unwrap_err();
    assert!(matches!(error.kind, DecodeErrorKind::Eof { needed: 4, left: 0 }), "{error}");
}

/// A few bytes that stand for many: no more than SizeActual is ever allocated.
#[test]
fn a_bomb_is_bounded_by_the_announced_size() {
    let stream = b"\xff\xff\xff\x7fa\x07\0\x0f\xff\xff\xff";
    let mut out = Vec::new();
    assert!(decompress(stream, 1000, &mut out).is_err());
    assert!(out.len() <= 1000 && out.capacity() < 2000);
    assert_eq!(unpack(stream, 65_539).map(|out| out.len()), Ok(65_539));
}

/// What does not get shorter is left to be sent as it is.
#[test]
fn incompressible_input_is_declined_and_leaves_the_buffer_alone() {
    let mut state = 1_u32;
    let random: Vec<u8> = (0..32_768)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let mut out = BytesMut::from(&b"before"[..]);
    let mut compressor = Compressor::new();
    for input in [&random[..], b"", b"a", b"ab", b"abcdefgh", &[0; Compressor::MAX_INPUT + 1]] {
        assert_eq!(compressor.compress(input, &mut out), None);
        assert_eq!(&out[..], b"before");
    }
}

fn inputs() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(0_u8..3, 0..400),
        (any::<u8>(), 0_usize..700).prop_map(|(byte, len)| vec![byte; len]),
    ];
    let pieces = prop::collection::vec(piece, 1..8);
    (pieces, prop::collection::vec(any::<prop::sample::Index>(), 0..40))
        .prop_map(|(pieces, order)| order.iter().flat_map(|at| at.get(&pieces).clone()).collect())
}

proptest! {
    /// What is packed unpacks, is shorter, and one compressor's inputs do not reach into each other.
    #[test]
    fn packing_and_back(inputs in prop::collection::vec(inputs(), 1..4)) {
        let mut compressor = Compressor::new();
        for input in inputs {
            let mut out = BytesMut::new();
            if compressor.compress(&input, &mut out).is_some() {
                prop_assert!(out.len() < input.len());
                prop_assert_eq!(unpack(&out, input.len()), Ok(input));
            }
        }
    }

    /// Any bytes: no panic, never more than the announced size.
    #[test]
    fn any_stream_is_bounded(stream in prop::collection::vec(any::<u8>(), 0..300), size in 0_usize..3000) {
        let mut out = Vec::new();
        let result = decompress(&stream, size, &mut out);
        prop_assert!(out.len() <= size);
        prop_assert!(result.is_err() || out.len() == size);
    }
}
