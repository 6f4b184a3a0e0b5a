//! Finds the end of a head, or of a trailer section, in any chunking of its bytes.

use bytes::{Buf, Bytes, BytesMut};

use crate::{Fault, HttpLimits};

/// Collects the lines up to the empty one. What arrives whole is a slice of the input; only what is split is copied.
///
/// Each byte is looked at once, however the input is cut. Lines end in CRLF and in nothing else: `httparse` by itself would
/// also end one at a bare LF.
#[derive(Debug)]
pub(crate) struct Section {
    tail: BytesMut,
    kind: SectionKind,
    /// Bytes of the section so far.
    seen: usize,
    /// Bytes of the line so far, a CR included.
    line: usize,
    /// Lines that are not empty.
    lines: usize,
    last_was_cr: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionKind {
    /// Empty lines in front are skipped ([RFC 9112] 2.2).
    RequestHead,
    ResponseHead,
    /// May have no line but the empty one.
    Trailers,
}

/// A section, found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its bytes, the empty line included.
    pub(crate) text: Bytes,
    /// Lines that are not empty.
    pub(crate) lines: usize,
}

impl Section {
    pub(crate) fn new(kind: SectionKind) -> Self {
        Self { tail: BytesMut::new(), kind, seen: 0, line: 0, lines: 0, last_was_cr: false }
    }

    /// Whether a byte of it has arrived.
    pub(crate) const fn has_begun(&self) -> bool {
        self.seen > 0
    }

    /// Takes what belongs to the section from `input`.
    pub(crate) fn feed(&mut self, input: &mut Bytes, limits: &HttpLimits) -> Result<Option<Found>, Fault> {
        match self.scan(input, limits)? {
            Some(end) => {
                let mut text = if self.tail.is_empty() {
                    input.split_to(end)
                } else {
                    self.tail.extend_from_slice(input.get(..end).unwrap_or_default());
                    input.advance(end);
                    self.tail.split().freeze()
                };
                let lines = self.lines;
                if self.kind == SectionKind::RequestHead {
                    while text.starts_with(b"\r\n") {
                        text.advance(2);
                    }
                }
                *self = Self::new(self.kind);
                Ok(Some(Found { text, lines }))
            }
            None => {
                self.tail.extend_from_slice(input);
                input.clear();
                Ok(None)
            }
        }
    }

    /// The number of bytes of `chunk` up to the end of the section.
    fn scan(&mut self, chunk: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Fault> {
        let mut at = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(to_lf) = find_lf(rest) else {
                self.line = self.line.saturating_add(rest.len());
                self.seen = self.seen.saturating_add(rest.len());
                self.last_was_cr = rest.last() == Some(&b'\r');
                self.check(limits)?;
                return Ok(None);
            };
            let after_cr = match to_lf.checked_sub(1) {
                Some(before) => rest.get(before) == Some(&b'\r'),
                None => self.last_was_cr,
            };
            if !after_cr {
                return Err(Fault::BareLf);
            }
            let text = self.line.saturating_add(to_lf).saturating_sub(1);
            at = at.saturating_add(to_lf).saturating_add(1);
            self.line = self.line.saturating_add(to_lf);
            self.seen = self.seen.saturating_add(to_lf).saturating_add(1);
            self.check(limits)?;
            self.line = 0;
            self.last_was_cr = false;
            if text > 0 {
                self.lines = self.lines.saturating_add(1);
                let start_line = usize::from(self.kind != SectionKind::Trailers);
                if self.lines > limits.fields.saturating_add(start_line) {
                    return Err(Fault::TooManyFields);
                }
            } else if self.lines > 0 || self.kind == SectionKind::Trailers {
                return Ok(Some(at));
            } else if self.kind == SectionKind::ResponseHead {
                return Err(Fault::StartLine);
            }
        }
        Ok(None)
    }

    const fn check(&self, limits: &HttpLimits) -> Result<(), Fault> {
        if self.line > limits.line_bytes {
            Err(Fault::LineTooLong)
        } else if self.seen > limits.head_bytes {
            Err(Fault::HeadTooLong)
        } else {
            Ok(())
        }
    }
}

/// The first LF. Looks at 16 bytes at a time, in a form that compilers turn into one comparison.
fn find_lf(bytes: &[u8]) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<16>();
    for (index, block) in blocks.iter().enumerate() {
        if block.iter().fold(false, |found, byte| found | (*byte == b'\n')) {
            let inside = block.iter().position(|byte| *byte == b'\n')?;
            return Some(index * 16 + inside);
        }
    }
    let inside = rest.iter().position(|byte| *byte == b'\n')?;
    Some(blocks.len() * 16 + inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: SectionKind, text: &'static [u8], step: usize) -> Result<Option<(Bytes, usize)>, Fault> {
        let mut section = Section::new(kind);
        let whole = Bytes::from_static(text);
        for at in (0..text.len()).step_by(step) {
            let mut piece = whole.slice(at..text.len().min(at + step));
            if let Some(found) = section.feed(&mut piece, &HttpLimits::DEFAULT)? {
                return Ok(Some((found.text, found.lines)));
            }
        }
        Ok(None)
    }

    #[test]
    fn the_end_is_found_in_any_chunking() {
        for step in 1..20 {
            let (text, lines) = found(SectionKind::RequestHead, b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nbody", step)
                .unwrap()
                .unwrap();
            assert_eq!((&text[..], lines), (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], 2), "{step}");
            let (text, lines) = found(SectionKind::Trailers, b"\r\nrest", step).unwrap().unwrap();
            assert_eq!((&text[..], lines), (&b"\r\n"[..], 0));
            assert_eq!(found(SectionKind::ResponseHead, b"HTTP/1.1 200 OK\n\n", step).unwrap_err(), Fault::BareLf);
            assert_eq!(
                found(SectionKind::ResponseHead, b"\r\nHTTP/1.1 200 OK\r\n", step).unwrap_err(),
                Fault::StartLine
            );
            assert!(found(SectionKind::ResponseHead, b"HTTP/1.1 200 OK\r\nA: b\r\n\r", step).unwrap().is_none());
        }
    }

    #[test]
    fn limits_hold_before_the_end_is_there() {
        let limits = HttpLimits::DEFAULT.with_line_bytes(10).with_head_bytes(30).with_fields(2);
        let fed =
            |text: &'static [u8]| Section::new(SectionKind::ResponseHead).feed(&mut Bytes::from_static(text), &limits);
        assert_eq!(fed(b"12345678901").unwrap_err(), Fault::LineTooLong);
        assert_eq!(fed(b"123456789\r\n123456789\r\n123456789\r\n").unwrap_err(), Fault::HeadTooLong);
        assert_eq!(fed(b"1\r\n2\r\n3\r\n4\r\n").unwrap_err(), Fault::TooManyFields);
        assert!(fed(b"1\r\n2\r\n3\r\n\r\n").unwrap().is_some());
    }

    #[test]
    fn a_head_that_arrives_whole_is_not_copied() {
        let whole = Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\nbody");
        let mut input = whole.clone();
        let found = Section::new(SectionKind::ResponseHead).feed(&mut input, &HttpLimits::DEFAULT).unwrap().unwrap();
        assert_eq!(found.text.as_ptr(), whole.as_ptr());
        assert_eq!(input, "body");
    }
}
