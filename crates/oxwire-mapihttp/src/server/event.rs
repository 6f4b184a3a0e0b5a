//! What a server tells the application.

use oxwire_core::{ConnectionId, Principal};

use super::{ContextId, Refusal, Removed, Request, RequestHandle};

/// Something that the application answers or learns.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<T> {
    /// A Connect; the context is made and waits. Answer with [`Server::accept`](super::Server::accept),
    /// [`Server::decline`](super::Server::decline) or [`Server::fail`](super::Server::fail).
    Connect(Request),
    /// An Execute. Answer with [`Server::respond`](super::Server::respond) or [`Server::fail`](super::Server::fail). The
    /// queued events that [`Server::notify`](super::Server::notify) told of are to be fetched for this answer: telling of them
    /// again is the application's, if some stay queued.
    Execute(Request),
    /// A Disconnect. [`Server::respond`](super::Server::respond) ends the context;
    /// [`Server::decline`](super::Server::decline) and [`Server::fail`](super::Server::fail) leave it.
    Disconnect(Request),
    /// A Bind, of the address book endpoint; the context is made and waits. Answered as [`Event::Connect`] is.
    Bind(Request),
    /// An Unbind. Answered as [`Event::Disconnect`] is; `oxwire_mapi::nspi::UNBIND_SUCCESS` is its ErrorCode of success.
    Unbind(Request),
    /// A request type of the address book endpoint inside a context: [`Request::request_type`](super::Request::request_type) says
    /// which. Answer with [`Server::respond`](super::Server::respond) or [`Server::fail`](super::Server::fail).
    Call(Request),
    /// The client waits for an event of this context. Nothing need be answered: [`Server::notify`](super::Server::notify) ends the
    /// wait, and so does time.
    Waiting {
        /// To decline or fail it by.
        handle: RequestHandle,
        /// The context.
        context: ContextId,
    },
    /// The client that asked is gone, or the answer took too long, or the context was ended. After
    /// [`CancelReason::ClientGone`] the answer to an Execute is still of use: it is kept for the client's repetition.
    Cancelled {
        /// The request.
        handle: RequestHandle,
        /// Its context.
        context: ContextId,
        /// Why.
        reason: CancelReason,
    },
    /// A context that was accepted has ended, and its state is the application's again. Comes once for each.
    Ended {
        /// The context, its user, its state.
        removed: Removed<T>,
        /// Why.
        reason: EndReason,
    },
    /// A request was refused without asking the application; for the log.
    Refused {
        /// The connection.
        conn: ConnectionId,
        /// Who sent it.
        principal: Option<Principal>,
        /// The code.
        refusal: Refusal,
        /// What the client was told.
        detail: &'static str,
    },
}

/// Why nobody waits for an answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// The connection ended. The answer to an Execute is still taken, and kept for the client's repetition.
    ClientGone,
    /// [`ServerConfig::answer_timeout`](super::ServerConfig::answer_timeout) has passed; the client has got code 1.
    TimedOut,
    /// The context was ended; the client has got code 10.
    ContextEnded,
}

/// Why a context has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// Its lifetime passed without a request (R1285).
    Expired,
    /// The client connected anew with this context's cookie (R1277).
    Replaced,
    /// The client disconnected (R2233).
    Disconnected,
    /// The application ended it.
    Application,
}
