//! Flow control, [MS-RPCH] 3.2.1.1.4 to 3.2.1.5.1.3: what a sender may send, and what a receiver acknowledges.
//!
//! Only RPC PDUs count. RTS PDUs and HTTP heads are exempt, so that a ping or an acknowledgement never waits for a window.
//!
//! A [`Sender`] and a [`Receiver`] belong to **one channel instance**: a successor channel begins with counters at zero and a
//! whole window, and what is still queued from its predecessor counts against the predecessor alone (3.2.1.1.5.1.3 counts
//! "on the IN channel or OUT channel instance").
//!
//! # Where the text leaves a choice
//! - 3.2.1.3 begins Receiver AvailableWindow at 0, while 3.2.1.1.5.1.2 defines it as ReceiveWindow less what is queued. It begins
//!   at ReceiveWindow: with 0 the first acknowledgement would be wrong.
//! - 3.2.1.4.1.3 sends while AvailableWindow is "greater than" the first PDU, and stops when it is "less than" the next. A PDU
//!   exactly as large as the window is sent, else it never could be.
//! - 3.2.1.5.1.1 and 3.2.1.5.1.2 give one formula under two names of its first term: the Available Window field of the
//!   acknowledgement is meant. A result that is negative or larger than ReceiveWindow makes the acknowledgement invalid.
//! - 3.2.1.5.1.3 sets "ReceiveWindowSize" from a command that describes the peer's window: it is PeerReceiveWindow that is set.
//! - 3.2.1.4.1.1 leaves the threshold open: see [`AckThreshold`].
//! - The counters have 32 bits. A channel carries less than 2^32 bytes, but a leg between proxy and server outlives the channels
//!   that use it, so all arithmetic is modulo 2^32.

use oxwire_core::{Misuse, PeerFault};

use crate::rts::{FlowControlAck, RtsCookie};

/// When a receiver acknowledges, [MS-RPCH] 3.2.1.4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AckThreshold {
    /// When a PDU is consumed and AvailableWindowAdvertised is less than half of ReceiveWindow: what Windows does (note 27).
    ///
    /// By that rule alone a PDU of more than half the window could wait for ever: less than it is left, and more than what is
    /// acknowledged. So the half is never taken as less than [`Receiver::with_largest_pdu`].
    #[default]
    HalfWindow,
    /// Whenever a PDU is consumed: many acknowledgements, and never a stall.
    EveryRelease,
    /// When a PDU is consumed and AvailableWindowAdvertised is less than this many bytes.
    Below(u32),
}

/// What breaks flow control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowFault {
    /// More was sent than the receiver has advertised.
    #[error("an RPC PDU of {len} bytes where AvailableWindowAdvertised is {advertised} ([MS-RPCH] 3.2.1.4.1.3)")]
    Overrun {
        /// Bytes of the PDU.
        len: u32,
        /// Bytes that were left.
        advertised: u32,
    },
    /// An acknowledgement whose numbers cannot be.
    #[error(
        "a FlowControlAck of {bytes_received} bytes received and {available_window} available, where {bytes_sent} were sent \
         into a window of {receive_window} ([MS-RPCH] 3.2.1.5.1.1)"
    )]
    Ack {
        /// Bytes Received of the acknowledgement.
        bytes_received: u32,
        /// Available Window of the acknowledgement.
        available_window: u32,
        /// BytesSent.
        bytes_sent: u32,
        /// PeerReceiveWindow.
        receive_window: u32,
    },
}

impl WindowFault {
    /// As the error of a machine in `state`.
    #[must_use]
    pub fn to_peer_fault(self, state: &'static str) -> PeerFault {
        let (expected, spec) = match self {
            Self::Overrun { .. } => ("RPC PDUs within the advertised window", "[MS-RPCH] 3.2.1.4.1.3"),
            Self::Ack { .. } => {
                ("a FlowControlAck RTS PDU that leaves 0 to ReceiveWindow bytes", "[MS-RPCH] 3.2.1.5.1.1")
            }
        };
        let advice = "the virtual connection is closed; the peer counts wrongly, or PDUs were lost on the way";
        PeerFault { state, expected: expected.into(), found: self.to_string().into(), spec, advice }
    }
}

/// The sender's half, on one channel instance: BytesSent, Sender AvailableWindow, PeerReceiveWindow. [MS-RPCH] 3.2.1.1.4
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    peer_receive_window: u32,
    available: u32,
    bytes_sent: u32,
}

impl Sender {
    /// A channel on which nothing was sent, into a window of `peer_receive_window` bytes ([MS-RPCH] 3.2.1.3.1).
    #[must_use]
    pub const fn new(peer_receive_window: u32) -> Self {
        Self { peer_receive_window, available: peer_receive_window, bytes_sent: 0 }
    }

    /// PeerReceiveWindow, in bytes.
    #[must_use]
    pub const fn peer_receive_window(&self) -> u32 {
        self.peer_receive_window
    }

    /// Sender AvailableWindow, in bytes.
    #[must_use]
    pub const fn available_window(&self) -> u32 {
        self.available
    }

    /// BytesSent, modulo 2^32.
    #[must_use]
    pub const fn bytes_sent(&self) -> u32 {
        self.bytes_sent
    }

    /// Whether an RPC PDU of `len` bytes may go out now. [MS-RPCH] 3.2.1.4.1.3
    #[must_use]
    pub fn may_send(&self, len: usize) -> bool {
        u32::try_from(len).is_ok_and(|len| len <= self.available)
    }

    /// Whether an RPC PDU of `len` bytes can ever go out: one larger than the peer's whole window would wait for ever.
    #[must_use]
    pub fn can_ever_send(&self, len: usize) -> bool {
        u32::try_from(len).is_ok_and(|len| len <= self.peer_receive_window)
    }

    /// Counts an RPC PDU of `len` bytes and says whether it may go out; where it may not, nothing is counted.
    #[must_use]
    pub fn send(&mut self, len: usize) -> bool {
        match u32::try_from(len).ok().and_then(|len| Some((len, self.available.checked_sub(len)?))) {
            Some((len, available)) => {
                self.available = available;
                self.bytes_sent = self.bytes_sent.wrapping_add(len);
                true
            }
            None => false,
        }
    }

    /// Takes an acknowledgement of this channel: AvailableWindow = Available Window − (BytesSent − Bytes Received).
    /// [MS-RPCH] 3.2.1.5.1.2
    ///
    /// # Errors
    /// [`WindowFault::Ack`], and nothing has changed: 3.2.1.5.1.1 wants it treated as an invalid PDU.
    pub fn on_ack(&mut self, ack: &FlowControlAck) -> Result<(), WindowFault> {
        let in_flight = self.bytes_sent.wrapping_sub(ack.bytes_received);
        match ack.available_window.checked_sub(in_flight) {
            Some(available) if ack.available_window <= self.peer_receive_window => {
                self.available = available;
                Ok(())
            }
            _ => Err(WindowFault::Ack {
                bytes_received: ack.bytes_received,
                available_window: ack.available_window,
                bytes_sent: self.bytes_sent,
                receive_window: self.peer_receive_window,
            }),
        }
    }
}

/// The receiver's half, on one channel instance: ReceiveWindow, Receiver AvailableWindow, BytesReceived,
/// AvailableWindowAdvertised. [MS-RPCH] 3.2.1.1.5
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    receive_window: u32,
    queued: u32,
    advertised: u32,
    bytes_received: u32,
    threshold: AckThreshold,
    largest_pdu: u32,
}

impl Receiver {
    /// A channel on which nothing was received, with a window of `receive_window` bytes.
    #[must_use]
    pub const fn new(receive_window: u32, threshold: AckThreshold) -> Self {
        Self { receive_window, queued: 0, advertised: receive_window, bytes_received: 0, threshold, largest_pdu: 0 }
    }

    /// The largest PDU that the peer may send, in bytes; see [`AckThreshold::HalfWindow`]. Default 0: unknown.
    #[must_use]
    pub const fn with_largest_pdu(mut self, bytes: u32) -> Self {
        self.largest_pdu = bytes;
        self
    }

    /// Acknowledges by another threshold from now on.
    pub const fn set_threshold(&mut self, threshold: AckThreshold) {
        self.threshold = threshold;
    }

    /// ReceiveWindow, in bytes.
    #[must_use]
    pub const fn receive_window(&self) -> u32 {
        self.receive_window
    }

    /// Receiver AvailableWindow: ReceiveWindow less what is queued, in bytes.
    #[must_use]
    pub const fn available_window(&self) -> u32 {
        self.receive_window.saturating_sub(self.queued)
    }

    /// AvailableWindowAdvertised, in bytes.
    #[must_use]
    pub const fn available_window_advertised(&self) -> u32 {
        self.advertised
    }

    /// BytesReceived, modulo 2^32.
    #[must_use]
    pub const fn bytes_received(&self) -> u32 {
        self.bytes_received
    }

    /// Bytes received and not yet consumed.
    #[must_use]
    pub const fn queued(&self) -> u32 {
        self.queued
    }

    /// Takes an RPC PDU of `len` bytes into the ReceiveWindow. [MS-RPCH] 3.2.1.5.1.1
    ///
    /// # Errors
    /// [`WindowFault::Overrun`], and nothing has changed.
    pub fn on_received(&mut self, len: usize) -> Result<(), WindowFault> {
        let overrun = |advertised| WindowFault::Overrun { len: u32::try_from(len).unwrap_or(u32::MAX), advertised };
        let bytes = u32::try_from(len).map_err(|_| overrun(self.advertised))?;
        self.advertised = self.advertised.checked_sub(bytes).ok_or_else(|| overrun(self.advertised))?;
        self.queued = self.queued.saturating_add(bytes);
        self.bytes_received = self.bytes_received.wrapping_add(bytes);
        Ok(())
    }

    /// Releases `len` bytes of consumed RPC PDUs, and says whether an acknowledgement is due; take it by [`ack`](Self::ack).
    /// [MS-RPCH] 3.2.1.4.1.1
    ///
    /// # Errors
    /// [`Misuse`] when fewer bytes are queued; nothing has changed.
    pub fn consume(&mut self, len: usize) -> Result<bool, Misuse> {
        let queued = u32::try_from(len).ok().and_then(|len| self.queued.checked_sub(len)).ok_or(Misuse {
            call: "consume",
            state: "fewer bytes received",
            advice: "consume each RPC PDU once, by its length",
        })?;
        self.queued = queued;
        let below = match self.threshold {
            AckThreshold::EveryRelease => return Ok(len > 0),
            AckThreshold::HalfWindow => (self.receive_window / 2).max(self.largest_pdu),
            AckThreshold::Below(bytes) => bytes.max(self.largest_pdu),
        };
        Ok(len > 0 && self.advertised < below.min(self.receive_window))
    }

    /// The acknowledgement as of now, which counts as sent: AvailableWindowAdvertised becomes Receiver AvailableWindow.
    pub const fn ack(&mut self, channel_cookie: RtsCookie) -> FlowControlAck {
        self.advertised = self.available_window();
        FlowControlAck { bytes_received: self.bytes_received, available_window: self.advertised, channel_cookie }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: RtsCookie = RtsCookie([7; 16]);

    fn ack(bytes_received: u32, available_window: u32) -> FlowControlAck {
        FlowControlAck { bytes_received, available_window, channel_cookie: COOKIE }
    }

    /// [MS-RPCH] 4.2, row by row: sender's AvailableWindow and BytesSent, receiver's AvailableWindow and BytesReceived.
    #[test]
    fn example_4_2_at_every_release() {
        let (mut sender, mut receiver) = (Sender::new(1_000), Receiver::new(1_000, AckThreshold::EveryRelease));
        let state =
            |s: &Sender, r: &Receiver| (s.available_window(), s.bytes_sent(), r.available_window(), r.bytes_received());
        assert_eq!(state(&sender, &receiver), (1_000, 0, 1_000, 0));
        assert!(sender.send(250));
        assert_eq!(state(&sender, &receiver), (750, 250, 1_000, 0));
        receiver.on_received(250).unwrap();
        assert_eq!(state(&sender, &receiver), (750, 250, 750, 250));
        assert!(receiver.consume(100).unwrap());
        let first = receiver.ack(COOKIE);
        assert_eq!(first, ack(250, 850));
        assert_eq!(state(&sender, &receiver), (750, 250, 850, 250));
        assert!(sender.send(500));
        assert_eq!(state(&sender, &receiver), (250, 750, 850, 250));
        sender.on_ack(&first).unwrap();
        assert_eq!(state(&sender, &receiver), (350, 750, 850, 250));
        receiver.on_received(500).unwrap();
        assert_eq!(state(&sender, &receiver), (350, 750, 350, 750));
        assert!(receiver.consume(200).unwrap());
        let second = receiver.ack(COOKIE);
        assert_eq!(second, ack(750, 550));
        assert_eq!(state(&sender, &receiver), (350, 750, 550, 750));
        sender.on_ack(&second).unwrap();
        assert_eq!(state(&sender, &receiver), (550, 750, 550, 750));
        // The example releases 550 bytes where 450 are queued (250 + 500 - 100 - 200): its 1,000 is reached with 450.
        assert!(receiver.consume(450).unwrap());
        let third = receiver.ack(COOKIE);
        assert_eq!(third, ack(750, 1_000));
        sender.on_ack(&third).unwrap();
        assert_eq!(state(&sender, &receiver), (1_000, 750, 1_000, 750));
    }

    /// Note 27: an acknowledgement once less than half of the window is advertised, at the moment of consumption.
    #[test]
    fn windows_acknowledges_below_half_of_the_window() {
        let mut receiver = Receiver::new(65_536, AckThreshold::default());
        receiver.on_received(32_768).unwrap();
        assert!(!receiver.consume(32_768).unwrap(), "half is not less than half");
        receiver.on_received(1).unwrap();
        assert!(receiver.consume(1).unwrap());
        assert_eq!(receiver.ack(COOKIE), ack(32_769, 65_536));
        assert_eq!(receiver.available_window_advertised(), 65_536);
    }

    #[test]
    fn a_pdu_of_more_than_half_the_window_does_not_wait_for_ever() {
        let (mut sender, mut receiver) = (Sender::new(8_192), Receiver::new(8_192, AckThreshold::HalfWindow));
        receiver = receiver.with_largest_pdu(5_840);
        assert!(sender.send(3_000));
        assert!(!sender.may_send(5_840));
        receiver.on_received(3_000).unwrap();
        assert!(receiver.consume(3_000).unwrap(), "5,192 bytes are advertised, which is more than half");
        sender.on_ack(&receiver.ack(COOKIE)).unwrap();
        assert!(sender.may_send(5_840));
    }

    #[test]
    fn a_pdu_as_large_as_the_window_is_sent_and_a_larger_one_never_can_be() {
        let mut sender = Sender::new(8_192);
        assert!(sender.can_ever_send(8_192) && !sender.can_ever_send(8_193));
        assert!(!sender.send(8_193));
        assert_eq!(sender, Sender::new(8_192), "what is refused is not counted");
        assert!(sender.send(8_192));
        assert!(!sender.may_send(1));
    }

    /// 3.2.1.5.1.1: a negative result, or one beyond the window, makes the acknowledgement invalid.
    #[test]
    fn acknowledgements_that_cannot_be() {
        let mut sender = Sender::new(1_000);
        assert!(sender.send(600));
        let before = sender;
        for bad in [ack(0, 599), ack(601, 1_000), ack(600, 1_001), ack(u32::MAX, 0)] {
            let fault = sender.on_ack(&bad).unwrap_err();
            let text = fault.to_peer_fault("opened").to_string();
            assert!(
                text.contains("FlowControlAck") && text.contains("opened") && text.contains("3.2.1.5.1.1"),
                "{text}"
            );
            assert_eq!(sender, before);
        }
        sender.on_ack(&ack(0, 600)).unwrap();
        assert_eq!(sender.available_window(), 0);
    }

    #[test]
    fn an_overrun_is_told_and_not_counted() {
        let mut receiver = Receiver::new(1_000, AckThreshold::EveryRelease);
        receiver.on_received(900).unwrap();
        assert_eq!(receiver.on_received(101), Err(WindowFault::Overrun { len: 101, advertised: 100 }));
        assert_eq!(receiver.bytes_received(), 900);
        // Consumed and not acknowledged is not advertised.
        assert!(receiver.consume(900).unwrap());
        assert!(receiver.on_received(101).is_err());
        let _sent = receiver.ack(COOKIE);
        receiver.on_received(101).unwrap();
    }

    #[test]
    fn counters_pass_four_gibibytes() {
        let (mut sender, mut receiver) =
            (Sender::new(0x8000_0000), Receiver::new(0x8000_0000, AckThreshold::EveryRelease));
        for _ in 0..5 {
            assert!(sender.send(0x7000_0000));
            receiver.on_received(0x7000_0000).unwrap();
            assert!(receiver.consume(0x7000_0000).unwrap());
            sender.on_ack(&receiver.ack(COOKIE)).unwrap();
            assert_eq!(sender.available_window(), 0x8000_0000);
        }
    }

    #[test]
    fn consuming_more_than_came_is_misuse() {
        let mut receiver = Receiver::new(1_000, AckThreshold::EveryRelease);
        receiver.on_received(10).unwrap();
        assert!(receiver.consume(11).is_err());
        assert!(receiver.consume(10).unwrap());
        assert!(!receiver.consume(0).unwrap());
    }
}
