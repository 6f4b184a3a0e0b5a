//! The choice of the transport: from the settings of a mailbox, what the client speaks and what the caller allows, to an
//! ordered list of candidates.
//!
//! MAPI over HTTP goes before Outlook Anywhere (RPC over HTTP), as Outlook has it from 2013 SP1 on; RPC over TCP, which
//! servers before Exchange 2013 offer from inside, goes first where the server has no MAPI over HTTP. What is not taken is
//! listed with its reason.

mod choice;
mod policy;
mod selection;

pub use choice::{Candidate, Choice, Endpoint, PassedOver, Reason, choose};
pub use policy::{Capabilities, Location, Locations, Policy};
pub use selection::Selection;
