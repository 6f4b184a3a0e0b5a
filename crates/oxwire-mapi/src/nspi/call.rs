//! Which request type a request body is of, and what answers it.

use oxwire_core::{Decode, Encode};

use super::{
    BindRequest, BindResponse, CompareMIdsRequest, CompareMIdsResponse, DnToMIdRequest, DnToMIdResponse,
    GetAddressBookUrlRequest, GetAddressBookUrlResponse, GetMailboxUrlRequest, GetMailboxUrlResponse,
    GetMatchesRequest, GetMatchesResponse, GetPropListRequest, GetPropListResponse, GetPropsRequest, GetPropsResponse,
    GetSpecialTableRequest, GetSpecialTableResponse, GetTemplateInfoRequest, GetTemplateInfoResponse,
    ModLinkAttRequest, ModLinkAttResponse, ModPropsRequest, ModPropsResponse, QueryColumnsRequest,
    QueryColumnsResponse, QueryRowsRequest, QueryRowsResponse, ResolveNamesRequest, ResolveNamesResponse,
    ResortRestrictionRequest, ResortRestrictionResponse, SeekEntriesRequest, SeekEntriesResponse, UnbindRequest,
    UnbindResponse, UpdateStatRequest, UpdateStatResponse,
};
use crate::mapihttp::RequestType;

mod sealed {
    pub trait Sealed {}
}

/// A request body of the address book endpoint. Sealed: there are 19.
pub trait AddressBookRequest: Encode + sealed::Sealed {
    /// Its X-RequestType.
    const REQUEST_TYPE: RequestType;
    /// The response body of that type.
    type Response<'de>: Decode<'de>;
}

macro_rules! requests {
    ($($request_type:ident: $request:ident => $response:ident,)*) => {$(
        impl sealed::Sealed for $request<'_> {}

        impl AddressBookRequest for $request<'_> {
            const REQUEST_TYPE: RequestType = RequestType::$request_type;
            type Response<'de> = $response<'de>;
        }
    )*

        /// Whether the bytes are a request body of that type; those of the mailbox endpoint are none.
        ///
        /// # Errors
        /// [`DecodeError`](oxwire_core::DecodeError) that says where they are not.
        pub fn check_request_body(
            request_type: RequestType,
            body: &[u8],
            limits: &oxwire_core::Limits,
        ) -> Result<(), oxwire_core::DecodeError> {
            match request_type {
                $(RequestType::$request_type => oxwire_core::decode_all::<$request<'_>>(body, limits).map(drop),)*
                _ => oxwire_core::Reader::with_limits(body, limits).finish(),
            }
        }
    };
}

requests! {
    Bind: BindRequest => BindResponse,
    Unbind: UnbindRequest => UnbindResponse,
    CompareMIds: CompareMIdsRequest => CompareMIdsResponse,
    DnToMId: DnToMIdRequest => DnToMIdResponse,
    GetMatches: GetMatchesRequest => GetMatchesResponse,
    GetPropList: GetPropListRequest => GetPropListResponse,
    GetProps: GetPropsRequest => GetPropsResponse,
    GetSpecialTable: GetSpecialTableRequest => GetSpecialTableResponse,
    GetTemplateInfo: GetTemplateInfoRequest => GetTemplateInfoResponse,
    ModLinkAtt: ModLinkAttRequest => ModLinkAttResponse,
    ModProps: ModPropsRequest => ModPropsResponse,
    QueryColumns: QueryColumnsRequest => QueryColumnsResponse,
    QueryRows: QueryRowsRequest => QueryRowsResponse,
    ResolveNames: ResolveNamesRequest => ResolveNamesResponse,
    ResortRestriction: ResortRestrictionRequest => ResortRestrictionResponse,
    SeekEntries: SeekEntriesRequest => SeekEntriesResponse,
    UpdateStat: UpdateStatRequest => UpdateStatResponse,
    GetMailboxUrl: GetMailboxUrlRequest => GetMailboxUrlResponse,
    GetAddressBookUrl: GetAddressBookUrlRequest => GetAddressBookUrlResponse,
}
