//! OUT channel recycling to another outbound proxy, [MS-RPCH] 2.2.4.23 to 2.2.4.33.

use super::pdu::rts_pdus;
use super::{Ance, ChannelLifetime, ConnectionTimeout, Cookie, ReceiveWindowSize, Version};

rts_pdus! {
    "Server to outbound proxy, for the client: time to recycle."
    OutR1A1 "OUT_R1/A1" "2.2.4.23" (RECYCLE_CHANNEL) -> CLIENT {}
    "Outbound proxy to client."
    OutR1A2 "OUT_R1/A2" "2.2.4.24" (RECYCLE_CHANNEL) -> CLIENT {}
    "Client to successor outbound proxy, first on the successor OUT channel."
    OutR1A3 "OUT_R1/A3" "2.2.4.25" (RECYCLE_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, predecessor_channel_cookie: Cookie, successor_channel_cookie: Cookie,
        outbound_proxy_receive_window_size: ReceiveWindowSize,
    }
    "Successor outbound proxy to server."
    OutR1A4 "OUT_R1/A4" "2.2.4.26" (RECYCLE_CHANNEL OUT_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, predecessor_channel_cookie: Cookie, successor_channel_cookie: Cookie,
        channel_lifetime: ChannelLifetime, outbound_proxy_receive_window_size: ReceiveWindowSize,
        outbound_proxy_connection_timeout: ConnectionTimeout,
    }
    "Server to predecessor outbound proxy, for the client."
    OutR1A5 "OUT_R1/A5" "2.2.4.27" (OUT_CHANNEL) -> CLIENT {
        version: Version, outbound_proxy_connection_timeout: ConnectionTimeout,
    }
    "Predecessor outbound proxy to client."
    OutR1A6 "OUT_R1/A6" "2.2.4.28" (OUT_CHANNEL) -> CLIENT {
        version: Version, outbound_proxy_connection_timeout: ConnectionTimeout,
    }
    "Client to inbound proxy, for the server."
    OutR1A7 "OUT_R1/A7" "2.2.4.29" (OUT_CHANNEL) -> SERVER { successor_channel_cookie: Cookie }
    "Inbound proxy to server."
    OutR1A8 "OUT_R1/A8" "2.2.4.30" (OUT_CHANNEL) -> SERVER { successor_channel_cookie: Cookie }
    "Server to predecessor outbound proxy: established."
    OutR1A9 "OUT_R1/A9" "2.2.4.31" () { ance: Ance }
    "Predecessor outbound proxy to client: established, and the predecessor is at its end."
    OutR1A10 "OUT_R1/A10" "2.2.4.32" () { ance: Ance }
    "Client to successor outbound proxy: established."
    OutR1A11 "OUT_R1/A11" "2.2.4.33" () { ance: Ance }
}
