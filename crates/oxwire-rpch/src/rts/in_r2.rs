//! IN channel recycling to the same inbound proxy, [MS-RPCH] 2.2.4.18 to 2.2.4.22.

use super::pdu::rts_pdus;
use super::{Cookie, Version};

rts_pdus! {
    "Client to inbound proxy, first on the successor IN channel."
    InR2A1 "IN_R2/A1" "2.2.4.18" (RECYCLE_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, predecessor_channel_cookie: Cookie, successor_channel_cookie: Cookie,
    }
    "Inbound proxy to server."
    InR2A2 "IN_R2/A2" "2.2.4.19" () { successor_channel_cookie: Cookie }
    "Server to outbound proxy, for the client."
    InR2A3 "IN_R2/A3" "2.2.4.20" () -> CLIENT {}
    "Outbound proxy to client."
    InR2A4 "IN_R2/A4" "2.2.4.21" () -> CLIENT {}
    "Client to inbound proxy, last on the predecessor IN channel."
    InR2A5 "IN_R2/A5" "2.2.4.22" () { successor_channel_cookie: Cookie }
}
