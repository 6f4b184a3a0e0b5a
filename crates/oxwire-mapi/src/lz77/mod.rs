//! The compression of a payload behind RPC_HEADER_EXT: LZ77 in the DIRECT2 encoding, [MS-OXCRPC] 3.1.4.1.1.2.
//!
//! The stream is literals and matches, told apart by the bits of 32-bit masks that stand before each group of 32: most
//! significant bit first, 0 a literal, 1 a match or, behind the last element, the end. A match is 16 bits: 13 of how far back
//! (1 to 8,192), 3 of how long; a length that does not fit goes on in half a byte that two matches share, in a byte, and in 16
//! bits, at most 65,538. [MS-XCA] 3.1 is the same but for its 32-bit lengths, which this encoding does not have.

mod compress;
mod decompress;
mod encode;

pub use compress::Compressor;
pub use decompress::decompress;
pub(crate) use decompress::decompress_into;

/// How far back a match can lie, in bytes. [MS-OXCRPC] 3.1.4.1.1.2.2.3
const WINDOW: usize = 1 << 13;
/// The shortest match, in bytes. [MS-OXCRPC] 3.1.4.1.1.2.1.4
const MIN_MATCH: usize = 3;
/// The longest match, in bytes. [MS-OXCRPC] 3.1.4.1.1.2.2.4
const MAX_MATCH: usize = 65_535 + MIN_MATCH;
