//! Connection-oriented PDUs, \[C706\] 12.6 and [MS-RPCE] 2.2.2.
//!
//! A [`Pdu`] is a view: its stub data and its token are slices of the input. Both data representations are read; what is written
//! is little-endian. A reader that has taken a PDU apart knows where its sealed region lies, so that a security context works in
//! place ([`Pdu::sealed`]).

mod bind;
mod bind_nak;
mod call;
mod data_representation;
mod fault_status;
mod features;
mod header;
mod sec_trailer;
mod verification_trailer;
mod view;

pub use bind::{
    Bind, BindAck, ContextElement, ContextList, ContextResult, ContextResults, ResultReason, SyntaxIdentifier,
    Syntaxes, TRANSFER_SYNTAX_NDR, TRANSFER_SYNTAX_NDR64,
};
pub use bind_nak::{BindNak, EXTENDED_ERROR_SIGNATURE, RejectReason};
pub use call::{Fault, Request, Response};
pub use data_representation::DataRepresentation;
pub use fault_status::FaultStatus;
pub use features::BindTimeFeatures;
pub use header::{CommonHeader, PfcFlags, Ptype};
pub use sec_trailer::{AuthLevel, AuthType, SecTrailer};
pub use verification_trailer::{VerificationCommand, VerificationTrailer};
pub use view::{Body, Pdu};
