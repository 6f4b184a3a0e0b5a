//! A stream cut into PDUs, at whatever byte boundaries it arrives.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeError, Limits, Reader};

use crate::pdu::CommonHeader;

/// What ends a [`PduStream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// A header that is none, so that nobody knows where the next PDU begins.
    #[error(transparent)]
    Header(#[from] DecodeError),
    /// A PDU that is larger than was agreed on.
    #[error("a PDU of {frag_length} bytes at offset {offset}: expected at most {max}, the largest fragment agreed on")]
    TooLong {
        /// Where in the stream it begins.
        offset: u64,
        /// Its frag_length.
        frag_length: u16,
        /// The most that is taken.
        max: u16,
    },
}

/// Cuts a stream into whole PDUs by frag_length, \[C706\] 12.6.3.1: RTS PDUs and all others alike.
///
/// A PDU that lies in one piece of input comes out as a slice of it; only one that is split over pieces is copied, once. What
/// is held at any time is less than one PDU besides the pieces that were pushed and not yet taken.
#[derive(Debug)]
pub struct PduStream {
    pieces: VecDeque<Bytes>,
    held: usize,
    offset: u64,
    max: u16,
    failed: Option<StreamError>,
}

impl PduStream {
    /// `max` is the largest PDU that is taken, in bytes.
    #[must_use]
    pub const fn new(max: u16) -> Self {
        Self { pieces: VecDeque::new(), held: 0, offset: 0, max, failed: None }
    }

    /// Another limit, for the PDUs that come next: what the bind agreed on.
    pub const fn set_max(&mut self, max: u16) {
        self.max = max;
    }

    /// Takes a piece of the stream.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() && self.failed.is_none() {
            self.held = self.held.saturating_add(piece.len());
            self.pieces.push_back(piece);
        }
    }

    /// Bytes pushed and not yet taken.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// The first byte of what comes next, where one is there: 5 where that is a PDU.
    #[must_use]
    pub fn peek_u8(&self) -> Option<u8> {
        self.pieces.front().and_then(|piece| piece.first()).copied()
    }

    /// Takes all bytes that are held, for a caller who knows that they are no PDU.
    pub fn take_rest(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held);
        self.offset = self.offset.saturating_add(u64::try_from(held).unwrap_or(u64::MAX));
        self.take(held)
    }

    /// The next whole PDU, or `None` until more is pushed.
    ///
    /// # Errors
    /// [`StreamError`]: there is no way on, and every later call repeats it.
    pub fn next_pdu(&mut self) -> Result<Option<Bytes>, StreamError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.cut() {
            Err(error) => {
                self.failed = Some(error);
                self.pieces.clear();
                self.held = 0;
                Err(error)
            }
            cut => cut,
        }
    }

    fn cut(&mut self) -> Result<Option<Bytes>, StreamError> {
        if self.held < CommonHeader::LEN {
            return Ok(None);
        }
        let mut start = [0; CommonHeader::LEN];
        let bytes = self.pieces.iter().flatten();
        for (to, from) in start.iter_mut().zip(bytes) {
            *to = *from;
        }
        let base = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let header = Reader::with_limits(&start, &Limits::DEFAULT).at_offset(base).structure::<CommonHeader>()?;
        if header.frag_length > self.max {
            let (offset, frag_length, max) = (self.offset, header.frag_length, self.max);
            return Err(StreamError::TooLong { offset, frag_length, max });
        }
        let len = usize::from(header.frag_length);
        if self.held < len {
            return Ok(None);
        }
        self.held = self.held.saturating_sub(len);
        self.offset = self.offset.saturating_add(u64::from(header.frag_length));
        Ok(Some(self.take(len)))
    }

    fn take(&mut self, len: usize) -> Bytes {
        if let Some(front) = self.pieces.front_mut()
            && front.len() >= len
        {
            let pdu = front.split_to(len);
            if front.is_empty() {
                self.pieces.pop_front();
            }
            return pdu;
        }
        let mut pdu = BytesMut::with_capacity(len);
        while let Some(front) = self.pieces.front_mut() {
            let part = front.split_to(front.len().min(len.saturating_sub(pdu.len())));
            if front.is_empty() {
                self.pieces.pop_front();
            }
            pdu.extend_from_slice(&part);
            if pdu.len() >= len {
                break;
            }
        }
        pdu.freeze()
    }
}
