//! Connection establishment, [MS-RPCH] 2.2.4.2 to 2.2.4.9.

use super::pdu::rts_pdus;
use super::{
    AssociationGroupId, ChannelLifetime, ClientAddress, ClientKeepalive, ConnectionTimeout, Cookie, ReceiveWindowSize,
    Version,
};

rts_pdus! {
    "Client to outbound proxy, first on the OUT channel."
    ConnA1 "CONN/A1" "2.2.4.2" () {
        version: Version, virtual_connection_cookie: Cookie, out_channel_cookie: Cookie, receive_window_size: ReceiveWindowSize,
    }
    "Outbound proxy to server."
    ConnA2 "CONN/A2" "2.2.4.3" (OUT_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, out_channel_cookie: Cookie, channel_lifetime: ChannelLifetime,
        receive_window_size: ReceiveWindowSize,
    }
    "Outbound proxy to client."
    ConnA3 "CONN/A3" "2.2.4.4" () { connection_timeout: ConnectionTimeout }
    "Client to inbound proxy, first on the IN channel."
    ConnB1 "CONN/B1" "2.2.4.5" () {
        version: Version, virtual_connection_cookie: Cookie, in_channel_cookie: Cookie, channel_lifetime: ChannelLifetime,
        client_keepalive: ClientKeepalive, association_group_id: AssociationGroupId,
    }
    "Inbound proxy to server."
    ConnB2 "CONN/B2" "2.2.4.6" (IN_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, in_channel_cookie: Cookie, receive_window_size: ReceiveWindowSize,
        connection_timeout: ConnectionTimeout, association_group_id: AssociationGroupId, client_address: ClientAddress,
    }
    "Server to inbound proxy."
    ConnB3 "CONN/B3" "2.2.4.7" () { receive_window_size: ReceiveWindowSize, version: Version }
    "Server to outbound proxy."
    ConnC1 "CONN/C1" "2.2.4.8" () {
        version: Version, receive_window_size: ReceiveWindowSize, connection_timeout: ConnectionTimeout,
    }
    "Outbound proxy to client: the virtual connection is established."
    ConnC2 "CONN/C2" "2.2.4.9" () {
        version: Version, receive_window_size: ReceiveWindowSize, connection_timeout: ConnectionTimeout,
    }
}
