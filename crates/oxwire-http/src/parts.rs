//! Heads as the types of the `http` crate, and back; the request targets that proxies want.
//!
//! The `http` crate keeps names in lower case and no order between different names: on the way back the names get the
//! specifications' spelling ([`canonical_name`](crate::canonical_name)), and fields of one name keep their order.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::head::is_secret;
use crate::names::name;
use crate::{Fields, HeadBuilder, HeadError, Origin, RequestHead, ResponseHead, Scheme, Version};

/// The reason phrase of a response, kept in the extensions of [`http::response::Parts`], which have no place of their own for
/// it. These protocols give it a meaning (`Success`, `RPC Error: 6ba`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub Bytes);

impl Fields {
    /// As a [`HeaderMap`]. Values share the head's bytes; those that authenticate are marked sensitive.
    ///
    /// # Errors
    /// [`HeadError::Foreign`] for what the `http` crate cannot hold.
    pub fn to_header_map(&self) -> Result<HeaderMap, HeadError> {
        let mut map = HeaderMap::with_capacity(self.len());
        for (name, value) in self.iter() {
            let mut value = HeaderValue::from_maybe_shared(self.shared(value)).map_err(|_| foreign("field value"))?;
            value.set_sensitive(is_secret(name));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| foreign("field name"))?;
            map.try_append(name, value).map_err(|_| foreign("number of fields"))?;
        }
        Ok(map)
    }

    /// From a [`HeaderMap`], as the fields of a trailer section.
    ///
    /// # Errors
    /// [`HeadError`] for a value with control characters.
    pub fn from_header_map(map: &HeaderMap) -> Result<Self, HeadError> {
        Self::from_pairs(map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
    }
}

impl RequestHead {
    /// As the parts of an [`http::Request`].
    ///
    /// # Errors
    /// [`HeadError::Foreign`] for what the `http` crate cannot hold.
    pub fn to_parts(&self) -> Result<http::request::Parts, HeadError> {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = Method::from_bytes(self.method().as_bytes()).map_err(|_| foreign("method"))?;
        parts.uri = self.target().parse().map_err(|_| foreign("request target"))?;
        parts.version = to_version(self.version());
        parts.headers = self.fields().to_header_map()?;
        Ok(parts)
    }

    /// From the parts of an [`http::Request`]. The target is the path with its query, or for CONNECT the authority; `Host` is
    /// put in front when the URI names one and the headers do not. A version other than HTTP/1.0 becomes HTTP/1.1.
    ///
    /// # Errors
    /// [`HeadError`] for what would not parse on the other side.
    pub fn from_parts(parts: &http::request::Parts) -> Result<Self, HeadError> {
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        let target = match authority {
            Some(authority) if parts.method == Method::CONNECT => authority,
            _ => path_of(&parts.uri),
        };
        let mut builder = Self::builder(parts.method.as_str(), target).version(from_version(parts.version));
        if let (Some(authority), false) = (authority, parts.headers.contains_key(http::header::HOST)) {
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            builder = builder.field(name::HOST, host);
        }
        with_headers(builder, &parts.headers).request()
    }

    /// Begins a CONNECT through a forward proxy to `origin`. Its `Proxy-Authorization` is the caller's to add; a 407 comes
    /// back as a response head, a 2xx turns the connection into a tunnel.
    #[must_use]
    pub fn connect(origin: &Origin) -> HeadBuilder {
        let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.to_string() };
        let authority = format!("{host}:{}", origin.port);
        Self::builder("CONNECT", &authority).field(name::HOST, &authority)
    }

    /// The same head with its target in the absolute form, for `http` through a forward proxy ([RFC 9112] 3.2.2).
    ///
    /// # Errors
    /// [`HeadError`] when the target is neither a path nor `*`.
    pub fn to_absolute_form(&self, origin: &Origin) -> Result<Self, HeadError> {
        if origin.scheme != Scheme::Http {
            return Err(HeadError::Url { what: "https goes through a proxy by CONNECT" });
        }
        let target = match self.target() {
            "*" => origin.to_string(),
            path if path.starts_with('/') => format!("{origin}{path}"),
            _ => return Err(HeadError::Url { what: "the target is no path" }),
        };
        self.to_builder().target(&target).request()
    }
}

impl ResponseHead {
    /// As the parts of an [`http::Response`], the reason phrase as a [`Reason`] in their extensions.
    ///
    /// # Errors
    /// [`HeadError::Foreign`] for what the `http` crate cannot hold.
    pub fn to_parts(&self) -> Result<http::response::Parts, HeadError> {
        let (mut parts, ()) = http::Response::new(()).into_parts();
        parts.status = StatusCode::from_u16(self.status()).map_err(|_| foreign("status"))?;
        parts.version = to_version(self.version());
        parts.headers = self.fields().to_header_map()?;
        parts.extensions.insert(Reason(self.fields().shared(self.reason())));
        Ok(parts)
    }

    /// From the parts of an [`http::Response`]. The reason phrase is the [`Reason`] in their extensions, or the status' own.
    ///
    /// # Errors
    /// [`HeadError`] for what would not parse on the other side.
    pub fn from_parts(parts: &http::response::Parts) -> Result<Self, HeadError> {
        let own = parts.status.canonical_reason().unwrap_or_default();
        let reason = parts.extensions.get::<Reason>().map_or(own.as_bytes(), |reason| &reason.0);
        let builder = Self::builder(parts.status.as_u16(), "").reason(reason).version(from_version(parts.version));
        with_headers(builder, &parts.headers).response()
    }
}

fn with_headers(builder: HeadBuilder, headers: &HeaderMap) -> HeadBuilder {
    headers.iter().fold(builder, |builder, (name, value)| builder.field(name.as_str(), value.as_bytes()))
}

fn path_of(uri: &Uri) -> &str {
    match uri.path_and_query() {
        Some(path) if !path.as_str().is_empty() => path.as_str(),
        _ => "/",
    }
}

const fn foreign(what: &'static str) -> HeadError {
    HeadError::Foreign { what }
}

const fn to_version(version: Version) -> http::Version {
    match version {
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
    }
}

fn from_version(version: http::Version) -> Version {
    if version == http::Version::HTTP_10 { Version::Http10 } else { Version::Http11 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_the_way_there_and_back() {
        let head = RequestHead::builder("POST", "/mapi/emsmdb/?MailboxId=a@b")
            .field("Host", "mail.test")
            .field("Cookie", "a=b")
            .field("Cookie", "c=d")
            .field("X-RequestId", "{A}:1")
            .request()
            .unwrap();
        let parts = head.to_parts().unwrap();
        assert_eq!(parts.headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=b", "c=d"]);
        assert!(parts.headers["cookie"].is_sensitive());
        assert_eq!(RequestHead::from_parts(&parts).unwrap().as_bytes(), head.as_bytes());
    }

    #[test]
    fn a_response_keeps_its_reason_and_its_challenges_in_order() {
        let head = ResponseHead::builder(401, "Zugriff verweigert")
            .field("www-authenticate", "Negotiate")
            .field("WWW-Authenticate", "NTLM")
            .field("Set-Cookie", "a=b")
            .field("Set-Cookie", "c=d")
            .response()
            .unwrap();
        assert_eq!(ResponseHead::from_parts(&head.to_parts().unwrap()).unwrap().as_bytes(), head.as_bytes());
        let (bare, ()) = http::Response::builder().status(204).body(()).unwrap().into_parts();
        assert_eq!(ResponseHead::from_parts(&bare).unwrap().as_bytes(), "HTTP/1.1 204 No Content\r\n\r\n");
    }

    #[test]
    fn the_host_comes_from_the_uri() {
        let (parts, ()) = http::Request::get("https://u@mail.test:444/a?b").body(()).unwrap().into_parts();
        let head = RequestHead::from_parts(&parts).unwrap();
        assert_eq!(head.as_bytes(), "GET /a?b HTTP/1.1\r\nHost: mail.test:444\r\n\r\n");
    }

    #[test]
    fn targets_for_proxies() {
        let (origin, target) = Origin::from_url("https://[::1]/rpc").unwrap();
        let connect = RequestHead::connect(&origin).field("Proxy-Authorization", "Basic eDp5").request().unwrap();
        assert_eq!(
            connect.as_bytes(),
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
        );
        assert!(connect.to_absolute_form(&origin).is_err());
        let head = RequestHead::builder("GET", &target).field("Host", "mail.test").request().unwrap();
        let (plain, _) = Origin::from_url("http://mail.test:8080/").unwrap();
        assert_eq!(head.to_absolute_form(&plain).unwrap().target(), "http://mail.test:8080/rpc");
        assert!(head.to_absolute_form(&origin).is_err());
        assert!(connect.to_absolute_form(&plain).is_err());
    }
}
