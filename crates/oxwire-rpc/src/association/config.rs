//! Settings of an association, either end.

use std::time::Duration;

use bytes::Bytes;

use super::MUST_RECV_FRAG_SIZE;
use crate::pdu::BindTimeFeatures;

/// Settings and limits of an association. The defaults are named at each field.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The largest PDU sent, in bytes; the peer may ask for less. Default 5840, at least 1432.
    pub max_xmit_frag: u16,
    /// The largest PDU taken, in bytes. Default 5840, at least 1432.
    pub max_recv_frag: u16,
    /// Client: assoc_group_id of the bind. Default 0: a new group.
    pub assoc_group_id: u32,
    /// Bind-time features: offered by a client, granted by a server. Default both that [MS-RPCE] 2.2.2.14 names. `None` leaves the
    /// negotiation out.
    pub features: Option<BindTimeFeatures>,
    /// Concurrent multiplexing (PFC_CONC_MPX): offered, or granted. Default yes.
    pub concurrent_multiplexing: bool,
    /// Client: whether requests at level pkt and above carry verification trailers, as [MS-RPCE] 2.2.2.13 asks for. Default yes.
    pub verification_trailers: bool,
    /// Server: sec_addr of bind_ack, the port as text; its NUL is added. Default empty.
    pub secondary_address: Bytes,
    /// How long bind, alter_context and each leg wait for their answer. Default 15 minutes ([MS-RPCE] 3.3.2.1.5).
    pub negotiation_timeout: Duration,
    /// Client: how long a call may take where it does not say so itself. Default 15 minutes ([MS-RPCE] 3.3.2.1.5): a call that waits
    /// for events takes 5.
    pub call_timeout: Duration,
    /// Client: how long a cancelled call may go on before it is orphaned. Default 30 seconds.
    pub cancel_timeout: Duration,
    /// Calls at a time: sent or queued by a client, received and not answered by a server. Default 1024.
    pub max_calls: usize,
    /// Bytes of stub data that have come of calls that are not whole yet, and of PDUs held back while a decision is pending.
    /// Default 16 MiB.
    pub max_reassembly: usize,
    /// Server: bytes of stub data of one request. Default 4 MiB ([MS-RPCE] 3.3.3.5.4).
    pub max_request: usize,
    /// Client: bytes of stub data queued and not yet taken out. Default 64 MiB.
    pub max_queued: usize,
    /// Presentation contexts of the connection. Default 256.
    pub max_contexts: usize,
    /// Security contexts of the connection. Default 16.
    pub max_security_contexts: usize,
}

impl Config {
    pub(super) fn xmit(&self) -> u16 {
        self.max_xmit_frag.max(MUST_RECV_FRAG_SIZE)
    }

    pub(super) fn recv(&self) -> u16 {
        self.max_recv_frag.max(MUST_RECV_FRAG_SIZE)
    }
}

impl Default for Config {
    fn default() -> Self {
        let both = BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING.0 | BindTimeFeatures::KEEP_CONNECTION_ON_ORPHAN.0;
        Self {
            max_xmit_frag: 5840,
            max_recv_frag: 5840,
            assoc_group_id: 0,
            features: Some(BindTimeFeatures(both)),
            concurrent_multiplexing: true,
            verification_trailers: true,
            secondary_address: Bytes::new(),
            negotiation_timeout: Duration::from_secs(15 * 60),
            call_timeout: Duration::from_secs(15 * 60),
            cancel_timeout: Duration::from_secs(30),
            max_calls: 1024,
            max_reassembly: 16 << 20,
            max_request: 4 << 20,
            max_queued: 64 << 20,
            max_contexts: 256,
            max_security_contexts: 16,
        }
    }
}
