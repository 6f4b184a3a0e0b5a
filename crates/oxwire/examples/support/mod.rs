//! What the examples share: the bodies that they send, entropy, Basic for axum, and a loopback server to talk to.
#![allow(dead_code, reason = "each example uses its part")]

pub(crate) mod basic;
pub(crate) mod loopback;
pub(crate) mod network;

use std::error::Error;
use std::time::SystemTime;

use bytes::Bytes;
use oxwire::core::{FileTime, Limits, Utf16, decode_all, encode_to_bytes};
use oxwire::mapi::mapihttp::{
    ConnectFlags, ConnectRequest, ConnectResponse, ConnectSuccess, DisconnectRequest, DisconnectSuccess,
    ExecuteRequestBuilder, ExecuteSuccessBuilder, NotificationWaitRequest,
};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The user of the loopback server.
pub(crate) const USER: &str = "ada@mail.test";
/// And her password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The system's entropy. A machine that gets none must not go on with guessable values, so neither does this.
#[expect(clippy::expect_used, reason = "without entropy there is nothing safe to do")]
pub(crate) fn entropy(out: &mut [u8]) {
    getrandom::fill(out).expect("the system has entropy");
}

pub(crate) fn wall() -> FileTime {
    FileTime::from_system(SystemTime::now())
}

/// A Connect request body: [MS-OXCMAPIHTTP] 2.2.4.1.1.
pub(crate) fn connect_request() -> Result<Bytes> {
    Ok(encode_to_bytes(&ConnectRequest {
        user_dn: b"/o=oxwire/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=ada",
        flags: ConnectFlags::default(),
        default_code_page: 1252,
        lcid_sort: 1033,
        lcid_string: 1033,
        auxiliary_buffer: &[],
    })?)
}

/// Its success response body: [MS-OXCMAPIHTTP] 2.2.4.1.2.
pub(crate) fn connect_success(display_name: &str) -> Result<Bytes> {
    let name = oxwire::core::utf16_le_bytes(display_name);
    Ok(encode_to_bytes(&ConnectSuccess {
        error_code: 0,
        polls_max: 60_000,
        retry_count: 6,
        retry_delay: 10_000,
        dn_prefix: b"/o=oxwire",
        display_name: Utf16::from_truncated(&name),
        auxiliary_buffer: &[],
    })?)
}

/// What a Connect response says the mailbox is called.
pub(crate) fn display_name(body: &[u8]) -> Result<String> {
    match decode_all::<ConnectResponse<'_>>(body, &Limits::DEFAULT)? {
        ConnectResponse::Success(success) => Ok(success.display_name.to_string()),
        ConnectResponse::Failure(failure) => Err(format!("the server failed the Connect: {failure:?}").into()),
    }
}

/// An Execute request body with an empty ROP list; what there is to say in it, `oxwire::mapi` has the codecs for.
pub(crate) fn execute_request() -> Result<Bytes> {
    Ok(ExecuteRequestBuilder::default().build(2, |w| {
        // RopSize counts itself.
        w.u16_le(2);
        Ok(())
    })?)
}

/// Its success response body.
pub(crate) fn execute_success() -> Result<Bytes> {
    Ok(ExecuteSuccessBuilder::default().build(2, |w| {
        w.u16_le(2);
        Ok(())
    })?)
}

pub(crate) fn notification_wait_request() -> Result<Bytes> {
    Ok(encode_to_bytes(&NotificationWaitRequest::default())?)
}

pub(crate) fn disconnect_request() -> Result<Bytes> {
    Ok(encode_to_bytes(&DisconnectRequest::default())?)
}

pub(crate) fn disconnect_success() -> Result<Bytes> {
    Ok(encode_to_bytes(&DisconnectSuccess::default())?)
}
