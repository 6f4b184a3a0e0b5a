//! The query: the target of a GET.

use std::fmt::{self, Write as _};

use crate::text::{IntoOwned, Text, into_owned};

/// The protocol that is asked for. Names are read in any letter case: Outlook 2019 asks for `Autodiscoverv1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol<'x> {
    /// `AutodiscoverV1`: the URL of `autodiscover.xml`.
    AutodiscoverV1,
    /// `ActiveSync`.
    ActiveSync,
    /// `Ews`.
    Ews,
    /// `Rest`.
    Rest,
    /// Another name.
    Other(Text<'x>),
}

impl<'x> Protocol<'x> {
    /// The protocol of a name, in any letter case.
    #[must_use]
    pub fn of(name: Text<'x>) -> Self {
        match () {
            () if name.eq_ignore_ascii_case("AutodiscoverV1") => Self::AutodiscoverV1,
            () if name.eq_ignore_ascii_case("ActiveSync") => Self::ActiveSync,
            () if name.eq_ignore_ascii_case("Ews") => Self::Ews,
            () if name.eq_ignore_ascii_case("Rest") => Self::Rest,
            () => Self::Other(name),
        }
    }

    /// The name, in Exchange's spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::AutodiscoverV1 => "AutodiscoverV1",
            Self::ActiveSync => "ActiveSync",
            Self::Ews => "Ews",
            Self::Rest => "Rest",
            Self::Other(name) => name,
        }
    }
}

impl IntoOwned for Protocol<'_> {
    type Owned = Protocol<'static>;

    fn owned(self) -> Self::Owned {
        Protocol::of(Text::from(self.name().to_owned()))
    }
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query<'x> {
    /// The mailbox's address.
    pub email: Text<'x>,
    /// The protocol.
    pub protocol: Protocol<'x>,
    /// How many redirects the client has followed; Outlook for mobile devices says 1 in its first query.
    pub redirect_count: Option<u32>,
}
into_owned!(Query { email, protocol } copy { redirect_count });

/// A target that is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The target is longer than [`Query::MAX_TARGET`].
    #[error("expected a target of at most {} bytes", Query::MAX_TARGET)]
    TooLong,
    /// The path is none of this service's.
    #[error("expected a path that contains `/autodiscover.json`")]
    Path,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("expected `%` and two hexadecimal digits, in UTF-8")]
    Encoding,
    /// No address, neither in the path nor as `Email`.
    #[error("expected an address, in the path or as the parameter `Email`")]
    NoEmail,
    /// No protocol.
    #[error("expected the parameter `Protocol`")]
    NoProtocol,
}

impl<'x> Query<'x> {
    /// Bytes that a target may have.
    pub const MAX_TARGET: usize = 4096;

    /// A query for the URL of one protocol.
    #[must_use]
    pub fn new(email: impl Into<Text<'x>>, protocol: Protocol<'x>) -> Self {
        Self { email: email.into(), protocol, redirect_count: None }
    }

    /// Reads the target of a request, path and query: both `…/autodiscover.json?Email=…` and `…/autodiscover.json/v1.0/…`, names in
    /// any letter case. The address in the path goes before the parameter.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn parse(target: &'x str) -> Result<Self, QueryError> {
        const FILE: &str = "/autodiscover.json";
        if target.len() > Self::MAX_TARGET {
            return Err(QueryError::TooLong);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let at = path.to_ascii_lowercase().find(FILE).ok_or(QueryError::Path)?;
        let rest = path.get(at + FILE.len()..).unwrap_or_default();
        let mut email = match rest.strip_prefix('/') {
            // The version and the address.
            Some(rest) => rest.split_once('/').map(|(_, email)| decode(email)).transpose()?,
            None if rest.is_empty() => None,
            None => return Err(QueryError::Path),
        };
        let mut protocol = None;
        let mut redirect_count = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.eq_ignore_ascii_case("Email") {
                let value = decode(value)?;
                email = email.filter(|email: &Text<'_>| !email.is_empty()).or(Some(value));
            } else if name.eq_ignore_ascii_case("Protocol") {
                protocol = Some(decode(value)?);
            } else if name.eq_ignore_ascii_case("RedirectCount") {
                redirect_count = value.parse().ok();
            }
        }
        let email = email.filter(|email| email.contains('@')).ok_or(QueryError::NoEmail)?;
        let protocol = protocol.filter(|protocol| !protocol.is_empty()).ok_or(QueryError::NoProtocol)?;
        Ok(Self { email, protocol: Protocol::of(protocol), redirect_count })
    }
}

impl fmt::Display for Query<'_> {
    /// The target to send, path and query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/autodiscover/autodiscover.json/v1.0/")?;
        encode(&self.email, f)?;
        f.write_str("?Protocol=")?;
        encode(self.protocol.name(), f)?;
        match self.redirect_count {
            Some(count) => write!(f, "&RedirectCount={count}"),
            None => Ok(()),
        }
    }
}

/// Takes `%41` back to `A`. A `+` stays one, in the query too: addresses hold it, and clients leave it as it is.
fn decode(text: &str) -> Result<Text<'_>, QueryError> {
    if !text.contains('%') {
        return Ok(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or(QueryError::Encoding)?;
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(QueryError::Encoding)?;
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).map(Text::Owned).map_err(|_| QueryError::Encoding)
}

/// Everything but the unreserved characters of RFC 3986 and `@` as `%` and two digits.
fn encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}
