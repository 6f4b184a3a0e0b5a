//! Lines of a tree, each with its offset, and the bytes around an error.

use std::fmt::{Debug, Write as _};

use oxwire::core::DecodeError;

/// The most lines: a capture of nothing but tiny items stays readable.
const MAX_LINES: usize = 100_000;
/// The most characters of one line; what is longer is cut and says so.
const MAX_WIDTH: usize = 2_000;

/// A tree in the making.
pub(super) struct Tree<'a> {
    out: String,
    /// What offsets count in: the capture, or a payload that was restored.
    bytes: &'a [u8],
    depth: usize,
    lines: usize,
    whole: bool,
}

impl<'a> Tree<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { out: String::new(), bytes, depth: 0, lines: 0, whole: true }
    }

    /// One line: offset, text, and the section where there is one.
    pub(super) fn line(&mut self, offset: usize, text: &str, section: &str) {
        let behind = if section.is_empty() { String::new() } else { format!("  {section}") };
        self.put(&format!("{offset:08x}"), &format!("{text}{behind}"));
    }

    /// A line without an offset of its own: a field of what is above.
    pub(super) fn field(&mut self, text: &str) {
        self.put("        ", text);
    }

    /// The fields of a structure, one a line.
    pub(super) fn fields(&mut self, value: &impl Debug) {
        let text = format!("{value:#?}");
        let lines: Vec<&str> = text.lines().collect();
        // `Name {` and `}` say what the line above says.
        let inner = match lines.as_slice() {
            [first, inner @ .., last] if first.ends_with(['{', '(']) && last.starts_with(['}', ')']) => inner,
            all => all,
        };
        for line in inner {
            self.field(line.strip_prefix("    ").unwrap_or(line).trim_end_matches(','));
        }
    }

    /// What `inner` adds stands one level deeper.
    pub(super) fn within(&mut self, inner: impl FnOnce(&mut Self)) {
        self.depth += 1;
        inner(self);
        self.depth -= 1;
    }

    /// What `inner` adds counts its offsets in a payload that was restored, and stands one level deeper.
    pub(super) fn within_payload(&mut self, payload: &[u8], inner: impl FnOnce(&mut Tree<'_>)) {
        let mut tree = Tree {
            out: std::mem::take(&mut self.out),
            bytes: payload,
            depth: self.depth + 1,
            lines: self.lines,
            whole: self.whole,
        };
        inner(&mut tree);
        (self.out, self.lines, self.whole) = (tree.out, tree.lines, tree.whole);
    }

    /// An error, and the bytes around its place.
    pub(super) fn error(&mut self, error: &DecodeError) {
        self.failed(error.offset, &error.to_string());
    }

    /// The same from text.
    pub(super) fn failed(&mut self, offset: usize, text: &str) {
        self.whole = false;
        self.line(offset, &format!("ERROR {text}"), "");
        let first = offset.saturating_sub(16) & !0xF;
        self.within(|tree| {
            for at in (first..offset.saturating_add(32)).step_by(16) {
                tree.bytes_at(at, Some(offset));
            }
        });
    }

    /// Bytes that have no name here.
    pub(super) fn raw(&mut self, offset: usize, len: usize) {
        let end = offset.saturating_add(len.min(256));
        self.within(|tree| {
            for at in (offset..end).step_by(16) {
                tree.bytes_to(at, end, None);
            }
            if len > 256 {
                tree.field(&format!("and {} bytes more", len - 256));
            }
        });
    }

    fn bytes_at(&mut self, at: usize, mark: Option<usize>) {
        self.bytes_to(at, usize::MAX, mark);
    }

    fn bytes_to(&mut self, at: usize, end: usize, mark: Option<usize>) {
        let end = end.min(at.saturating_add(16)).min(self.bytes.len());
        let Some(row) = self.bytes.get(at..end) else { return };
        let at_end = mark == Some(end) && end == self.bytes.len();
        if row.is_empty() && !at_end {
            return;
        }
        let mut text = String::new();
        for (index, byte) in row.iter().enumerate() {
            let open = if mark == Some(at + index) { '>' } else { ' ' };
            // Writing to a string does not fail.
            let _ = write!(text, "{open}{byte:02x}");
        }
        if at_end {
            text.push_str(" >end");
        }
        self.put(&format!("{at:08x}"), &text);
    }

    fn put(&mut self, offset: &str, text: &str) {
        self.lines += 1;
        if self.lines > MAX_LINES {
            if self.lines == MAX_LINES + 1 {
                self.out.push_str("          … more lines than are shown\n");
                self.whole = false;
            }
            return;
        }
        let indent = "  ".repeat(self.depth);
        // A capture's text must not drive the terminal.
        let shown: String = text.chars().take(MAX_WIDTH).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        let cut = if text.chars().nth(MAX_WIDTH).is_some() { "…" } else { "" };
        let _ = writeln!(self.out, "{offset}  {indent}{shown}{cut}");
    }

    /// The text, and whether nothing was an error.
    pub(super) fn finish(self) -> (String, bool) {
        (self.out, self.whole)
    }
}
