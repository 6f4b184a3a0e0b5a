//! What a server puts between the meta-tags and the response body, [MS-OXCMAPIHTTP] 2.2.2.2 and 3.2.5.2.

use std::fmt;
use std::time::Duration;

use oxwire_core::{Encode, EncodeError, EncodeErrorKind, FileTime, Structure, Writer};

use super::ResponseCode;

/// DONE, the additional headers and the blank line: what stands in front of the response body.
///
/// PROCESSING and PENDING go out before it as [`MetaTag::to_bytes`](super::MetaTag::to_bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoneHead<'a> {
    /// X-ResponseCode. 0 may be left out; anything else says that the request failed after it was accepted.
    pub response_code: Option<ResponseCode>,
    /// X-ElapsedTime: how long the server took, sent in whole milliseconds (2.2.3.3.9).
    pub elapsed_time: Duration,
    /// X-StartTime: when the server began to process the request (2.2.3.3.10).
    pub start_time: FileTime,
    /// Content-Type: the format of the body of a failed request, where it is not the request type's own (3.2.5.2).
    pub content_type: Option<&'a str>,
    /// Further headers, name and value.
    pub further: &'a [(&'a str, &'a str)],
}

impl Structure for DoneHead<'_> {
    const NAME: &'static str = "DONE and additional headers";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.7, 3.2.5.2";
}

impl Encode for DoneHead<'_> {
    fn encoded_len(&self) -> usize {
        let mut count = Count(0);
        // Counting cannot fail: `Count` refuses nothing.
        let _ = self.print(&mut count);
        count.0
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        for (name, value) in self.content_type.map(|value| ("Content-Type", value)).iter().chain(self.further) {
            let name_is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
            if !name_is_token {
                return Err(refused(w, "header name", "a name of printable ASCII without a colon", name));
            }
            if value.bytes().any(|byte| byte.is_ascii_control()) {
                return Err(refused(w, "header value", "a value without control characters", value));
            }
        }
        // Writing into a `Writer` cannot fail either: it only appends.
        let _ = self.print(&mut Append(w));
        Ok(())
    }
}

impl DoneHead<'_> {
    fn print(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str("DONE\r\n")?;
        if let Some(code) = self.response_code {
            write!(out, "X-ResponseCode: {}\r\n", code.number())?;
        }
        if let Some(content_type) = self.content_type {
            write!(out, "Content-Type: {content_type}\r\n")?;
        }
        write!(out, "X-ElapsedTime: {}\r\n", self.elapsed_time.as_millis())?;
        write!(out, "X-StartTime: {}\r\n", self.start_time.http_date())?;
        for (name, value) in self.further {
            write!(out, "{name}: {value}\r\n")?;
        }
        out.write_str("\r\n")
    }
}

fn refused(w: &Writer<'_>, field: &'static str, expected: &'static str, given: &str) -> EncodeError {
    let bad = given.bytes().find(|byte| !byte.is_ascii_graphic() || *byte == b':').unwrap_or_default();
    w.error(field, EncodeErrorKind::Value { expected, found: u64::from(bad) })
}

struct Count(usize);

impl fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len());
        Ok(())
    }
}

struct Append<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Append<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.bytes(text.as_bytes());
        Ok(())
    }
}
