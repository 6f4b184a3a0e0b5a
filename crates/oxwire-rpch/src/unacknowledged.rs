//! The sender of one channel instance, which remembers what it sent: PDUs that are not acknowledged are in doubt when it ends.

use std::collections::VecDeque;

use crate::fault::RefusedReason;
use crate::flow_control::{Sender, WindowFault};
use crate::rts::FlowControlAck;

/// A [`Sender`], and the lengths of the RPC PDUs that went out and are not acknowledged.
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    sender: Sender,
    /// The oldest first.
    lengths: VecDeque<u16>,
    bytes: u32,
}

impl Unacknowledged {
    /// Nothing was sent, into a window of `peer_receive_window` bytes.
    pub(crate) const fn new(peer_receive_window: u32) -> Self {
        Self { sender: Sender::new(peer_receive_window), lengths: VecDeque::new(), bytes: 0 }
    }

    pub(crate) const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Why a PDU of `len` bytes could never go out, where it could not: on a channel that carries `lifetime` bytes, up to `room` of them in
    /// RPC PDUs.
    pub(crate) fn never_takes(&self, len: usize, room: u32, lifetime: u32) -> Option<RefusedReason> {
        if !self.sender.can_ever_send(len) {
            Some(RefusedReason::LargerThanWindow { window: self.sender.peer_receive_window() })
        } else if u32::try_from(len).map_or(true, |len| len > room) {
            Some(RefusedReason::LargerThanChannel { lifetime })
        } else {
            None
        }
    }

    /// Counts an RPC PDU of `len` bytes and says whether it may go out; where it may not, nothing is counted.
    #[must_use]
    pub(crate) fn send(&mut self, len: usize) -> bool {
        let goes = self.sender.send(len);
        if goes {
            // frag_length has 16 bits, and every PDU was held against it.
            let len = u16::try_from(len).unwrap_or(u16::MAX);
            self.lengths.push_back(len);
            self.bytes = self.bytes.saturating_add(u32::from(len));
        }
        goes
    }

    /// Takes an acknowledgement. A PDU of which it covers a part is no longer in doubt: whole PDUs are acknowledged.
    ///
    /// # Errors
    /// [`WindowFault::Ack`], and nothing has changed.
    pub(crate) fn on_ack(&mut self, ack: &FlowControlAck) -> Result<(), WindowFault> {
        self.sender.on_ack(ack)?;
        let in_flight = self.sender.bytes_sent().wrapping_sub(ack.bytes_received);
        while self.bytes > in_flight
            && let Some(len) = self.lengths.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(u32::from(len));
        }
        Ok(())
    }

    /// PDUs that the receiver may or may not have: how many, and their bytes.
    pub(crate) fn in_doubt(&self) -> (usize, u32) {
        (self.lengths.len(), self.bytes)
    }
}

/// What is in doubt when a virtual connection ends: PDUs and bytes, on the former OUT channel and on the default one.
pub(crate) fn in_doubt(former: Option<&Unacknowledged>, default: Option<&Unacknowledged>) -> (usize, u32) {
    let [(pdus, bytes), (more_pdus, more_bytes)] =
        [former, default].map(|sent| sent.map_or((0, 0), Unacknowledged::in_doubt));
    (pdus.saturating_add(more_pdus), bytes.saturating_add(more_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rts::RtsCookie;

    /// [MS-RPCH] 3.2.1.5.1.2: Bytes Received says what has arrived, whatever window is left.
    #[test]
    fn what_an_acknowledgement_covers_is_no_longer_in_doubt() {
        let ack = |bytes_received, available_window| FlowControlAck {
            bytes_received,
            available_window,
            channel_cookie: RtsCookie([7; 16]),
        };
        let mut sent = Unacknowledged::new(1_000);
        assert!(sent.send(250) && sent.send(500) && sent.send(250));
        assert!(!sent.send(1));
        assert_eq!(sent.in_doubt(), (3, 1_000), "what may not go out is not counted");
        sent.on_ack(&ack(250, 750)).unwrap();
        assert_eq!((sent.in_doubt(), sent.sender().available_window()), ((2, 750), 0));
        assert!(sent.on_ack(&ack(1_001, 1_000)).is_err());
        assert_eq!(sent.in_doubt(), (2, 750), "an invalid one changes nothing");
        // A second time, late: nothing more is covered.
        sent.on_ack(&ack(250, 1_000)).unwrap();
        assert_eq!(sent.in_doubt(), (2, 750));
        sent.on_ack(&ack(1_000, 1_000)).unwrap();
        assert_eq!(sent.in_doubt(), (0, 0));
    }
}
