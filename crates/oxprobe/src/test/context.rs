//! Authentication, Connect and Disconnect.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{EncodeError, Limits, decode_all, encode_to_bytes};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxBlocks};
use oxwire::mapi::mapihttp::{ConnectFlags, ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rpc_header_ext::ExtendedBuffer;
use oxwire::mapihttp::client::{RequestHandle, Response};

use super::advice;
use super::authentication::Handshake;
use super::session::{Session, rejection, undecodable};
use super::stack::Happening;
use crate::report::{Facts, Failure};

/// Code page and locale of the session: UTF-8 is none of MAPI's, so Western European, and United States English.
pub(super) const CODE_PAGE: u32 = 1252;
pub(super) const LCID: u32 = 0x0409;

/// Sends the Connect, whose answer ends the authentication.
///
/// # Errors
/// The machine does not take it.
pub(crate) fn begin_connect(session: &mut Session, user_dn: &str) -> Result<RequestHandle, Failure> {
    let unsendable = |error: EncodeError| {
        Failure::new(
            "a --user-dn that can be sent",
            error.to_string(),
            "take --user-dn from Autodiscover as it stands there",
        )
    };
    let auxiliary = session.packing.connect_auxiliary().map_err(unsendable)?;
    let request = ConnectRequest {
        user_dn: user_dn.as_bytes(),
        flags: ConnectFlags::NONE,
        default_code_page: CODE_PAGE,
        lcid_sort: LCID,
        lcid_string: LCID,
        auxiliary_buffer: &auxiliary,
    };
    let body = encode_to_bytes(&request).map_err(unsendable)?;
    session.driver.stack.machine.connect(Instant::now(), body).map_err(|rejected| rejection("Connect", &rejected))
}

/// Waits until the server has accepted, or refused, who we are. The Connect's own outcome stays for the next step.
///
/// # Errors
/// The refusal, or what kept the request from being answered at all.
pub(crate) async fn authentication(session: &mut Session, connect: RequestHandle) -> Result<Facts, Failure> {
    let mut handshake = Handshake::default();
    loop {
        if session.holds(connect) {
            if let Some(failure) = handshake.failed {
                return Err(failure);
            }
            // No challenge was answered: nobody asked, or the request did not come so far, which the next step tells.
            return match session.refusal_by_status(connect, 401) {
                Some(failure) => Err(failure),
                None => Ok(Facts::new().with("scheme", "none was asked for")),
            };
        }
        let Some(Happening::Auth(event)) = session.next().await? else { continue };
        if let Some(end) = handshake.take(event, session.driver.stack.auth.binding_problem()) {
            return end;
        }
    }
}

/// Waits for the answer to the Connect.
///
/// # Errors
/// What came instead.
pub(crate) async fn connect(session: &mut Session, handle: RequestHandle) -> Result<Facts, Failure> {
    let response = session.response(handle).await?;
    let facts = headers(&response);
    let body: Bytes = response.body.into_bytes();
    let decoded: Result<ConnectResponse<'_>, _> = decode_all(&body, &Limits::DEFAULT);
    match decoded {
        Ok(ConnectResponse::Success(success)) if success.error_code == 0 => {
            let facts = facts
                .with("display name", success.display_name.to_string())
                .with("DN prefix", String::from_utf8_lossy(success.dn_prefix).into_owned())
                .with("retries", success.retry_count)
                .with("retry delay ms", success.retry_delay);
            session.packing.received(success.auxiliary_buffer);
            Ok(facts.with("auxiliary blocks", auxiliary(success.auxiliary_buffer)))
        }
        Ok(ConnectResponse::Success(success)) => {
            let code = ErrorCode(success.error_code);
            Err(Failure::new("ErrorCode 0 to Connect", format!("ErrorCode {code}"), advice::of_error(code))
                .with_facts(facts))
        }
        Ok(ConnectResponse::Failure(failure)) => {
            let code = ErrorCode(failure.status_code);
            Err(Failure::new("StatusCode 0 to Connect", format!("StatusCode {code}"), advice::of_error(code))
                .with_facts(facts))
        }
        Err(error) => Err(undecodable("Connect", &error)),
    }
}

/// What the response's headers tell of the server.
fn headers(response: &Response) -> Facts {
    let text = |name| response.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
    Facts::new()
        .with_some("server", text("X-ServerApplication"))
        .with_some("front end", text("X-FEServer"))
        .with_some("back end", text("X-BEServer"))
        .with_some("expires after ms", response.number("X-ExpirationInfo"))
        .with_some("pending period ms", response.number("X-PendingPeriod"))
        .with("cookies", cookie_names(response))
}

/// Names only: a context cookie is as good as a password while the context lives.
fn cookie_names(response: &Response) -> Vec<String> {
    let fields = response.head.fields();
    let names = fields.all("Set-Cookie").filter_map(|value| value.split(|byte| *byte == b'=').next());
    names.map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect()
}

/// The auxiliary blocks of an extended buffer, by name.
pub(super) fn auxiliary(buffer: &[u8]) -> Vec<String> {
    if buffer.is_empty() {
        return Vec::new();
    }
    let extended: Result<ExtendedBuffer<'_>, _> = decode_all(buffer, &Limits::DEFAULT);
    let payload = match extended.and_then(|extended| extended.payload()) {
        Ok(payload) => payload,
        Err(error) => return vec![error.to_string()],
    };
    AuxBlocks::new(&payload)
        .map(|block| match block {
            Ok(AuxBlock::Other(other)) => format!("type {:#04x}", other.block_type),
            Ok(block) => block.name().unwrap_or("another").trim_start_matches("AUX_").to_owned(),
            Err(error) => error.to_string(),
        })
        .collect()
}

/// Ends the session.
///
/// # Errors
/// What came instead.
pub(crate) async fn disconnect(session: &mut Session) -> Result<Facts, Failure> {
    let body = encode_to_bytes(&DisconnectRequest::default()).map_err(|error| undecodable("Disconnect", &error))?;
    let machine = &mut session.driver.stack.machine;
    let handle = machine.disconnect(Instant::now(), body).map_err(|rejected| rejection("Disconnect", &rejected))?;
    let body = session.response(handle).await?.body.into_bytes();
    let decoded: Result<DisconnectResponse<'_>, _> = decode_all(&body, &Limits::DEFAULT);
    let code = match decoded {
        Ok(DisconnectResponse::Success(success)) => success.error_code,
        Ok(DisconnectResponse::Failure(failure)) => failure.status_code,
        Err(error) => return Err(undecodable("Disconnect", &error)),
    };
    match ErrorCode(code) {
        ErrorCode::SUCCESS => Ok(Facts::new().with("context", "ended")),
        code => Err(Failure::new("ErrorCode 0 to Disconnect", code.to_string(), advice::of_error(code))),
    }
}
