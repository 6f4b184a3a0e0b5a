//! The address book, step by step: what is asked, over either transport, and the session with the endpoint of MAPI over HTTP.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{Limits, Utf16, decode_all, utf16_le_bytes};
use oxwire::mapi::mapihttp::RequestType;
use oxwire::mapi::nspi::{
    AddressBookRequest, BindFlags, BindRequest, BindResponse, DEFAULT_LOCALE, DnToMIdRequest, DnToMIdResponse,
    DnToMIdSuccess, EntryId, ExplicitTable, GetAddressBookUrlRequest, GetAddressBookUrlResponse, GetMailboxUrlRequest,
    GetMailboxUrlResponse, GetPropsRequest, GetPropsResponse, GetPropsSuccess, MinimalEntryId, PropertyFlags,
    QueryRowsRequest, QueryRowsResponse, QueryRowsSuccess, ResolveNamesRequest, ResolveNamesResponse,
    ResolveNamesSuccess, Row, Stat, Strings, UnbindRequest, UnbindResponse, ValueList, WideStrings,
};
use oxwire::mapi::property::{ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue};
use oxwire::mapirpc::{Operation, nspi as wire};
use oxwire::rpc::ndr::NdrEncode;

use super::advice;
use super::rpc::session::Stub;
use super::session::{Session, rejection, undecodable};
use crate::report::{Facts, Failure};

/// Western European: UTF-8 is none of the address book's code pages on every server.
const CODE_PAGE: u32 = 1252;

/// Rows that a page has, as many as Outlook asks for.
const PAGE: u32 = 22;
/// Rows that are read of a long list, and those of which the name is told.
const ROWS_READ: usize = 220;
const NAMES_TOLD: usize = 22;

/// The DN of a mailbox's database; what stands in front of its last part is that of the server.
const HOME_MDB: PropertyTag = PropertyTag::new(0x8006, PropertyType::STRING);
const DATABASE: &str = "/cn=Microsoft Private MDB";

const RESOLVED_COLUMNS: [PropertyTag; 4] =
    [PropertyTag::ENTRY_ID, PropertyTag::DISPLAY_NAME, PropertyTag::EMAIL_ADDRESS, PropertyTag::SMTP_ADDRESS];
const LISTED_COLUMNS: [PropertyTag; 2] = [PropertyTag::INSTANCE_KEY, PropertyTag::DISPLAY_NAME];
const ENTRY_PROPERTIES: [PropertyTag; 6] = [
    PropertyTag::DISPLAY_NAME,
    PropertyTag::SMTP_ADDRESS,
    PropertyTag::ADDRESS_TYPE,
    PropertyTag::EMAIL_ADDRESS,
    PropertyTag::ENTRY_ID,
    HOME_MDB,
];

/// The global address list from its beginning.
pub(crate) fn beginning() -> Stat {
    Stat { code_page: CODE_PAGE, template_locale: DEFAULT_LOCALE, sort_locale: DEFAULT_LOCALE, ..Stat::default() }
}

/// What brings calls to the address book, and the answers back.
pub(crate) trait AddressBook {
    /// Makes a call and waits for the answer.
    ///
    /// # Errors
    /// What came instead.
    async fn call<B>(&mut self, body: B) -> Result<Answer, Failure>
    where
        B: AddressBookRequest,
        wire::Request<B>: Operation + NdrEncode;
}

/// An answer, as its transport encodes it.
pub(crate) enum Answer {
    /// A response body of MAPI over HTTP.
    Body(Bytes),
    /// Stub data.
    Stub(Stub),
}

/// Takes the success out of a response body, or ends the step.
macro_rules! success {
    ($request:ident, $response:ident, $body:expr) => {
        match decode_all(&$body, &Limits::DEFAULT) {
            Ok($response::Success(success)) if !success.error_code.is_failure() => success,
            Ok($response::Success(success)) => return Err(refused(RequestType::$request, success.error_code)),
            Ok($response::Failure(failure)) => {
                return Err(refused(RequestType::$request, ErrorCode(failure.status_code)));
            }
            Err(error) => return Err(undecodable(&RequestType::$request.to_string(), &error)),
        }
    };
}

/// The same for an answer of either transport.
macro_rules! answered {
    ($request:ident, $response:ident, $success:ident, $answer:expr) => {
        match &$answer {
            Answer::Body(body) => success!($request, $response, *body),
            Answer::Stub(stub) => match stub.read::<wire::Response<$success<'_>>>()?.0 {
                success if success.error_code.is_failure() => {
                    return Err(refused(RequestType::$request, success.error_code));
                }
                success => success,
            },
        }
    };
}

pub(crate) fn refused(call: impl fmt::Display, code: ErrorCode) -> Failure {
    let advice = match code {
        ErrorCode::NOT_FOUND => "the address book does not have what was asked for: is the mailbox hidden from it?",
        ErrorCode::INVALID_CODE_PAGE => "the server lacks code page 1252: install it there",
        ErrorCode::INVALID_BOOKMARK => "the server has no global address list for this account: assign one",
        code => advice::of_error(code),
    };
    Failure::new(format!("ErrorCode 0 to {call}"), format!("ErrorCode {code}"), advice)
}

pub(crate) fn lacks(what: &str, came: impl Into<String>) -> Failure {
    let advice = "the address book answers without it: look at the entry in the directory";
    Failure::new(what, came, advice)
}

impl AddressBook for Session {
    async fn call<B>(&mut self, body: B) -> Result<Answer, Failure>
    where
        B: AddressBookRequest,
        wire::Request<B>: Operation + NdrEncode,
    {
        body_of(self, &body).await.map(Answer::Body)
    }
}

/// Sends a call and gives the body of its response.
async fn body_of<R: AddressBookRequest>(session: &mut Session, request: &R) -> Result<Bytes, Failure> {
    let sent = session.driver.stack.machine.call_with(Instant::now(), request);
    let handle = sent.map_err(|rejected| rejection(&R::REQUEST_TYPE.to_string(), &rejected))?;
    Ok(session.response(handle).await?.body.into_bytes())
}

/// Bind.
///
/// # Errors
/// What came instead.
pub(crate) async fn bind(session: &mut Session) -> Result<Facts, Failure> {
    let request = BindRequest { flags: BindFlags::NONE, state: Some(beginning()), auxiliary_buffer: &[] };
    let sent = session.driver.stack.machine.bind_with(Instant::now(), &request);
    let handle = sent.map_err(|rejected| rejection("Bind", &rejected))?;
    let response = session.response(handle).await?;
    let server = response.header("X-ServerApplication").map(|text| String::from_utf8_lossy(text).into_owned());
    let body = response.body.into_bytes();
    let bound = success!(Bind, BindResponse, body);
    Ok(Facts::new().with_some("server", server).with("server GUID", bound.server_guid.to_string()))
}

/// The user's own address, resolved; the product is the DN of the entry.
///
/// # Errors
/// What came instead.
pub(crate) async fn resolve(
    book: &mut impl AddressBook,
    address: &str,
    user_dn: &str,
) -> Result<(String, Facts), Failure> {
    let names = [address];
    let request = ResolveNamesRequest {
        state: Some(beginning()),
        property_tags: Some(PropertyTags::new(&RESOLVED_COLUMNS)),
        names: Some(WideStrings::new(&names)),
        auxiliary_buffer: &[],
    };
    let answer = book.call(request).await?;
    let resolved = answered!(ResolveNames, ResolveNamesResponse, ResolveNamesSuccess, answer);
    let expected = || format!("one entry for {address}");
    match resolved.minimal_ids.and_then(|ids| ids.at(0)) {
        Some(MinimalEntryId::RESOLVED) => {}
        Some(MinimalEntryId::AMBIGUOUS) => return Err(lacks(&expected(), "more than one")),
        _ => return Err(lacks(&expected(), "none")),
    }
    let row = resolved.rows.and_then(|rows| rows.rows().next()).transpose();
    let row = row.map_err(|error| undecodable("ResolveNames", &error))?;
    let row = row.ok_or_else(|| lacks(&expected(), "no row of it"))?;
    let dn = text(&row, PropertyTag::EMAIL_ADDRESS).ok_or_else(|| lacks("the entry's DN", "none"))?;
    let other = (!dn.eq_ignore_ascii_case(user_dn)).then(|| format!("that of the mailbox is {user_dn}"));
    let permanent = binary(&row, PropertyTag::ENTRY_ID).and_then(|id| decode_all(id, &Limits::DEFAULT).ok());
    if let Some(EntryId::Ephemeral { .. }) = permanent {
        let advice =
            "Outlook keeps what it resolved, and this entry id ends with the session: report it to the server's maker";
        return Err(Failure::new("a permanent entry id", "an ephemeral one", advice));
    }
    let facts = Facts::new()
        .with_some("display name", text(&row, PropertyTag::DISPLAY_NAME))
        .with_some("address", text(&row, PropertyTag::SMTP_ADDRESS))
        .with("DN", dn.as_str())
        .with_some("but", other);
    Ok((dn, facts))
}

/// The list, page by page.
///
/// # Errors
/// What came instead; a page with more rows than were asked for.
pub(crate) async fn list(book: &mut impl AddressBook) -> Result<Facts, Failure> {
    let (mut state, mut names, mut read, mut pages) = (beginning(), Vec::new(), 0_usize, 0_u32);
    let total = loop {
        let request = QueryRowsRequest {
            flags: PropertyFlags::EPHEMERAL_IDS,
            state: Some(state),
            explicit_table: ExplicitTable::default(),
            row_count: PAGE,
            columns: Some(PropertyTags::new(&LISTED_COLUMNS)),
            auxiliary_buffer: &[],
        };
        let limit = request.row_limit();
        let answer = book.call(request).await?;
        let page = answered!(QueryRows, QueryRowsResponse, QueryRowsSuccess, answer);
        let rows = page.rows.ok_or_else(|| lacks("rows of the list", "none"))?;
        if rows.len() > limit.get() {
            let advice = "Outlook crashes at more rows than it asked for: report it to the server's maker";
            return Err(Failure::new(format!("at most {PAGE} rows"), format!("{} rows", rows.len()), advice));
        }
        for row in rows.rows() {
            let row = row.map_err(|error| undecodable("QueryRows", &error))?;
            names.extend(text(&row, PropertyTag::DISPLAY_NAME).filter(|_| names.len() < NAMES_TOLD));
        }
        (read, pages) = (read.saturating_add(rows.len()), pages.saturating_add(1));
        state = *page.state.ok_or_else(|| lacks("the place behind the rows", "none"))?.stat();
        if rows.is_empty() || state.current_rec == MinimalEntryId::END_OF_TABLE || read >= ROWS_READ {
            break state.total_recs;
        }
    };
    Ok(Facts::new().with("entries", total).with("read", read).with("pages", pages).with("names", names))
}

/// The entry with that DN, opened; the product is the DN of the mailbox's server, where there is one.
///
/// # Errors
/// What came instead.
pub(crate) async fn entry(book: &mut impl AddressBook, dn: &str) -> Result<(Option<String>, Facts), Failure> {
    let names = [dn.as_bytes()];
    let request = DnToMIdRequest { names: Some(Strings::new(&names)), auxiliary_buffer: &[] };
    let answer = book.call(request).await?;
    let mapped = answered!(DnToMId, DnToMIdResponse, DnToMIdSuccess, answer);
    let known = mapped.minimal_ids.and_then(|ids| ids.at(0)).filter(|mid| *mid != MinimalEntryId::UNRESOLVED);
    let current_rec = known.ok_or_else(|| lacks("a row for the DN that was resolved", "none"))?;
    let request = GetPropsRequest {
        flags: PropertyFlags::NONE,
        state: Some(Stat { current_rec, ..beginning() }),
        property_tags: Some(PropertyTags::new(&ENTRY_PROPERTIES)),
        auxiliary_buffer: &[],
    };
    let answer = book.call(request).await?;
    let opened = answered!(GetProps, GetPropsResponse, GetPropsSuccess, answer);
    let values = opened.property_values.ok_or_else(|| lacks("properties of the entry", "none"))?;
    let home = value(values, HOME_MDB);
    let server = home.as_deref().map(|home| {
        let cut = home.len().checked_sub(DATABASE.len()).and_then(|at| home.split_at_checked(at));
        cut.filter(|(_, end)| end.eq_ignore_ascii_case(DATABASE)).map_or(home, |(server, _)| server).to_owned()
    });
    let facts = Facts::new()
        .with_some("display name", value(values, PropertyTag::DISPLAY_NAME))
        .with_some("address type", value(values, PropertyTag::ADDRESS_TYPE))
        .with_some("address", value(values, PropertyTag::SMTP_ADDRESS))
        .with_some("server DN", server.as_deref());
    Ok((server, facts))
}

/// The DN of the mailbox's server, which the entry has to tell.
///
/// # Errors
/// It did not.
pub(crate) fn needed(server_dn: Option<&str>) -> Result<&str, Failure> {
    server_dn.ok_or_else(|| lacks("PidTagAddressBookHomeMessageDatabase of the entry", "none"))
}

/// The URL of the endpoint of the mailbox, by the DN of its server.
///
/// # Errors
/// What came instead.
pub(crate) async fn mailbox_url(session: &mut Session, server_dn: Option<&str>) -> Result<Facts, Failure> {
    let server_dn = needed(server_dn)?;
    let server_dn = utf16_le_bytes(server_dn);
    let request = GetMailboxUrlRequest { server_dn: Utf16::from_truncated(&server_dn), auxiliary_buffer: &[] };
    let body = body_of(session, &request).await?;
    Ok(Facts::new().with("url", success!(GetMailboxUrl, GetMailboxUrlResponse, body).server_url.to_string()))
}

/// The URL of the address book, by the DN of the user.
///
/// # Errors
/// What came instead.
pub(crate) async fn address_book_url(session: &mut Session, dn: &str) -> Result<Facts, Failure> {
    let user_dn = utf16_le_bytes(dn);
    let request = GetAddressBookUrlRequest { user_dn: Utf16::from_truncated(&user_dn), auxiliary_buffer: &[] };
    let body = body_of(session, &request).await?;
    Ok(Facts::new().with("url", success!(GetAddressBookUrl, GetAddressBookUrlResponse, body).server_url.to_string()))
}

/// Unbind.
///
/// # Errors
/// What came instead.
pub(crate) async fn unbind(session: &mut Session) -> Result<Facts, Failure> {
    let sent = session.driver.stack.machine.unbind_with(Instant::now(), &UnbindRequest { auxiliary_buffer: &[] });
    let handle = sent.map_err(|rejected| rejection("Unbind", &rejected))?;
    let body = session.response(handle).await?.body.into_bytes();
    // UnbindSuccess is 1; some servers say 0.
    let _ = success!(Unbind, UnbindResponse, body);
    Ok(Facts::new().with("context", "ended"))
}

fn text(row: &Row<'_>, tag: PropertyTag) -> Option<String> {
    words(row.cell(tag)?.ok()?.value()?)
}

fn value(values: ValueList<'_>, tag: PropertyTag) -> Option<String> {
    words(values.value(tag)?)
}

fn words(value: PropertyValue<'_>) -> Option<String> {
    match value {
        PropertyValue::String(text) => Some(text.to_string()),
        PropertyValue::String8(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

fn binary<'a>(row: &Row<'a>, tag: PropertyTag) -> Option<&'a [u8]> {
    match row.cell(tag)?.ok()?.value()? {
        PropertyValue::Binary(bytes) => Some(bytes),
        _ => None,
    }
}
