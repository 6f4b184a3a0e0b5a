//! A response's body as it came: pieces, not copied together until somebody asks.

use std::fmt;

use bytes::{Bytes, BytesMut};

/// Pieces shorter than this are copied together: a peer that sends single bytes would otherwise pin a read buffer for each.
const SMALL: usize = 512;

/// A response's body in the pieces in which it came, which are slices of the input. Where the cuts are means nothing.
#[derive(Clone, Default)]
pub struct Body {
    pieces: Vec<Bytes>,
    tail: BytesMut,
    len: usize,
}

impl Body {
    /// Bytes in all.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &piece[..]).chain((!self.tail.is_empty()).then_some(&self.tail[..]))
    }

    /// The whole body in one piece: without a copy when it came in one.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.tail.is_empty() && self.pieces.len() < 2 {
            return self.pieces.pop().unwrap_or_default();
        }
        if self.pieces.is_empty() {
            return self.tail.freeze();
        }
        let mut out = BytesMut::with_capacity(self.len);
        for piece in self.pieces() {
            out.extend_from_slice(piece);
        }
        out.freeze()
    }

    /// Appends a piece.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.len = self.len.saturating_add(piece.len());
        if piece.len() < SMALL && !self.pieces.is_empty() || !self.tail.is_empty() && piece.len() < SMALL {
            self.tail.extend_from_slice(&piece);
            return;
        }
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
        if !piece.is_empty() {
            self.pieces.push(piece);
        }
    }

    /// The first `N` bytes, where there are that many.
    pub(super) fn start<const N: usize>(&self) -> Option<[u8; N]> {
        let mut out = [0; N];
        let mut bytes = self.pieces().flatten();
        for slot in &mut out {
            *slot = *bytes.next()?;
        }
        Some(out)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::default();
        body.push(bytes);
        body
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.pieces().flatten().eq(other.pieces().flatten())
    }
}

impl Eq for Body {}

/// The length only: what a mailbox holds does not belong in a log.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 100]);
        let body = Body::from(piece.clone());
        assert_eq!(body.into_bytes().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn large_pieces_stay_and_small_ones_come_together() {
        let mut body = Body::default();
        for (byte, len) in [(1, 10), (2, 3), (3, 600), (4, 2), (5, 600), (6, 1), (7, 1)] {
            body.push(Bytes::from(vec![byte; len]));
        }
        let want: Vec<u8> = [(1, 10), (2, 3), (3, 600), (4, 2), (5, 600), (6, 1), (7, 1)]
            .iter()
            .flat_map(|(b, n)| vec![*b; *n])
            .collect();
        assert_eq!(body.pieces().count(), 6);
        assert_eq!(body.start::<12>(), Some([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2]));
        assert_eq!(body.len(), want.len());
        assert_eq!(body, Body::from(Bytes::from(want.clone())));
        assert_eq!(body.into_bytes(), want);
        assert_eq!(Body::default().start::<1>(), None);
    }

    /// Whoever sends single bytes does not make us hold an entry for each.
    #[test]
    fn single_bytes_do_not_pile_up() {
        let mut body = Body::default();
        for byte in 0..=255 {
            body.push(Bytes::from(vec![byte]));
        }
        assert_eq!(body.pieces().count(), 2);
        assert_eq!(body.into_bytes(), (0..=255).collect::<Vec<u8>>());
    }
}
