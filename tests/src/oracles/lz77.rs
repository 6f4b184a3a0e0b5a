//! oxwire-mapi: LZ77 in the DIRECT2 encoding.

use bytes::BytesMut;
use oxwire::mapi::lz77::{Compressor, decompress};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("lz77_decompress", lz77_decompress), ("lz77_round_trip", lz77_round_trip)];

/// The first two bytes are the announced size: never more than that comes out, and a stream that is whole gives just that.
pub fn lz77_decompress(data: &[u8]) {
    let Some((size, stream)) = data.split_first_chunk::<2>() else { return };
    let size = usize::from(u16::from_le_bytes(*size));
    let mut out = b"before".to_vec();
    let result = decompress(stream, size, &mut out);
    assert!(out.starts_with(b"before") && out.len() <= 6 + size);
    assert!(result.is_err() || out.len() == 6 + size);
}

/// What is packed is shorter, and unpacks to what it was; the tables of the last input do not reach into the next.
pub fn lz77_round_trip(data: &[u8]) {
    let mut compressor = Compressor::new();
    for input in [data, data.get(1..).unwrap_or_default()] {
        let mut packed = BytesMut::new();
        let Some(len) = compressor.compress(input, &mut packed) else {
            assert!(packed.is_empty());
            continue;
        };
        assert!(len == packed.len() && len < input.len());
        let mut out = Vec::new();
        assert_eq!(decompress(&packed, input.len(), &mut out), Ok(()));
        assert_eq!(out, input);
    }
}
