//! `WWW-Authenticate` and `Proxy-Authenticate`: lists of challenges ([RFC 9110] 11.6.1), read as views and written.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};

/// Standard base64; padding is written and not asked for, since some peers leave it out.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One challenge of a list, as a view: a scheme with a token68, with parameters, or alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Challenge<'h> {
    scheme: &'h str,
    rest: &'h [u8],
}

/// The token is not shown: it is part of a handshake.
impl fmt::Debug for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_struct("Challenge");
        map.field("scheme", &self.scheme).field("token", &self.token().is_some());
        for param in self.params() {
            map.field("param", &format_args!("{}={}", param.name, param.value.escape_ascii()));
        }
        map.finish()
    }
}

/// One parameter of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param<'h> {
    /// The name as it stands; it counts in any letter case.
    pub name: &'h str,
    /// The value, without quotes and their escapes.
    pub value: Cow<'h, [u8]>,
}

impl<'h> Challenge<'h> {
    /// The scheme as it stands; it counts in any letter case.
    #[must_use]
    pub const fn scheme(&self) -> &'h str {
        self.scheme
    }

    /// Whether it is of that scheme.
    #[must_use]
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The token68, where there is one.
    #[must_use]
    pub fn token(&self) -> Option<&'h str> {
        let data = self.rest.trim_end_matches_byte(b',');
        let unpadded = data.trim_end_matches_byte(b'=');
        let is_token68 = !unpadded.is_empty() && unpadded.iter().all(|b| is_token68(*b));
        if is_token68 { std::str::from_utf8(data).ok() } else { None }
    }

    /// The token68 decoded from base64; `None` without one, and for what is not base64 or decodes to more than `max` bytes.
    #[must_use]
    pub fn token_bytes(&self, max: usize) -> Option<Vec<u8>> {
        // What base64 takes is a token68 unless it is empty.
        let data = self.rest.trim_end_matches_byte(b',');
        if data.is_empty() { None } else { decode_token(data, max) }
    }

    /// The parameters in order; what is not `name=value` is left out.
    pub fn params(&self) -> impl Iterator<Item = Param<'h>> + use<'h> {
        let rest = if self.token().is_some() { &[][..] } else { self.rest };
        Elements { rest }.filter_map(|element| {
            let (name, after) = split_token(element)?;
            let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
            Some(Param { name, value: unquote(value) })
        })
    }

    /// The first parameter of that name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'h, [u8]>> {
        self.params().find(|param| param.name.eq_ignore_ascii_case(name)).map(|param| param.value)
    }
}

/// The challenges of one header value, in order, unknown schemes kept. What is no challenge is left out: a peer's slip in
/// one challenge does not hide the others.
pub fn challenges(value: &[u8]) -> impl Iterator<Item = Challenge<'_>> {
    let mut elements = Elements { rest: value };
    std::iter::from_fn(move || {
        loop {
            let element = elements.next()?;
            let Some((scheme, after)) = split_token(element) else { continue };
            if !after.is_empty() && !after.starts_with(b" ") && !after.starts_with(b"\t") {
                continue;
            }
            // Its data goes on over the elements that are parameters.
            let start = after.trim_ascii_start();
            let begin = (start.as_ptr() as usize).wrapping_sub(value.as_ptr() as usize);
            let mut end = begin.saturating_add(start.len());
            loop {
                let mut ahead = elements.clone();
                match ahead.next() {
                    Some(next) if !start.is_empty() && is_param(next) => {
                        end = (next.as_ptr() as usize).wrapping_sub(value.as_ptr() as usize).saturating_add(next.len());
                        elements = ahead;
                    }
                    _ => break,
                }
            }
            return Some(Challenge { scheme, rest: value.get(begin..end).unwrap_or_default() });
        }
    })
}

/// Elements of a list, at commas outside of quotes, trimmed; empty ones are left out ([RFC 9110] 5.6.1).
#[derive(Clone)]
struct Elements<'h> {
    rest: &'h [u8],
}

impl<'h> Iterator for Elements<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (mut quoted, mut escaped) = (false, false);
            let plain = plain_len(self.rest);
            let comma = self.rest.iter().skip(plain).position(|byte| {
                let was_escaped = std::mem::take(&mut escaped);
                match byte {
                    _ if was_escaped => {}
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    b',' => return !quoted,
                    _ => {}
                }
                false
            });
            let (element, rest) = match comma.map(|at| plain + at) {
                Some(at) => (self.rest.get(..at)?, self.rest.get(at + 1..)?),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

/// How much at the beginning is surely neither a comma nor quoted: whole blocks, which are looked at without a branch for each
/// byte. Nearly all of a header value is one token68.
fn plain_len(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let is_plain = |block: &&[u8; BLOCK]| !block.iter().fold(false, |found, byte| found | matches!(byte, b',' | b'"'));
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    blocks.iter().take_while(is_plain).count() * BLOCK
}

/// A leading token, and what stands behind it.
fn split_token(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let len = bytes.iter().position(|byte| !is_tchar(*byte)).unwrap_or(bytes.len());
    let (token, after) = bytes.split_at_checked(len)?;
    let token = std::str::from_utf8(token).ok()?;
    if token.is_empty() { None } else { Some((token, after)) }
}

fn is_param(element: &[u8]) -> bool {
    split_token(element).is_some_and(|(_, after)| after.trim_ascii_start().starts_with(b"="))
}

const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

const fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// A quoted-string without its quotes and escapes, or the bytes as they are. One that never ends goes to the end.
fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = value.strip_prefix(b"\"") else { return Cow::Borrowed(value) };
    if !inner.contains(&b'\\') {
        let end = inner.iter().position(|byte| *byte == b'"').unwrap_or(inner.len());
        return Cow::Borrowed(inner.get(..end).unwrap_or_default());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => out.extend(bytes.next()),
            byte => out.push(*byte),
        }
    }
    Cow::Owned(out)
}

trait TrimEnd {
    fn trim_end_matches_byte(&self, byte: u8) -> &Self;
}

impl TrimEnd for [u8] {
    fn trim_end_matches_byte(&self, byte: u8) -> &Self {
        let mut bytes = self;
        while let Some(shorter) = bytes.strip_suffix(&[byte]) {
            bytes = shorter;
        }
        bytes
    }
}

/// Base64 of at most `max` bytes once decoded.
pub(crate) fn decode_token(token: &[u8], max: usize) -> Option<Vec<u8>> {
    if token.len() / 4 > max / 3 + 1 {
        return None;
    }
    BASE64.decode(token).ok().filter(|bytes| bytes.len() <= max)
}

/// A scheme and a base64 token: `NTLM TlRMTVNTUAAB…`. The value of a challenge as well as of `Authorization`.
#[must_use]
pub fn token_value(scheme: &str, token: &[u8]) -> String {
    let mut out = String::with_capacity(scheme.len() + 1 + token.len() / 3 * 4 + 4);
    out.push_str(scheme);
    out.push(' ');
    BASE64.encode_string(token, &mut out);
    out
}

/// A challenge with parameters, each value as a quoted-string: `Basic realm="mail", charset="UTF-8"`. The scheme alone when there
/// are none. Control characters in values are left out: they would break the head.
#[must_use]
pub fn param_value(scheme: &str, params: &[(&str, &str)]) -> String {
    let mut out = scheme.to_owned();
    for (index, (name, value)) in params.iter().enumerate() {
        out.push_str(if index == 0 { " " } else { ", " });
        out.push_str(name);
        out.push_str("=\"");
        for c in value.chars().filter(|c| !c.is_control()) {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
    out
}

/// A challenge as it travels in an event: scheme and parameters, never the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The scheme as it stands.
    pub scheme: Box<str>,
    /// The parameters in order; bytes that are not UTF-8 as U+FFFD.
    pub params: Vec<(Box<str>, Box<str>)>,
}

impl Offer {
    /// The first parameter of that name, in any letter case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

impl From<Challenge<'_>> for Offer {
    fn from(challenge: Challenge<'_>) -> Self {
        let text = |param: Param<'_>| (param.name.into(), String::from_utf8_lossy(&param.value).into());
        Self { scheme: challenge.scheme.into(), params: challenge.params().map(text).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scheme, token, parameters, written as `scheme[:token][ name=value]…`.
    fn shown(value: &str) -> Vec<String> {
        let show = |c: Challenge<'_>| {
            let token = c.token().map(|t| format!(":{t}")).unwrap_or_default();
            let params: String =
                c.params().map(|p| format!(" {}={}", p.name, String::from_utf8_lossy(&p.value))).collect();
            format!("{}{token}{params}", c.scheme())
        };
        challenges(value.as_bytes()).map(show).collect()
    }

    /// By the grammar of [RFC 9110] 11.2, 11.6.1 and 5.6.1; the first is its own example in 11.6.1.
    #[test]
    fn lists_of_challenges() {
        for (value, expected) in [
            (
                r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#,
                &["Basic realm=simple", "Newauth realm=apps type=1 title=Login to \"apps\""][..],
            ),
            ("NTLM", &["NTLM"]),
            ("Negotiate, NTLM", &["Negotiate", "NTLM"]),
            ("Negotiate,NTLM,Basic realm=\"a,b\"", &["Negotiate", "NTLM", "Basic realm=a,b"]),
            ("NTLM TlRMTVNTUAACAAAA", &["NTLM:TlRMTVNTUAACAAAA"]),
            ("NTLM TlRMTVNTUAAC==, Basic realm=x", &["NTLM:TlRMTVNTUAAC==", "Basic realm=x"]),
            ("ntlm a=", &["ntlm:a="]),
            ("X a=b", &["X a=b"]),
            ("X a = b , c = \"d\"", &["X a=b c=d"]),
            (" , ,Basic realm=\"x\",, ,NTLM,", &["Basic realm=x", "NTLM"]),
            ("Basic realm=\"unterminated, NTLM", &["Basic realm=unterminated, NTLM"]),
            ("Basic realm=\"\"", &["Basic realm="]),
            ("Basic  realm=\"x\"", &["Basic realm=x"]),
            ("Basic\trealm=\"x\"", &["Basic realm=x"]),
            ("\"what\", NTLM", &["NTLM"]),
            ("=x, NTLM", &["NTLM"]),
            ("realm=\"lost\", NTLM", &["NTLM"]),
            ("", &[]),
            (
                "Bearer client_id=\"00000002\", trusted_issuers=\"0@*\", token_types=\"app_asserted_user_v1\", authorization_uri=\"https://login.test/common\"",
                &[
                    "Bearer client_id=00000002 trusted_issuers=0@* token_types=app_asserted_user_v1 authorization_uri=https://login.test/common",
                ],
            ),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let value = param_value("Basic", &[("realm", "a \"b\" \\ c, d"), ("charset", "UTF-8")]);
        assert_eq!(value, r#"Basic realm="a \"b\" \\ c, d", charset="UTF-8""#);
        assert_eq!(shown(&value), ["Basic realm=a \"b\" \\ c, d charset=UTF-8"]);
        assert_eq!(param_value("NTLM", &[]), "NTLM");
        assert!(!param_value("Basic", &[("realm", "a\r\nb")]).contains('\n'));
        let value = token_value("NTLM", b"NTLMSSP\0");
        let challenge = challenges(value.as_bytes()).next().unwrap();
        assert_eq!(challenge.token_bytes(8).unwrap(), b"NTLMSSP\0");
        assert_eq!(challenge.token_bytes(7), None, "held against the limit");
        assert!(challenge.is("ntlm"));
    }

    #[test]
    fn a_token_without_its_padding_is_read() {
        for value in ["NTLM YWI=", "NTLM YWI"] {
            assert_eq!(challenges(value.as_bytes()).next().unwrap().token_bytes(10).unwrap(), b"ab", "{value}");
        }
        for none in ["NTLM a.b", "NTLM", "NTLM =", "NTLM ==,", "NTLM YWI====", "NTLM a=b", "NTLM YW=I"] {
            assert_eq!(challenges(none.as_bytes()).next().unwrap().token_bytes(10), None, "{none}");
        }
    }

    #[test]
    fn commas_and_quotes_count_wherever_they_stand() {
        for before in 0..100 {
            let realm = "r".repeat(before);
            let value = format!("Basic realm=\"{realm},\\\",\",type={realm}, NTLM");
            let expected = [format!("Basic realm={realm},\", type={realm}"), "NTLM".to_owned()];
            assert_eq!(shown(&value), expected);
        }
    }

    #[test]
    fn the_token_is_not_shown() {
        let shown = format!("{:?}", challenges(b"NTLM TlRMTVNTUAACAAAA").next().unwrap());
        assert!(!shown.contains("TlRM"), "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_and_end(value: Vec<u8>) {
            for challenge in challenges(&value).chain(challenges(b"")) {
                let _ = (challenge.token(), challenge.token_bytes(100), challenge.params().count());
            }
        }

        #[test]
        fn what_base64_takes_is_a_token68(value in "X [a-dW-Z+/=., -]{0,12}") {
            for challenge in challenges(value.as_bytes()) {
                let token = challenge.token().and_then(|token| decode_token(token.as_bytes(), 100));
                proptest::prop_assert_eq!(challenge.token_bytes(100), token);
            }
        }

        #[test]
        fn parameters_round_trip(values in proptest::collection::vec("[ -~]{0,12}", 1..5)) {
            let params: Vec<_> = values.iter().map(|v| ("name", v.as_str())).collect();
            let text = format!("{}, {}", param_value("Scheme", &params), param_value("Other", &[("x", "y")]));
            let read: Vec<_> = challenges(text.as_bytes()).collect();
            proptest::prop_assert_eq!(read.len(), 2);
            let back: Vec<_> = read[0].params().map(|p| String::from_utf8(p.value.into_owned()).unwrap()).collect();
            proptest::prop_assert_eq!(back, values);
        }
    }
}
