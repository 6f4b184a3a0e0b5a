//! What every channel has: PDUs that come in, PDUs that wait to go out, and a lifetime in bytes.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use oxwire_core::Inline;
use oxwire_rpc::association::OutgoingPdu;
use oxwire_rpc::pdu::Ptype;
use oxwire_rpc::{PduStream, StreamError};

use crate::fault::{Refused, RefusedReason, is_whole};

/// A whole PDU of a channel. [MS-RPCH] 2.1.2.1.7, 2.1.2.1.8
#[derive(Clone, PartialEq, Eq)]
pub enum ChannelPdu {
    /// An RTS PDU: steers the channel, and is exempt from flow control.
    Rts(Bytes),
    /// An RPC PDU: what the channel is there for.
    Rpc(Bytes),
}

impl ChannelPdu {
    /// Tells the two apart by PTYPE, the third byte of either.
    #[must_use]
    pub fn of(pdu: Bytes) -> Self {
        if pdu.get(2) == Some(&Ptype::RTS.0) { Self::Rts(pdu) } else { Self::Rpc(pdu) }
    }

    /// The bytes of either.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        match self {
            Self::Rts(pdu) | Self::Rpc(pdu) => pdu,
        }
    }
}

/// Lengths alone: RPC PDUs carry somebody's mail.
impl fmt::Debug for ChannelPdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rts(pdu) => write!(f, "Rts({} bytes)", pdu.len()),
            Self::Rpc(pdu) => write!(f, "Rpc({} bytes)", pdu.len()),
        }
    }
}

/// The PDUs that come in on one channel, cut from its stream at whatever boundaries it arrives.
#[derive(Debug)]
pub struct PdusIn {
    stream: PduStream,
}

impl PdusIn {
    /// `max_pdu` is the largest PDU that is taken, in bytes.
    #[must_use]
    pub const fn new(max_pdu: u16) -> Self {
        Self { stream: PduStream::new(max_pdu) }
    }

    /// Takes a piece of the stream.
    pub fn push(&mut self, piece: Bytes) {
        self.stream.push(piece);
    }

    /// The next whole PDU: a slice of the input where it lies in one piece.
    ///
    /// # Errors
    /// [`StreamError`]: nobody knows where the next PDU begins, and the channel is of no more use.
    pub fn next_pdu(&mut self) -> Result<Option<ChannelPdu>, StreamError> {
        Ok(self.stream.next_pdu()?.map(ChannelPdu::of))
    }

    /// Bytes that are pushed and not yet taken; once [`next_pdu`](Self::next_pdu) gives none, those of a PDU that is not whole.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.stream.held()
    }

    /// Whether what comes next is a status line of HTTP in place of a PDU, whose first byte is 5: a proxy that has answered 200
    /// tells a failure so.
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.stream.peek_u8() == Some(b'H')
    }

    /// Takes the bytes that are held, as they are.
    pub fn take_rest(&mut self) -> Bytes {
        self.stream.take_rest()
    }
}

/// RPC PDUs that wait to be sent, in order: SendQueue, [MS-RPCH] 3.2.1.1.4. It has a limit in bytes.
pub struct SendQueue {
    pdus: VecDeque<OutgoingPdu>,
    bytes: usize,
    limit: usize,
    /// A PDU was refused, and nobody was told since that there is room.
    refused: bool,
}

/// Lengths alone.
impl fmt::Debug for SendQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendQueue({} PDUs, {} of {} bytes)", self.pdus.len(), self.bytes, self.limit)
    }
}

impl SendQueue {
    /// An empty queue that takes up to `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { pdus: VecDeque::new(), bytes: 0, limit, refused: false }
    }

    /// Puts a PDU at the end.
    ///
    /// # Errors
    /// The PDU itself, where it would pass the limit.
    pub fn push(&mut self, pdu: impl Into<OutgoingPdu>) -> Result<(), OutgoingPdu> {
        let pdu = pdu.into();
        match self.bytes.checked_add(pdu.len()) {
            Some(bytes) if bytes <= self.limit => {
                self.bytes = bytes;
                self.pdus.push_back(pdu);
                Ok(())
            }
            _ => Err(pdu),
        }
    }

    /// Takes a PDU of the application's, whole.
    ///
    /// # Errors
    /// [`Refused`], with the PDU: it is no RPC PDU, or there is no room.
    pub fn accept(&mut self, pdu: OutgoingPdu) -> Result<(), Refused> {
        if !is_whole(&pdu) {
            return Err(Refused { pdu, reason: RefusedReason::NotAPdu });
        }
        self.push(pdu).map_err(|pdu| {
            self.refused = true;
            Refused { pdu, reason: RefusedReason::QueueFull { limit: self.limit } }
        })
    }

    /// Whether the application is to be told that there is room: a PDU was refused for want of it, and half of the queue is free now. Told
    /// once.
    #[must_use]
    pub fn take_writable(&mut self) -> bool {
        let writable = self.refused && self.bytes <= self.limit / 2;
        self.refused &= !writable;
        writable
    }

    /// Length of the first PDU, in bytes.
    #[must_use]
    pub fn front_len(&self) -> Option<usize> {
        self.pdus.front().map(OutgoingPdu::len)
    }

    /// Length of the longest PDU, in bytes.
    #[must_use]
    pub fn longest(&self) -> Option<usize> {
        self.pdus.iter().map(OutgoingPdu::len).max()
    }

    /// Takes the first PDU.
    pub fn pop(&mut self) -> Option<OutgoingPdu> {
        let pdu = self.pdus.pop_front()?;
        self.bytes = self.bytes.saturating_sub(pdu.len());
        Some(pdu)
    }

    /// Takes all PDUs, in order and each in one piece: what a virtual connection that ends reports as undelivered.
    pub fn drain(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.pdus).into_iter().map(OutgoingPdu::into_bytes)
    }

    /// Bytes that wait.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// PDUs that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pdus.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pdus.is_empty()
    }
}

/// Puts the heads of PDUs next to each other: many of them take one allocation, and none once the earlier ones are out.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    room: BytesMut,
}

impl Heads {
    /// Some forty heads of a request or a response.
    const ROOM: usize = 1_024;

    /// A PDU as pieces of a stream: one, or a head and a body that is not copied.
    pub(crate) fn pieces(&mut self, pdu: OutgoingPdu) -> (Bytes, Option<Bytes>) {
        let OutgoingPdu { head, body } = pdu;
        if head.as_slice().is_empty() {
            return (body, None);
        }
        if self.room.capacity() < Inline::CAPACITY {
            self.room.reserve(Self::ROOM);
        }
        self.room.extend_from_slice(head.as_slice());
        (self.room.split().freeze(), (!body.is_empty()).then_some(body))
    }
}

/// How many bytes a channel instance carries, and has carried: ChannelLifetime and Channel Lifetime Sent.
/// [MS-RPCH] 3.2.2.1.3, 3.2.1.1.4
///
/// RTS PDUs and RPC PDUs count alike. A part is kept back for RTS PDUs, so that a channel that carries no more RPC PDUs can
/// still say its last words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    limit: u64,
    sent: u64,
    reserve: u64,
}

impl Lifetime {
    /// Bytes kept back for RTS PDUs: some twenty of the largest that end or recycle a channel.
    pub const RESERVE: u32 = 1_024;

    /// A channel of `limit` bytes, the Content-Length of its request or response.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit: limit as u64, sent: 0, reserve: Self::RESERVE as u64 }
    }

    /// Sets how many bytes are kept back for RTS PDUs.
    #[must_use]
    pub const fn with_reserve(mut self, bytes: u32) -> Self {
        self.reserve = bytes as u64;
        self
    }

    /// Bytes sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.sent)
    }

    /// Whether an RPC PDU of `len` bytes still has room. A channel where it has not is expired ([MS-RPCH] 2.1.2.1.7).
    #[must_use]
    pub fn has_room_for_rpc(&self, len: usize) -> bool {
        u64::try_from(len).is_ok_and(|len| len <= self.left().saturating_sub(self.reserve))
    }

    /// Whether an RTS PDU of `len` bytes still has room.
    #[must_use]
    pub fn has_room_for_rts(&self, len: usize) -> bool {
        u64::try_from(len).is_ok_and(|len| len <= self.left())
    }

    /// Counts what was sent.
    pub fn on_sent(&mut self, len: usize) {
        self.sent = self.sent.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }

    /// Whether the end is near: less than `threshold` bytes are left. Windows recycles an IN channel with 4 KiB left (note
    /// 32), an OUT channel with 8 KiB (note 51).
    #[must_use]
    pub const fn approaches_its_end(&self, threshold: u32) -> bool {
        self.left() <= threshold as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rts::RtsHeader;
    use oxwire_core::encode_to_bytes;

    /// The Ping RTS PDU of [MS-RPCH] 2.2.4.49, and a co_cancel of \[C706\] 12.6.4.8, by hand.
    const PING: &[u8] = &[5, 0, 20, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    const CO_CANCEL: &[u8] = &[5, 0, 18, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 9, 0, 0, 0];

    #[test]
    fn pdus_come_out_whole_at_any_chunking() {
        let stream = [PING, CO_CANCEL, PING].concat();
        for size in 1..=stream.len() {
            let mut pdus = PdusIn::new(u16::MAX);
            let mut seen = Vec::new();
            for piece in stream.chunks(size) {
                pdus.push(Bytes::copy_from_slice(piece));
                while let Some(pdu) = pdus.next_pdu().unwrap() {
                    seen.push(pdu);
                }
            }
            let expected = [
                ChannelPdu::Rts(Bytes::from_static(PING)),
                ChannelPdu::Rpc(Bytes::from_static(CO_CANCEL)),
                ChannelPdu::Rts(Bytes::from_static(PING)),
            ];
            assert_eq!(seen, expected, "pieces of {size}");
            assert_eq!(pdus.held(), 0);
        }
    }

    #[test]
    fn a_zero_length_pdu_ends_the_channel() {
        let mut pdu = PING.to_vec();
        pdu[8] = 0;
        let mut pdus = PdusIn::new(u16::MAX);
        pdus.push(pdu.into());
        let error = pdus.next_pdu().unwrap_err();
        assert!(error.to_string().contains("frag_length"), "{error}");
        assert_eq!(pdus.next_pdu(), Err(error), "and stays so");
    }

    #[test]
    fn the_queue_refuses_what_passes_its_limit_and_gives_it_back() {
        let mut queue = SendQueue::new(10);
        queue.push(Bytes::from_static(b"123456")).unwrap();
        assert_eq!(queue.push(Bytes::from_static(b"12345")), Err(Bytes::from_static(b"12345").into()));
        queue.push(Bytes::from_static(b"1234")).unwrap();
        assert_eq!((queue.len(), queue.bytes(), queue.front_len()), (2, 10, Some(6)));
        assert_eq!(queue.pop(), Some(Bytes::from_static(b"123456").into()));
        assert_eq!(queue.bytes(), 4);
        assert_eq!(queue.drain().count(), 1);
        assert!(queue.is_empty() && queue.bytes() == 0);
    }

    /// A head is a piece of its own, so that the body need not be copied; a PDU in one piece, or all of it in its head, is one piece.
    #[test]
    fn pdus_as_pieces_of_a_stream() {
        let mut heads = Heads::default();
        let body = Bytes::from_static(CO_CANCEL);
        assert_eq!(heads.pieces(body.clone().into()), (body.clone(), None));
        let head = Inline::new(&CO_CANCEL[..10]).unwrap();
        let mut seen = Vec::new();
        for _ in 0..200 {
            let (first, rest) = heads.pieces(OutgoingPdu { head, body: body.slice(10..) });
            assert_eq!(rest.as_ref().map(|rest| rest.as_ptr()), Some(CO_CANCEL[10..].as_ptr()));
            seen.push([first, rest.unwrap()].concat());
        }
        assert!(seen.iter().all(|pdu| pdu == CO_CANCEL));
        let whole = Inline::new(CO_CANCEL).unwrap();
        assert_eq!(heads.pieces(OutgoingPdu { head: whole, body: Bytes::new() }), (body, None));
    }

    /// What is not one whole RPC PDU would put the stream out of step, wherever it is cut.
    #[test]
    fn the_queue_takes_whole_pdus_in_one_piece_or_two() {
        let mut queue = SendQueue::new(40);
        let split = |at: usize, to: usize| OutgoingPdu {
            head: Inline::new(&CO_CANCEL[..at]).unwrap(),
            body: Bytes::copy_from_slice(&CO_CANCEL[at..to]),
        };
        for bad in [OutgoingPdu::whole(Bytes::new()), split(8, 16), split(0, 15), Bytes::from_static(PING).into()] {
            let refused = queue.accept(bad).unwrap_err();
            assert_eq!(refused.reason, RefusedReason::NotAPdu);
        }
        queue.accept(split(16, 16)).unwrap();
        queue.accept(split(0, 16)).unwrap();
        assert_eq!((queue.bytes(), queue.longest(), queue.take_writable()), (32, Some(16), false));
        let refused = queue.accept(split(16, 16)).unwrap_err();
        assert_eq!((refused.pdu, refused.reason), (split(16, 16), RefusedReason::QueueFull { limit: 40 }));
        assert!(!queue.take_writable(), "32 of 40 bytes");
        assert_eq!(queue.pop(), Some(split(16, 16)));
        assert!(queue.take_writable() && !queue.take_writable(), "told once");
        assert_eq!(queue.drain().collect::<Vec<_>>(), [CO_CANCEL]);
    }

    #[test]
    fn a_lifetime_keeps_room_for_its_last_words() {
        let mut lifetime = Lifetime::new(131_072);
        assert!(lifetime.has_room_for_rpc(130_048) && !lifetime.has_room_for_rpc(130_049));
        lifetime.on_sent(130_048);
        assert_eq!((lifetime.sent(), lifetime.left()), (130_048, 1_024));
        assert!(!lifetime.has_room_for_rpc(1));
        assert!(lifetime.has_room_for_rts(1_024) && !lifetime.has_room_for_rts(1_025));
        assert!(lifetime.approaches_its_end(4_096));
        lifetime.on_sent(2_000);
        assert_eq!(lifetime.left(), 0);
    }

    #[test]
    fn debug_shows_lengths() {
        assert_eq!(format!("{:?}", ChannelPdu::of(Bytes::from_static(CO_CANCEL))), "Rpc(16 bytes)");
        assert_eq!(format!("{:?}", ChannelPdu::of(Bytes::from_static(PING))), "Rts(20 bytes)");
        let header = RtsHeader { frag_length: 20, flags: crate::rts::RtsFlags::PING, number_of_commands: 0 };
        assert_eq!(&encode_to_bytes(&header).unwrap()[..], PING);
    }
}
