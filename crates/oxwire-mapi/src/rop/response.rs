//! The responses of a ROP output buffer.

use oxwire_core::{DecodeError, DecodeErrorKind, Reader};

use super::{
    BackoffResponse, BufferTooSmallResponse, FailureResponse, GetContentsTableResponse, GetHierarchyTableResponse,
    GetPropertiesSpecificResponse, LogonResponse, NotifyResponse, OpenFolderResponse, PendingResponse,
    QueryRowsResponse, RegisterNotificationResponse, RopError, RopId, SetColumnsResponse, SortTableResponse,
};
use crate::property::{ErrorCode, PropertyTags};

/// A ROP response of those that this crate has structures for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RopResponse<'a> {
    /// RopLogon succeeded, or redirects.
    Logon(LogonResponse<'a>),
    /// RopOpenFolder succeeded.
    OpenFolder(OpenFolderResponse<'a>),
    /// RopGetHierarchyTable succeeded.
    GetHierarchyTable(GetHierarchyTableResponse),
    /// RopGetContentsTable succeeded.
    GetContentsTable(GetContentsTableResponse),
    /// RopSetColumns succeeded.
    SetColumns(SetColumnsResponse),
    /// RopSortTable succeeded.
    SortTable(SortTableResponse),
    /// RopQueryRows succeeded.
    QueryRows(QueryRowsResponse<'a>),
    /// RopGetPropertiesSpecific succeeded.
    GetPropertiesSpecific(GetPropertiesSpecificResponse<'a>),
    /// RopRegisterNotification succeeded.
    RegisterNotification(RegisterNotificationResponse),
    /// One of the above failed.
    Failure(FailureResponse),
    /// RopNotify: an event. No request has it.
    Notify(NotifyResponse<'a>),
    /// RopPending: there are more events. No request has it.
    Pending(PendingResponse),
    /// RopBufferTooSmall: the remaining requests were not processed.
    BufferTooSmall(BufferTooSmallResponse<'a>),
    /// RopBackoff: the remaining requests were not processed, try later.
    Backoff(BackoffResponse<'a>),
}

impl RopResponse<'_> {
    /// Whether the ROP answers a request, as against one that the server adds.
    #[must_use]
    pub const fn has_request(&self) -> bool {
        !matches!(self, Self::Notify(_) | Self::Pending(_) | Self::BufferTooSmall(_) | Self::Backoff(_))
    }
}

/// Reads the responses of a buffer one by one, told the columns of those that need them. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Responses<'a> {
    r: Reader<'a>,
}

impl<'a> Responses<'a> {
    pub(crate) const fn new(r: Reader<'a>) -> Self {
        Self { r }
    }

    /// The RopId of the next response; `None` at the end.
    #[must_use]
    pub fn peek(&self) -> Option<RopId> {
        self.r.peek_u8().map(RopId)
    }

    /// What is left, as bytes.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.r.peek_rest()
    }

    /// An error at the next response, after which there is none.
    pub(crate) fn refuse(&mut self, expected: &'static str) -> RopError<'a> {
        let id = self.r.peek_u8().unwrap_or_default();
        let error = self.r.invalid(self.r.offset(), "RopId", expected, id);
        let error = RopError::new(&self.r, error);
        self.r.ignore_rest("[MS-OXCROPS] 2.2.1");
        error
    }

    /// The next response; `None` at the end. `columns` are the tags of the request that a RopGetPropertiesSpecific answers, or
    /// the columns of the table that a RopQueryRows reads; other responses do not look at them.
    ///
    /// # Errors
    /// [`RopError`]; of an unsupported kind for a response with rows when `columns` is `None`.
    pub fn next_with(&mut self, columns: Option<PropertyTags<'a>>) -> Option<Result<RopResponse<'a>, RopError<'a>>> {
        if self.r.is_empty() {
            return None;
        }
        let start = self.r.clone();
        let error = match decode(&mut self.r, columns) {
            Some(Ok(response)) => return Some(Ok(response)),
            Some(Err(error)) => RopError::new(&start, error),
            None => RopError::unsupported(&start),
        };
        self.r.ignore_rest("[MS-OXCROPS] 2.2.1");
        Some(Err(error))
    }
}

/// The ReturnValue of the next response, if it is long enough to have one.
fn return_value(r: &Reader<'_>) -> Option<ErrorCode> {
    let bytes = r.peek_rest().get(2..6)?.first_chunk::<4>()?;
    Some(ErrorCode(u32::from_le_bytes(*bytes)))
}

fn decode<'a>(r: &mut Reader<'a>, columns: Option<PropertyTags<'a>>) -> Option<Result<RopResponse<'a>, DecodeError>> {
    use RopResponse as R;
    let id = RopId(r.peek_u8()?);
    match id {
        RopId::NOTIFY => return Some(r.structure().map(R::Notify)),
        RopId::PENDING => return Some(r.structure().map(R::Pending)),
        RopId::BUFFER_TOO_SMALL => return Some(r.structure().map(R::BufferTooSmall)),
        RopId::BACKOFF => return Some(r.structure().map(R::Backoff)),
        RopId::LOGON
        | RopId::OPEN_FOLDER
        | RopId::GET_HIERARCHY_TABLE
        | RopId::GET_CONTENTS_TABLE
        | RopId::SET_COLUMNS
        | RopId::SORT_TABLE
        | RopId::QUERY_ROWS
        | RopId::GET_PROPERTIES_SPECIFIC
        | RopId::REGISTER_NOTIFICATION => {}
        _ => return None,
    }
    match (id, return_value(r)) {
        (_, None | Some(ErrorCode::SUCCESS)) | (RopId::LOGON, Some(ErrorCode::WRONG_SERVER)) => {}
        _ => return Some(r.structure().map(R::Failure)),
    }
    Some(match id {
        RopId::LOGON => r.structure().map(R::Logon),
        RopId::OPEN_FOLDER => r.structure().map(R::OpenFolder),
        RopId::GET_HIERARCHY_TABLE => r.structure().map(R::GetHierarchyTable),
        RopId::GET_CONTENTS_TABLE => r.structure().map(R::GetContentsTable),
        RopId::SET_COLUMNS => r.structure().map(R::SetColumns),
        RopId::SORT_TABLE => r.structure().map(R::SortTable),
        RopId::QUERY_ROWS => QueryRowsResponse::decode(r, columns).map(R::QueryRows),
        RopId::REGISTER_NOTIFICATION => r.structure().map(R::RegisterNotification),
        _ => match columns {
            Some(tags) => GetPropertiesSpecificResponse::decode(r, tags).map(R::GetPropertiesSpecific),
            None => {
                let what = "properties of a request whose tags are not known";
                Err(r.error("RowData", DecodeErrorKind::Unsupported { what }))
            }
        },
    })
}
