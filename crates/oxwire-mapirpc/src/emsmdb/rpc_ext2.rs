//! EcDoRpcExt2, [MS-OXCRPC] 3.1.4.2.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, Structure};
use oxwire_mapi::mapihttp::ExecuteFlags;
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use super::{BIG_RANGE_MAX, EMSMDB, SMALL_RANGE_MAX};
use crate::Operation;

/// The request of EcDoRpcExt2, opnum 11: carries ROP requests. [MS-OXCRPC] 3.1.4.2
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EcDoRpcExt2Request<'de> {
    /// pcxh: the session context handle.
    pub session: ContextHandle,
    /// pulFlags: how the server is to build the ROP responses.
    pub flags: ExecuteFlags,
    /// rgbIn and cbIn: the extended buffer of the ROP requests payload.
    pub rop_in: &'de [u8],
    /// pcbOut: bytes of rgbOut that the client takes, at most [`BIG_RANGE_MAX`].
    pub max_rop_out: u32,
    /// rgbAuxIn and cbAuxIn: an extended buffer; empty for none.
    pub auxiliary_in: &'de [u8],
    /// pcbAuxOut: bytes of rgbAuxOut that the client takes, at most [`SMALL_RANGE_MAX`].
    pub max_auxiliary_out: u32,
}

impl Structure for EcDoRpcExt2Request<'_> {
    const NAME: &'static str = "EcDoRpcExt2 request";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.2";
}

impl Operation for EcDoRpcExt2Request<'_> {
    const INTERFACE: SyntaxIdentifier = EMSMDB;
    const OPNUM: u16 = 11;
}

impl<'de> NdrDecode<'de> for EcDoRpcExt2Request<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            session: r.context_handle("pcxh")?,
            flags: ExecuteFlags::from_bits(r.u32("pulFlags")?),
            rop_in: super::read_sized(r, "rgbIn", "cbIn")?,
            max_rop_out: super::read_big_range(r, "pcbOut")?,
            auxiliary_in: super::read_sized(r, "rgbAuxIn", "cbAuxIn")?,
            max_auxiliary_out: super::read_small_range(r, "pcbAuxOut")?,
        })
    }
}

impl NdrEncode for EcDoRpcExt2Request<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.reserve(self.rop_in.len().saturating_add(self.auxiliary_in.len()).saturating_add(64));
        w.context_handle(self.session);
        w.u32(self.flags.bits());
        super::write_sized(w, self.rop_in, "rgbIn")?;
        super::write_range(w, self.max_rop_out, BIG_RANGE_MAX, "pcbOut")?;
        super::write_sized(w, self.auxiliary_in, "rgbAuxIn")?;
        super::write_range(w, self.max_auxiliary_out, SMALL_RANGE_MAX, "pcbAuxOut")
    }
}

/// Lengths only: the ROPs are somebody's mail.
impl fmt::Debug for EcDoRpcExt2Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcDoRpcExt2Request")
            .field("session", &self.session)
            .field("flags", &self.flags)
            .field("rop_in", &format_args!("{} bytes", self.rop_in.len()))
            .field("max_rop_out", &self.max_rop_out)
            .field("auxiliary_in", &format_args!("{} bytes", self.auxiliary_in.len()))
            .field("max_auxiliary_out", &self.max_auxiliary_out)
            .finish()
    }
}

/// The response of EcDoRpcExt2. [MS-OXCRPC] 3.1.4.2
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoRpcExt2Response<'de> {
    /// pcxh: the session context handle; nil where the server has destroyed the Session Context.
    pub session: ContextHandle,
    /// pulFlags: 0.
    pub flags: u32,
    /// rgbOut and pcbOut: the extended buffers of the ROP responses payload; empty on failure.
    pub rop_out: &'de [u8],
    /// rgbAuxOut and pcbAuxOut: an extended buffer; empty for none.
    pub auxiliary_out: &'de [u8],
    /// pulTransTime: how long the server took, in milliseconds.
    pub trans_time: u32,
    /// The return value: 0 is success.
    pub error_code: u32,
}

impl Structure for EcDoRpcExt2Response<'_> {
    const NAME: &'static str = "EcDoRpcExt2 response";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.2";
}

impl<'de> NdrDecode<'de> for EcDoRpcExt2Response<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            session: r.context_handle("pcxh")?,
            flags: r.u32("pulFlags")?,
            rop_out: super::read_out(r, "rgbOut", "pcbOut")?,
            auxiliary_out: super::read_out(r, "rgbAuxOut", "pcbAuxOut")?,
            trans_time: r.u32("pulTransTime")?,
            error_code: r.u32("return value")?,
        })
    }
}

impl NdrEncode for EcDoRpcExt2Response<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.reserve(self.rop_out.len().saturating_add(self.auxiliary_out.len()).saturating_add(80));
        w.context_handle(self.session);
        w.u32(self.flags);
        super::write_out(w, self.rop_out, "rgbOut")?;
        super::write_out(w, self.auxiliary_out, "rgbAuxOut")?;
        w.u32(self.trans_time);
        w.u32(self.error_code);
        Ok(())
    }
}

/// Lengths only: the ROPs are somebody's mail.
impl fmt::Debug for EcDoRpcExt2Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcDoRpcExt2Response")
            .field("session", &self.session)
            .field("flags", &self.flags)
            .field("rop_out", &format_args!("{} bytes", self.rop_out.len()))
            .field("auxiliary_out", &format_args!("{} bytes", self.auxiliary_out.len()))
            .field("trans_time", &self.trans_time)
            .field("error_code", &self.error_code)
            .finish()
    }
}
