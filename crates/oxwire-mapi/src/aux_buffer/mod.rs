//! Auxiliary buffers: the blocks of [MS-OXCRPC] 2.2.2.2 inside the payload of an `AuxiliaryBuffer`.
//!
//! A client need not answer them and a server need not read them: they are informational ([MS-OXCRPC] 3.1.4.1.2). Every block
//! that the section lists has a type here; any other is kept as bytes with its version and type.

mod block;
mod client_control;
mod connection_info;
mod device_identification;
mod endpoint_capabilities;
mod ex_org_info;
mod os_version_info;
mod perf_info;
mod perf_report;
mod perf_session;
mod server_capabilities;
mod topology;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Limits, Reader, Structure, Writer};

pub use client_control::{AuxClientControl, EnableFlags};
pub use connection_info::{AuxClientConnectionInfo, AuxServerSessionInfo, ConnectionFlags};
pub use device_identification::AuxProtocolDeviceIdentification;
pub use endpoint_capabilities::{AuxEndpointCapabilities, EndpointCapabilityFlags};
pub use ex_org_info::{AuxExOrgInfo, OrgFlags};
pub use os_version_info::AuxOsVersionInfo;
pub use perf_info::{AuxPerfClientInfo, AuxPerfProcessInfo, AuxPerfServerInfo, ClientMode, ServerType};
pub use perf_report::{
    AuxPerfDefGcSuccess, AuxPerfDefMdbSuccess, AuxPerfFailure, AuxPerfFailureV2, AuxPerfGcSuccess, AuxPerfGcSuccessV2,
    AuxPerfMdbSuccess, AuxPerfMdbSuccessV2,
};
pub use perf_session::{AuxPerfAccountInfo, AuxPerfRequestId, AuxPerfSessionInfo, AuxPerfSessionInfoV2};
pub use server_capabilities::{AuxServerCapabilities, ServerCapabilityFlags};
pub use topology::ServerTopology;

use crate::rpc_header_ext::{Packer, PayloadForm, RpcHeaderExt};

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

/// Which requests a report is about, [MS-OXCRPC] 2.2.2.2: a report has three block types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Not said.
    Any,
    /// Of a client in cached mode (BG).
    Background,
    /// That the client waited for (FG).
    Foreground,
}

macro_rules! blocks {
    (
        once { $($(#[$doc:meta])* $once:ident($once_ty:ty) = $version:literal $block_type:literal,)* }
        reports { $($(#[$report_doc:meta])* $report:ident($report_ty:ty) = $report_version:literal $any:literal $bg:literal $fg:literal,)* }
    ) => {
        /// An AUX_HEADER and the block behind it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuxBlock<'de> {
            $($(#[$doc])* $once($once_ty),)*
            $($(#[$report_doc])* $report(RequestKind, $report_ty),)*
            /// Any other, to be skipped by who does not know it ([MS-OXCRPC] 3.1.4.1.2).
            Other(OtherAuxBlock<'de>),
        }

        impl<'de> AuxBlock<'de> {
            fn decode_block(header: AuxHeader, block: &mut Reader<'de>) -> Result<Self, DecodeError> {
                let value = match (header.version, header.block_type) {
                    $(($version, $block_type) => Self::$once(block.structure()?),)*
                    $(
                        ($report_version, $any) => Self::$report(RequestKind::Any, block.structure()?),
                        ($report_version, $bg) => Self::$report(RequestKind::Background, block.structure()?),
                        ($report_version, $fg) => Self::$report(RequestKind::Foreground, block.structure()?),
                    )*
                    (version, block_type) => {
                        let payload = block.rest();
                        return Ok(Self::Other(OtherAuxBlock { version, block_type, payload }));
                    }
                };
                block.ignore_rest("[MS-OXCRPC] 2.2.2.2: Size counts any additional payload data");
                Ok(value)
            }

            /// Version and Type of its AUX_HEADER.
            #[must_use]
            pub const fn version_and_type(&self) -> (u8, u8) {
                match self {
                    $(Self::$once(_) => ($version, $block_type),)*
                    $(
                        Self::$report(RequestKind::Any, _) => ($report_version, $any),
                        Self::$report(RequestKind::Background, _) => ($report_version, $bg),
                        Self::$report(RequestKind::Foreground, _) => ($report_version, $fg),
                    )*
                    Self::Other(block) => (block.version, block.block_type),
                }
            }

            /// The structure's name in the specification; `None` for one that it does not list.
            #[must_use]
            pub const fn name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$once(_) => Some(<$once_ty>::NAME),)*
                    $(Self::$report(..) => Some(<$report_ty>::NAME),)*
                    Self::Other(_) => None,
                }
            }

            fn block_len(&self) -> usize {
                match self {
                    $(Self::$once(block) => block.encoded_len(),)*
                    $(Self::$report(_, block) => block.encoded_len(),)*
                    Self::Other(block) => block.payload.len(),
                }
            }

            fn encode_block(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$once(block) => w.structure(block),)*
                    $(Self::$report(_, block) => w.structure(block),)*
                    Self::Other(block) => {
                        w.bytes(block.payload);
                        Ok(())
                    }
                }
            }
        }
    };
}

// The tables of [MS-OXCRPC] 2.2.2.2: Version and Type of each block.
blocks! {
    once {
        /// AUX_PERF_REQUESTID: the request of a session.
        PerfRequestId(AuxPerfRequestId) = 1 0x01,
        /// AUX_PERF_CLIENTINFO: the client.
        PerfClientInfo(AuxPerfClientInfo<'de>) = 1 0x02,
        /// AUX_PERF_SERVERINFO: the server.
        PerfServerInfo(AuxPerfServerInfo<'de>) = 1 0x03,
        /// AUX_PERF_SESSIONINFO: the session.
        PerfSessionInfo(AuxPerfSessionInfo) = 1 0x04,
        /// AUX_PERF_SESSIONINFO_V2: the session and its connection.
        PerfSessionInfoV2(AuxPerfSessionInfoV2) = 2 0x04,
        /// AUX_CLIENT_CONTROL: what the client is to do and to leave.
        ClientControl(AuxClientControl) = 1 0x0A,
        /// AUX_PERF_PROCESSINFO by the table of version 1: the process.
        PerfProcessInfo(AuxPerfProcessInfo<'de>) = 1 0x0B,
        /// AUX_PERF_PROCESSINFO by the table of version 2.
        PerfProcessInfoV2(AuxPerfProcessInfo<'de>) = 2 0x0B,
        /// AUX_OSVERSIONINFO: the server's operating system.
        OsVersionInfo(AuxOsVersionInfo) = 1 0x16,
        /// AUX_EXORGINFO: whether the organization has public folders.
        ExOrgInfo(AuxExOrgInfo) = 1 0x17,
        /// AUX_PERF_ACCOUNTINFO: the account.
        PerfAccountInfo(AuxPerfAccountInfo) = 1 0x18,
        /// AUX_SERVER_CAPABILITIES: what the server takes.
        ServerCapabilities(AuxServerCapabilities) = 1 0x46,
        /// AUX_ENDPOINT_CAPABILITIES: what the server combines on one endpoint.
        EndpointCapabilities(AuxEndpointCapabilities) = 1 0x48,
        /// AUX_CLIENT_CONNECTION_INFO: the client's connection, for the server's log.
        ClientConnectionInfo(AuxClientConnectionInfo<'de>) = 1 0x4A,
        /// AUX_SERVER_SESSION_INFO: the server's session, for the client's log.
        ServerSessionInfo(AuxServerSessionInfo<'de>) = 1 0x4B,
        /// AUX_PROTOCOL_DEVICE_IDENTIFICATION: a device between the two.
        ProtocolDeviceIdentification(AuxProtocolDeviceIdentification<'de>) = 1 0x4E,
    }
    reports {
        /// AUX_PERF_DEFMDB_SUCCESS: a call to the messaging server went well.
        PerfDefMdbSuccess(AuxPerfDefMdbSuccess) = 1 0x05 0x0C 0x11,
        /// AUX_PERF_DEFGC_SUCCESS: a call to the directory went well.
        PerfDefGcSuccess(AuxPerfDefGcSuccess) = 1 0x06 0x0D 0x12,
        /// AUX_PERF_MDB_SUCCESS: a call to the messaging server went well.
        PerfMdbSuccess(AuxPerfMdbSuccess) = 1 0x07 0x0E 0x13,
        /// AUX_PERF_MDB_SUCCESS_V2: the same with the process.
        PerfMdbSuccessV2(AuxPerfMdbSuccessV2) = 2 0x07 0x0E 0x13,
        /// AUX_PERF_GC_SUCCESS: a call to the directory went well.
        PerfGcSuccess(AuxPerfGcSuccess) = 1 0x08 0x0F 0x14,
        /// AUX_PERF_GC_SUCCESS_V2: the same with the process.
        PerfGcSuccessV2(AuxPerfGcSuccessV2) = 2 0x08 0x0F 0x14,
        /// AUX_PERF_FAILURE: a call failed.
        PerfFailure(AuxPerfFailure) = 1 0x09 0x10 0x15,
        /// AUX_PERF_FAILURE_V2: the same with the process.
        PerfFailureV2(AuxPerfFailureV2) = 2 0x09 0x10 0x15,
    }
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

impl Encode for AuxBlock<'_> {
    fn encoded_len(&self) -> usize {
        AuxHeader::LEN + self.block_len()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let (version, block_type) = self.version_and_type();
        w.len_u16_le(self.encoded_len(), "Size")?;
        w.u8(version);
        w.u8(block_type);
        self.encode_block(w)
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
    write_auxiliary_buffer_with(&mut Packer::new(), out, form, blocks)
}

/// [`write_auxiliary_buffer`] with a packer that is kept: a compressed form takes no allocation then.
///
/// # Errors
/// Those of [`auxiliary_buffer`]; `out` is as it was then.
pub fn write_auxiliary_buffer_with(
    packer: &mut Packer,
    out: &mut BytesMut,
    form: PayloadForm,
    blocks: &[AuxBlock<'_>],
) -> Result<usize, EncodeError> {
    if blocks.is_empty() {
        return Ok(0);
    }
    packer.write(out, form, |w| blocks.iter().try_for_each(|block| w.structure(block)))
}

/// How many bytes [`auxiliary_buffer`] makes.
#[must_use]
pub fn auxiliary_buffer_len(blocks: &[AuxBlock<'_>]) -> usize {
    if blocks.is_empty() { 0 } else { RpcHeaderExt::LEN + blocks.iter().map(Encode::encoded_len).sum::<usize>() }
}
