//! RTS PDUs built by hand from the layouts of [MS-RPCH] 2.2.3 and 2.2.4, without the crate's encoders.

use bytes::Bytes;

/// A cookie that is easy to see.
pub(crate) fn cookie(fill: u8) -> [u8; 16] {
    [fill; 16]
}

/// The header of [MS-RPCH] 2.2.3.6.1 over these commands.
pub(crate) fn rts(flags: u16, commands: &[Vec<u8>]) -> Bytes {
    let body = commands.concat();
    let length = u16::try_from(20 + body.len()).unwrap();
    let mut pdu = vec![5, 0, 20, 3, 0x10, 0, 0, 0];
    pdu.extend(length.to_le_bytes());
    pdu.extend([0; 6]);
    pdu.extend(flags.to_le_bytes());
    pdu.extend(u16::try_from(commands.len()).unwrap().to_le_bytes());
    pdu.extend(body);
    pdu.into()
}

fn command(kind: u32, body: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], body].concat()
}

pub(crate) fn window(bytes: u32) -> Vec<u8> {
    command(0, &bytes.to_le_bytes())
}

pub(crate) fn ack(received: u32, available: u32, channel: u8) -> Vec<u8> {
    command(1, &[&received.to_le_bytes()[..], &available.to_le_bytes(), &cookie(channel)].concat())
}

pub(crate) fn timeout(ms: u32) -> Vec<u8> {
    command(2, &ms.to_le_bytes())
}

pub(crate) fn named(fill: u8) -> Vec<u8> {
    command(3, &cookie(fill))
}

pub(crate) fn lifetime(bytes: u32) -> Vec<u8> {
    command(4, &bytes.to_le_bytes())
}

pub(crate) fn keepalive(ms: u32) -> Vec<u8> {
    command(5, &ms.to_le_bytes())
}

pub(crate) fn version() -> Vec<u8> {
    command(6, &1_u32.to_le_bytes())
}

pub(crate) fn empty() -> Vec<u8> {
    command(7, &[])
}

pub(crate) fn ance() -> Vec<u8> {
    command(10, &[])
}

pub(crate) fn nance() -> Vec<u8> {
    command(9, &[])
}

pub(crate) fn group(fill: u8) -> Vec<u8> {
    command(12, &cookie(fill))
}

pub(crate) fn client_address() -> Vec<u8> {
    command(11, &[&[0, 0, 0, 0, 192, 0, 2, 1][..], &[0; 12]].concat())
}

/// 0 client, 1 inbound proxy, 2 server, 3 outbound proxy.
pub(crate) fn destination(to: u32) -> Vec<u8> {
    command(13, &to.to_le_bytes())
}

pub(crate) fn ping_traffic(bytes: u32) -> Vec<u8> {
    command(14, &bytes.to_le_bytes())
}

pub(crate) const NONE: u16 = 0;
pub(crate) const PING: u16 = 1;
pub(crate) const OTHER_CMD: u16 = 2;
pub(crate) const RECYCLE: u16 = 4;
pub(crate) const IN_CHANNEL: u16 = 8;
pub(crate) const OUT_CHANNEL: u16 = 0x10;
pub(crate) const EOF: u16 = 0x20;
pub(crate) const ECHO: u16 = 0x40;

/// The virtual connection, its association group and its first two channels.
pub(crate) const VC: u8 = 0xC0;
pub(crate) const GROUP: u8 = 0x66;
pub(crate) const OUT: u8 = 0xA1;
pub(crate) const IN: u8 = 0xB1;

pub(crate) fn conn_a1(window_bytes: u32) -> Bytes {
    rts(NONE, &[version(), named(VC), named(OUT), window(window_bytes)])
}

pub(crate) fn conn_b1() -> Bytes {
    rts(NONE, &[version(), named(VC), named(IN), lifetime(0x4000_0000), keepalive(300_000), group(GROUP)])
}

/// IN_R1/A1 and IN_R2/A1.
pub(crate) fn in_a1(predecessor: u8, successor: u8) -> Bytes {
    rts(RECYCLE, &[version(), named(VC), named(predecessor), named(successor)])
}

/// OUT_R1/A3 and OUT_R2/A3.
pub(crate) fn out_a3(predecessor: u8, successor: u8, window_bytes: u32) -> Bytes {
    rts(RECYCLE, &[version(), named(VC), named(predecessor), named(successor), window(window_bytes)])
}

/// IN_R1/A5, IN_R1/A6, IN_R2/A2, IN_R2/A5, OUT_R2/A4.
pub(crate) fn cookie_alone(successor: u8) -> Bytes {
    rts(NONE, &[named(successor)])
}

pub(crate) fn out_r2_a7(successor: u8) -> Bytes {
    rts(OUT_CHANNEL, &[destination(2), named(successor), version()])
}

/// OUT_R1/A7, OUT_R1/A8, OUT_R2/A8.
pub(crate) fn out_a8(successor: u8) -> Bytes {
    rts(OUT_CHANNEL, &[destination(2), named(successor)])
}

pub(crate) fn out_r2_c1() -> Bytes {
    rts(PING, &[empty()])
}

pub(crate) fn ping() -> Bytes {
    rts(PING, &[])
}

pub(crate) fn ack_to(to: u32, received: u32, available: u32, channel: u8) -> Bytes {
    rts(OTHER_CMD, &[destination(to), ack(received, available, channel)])
}

/// An RPC PDU of `len` bytes: a request by its header, filled with `fill`.
pub(crate) fn rpc(len: usize, fill: u8) -> Bytes {
    let mut pdu = vec![fill; len];
    let length = u16::try_from(len).unwrap().to_le_bytes();
    pdu[..16].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0, length[0], length[1], 0, 0, fill, 0, 0, 0]);
    pdu.into()
}

pub(crate) fn conn_a2(lifetime_bytes: u32, window_bytes: u32) -> Bytes {
    rts(OUT_CHANNEL, &[version(), named(VC), named(OUT), lifetime(lifetime_bytes), window(window_bytes)])
}

pub(crate) fn conn_b2(window_bytes: u32) -> Bytes {
    let commands =
        [version(), named(VC), named(IN), window(window_bytes), timeout(120_000), group(GROUP), client_address()];
    rts(IN_CHANNEL, &commands)
}

pub(crate) fn conn_b3(window_bytes: u32) -> Bytes {
    rts(NONE, &[window(window_bytes), version()])
}

/// CONN/C1 and CONN/C2.
pub(crate) fn conn_c1(window_bytes: u32) -> Bytes {
    rts(NONE, &[version(), window(window_bytes), timeout(120_000)])
}

pub(crate) fn in_r1_a2(predecessor: u8, successor: u8) -> Bytes {
    let commands = [version(), named(VC), named(predecessor), named(successor), window(65_536), timeout(120_000)];
    rts(IN_CHANNEL | RECYCLE, &commands)
}

/// IN_R1/A3 and IN_R1/A4.
pub(crate) fn in_r1_a3() -> Bytes {
    rts(NONE, &[destination(0), version(), window(65_536), timeout(120_000)])
}

pub(crate) fn in_r1_b1() -> Bytes {
    rts(NONE, &[empty()])
}

pub(crate) fn in_r1_b2(window_bytes: u32) -> Bytes {
    rts(NONE, &[window(window_bytes)])
}

/// IN_R2/A3 and IN_R2/A4.
pub(crate) fn in_r2_a3() -> Bytes {
    rts(NONE, &[destination(0)])
}

/// OUT_R1/A1, OUT_R1/A2, OUT_R2/A1, OUT_R2/A2.
pub(crate) fn out_a1() -> Bytes {
    rts(RECYCLE, &[destination(0)])
}

pub(crate) fn out_r1_a4(predecessor: u8, successor: u8, lifetime_bytes: u32) -> Bytes {
    let cookies = [version(), named(VC), named(predecessor), named(successor)];
    let rest = [lifetime(lifetime_bytes), window(65_536), timeout(120_000)];
    rts(RECYCLE | OUT_CHANNEL, &[&cookies[..], &rest].concat())
}

/// OUT_R1/A5 and OUT_R1/A6.
pub(crate) fn out_r1_a5() -> Bytes {
    rts(OUT_CHANNEL, &[destination(0), version(), timeout(120_000)])
}

/// OUT_R1/A9, OUT_R1/A10, OUT_R1/A11, OUT_R2/B1.
pub(crate) fn ance_alone() -> Bytes {
    rts(NONE, &[ance()])
}

/// OUT_R2/A5 and OUT_R2/A6.
pub(crate) fn out_r2_a5() -> Bytes {
    rts(NONE, &[destination(0), ance()])
}

pub(crate) fn out_r2_b2() -> Bytes {
    rts(NONE, &[nance()])
}

pub(crate) fn out_r2_b3() -> Bytes {
    rts(EOF, &[ance()])
}

/// FlowControlAck, without a destination.
pub(crate) fn ack_direct(received: u32, available: u32, channel: u8) -> Bytes {
    rts(OTHER_CMD, &[ack(received, available, channel)])
}
