//! Calls of the address book as MAPI over HTTP carries them: request bodies, and the response bodies that answer them.

use bytes::Bytes;
use oxwire::core::{DecodeError, Encode, Limits, Utf16, decode_all, encode_to_bytes, utf16_le_bytes};
use oxwire::mapi::mapihttp::RequestType;
use oxwire::mapi::nspi::{
    CompareMIdsRequest, CompareMIdsSuccess, DnToMIdRequest, DnToMIdSuccess, GetAddressBookUrlRequest,
    GetAddressBookUrlSuccess, GetMailboxUrlRequest, GetMailboxUrlSuccess, GetMatchesRequest, GetMatchesSuccess,
    GetPropListRequest, GetPropListSuccess, GetPropsRequest, GetPropsSuccess, GetSpecialTableRequest,
    GetSpecialTableSuccess, GetTemplateInfoRequest, GetTemplateInfoSuccess, ModLinkAttRequest, ModLinkAttSuccess,
    ModPropsRequest, ModPropsSuccess, QueryColumnsRequest, QueryColumnsSuccess, QueryRowsRequest, QueryRowsSuccess,
    ResolveNamesRequest, ResolveNamesSuccess, ResortRestrictionRequest, ResortRestrictionSuccess, SeekEntriesRequest,
    SeekEntriesSuccess, UpdateStatRequest, UpdateStatSuccess,
};
use oxwire::mapi::property::ErrorCode;

use super::super::autodiscover::Offers;
use super::super::book::Book;
use super::super::book::calls::{self, Encoding, Outcome};
use super::super::users::Users;

/// A response body, and the ErrorCode in it for the log.
pub(crate) struct Answer {
    /// The body.
    pub(crate) body: Bytes,
    /// Its ErrorCode.
    pub(crate) error_code: ErrorCode,
}

const TO: Encoding = Encoding::MapiHttp;

/// Answers a call; `None` when the answer cannot be written.
///
/// # Errors
/// The request body is not what its section says.
pub(crate) fn answer(
    book: &Book<'_>,
    users: &Users,
    offers: &Offers,
    request_type: RequestType,
    body: &[u8],
) -> Result<Option<Answer>, DecodeError> {
    /// Decodes the request, and answers it; a refusal becomes a success response body with that ErrorCode alone.
    macro_rules! call {
        ($request:ident, $success:ident, $answer:expr) => {{
            let request: $request<'_> = decode_all(body, &Limits::DEFAULT)?;
            let answer: fn(&Book<'_>, &Users, &Offers, &$request<'_>) -> Outcome = $answer;
            let outcome = answer(book, users, offers, &request);
            let outcome = outcome.or_else(|code| written(&$success::failed(code), code));
            Ok(outcome.ok().map(|(body, error_code)| Answer { body, error_code }))
        }};
    }
    match request_type {
        RequestType::CompareMIds => {
            call!(CompareMIdsRequest, CompareMIdsSuccess, |b, _, _, r| calls::compare_mids(b, r, TO))
        }
        RequestType::DnToMId => call!(DnToMIdRequest, DnToMIdSuccess, |b, _, _, r| calls::dn_to_mid(b, r, TO)),
        RequestType::GetMatches => {
            call!(GetMatchesRequest, GetMatchesSuccess, |b, _, _, r| calls::get_matches(b, r, TO))
        }
        RequestType::GetPropList => {
            call!(GetPropListRequest, GetPropListSuccess, |b, _, _, r| calls::get_prop_list(b, r, TO))
        }
        RequestType::GetProps => call!(GetPropsRequest, GetPropsSuccess, |b, _, _, r| calls::get_props(b, r, TO)),
        RequestType::GetSpecialTable => {
            call!(GetSpecialTableRequest, GetSpecialTableSuccess, |_, _, _, r| calls::get_special_table(r, TO))
        }
        RequestType::QueryColumns => {
            call!(QueryColumnsRequest, QueryColumnsSuccess, |_, _, _, r| calls::query_columns(r, TO))
        }
        RequestType::QueryRows => call!(QueryRowsRequest, QueryRowsSuccess, |b, _, _, r| calls::query_rows(b, r, TO)),
        RequestType::ResolveNames => call!(ResolveNamesRequest, ResolveNamesSuccess, |b, _, _, r| {
            let names = r.names.ok_or(ErrorCode::INVALID_PARAMETER)?.iter().map(|name| name.to_string());
            calls::resolve_names(b, r.state, r.property_tags, (names, r.row_limit()), TO)
        }),
        RequestType::ResortRestriction => {
            call!(ResortRestrictionRequest, ResortRestrictionSuccess, |b, _, _, r| calls::resort_restriction(b, r, TO))
        }
        RequestType::SeekEntries => {
            call!(SeekEntriesRequest, SeekEntriesSuccess, |b, _, _, r| calls::seek_entries(b, r, TO))
        }
        RequestType::UpdateStat => {
            call!(UpdateStatRequest, UpdateStatSuccess, |b, _, _, r| calls::update_stat(b, r, TO))
        }
        RequestType::GetMailboxUrl => {
            call!(GetMailboxUrlRequest, GetMailboxUrlSuccess, |_, users, offers, request| {
                let dn = request.server_dn.to_string();
                let user = users.iter().find(|user| user.server_dn().eq_ignore_ascii_case(&dn));
                let url = utf16_le_bytes(&offers.mailbox_url(user.ok_or(ErrorCode::NOT_FOUND)?));
                let server_url = Utf16::from_truncated(&url);
                told(&GetMailboxUrlSuccess { error_code: ErrorCode::SUCCESS, server_url, auxiliary_buffer: &[] })
            })
        }
        RequestType::GetAddressBookUrl => {
            call!(GetAddressBookUrlRequest, GetAddressBookUrlSuccess, |_, users, offers, request| {
                let user = users.of_dn(&request.user_dn.to_string()).ok_or(ErrorCode::NOT_FOUND)?;
                let url = utf16_le_bytes(&offers.address_book_url(user).ok_or(ErrorCode::NOT_FOUND)?);
                let server_url = Utf16::from_truncated(&url);
                told(&GetAddressBookUrlSuccess { error_code: ErrorCode::SUCCESS, server_url, auxiliary_buffer: &[] })
            })
        }
        RequestType::GetTemplateInfo => {
            call!(GetTemplateInfoRequest, GetTemplateInfoSuccess, |_, _, _, r| Err(calls::get_template_info(r)))
        }
        RequestType::ModProps => call!(ModPropsRequest, ModPropsSuccess, |b, _, _, r| Err(calls::mod_props(b, r))),
        RequestType::ModLinkAtt => {
            call!(ModLinkAttRequest, ModLinkAttSuccess, |b, _, _, r| Err(calls::mod_link_att(b, r)))
        }
        _ => Ok(None),
    }
}

fn written(success: &impl Encode, error_code: ErrorCode) -> Outcome {
    Ok((encode_to_bytes(success).map_err(|_| ErrorCode::GENERAL_FAILURE)?, error_code))
}

/// A URL; over RPC it is RFR that is asked for the like.
fn told(success: &impl Encode) -> Outcome {
    written(success, ErrorCode::SUCCESS)
}
