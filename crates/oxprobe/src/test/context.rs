//! Authentication, Connect and Disconnect.

use std::time::Instant;

use bytes::Bytes;
use oxwire::auth::client::{ClientEvent, FailReason, LastToken};
use oxwire::auth::spnego::{MechType, Refusal};
use oxwire::auth::{AuthScheme, BindingKind};
use oxwire::core::{Limits, decode_all, encode_to_bytes};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxBlocks};
use oxwire::mapi::mapihttp::{ConnectFlags, ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rpc_header_ext::ExtendedBuffer;
use oxwire::mapihttp::client::{RequestHandle, Response};

use super::advice;
use super::session::{Session, rejection, undecodable};
use super::stack::Happening;
use crate::report::{Facts, Failure};

/// Code page and locale of the session: UTF-8 is none of MAPI's, so Western European, and United States English.
const CODE_PAGE: u32 = 1252;
const LCID: u32 = 0x0409;

/// Sends the Connect, whose answer ends the authentication.
///
/// # Errors
/// The machine does not take it.
pub(crate) fn begin_connect(session: &mut Session, user_dn: &str) -> Result<RequestHandle, Failure> {
    let request = ConnectRequest {
        user_dn: user_dn.as_bytes(),
        flags: ConnectFlags::NONE,
        default_code_page: CODE_PAGE,
        lcid_sort: LCID,
        lcid_string: LCID,
        auxiliary_buffer: &[],
    };
    let body = encode_to_bytes(&request).map_err(|error| {
        Failure::new(
            "a --user-dn that can be sent",
            error.to_string(),
            "take --user-dn from Autodiscover as it stands there",
        )
    })?;
    session.driver.stack.machine.connect(Instant::now(), body).map_err(|rejected| rejection("Connect", &rejected))
}

/// Waits until the server has accepted, or refused, who we are. The Connect's own outcome stays for the next step.
///
/// # Errors
/// The refusal, or what kept the request from being answered at all.
pub(crate) async fn authentication(session: &mut Session, connect: RequestHandle) -> Result<Facts, Failure> {
    let mut offered: Vec<String> = Vec::new();
    let (mut mechanism, mut skipped, mut failed) = (None, Vec::<String>::new(), None);
    loop {
        if session.holds(connect) {
            if let Some(failure) = failed {
                return Err(failure);
            }
            // No challenge was answered: nobody asked, or the request did not come so far, which the next step tells.
            return match session.refusal_by_status(connect, 401) {
                Some(failure) => Err(failure),
                None => Ok(Facts::new().with("scheme", "none was asked for")),
            };
        }
        let Some(Happening::Auth(event)) = session.next().await? else { continue };
        match event {
            ClientEvent::SchemeChosen { offered: all, .. } => offered = all.iter().map(ToString::to_string).collect(),
            ClientEvent::CredentialsNeeded { offers, .. } if offered.is_empty() => {
                offered = offers.iter().map(|offer| offer.scheme.to_string()).collect();
            }
            ClientEvent::MechanismChosen { mechanism: chosen, instead_of, skipped: left_out, .. } => {
                mechanism = Some(chosen);
                skipped.extend(left_out.iter().map(|(mech, why)| format!("{mech}: {why}")));
                skipped.extend(instead_of.map(|mech| format!("{mech}: the server chose {chosen}")));
            }
            ClientEvent::Authenticated { scheme, binding, last_token, .. } => {
                let facts = Facts::new().with("offered", offered).with("scheme", scheme.as_str());
                let facts = facts.with_some("mechanism", mechanism.map(|mechanism| mechanism.to_string()));
                let facts = facts.with_some("not used", (!skipped.is_empty()).then_some(skipped));
                let facts = facts.with("binding", binding_name(scheme, binding));
                let facts = facts.with_some("last token", last_token_name(last_token));
                return Ok(facts.with_some("no binding because", session.driver.stack.binding_problem()));
            }
            ClientEvent::Failed { scheme, reason, .. } => {
                if let (FailReason::NoCommonScheme { offered: all }, true) = (&reason, offered.is_empty()) {
                    offered.push(all.to_string());
                }
                let facts = Facts::new().with_some("offered", (!offered.is_empty()).then(|| offered.clone()));
                let facts = facts.with_some("scheme", scheme.map(|s| s.as_str()));
                let facts = facts.with_some("mechanism", mechanism.map(|mechanism| mechanism.to_string()));
                let expected = "that the server accepts user and password";
                let advice = failed_advice(scheme, mechanism, &reason);
                let failure = Failure::new(expected, came(scheme, mechanism, &reason), advice).with_facts(facts);
                if scheme == Some(AuthScheme::Negotiate) && !matches!(reason, FailReason::Rejected { .. }) {
                    // It may give way to another scheme; if it does not, the answer to the request comes next.
                    skipped.push(format!("Negotiate: {reason}"));
                    failed = Some(failure);
                    continue;
                }
                return Err(failure);
            }
            _ => {}
        }
    }
}

fn binding_name(scheme: AuthScheme, binding: BindingKind) -> String {
    if scheme.is_connection_bound() { binding.to_string() } else { format!("not possible with {scheme}") }
}

fn last_token_name(last_token: LastToken) -> Option<&'static str> {
    match last_token {
        LastToken::Verified => Some("verified: the server took part in the authentication"),
        LastToken::Missing => Some("none came: TLS alone says who the server is"),
        _ => None,
    }
}

/// What came, in the words of this program: the reasons of the library name its settings.
fn came(scheme: Option<AuthScheme>, mechanism: Option<MechType>, reason: &FailReason) -> String {
    match reason {
        FailReason::Rejected { binding } if scheme == Some(AuthScheme::Negotiate) => {
            let inside = mechanism.map_or_else(|| "no mechanism".to_owned(), |mechanism| mechanism.to_string());
            format!(
                "HTTP 401 to Negotiate with {inside} inside and channel binding {binding}; the server does not say why"
            )
        }
        FailReason::Rejected { binding } if scheme == Some(AuthScheme::Ntlm) => {
            format!(
                "HTTP 401 to the NTLM handshake, with channel binding {binding}; a wrong password and a wrong binding look the same"
            )
        }
        FailReason::Rejected { .. } => "HTTP 401 to user and password".to_owned(),
        FailReason::NoCommonScheme { offered } => {
            format!("HTTP 401 that offers {offered} and nothing that may be used here")
        }
        FailReason::NeedsTls => {
            "HTTP 401 that offers what would send the password in clear, and there is no TLS".to_owned()
        }
        FailReason::NoToken => "HTTP 401 without a challenge to NTLM's first message".to_owned(),
        reason => reason.to_string(),
    }
}

fn failed_advice(scheme: Option<AuthScheme>, mechanism: Option<MechType>, reason: &FailReason) -> &'static str {
    let kerberos = mechanism == Some(MechType::KERBEROS);
    match (reason, scheme) {
        (FailReason::Rejected { .. }, Some(AuthScheme::Negotiate)) if kerberos => {
            "the server refuses the ticket: compare its keytab with the KDC's key of HTTP/host, and the clocks (5 minutes at most); a server with Extended Protection refuses a binding that is not its own: reach it directly, without --binding none"
        }
        (
            FailReason::Rejected { binding: BindingKind::None | BindingKind::EndsElsewhere },
            Some(AuthScheme::Negotiate),
        ) => {
            "check user and password; a server with Extended Protection also refuses NTLM inside of Negotiate without channel binding: run without --binding none, over https"
        }
        (FailReason::Rejected { .. }, Some(AuthScheme::Negotiate)) => {
            "check user and password; if they are right, something between may end TLS so that the binding does not fit: reach the server directly, or try --auth basic"
        }
        (FailReason::Negotiate(Refusal::NothingToOffer(_)), _) => {
            "there is no ticket that fits: run klist, kinit if it has expired, and check that the KDC knows HTTP/ and the host of --url"
        }
        (FailReason::Negotiate(Refusal::Rejected | Refusal::NotOffered(_)), _) => {
            "the server has none of the mechanisms that were offered: give a ticket with --ccache for a server of Kerberos alone, or try --auth ntlm"
        }
        (FailReason::Negotiate(Refusal::NoMechListMic { .. } | Refusal::WrongMechListMic), _) => {
            "the list of mechanisms was not what arrived: look for a proxy that changes Authorization, or an attack"
        }
        (FailReason::CallTimeout, _) => "the KDC does not answer: is it reached from here?",
        (FailReason::Rejected { binding: BindingKind::None | BindingKind::EndsElsewhere }, Some(AuthScheme::Ntlm)) => {
            "check user and password; a server with Extended Protection also refuses NTLM without channel binding: run without --binding none, over https"
        }
        (FailReason::Rejected { .. }, Some(AuthScheme::Ntlm)) => {
            "check user and password; if they are right, something between may end TLS so that the binding does not fit: reach the server directly, or try --auth basic"
        }
        (FailReason::Rejected { .. }, _) => "check user and password, and whether this account may use that scheme",
        (FailReason::NoCommonScheme { .. }, _) => {
            "switch on one of Negotiate, NTLM and Basic for the endpoint, or drop --auth"
        }
        (FailReason::NeedsTls, _) => "use https in --url; to send the password in clear all the same, say --auth basic",
        (FailReason::NoToken, _) => {
            "the server offers NTLM and does not begin it: look at its authentication settings, and at proxies between"
        }
        (FailReason::ClosedInHandshake { .. }, _) => {
            "a proxy between does not keep connections: NTLM cannot pass it; reach the server directly"
        }
        (FailReason::LegTimeout, _) => {
            "the server does not answer in the middle of the handshake: can it reach its domain controller?"
        }
        _ => "compare with the server's log",
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

fn auxiliary(buffer: &[u8]) -> Vec<String> {
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
