//! The calls on objects: NspiGetPropList, NspiGetProps, NspiModProps, NspiModLinkAtt, NspiCompareMIds, NspiGetTemplateInfo,
//! NspiQueryColumns. [MS-OXNSPI] 3.1.4.1.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind};
use oxwire_mapi::nspi::{
    CompareMIdsRequest, CompareMIdsSuccess, DisplayType, EntryIds, GetPropListRequest, GetPropListSuccess,
    GetPropsRequest, GetPropsSuccess, GetTemplateInfoRequest, GetTemplateInfoSuccess, MAX_ELEMENTS, MinimalEntryId,
    ModLinkAttRequest, ModLinkAttSuccess, ModLinkFlags, ModPropsRequest, ModPropsSuccess, PropertyFlags,
    QueryColumnsFlags, QueryColumnsRequest, QueryColumnsSuccess, TemplateFlags, ValueList,
};
use oxwire_mapi::property::{ErrorCode, MultipleBinary, PropertyTag};
use oxwire_rpc::ndr::{NdrDecode, NdrEncode, NdrReader, NdrWriter};

use super::parts::{
    no_auxiliary_buffer, read_stat, read_tags, write_asked_tags, write_needed_stat, write_row, write_tags,
};
use super::value::check_asked;
use super::{Request, Response, call};

call!("NspiGetPropList", "[MS-OXNSPI] 3.1.4.1.6", 8, Request<GetPropListRequest<'_>>, Response<GetPropListSuccess<'_>>);
call!("NspiGetProps", "[MS-OXNSPI] 3.1.4.1.7", 9, Request<GetPropsRequest<'_>>, Response<GetPropsSuccess<'_>>);
call!(
    "NspiCompareMIds",
    "[MS-OXNSPI] 3.1.4.1.12",
    10,
    Request<CompareMIdsRequest<'_>>,
    Response<CompareMIdsSuccess<'_>>
);
call!("NspiModProps", "[MS-OXNSPI] 3.1.4.1.14", 11, Request<ModPropsRequest<'_>>, Response<ModPropsSuccess<'_>>);
call!(
    "NspiGetTemplateInfo",
    "[MS-OXNSPI] 3.1.4.1.18",
    13,
    Request<GetTemplateInfoRequest<'_>>,
    Response<GetTemplateInfoSuccess<'_>>
);
call!("NspiModLinkAtt", "[MS-OXNSPI] 3.1.4.1.15", 14, Request<ModLinkAttRequest<'_>>, Response<ModLinkAttSuccess<'_>>);
call!(
    "NspiQueryColumns",
    "[MS-OXNSPI] 3.1.4.1.5",
    16,
    Request<QueryColumnsRequest<'_>>,
    Response<QueryColumnsSuccess<'_>>
);

/// Opnum 8: the properties that an object has.
impl NdrEncode for Request<GetPropListRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(self.body.flags.bits());
        w.u32(self.body.minimal_id.0);
        w.u32(self.body.code_page);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Request<GetPropListRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        let flags = PropertyFlags::from_bits(r.u32("dwFlags")?);
        let minimal_id = MinimalEntryId(r.u32("dwMId")?);
        let code_page = r.u32("CodePage")?;
        Ok(Self { handle, body: GetPropListRequest { flags, minimal_id, code_page, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<GetPropListSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let GetPropListSuccess { error_code, property_tags, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        let tags = property_tags.filter(|_| !error_code.is_failure());
        w.unique(tags, |w, tags| write_tags(w, tags, "ppPropTags"))?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<GetPropListSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let property_tags = r.unique("ppPropTags", |r| read_tags(r, "ppPropTags"))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(GetPropListSuccess { error_code, property_tags, auxiliary_buffer: &[] }))
    }
}

/// Opnum 9: properties of an object. The answer has no code page over RPC: 0 is read.
impl NdrEncode for Request<GetPropsRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(self.body.flags.bits());
        write_needed_stat(w, self.body.state.as_ref())?;
        write_asked_tags(w, self.body.property_tags)
    }
}

impl<'de> NdrDecode<'de> for Request<GetPropsRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        let flags = PropertyFlags::from_bits(r.u32("dwFlags")?);
        let state = Some(read_stat(r)?);
        let property_tags = r.unique("pPropTags", |r| read_tags(r, "pPropTags"))?;
        Ok(Self { handle, body: GetPropsRequest { flags, state, property_tags, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<GetPropsSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let GetPropsSuccess { error_code, property_values, auxiliary_buffer, .. } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        w.unique(property_values.filter(|_| !error_code.is_failure()), write_row)?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<GetPropsSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let property_values = r.unique("ppRows", |r| r.view(ValueList::decode_ndr))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(GetPropsSuccess { error_code, code_page: 0, property_values, auxiliary_buffer: &[] }))
    }
}

/// Opnum 10: compares the places of two objects.
impl NdrEncode for Request<CompareMIdsRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_needed_stat(w, self.body.state.as_ref())?;
        w.u32(self.body.minimal_id_1.0);
        w.u32(self.body.minimal_id_2.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Request<CompareMIdsRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let state = Some(read_stat(r)?);
        let minimal_id_1 = MinimalEntryId(r.u32("MId1")?);
        let minimal_id_2 = MinimalEntryId(r.u32("MId2")?);
        Ok(Self { handle, body: CompareMIdsRequest { state, minimal_id_1, minimal_id_2, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<CompareMIdsSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let CompareMIdsSuccess { error_code, result, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        w.i32(if error_code.is_failure() { 0 } else { *result });
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<CompareMIdsSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let result = r.i32("plResult")?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(CompareMIdsSuccess { error_code, result, auxiliary_buffer: &[] }))
    }
}

/// Opnum 11: changes properties. Values that are absent are a row of none.
impl NdrEncode for Request<ModPropsRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_needed_stat(w, self.body.state.as_ref())?;
        write_asked_tags(w, self.body.property_tags)?;
        let values = self.body.property_values.unwrap_or(ValueList::new(&[]));
        values.iter().try_for_each(|value| check_asked(w, &value))?;
        write_row(w, values)
    }
}

impl<'de> NdrDecode<'de> for Request<ModPropsRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let state = Some(read_stat(r)?);
        let property_tags = r.unique("pPropTags", |r| read_tags(r, "pPropTags"))?;
        let property_values = Some(r.view(ValueList::decode_ndr)?);
        Ok(Self { handle, body: ModPropsRequest { state, property_tags, property_values, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<ModPropsSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.0.auxiliary_buffer)?;
        w.u32(self.0.error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<ModPropsSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self(ModPropsSuccess { error_code: ErrorCode(r.u32("return value")?), auxiliary_buffer: &[] }))
    }
}

/// Opnum 13: a template. The answer has no code page over RPC: 0 is read.
impl NdrEncode for Request<GetTemplateInfoRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let body = &self.body;
        no_auxiliary_buffer(w, body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(body.flags.bits());
        w.u32(body.display_type.0);
        w.unique(body.template_dn, |w, dn| w.string8(dn, "pDN"))?;
        w.u32(body.code_page);
        w.u32(body.locale_id);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Request<GetTemplateInfoRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        let flags = TemplateFlags::from_bits(r.u32("dwFlags")?);
        let display_type = DisplayType(r.u32("ulType")?);
        let template_dn = r.unique("pDN", |r| r.string8("pDN"))?;
        let code_page = r.u32("dwCodePage")?;
        let locale_id = r.u32("dwLocaleID")?;
        let body =
            GetTemplateInfoRequest { flags, display_type, template_dn, code_page, locale_id, auxiliary_buffer: &[] };
        Ok(Self { handle, body })
    }
}

impl NdrEncode for Response<GetTemplateInfoSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let GetTemplateInfoSuccess { error_code, row, auxiliary_buffer, .. } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        w.unique(row.filter(|_| !error_code.is_failure()), write_row)?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<GetTemplateInfoSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let row = r.unique("ppData", |r| r.view(ValueList::decode_ndr))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(GetTemplateInfoSuccess { error_code, code_page: 0, row, auxiliary_buffer: &[] }))
    }
}

/// Opnum 14: changes a property that holds rows.
impl NdrEncode for Request<ModLinkAttRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let body = &self.body;
        no_auxiliary_buffer(w, body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(body.flags.bits());
        w.u32(body.property_tag.0);
        w.u32(body.minimal_id.0);
        let ids = body.entry_ids.unwrap_or(EntryIds::new(&[]));
        if ids.len() > MAX_ELEMENTS {
            let kind = EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: ids.len() };
            return Err(w.error("lpEntryIds", kind));
        }
        w.len_u32(ids.len(), "cValues")?;
        w.pointer(true);
        w.conformance(ids.len(), "lpbin")?;
        for id in ids.iter() {
            w.len_u32(id.len(), "cb")?;
            w.pointer(true);
        }
        ids.iter().try_for_each(|id| w.conformant_bytes(id, "lpb"))
    }
}

impl<'de> NdrDecode<'de> for Request<ModLinkAttRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        let flags = ModLinkFlags::from_bits(r.u32("dwFlags")?);
        let property_tag = PropertyTag(r.u32("ulPropTag")?);
        let minimal_id = MinimalEntryId(r.u32("dwMId")?);
        let count = r.u32("cValues")?;
        if usize::try_from(count).map_or(true, |count| count > MAX_ELEMENTS) {
            return Err(r.invalid("cValues", "at most 100,000", count));
        }
        let entry_ids = r.unique("lpbin", |r| {
            let maximum = r.u32("lpbin")?;
            if maximum != count {
                return Err(r.invalid("lpbin", "cValues elements", maximum));
            }
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            r.view(|r| MultipleBinary::decode_referents(r, count).map(EntryIds::from))
        })?;
        let body = ModLinkAttRequest { flags, property_tag, minimal_id, entry_ids, auxiliary_buffer: &[] };
        Ok(Self { handle, body })
    }
}

impl NdrEncode for Response<ModLinkAttSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.0.auxiliary_buffer)?;
        w.u32(self.0.error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<ModLinkAttSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self(ModLinkAttSuccess { error_code: ErrorCode(r.u32("return value")?), auxiliary_buffer: &[] }))
    }
}

/// Opnum 16: the properties that there are.
impl NdrEncode for Request<QueryColumnsRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        w.u32(self.body.mapi_flags.bits());
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Request<QueryColumnsRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let mapi_flags = QueryColumnsFlags::from_bits(r.u32("dwFlags")?);
        Ok(Self { handle, body: QueryColumnsRequest { mapi_flags, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<QueryColumnsSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let QueryColumnsSuccess { error_code, columns, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        let columns = columns.filter(|_| !error_code.is_failure());
        w.unique(columns, |w, columns| write_tags(w, columns, "ppColumns"))?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<QueryColumnsSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let columns = r.unique("ppColumns", |r| read_tags(r, "ppColumns"))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(QueryColumnsSuccess { error_code, columns, auxiliary_buffer: &[] }))
    }
}
