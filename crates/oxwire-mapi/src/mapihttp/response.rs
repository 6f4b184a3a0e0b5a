//! The common response format, [MS-OXCMAPIHTTP] 2.2.2.2: meta-tags, additional headers, response body.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use oxwire_core::{DecodeError, DecodeErrorKind};

use super::ResponseCode;
use super::response_code::decimal;

const NAME: &str = "common response";
const SPEC: &str = "[MS-OXCMAPIHTTP] 2.2.2.2, 2.2.7";

/// A meta-tag, [MS-OXCMAPIHTTP] 2.2.7: how far the server is with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetaTag {
    /// The request is queued. Sent at once.
    Processing,
    /// The request is being processed. Sent each time the keep-alive interval (X-PendingPeriod) has passed.
    Pending,
    /// The request is processed; additional headers and the response body follow.
    Done,
}

impl MetaTag {
    /// The text of the meta-tag, without its line end.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Pending => "PENDING",
            Self::Done => "DONE",
        }
    }

    /// The meta-tag as it is sent, with its CRLF. No allocation: a `Transmit` or a chunk can carry it as it is.
    #[must_use]
    pub const fn to_bytes(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Processing => b"PROCESSING\r\n",
            Self::Pending => b"PENDING\r\n",
            Self::Done => b"DONE\r\n",
        })
    }
}

/// A header behind DONE: a slice of the input. Two are equal when name and value are, byte for byte.
#[derive(Clone)]
pub struct AdditionalHeader {
    line: Bytes,
    /// Where its colon is.
    colon: usize,
}

impl AdditionalHeader {
    /// A header that was stored: name and value as [`AdditionalHeader::name`] and [`AdditionalHeader::value`] gave them.
    #[must_use]
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Self { line: [name, b":", value].concat().into(), colon: name.len() }
    }

    /// The name, in the letter case it came in.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.line.get(..self.colon).unwrap_or_default().trim_ascii()
    }

    /// The value, without the blanks around it.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.line.get(self.colon.saturating_add(1)..).unwrap_or_default().trim_ascii()
    }

    /// The value as a slice of the input, to keep.
    #[must_use]
    pub fn value_bytes(&self) -> Bytes {
        self.line.slice_ref(self.value())
    }

    /// Whether the name is `name`, in any letter case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }
}

impl PartialEq for AdditionalHeader {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.value() == other.value()
    }
}

impl Eq for AdditionalHeader {}

impl fmt::Debug for AdditionalHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}: {}\"", self.name().escape_ascii(), self.value().escape_ascii())
    }
}

/// What the headers behind DONE say. Each field keeps the last header of its name; the text stays beside the number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AdditionalHeaders {
    /// X-ResponseCode as it came.
    pub response_code: Option<Bytes>,
    /// X-ElapsedTime as it came: milliseconds ([MS-OXCMAPIHTTP] 2.2.3.3.9), but seconds from gromox.
    pub elapsed_time: Option<Bytes>,
    /// X-StartTime as it came: an HTTP date ([MS-OXCMAPIHTTP] 2.2.3.3.10).
    pub start_time: Option<Bytes>,
    /// Content-Type: the format of the body of a failed request (3.2.5.2).
    pub content_type: Option<Bytes>,
}

impl AdditionalHeaders {
    /// Takes in one header; those without a field here are passed over.
    pub fn on_header(&mut self, header: &AdditionalHeader) {
        let field = if header.is("X-ResponseCode") {
            &mut self.response_code
        } else if header.is("X-ElapsedTime") {
            &mut self.elapsed_time
        } else if header.is("X-StartTime") {
            &mut self.start_time
        } else if header.is("Content-Type") {
            &mut self.content_type
        } else {
            return;
        };
        *field = Some(header.value_bytes());
    }

    /// The code that counts for the exchange: the X-ResponseCode behind DONE where there is one, else that of the
    /// response's own head, which only says that the request was accepted.
    ///
    /// Code 14 is ignored, so `outer` holds then. A value that is no number is
    /// [`ResponseCode::UNKNOWN_FAILURE`]: the server said that something is different now, and its text is kept.
    #[must_use]
    pub fn effective_response_code(&self, outer: ResponseCode) -> ResponseCode {
        match self.response_code.as_deref().map(ResponseCode::parse) {
            None => outer,
            Some(Ok(inner)) if inner.is_reserved() => outer,
            Some(Ok(inner)) => inner,
            Some(Err(_)) => ResponseCode::UNKNOWN_FAILURE,
        }
    }

    /// X-ElapsedTime as a number, where it is one.
    #[must_use]
    pub fn elapsed_time_number(&self) -> Option<u64> {
        self.elapsed_time.as_deref().and_then(decimal)
    }
}

/// A part of a common response, in the order of the stream.
#[derive(Clone, PartialEq, Eq)]
pub enum ResponsePart {
    /// A meta-tag. After [`MetaTag::Done`] no other comes.
    MetaTag(MetaTag),
    /// A header behind DONE.
    Header(AdditionalHeader),
    /// The blank line behind the headers: the response body begins.
    HeadersEnd,
    /// Some of the response body, never empty, a slice of the input.
    Body(Bytes),
}

/// Of the body its length only: it is somebody's mail.
impl fmt::Debug for ResponsePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MetaTag(tag) => f.write_str(tag.as_str()),
            Self::Header(header) => fmt::Debug::fmt(header, f),
            Self::HeadersEnd => f.write_str("end of headers"),
            Self::Body(piece) => write!(f, "{} bytes of body", piece.len()),
        }
    }
}

/// What a [`ResponseParser`] accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseLimits {
    /// Bytes of one additional header with its line end. Default 8,192.
    pub line_bytes: usize,
    /// Additional headers. Default 64.
    pub headers: usize,
    /// Bytes of the response body. Default 16 MiB.
    pub body_bytes: usize,
}

impl ResponseLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self { line_bytes: 8_192, headers: 64, body_bytes: 16 << 20 };

    /// Sets [`ResponseLimits::line_bytes`].
    #[must_use]
    pub const fn with_line_bytes(mut self, bytes: usize) -> Self {
        self.line_bytes = bytes;
        self
    }

    /// Sets [`ResponseLimits::headers`].
    #[must_use]
    pub const fn with_headers(mut self, headers: usize) -> Self {
        self.headers = headers;
        self
    }

    /// Sets [`ResponseLimits::body_bytes`].
    #[must_use]
    pub const fn with_body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }
}

impl Default for ResponseLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Takes a common response apart as it arrives.
///
/// It is fed the HTTP body (chunked transfer coding already undone), in any pieces: the same stream gives the same
/// parts, save that the body comes in the pieces it arrived in. A meta-tag is reported as soon as its last letter is
/// there, so that a keep-alive counts when it arrives. Only a header line that is split between two pieces is copied.
///
/// Not for a response whose own X-ResponseCode is not 0: that has diagnostic text for a body, and no meta-tags.
///
/// ```
/// use bytes::Bytes;
/// use oxwire_mapi::mapihttp::{MetaTag, ResponseParser, ResponsePart};
///
/// let mut parser = ResponseParser::default();
/// let mut chunk = Bytes::from_static(b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\n\r\nbody");
/// let mut parts = Vec::new();
/// while let Some(part) = parser.parse(&mut chunk)? {
///     parts.push(part);
/// }
/// parser.finish()?;
/// assert_eq!(parts[0], ResponsePart::MetaTag(MetaTag::Processing));
/// assert_eq!(parts[4], ResponsePart::Body(Bytes::from_static(b"body")));
/// # Ok::<(), oxwire_core::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ResponseParser {
    state: State,
    limits: ResponseLimits,
    /// Bytes taken from the stream so far.
    offset: usize,
    /// Additional headers so far.
    headers: usize,
    /// Bytes of the response body so far.
    body: usize,
    /// The beginning of a header line whose end has not arrived.
    line: BytesMut,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Between meta-tags.
    MetaTags,
    /// `matched` letters of a meta-tag have arrived; after one alone, `Processing` may still turn out to be `Pending`.
    InMetaTag { tag: MetaTag, matched: usize },
    /// Behind the last letter of DONE.
    DoneLineEnd,
    /// At or in an additional header.
    Headers,
    /// In the response body.
    Body,
    /// Broken: repeats its reason.
    Failed(DecodeError),
}

impl Default for ResponseParser {
    fn default() -> Self {
        Self::new(ResponseLimits::DEFAULT)
    }
}

impl ResponseParser {
    /// A parser for one response.
    #[must_use]
    pub fn new(limits: ResponseLimits) -> Self {
        Self { state: State::MetaTags, limits, offset: 0, headers: 0, body: 0, line: BytesMut::new() }
    }

    /// Takes the next part off the front of `chunk`. `None` says that all of `chunk` is taken and more is needed.
    ///
    /// # Errors
    /// [`DecodeError`], its offset counted from the beginning of the HTTP body: what is no meta-tag before DONE
    /// ([`DecodeErrorKind::Text`]), a header line without a colon, [`DecodeErrorKind::Limit`]. The parser is finished
    /// then, and repeats it.
    pub fn parse(&mut self, chunk: &mut Bytes) -> Result<Option<ResponsePart>, DecodeError> {
        let part = self.advance(chunk);
        if let Err(error) = part {
            self.state = State::Failed(error);
        }
        part
    }

    /// The HTTP body has ended.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`] when it ended before DONE or within a header line. The blank line behind the headers
    /// may be missing where no body follows.
    pub fn finish(&self) -> Result<(), DecodeError> {
        let (field, left) = match self.state {
            State::Failed(error) => return Err(error),
            State::MetaTags => ("DONE", 0),
            State::InMetaTag { matched, .. } => ("DONE", matched),
            State::Headers if !self.line.is_empty() => ("ADDITIONAL HEADERS", self.line.len()),
            State::DoneLineEnd | State::Headers | State::Body => return Ok(()),
        };
        Err(self.error(field, DecodeErrorKind::Eof { needed: left.saturating_add(1), left }))
    }

    /// Whether DONE has come.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::DoneLineEnd | State::Headers | State::Body)
    }

    fn advance(&mut self, chunk: &mut Bytes) -> Result<Option<ResponsePart>, DecodeError> {
        loop {
            match self.state {
                State::MetaTags => {
                    // Line ends separate meta-tags, and gromox leaves them out.
                    let Some(byte) = self.take_byte(chunk) else { return Ok(None) };
                    let tag = match byte {
                        b'\r' | b'\n' => continue,
                        b'P' => MetaTag::Processing,
                        b'D' => MetaTag::Done,
                        _ => return Err(self.not_a_meta_tag()),
                    };
                    self.state = State::InMetaTag { tag, matched: 1 };
                }
                State::InMetaTag { tag, matched } => {
                    let Some(byte) = self.take_byte(chunk) else { return Ok(None) };
                    // Of `P` alone it was not known yet which of the two it begins.
                    let is_pending = tag == MetaTag::Processing && matched == 1 && byte == b'E';
                    let tag = if is_pending { MetaTag::Pending } else { tag };
                    let text = tag.as_str().as_bytes();
                    if text.get(matched) != Some(&byte) {
                        return Err(self.not_a_meta_tag());
                    }
                    let matched = matched + 1;
                    if matched < text.len() {
                        self.state = State::InMetaTag { tag, matched };
                    } else {
                        self.state = if tag == MetaTag::Done { State::DoneLineEnd } else { State::MetaTags };
                        return Ok(Some(ResponsePart::MetaTag(tag)));
                    }
                }
                State::DoneLineEnd => match chunk.first() {
                    None => return Ok(None),
                    Some(b'\r') => self.skip(chunk, 1),
                    Some(b'\n') => {
                        self.skip(chunk, 1);
                        self.state = State::Headers;
                    }
                    Some(_) => return Err(self.error("DONE", DecodeErrorKind::Text { expected: "a line end" })),
                },
                State::Headers => return self.header(chunk),
                State::Body => return self.body(chunk),
                State::Failed(error) => return Err(error),
            }
        }
    }

    fn header(&mut self, chunk: &mut Bytes) -> Result<Option<ResponsePart>, DecodeError> {
        // Not searched further than a line may be long: what follows may be megabytes of another thing.
        let before = self.line.len();
        let room = self.limits.line_bytes.saturating_sub(before);
        let end = chunk.iter().take(room).position(|byte| *byte == b'\n');
        if end.is_none() && chunk.len() > room {
            return Err(self.over("line_bytes", self.limits.line_bytes, before));
        }
        let taken = end.map_or(chunk.len(), |end| end.saturating_add(1));
        let piece = chunk.split_to(taken);
        self.offset = self.offset.saturating_add(taken);
        if end.is_none() {
            self.line.extend_from_slice(&piece);
            return Ok(None);
        }
        let line = if self.line.is_empty() {
            piece
        } else {
            self.line.extend_from_slice(&piece);
            self.line.split().freeze()
        };
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            self.state = State::Body;
            return Ok(Some(ResponsePart::HeadersEnd));
        }
        self.headers += 1;
        if self.headers > self.limits.headers {
            return Err(self.over("headers", self.limits.headers, line.len()));
        }
        let Some(colon) = text.iter().position(|byte| *byte == b':') else {
            let kind = DecodeErrorKind::Text { expected: "a header line: a name, a colon, a value" };
            return Err(self.error_before("ADDITIONAL HEADERS", kind, line.len()));
        };
        Ok(Some(ResponsePart::Header(AdditionalHeader { line, colon })))
    }

    fn body(&mut self, chunk: &mut Bytes) -> Result<Option<ResponsePart>, DecodeError> {
        if chunk.is_empty() {
            return Ok(None);
        }
        // What fits is passed on, so that the same stream says the same however it is cut.
        let room = self.limits.body_bytes.saturating_sub(self.body);
        if room == 0 {
            let allowed = self.limits.body_bytes;
            let kind = DecodeErrorKind::Limit { limit: "body_bytes", allowed, found: allowed.saturating_add(1) };
            return Err(self.error("RESPONSE BODY", kind));
        }
        let piece = chunk.split_to(room.min(chunk.len()));
        self.body = self.body.saturating_add(piece.len());
        self.offset = self.offset.saturating_add(piece.len());
        Ok(Some(ResponsePart::Body(piece)))
    }

    fn take_byte(&mut self, chunk: &mut Bytes) -> Option<u8> {
        let byte = chunk.first().copied()?;
        self.skip(chunk, 1);
        Some(byte)
    }

    fn skip(&mut self, chunk: &mut Bytes, count: usize) {
        chunk.advance(count);
        self.offset = self.offset.saturating_add(count);
    }

    /// At the byte that was taken last.
    fn not_a_meta_tag(&self) -> DecodeError {
        let kind = DecodeErrorKind::Text { expected: "a meta-tag: PROCESSING, PENDING or DONE" };
        self.error_before("META-TAGS", kind, 1)
    }

    /// At the beginning of the header line of which `taken` bytes are taken.
    const fn over(&self, limit: &'static str, allowed: usize, taken: usize) -> DecodeError {
        let kind = DecodeErrorKind::Limit { limit, allowed, found: allowed.saturating_add(1) };
        self.error_before("ADDITIONAL HEADERS", kind, taken)
    }

    const fn error_before(&self, field: &'static str, kind: DecodeErrorKind, before: usize) -> DecodeError {
        DecodeError { offset: self.offset.saturating_sub(before), name: NAME, field, spec: SPEC, kind }
    }

    const fn error(&self, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        self.error_before(field, kind, 0)
    }
}
