//! EcDoConnectEx, [MS-OXCRPC] 3.1.4.1.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, Structure};
use oxwire_mapi::mapihttp::ConnectFlags;
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use super::{EMSMDB, ProtocolVersion, SMALL_RANGE_MAX};
use crate::Operation;

/// The request of EcDoConnectEx, opnum 10: establishes a Session Context. [MS-OXCRPC] 3.1.4.1
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EcDoConnectExRequest<'de> {
    /// szUserDN, without its NUL.
    pub user_dn: &'de [u8],
    /// ulFlags.
    pub flags: ConnectFlags,
    /// ulConMod: a hash of szUserDN that the client derives.
    pub con_mod: u32,
    /// cbLimit: 0 when sent, ignored on receipt.
    pub limit: u32,
    /// ulCpid: the code page of text that is not Unicode.
    pub code_page: u32,
    /// ulLcidString: the LCID for everything but sorting.
    pub lcid_string: u32,
    /// ulLcidSort: the LCID for sorting.
    pub lcid_sort: u32,
    /// ulIcxrLink: 0xFFFFFFFF for no link to another Session Context.
    pub icxr_link: u32,
    /// usFCanConvertCodePages: 1.
    pub can_convert_code_pages: u16,
    /// rgwClientVersion.
    pub client_version: ProtocolVersion,
    /// pulTimeStamp: with ulIcxrLink, when the other Session Context was made; else 0.
    pub time_stamp: u32,
    /// rgbAuxIn and cbAuxIn: an extended buffer; empty for none.
    pub auxiliary_in: &'de [u8],
    /// pcbAuxOut: bytes of rgbAuxOut that the client takes, at most [`SMALL_RANGE_MAX`].
    pub max_auxiliary_out: u32,
}

impl EcDoConnectExRequest<'_> {
    /// What ulIcxrLink says when there is nothing to link to.
    pub const NO_LINK: u32 = 0xFFFF_FFFF;
}

impl Structure for EcDoConnectExRequest<'_> {
    const NAME: &'static str = "EcDoConnectEx request";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.1";
}

impl Operation for EcDoConnectExRequest<'_> {
    const INTERFACE: SyntaxIdentifier = EMSMDB;
    const OPNUM: u16 = 10;
}

impl<'de> NdrDecode<'de> for EcDoConnectExRequest<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            user_dn: r.string8("szUserDN")?,
            flags: ConnectFlags::from_bits(r.u32("ulFlags")?),
            con_mod: r.u32("ulConMod")?,
            limit: r.u32("cbLimit")?,
            code_page: r.u32("ulCpid")?,
            lcid_string: r.u32("ulLcidString")?,
            lcid_sort: r.u32("ulLcidSort")?,
            icxr_link: r.u32("ulIcxrLink")?,
            can_convert_code_pages: r.u16("usFCanConvertCodePages")?,
            client_version: ProtocolVersion::read(r, "rgwClientVersion")?,
            time_stamp: r.u32("pulTimeStamp")?,
            auxiliary_in: super::read_sized(r, "rgbAuxIn", "cbAuxIn")?,
            max_auxiliary_out: super::read_small_range(r, "pcbAuxOut")?,
        })
    }
}

impl NdrEncode for EcDoConnectExRequest<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.string8(self.user_dn, "szUserDN")?;
        w.u32(self.flags.bits());
        w.u32(self.con_mod);
        w.u32(self.limit);
        w.u32(self.code_page);
        w.u32(self.lcid_string);
        w.u32(self.lcid_sort);
        w.u32(self.icxr_link);
        w.u16(self.can_convert_code_pages);
        self.client_version.write(w);
        w.u32(self.time_stamp);
        super::write_sized(w, self.auxiliary_in, "rgbAuxIn")?;
        super::write_range(w, self.max_auxiliary_out, SMALL_RANGE_MAX, "pcbAuxOut")
    }
}

impl fmt::Debug for EcDoConnectExRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcDoConnectExRequest")
            .field("user_dn", &self.user_dn.escape_ascii().to_string())
            .field("flags", &self.flags)
            .field("code_page", &self.code_page)
            .field("lcid_string", &self.lcid_string)
            .field("lcid_sort", &self.lcid_sort)
            .field("icxr_link", &self.icxr_link)
            .field("client_version", &self.client_version)
            .field("time_stamp", &self.time_stamp)
            .field("auxiliary_in", &format_args!("{} bytes", self.auxiliary_in.len()))
            .field("max_auxiliary_out", &self.max_auxiliary_out)
            .finish_non_exhaustive()
    }
}

/// The response of EcDoConnectEx. [MS-OXCRPC] 3.1.4.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoConnectExResponse<'de> {
    /// pcxh: the session context handle; nil on failure.
    pub session: ContextHandle,
    /// pcmsPollsMax: how often to poll, in milliseconds.
    pub polls_max: u32,
    /// pcRetry: how often to try again.
    pub retry_count: u32,
    /// pcmsRetryDelay: how long to wait before, in milliseconds.
    pub retry_delay: u32,
    /// piCxr: the session index.
    pub icxr: u16,
    /// szDNPrefix, without its NUL.
    pub dn_prefix: Option<&'de [u8]>,
    /// szDisplayName, without its NUL.
    pub display_name: Option<&'de [u8]>,
    /// rgwServerVersion.
    pub server_version: ProtocolVersion,
    /// rgwBestVersion: on success what the client sent; else the least that the server takes.
    pub best_version: ProtocolVersion,
    /// pulTimeStamp: when the Session Context was made.
    pub time_stamp: u32,
    /// rgbAuxOut and pcbAuxOut: an extended buffer; empty for none.
    pub auxiliary_out: &'de [u8],
    /// The return value: 0 is success.
    pub error_code: u32,
}

impl EcDoConnectExResponse<'_> {
    /// A failure: all outputs zero, and strings that are not there.
    #[must_use]
    pub fn failure(error_code: u32) -> Self {
        Self { error_code, ..Self::default() }
    }
}

impl Structure for EcDoConnectExResponse<'_> {
    const NAME: &'static str = "EcDoConnectEx response";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.1";
}

impl<'de> NdrDecode<'de> for EcDoConnectExResponse<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            session: r.context_handle("pcxh")?,
            polls_max: r.u32("pcmsPollsMax")?,
            retry_count: r.u32("pcRetry")?,
            retry_delay: r.u32("pcmsRetryDelay")?,
            icxr: r.u16("piCxr")?,
            dn_prefix: r.unique("szDNPrefix", |r| r.string8("szDNPrefix"))?,
            display_name: r.unique("szDisplayName", |r| r.string8("szDisplayName"))?,
            server_version: ProtocolVersion::read(r, "rgwServerVersion")?,
            best_version: ProtocolVersion::read(r, "rgwBestVersion")?,
            time_stamp: r.u32("pulTimeStamp")?,
            auxiliary_out: super::read_out(r, "rgbAuxOut", "pcbAuxOut")?,
            error_code: r.u32("return value")?,
        })
    }
}

impl NdrEncode for EcDoConnectExResponse<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.session);
        w.u32(self.polls_max);
        w.u32(self.retry_count);
        w.u32(self.retry_delay);
        w.u16(self.icxr);
        w.unique(self.dn_prefix, |w, text| w.string8(text, "szDNPrefix"))?;
        w.unique(self.display_name, |w, text| w.string8(text, "szDisplayName"))?;
        self.server_version.write(w);
        self.best_version.write(w);
        w.u32(self.time_stamp);
        super::write_out(w, self.auxiliary_out, "rgbAuxOut")?;
        w.u32(self.error_code);
        Ok(())
    }
}
