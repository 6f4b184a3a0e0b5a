//! Addresses and URLs that a search goes by.

use std::sync::Arc;

use oxwire_http::{Origin, Scheme};

/// Bytes of a URL that is followed.
const MAX_URL: usize = 2048;

/// Bytes of an address: [RFC 5321] 4.5.3.1.
const MAX_ADDRESS: usize = 320;

/// Bytes of a domain.
const MAX_DOMAIN: usize = 253;

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) origin: Origin,
    pub(super) target: String,
}

impl Endpoint {
    /// Takes an absolute URL, in ASCII as [RFC 3986] has it; the host in lower case, so that one origin is one value.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        if url.len() > MAX_URL || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (mut origin, target) = Origin::from_url(url).ok()?;
        if origin.host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            origin.host = origin.host.to_ascii_lowercase().into();
        }
        (origin.port != 0).then_some(Self { origin, target })
    }

    /// Takes a reference as [RFC 3986] 5.2 does, as far as servers send it: absolute, from the host, from the root, or from the
    /// directory of this URL.
    pub(super) fn join(&self, reference: &str) -> Option<Self> {
        let reference = reference.trim();
        if reference.is_empty() {
            return None;
        }
        let scheme = reference.split_once("://").map(|(scheme, _)| scheme);
        if scheme
            .is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))
        {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.origin.scheme.as_str()));
        }
        if reference.starts_with('/') {
            return Self::parse(&format!("{}{reference}", self.origin));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        Self::parse(&format!("{}{directory}/{reference}", self.origin))
    }

    pub(super) fn is_https(&self) -> bool {
        self.origin.scheme == Scheme::Https
    }

    pub(super) fn url(&self) -> String {
        format!("{}{}", self.origin, self.target)
    }
}

/// `https://<host>/autodiscover/autodiscover.xml`, or the same without TLS.
pub(super) fn service(scheme: Scheme, host: &str, port: u16) -> Endpoint {
    let host: Arc<str> = host.to_ascii_lowercase().into();
    Endpoint { origin: Origin { scheme, host, port }, target: "/autodiscover/autodiscover.xml".to_owned() }
}

/// The domain of an address, in lower case; `None` where it is no address that can be asked for.
pub(super) fn domain_of(address: &str) -> Option<String> {
    if address.len() > MAX_ADDRESS || address.chars().any(|c| c.is_control() || c.is_whitespace() || c > '\u{FFFD}') {
        return None;
    }
    let (local, domain) = address.rsplit_once('@')?;
    (!local.is_empty() && is_host(domain)).then(|| domain.to_ascii_lowercase())
}

/// Whether a text is a host name.
pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() < 64
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= MAX_DOMAIN && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let base = Endpoint::parse("https://Mail.Example.com/autodiscover/autodiscover.xml?x=/y").unwrap();
        for (reference, expected) in [
            ("https://other.example/a", Some("https://other.example/a")),
            ("HTTPS://OTHER.example:444/A?b#c", Some("https://other.example:444/A?b")),
            ("//other.example/a", Some("https://other.example/a")),
            ("/a/b", Some("https://mail.example.com/a/b")),
            ("a.xml", Some("https://mail.example.com/autodiscover/a.xml")),
            (" http://other.example ", Some("http://other.example/")),
            ("", None),
            ("ftp://other.example/", None),
            ("https://user:pw@other.example/", None),
            ("https://other.example:0/", None),
            ("https:///a", None),
            ("/caf\u{e9}", None),
            ("/a\u{9a}b", None),
            ("/a b", None),
        ] {
            assert_eq!(base.join(reference).map(|endpoint| endpoint.url()).as_deref(), expected, "{reference}");
        }
        assert_eq!(base.join(&format!("/{}", "a".repeat(MAX_URL))), None);
    }

    #[test]
    fn domains() {
        assert_eq!(domain_of("Kim@Example.COM").as_deref(), Some("example.com"));
        assert_eq!(domain_of("\"a@b\"@example.com").as_deref(), Some("example.com"));
        for address in
            ["", "kim", "kim@", "@example.com", "kim@a..b", "kim@a/b", "kim@[::1]", "k\rim@a.b", "k im@a.b", "kim@ä.de"]
        {
            assert_eq!(domain_of(address), None, "{address}");
        }
        assert_eq!(domain_of(&format!("{}@a.b", "k".repeat(320))), None);
    }
}
