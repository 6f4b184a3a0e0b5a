//! OUT channel recycling to the same outbound proxy, [MS-RPCH] 2.2.4.34 to 2.2.4.45.

pub use super::pdu::EmptyOrPadding;
use super::pdu::rts_pdus;
use super::{Ance, Cookie, NegativeAnce, ReceiveWindowSize, Version};

rts_pdus! {
    "Server to outbound proxy, for the client: time to recycle."
    OutR2A1 "OUT_R2/A1" "2.2.4.34" (RECYCLE_CHANNEL) -> CLIENT {}
    "Outbound proxy to client."
    OutR2A2 "OUT_R2/A2" "2.2.4.35" (RECYCLE_CHANNEL) -> CLIENT {}
    "Client to outbound proxy, first on the successor OUT channel."
    OutR2A3 "OUT_R2/A3" "2.2.4.36" (RECYCLE_CHANNEL) {
        version: Version, virtual_connection_cookie: Cookie, predecessor_channel_cookie: Cookie, successor_channel_cookie: Cookie,
        client_receive_window_size: ReceiveWindowSize,
    }
    "Outbound proxy to server."
    OutR2A4 "OUT_R2/A4" "2.2.4.37" () { successor_channel_cookie: Cookie }
    "Server to outbound proxy, for the client."
    OutR2A5 "OUT_R2/A5" "2.2.4.38" () -> CLIENT { ance: Ance }
    "Outbound proxy to client."
    OutR2A6 "OUT_R2/A6" "2.2.4.39" () -> CLIENT { ance: Ance }
    "Client to inbound proxy, for the server."
    OutR2A7 "OUT_R2/A7" "2.2.4.40" (OUT_CHANNEL) -> SERVER { successor_channel_cookie: Cookie, version: Version }
    "Inbound proxy to server."
    OutR2A8 "OUT_R2/A8" "2.2.4.41" (OUT_CHANNEL) -> SERVER { successor_channel_cookie: Cookie }
    "Server to outbound proxy: established."
    OutR2B1 "OUT_R2/B1" "2.2.4.42" () { ance: Ance }
    "Server to outbound proxy: not established."
    OutR2B2 "OUT_R2/B2" "2.2.4.43" () { nance: NegativeAnce }
    "Outbound proxy to client: established, and the predecessor is at its end."
    OutR2B3 "OUT_R2/B3" "2.2.4.44" (EOF) { ance: Ance }
    "Client to outbound proxy: fills the announced length of the OUT channel request, and is as long as OUT_R1/A11."
    OutR2C1 "OUT_R2/C1" "2.2.4.45" (PING) { empty_or_padding: EmptyOrPadding }
}
