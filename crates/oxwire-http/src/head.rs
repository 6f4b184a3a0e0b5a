//! Heads as views over one `Bytes`: the text as it stands on the wire, and an index into it.

use std::fmt;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::names::canonical_name;

/// HTTP/1.0 or HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

impl Version {
    /// `HTTP/1.0` or `HTTP/1.1`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// A head that cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// A method or field name that is not a token ([RFC 9110] 5.6.2).
    #[error("{what}: expected a token (letters, digits, !#$%&'*+-.^_`|~), found byte {found:#04x} or nothing")]
    Token {
        /// What was given.
        what: &'static str,
        /// The first byte that does not belong; 0 for an empty one.
        found: u8,
    },
    /// A control character where text belongs: CR or LF here would be request smuggling.
    #[error("{what}: expected visible text, found control byte {found:#04x}")]
    Control {
        /// What was given.
        what: &'static str,
        /// The byte.
        found: u8,
    },
    /// A status that is not three digits.
    #[error("status: expected 100 to 999, found {0}")]
    Status(u16),
    /// What the `http` crate has no value for.
    #[error("{what}: the `http` crate cannot hold it")]
    Foreign {
        /// What was to be converted.
        what: &'static str,
    },
    /// A head past 4 GiB.
    #[error("a head takes at most 4 GiB")]
    TooLong,
    /// A URL that no connection can be opened to.
    #[error("URL: {what}; expected http://host[:port]/path or https://…")]
    Url {
        /// What is wrong with it.
        what: &'static str,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The span of `part` inside `whole`, where `part` is a slice of it.
    pub(crate) fn within(whole: &[u8], part: &[u8]) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        let end = start.checked_add(part.len()).filter(|end| *end <= whole.len())?;
        Some(Self { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }
}

/// Header fields in the order in which they stand, duplicates kept, as views into the head's bytes.
#[derive(Clone, Default)]
pub struct Fields {
    pub(crate) text: Bytes,
    pub(crate) spans: Vec<(Span, Span)>,
}

impl Fields {
    /// Fields of the caller's, as a trailer section carries them; names get the specifications' spelling.
    ///
    /// # Errors
    /// [`HeadError`] for a name that is no token and for a value with control characters.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, HeadError> {
        let mut out = BytesMut::new();
        let spans = put_fields(&mut out, pairs.into_iter().map(|(name, value)| (canonical_name(name), value)))?;
        Ok(Self { text: out.freeze(), spans })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Name and value of each, values without the white space around them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.spans.iter().map(|(name, value)| {
            let name = self.text.get(name.range()).unwrap_or_default();
            (std::str::from_utf8(name).unwrap_or_default(), self.text.get(value.range()).unwrap_or_default())
        })
    }

    pub(crate) fn iter_bytes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let of = |span: Span| self.text.get(span.range()).unwrap_or_default();
        self.spans.iter().map(move |(name, value)| (of(*name), of(*value)))
    }

    /// Values of the fields of that name, in any letter case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first value of that name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first value of that name, where it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.first(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// A value as a slice that shares the head's bytes.
    #[must_use]
    pub fn shared(&self, value: &[u8]) -> Bytes {
        match Span::within(&self.text, value) {
            Some(span) => self.text.slice(span.range()),
            None => Bytes::copy_from_slice(value),
        }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

/// Names are shown, and values, but for those that carry secrets.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            if is_secret(name) {
                map.entry(&name, &format_args!("[secret]"));
            } else {
                map.entry(&name, &format_args!("{}", value.escape_ascii()));
            }
        }
        map.finish()
    }
}

pub(crate) fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 6] =
        ["Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Cookie", "Set-Cookie"];
    SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// A request's head, [RFC 9112] 3.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHead {
    pub(crate) text: Bytes,
    pub(crate) method: Span,
    pub(crate) target: Span,
    pub(crate) version: Version,
    pub(crate) fields: Fields,
}

impl RequestHead {
    /// Begins an HTTP/1.1 request.
    #[must_use]
    pub fn builder(method: &str, target: &str) -> HeadBuilder {
        HeadBuilder {
            start: Start::Request { method: method.to_owned(), target: target.to_owned() },
            version: Version::Http11,
            fields: Vec::new(),
        }
    }

    /// The method, as it stands.
    #[must_use]
    pub fn method(&self) -> &str {
        text_of(&self.text, self.method)
    }

    /// The request target, as it stands: a path with its query, `*`, an absolute URL or an authority.
    #[must_use]
    pub fn target(&self) -> &str {
        text_of(&self.text, self.target)
    }

    /// The version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The fields.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The head as it stands on the wire, the empty line at its end included.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.text
    }

    /// A builder that starts from this head.
    #[must_use]
    pub fn to_builder(&self) -> HeadBuilder {
        let mut builder = Self::builder(self.method(), self.target()).version(self.version);
        builder.fields = self.fields.iter().map(|(n, v)| (n.to_owned(), v.to_vec())).collect();
        builder
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {:?}", self.method(), self.target(), self.version.as_str(), self.fields)
    }
}

/// A response's head, [RFC 9112] 4.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseHead {
    pub(crate) text: Bytes,
    pub(crate) version: Version,
    pub(crate) status: u16,
    pub(crate) reason: Span,
    pub(crate) fields: Fields,
}

impl ResponseHead {
    /// Begins an HTTP/1.1 response. The reason phrase carries meaning in these protocols (`Success`, `RPC Error: 6ba`).
    #[must_use]
    pub fn builder(status: u16, reason: &str) -> HeadBuilder {
        HeadBuilder {
            start: Start::Response { status, reason: reason.as_bytes().to_vec() },
            version: Version::Http11,
            fields: Vec::new(),
        }
    }

    /// The status code.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase, as it stands (its encoding is the server's).
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        self.text.get(self.reason.range()).unwrap_or_default()
    }

    /// The version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The fields.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The head as it stands on the wire, the empty line at its end included.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.text
    }

    /// A builder that starts from this head.
    #[must_use]
    pub fn to_builder(&self) -> HeadBuilder {
        HeadBuilder {
            start: Start::Response { status: self.status, reason: self.reason().to_vec() },
            version: self.version,
            fields: self.fields.iter().map(|(n, v)| (n.to_owned(), v.to_vec())).collect(),
        }
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason().escape_ascii();
        write!(f, "{} {} {reason} {:?}", self.version.as_str(), self.status, self.fields)
    }
}

fn text_of(text: &Bytes, span: Span) -> &str {
    text.get(span.range()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

#[derive(Clone)]
enum Start {
    Request { method: String, target: String },
    Response { status: u16, reason: Vec<u8> },
}

/// Builds a head: checks it, spells its names as the specifications do, and writes it once.
#[derive(Clone)]
pub struct HeadBuilder {
    start: Start,
    version: Version,
    fields: Vec<(String, Vec<u8>)>,
}

impl fmt::Debug for HeadBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadBuilder").field("fields", &self.fields.len()).finish_non_exhaustive()
    }
}

impl HeadBuilder {
    /// Sets the version; HTTP/1.1 is the default.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Replaces the request target; without effect on a response.
    #[must_use]
    pub fn target(mut self, to: &str) -> Self {
        if let Start::Request { target, .. } = &mut self.start {
            to.clone_into(target);
        }
        self
    }

    /// Replaces the reason phrase, in whatever encoding; without effect on a request.
    #[must_use]
    pub fn reason(mut self, to: &[u8]) -> Self {
        if let Start::Response { reason, .. } = &mut self.start {
            *reason = to.to_vec();
        }
        self
    }

    /// Adds a field behind those that are there.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((canonical_name(name).to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Replaces all fields of that name by one.
    #[must_use]
    pub fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).field(name, value)
    }

    /// Removes all fields of that name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// Writes the head of a request.
    ///
    /// # Errors
    /// [`HeadError`] for what would not parse on the other side, CR and LF above all; [`HeadError::Token`] when the builder
    /// was begun as a response.
    pub fn request(self) -> Result<RequestHead, HeadError> {
        let Start::Request { method, target } = &self.start else {
            return Err(HeadError::Token { what: "method", found: 0 });
        };
        check_token(method.as_bytes(), "method")?;
        check_target(target)?;
        let mut out = BytesMut::with_capacity(self.capacity());
        let method = put_span(&mut out, method.as_bytes())?;
        out.put_u8(b' ');
        let target = put_span(&mut out, target.as_bytes())?;
        out.put_u8(b' ');
        out.put_slice(self.version.as_str().as_bytes());
        out.put_slice(b"\r\n");
        let spans = put_fields(&mut out, self.pairs())?;
        let text = out.freeze();
        let fields = Fields { text: text.clone(), spans };
        Ok(RequestHead { text, method, target, version: self.version, fields })
    }

    /// Writes the head of a response.
    ///
    /// # Errors
    /// [`HeadError`] for what would not parse on the other side, CR and LF above all; [`HeadError::Status`] when the builder
    /// was begun as a request.
    pub fn response(self) -> Result<ResponseHead, HeadError> {
        let Start::Response { status, reason } = &self.start else {
            return Err(HeadError::Status(0));
        };
        if !(100..=999).contains(status) {
            return Err(HeadError::Status(*status));
        }
        check_text(reason, "reason phrase")?;
        let mut out = BytesMut::with_capacity(self.capacity());
        out.put_slice(self.version.as_str().as_bytes());
        out.put_slice(format!(" {status} ").as_bytes());
        let reason = put_span(&mut out, reason)?;
        out.put_slice(b"\r\n");
        let spans = put_fields(&mut out, self.pairs())?;
        let text = out.freeze();
        let fields = Fields { text: text.clone(), spans };
        Ok(ResponseHead { text, version: self.version, status: *status, reason, fields })
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    fn capacity(&self) -> usize {
        let start = match &self.start {
            Start::Request { method, target } => method.len() + target.len(),
            Start::Response { reason, .. } => reason.len() + 3,
        };
        let fields: usize = self.fields.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
        start + fields + 16
    }
}

fn put_span(out: &mut BytesMut, bytes: &[u8]) -> Result<Span, HeadError> {
    let start = u32::try_from(out.len()).map_err(|_| HeadError::TooLong)?;
    out.put_slice(bytes);
    let end = u32::try_from(out.len()).map_err(|_| HeadError::TooLong)?;
    Ok(Span { start, end })
}

fn put_fields<'a>(
    out: &mut BytesMut,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Vec<(Span, Span)>, HeadError> {
    let mut spans = Vec::with_capacity(fields.size_hint().0);
    for (name, value) in fields {
        check_token(name.as_bytes(), "field name")?;
        check_text(value, "field value")?;
        let name = put_span(out, name.as_bytes())?;
        out.put_slice(b": ");
        let value = put_span(out, value.trim_ascii())?;
        out.put_slice(b"\r\n");
        spans.push((name, value));
    }
    out.put_slice(b"\r\n");
    Ok(spans)
}

/// Whether it is a token, [RFC 9110] 5.6.2.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(is_token_byte)
}

fn is_token_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

fn check_token(bytes: &[u8], what: &'static str) -> Result<(), HeadError> {
    match bytes.iter().find(|byte| !is_token_byte(byte)) {
        None if !bytes.is_empty() => Ok(()),
        found => Err(HeadError::Token { what, found: found.copied().unwrap_or(0) }),
    }
}

fn check_text(bytes: &[u8], what: &'static str) -> Result<(), HeadError> {
    match bytes.iter().find(|byte| **byte < 0x20 && **byte != b'\t' || **byte == 0x7F) {
        None => Ok(()),
        Some(found) => Err(HeadError::Control { what, found: *found }),
    }
}

fn check_target(target: &str) -> Result<(), HeadError> {
    match target.bytes().find(|byte| *byte <= 0x20 || *byte == 0x7F) {
        None if !target.is_empty() => Ok(()),
        found => Err(HeadError::Control { what: "request target", found: found.unwrap_or(0) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_head_is_its_own_wire_form() {
        let head = RequestHead::builder("POST", "/mapi/emsmdb/?MailboxId=x@y")
            .field("host", "mail.test")
            .field("X-REQUESTTYPE", "Connect")
            .field("cookie", "a=b")
            .field("Cookie", "c=d")
            .request()
            .unwrap();
        assert_eq!(
            head.as_bytes(),
            "POST /mapi/emsmdb/?MailboxId=x@y HTTP/1.1\r\nHost: mail.test\r\nX-RequestType: Connect\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n",
        );
        assert_eq!((head.method(), head.target()), ("POST", "/mapi/emsmdb/?MailboxId=x@y"));
        assert_eq!(head.fields().text("HOST"), Some("mail.test"));
        assert_eq!(head.fields().all("COOKIE").collect::<Vec<_>>(), [b"a=b", b"c=d"]);
        let again = head.to_builder().set("Content-Length", "0").without("cookie").request().unwrap();
        assert_eq!(again.fields().len(), 3);
    }

    #[test]
    fn a_response_head_keeps_its_reason() {
        let head = ResponseHead::builder(503, "RPC Error: 6ba").field("www-authenticate", "NTLM").response().unwrap();
        assert_eq!(head.as_bytes(), "HTTP/1.1 503 RPC Error: 6ba\r\nWWW-Authenticate: NTLM\r\n\r\n");
        assert_eq!(head.reason(), b"RPC Error: 6ba");
        assert_eq!(head.fields().shared(head.fields().first("WWW-Authenticate").unwrap()), "NTLM");
    }

    #[test]
    fn smuggling_through_a_builder_is_refused() {
        let base = || RequestHead::builder("GET", "/");
        assert!(base().field("X", "a\r\nY: b").request().is_err());
        assert!(base().field("X y", "a").request().is_err());
        assert!(base().field("", "a").request().is_err());
        assert!(RequestHead::builder("GET", "/ HTTP/1.1\r\n").request().is_err());
        assert!(RequestHead::builder("G T", "/").request().is_err());
        assert!(ResponseHead::builder(200, "a\nb").response().is_err());
        assert!(ResponseHead::builder(20, "").response().is_err());
    }

    #[test]
    fn debug_hides_what_authenticates() {
        let head =
            RequestHead::builder("GET", "/").field("Authorization", "Basic YTpi").field("A", "b").request().unwrap();
        let shown = format!("{head:?}");
        assert!(!shown.contains("YTpi") && shown.contains("[secret]") && shown.contains('b'), "{shown}");
    }
}
