//! IN channel recycling to another inbound proxy, [MS-RPCH] 2.2.4.10 to 2.2.4.17.

use super::pdu::rts_pdus;
use super::{ConnectionTimeout, Cookie, Empty, ReceiveWindowSize, Version};

rts_pdus! {
    "Client to successor inbound proxy, first on the successor IN channel."
    InR1A1 "IN_R1/A1" "2.2.4.10" (RECYCLE_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, predecessor_channel_cookie: Cookie, successor_channel_cookie: Cookie,
    }
    "Successor inbound proxy to server."
    InR1A2 "IN_R1/A2" "2.2.4.11" (IN_CHANNEL RECYCLE_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, predecessor_channel_cookie: Cookie, successor_channel_cookie: Cookie,
        inbound_proxy_receive_window_size: ReceiveWindowSize, inbound_proxy_connection_timeout: ConnectionTimeout,
    }
    "Server to outbound proxy, for the client."
    InR1A3 "IN_R1/A3" "2.2.4.12" () -> CLIENT {
        version: Version, inbound_proxy_receive_window_size: ReceiveWindowSize,
        inbound_proxy_connection_timeout: ConnectionTimeout,
    }
    "Outbound proxy to client."
    InR1A4 "IN_R1/A4" "2.2.4.13" () -> CLIENT {
        version: Version, inbound_proxy_receive_window_size: ReceiveWindowSize,
        inbound_proxy_connection_timeout: ConnectionTimeout,
    }
    "Client to predecessor inbound proxy, last on the predecessor IN channel."
    InR1A5 "IN_R1/A5" "2.2.4.14" () { successor_in_channel_cookie: Cookie }
    "Predecessor inbound proxy to server."
    InR1A6 "IN_R1/A6" "2.2.4.15" () { successor_in_channel_cookie: Cookie }
    "Predecessor inbound proxy to server: the predecessor is at its end."
    InR1B1 "IN_R1/B1" "2.2.4.16" () { empty: Empty }
    "Server to successor inbound proxy: established."
    InR1B2 "IN_R1/B2" "2.2.4.17" () { server_receive_window_size: ReceiveWindowSize }
}
