//! NspiQueryRows, NspiSeekEntries, NspiGetMatches, NspiResortRestriction, NspiGetSpecialTable: [MS-OXNSPI] 3.1.4.1.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind};
use oxwire_mapi::nspi::{
    ColumnsAndRows, ExplicitTable, GetMatchesSuccess, GetSpecialTableRequest, GetSpecialTableSuccess, MAX_ELEMENTS,
    Matches, MinimalEntryIds, PropertyFlags, PropertyName, QueryRowsRequest, QueryRowsSuccess,
    ResortRestrictionRequest, ResortRestrictionSuccess, RowLimit, SeekEntriesRequest, SeekEntriesSuccess,
    SpecialTableFlags, StatAnswer, TaggedValue, ValueLists,
};
use oxwire_mapi::property::{ErrorCode, PropertyTags};
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};

use super::parts::{
    no_auxiliary_buffer, read_ids, read_stat, read_tags, read_uid, write_answered_stat, write_asked_tags, write_ids,
    write_lists, write_needed_stat, write_rows,
};
use super::value::{check_asked, write_fixed, write_referent};
use super::{Filter, Request, Response, call};

call!("NspiQueryRows", "[MS-OXNSPI] 3.1.4.1.8", 3, Request<QueryRowsRequest<'_>>, Response<QueryRowsSuccess<'_>>);
call!("NspiSeekEntries", "[MS-OXNSPI] 3.1.4.1.9", 4, Request<SeekEntriesRequest<'_>>, Response<SeekEntriesSuccess<'_>>);
call!("NspiGetMatches", "[MS-OXNSPI] 3.1.4.1.10", 5, GetMatchesRequest<'_>, Response<GetMatchesSuccess<'_>>);
call!(
    "NspiResortRestriction",
    "[MS-OXNSPI] 3.1.4.1.11",
    6,
    Request<ResortRestrictionRequest<'_>>,
    Response<ResortRestrictionSuccess<'_>>
);
call!(
    "NspiGetSpecialTable",
    "[MS-OXNSPI] 3.1.4.1.3",
    12,
    Request<GetSpecialTableRequest<'_>>,
    Response<GetSpecialTableSuccess<'_>>
);

fn unique_tags<'de>(r: &mut NdrReader<'de>) -> Result<Option<PropertyTags<'de>>, DecodeError> {
    r.unique("pPropTags", |r| read_tags(r, "pPropTags"))
}

fn unique_rows<'de>(r: &mut NdrReader<'de>) -> Result<Option<ColumnsAndRows<'de>>, DecodeError> {
    r.unique("ppRows", |r| r.view(ValueLists::decode_ndr).map(ColumnsAndRows::tagged))
}

/// ppRows: null on failure, whatever there is.
fn write_unique_rows(
    w: &mut NdrWriter<'_>,
    rows: Option<&ColumnsAndRows<'_>>,
    error_code: ErrorCode,
) -> Result<(), EncodeError> {
    w.unique(rows.filter(|_| !error_code.is_failure()), write_rows)
}

/// Opnum 3: rows of a table. An empty Explicit Table is a null lpETable.
impl NdrEncode for Request<QueryRowsRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let body = &self.body;
        no_auxiliary_buffer(w, body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(body.flags.bits());
        write_needed_stat(w, body.state.as_ref())?;
        let ids = body.explicit_table.0;
        if ids.len() > MAX_ELEMENTS {
            let kind = EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: ids.len() };
            return Err(w.error("dwETableCount", kind));
        }
        if body.row_count == 0 && !ids.is_empty() {
            let kind = EncodeErrorKind::Value { expected: "at least one row of an Explicit Table", found: 0 };
            return Err(w.error("Count", kind));
        }
        w.len_u32(ids.len(), "dwETableCount")?;
        w.unique((!ids.is_empty()).then_some(ids), |w, ids| {
            w.conformance(ids.len(), "lpETable")?;
            ids.iter().for_each(|id| w.u32(id.0));
            Ok(())
        })?;
        w.u32(body.row_count);
        write_asked_tags(w, body.columns)
    }
}

impl<'de> NdrDecode<'de> for Request<QueryRowsRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        let flags = PropertyFlags::from_bits(r.u32("dwFlags")?);
        let state = Some(read_stat(r)?);
        let count = r.u32("dwETableCount")?;
        if usize::try_from(count).map_or(true, |count| count > MAX_ELEMENTS) {
            return Err(r.invalid("dwETableCount", "at most 100,000", count));
        }
        let ids = r.unique("lpETable", |r| {
            let maximum = r.u32("lpETable")?;
            if maximum != count {
                return Err(r.invalid("lpETable", "dwETableCount elements", maximum));
            }
            r.view(|r| {
                let count = r.count(usize::try_from(count).unwrap_or(usize::MAX), 4, "lpETable")?;
                r.bytes(count.saturating_mul(4), "lpETable").map(MinimalEntryIds::from_wire)
            })
        })?;
        if ids.is_none() && count != 0 {
            return Err(r.invalid("lpETable", "a pointer that is not null: there are dwETableCount elements", 0_u32));
        }
        let explicit_table = ExplicitTable(ids.unwrap_or_default());
        let row_count = r.u32("Count")?;
        let columns = unique_tags(r)?;
        let body = QueryRowsRequest { flags, state, explicit_table, row_count, columns, auxiliary_buffer: &[] };
        Ok(Self { handle, body })
    }
}

impl NdrEncode for Response<QueryRowsSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let QueryRowsSuccess { error_code, state, rows, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        write_answered_stat(w, state.as_ref());
        write_unique_rows(w, rows.as_ref(), *error_code)?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<QueryRowsSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let state = Some(StatAnswer::received(read_stat(r)?));
        let rows = unique_rows(r)?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(QueryRowsSuccess { error_code, state, rows, auxiliary_buffer: &[] }))
    }
}

/// Opnum 4: goes to the first row that is not below a value.
impl NdrEncode for Request<SeekEntriesRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let body = &self.body;
        no_auxiliary_buffer(w, body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_needed_stat(w, body.state.as_ref())?;
        let kind = EncodeErrorKind::Value { expected: "a value: over RPC it is never absent", found: 0 };
        let target = body.target.as_ref().ok_or_else(|| w.error("pTarget", kind))?;
        check_asked(w, target)?;
        write_fixed(w, target)?;
        write_referent(w, target)?;
        w.unique(body.explicit_table, |w, table| write_ids(w, table.0, "lpETable"))?;
        write_asked_tags(w, body.columns)
    }
}

impl<'de> NdrDecode<'de> for Request<SeekEntriesRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let state = Some(read_stat(r)?);
        let target = Some(r.view(TaggedValue::decode_ndr)?);
        let explicit_table = r.unique("lpETable", |r| read_ids(r, "lpETable").map(ExplicitTable))?;
        let columns = unique_tags(r)?;
        let body = SeekEntriesRequest { state, target, explicit_table, columns, auxiliary_buffer: &[] };
        Ok(Self { handle, body })
    }
}

impl NdrEncode for Response<SeekEntriesSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let SeekEntriesSuccess { error_code, state, rows, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        write_answered_stat(w, state.as_ref());
        write_unique_rows(w, rows.as_ref(), *error_code)?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<SeekEntriesSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let state = Some(StatAnswer::received(read_stat(r)?));
        let rows = unique_rows(r)?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(SeekEntriesSuccess { error_code, state, rows, auxiliary_buffer: &[] }))
    }
}

/// NspiGetMatches, opnum 5: makes an Explicit Table of the rows that match.
#[derive(Debug, Clone, PartialEq)]
pub struct GetMatchesRequest<'de> {
    /// hRpc.
    pub handle: ContextHandle,
    /// The request body. Its filter is written where there is no other; it is `None` when read.
    pub body: oxwire_mapi::nspi::GetMatchesRequest<'de>,
    /// Filter, with storage of its own: RPC lays a restriction out in another order.
    pub filter: Option<Filter>,
}

impl GetMatchesRequest<'_> {
    /// The most matches, and rows, that the answer may have.
    #[must_use]
    pub fn row_limit(&self) -> RowLimit {
        self.body.row_limit()
    }
}

impl NdrEncode for GetMatchesRequest<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let body = &self.body;
        no_auxiliary_buffer(w, body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_needed_stat(w, body.state.as_ref())?;
        w.unique(body.minimal_ids, |w, ids| write_ids(w, ids, "pReserved"))?;
        w.u32(0);
        let own = self.filter.as_ref().map(Filter::restriction).transpose();
        let own = own.map_err(|_| w.error("Filter", EncodeErrorKind::Value { expected: "a restriction", found: 0 }))?;
        w.unique(own.or(body.filter), |w, filter| super::restriction::write(w, &filter))?;
        w.unique(body.property_name, |w, name| {
            w.pointer(true);
            w.u32(0);
            w.u32(name.id);
            w.bytes(&name.guid.to_wire());
            Ok(())
        })?;
        w.u32(body.row_count);
        write_asked_tags(w, body.columns)
    }
}

impl<'de> NdrDecode<'de> for GetMatchesRequest<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved1")?;
        let state = Some(read_stat(r)?);
        let minimal_ids = r.unique("pReserved", |r| read_ids(r, "pReserved"))?;
        r.u32("Reserved2")?;
        let filter = r.unique("Filter", super::restriction::read)?;
        let property_name = r.unique("lpPropName", |r| {
            let guid = r.reference("lpguid")?;
            r.u32("ulReserved")?;
            let id = r.u32("lID")?;
            let guid = r.referent(guid, |r| read_uid(r, "lpguid"))?.unwrap_or_default();
            Ok(PropertyName { guid, id })
        })?;
        let row_count = r.u32("ulRequested")?;
        let columns = unique_tags(r)?;
        let body = oxwire_mapi::nspi::GetMatchesRequest {
            state,
            minimal_ids,
            filter: None,
            property_name,
            row_count,
            columns,
            auxiliary_buffer: &[],
        };
        Ok(Self { handle, body, filter })
    }
}

impl NdrEncode for Response<GetMatchesSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let GetMatchesSuccess { error_code, state, minimal_ids, rows, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        write_answered_stat(w, state.as_ref());
        let ids = minimal_ids.filter(|_| !error_code.is_failure());
        w.unique(ids, |w, ids| write_ids(w, ids.ids(), "ppOutMIds"))?;
        write_unique_rows(w, rows.as_ref(), *error_code)?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<GetMatchesSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let state = Some(StatAnswer::received(read_stat(r)?));
        let minimal_ids = r.unique("ppOutMIds", |r| read_ids(r, "ppOutMIds").map(Matches::received))?;
        let rows = unique_rows(r)?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(GetMatchesSuccess { error_code, state, minimal_ids, rows, auxiliary_buffer: &[] }))
    }
}

/// Opnum 6: sorts an Explicit Table. What stands behind ppOutMIds in a request is ignored, and written as null.
impl NdrEncode for Request<ResortRestrictionRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_needed_stat(w, self.body.state.as_ref())?;
        write_ids(w, self.body.minimal_ids.unwrap_or_default(), "pInMIds")?;
        w.pointer(false);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Request<ResortRestrictionRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let state = Some(read_stat(r)?);
        let minimal_ids = Some(read_ids(r, "pInMIds")?);
        r.unique("ppOutMIds", |r| read_ids(r, "ppOutMIds"))?;
        Ok(Self { handle, body: ResortRestrictionRequest { state, minimal_ids, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<ResortRestrictionSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let ResortRestrictionSuccess { error_code, state, minimal_ids, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        write_answered_stat(w, state.as_ref());
        let ids = minimal_ids.filter(|_| !error_code.is_failure());
        w.unique(ids, |w, ids| write_ids(w, ids.ids(), "ppOutMIds"))?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<ResortRestrictionSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let state = Some(StatAnswer::received(read_stat(r)?));
        let minimal_ids = r.unique("ppOutMIds", |r| read_ids(r, "ppOutMIds").map(Matches::received))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(ResortRestrictionSuccess { error_code, state, minimal_ids, auxiliary_buffer: &[] }))
    }
}

/// Opnum 12: the hierarchy table or the address creation table. A version that is absent is 0.
impl NdrEncode for Request<GetSpecialTableRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(self.body.flags.bits());
        write_needed_stat(w, self.body.state.as_ref())?;
        w.u32(self.body.version.unwrap_or_default());
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Request<GetSpecialTableRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        let flags = SpecialTableFlags::from_bits(r.u32("dwFlags")?);
        let state = Some(read_stat(r)?);
        let version = Some(r.u32("lpVersion")?);
        Ok(Self { handle, body: GetSpecialTableRequest { flags, state, version, auxiliary_buffer: &[] } })
    }
}

impl NdrEncode for Response<GetSpecialTableSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let GetSpecialTableSuccess { error_code, version, rows, auxiliary_buffer, .. } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        let failed = error_code.is_failure();
        w.u32(if failed { 0 } else { version.unwrap_or_default() });
        w.unique(rows.filter(|_| !failed), write_lists)?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<GetSpecialTableSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let version = Some(r.u32("lpVersion")?);
        let rows = r.unique("ppRows", |r| r.view(ValueLists::decode_ndr))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(GetSpecialTableSuccess { error_code, code_page: 0, version, rows, auxiliary_buffer: &[] }))
    }
}
