//! The cookies of one Session Context: [MS-OXCMAPIHTTP] 2.2.3.2.3, 2.2.3.2.4 and 3.1.1.

use std::fmt;
use std::time::Duration;

use oxwire_core::{FileTime, SecretString};
use oxwire_http::{Origin, Scheme};

use super::ClientLimits;
use super::date::parse_http_date;

/// One cookie. Its name is shown in `Debug`, its value is not.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Cookie {
    pub(super) name: String,
    #[cfg_attr(feature = "serde", serde(with = "super::stored::secret"))]
    pub(super) value: SecretString,
    /// The host that set it. It goes to no other: `Domain` is not honoured, so that a redirect hands nothing on.
    pub(super) host: String,
    pub(super) path: String,
    pub(super) secure: bool,
    pub(super) expires: Option<FileTime>,
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=[secret] ({}{})", self.name, self.host, self.path)
    }
}

/// More or larger cookies than the limits allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManyCookies;

/// All cookies of one Session Context. Those of another live in a jar of their own and never meet these.
#[derive(Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Jar {
    pub(super) cookies: Vec<Cookie>,
}

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cookies.fmt(f)
    }
}

impl Jar {
    pub(super) const fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Takes one Set-Cookie value. A name that is there already is replaced, wherever its path was: the last one wins.
    /// `date` is the response's own Date: where it is there, `Expires` is read as a time span, so that a wrong clock on
    /// either side does no harm.
    pub(super) fn store(
        &mut self,
        limits: &ClientLimits,
        origin: &Origin,
        target: &str,
        set_cookie: &[u8],
        wall: FileTime,
        date: Option<FileTime>,
    ) -> Result<(), TooManyCookies> {
        let Some(mut cookie) = std::str::from_utf8(set_cookie).ok().and_then(|text| parse(text, wall, date)) else {
            return Ok(());
        };
        if cookie.name.len() + cookie.value.expose().len() + cookie.path.len() > limits.cookie_bytes {
            return Err(TooManyCookies);
        }
        cookie.host = origin.host.to_ascii_lowercase();
        if cookie.path.is_empty() {
            default_path(target).clone_into(&mut cookie.path);
        }
        self.cookies.retain(|known| known.name != cookie.name || known.host != cookie.host);
        if cookie.value.expose().is_empty() || cookie.expires.is_some_and(|at| at <= wall) {
            return Ok(());
        }
        if self.cookies.len() >= limits.cookies {
            return Err(TooManyCookies);
        }
        self.cookies.push(cookie);
        Ok(())
    }

    /// The Cookie header for a request, or `None` when there is nothing to send: an empty one is never sent.
    pub(super) fn header(&self, origin: &Origin, target: &str, wall: FileTime) -> Option<String> {
        let mut out = String::new();
        for cookie in self.cookies.iter().filter(|cookie| cookie.goes_to(origin, target, wall)) {
            if !out.is_empty() {
                out.push_str("; ");
            }
            out.push_str(&cookie.name);
            out.push('=');
            out.push_str(cookie.value.expose());
        }
        (!out.is_empty()).then_some(out)
    }
}

impl Cookie {
    fn goes_to(&self, origin: &Origin, target: &str, wall: FileTime) -> bool {
        self.host.eq_ignore_ascii_case(&origin.host)
            && (!self.secure || origin.scheme == Scheme::Https)
            && self.expires.is_none_or(|at| at > wall)
            && path_matches(&self.path, path_of(target))
    }
}

fn path_of(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

/// [RFC 6265] 5.1.4: the request's path up to its last slash, without it.
fn default_path(target: &str) -> &str {
    let path = path_of(target);
    match path.rsplit_once('/') {
        Some((parent, _)) if parent.starts_with('/') => parent,
        _ => "/",
    }
}

/// [RFC 6265] 5.1.4, but for the letter case: IIS answers in one spelling of the path and sets the cookie in another.
fn path_matches(cookie: &str, request: &str) -> bool {
    let (cookie, request) = (cookie.as_bytes(), request.as_bytes());
    let Some((start, rest)) = request.split_at_checked(cookie.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(cookie) && (cookie.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/"))
}

fn parse(text: &str, wall: FileTime, date: Option<FileTime>) -> Option<Cookie> {
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim_ascii(), value.trim_ascii());
    let sendable = |text: &str| text.bytes().all(|byte| byte >= 0x20 && byte != 0x7F);
    if name.is_empty() || !sendable(name) || !sendable(value) {
        return None;
    }
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.into(),
        host: String::new(),
        path: String::new(),
        secure: false,
        expires: None,
    };
    let mut by_max_age = false;
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let (key, value) = (key.trim_ascii(), value.trim_ascii());
        if key.eq_ignore_ascii_case("path") {
            // A path that is none means the default one.
            cookie.path = if value.starts_with('/') { value.to_owned() } else { String::new() };
        } else if key.eq_ignore_ascii_case("secure") {
            cookie.secure = true;
        } else if key.eq_ignore_ascii_case("max-age") {
            if let Some(age) = max_age(value) {
                cookie.expires = Some(wall.saturating_add(age));
                by_max_age = true;
            }
        } else if key.eq_ignore_ascii_case("expires")
            && !by_max_age
            && let Some(expires) = parse_http_date(value.as_bytes())
        {
            cookie.expires = Some(match date {
                Some(date) => wall.saturating_add(expires.saturating_since(date)),
                None => expires,
            });
        }
    }
    Some(cookie)
}

fn max_age(value: &str) -> Option<Duration> {
    if value.strip_prefix('-').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some(Duration::ZERO);
    }
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01 00:00 UTC.
    const WALL: FileTime = FileTime::from_intervals(134_117_856_000_000_000);

    fn at(url: &str) -> (Origin, String) {
        Origin::from_url(url).unwrap()
    }

    /// What goes to `to` after `from` has set these.
    fn sent(from: &str, set: &[&str], to: &str) -> Option<String> {
        let mut jar = Jar::default();
        let (origin, target) = at(from);
        for value in set {
            jar.store(&ClientLimits::default(), &origin, &target, value.as_bytes(), WALL, None).unwrap();
        }
        let (origin, target) = at(to);
        jar.header(&origin, &target, WALL)
    }

    const ENDPOINT: &str = "https://mail.test/mapi/emsmdb/?MailboxId=x";

    /// [RFC 6265] 5.1.4 and 5.4, but for the letter case of the path.
    #[test]
    fn where_a_cookie_goes() {
        for (set, to, goes) in [
            ("a=1", ENDPOINT, true),
            ("a=1; path=/", ENDPOINT, true),
            ("a=1; path=/mapi/", ENDPOINT, true),
            ("a=1; Path=/mapi/emsmdb", ENDPOINT, true),
            ("a=1; path=/mapi/emsmdb/", ENDPOINT, true),
            ("a=1; path=/MAPI/EMSMDB", ENDPOINT, true),
            ("a=1; path=elsewhere", ENDPOINT, true),
            ("a=1; path=/mapi/emsmdb/?MailboxId=x", ENDPOINT, false),
            ("a=1; path=/mapi/ems", ENDPOINT, false),
            ("a=1; path=/mapi/nspi", ENDPOINT, false),
            ("a=1; path=/mapi/emsmdb/deeper", ENDPOINT, false),
            ("a=1", "https://mail.test/mapi/nspi/", false),
            ("a=1; path=/", "https://mail.test/mapi/nspi/", true),
            ("a=1; path=/", "https://MAIL.test/", true),
            ("a=1; path=/", "https://other.test/", false),
            ("a=1; path=/; domain=test", "https://other.test/", false),
            ("a=1; path=/; secure", "http://mail.test/", false),
            ("a=1; path=/", "http://mail.test/", true),
        ] {
            assert_eq!(sent(ENDPOINT, &[set], to).is_some(), goes, "{set} to {to}");
        }
    }

    #[test]
    fn what_is_stored() {
        for (set, header) in [
            (&["a=1", "b=2; x", "c = 3 "][..], Some("a=1; b=2; c=3")),
            (&["a=1; path=/", "a=2; path=/mapi"], Some("a=2")),
            (&["a=1", "A=2"], Some("a=1; A=2")),
            (&["a=b=c; httponly"], Some("a=b=c")),
            (&["a=\"quoted\""], Some("a=\"quoted\"")),
            (&["a=1", "a="], None),
            (&["a=1", "a=; path=/"], None),
            (&["a=1", "a=2; max-age=0"], None),
            (&["a=1", "a=2; max-age=-5"], None),
            (&["a=1", "a=2; expires=Thu, 01-Jan-1970 00:00:00 GMT"], None),
            (&["a=1; max-age=x"], Some("a=1")),
            (&["a=1; max-age=99999999999999999999"], Some("a=1")),
            (&["a=1; expires=never"], Some("a=1")),
            (&["", "=1", "noequals", "; path=/", "a\u{1}=1", "a=1\u{7f}"], None),
        ] {
            assert_eq!(sent(ENDPOINT, set, ENDPOINT).as_deref(), header, "{set:?}");
        }
        let mut jar = Jar::default();
        let (origin, target) = at(ENDPOINT);
        jar.store(&ClientLimits::default(), &origin, &target, b"a=\xFF", WALL, None).unwrap();
        assert!(jar.is_empty());
    }

    /// `Expires` counts from the response's own Date: a server whose clock is a year behind sets cookies that last.
    #[test]
    fn expiry_is_a_span_where_the_response_has_a_date() {
        let mut jar = Jar::default();
        let (origin, target) = at(ENDPOINT);
        let date = parse_http_date(b"Wed, 01 Jan 2025 00:00:00 GMT");
        let set = b"a=1; expires=Wed, 01-Jan-2025 00:10:00 GMT";
        jar.store(&ClientLimits::default(), &origin, &target, set, WALL, date).unwrap();
        let after = |minutes: u64| WALL.saturating_add(Duration::from_secs(minutes * 60));
        assert!(jar.header(&origin, &target, after(9)).is_some());
        assert!(jar.header(&origin, &target, after(10)).is_none());
    }

    #[test]
    fn limits() {
        let limits = ClientLimits { cookies: 2, cookie_bytes: 10, ..ClientLimits::default() };
        let mut jar = Jar::default();
        let (origin, target) = at(ENDPOINT);
        let mut store = |text: &str| jar.store(&limits, &origin, &target, text.as_bytes(), WALL, None);
        assert_eq!(store("a=123456789"), Ok(()));
        assert_eq!(store("a=1234567890"), Err(TooManyCookies));
        assert_eq!(store("b=1"), Ok(()));
        assert_eq!(store("c=1"), Err(TooManyCookies));
        assert_eq!(store("b=2"), Ok(()), "in the place of the other");
    }
}
