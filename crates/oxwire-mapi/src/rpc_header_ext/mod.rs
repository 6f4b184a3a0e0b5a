//! RPC_HEADER_EXT and the payload behind it, [MS-OXCRPC] 2.2.2.1: what `RopBuffer` and `AuxiliaryBuffer` of MAPI over HTTP hold, and
//! rgbIn, rgbOut, rgbAuxIn and rgbAuxOut of the EMSMDB calls.
//!
//! A payload is plain, compressed ([`lz77`](crate::lz77)), obfuscated ([`xor_magic`]), or compressed and then obfuscated. An auxiliary
//! buffer is one ([`ExtendedBuffer`]), a ROP buffer can be a chain of several ([`ExtendedBuffers`], [`ChainWriter`]).
//!
//! ```
//! use oxwire_core::{Limits, decode_all};
//! use oxwire_mapi::rpc_header_ext::ExtendedBuffer;
//!
//! let buffer = [0, 0, 6, 0, 2, 0, 2, 0, 0xA7, 0xA5];
//! let buffer: ExtendedBuffer<'_> = decode_all(&buffer, &Limits::DEFAULT)?;
//! assert_eq!(&buffer.payload()?[..], [2, 0]);
//! # Ok::<(), oxwire_core::DecodeError>(())
//! ```

mod buffer;
mod chain;
mod write;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Writer};

pub use buffer::ExtendedBuffer;
pub use chain::ExtendedBuffers;
pub use write::{ChainWriter, MAX_PAYLOAD, Packer, PayloadForm, write_extended_buffer};

use crate::flags::flags;

flags! {
    /// `Flags` of an RPC_HEADER_EXT.
    RpcHeaderFlags: u16 {
        /// The payload is compressed; SizeActual says how long it is when uncompressed.
        COMPRESSED = 0x0001;
        /// The payload is obfuscated.
        XOR_MAGIC = 0x0002;
        /// No other RPC_HEADER_EXT follows the payload.
        LAST = 0x0004;
    }
}

/// RPC_HEADER_EXT, [MS-OXCRPC] 2.2.2.1. Its Version is 0, the only one there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RpcHeaderExt {
    /// How the payload is to be read.
    pub flags: RpcHeaderFlags,
    /// Bytes of the payload as it stands behind the header.
    pub size: u16,
    /// Bytes of the payload when uncompressed: less than which `size` is only with [`RpcHeaderFlags::COMPRESSED`].
    pub size_actual: u16,
}

impl RpcHeaderExt {
    /// Bytes of the header.
    pub const LEN: usize = 8;
}

impl Structure for RpcHeaderExt {
    const NAME: &'static str = "RPC_HEADER_EXT";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.1";
}

impl Decode<'_> for RpcHeaderExt {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let version = r.u16_le("Version")?;
        if version != 0 {
            return Err(r.invalid(at, "Version", "0", version));
        }
        let flags = RpcHeaderFlags::from_bits(r.u16_le("Flags")?);
        let size = r.u16_le("Size")?;
        let at = r.offset();
        let size_actual = r.u16_le("SizeActual")?;
        if flags.contains(RpcHeaderFlags::COMPRESSED) {
            if size >= size_actual {
                return Err(r.invalid(
                    at,
                    "SizeActual",
                    "more than Size, since the payload is compressed",
                    size_actual,
                ));
            }
        } else if size != size_actual {
            return Err(r.invalid(at, "SizeActual", "Size, since the payload is not compressed", size_actual));
        }
        Ok(Self { flags, size, size_actual })
    }
}

impl Encode for RpcHeaderExt {
    fn encoded_len(&self) -> usize {
        Self::LEN
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let compressed = self.flags.contains(RpcHeaderFlags::COMPRESSED);
        if compressed && self.size >= self.size_actual || !compressed && self.size != self.size_actual {
            let expected = "Size, or more than Size of a compressed payload";
            let kind = EncodeErrorKind::Value { expected, found: u64::from(self.size_actual) };
            return Err(w.error("SizeActual", kind));
        }
        w.u16_le(0);
        w.u16_le(self.flags.bits());
        w.u16_le(self.size);
        w.u16_le(self.size_actual);
        Ok(())
    }
}

/// The value of [MS-OXCRPC] 3.1.4.1.1.3.
const XOR_MAGIC: u8 = 0xA5;

/// Obfuscates, or undoes it: the same operation. Not a protection of anything, [MS-OXCRPC] 3.1.4.1.1.3.
pub fn xor_magic(payload: &mut [u8]) {
    for byte in payload {
        *byte ^= XOR_MAGIC;
    }
}
