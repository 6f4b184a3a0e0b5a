//! Basic inside an axum server, request by request.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Response, StatusCode, header};
use oxwire::auth::read_basic;
use oxwire::core::Principal;

use super::{PASSWORD, USER};

/// This server knows one user. A real one asks its directory, off this task.
pub(crate) fn authenticate(request: &Request) -> Option<Principal> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (user, password) = read_basic(value.strip_prefix("Basic ")?.as_bytes(), 4096).ok()?;
    (user.user().eq_ignore_ascii_case(USER) && password == PASSWORD.into()).then(|| Principal::new(USER))
}

/// What a request without credentials, or with wrong ones, gets.
pub(crate) fn unauthorized() -> Response<Body> {
    let mut response = status(StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"mail\""));
    response
}

/// A response that is its status alone.
pub(crate) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
