//! oxwire-http: URLs, heads, bodies, connections.

use oxwire::http::Origin;

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("http_url", http_url)];

/// A URL that is accepted names an origin whose own URL names the same origin, and a target that starts with `/`.
pub fn http_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok((origin, target)) = Origin::from_url(text) else { return };
    assert!(target.starts_with('/'), "{target:?}");
    let again = format!("{}://{}{target}", origin.scheme.as_str(), origin.authority());
    assert_eq!(Origin::from_url(&again).as_ref(), Ok(&(origin, target)), "{again:?}");
}
