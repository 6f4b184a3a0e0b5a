//! The address book: bodies of MAPI over HTTP, and calls over RPC.

use oxwire::core::{Limits, decode_all, encode_to_bytes};
use oxwire::mapi::nspi::{
    BindRequest, BindResponse, ColumnsAndRows, CompareMIdsRequest, CompareMIdsResponse, CompareMIdsSuccess,
    DnToMIdRequest, DnToMIdResponse, DnToMIdSuccess, EntryId, GetAddressBookUrlRequest, GetAddressBookUrlResponse,
    GetMailboxUrlRequest, GetMailboxUrlResponse, GetMatchesRequest, GetMatchesResponse, GetMatchesSuccess,
    GetPropListRequest, GetPropListResponse, GetPropListSuccess, GetPropsRequest, GetPropsResponse, GetPropsSuccess,
    GetSpecialTableRequest, GetSpecialTableResponse, GetSpecialTableSuccess, GetTemplateInfoRequest,
    GetTemplateInfoResponse, GetTemplateInfoSuccess, ModLinkAttRequest, ModLinkAttResponse, ModLinkAttSuccess,
    ModPropsRequest, ModPropsResponse, ModPropsSuccess, QueryColumnsRequest, QueryColumnsResponse, QueryColumnsSuccess,
    QueryRowsRequest, QueryRowsResponse, QueryRowsSuccess, ResolveNamesRequest, ResolveNamesResponse,
    ResolveNamesSuccess, ResortRestrictionRequest, ResortRestrictionResponse, ResortRestrictionSuccess,
    SeekEntriesRequest, SeekEntriesResponse, SeekEntriesSuccess, UnbindRequest, UnbindResponse, UpdateStatRequest,
    UpdateStatResponse, UpdateStatSuccess,
};
use oxwire::mapirpc::nspi::{self, Request, Response};
use oxwire::mapirpc::rfr::{
    GetFqdnFromServerDnRequest, GetFqdnFromServerDnResponse, GetNewDsaRequest, GetNewDsaResponse,
};
use oxwire::rpc::ndr::{decode_stub, encode_stub};
use oxwire::rpc::pdu::DataRepresentation;

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("address_book_body", address_book_body), ("address_book_call", address_book_call)];

/// What is read is written again to bytes that are written again the same, of the length that was promised; or it is refused
/// when sent, which is stricter. Bytes are compared, since a NaN is not equal to itself.
macro_rules! body {
    ($type:ty, $data:expr) => {{
        use oxwire::core::Encode as _;
        let value = decode_all::<$type>($data, &Limits::DEFAULT);
        if let Ok(value) = &value {
            if let Ok(written) = encode_to_bytes(value) {
                assert_eq!(written.len(), value.encoded_len(), "{value:?}");
                let again = decode_all::<$type>(&written, &Limits::DEFAULT).expect(stringify!($type));
                assert_eq!(encode_to_bytes(&again).as_ref(), Ok(&written), "{value:?}");
            }
        }
        value
    }};
}

/// The same for stub data.
macro_rules! call {
    ($type:ty, $data:expr) => {{
        const LE: DataRepresentation = DataRepresentation::LITTLE_ENDIAN;
        let value = decode_stub::<$type>($data, LE, &Limits::DEFAULT).map(|(value, _)| value);
        if let Ok(value) = &value {
            if let Ok(written) = encode_stub(value) {
                let (again, end) = decode_stub::<$type>(&written, LE, &Limits::DEFAULT).expect(stringify!($type));
                assert_eq!(end, written.len(), "{value:?}");
                assert_eq!(encode_stub(&again).as_ref(), Ok(&written), "{value:?}");
            }
        }
        value
    }};
}

/// Rows that were read once can be read.
fn rows(rows: Option<ColumnsAndRows<'_>>) {
    let Some(rows) = rows else { return };
    let mut count = 0;
    for row in rows.rows() {
        count += 1;
        assert!(row.expect("a row").cells().all(|cell| cell.is_ok()));
    }
    assert_eq!(count, rows.len());
}

/// Every body of the address book endpoint; the first byte says which.
pub fn address_book_body(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    match which % 39 {
        0 => drop(body!(BindRequest<'_>, data)),
        1 => drop(body!(BindResponse<'_>, data)),
        2 => drop(body!(UnbindRequest<'_>, data)),
        3 => drop(body!(UnbindResponse<'_>, data)),
        4 => drop(body!(CompareMIdsRequest<'_>, data)),
        5 => drop(body!(CompareMIdsResponse<'_>, data)),
        6 => drop(body!(DnToMIdRequest<'_>, data)),
        7 => drop(body!(DnToMIdResponse<'_>, data)),
        8 => drop(body!(GetMatchesRequest<'_>, data)),
        9 => {
            if let Ok(GetMatchesResponse::Success(success)) = body!(GetMatchesResponse<'_>, data) {
                rows(success.rows);
            }
        }
        10 => drop(body!(GetPropListRequest<'_>, data)),
        11 => drop(body!(GetPropListResponse<'_>, data)),
        12 => drop(body!(GetPropsRequest<'_>, data)),
        13 => drop(body!(GetPropsResponse<'_>, data)),
        14 => drop(body!(GetSpecialTableRequest<'_>, data)),
        15 => drop(body!(GetSpecialTableResponse<'_>, data)),
        16 => drop(body!(GetTemplateInfoRequest<'_>, data)),
        17 => drop(body!(GetTemplateInfoResponse<'_>, data)),
        18 => drop(body!(ModLinkAttRequest<'_>, data)),
        19 => drop(body!(ModLinkAttResponse<'_>, data)),
        20 => drop(body!(ModPropsRequest<'_>, data)),
        21 => drop(body!(ModPropsResponse<'_>, data)),
        22 => drop(body!(QueryRowsRequest<'_>, data)),
        23 => {
            if let Ok(QueryRowsResponse::Success(success)) = body!(QueryRowsResponse<'_>, data) {
                rows(success.rows);
            }
        }
        24 => drop(body!(QueryColumnsRequest<'_>, data)),
        25 => drop(body!(QueryColumnsResponse<'_>, data)),
        26 => drop(body!(ResolveNamesRequest<'_>, data)),
        27 => {
            if let Ok(ResolveNamesResponse::Success(success)) = body!(ResolveNamesResponse<'_>, data) {
                rows(success.rows);
            }
        }
        28 => drop(body!(ResortRestrictionRequest<'_>, data)),
        29 => drop(body!(ResortRestrictionResponse<'_>, data)),
        30 => drop(body!(SeekEntriesRequest<'_>, data)),
        31 => {
            if let Ok(SeekEntriesResponse::Success(success)) = body!(SeekEntriesResponse<'_>, data) {
                rows(success.rows);
            }
        }
        32 => drop(body!(UpdateStatRequest<'_>, data)),
        33 => drop(body!(UpdateStatResponse<'_>, data)),
        34 => drop(body!(GetMailboxUrlRequest<'_>, data)),
        35 => drop(body!(GetMailboxUrlResponse<'_>, data)),
        36 => drop(body!(GetAddressBookUrlRequest<'_>, data)),
        37 => drop(body!(GetAddressBookUrlResponse<'_>, data)),
        _ => drop(body!(EntryId<'_>, data)),
    }
}

/// Every call of NSPI and RFR; the first byte says which.
pub fn address_book_call(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    match which % 39 {
        0 => drop(call!(nspi::BindRequest, data)),
        1 => drop(call!(nspi::BindResponse, data)),
        2 => drop(call!(nspi::UnbindRequest, data)),
        3 => drop(call!(nspi::UnbindResponse, data)),
        4 => drop(call!(nspi::ResolveNamesRequest<'_>, data)),
        5 => drop(call!(nspi::GetMatchesRequest<'_>, data)),
        6 => drop(call!(GetNewDsaRequest<'_>, data)),
        7 => drop(call!(GetNewDsaResponse<'_>, data)),
        8 => drop(call!(GetFqdnFromServerDnRequest<'_>, data)),
        9 => drop(call!(GetFqdnFromServerDnResponse<'_>, data)),
        10 => drop(call!(Request<UpdateStatRequest<'_>>, data)),
        11 => drop(call!(Response<UpdateStatSuccess<'_>>, data)),
        12 => drop(call!(Request<QueryRowsRequest<'_>>, data)),
        13 => {
            if let Ok(Response(success)) = call!(Response<QueryRowsSuccess<'_>>, data) {
                rows(success.rows);
            }
        }
        14 => drop(call!(Request<SeekEntriesRequest<'_>>, data)),
        15 => {
            if let Ok(Response(success)) = call!(Response<SeekEntriesSuccess<'_>>, data) {
                rows(success.rows);
            }
        }
        16 => {
            if let Ok(Response(success)) = call!(Response<GetMatchesSuccess<'_>>, data) {
                rows(success.rows);
            }
        }
        17 => drop(call!(Request<ResortRestrictionRequest<'_>>, data)),
        18 => drop(call!(Response<ResortRestrictionSuccess<'_>>, data)),
        19 => drop(call!(Request<DnToMIdRequest<'_>>, data)),
        20 => drop(call!(Response<DnToMIdSuccess<'_>>, data)),
        21 => drop(call!(Request<GetPropListRequest<'_>>, data)),
        22 => drop(call!(Response<GetPropListSuccess<'_>>, data)),
        23 => drop(call!(Request<GetPropsRequest<'_>>, data)),
        24 => drop(call!(Response<GetPropsSuccess<'_>>, data)),
        25 => drop(call!(Request<CompareMIdsRequest<'_>>, data)),
        26 => drop(call!(Response<CompareMIdsSuccess<'_>>, data)),
        27 => drop(call!(Request<ModPropsRequest<'_>>, data)),
        28 => drop(call!(Response<ModPropsSuccess<'_>>, data)),
        29 => drop(call!(Request<GetSpecialTableRequest<'_>>, data)),
        30 => drop(call!(Response<GetSpecialTableSuccess<'_>>, data)),
        31 => drop(call!(Request<GetTemplateInfoRequest<'_>>, data)),
        32 => drop(call!(Response<GetTemplateInfoSuccess<'_>>, data)),
        33 => drop(call!(Request<ModLinkAttRequest<'_>>, data)),
        34 => drop(call!(Response<ModLinkAttSuccess<'_>>, data)),
        35 => drop(call!(Request<QueryColumnsRequest<'_>>, data)),
        36 => drop(call!(Response<QueryColumnsSuccess<'_>>, data)),
        37 => drop(call!(Request<ResolveNamesRequest<'_>>, data)),
        38 => {
            if let Ok(Response(success)) = call!(Response<ResolveNamesSuccess<'_>>, data) {
                rows(success.rows);
            }
        }
        _ => {}
    }
}
