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
        take(SectionKind::RequestHead, input, limits)?.map(request).transpose()
    }
}

impl ResponseHead {
    /// Takes a response head off the front of `input`, `None` when it is not all there (`input` is then left as it was).
    ///
    /// # Errors
    /// [`Fault`], for the first thing that is wrong.
    pub fn parse(input: &mut Bytes, limits: &HttpLimits) -> Result<Option<Self>, Fault> {
        take(SectionKind::ResponseHead, input, limits)?.map(response).transpose()
    }
}

fn take(kind: SectionKind, input: &mut Bytes, limits: &HttpLimits) -> Result<Option<Found>, Fault> {
    let whole = input.clone();
    let found = Section::new(kind).feed(input, limits)?;
    if found.is_none() {
        *input = whole;
    }
    Ok(found)
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

fn index(text: &Bytes, headers: &[Header<'_>]) -> Option<Fields> {
    let span = |part: &[u8]| Span::within(text, part);
    let mut spans = Vec::with_capacity(headers.len());
    for header in headers {
        spans.push((span(header.name.as_bytes())?, span(header.value.trim_ascii())?));
    }
    Some(Fields { text: text.clone(), spans })
}

const fn version(minor: Option<u8>) -> Option<Version> {
    match minor {
        Some(0) => Some(Version::Http10),
        Some(1) => Some(Version::Http11),
        _ => None,
    }
}

pub(crate) fn request(Found { text, lines }: Found) -> Result<RequestHead, Fault> {
    let parsed = with_room(lines, |room| {
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(&text, room) {
            Ok(Status::Complete(len)) if len == text.len() => Some((
                Span::within(&text, request.method?.as_bytes())?,
                Span::within(&text, request.path?.as_bytes())?,
                version(request.version)?,
                index(&text, request.headers)?,
            )),
            _ => None,
        }
    });
    match parsed {
        Some((method, target, version, fields)) => Ok(RequestHead { text, method, target, version, fields }),
        None => Err(diagnose(&text, SectionKind::RequestHead)),
    }
}

pub(crate) fn response(Found { text, lines }: Found) -> Result<ResponseHead, Fault> {
    let parsed = with_room(lines, |room| {
        let mut response = httparse::Response::new(&mut []);
        match ParserConfig::default().parse_response_with_uninit_headers(&mut response, &text, room) {
            Ok(Status::Complete(len)) if len == text.len() => Some((
                version(response.version)?,
                response.code.filter(|code| (100..=999).contains(code))?,
                reason(&text)?,
                index(&text, response.headers)?,
            )),
            _ => None,
        }
    });
    match parsed {
        Some((version, status, reason, fields)) => Ok(ResponseHead { text, version, status, reason, fields }),
        None => Err(diagnose(&text, SectionKind::ResponseHead)),
    }
}

/// The reason phrase. `httparse` gives none when it is not ASCII, and servers send it in their own language.
fn reason(text: &Bytes) -> Option<Span> {
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
    parsed.ok_or_else(|| diagnose(&text, SectionKind::Trailers))
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
