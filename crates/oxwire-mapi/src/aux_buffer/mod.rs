//! Auxiliary buffers: the blocks of [MS-OXCRPC] 2.2.2.2 inside the payload of an `AuxiliaryBuffer`.
//!
//! A client need not answer them and a server need not read them: they are informational ([MS-OXCRPC] 3.1.4.1.2). What is
//! typed here is what a server tells about itself on Connect; every other block is kept as bytes with its version and
//! type.

mod client_control;
mod ex_org_info;
mod server_capabilities;
mod topology;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Limits, Reader, Structure, Writer};

pub use client_control::{AuxClientControl, EnableFlags};
pub use ex_org_info::{AuxExOrgInfo, OrgFlags};
pub use server_capabilities::{AuxServerCapabilities, ServerCapabilityFlags};
pub use topology::ServerTopology;

use crate::rpc_header_ext::{PayloadForm, RpcHeaderExt, write_extended_buffer};

/// AUX_HEADER, [MS-OXCRPC] 2.2.2.2: what stands in front of each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxHeader {
    /// Bytes of this header and of the block behind it: at least 4.
    pub size: u16,
    /// Which table of block types `block_type` belongs to.
    pub version: u8,
    /// Which block follows, by the table of `version`.
    pub block_type: u8,
}

impl AuxHeader {
    /// Bytes of the header.
    pub const LEN: usize = 4;
    /// AUX_VERSION_1.
    pub const VERSION_1: u8 = 0x01;
    /// AUX_VERSION_2.
    pub const VERSION_2: u8 = 0x02;
}

impl Structure for AuxHeader {
    const NAME: &'static str = "AUX_HEADER";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2";
}

impl Decode<'_> for AuxHeader {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let size = r.u16_le("Size")?;
        if usize::from(size) < Self::LEN {
            return Err(r.invalid(at, "Size", "4 or more: the header counts", size));
        }
        Ok(Self { size, version: r.u8("Version")?, block_type: r.u8("Type")? })
    }
}

impl Encode for AuxHeader {
    fn encoded_len(&self) -> usize {
        Self::LEN
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u16_le(self.size);
        w.u8(self.version);
        w.u8(self.block_type);
        Ok(())
    }
}

/// A block that has a version and a type of its own.
pub(crate) trait TypedBlock: Encode {
    const VERSION: u8 = AuxHeader::VERSION_1;
    const BLOCK_TYPE: u8;
}

/// A block without a type here: its bytes, and the version and type that say what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OtherAuxBlock<'de> {
    /// Version of the AUX_HEADER.
    pub version: u8,
    /// Type of the AUX_HEADER.
    pub block_type: u8,
    /// What follows the AUX_HEADER.
    pub payload: &'de [u8],
}

/// An AUX_HEADER and the block behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuxBlock<'de> {
    /// AUX_EXORGINFO: whether the organization has public folders.
    ExOrgInfo(AuxExOrgInfo),
    /// AUX_CLIENT_CONTROL: what the client is to do and to leave.
    ClientControl(AuxClientControl),
    /// AUX_SERVER_CAPABILITIES: what the server takes.
    ServerCapabilities(AuxServerCapabilities),
    /// Any other, to be skipped by who does not know it ([MS-OXCRPC] 3.1.4.1.2).
    Other(OtherAuxBlock<'de>),
}

impl Structure for AuxBlock<'_> {
    const NAME: &'static str = "auxiliary block";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2";
}

impl<'de> Decode<'de> for AuxBlock<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let header: AuxHeader = r.structure()?;
        let mut block = r.sub(usize::from(header.size).saturating_sub(AuxHeader::LEN), "block")?;
        Self::decode_block(header, &mut block)
    }
}

impl<'de> AuxBlock<'de> {
    fn decode_block(header: AuxHeader, block: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let value = match (header.version, header.block_type) {
            (AuxExOrgInfo::VERSION, AuxExOrgInfo::BLOCK_TYPE) => Self::ExOrgInfo(block.structure()?),
            (AuxClientControl::VERSION, AuxClientControl::BLOCK_TYPE) => Self::ClientControl(block.structure()?),
            (AuxServerCapabilities::VERSION, AuxServerCapabilities::BLOCK_TYPE) => {
                Self::ServerCapabilities(block.structure()?)
            }
            (version, block_type) => {
                let payload = block.rest();
                return Ok(Self::Other(OtherAuxBlock { version, block_type, payload }));
            }
        };
        block.ignore_rest("[MS-OXCRPC] 2.2.2.2: Size counts any additional payload data");
        Ok(value)
    }

    fn parts(&self) -> (u8, u8, usize) {
        fn typed<T: TypedBlock>(block: &T) -> (u8, u8, usize) {
            (T::VERSION, T::BLOCK_TYPE, block.encoded_len())
        }
        match self {
            Self::ExOrgInfo(block) => typed(block),
            Self::ClientControl(block) => typed(block),
            Self::ServerCapabilities(block) => typed(block),
            Self::Other(block) => (block.version, block.block_type, block.payload.len()),
        }
    }
}

impl Encode for AuxBlock<'_> {
    fn encoded_len(&self) -> usize {
        AuxHeader::LEN + self.parts().2
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let (version, block_type, len) = self.parts();
        w.len_u16_le(len.saturating_add(AuxHeader::LEN), "Size")?;
        w.u8(version);
        w.u8(block_type);
        match self {
            Self::ExOrgInfo(block) => w.structure(block),
            Self::ClientControl(block) => w.structure(block),
            Self::ServerCapabilities(block) => w.structure(block),
            Self::Other(block) => {
                w.bytes(block.payload);
                Ok(())
            }
        }
    }
}

/// Walks the blocks of an auxiliary payload.
///
/// A typed block that is damaged is an `Err`, and the walk goes on behind it, since its header says where that is; a
/// header that is damaged ends the walk.
#[derive(Debug, Clone)]
pub struct AuxBlocks<'de> {
    reader: Reader<'de>,
}

impl<'de> AuxBlocks<'de> {
    /// The blocks of a payload: [`ExtendedBuffer::payload`](crate::rpc_header_ext::ExtendedBuffer::payload) of an
    /// `AuxiliaryBuffer`.
    #[must_use]
    pub const fn new(payload: &'de [u8]) -> Self {
        Self::with_limits(payload, &Limits::DEFAULT)
    }

    /// The same with limits of the caller's.
    #[must_use]
    pub const fn with_limits(payload: &'de [u8], limits: &'de Limits) -> Self {
        Self { reader: Reader::with_limits(payload, limits).named(AuxBlock::NAME, AuxBlock::SPEC) }
    }
}

impl<'de> Iterator for AuxBlocks<'de> {
    type Item = Result<AuxBlock<'de>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let header = self.reader.structure::<AuxHeader>();
        let block = header.and_then(|header| {
            let len = usize::from(header.size).saturating_sub(AuxHeader::LEN);
            self.reader.sub(len, "block").map(|block| (header, block))
        });
        match block {
            Ok((header, mut block)) => Some(AuxBlock::decode_block(header, &mut block)),
            Err(error) => {
                self.reader.ignore_rest("[MS-OXCRPC] 2.2.2.2: without a Size nothing says where the next one begins");
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for AuxBlocks<'_> {}

/// Makes an `AuxiliaryBuffer` of blocks: nothing at all of none, else an RPC_HEADER_EXT and the blocks behind it.
///
/// # Errors
/// [`EncodeErrorKind::TooLong`](oxwire_core::EncodeErrorKind::TooLong) past
/// [`MAX_PAYLOAD`](crate::rpc_header_ext::MAX_PAYLOAD).
pub fn auxiliary_buffer(form: PayloadForm, blocks: &[AuxBlock<'_>]) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::with_capacity(auxiliary_buffer_len(blocks));
    write_auxiliary_buffer(&mut out, form, blocks)?;
    Ok(out.freeze())
}

/// Appends what [`auxiliary_buffer`] makes to a buffer of the caller's, and returns how many bytes that made.
///
/// # Errors
/// Those of [`auxiliary_buffer`]; `out` is as it was then.
pub fn write_auxiliary_buffer(
    out: &mut BytesMut,
    form: PayloadForm,
    blocks: &[AuxBlock<'_>],
) -> Result<usize, EncodeError> {
    if blocks.is_empty() {
        return Ok(0);
    }
    write_extended_buffer(out, form, |w| blocks.iter().try_for_each(|block| w.structure(block)))
}

/// How many bytes [`auxiliary_buffer`] makes.
#[must_use]
pub fn auxiliary_buffer_len(blocks: &[AuxBlock<'_>]) -> usize {
    if blocks.is_empty() { 0 } else { RpcHeaderExt::LEN + blocks.iter().map(Encode::encoded_len).sum::<usize>() }
}
