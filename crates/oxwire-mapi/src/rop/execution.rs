//! A server's way through a ROP input buffer, [MS-OXCROPS] 3.2.5.1 to 3.2.5.3 and 3.2.4.3.

use bytes::{BufMut, BytesMut};
use oxwire_core::{Encode, EncodeError, Writer};

use super::buffer::patch_size;
use super::failure::Refusal;
use super::{
    BufferTooSmallResponse, FailureResponse, Handle, NotifyResponse, PendingResponse, RawRequest, Request, Requests,
    Response, RopBuffer, RopError, RopRequest,
};
use crate::property::ErrorCode;

/// Bytes of a RopBufferTooSmall response before the requests that it gives back.
const TOO_SMALL_HEAD: usize = 3;

/// Entries of a handle table that a ROP can name.
const INDEXES: usize = 256;

/// Why an [`Execution`] ended before its last request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop<'a> {
    /// The answer was full: RopBufferTooSmall gives the rest back.
    BufferTooSmall,
    /// The next request is unknown or damaged. What was before it is answered. A server that keeps to the letter of
    /// [MS-OXCROPS] 3.2.5.1 runs through [`RopBuffer::requests`] first, and fails the Execute with
    /// [`ErrorCode::RPC_FORMAT`] before it does anything.
    Request(RopError<'a>),
}

/// How an [`Execution`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished<'a> {
    /// `None` when every request was taken.
    pub stop: Option<Stop<'a>>,
    /// Bytes of the ROP output buffer.
    pub len: usize,
}

/// Runs through the requests of an input buffer and appends the output buffer to a buffer of the caller's, without an allocation
/// of its own.
///
/// Take a request with [`Execution::next_request`], do it, answer it with [`Execution::respond`], [`Execution::respond_made`] or
/// [`Execution::fail`] (never a RopRelease), and so on until there is none; then the notifications; then
/// [`Execution::finish`]. The answer keeps within its size: what does not fit is answered by RopBufferTooSmall with the
/// request and all behind it, and there is no further request then. Room for that is always kept.
#[derive(Debug)]
pub struct Execution<'a, 'b> {
    requests: Requests<'a>,
    out: &'b mut BytesMut,
    start: usize,
    max_len: usize,
    handles: [Handle; INDEXES],
    entries: usize,
    current: Option<RawRequest<'a>>,
    stop: Option<Stop<'a>>,
}

impl<'a, 'b> Execution<'a, 'b> {
    /// Begins behind what `out` holds.
    ///
    /// `max_len` is the most that the output buffer may take: MaxRopOut less the 8 bytes of RPC_HEADER_EXT, and no more
    /// than an RPC_HEADER_EXT can carry. Past 65,535 it is taken for that.
    ///
    /// # Errors
    /// [`ErrorCode::BUFFER_TOO_SMALL`] when `max_len` has no room for a RopBufferTooSmall response to everything: the
    /// Execute fails with this status, [MS-OXCROPS] 3.2.4.3.
    pub fn begin(input: &RopBuffer<'a>, out: &'b mut BytesMut, max_len: usize) -> Result<Self, ErrorCode> {
        let mut handles = [Handle::UNUSED; INDEXES];
        let entries = input.handles().len().min(INDEXES);
        for (entry, handle) in handles.iter_mut().zip(input.handles().iter()) {
            *entry = handle;
        }
        let max_len = max_len.min(usize::from(u16::MAX));
        let needed = input.rops_list().len().saturating_add(TOO_SMALL_HEAD).saturating_add(2 + entries * 4);
        if needed > max_len && !input.rops_list().is_empty() {
            return Err(ErrorCode::BUFFER_TOO_SMALL);
        }
        let start = out.len();
        out.put_u16_le(0);
        Ok(Self { requests: input.requests(), out, start, max_len, handles, entries, current: None, stop: None })
    }

    /// The next request to do; `None` when there is no more, or the execution has stopped.
    ///
    /// At an unknown or damaged request it stops. A ROP of the list of [MS-OXCROPS] 2.2.2 is answered with a failure first
    /// (NotImplemented, or RpcFormat when it is damaged), laid out as that ROP's failures are: an answer that still parses. No
    /// answer has a reserved RopId, a ROP that only servers send, RopRelease, and a request too short to have a handle index.
    pub fn next_request(&mut self) -> Option<RopRequest<'a>> {
        if self.stop.is_some() {
            return None;
        }
        match self.requests.next()? {
            Ok(request) => {
                self.current = Some(request);
                Some(request.rop)
            }
            Err(error) => {
                self.current = None;
                let code = if error.is_unsupported() { ErrorCode::NOT_IMPLEMENTED } else { ErrorCode::RPC_FORMAT };
                if let Some(refusal) = Refusal::of(error.raw, code) {
                    // One that does not fit is left out: the client sees fewer responses than requests.
                    let _fitted = self.append(&refusal, self.limit(0));
                }
                self.stop = Some(Stop::Request(error));
                None
            }
        }
    }

    /// The handle at a place of the table; `None` behind its end: the ROP fails with [`ErrorCode::NULL_OBJECT`].
    #[must_use]
    pub fn handle(&self, index: u8) -> Option<Handle> {
        let index = usize::from(index);
        self.handles.get(index).copied().filter(|_| index < self.entries)
    }

    /// Bytes that the response to the current request may take. For rows: what a RopQueryRows may fill, its 9 bytes of head included.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit(self.reserve()).saturating_sub(self.rops_len())
    }

    /// Answers the current request. `false` when it does not fit: the execution has stopped, RopBufferTooSmall gives the request
    /// back, and what was done for it has to be undone.
    ///
    /// # Errors
    /// Those of the response, which leaves no trace then.
    pub fn respond(&mut self, response: &impl Response) -> Result<bool, EncodeError> {
        let fitted = self.append(response, self.limit(self.reserve()))?;
        if !fitted {
            self.too_small();
        }
        Ok(fitted)
    }

    /// Answers a request that made an object, and stores the handle where the response says. `false` when it does not fit, or
    /// when that place is behind the end of the table; the request failed with NullObject then: the object has to be unmade.
    ///
    /// # Errors
    /// Those of the response, which leaves no trace then.
    pub fn respond_made(&mut self, response: &impl Response, handle: Handle) -> Result<bool, EncodeError> {
        let index = response.handle_index().map(usize::from).filter(|index| *index < self.entries);
        let Some(index) = index else {
            self.fail(ErrorCode::NULL_OBJECT);
            return Ok(false);
        };
        let fitted = self.respond(response)?;
        if let Some(entry) = self.handles.get_mut(index).filter(|_| fitted) {
            *entry = handle;
        }
        Ok(fitted)
    }

    /// Answers the current request with a failure. A RopRelease is not answered, whatever comes of it ([MS-OXCROPS] 3.2.5.3).
    pub fn fail(&mut self, return_value: ErrorCode) {
        let Some(request) = self.current.map(|current| current.rop) else { return };
        if matches!(request, RopRequest::Release(_)) {
            return;
        }
        let handle_index = request.handle_indexes().in_response().unwrap_or_default();
        let failure = FailureResponse { rop_id: request.rop_id(), handle_index, return_value };
        if !matches!(self.append(&failure, self.limit(self.reserve())), Ok(true)) {
            self.too_small();
        }
    }

    /// Appends a notification behind the responses; `false` when it does not fit. Once one does not, [`Execution::pending`] tells the
    /// client that there are more. After a RopBufferTooSmall, which has to be the last, none fits.
    ///
    /// # Errors
    /// Those of the notification, which leaves no trace then.
    pub fn notify(&mut self, notification: &NotifyResponse<'_>) -> Result<bool, EncodeError> {
        let room_for_pending = 3;
        self.append_extra(notification, room_for_pending)
    }

    /// Appends RopPending; `false` when it does not fit.
    pub fn pending(&mut self, pending: PendingResponse) -> bool {
        matches!(self.append_extra(&pending, 0), Ok(true))
    }

    /// Appends the handle table, fills RopSize in, and ends. Requests that were not taken are given back by RopBufferTooSmall.
    #[must_use]
    pub fn finish(mut self) -> Finished<'a> {
        self.current = None;
        if self.stop.is_none() && !self.requests.rest().is_empty() {
            self.give_back(self.requests.rest());
        }
        let size = u16::try_from(self.out.len().saturating_sub(self.start)).unwrap_or(u16::MAX);
        patch_size(self.out, self.start, size);
        for handle in self.handles.iter().take(self.entries) {
            self.out.put_u32_le(handle.0);
        }
        Finished { stop: self.stop, len: self.out.len().saturating_sub(self.start) }
    }

    /// Bytes of responses so far.
    fn rops_len(&self) -> usize {
        self.out.len().saturating_sub(self.start).saturating_sub(2)
    }

    /// Bytes of responses at the most, when `reserve` of them are kept.
    fn limit(&self, reserve: usize) -> usize {
        self.max_len.saturating_sub(2 + self.entries * 4).saturating_sub(reserve)
    }

    /// What has to stay free behind the response to the current request: a RopBufferTooSmall with all requests behind it.
    fn reserve(&self) -> usize {
        match self.requests.rest().len() {
            0 => 0,
            rest => rest.saturating_add(TOO_SMALL_HEAD),
        }
    }

    fn append(&mut self, response: &impl Encode, limit: usize) -> Result<bool, EncodeError> {
        let before = self.out.len();
        let result = Writer::new(self.out).structure(response);
        let fits = self.rops_len() <= limit;
        if result.is_err() || !fits {
            self.out.truncate(before);
        }
        result.map(|()| fits)
    }

    fn append_extra(&mut self, response: &impl Encode, keep: usize) -> Result<bool, EncodeError> {
        if matches!(self.stop, Some(Stop::BufferTooSmall)) {
            return Ok(false);
        }
        self.append(response, self.limit(self.reserve().saturating_add(keep)))
    }

    fn too_small(&mut self) {
        if let Some(current) = self.current.take() {
            self.give_back(current.rest);
        }
    }

    fn give_back(&mut self, request_buffers: &'a [u8]) {
        self.stop = Some(Stop::BufferTooSmall);
        // How much the rest needs is not known before it is done: the most that one buffer takes.
        let size_needed = 0x7FFF;
        let response = BufferTooSmallResponse { size_needed, request_buffers };
        // It fits: its room was kept when the request before it was answered, and by `begin` before the first.
        let _fitted = self.append(&response, self.limit(0));
    }
}
