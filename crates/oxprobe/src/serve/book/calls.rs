//! The calls of the address book and their answers, for either encoding.
//!
//! A call that cannot be done is the ErrorCode for it: no out-parameter goes with that.

use bytes::{Bytes, BytesMut};
use oxwire::core::{Encode, encode_to_bytes};
use oxwire::mapi::nspi::{
    CP_WINUNICODE, ColumnsAndRows, ColumnsAndRowsWriter, CompareMIdsRequest, CompareMIdsSuccess, DnToMIdRequest,
    DnToMIdSuccess, GetMatchesRequest, GetMatchesSuccess, GetPropListRequest, GetPropListSuccess, GetPropsRequest,
    GetPropsSuccess, GetSpecialTableRequest, GetSpecialTableSuccess, GetTemplateInfoRequest, Matches, MinimalEntryId,
    MinimalEntryIds, ModLinkAttRequest, ModPropsRequest, Place, PropertyFlags, QueryColumnsFlags, QueryColumnsRequest,
    QueryColumnsSuccess, QueryRowsRequest, QueryRowsSuccess, ResolveNamesSuccess, ResortRestrictionRequest,
    ResortRestrictionSuccess, RowLimit, SeekEntriesRequest, SeekEntriesSuccess, SortType, SpecialTableFlags, Stat,
    StatAnswer, TaggedValue, UpdateStatRequest, UpdateStatSuccess, ValueList, ValueLists,
};
use oxwire::mapi::property::{Cell, ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue};
use oxwire::mapirpc::nspi::Response;
use oxwire::rpc::ndr::{NdrEncode, encode_stub};

use super::{
    Book, DEFAULT_COLUMNS, Entry, HIERARCHY_VERSION, Ids, OF_CONTAINERS, check_container, container_entry_id,
    hierarchy_row, properties, recognizes, serves_code_page,
};

/// The most bytes of rows in an answer; those that do not fit are left for the next call.
const ROWS_ROOM: usize = 4 << 20;

/// The most properties that GetProps tells of one object.
const PROPERTY_LIMIT: usize = 4096;

/// An answer, encoded, and the ErrorCode in it for the log; or an ErrorCode alone.
pub(crate) type Outcome = Result<(Bytes, ErrorCode), ErrorCode>;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// A response body of MAPI over HTTP.
    MapiHttp,
    /// The stub data of a response over RPC.
    Rpc,
}

impl Encoding {
    /// An answer with its ErrorCode in it.
    ///
    /// # Errors
    /// GeneralFailure where it cannot be written.
    pub(crate) fn answer<S: Encode>(self, success: S, error_code: ErrorCode) -> Outcome
    where
        Response<S>: NdrEncode,
    {
        let written = match self {
            Self::MapiHttp => encode_to_bytes(&success),
            Self::Rpc => encode_stub(&Response(success)),
        };
        Ok((written.map_err(|_| ErrorCode::GENERAL_FAILURE)?, error_code))
    }

    fn ok<S: Encode>(self, success: S) -> Outcome
    where
        Response<S>: NdrEncode,
    {
        self.answer(success, ErrorCode::SUCCESS)
    }
}

/// Whether a session can begin with that code page.
pub(crate) fn bind(code_page: u32) -> ErrorCode {
    match code_page {
        // No code page of strings in 8 bits ([MS-OXNSPI] 3.1.4.1.1).
        CP_WINUNICODE => ErrorCode::NOT_SUPPORTED,
        code_page if serves_code_page(code_page) => ErrorCode::SUCCESS,
        _ => ErrorCode::INVALID_CODE_PAGE,
    }
}

/// The STAT that a call cannot go without.
fn stat(state: Option<Stat>) -> Result<Stat, ErrorCode> {
    match state {
        None => Err(ErrorCode::INVALID_PARAMETER),
        // No code page of strings in 8 bits.
        Some(stat) if stat.code_page == CP_WINUNICODE => Err(ErrorCode::INVALID_CODE_PAGE),
        Some(stat) => Ok(stat),
    }
}

/// Some rows, no more than were asked for and than there is room for. `None` stands for one that is not there, which has no
/// property.
fn rows<'o, 'c: 'o, 'u: 'e, 'e>(
    out: &'o mut BytesMut,
    columns: PropertyTags<'c>,
    limit: RowLimit,
    ids: Ids,
    entries: impl Iterator<Item = Option<&'e Entry<'u>>>,
) -> Result<ColumnsAndRows<'o>, ErrorCode> {
    check_columns(columns)?;
    let mut writer = ColumnsAndRowsWriter::new(out, columns, limit, ROWS_ROOM);
    for entry in entries {
        let cell = |_: usize, tag: PropertyTag| match entry {
            Some(entry) => entry.cell(tag, ids),
            None => Cell::Error(ErrorCode::NOT_FOUND),
        };
        if !writer.push(cell).map_err(|_| ErrorCode::GENERAL_FAILURE)? {
            break;
        }
    }
    Ok(writer.finish())
}

/// Whether so many properties are told of an object, in GetProps and in any row.
fn check_columns(tags: PropertyTags<'_>) -> Result<(), ErrorCode> {
    if tags.len() > PROPERTY_LIMIT { Err(ErrorCode::TABLE_TOO_BIG) } else { Ok(()) }
}

const fn ids(flags: PropertyFlags) -> Ids {
    if flags.contains(PropertyFlags::EPHEMERAL_IDS) { Ids::Ephemeral } else { Ids::Permanent }
}

pub(crate) fn compare_mids(book: &Book<'_>, request: &CompareMIdsRequest<'_>, to: Encoding) -> Outcome {
    check_container(&stat(request.state)?)?;
    let index = |mid| book.index_of(mid).ok_or(ErrorCode::GENERAL_FAILURE);
    let order = index(request.minimal_id_1)?.cmp(&index(request.minimal_id_2)?);
    let error_code = ErrorCode::SUCCESS;
    to.ok(CompareMIdsSuccess { error_code, result: i32::from(order as i8), auxiliary_buffer: &[] })
}

pub(crate) fn dn_to_mid(book: &Book<'_>, request: &DnToMIdRequest<'_>, to: Encoding) -> Outcome {
    let names = request.names.ok_or(ErrorCode::INVALID_PARAMETER)?;
    let mid = |dn| book.of_dn(dn).map_or(MinimalEntryId::UNRESOLVED, |entry| entry.mid);
    let mids: Vec<MinimalEntryId> = names.iter().map(mid).collect();
    let minimal_ids = Some(MinimalEntryIds::new(&mids));
    to.ok(DnToMIdSuccess { error_code: ErrorCode::SUCCESS, minimal_ids, auxiliary_buffer: &[] })
}

pub(crate) fn get_matches(book: &Book<'_>, request: &GetMatchesRequest<'_>, to: Encoding) -> Outcome {
    let stat = stat(request.state)?;
    let Some(filter) = request.filter else {
        // By the values of a property of an object: nobody here has one that names objects.
        return Err(match book.entry(stat.current_rec) {
            Some(_) => ErrorCode::NOT_SUPPORTED,
            None => ErrorCode::GENERAL_FAILURE,
        });
    };
    // Nobody has a phonetic name to sort by.
    if stat.sort_type != SortType::DISPLAY_NAME {
        return Err(ErrorCode::GENERAL_FAILURE);
    }
    check_container(&stat)?;
    let found = book.matching(&filter)?;
    let mids: Vec<MinimalEntryId> = found.iter().map(|entry| entry.mid).collect();
    let limit = request.row_limit();
    let matches = Matches::new(MinimalEntryIds::new(&mids), limit).ok_or(ErrorCode::TABLE_TOO_BIG)?;
    let mut out = BytesMut::new();
    let rows = match request.columns {
        Some(columns) => Some(rows(&mut out, columns, limit, Ids::Ephemeral, found.into_iter().map(Some))?),
        None => None,
    };
    // [MS-OXNSPI] 3.1.4.1.10: CurrentRec names the Explicit Table, and nothing else changes.
    let state = Some(StatAnswer::received(stat).in_container(stat.current_rec));
    let error_code = ErrorCode::SUCCESS;
    to.ok(GetMatchesSuccess { error_code, state, minimal_ids: Some(matches), rows, auxiliary_buffer: &[] })
}

pub(crate) fn get_prop_list(book: &Book<'_>, request: &GetPropListRequest<'_>, to: Encoding) -> Outcome {
    if request.code_page == CP_WINUNICODE {
        return Err(ErrorCode::INVALID_CODE_PAGE);
    }
    book.entry(request.minimal_id).ok_or(ErrorCode::NOT_FOUND)?;
    let tags = properties(PropertyType::STRING8);
    let property_tags = Some(PropertyTags::new(&tags));
    to.ok(GetPropListSuccess { error_code: ErrorCode::SUCCESS, property_tags, auxiliary_buffer: &[] })
}

pub(crate) fn get_props(book: &Book<'_>, request: &GetPropsRequest<'_>, to: Encoding) -> Outcome {
    let stat = request.state.ok_or(ErrorCode::INVALID_PARAMETER)?;
    check_container(&stat)?;
    let all = properties(PropertyType::STRING8);
    if request.property_tags.is_none() {
        // The list is that of GetPropList, which has none for an object that is not there.
        book.entry(stat.current_rec).ok_or(ErrorCode::NOT_FOUND)?;
    }
    let tags = request.property_tags.unwrap_or(PropertyTags::new(&all));
    let in_8_bits = |tag: PropertyTag| tag.property_type() == PropertyType::STRING8;
    if stat.code_page == CP_WINUNICODE && tags.iter().any(in_8_bits) {
        return Err(ErrorCode::INVALID_CODE_PAGE);
    }
    check_columns(tags)?;
    let (entry, ids) = (book.entry(stat.current_rec), ids(request.flags));
    let mut error_code = ErrorCode::SUCCESS;
    let values: Vec<TaggedValue<'_>> = tags
        .iter()
        .map(|tag| {
            let cell = entry.map_or(Cell::Absent, |entry| entry.cell(tag, ids));
            let value = cell.value().unwrap_or_else(|| {
                error_code = ErrorCode::ERRORS_RETURNED;
                PropertyValue::ErrorCode(ErrorCode::NOT_FOUND)
            });
            TaggedValue::new(tag, value)
        })
        .collect();
    let property_values = Some(ValueList::new(&values));
    let success = GetPropsSuccess { error_code, code_page: stat.code_page, property_values, auxiliary_buffer: &[] };
    to.answer(success, error_code)
}

pub(crate) fn get_special_table(request: &GetSpecialTableRequest<'_>, to: Encoding) -> Outcome {
    let stat = request.state.ok_or(ErrorCode::INVALID_PARAMETER)?;
    let unicode = request.flags.contains(SpecialTableFlags::UNICODE_STRINGS);
    let creation = request.flags.contains(SpecialTableFlags::ADDRESS_CREATION_TEMPLATES);
    if stat.code_page == CP_WINUNICODE && !creation && !unicode {
        return Err(ErrorCode::INVALID_CODE_PAGE);
    }
    let entry_id = container_entry_id();
    let row = hierarchy_row(&entry_id, unicode);
    let row = [ValueList::new(&row)];
    let (version, rows): (_, &[ValueList<'_>]) = match creation {
        // No template, in any language.
        true => (None, &[]),
        false if request.version == Some(HIERARCHY_VERSION) => (Some(HIERARCHY_VERSION), &[]),
        false => (Some(HIERARCHY_VERSION), &row),
    };
    let (error_code, code_page) = (ErrorCode::SUCCESS, stat.code_page);
    let rows = Some(ValueLists::new(rows));
    to.ok(GetSpecialTableSuccess { error_code, code_page, version, rows, auxiliary_buffer: &[] })
}

pub(crate) fn query_columns(request: &QueryColumnsRequest<'_>, to: Encoding) -> Outcome {
    let unicode = request.mapi_flags.contains(QueryColumnsFlags::UNICODE_PROPTYPES);
    let mut tags = properties(if unicode { PropertyType::STRING } else { PropertyType::STRING8 });
    tags.extend(OF_CONTAINERS);
    let columns = Some(PropertyTags::new(&tags));
    to.ok(QueryColumnsSuccess { error_code: ErrorCode::SUCCESS, columns, auxiliary_buffer: &[] })
}

pub(crate) fn query_rows(book: &Book<'_>, request: &QueryRowsRequest<'_>, to: Encoding) -> Outcome {
    let stat = stat(request.state)?;
    let explicit = request.explicit_table.0;
    if request.row_count == 0 && explicit.is_empty() {
        return Err(ErrorCode::INVALID_PARAMETER);
    }
    let (limit, ids) = (request.row_limit(), ids(request.flags));
    let columns = request.columns.unwrap_or(PropertyTags::new(&DEFAULT_COLUMNS));
    let mut out = BytesMut::new();
    let (rows, state) = if explicit.is_empty() {
        let position = book.locate(&stat)?;
        let start = usize::try_from(position.index).unwrap_or(usize::MAX);
        let entries = book.entries().get(start..).unwrap_or_default();
        let rows = rows(&mut out, columns, limit, ids, entries.iter().map(Some))?;
        let passed = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        (rows, book.place(&stat, position.index.saturating_add(passed))?)
    } else {
        let entries = explicit.iter().map(|mid| book.entry(mid));
        // The table of the STAT was not used: it stays as it is.
        (rows(&mut out, columns, limit, ids, entries)?, StatAnswer::received(stat))
    };
    let (error_code, state, rows) = (ErrorCode::SUCCESS, Some(state), Some(rows));
    to.ok(QueryRowsSuccess { error_code, state, rows, auxiliary_buffer: &[] })
}

/// Names, as text, and how many there are: an answer has no more rows.
pub(crate) fn resolve_names(
    book: &Book<'_>,
    state: Option<Stat>,
    columns: Option<PropertyTags<'_>>,
    (names, limit): (impl Iterator<Item = String>, RowLimit),
    to: Encoding,
) -> Outcome {
    let stat = stat(state)?;
    check_container(&stat)?;
    let (mut mids, mut found) = (Vec::with_capacity(limit.get()), Vec::new());
    for name in names {
        mids.push(match book.resolve(&name).as_slice() {
            [] => MinimalEntryId::UNRESOLVED,
            [one] => {
                found.push(*one);
                MinimalEntryId::RESOLVED
            }
            _ => MinimalEntryId::AMBIGUOUS,
        });
    }
    let columns = columns.unwrap_or(PropertyTags::new(&DEFAULT_COLUMNS));
    let (mut out, all) = (BytesMut::new(), found.len());
    // Permanent entry ids: Outlook keeps what it resolved.
    let rows = rows(&mut out, columns, limit, Ids::Permanent, found.into_iter().map(Some))?;
    if rows.len() < all {
        return Err(ErrorCode::TABLE_TOO_BIG);
    }
    to.ok(ResolveNamesSuccess {
        error_code: ErrorCode::SUCCESS,
        code_page: stat.code_page,
        minimal_ids: Some(MinimalEntryIds::new(&mids)),
        rows: Some(rows),
        auxiliary_buffer: &[],
    })
}

pub(crate) fn resort_restriction(book: &Book<'_>, request: &ResortRestrictionRequest<'_>, to: Encoding) -> Outcome {
    let stat = stat(request.state)?;
    if stat.sort_type != SortType::DISPLAY_NAME {
        return Err(ErrorCode::GENERAL_FAILURE);
    }
    let given = request.minimal_ids.ok_or(ErrorCode::INVALID_PARAMETER)?;
    let mut sorted: Vec<(u32, MinimalEntryId)> =
        given.iter().filter_map(|mid| book.index_of(mid).map(|index| (index, mid))).collect();
    sorted.sort_unstable();
    let mids: Vec<MinimalEntryId> = sorted.into_iter().map(|(_, mid)| mid).collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let at = mids.iter().position(|mid| *mid == stat.current_rec);
    let place = Place {
        current_rec: at.map_or(MinimalEntryId::BEGINNING_OF_TABLE, |_| stat.current_rec),
        num_pos: at.map_or(0, count),
        total_recs: count(mids.len()),
    };
    let matches = Matches::new(MinimalEntryIds::new(&mids), request.row_limit()).ok_or(ErrorCode::TABLE_TOO_BIG)?;
    let state = Some(stat.answer(place).map_err(|_| ErrorCode::GENERAL_FAILURE)?);
    let error_code = ErrorCode::SUCCESS;
    to.ok(ResortRestrictionSuccess { error_code, state, minimal_ids: Some(matches), auxiliary_buffer: &[] })
}

pub(crate) fn seek_entries(book: &Book<'_>, request: &SeekEntriesRequest<'_>, to: Encoding) -> Outcome {
    let stat = stat(request.state)?;
    check_container(&stat)?;
    let target = request.target.ok_or(ErrorCode::INVALID_PARAMETER)?;
    let mut out = BytesMut::new();
    let (place, rows) = match request.explicit_table {
        None => {
            let (index, _) = Book::seek(&stat, &target, book.entries().iter())?;
            let place = book.place(&stat, u32::try_from(index).unwrap_or(u32::MAX))?;
            let entries = book.entries().get(index..).unwrap_or_default();
            (place, seek_rows(&mut out, request, entries.iter())?)
        }
        Some(table) => {
            let table: Vec<&Entry<'_>> = table.0.iter().filter_map(|mid| book.entry(mid)).collect();
            let (index, found) = Book::seek(&stat, &target, table.iter().copied())?;
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let place = Place { current_rec: found.mid, num_pos: count(index), total_recs: count(table.len()) };
            let place = stat.answer(place).map_err(|_| ErrorCode::GENERAL_FAILURE)?;
            (place, seek_rows(&mut out, request, table.into_iter().skip(index))?)
        }
    };
    let (error_code, state) = (ErrorCode::SUCCESS, Some(place));
    to.ok(SeekEntriesSuccess { error_code, state, rows, auxiliary_buffer: &[] })
}

/// The rows from the one that was found on, for who names columns.
fn seek_rows<'o, 'u: 'e, 'e>(
    out: &'o mut BytesMut,
    request: &SeekEntriesRequest<'o>,
    entries: impl Iterator<Item = &'e Entry<'u>>,
) -> Result<Option<ColumnsAndRows<'o>>, ErrorCode> {
    let Some(columns) = request.columns else { return Ok(None) };
    rows(out, columns, request.row_limit(), Ids::Ephemeral, entries.map(Some)).map(Some)
}

pub(crate) fn update_stat(book: &Book<'_>, request: &UpdateStatRequest<'_>, to: Encoding) -> Outcome {
    let stat = stat(request.state)?;
    let position = book.locate(&stat)?;
    let state = Some(book.place(&stat, position.index)?);
    let delta = request.delta_requested.then_some(position.moved);
    to.ok(UpdateStatSuccess { error_code: ErrorCode::SUCCESS, state, delta, auxiliary_buffer: &[] })
}

/// There are no templates here, of any language.
pub(crate) fn get_template_info(request: &GetTemplateInfoRequest<'_>) -> ErrorCode {
    if serves_code_page(request.code_page) { ErrorCode::INVALID_LOCALE } else { ErrorCode::INVALID_CODE_PAGE }
}

/// Users do not change by this protocol.
pub(crate) fn mod_props(book: &Book<'_>, request: &ModPropsRequest<'_>) -> ErrorCode {
    match stat(request.state) {
        Err(code) => code,
        Ok(stat) if request.property_tags.is_none() || book.entry(stat.current_rec).is_none() => {
            ErrorCode::INVALID_PARAMETER
        }
        Ok(_) => ErrorCode::INVALID_OBJECT,
    }
}

/// The same of what links them.
pub(crate) fn mod_link_att(book: &Book<'_>, request: &ModLinkAttRequest<'_>) -> ErrorCode {
    if !recognizes(request.property_tag) {
        ErrorCode::NOT_FOUND
    } else if book.entry(request.minimal_id).is_none() {
        ErrorCode::INVALID_PARAMETER
    } else {
        ErrorCode::ACCESS_DENIED
    }
}
