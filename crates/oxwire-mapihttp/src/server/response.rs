//! What a response is made of: its head, the meta-tags, the additional headers. [MS-OXCMAPIHTTP] 2.2.2.2, 2.2.3, 2.2.7.

use std::time::Duration;

use bytes::Bytes;
use oxwire_core::{FileTime, encode_to_bytes};
use oxwire_http::{HeadBuilder, HeadError, ResponseHead, name};
use oxwire_mapi::mapihttp::{DoneHead, MetaTag, ResponseCode};

use super::cookie::{CONTEXT_COOKIE, ContextCookie, SEQUENCE_COOKIE, Sequence};
use super::request::Echo;
use super::{Refusal, ServerConfig};
use crate::{CONTENT_TYPE_DIAGNOSTICS, CONTENT_TYPE_MAPI};

/// The cookies that a head sets.
pub(crate) struct SetCookies<'a> {
    pub(crate) context: &'a ContextCookie,
    /// Renewed by requests that take part in the sequence.
    pub(crate) sequence: Option<Sequence>,
}

/// The head of a response whose X-ResponseCode is 0: chunked, since what follows is not known yet (R1230).
pub(crate) fn accepted(
    config: &ServerConfig,
    echo: &Echo,
    cookies: Option<&SetCookies<'_>>,
) -> Result<ResponseHead, HeadError> {
    let mut head = common(config, echo, ResponseCode::SUCCESS, CONTENT_TYPE_MAPI)
        .field(name::TRANSFER_ENCODING, "chunked")
        .field(name::X_PENDING_PERIOD, config.pending_period.as_millis().to_string());
    if let Some(cookies) = cookies {
        let attributes = attributes(config);
        let context = cookies.context.to_text();
        head = head.field(name::SET_COOKIE, format!("{CONTEXT_COOKIE}={context}{attributes}"));
        if let Some(sequence) = cookies.sequence {
            head = head.field(name::SET_COOKIE, format!("{SEQUENCE_COOKIE}={sequence}{attributes}"));
        }
    }
    head.response()
}

/// The head of a refusal, with the length of its text.
pub(crate) fn refused(
    config: &ServerConfig,
    echo: &Echo,
    refusal: Refusal,
    len: usize,
) -> Result<ResponseHead, HeadError> {
    common(config, echo, refusal.code(), CONTENT_TYPE_DIAGNOSTICS)
        .field(name::CONTENT_LENGTH, len.to_string())
        .response()
}

fn common(config: &ServerConfig, echo: &Echo, code: ResponseCode, content_type: &str) -> HeadBuilder {
    let mut head = ResponseHead::builder(200, "OK")
        .field(name::CACHE_CONTROL, "private")
        .field(name::CONTENT_TYPE, content_type)
        .field(name::X_REQUEST_TYPE, &echo.request_type)
        .field(name::X_RESPONSE_CODE, code.number().to_string())
        .field(name::X_REQUEST_ID, &echo.request_id);
    if !echo.client_info.is_empty() {
        head = head.field(name::X_CLIENT_INFO, &echo.client_info);
    }
    head.field(name::X_SERVER_APPLICATION, &config.server_application)
        .field(name::X_EXPIRATION_INFO, config.table.lifetime.as_millis().to_string())
}

fn attributes(config: &ServerConfig) -> String {
    let secure = if config.secure_cookies { "; secure" } else { "" };
    format!("; path={}{secure}; HttpOnly", config.cookie_path)
}

/// DONE and the additional headers; the body stands directly behind (R2231).
pub(crate) fn done(start_time: FileTime, elapsed_time: Duration, failure: Option<Refusal>) -> Bytes {
    let head = DoneHead {
        response_code: failure.map(Refusal::code),
        content_type: failure.map(|_| CONTENT_TYPE_DIAGNOSTICS),
        elapsed_time,
        start_time,
        further: &[],
    };
    // Only a header of the caller's could be refused, and there is none.
    encode_to_bytes(&head).unwrap_or_else(|_| MetaTag::Done.to_bytes())
}

/// The text of a refusal as `text/html`.
pub(crate) fn diagnostic(refusal: Refusal, detail: &str) -> Bytes {
    let mut escaped = String::with_capacity(detail.len());
    for c in detail.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            c => escaped.push(c),
        }
    }
    let code = refusal.code().number();
    Bytes::from(format!(
        "<html><head><title>X-ResponseCode {code}</title></head><body><p>X-ResponseCode {code}: {escaped}</p></body></html>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_are_text_and_not_markup() {
        let text = diagnostic(Refusal::NoPrivilege, "<script>&");
        assert!(text.ends_with(b"<p>X-ResponseCode 11: &lt;script&gt;&amp;</p></body></html>"));
    }
}
