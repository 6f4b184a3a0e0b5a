//! What went wrong on the way to an RPC server means, and what to do about it.

use oxwire::http::ResetCause;
use oxwire::mapi::property::ErrorCode;
use oxwire::mapirpc::nspi::NSPI;
use oxwire::mapirpc::rfr::RFR;
use oxwire::rpc::association::client::Fate;
use oxwire::rpc::pdu::{FaultStatus, RejectReason, SyntaxIdentifier};
use oxwire::rpch::client::CloseReason;
use oxwire::rpch::http::RpcError;

use super::super::Plan;
use super::super::advice::of_error;
use super::security;
use crate::report::{Facts, Failure};

const LOG: &str = "compare with the server's log";

/// A virtual connection that has ended.
pub(super) fn of_close(reason: &CloseReason, unsent: usize) -> Failure {
    let advice = match reason {
        CloseReason::RpcError { error, .. } => match error.code {
            RpcError::ACCESS_DENIED => {
                "the proxy may not reach that RPC server: take host and port of --rpc-server from Autodiscover (Server of EXCH, port 6001), and look at ValidPorts of the proxy"
            }
            RpcError::SERVER_UNAVAILABLE => {
                "the RPC server is down, or --rpc-server is not its name: take host and port from Autodiscover (Server of EXCH, port 6001)"
            }
            _ => LOG,
        },
        CloseReason::Status { status, .. } => of_status(*status),
        CloseReason::Transport { cause: ResetCause::Proxy, .. } => {
            "ask whoever runs the forward proxy whether it lets a tunnel through to that host and port"
        }
        CloseReason::Transport { .. } => {
            "the connection does not stay open: look for a proxy, a firewall or a load balancer between that ends long requests, and at the server's log"
        }
        CloseReason::Peer(_) => {
            "what answers breaks [MS-RPCH] at that place, or did not answer in time: something between may buffer the channels; compare with the server's log"
        }
        _ => LOG,
    };
    let failure = Failure::new("a virtual connection that stays open", reason.to_string(), advice);
    if unsent == 0 { failure } else { failure.with_facts(Facts::new().with("PDUs not sent", unsent)) }
}

fn of_status(status: u16) -> &'static str {
    match status {
        200 => "what answers there is no RPC proxy: use the host that Autodiscover gives (Server of EXPR)",
        301..=308 => "use the URL that the server names, if you trust it",
        401 => "check user and password; if they are right, see the authentication step",
        403 => "Outlook Anywhere may be switched off for the account, or a firewall filters by path or method",
        404 => "RPC over HTTP is not there: is Outlook Anywhere switched on at this host?",
        405 | 501 => {
            "what answers does not know RPC_IN_DATA and RPC_OUT_DATA: no RPC proxy, or something between that refuses these methods"
        }
        500..=599 => "the server, or a proxy in front of it, fails: look at its log and at /rpc/healthcheck.htm",
        _ => LOG,
    }
}

/// An association that has ended under a virtual connection that has not.
pub(super) fn of_association(reason: &str) -> Failure {
    Failure::new(
        "an association that stays open",
        reason,
        "the server, or the way to it, breaks [MS-RPCE] at that place: compare with its log",
    )
}

/// What came of a bind, where a ticket was needed for it.
pub(super) fn of_ticket(failure: Failure, plan: &Plan, interface: SyntaxIdentifier) -> Failure {
    if plan.kerberos.is_none() {
        return failure;
    }
    let service = security::service(plan, interface);
    failure.with_advice(format!(
        "Kerberos inside RPC wants a ticket for {service}: see by `kvno {service}` whether the KDC has that service, by `klist` whether the \
         tickets still hold, and whether the server's keytab has its key; or try --rpc-auth none"
    ))
}

/// bind_nak.
pub(super) fn of_bind_nak(reason: RejectReason) -> Failure {
    let advice = if reason == RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED {
        "the server takes no NTLM inside RPC: try --rpc-auth none"
    } else {
        "the server refuses the association: compare with its log"
    };
    Failure::new("bind_ack", format!("bind_nak, {reason:?}"), advice)
}

/// What to do about an interface that the server rejects.
pub(super) const fn of_rejection(interface: SyntaxIdentifier) -> &'static str {
    match interface {
        NSPI => {
            "what answers at port 6004 is no address book: look at the proxy's rules for that port, and whether the service runs"
        }
        RFR => {
            "what answers at port 6002 does not refer: look at the proxy's rules for that port, and whether the service runs"
        }
        _ => "the RPC server is another one: --rpc-server takes port 6001, which is the store's",
    }
}

/// An interface that the server has not.
pub(super) fn not_bound(call: &str, interface: SyntaxIdentifier) -> Failure {
    Failure::new(format!("an interface for the {call}"), "it was rejected in the bind", of_rejection(interface))
}

/// A fault.
pub(super) fn of_fault(what: &str, status: FaultStatus) -> Failure {
    let advice = match status {
        FaultStatus::ACCESS_DENIED => {
            "the server wants another level of authentication inside RPC, or another account: try --rpc-auth privacy, and check user and password"
        }
        FaultStatus::SEC_PKG_ERROR | FaultStatus::UNKNOWN_AUTHN_SERVICE => {
            "authentication inside RPC failed: check user and password, or try --rpc-auth none"
        }
        FaultStatus::NCA_FAULT_CONTEXT_MISMATCH => {
            "the server does not know the context handle: a load balancer leads to a different node"
        }
        FaultStatus::SERVER_TOO_BUSY | FaultStatus::NCA_SERVER_TOO_BUSY => {
            "the server throttles: wait, and run the test again"
        }
        FaultStatus::NCA_UNK_IF | FaultStatus::NCA_OP_RNG_ERROR => {
            "the RPC server does not offer that: is --rpc-server the store's, port 6001?"
        }
        _ => LOG,
    };
    Failure::new(format!("an answer to the {what}"), format!("a fault, {status:?}"), advice)
}

/// No answer.
pub(super) fn of_silence(what: &str, fate: Fate, reason: &str) -> Failure {
    let known = match fate {
        Fate::NotSent => "it was not sent",
        Fate::Unknown => "whether the server acted on it is not known",
    };
    Failure::new(format!("an answer to the {what}"), format!("none: {reason}; {known}"), LOG)
}

/// A return value.
pub(super) fn of_code(what: &str, code: ErrorCode) -> Failure {
    Failure::new(format!("return value 0 of {what}"), format!("return value {code}"), of_error(code))
}

/// Authentication of a successor channel, in the middle of the session.
pub(super) fn of_channel_authentication(reason: &str) -> Failure {
    Failure::new(
        "that the proxy accepts a successor channel as it did the first ones",
        reason,
        "a load balancer leads to a different proxy, whose settings differ: compare them",
    )
}
