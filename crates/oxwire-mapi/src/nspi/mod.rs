//! The address book: [MS-OXNSPI] and the address book endpoint of MAPI over HTTP, [MS-OXCMAPIHTTP] 2.2.1 and 2.2.5.
//!
//! The types are those of both encodings: the bodies here are the ones of MAPI over HTTP, and the calls over RPC are built on the
//! same parts. A body view borrows from the bytes that it was decoded from; rows, lists and arrays are views that iterate and
//! allocate nothing.
//!
//! What is known to crash clients cannot be written. Rows and matches are made within a [`RowLimit`], which only a request
//! gives; a string is never null; a success response body with an ErrorCode that is a failure is written with all its
//! out-parameters absent or zero; and a STAT is answered by [`Stat::answer`], which changes only what a server may change.
//!
//! PING has no body here either: [`PingRequest`](crate::mapihttp::PingRequest). Not supported: values of PtypObject
//! (PtypEmbeddedTable): no section says what MAPI over HTTP carries for one, and Exchange answers such a request with
//! X-ResponseCode 1 ([MS-OXCMAPIHTTP] 6).

mod bind;
mod body;
mod call;
mod compare_mids;
mod dn_to_mid;
mod entry_id;
mod failure;
mod field;
mod get_address_book_url;
mod get_mailbox_url;
mod get_matches;
mod get_prop_list;
mod get_props;
mod get_special_table;
mod get_template_info;
mod mod_link_att;
mod mod_props;
mod names;
mod ndr;
mod position;
mod query_columns;
mod query_rows;
mod resolve_names;
mod resort_restriction;
mod rows;
mod seek_entries;
mod stat;
mod unbind;
mod update_stat;
mod value_list;
mod values;

pub use bind::{BindRequest, BindResponse, BindSuccess};
pub use call::{AddressBookRequest, check_request_body};
pub use compare_mids::{CompareMIdsRequest, CompareMIdsResponse, CompareMIdsSuccess};
pub use dn_to_mid::{DnToMIdRequest, DnToMIdResponse, DnToMIdSuccess};
pub use entry_id::{EntryId, EntryIds, ExplicitTable, GUID_NSPI, Matches, MinimalEntryId, MinimalEntryIds};
pub use failure::{Failure, UnbindFailure};
pub use field::MAX_ELEMENTS;
pub use get_address_book_url::{GetAddressBookUrlRequest, GetAddressBookUrlResponse, GetAddressBookUrlSuccess};
pub use get_mailbox_url::{GetMailboxUrlRequest, GetMailboxUrlResponse, GetMailboxUrlSuccess};
pub use get_matches::{GetMatchesRequest, GetMatchesResponse, GetMatchesSuccess};
pub use get_prop_list::{GetPropListRequest, GetPropListResponse, GetPropListSuccess};
pub use get_props::{GetPropsRequest, GetPropsResponse, GetPropsSuccess};
pub use get_special_table::{GetSpecialTableRequest, GetSpecialTableResponse, GetSpecialTableSuccess};
pub use get_template_info::{GetTemplateInfoRequest, GetTemplateInfoResponse, GetTemplateInfoSuccess};
pub use mod_link_att::{ModLinkAttRequest, ModLinkAttResponse, ModLinkAttSuccess};
pub use mod_props::{ModPropsRequest, ModPropsResponse, ModPropsSuccess};
pub use names::{PropertyName, Strings, WideString, WideStrings};
pub use position::Position;
pub use query_columns::{QueryColumnsRequest, QueryColumnsResponse, QueryColumnsSuccess};
pub use query_rows::{QueryRowsRequest, QueryRowsResponse, QueryRowsSuccess};
pub use resolve_names::{ResolveNamesRequest, ResolveNamesResponse, ResolveNamesSuccess};
pub use resort_restriction::{ResortRestrictionRequest, ResortRestrictionResponse, ResortRestrictionSuccess};
pub use rows::{ColumnsAndRows, ColumnsAndRowsWriter, Row, RowLimit};
pub use seek_entries::{SeekEntriesRequest, SeekEntriesResponse, SeekEntriesSuccess};
pub use stat::{Place, Stat, StatAnswer};
pub use unbind::{UnbindRequest, UnbindResponse, UnbindSuccess};
pub use update_stat::{UpdateStatRequest, UpdateStatResponse, UpdateStatSuccess};
pub use value_list::{TaggedValue, ValueList, ValueLists};
pub use values::{
    BindFlags, CP_TELETEX, CP_WINUNICODE, ComparisonFlags, DEFAULT_LOCALE, DisplayType, ModLinkFlags, PropertyFlags,
    QueryColumnsFlags, SortType, SpecialTableFlags, TemplateFlags, UNBIND_FAILURE, UNBIND_SUCCESS,
};
