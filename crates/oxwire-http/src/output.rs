//! What waits to be sent: framing in front of payloads, which are not copied.

use std::collections::VecDeque;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Inline, Transmit};

/// The queue of what goes out, in order, with its count of bytes.
#[derive(Debug, Default)]
pub(crate) struct Output {
    items: VecDeque<Item>,
    /// Bytes on the wire of what is queued.
    queued: usize,
    /// Bytes on the wire of all that was ever queued: the offset at which the next item begins.
    end: u64,
    /// A chunk was handed out, and the CRLF behind it was not.
    owes_crlf: bool,
}

#[derive(Debug)]
pub(crate) enum Item {
    /// Bytes as they are.
    Plain(Bytes),
    /// A payload, to become a chunk.
    Chunk(Bytes),
    /// The last chunk, with the trailer section's lines and its empty line.
    LastChunk(Bytes),
    /// Half-close.
    Finish,
}

const CRLF: &[u8] = b"\r\n";

/// At most `"\r\n" + 16 digits + "\r\n"`, which fits [`Inline`].
struct ChunkHead {
    bytes: [u8; 20],
    len: usize,
}

impl ChunkHead {
    fn new(size: usize, behind_chunk: bool) -> Self {
        let mut this = Self { bytes: [0; 20], len: 0 };
        if behind_chunk {
            this.push(b"\r\n");
        }
        let digits = hex_digits(size);
        for place in (0..digits).rev() {
            let digit = u8::try_from(size >> (4 * place) & 0xF).unwrap_or_default();
            this.push(&[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }]);
        }
        this.push(CRLF);
        this
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..).and_then(|room| room.get_mut(..bytes.len())) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn inline(&self) -> Inline {
        self.bytes.get(..self.len).and_then(Inline::new).unwrap_or(Inline::EMPTY)
    }
}

const fn hex_digits(size: usize) -> u32 {
    let bits = usize::BITS - size.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(4) }
}

impl Item {
    fn wire_len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Chunk(bytes) => bytes.len().saturating_add(hex_digits(bytes.len()) as usize + 4),
            Self::LastChunk(trailers) => trailers.len().saturating_add(3),
            Self::Finish => 0,
        }
    }
}

impl Output {
    pub(crate) fn push(&mut self, item: Item) {
        let len = item.wire_len();
        self.queued = self.queued.saturating_add(len);
        self.end = self.end.saturating_add(len as u64);
        self.items.push_back(item);
    }

    pub(crate) const fn queued(&self) -> usize {
        self.queued
    }

    /// The offset on the wire behind all that was queued so far.
    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    /// The offset on the wire behind all that was handed out so far.
    pub(crate) const fn taken(&self) -> u64 {
        self.end.saturating_sub(self.queued as u64)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && !self.owes_crlf
    }

    /// Drops what has not been handed out.
    pub(crate) fn clear(&mut self) {
        self.end = self.taken();
        self.items.clear();
        self.queued = 0;
        self.owes_crlf = false;
    }

    /// Drops what lies behind `offset`, which is where an item begins.
    pub(crate) fn truncate(&mut self, offset: u64) {
        while self.end > offset {
            let Some(item) = self.items.pop_back() else { break };
            let len = item.wire_len();
            self.queued = self.queued.saturating_sub(len);
            self.end = self.end.saturating_sub(len as u64);
        }
    }

    /// The next thing to do, of what lies in front of the offset `gate`.
    pub(crate) fn next(&mut self, conn: ConnectionId, gate: Option<u64>) -> Option<Transmit> {
        if gate.is_some_and(|gate| self.taken() >= gate) {
            return None;
        }
        let owes_crlf = std::mem::take(&mut self.owes_crlf);
        let (head, body) = match self.items.pop_front() {
            None if owes_crlf => (Inline::new(CRLF)?, Bytes::new()),
            None => return None,
            Some(Item::Plain(bytes)) => (if owes_crlf { Inline::new(CRLF)? } else { Inline::EMPTY }, bytes),
            Some(Item::Chunk(bytes)) => {
                self.owes_crlf = true;
                (ChunkHead::new(bytes.len(), owes_crlf).inline(), bytes)
            }
            Some(Item::LastChunk(trailers)) => (ChunkHead::new(0, owes_crlf).inline(), trailers),
            Some(Item::Finish) => return Some(Transmit::Finish { conn }),
        };
        self.queued = self.queued.saturating_sub(head.as_slice().len().saturating_add(body.len()));
        Some(Transmit::Send { conn, head, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(output: &mut Output) -> Vec<u8> {
        let mut wire = Vec::new();
        while let Some(Transmit::Send { head, body, .. }) = output.next(ConnectionId::new(1), None) {
            wire.extend_from_slice(head.as_slice());
            wire.extend_from_slice(&body);
        }
        wire
    }

    #[test]
    fn chunks_are_framed_and_counted() {
        let mut output = Output::default();
        for size in [1, 15, 16, 255, 256, 4096, 70_000] {
            output.push(Item::Chunk(vec![b'x'; size].into()));
        }
        output.push(Item::LastChunk(Bytes::from_static(b"\r\n")));
        let announced = output.queued();
        let wire = drain(&mut output);
        assert_eq!(wire.len(), announced);
        assert_eq!((output.queued(), output.taken(), output.end()), (0, wire.len() as u64, wire.len() as u64));
        assert!(wire.starts_with(b"1\r\nx\r\nf\r\nxxx"));
        assert!(wire.ends_with(b"x\r\n0\r\n\r\n"));
    }

    #[test]
    fn a_chunk_does_not_wait_for_the_next_one_to_end() {
        let mut output = Output::default();
        output.push(Item::Chunk(Bytes::from_static(b"PROCESSING\r\n")));
        assert_eq!(drain(&mut output), b"c\r\nPROCESSING\r\n\r\n");
        output.push(Item::Chunk(Bytes::from_static(b"DONE\r\n")));
        assert_eq!(drain(&mut output), b"6\r\nDONE\r\n\r\n");
        assert!(output.is_empty());
    }
}
