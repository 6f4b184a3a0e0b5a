//! Responses, each with the request that it answers.

use super::{Request, Requests, Responses, RopError, RopId, RopRequest, RopResponse};
use crate::property::PropertyTags;

/// A response and its request.
#[derive(Debug, Clone)]
pub struct Pair<'a> {
    /// The request; `None` for RopNotify, RopPending, RopBufferTooSmall and RopBackoff, which no request has.
    pub request: Option<RopRequest<'a>>,
    /// The response.
    pub response: RopResponse<'a>,
}

/// Iterates the responses of a ROP output buffer beside the requests of the input buffer that it answers: both in the same
/// order ([MS-OXCROPS] 3.1.5.1), and RopRelease has no response. Ends after the first error. No allocation.
///
/// The tags of a RopGetPropertiesSpecific come from its request; the columns of a RopQueryRows from the last RopSetColumns of the
/// same table in this buffer that succeeded, or else from the caller.
#[derive(Debug, Clone)]
pub struct Exchange<'a, F> {
    all: Requests<'a>,
    requests: Requests<'a>,
    responses: Responses<'a>,
    columns: F,
    /// Handle indexes whose last RopSetColumns in this buffer failed, a bit each.
    failed: [u64; 4],
}

impl<'a, F: FnMut(u8) -> Option<PropertyTags<'a>>> Exchange<'a, F> {
    pub(crate) fn new(requests: Requests<'a>, responses: Responses<'a>, columns: F) -> Self {
        Self { all: requests.clone(), requests, responses, columns, failed: [0; 4] }
    }

    /// The requests that no response was given to yet: behind the last response, those that were not processed (and
    /// the RopRelease among them and before them that were).
    #[must_use]
    pub fn unanswered(&self) -> Requests<'a> {
        self.requests.clone()
    }

    /// The request that a response of this RopId answers, or what was expected instead.
    fn next_request(&mut self, id: RopId) -> Result<RopRequest<'a>, &'static str> {
        loop {
            match self.requests.next() {
                Some(Ok(request)) if matches!(request.rop, RopRequest::Release(_)) => {}
                Some(Ok(request)) if request.rop.rop_id() == id => return Ok(request.rop),
                Some(Ok(request)) => {
                    return Err(request.rop.rop_id().name().unwrap_or("the RopId of the next request"));
                }
                Some(Err(_)) => return Err("a response to a request that can be read"),
                None => return Err("no response: each request has one already"),
            }
        }
    }

    /// The columns that a RopSetColumns of this buffer, before the next unanswered request, set for a table.
    fn columns_of(&mut self, index: u8) -> Option<PropertyTags<'a>> {
        let answered = self.all.rest().len().saturating_sub(self.requests.rest().len());
        let mut set = None;
        if !self.is_failed(index) {
            let mut earlier = self.all.clone();
            while self.all.rest().len().saturating_sub(earlier.rest().len()) < answered {
                match earlier.next() {
                    Some(Ok(request)) => {
                        if let RopRequest::SetColumns(columns) = request.rop
                            && columns.input_handle_index == index
                        {
                            set = Some(columns.property_tags);
                        }
                    }
                    Some(Err(_)) | None => break,
                }
            }
        }
        set.or_else(|| (self.columns)(index))
    }

    fn is_failed(&self, index: u8) -> bool {
        self.failed.get(usize::from(index / 64)).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
    }

    fn note(&mut self, request: &RopRequest<'a>, response: &RopResponse<'a>) {
        let RopRequest::SetColumns(set) = request else { return };
        let (word, bit) = (usize::from(set.input_handle_index / 64), 1_u64 << (set.input_handle_index % 64));
        if let Some(bits) = self.failed.get_mut(word) {
            if matches!(response, RopResponse::Failure(_)) { *bits |= bit } else { *bits &= !bit }
        }
    }
}

impl<'a, F: FnMut(u8) -> Option<PropertyTags<'a>>> Iterator for Exchange<'a, F> {
    type Item = Result<Pair<'a>, RopError<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.responses.peek()?;
        if matches!(id, RopId::NOTIFY | RopId::PENDING | RopId::BUFFER_TOO_SMALL | RopId::BACKOFF) {
            let response = self.responses.next_with(None)?;
            return Some(response.map(|response| Pair { request: None, response }));
        }
        let request = match self.next_request(id) {
            Ok(request) => request,
            Err(expected) => return Some(Err(self.responses.refuse(expected))),
        };
        let columns = match &request {
            RopRequest::GetPropertiesSpecific(properties) => Some(properties.property_tags),
            RopRequest::QueryRows(rows) => self.columns_of(rows.input_handle_index),
            _ => None,
        };
        let response = self.responses.next_with(columns)?;
        if let Ok(response) = &response {
            self.note(&request, response);
        }
        Some(response.map(|response| Pair { request: Some(request), response }))
    }
}
