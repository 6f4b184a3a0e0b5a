//! Heads and trailer sections from their bytes, through `httparse`.

use std::mem::MaybeUninit;

use bytes::Bytes;
use httparse::{Header, ParserConfig, Status};

use crate::head::Span;
use crate::scan::{Found, Section, SectionKind};
use crate::{Fault, Fields, HttpLimits, RequestHead, ResponseHead, Version};

impl RequestHead {
    /// Takes a request head off the front of `input`, `None` when it is not all there (`input` is then left as it was).
    /// Empty lines in front are skipped ([RFC 9112] 2.2). What a [`Connection`](crate::Connection) does incrementally.
    ///
    /// # Errors
    /// [`Fault`], for the first thing that is wrong.
    pub fn parse(input: &mut Bytes, limits: &HttpLimits) -> Result<Option<Self>, Fault> {
        parse(&mut Section::new(SectionKind::RequestHead), input, limits)
    }
}

impl ResponseHead {
    /// Takes a response head off the front of `input`, `None` when it is not all there (`input` is then left as it was).
    ///
    /// # Errors
    /// [`Fault`], for the first thing that is wrong.
    pub fn parse(input: &mut Bytes, limits: &HttpLimits) -> Result<Option<Self>, Fault> {
        parse(&mut Section::new(SectionKind::ResponseHead), input, limits)
    }
}

fn parse<H: Parse>(section: &mut Section, input: &mut Bytes, limits: &HttpLimits) -> Result<Option<H>, Fault> {
    let whole = input.clone();
    let head = next(section, input, limits)?;
    if head.is_none() {
        *input = whole;
    }
    Ok(head)
}

/// Takes what belongs to a head from `input`, which is the next piece of the stream that `section` collects.
pub(crate) fn next<H: Parse>(
    section: &mut Section,
    input: &mut Bytes,
    limits: &HttpLimits,
) -> Result<Option<H>, Fault> {
    if !section.has_begun()
        && let Some(read) = H::read(input, ON_STACK).filter(|read| read.is_strict(input, limits))
    {
        // The usual case: the head is here whole, and one pass over it is enough.
        return Ok(Some(H::make(input.split_to(read.len), read)));
    }
    let Some(Found { text, lines }) = section.feed(input, limits)? else { return Ok(None) };
    match H::read(&text, lines).filter(|read| read.len == text.len()) {
        Some(read) => Ok(Some(H::make(text, read))),
        None => Err(diagnose(&text, H::KIND)),
    }
}

/// A head of either kind.
pub(crate) trait Parse: Sized {
    const KIND: SectionKind;
    type Start;
    /// Runs `httparse`; `None` for whatever it does not take as a whole head with at most `lines` fields.
    fn read(bytes: &[u8], lines: usize) -> Option<Read<Self::Start>>;
    fn make(text: Bytes, read: Read<Self::Start>) -> Self;
}

/// What `httparse` found.
pub(crate) struct Read<S> {
    len: usize,
    start: S,
    version: Version,
    spans: Vec<(Span, Span)>,
}

impl<S> Read<S> {
    /// Whether every line ends in CRLF, where `httparse` also takes a bare LF, and the limits hold. Looks at the ends of lines
    /// only; what it does not pass is looked at line by line by [`Section`].
    fn is_strict(&self, bytes: &[u8], limits: &HttpLimits) -> bool {
        let ends_line = |at: usize| at.checked_sub(2).and_then(|from| bytes.get(from..at)) == Some(b"\r\n");
        let Some(last) = self.len.checked_sub(2) else { return false };
        let mut line = 0;
        let starts = self.spans.iter().map(|(name, _)| name.start as usize).chain([last]);
        let lines_are_strict = starts.into_iter().all(|next| {
            let len = next.saturating_sub(line).saturating_sub(1);
            line = next;
            len <= limits.line_bytes && ends_line(next)
        });
        lines_are_strict
            && ends_line(self.len)
            && !bytes.starts_with(b"\r")
            && !bytes.starts_with(b"\n")
            && self.len <= limits.head_bytes
            && self.spans.len() <= limits.fields
    }
}

/// Most heads have fewer fields than this; their index for `httparse` stays on the stack.
const ON_STACK: usize = 32;

/// Runs `parse` with room for `lines` fields.
fn with_room<'b, R>(lines: usize, parse: impl FnOnce(&mut [MaybeUninit<Header<'b>>]) -> R) -> R {
    if lines <= ON_STACK {
        parse(&mut [const { MaybeUninit::uninit() }; ON_STACK])
    } else {
        parse(&mut vec![MaybeUninit::uninit(); lines])
    }
}

fn index(text: &[u8], headers: &[Header<'_>]) -> Option<Vec<(Span, Span)>> {
    let span = |part: &[u8]| Span::within(text, part);
    let mut spans = Vec::with_capacity(headers.len());
    for header in headers {
        spans.push((span(header.name.as_bytes())?, span(header.value.trim_ascii())?));
    }
    Some(spans)
}

const fn version(minor: Option<u8>) -> Option<Version> {
    match minor {
        Some(0) => Some(Version::Http10),
        Some(1) => Some(Version::Http11),
        _ => None,
    }
}

impl Parse for RequestHead {
    const KIND: SectionKind = SectionKind::RequestHead;
    type Start = (Span, Span);

    fn read(bytes: &[u8], lines: usize) -> Option<Read<Self::Start>> {
        with_room(lines, |room| {
            let mut request = httparse::Request::new(&mut []);
            let Ok(Status::Complete(len)) = request.parse_with_uninit_headers(bytes, room) else { return None };
            let method = Span::within(bytes, request.method?.as_bytes())?;
            let target = Span::within(bytes, request.path?.as_bytes())?;
            let spans = index(bytes, request.headers)?;
            Some(Read { len, start: (method, target), version: version(request.version)?, spans })
        })
    }

    fn make(text: Bytes, Read { start: (method, target), version, spans, .. }: Read<Self::Start>) -> Self {
        Self { fields: Fields { text: text.clone(), spans }, text, method, target, version }
    }
}

impl Parse for ResponseHead {
    const KIND: SectionKind = SectionKind::ResponseHead;
    type Start = (u16, Span);

    fn read(bytes: &[u8], lines: usize) -> Option<Read<Self::Start>> {
        with_room(lines, |room| {
            let mut response = httparse::Response::new(&mut []);
            let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, room);
            let Ok(Status::Complete(len)) = parsed else { return None };
            let status = response.code.filter(|code| (100..=999).contains(code))?;
            let spans = index(bytes, response.headers)?;
            Some(Read { len, start: (status, reason(bytes)?), version: version(response.version)?, spans })
        })
    }

    fn make(text: Bytes, Read { start: (status, reason), version, spans, .. }: Read<Self::Start>) -> Self {
        Self { fields: Fields { text: text.clone(), spans }, text, version, status, reason }
    }
}

/// The reason phrase. `httparse` gives none when it is not ASCII, and servers send it in their own language.
fn reason(text: &[u8]) -> Option<Span> {
    const BEFORE: usize = "HTTP/1.1 200 ".len();
    let end = text.iter().position(|byte| *byte == b'\r')?;
    Span::within(text, text.get(BEFORE.min(end)..end)?)
}

pub(crate) fn trailers(Found { text, lines }: Found) -> Result<Fields, Fault> {
    let mut room = vec![httparse::EMPTY_HEADER; lines];
    let parsed = match httparse::parse_headers(&text, &mut room) {
        Ok(Status::Complete((len, headers))) if len == text.len() => index(&text, headers),
        _ => None,
    };
    let fields = parsed.map(|spans| Fields { text: text.clone(), spans });
    fields.ok_or_else(|| diagnose(&text, SectionKind::Trailers))
}

/// What is wrong with a section that `httparse` refuses. Its lines end in CRLF, which is known by now.
fn diagnose(text: &[u8], kind: SectionKind) -> Fault {
    let mut lines = Lines { rest: text };
    if kind != SectionKind::Trailers {
        let start = lines.next().unwrap_or_default();
        if let Some(fault) = control(start) {
            return fault;
        }
        if !start_line_is_sound(start, kind) {
            return if names_other_version(start, kind) { Fault::Version } else { Fault::StartLine };
        }
    }
    for line in lines {
        if let Some(fault) = control(line) {
            return fault;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Fault::ObsFold;
        }
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if name.len() == line.len() {
            return Fault::FieldName;
        }
        if name.ends_with(b" ") || name.ends_with(b"\t") {
            return Fault::SpaceBeforeColon;
        }
        if !crate::head::is_token(name) {
            return Fault::FieldName;
        }
    }
    Fault::StartLine
}

/// The lines up to the empty one, without their CRLF. A CR inside a line stays in it.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (line, rest) = self.rest.split_at_checked(self.rest.iter().position(|byte| *byte == b'\n')?)?;
        self.rest = rest.get(1..)?;
        line.strip_suffix(b"\r").filter(|line| !line.is_empty())
    }
}

fn control(line: &[u8]) -> Option<Fault> {
    let found = line.iter().find(|byte| byte.is_ascii_control() && **byte != b'\t')?;
    Some(match found {
        0 => Fault::Nul,
        b'\r' => Fault::BareCr,
        _ => Fault::Control,
    })
}

fn start_line_is_sound(line: &[u8], kind: SectionKind) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    match kind {
        SectionKind::ResponseHead => {
            let version = words.next().is_some_and(is_our_version);
            version && words.next().is_some_and(|code| code.len() == 3 && code.iter().all(u8::is_ascii_digit))
        }
        _ => {
            let method = words.next().is_some_and(crate::head::is_token);
            let target = words.next().is_some_and(|target| std::str::from_utf8(target).is_ok_and(|t| !t.is_empty()));
            method && target && words.next().is_some_and(is_our_version) && words.next().is_none()
        }
    }
}

fn is_our_version(word: &[u8]) -> bool {
    word == b"HTTP/1.1" || word == b"HTTP/1.0"
}

fn names_other_version(line: &[u8], kind: SectionKind) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let word = if kind == SectionKind::ResponseHead { words.next() } else { words.nth(2) };
    word.is_some_and(|word| word.starts_with(b"HTTP/") && !is_our_version(word))
}
