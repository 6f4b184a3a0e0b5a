//! RFR, the referral: which server has a user's address book, and what a server is called.

use bytes::Bytes;
use oxwire::mapi::property::ErrorCode;
use oxwire::mapirpc::rfr::{
    GetFqdnFromServerDnRequest, GetFqdnFromServerDnResponse, GetNewDsaRequest, GetNewDsaResponse,
};
use oxwire::rpc::association::server::Request;
use oxwire::rpc::ndr::encode_stub;
use oxwire::rpc::pdu::FaultStatus;

use super::super::users::{User, Users};
use super::calls::{arguments, result};

/// Answers a call, and says what it was, for the log.
pub(super) fn call(users: &Users, request: &Request) -> (Result<Bytes, FaultStatus>, &'static str) {
    match request.opnum {
        0 => (new_dsa(users, request), "RfrGetNewDSA"),
        1 => (fqdn_from_server_dn(users, request), "RfrGetFQDNFromServerDN"),
        _ => (Err(FaultStatus::NCA_OP_RNG_ERROR), "RFR: an operation that is not offered"),
    }
}

/// The name of the server that has a user's mailbox and address book, as Autodiscover tells it.
fn name(user: Option<&User>) -> (Option<String>, u32) {
    match user {
        Some(user) => (Some(user.mailbox_id()), 0),
        None => (None, ErrorCode::NOT_FOUND.0),
    }
}

fn new_dsa(users: &Users, request: &Request) -> Result<Bytes, FaultStatus> {
    let asked: GetNewDsaRequest<'_> = arguments(request)?;
    let (name, error_code) = name(users.of_dn(&String::from_utf8_lossy(asked.user_dn)));
    let server = name.as_deref().filter(|_| asked.server_wanted).map(str::as_bytes);
    result(encode_stub(&GetNewDsaResponse { server, error_code }))
}

fn fqdn_from_server_dn(users: &Users, request: &Request) -> Result<Bytes, FaultStatus> {
    let asked: GetFqdnFromServerDnRequest<'_> = arguments(request)?;
    let user = users.iter().find(|user| user.server_dn().as_bytes().eq_ignore_ascii_case(asked.server_dn));
    let (name, error_code) = name(user);
    let server_fqdn = name.as_deref().map(str::as_bytes);
    result(encode_stub(&GetFqdnFromServerDnResponse { server_fqdn, error_code }))
}
