//! NspiDNToMId, NspiResolveNames, NspiResolveNamesW: [MS-OXNSPI] 3.1.4.1.13, 3.1.4.1.16, 3.1.4.1.17.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind};
use oxwire_mapi::nspi::{
    ColumnsAndRows, DnToMIdRequest, DnToMIdSuccess, MAX_ELEMENTS, ResolveNamesSuccess, RowLimit, Stat, Strings,
    ValueLists, WideString, WideStrings,
};
use oxwire_mapi::property::{ErrorCode, MultipleString, MultipleString8, PropertyTags};
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};

use super::parts::{
    no_auxiliary_buffer, read_ids, read_stat, read_tags, write_asked_tags, write_ids, write_needed_stat, write_rows,
    write_stat,
};
use super::{Request, Response, call};

type ResolveNamesW<'de> = oxwire_mapi::nspi::ResolveNamesRequest<'de>;

call!("NspiDNToMId", "[MS-OXNSPI] 3.1.4.1.13", 7, Request<DnToMIdRequest<'_>>, Response<DnToMIdSuccess<'_>>);
call!("NspiResolveNamesW", "[MS-OXNSPI] 3.1.4.1.17", 20, Request<ResolveNamesW<'_>>, Response<ResolveNamesSuccess<'_>>);

impl oxwire_core::Structure for ResolveNamesRequest<'_> {
    const NAME: &'static str = "NspiResolveNames request";
    const SPEC: &'static str = "[MS-OXNSPI] 3.1.4.1.16";
}

impl crate::Operation for ResolveNamesRequest<'_> {
    const INTERFACE: oxwire_rpc::pdu::SyntaxIdentifier = super::NSPI;
    const OPNUM: u16 = 19;
}

/// Count, and the maximum count in front of it that a conformant structure has.
fn read_count(r: &mut NdrReader<'_>) -> Result<usize, DecodeError> {
    let maximum = r.conformance(4, "Strings")?;
    let count = r.u32("Count")?;
    if u32::try_from(maximum) != Ok(count) || maximum > MAX_ELEMENTS {
        return Err(r.invalid("Count", "at most 100,000, and the maximum count", count));
    }
    Ok(maximum)
}

fn write_count(w: &mut NdrWriter<'_>, count: usize) -> Result<(), EncodeError> {
    if count > MAX_ELEMENTS {
        return Err(w.error("Count", EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: count }));
    }
    w.conformance(count, "Strings")?;
    w.len_u32(count, "Count")?;
    (0..count).for_each(|_| w.pointer(true));
    Ok(())
}

/// A StringsArray_r, [MS-OXNSPI] 2.3.6.1.
fn read_strings<'de>(r: &mut NdrReader<'de>) -> Result<Strings<'de>, DecodeError> {
    let count = read_count(r)?;
    r.view(|r| MultipleString8::decode_referents(r, count).map(Strings::from))
}

fn write_strings(w: &mut NdrWriter<'_>, strings: Strings<'_>) -> Result<(), EncodeError> {
    write_count(w, strings.len())?;
    strings.iter().try_for_each(|text| w.string8(text, "Strings"))
}

/// Opnum 7: maps DNs to Minimal Entry IDs.
impl NdrEncode for Request<DnToMIdRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_strings(w, self.body.names.unwrap_or(Strings::new(&[])))
    }
}

impl<'de> NdrDecode<'de> for Request<DnToMIdRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let names = Some(read_strings(r)?);
        Ok(Self { handle, body: DnToMIdRequest { names, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<DnToMIdSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let DnToMIdSuccess { error_code, minimal_ids, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        let ids = minimal_ids.filter(|_| !error_code.is_failure());
        w.unique(ids, |w, ids| write_ids(w, ids, "ppOutMIds"))?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<DnToMIdSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let minimal_ids = r.unique("ppOutMIds", |r| read_ids(r, "ppOutMIds"))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(DnToMIdSuccess { error_code, minimal_ids, auxiliary_buffer: &[] }))
    }
}

/// NspiResolveNames, opnum 19: resolves names in the code page of the STAT. Its answer is that of NspiResolveNamesW, opnum 20,
/// which is a [`Request`] of the body that MAPI over HTTP has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResolveNamesRequest<'de> {
    /// hRpc.
    pub handle: ContextHandle,
    /// pStat: the container and the code page.
    pub stat: Stat,
    /// pPropTags: the columns of the rows; `None` for those that the server chooses.
    pub property_tags: Option<PropertyTags<'de>>,
    /// paStr.
    pub names: Strings<'de>,
}

impl ResolveNamesRequest<'_> {
    /// The most rows that the answer may have: one for each name.
    #[must_use]
    pub fn row_limit(&self) -> RowLimit {
        RowLimit::for_names(self.names.len())
    }
}

impl NdrEncode for ResolveNamesRequest<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.handle);
        w.u32(0);
        write_stat(w, &self.stat);
        write_asked_tags(w, self.property_tags)?;
        write_strings(w, self.names)
    }
}

impl<'de> NdrDecode<'de> for ResolveNamesRequest<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let stat = read_stat(r)?;
        let property_tags = r.unique("pPropTags", |r| read_tags(r, "pPropTags"))?;
        Ok(Self { handle, stat, property_tags, names: read_strings(r)? })
    }
}

/// Opnum 20. Reserved is written as 0; Outlook sends 0x80000000.
impl NdrEncode for Request<ResolveNamesW<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let body = &self.body;
        no_auxiliary_buffer(w, body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_needed_stat(w, body.state.as_ref())?;
        write_asked_tags(w, body.property_tags)?;
        let names = body.names.unwrap_or(WideStrings::new(&[]));
        write_count(w, names.len())?;
        names.iter().try_for_each(|name| match name {
            WideString::Text(text) => w.string16(text, "Strings"),
            WideString::Wire(text) => super::value::wide(w, text),
        })
    }
}

impl<'de> NdrDecode<'de> for Request<ResolveNamesW<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let state = Some(read_stat(r)?);
        let property_tags = r.unique("pPropTags", |r| read_tags(r, "pPropTags"))?;
        let count = read_count(r)?;
        let names = Some(r.view(|r| MultipleString::decode_referents(r, count).map(WideStrings::from))?);
        Ok(Self { handle, body: ResolveNamesW { state, property_tags, names, auxiliary_buffer: &[] } })
    }
}

/// Of both NspiResolveNames and NspiResolveNamesW. It has no code page over RPC: 0 is read.
impl NdrEncode for Response<ResolveNamesSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let ResolveNamesSuccess { error_code, minimal_ids, rows, auxiliary_buffer, .. } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        let failed = error_code.is_failure();
        w.unique(minimal_ids.filter(|_| !failed), |w, ids| write_ids(w, ids, "ppMIds"))?;
        w.unique(rows.as_ref().filter(|_| !failed), write_rows)?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<ResolveNamesSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let minimal_ids = r.unique("ppMIds", |r| read_ids(r, "ppMIds"))?;
        let rows = r.unique("ppRows", |r| r.view(ValueLists::decode_ndr).map(ColumnsAndRows::tagged))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(ResolveNamesSuccess { error_code, code_page: 0, minimal_ids, rows, auxiliary_buffer: &[] }))
    }
}
