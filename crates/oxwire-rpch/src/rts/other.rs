//! RTS PDUs outside the protocol sequences, [MS-RPCH] 2.2.4.46 to 2.2.4.51.

use super::pdu::rts_pdus;
use super::{ClientKeepalive, Destination, FlowControlAck, PingTrafficSentNotify};

rts_pdus! {
    "Client to inbound proxy: another keep-alive interval."
    KeepAlive "Keep-Alive" "2.2.4.46" (OTHER_CMD) { client_keepalive: ClientKeepalive }
    "Outbound proxy to server: how much it has pinged."
    PingTrafficSentNotifyPdu "Ping Traffic Sent Notify" "2.2.4.47" (OTHER_CMD) { ping_traffic_sent_notify: PingTrafficSentNotify }
    "Proxy to client: the body of an echo response."
    Echo "Echo" "2.2.4.48" (ECHO) {}
    "Client to inbound proxy and outbound proxy to client: still there."
    Ping "Ping" "2.2.4.49" (PING) {}
    "Recipient to sender: bytes received."
    FlowControlAckPdu "FlowControlAck" "2.2.4.50" (OTHER_CMD) { flow_control_ack: FlowControlAck }
    "Recipient to sender by way of others: bytes received."
    FlowControlAckWithDestination "FlowControlAckWithDestination" "2.2.4.51" (OTHER_CMD) {
        destination: Destination, flow_control_ack: FlowControlAck,
    }
}
