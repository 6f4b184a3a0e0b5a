//! The applications: what they send, consume and close, and what they are told.

use std::time::Duration;

use bytes::Bytes;
use oxwire::core::Inline;
use oxwire::rpc::association::OutgoingPdu;
use oxwire::rpch::fault::RefusedReason;
use oxwire::rpch::{client, endpoint};

use super::model::Reported;
use super::random::Random;
use super::settings::Plan;
use super::violation::Invariant;
use super::world::World;

/// An RPC PDU that says which it is.
fn pdu(random: &mut Random, number: u64, size: usize) -> Bytes {
    let mut bytes = vec![number.to_le_bytes()[0]; size];
    bytes[..10].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0, 0, 0]);
    bytes[8..10].copy_from_slice(&u16::try_from(size).unwrap_or(u16::MAX).to_le_bytes());
    bytes[10..12].fill(0);
    bytes[12..16].copy_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    bytes[16..24].copy_from_slice(&random.next().to_le_bytes());
    bytes.into()
}

/// The same as an association gives it: whole, or with the head of a request in front.
fn given(pdu: &Bytes, number: u64) -> OutgoingPdu {
    match pdu.split_at_checked(24).and_then(|(head, _)| Inline::new(head)) {
        Some(head) if number % 2 == 1 => OutgoingPdu { head, body: pdu.slice(24..) },
        _ => pdu.clone().into(),
    }
}

impl World {
    pub(super) fn paused(&self) -> bool {
        self.paused_until.is_some_and(|until| until > self.now)
    }

    /// Each sends while it may, and consumes when it likes.
    pub(super) fn applications(&mut self) {
        let now = self.now;
        if self.paused_until.is_none()
            && let Some((at, pause)) = self.settings.pause
            && self.directions[0].taken >= at
            && self.opened
        {
            self.paused_until = Some(now + pause);
            if self.random.one_in(2) {
                let interval = Duration::from_secs(60 + self.random.below(600));
                let _ended = self.machines.client.set_keep_alive(now, Some(interval));
            }
        }
        if self.opened && !self.paused() {
            for _ in 0..self.random.below(4) {
                self.send(0);
                self.send(1);
            }
        }
        if self.random.one_in(self.settings.slowness) {
            while let Some(len) = self.directions[1].unconsumed.pop_front() {
                let _ended = self.machines.client.consume(now, len);
            }
            while let Some(len) = self.directions[0].unconsumed.pop_front() {
                self.machines.far.consume(now, len);
            }
        }
    }

    pub(super) fn may_send(&self, which: usize) -> bool {
        self.ends[which].is_none() && !self.blocked[which] && self.directions[which].taken < self.settings.total[which]
    }

    fn send(&mut self, which: usize) {
        if !self.may_send(which) {
            return;
        }
        let size = usize::try_from(24 + self.random.below(self.settings.largest - 23)).unwrap_or(24);
        let pdu = pdu(&mut self.random, self.directions[which].taken, size);
        let (now, given) = (self.now, given(&pdu, self.directions[which].taken));
        let result = if which == 0 {
            self.machines.client.send_pdu(now, given.clone())
        } else {
            let Some(result) = self.machines.far.send_pdu(now, given.clone()) else { return };
            result
        };
        match result {
            Ok(()) => self.directions[which].take(pdu),
            Err(refused) => match refused.reason {
                RefusedReason::QueueFull { .. } if refused.pdu == given => self.blocked[which] = true,
                RefusedReason::NotOpened | RefusedReason::Closed if refused.pdu == given => {}
                reason => {
                    self.check(Err(Invariant::End.broken(format!("a PDU of {size} bytes was refused: {reason:?}"))))
                }
            },
        }
    }

    pub(super) fn client_told(&mut self, event: client::Event) {
        self.check_not_over(0, &event);
        match event {
            client::Event::Opened { .. } => self.opened = true,
            client::Event::Pdu(pdu) => self.got(1, &pdu),
            client::Event::Recycled(which) => self.network.tally().recyclings[which as usize] += 1,
            client::Event::Writable => self.blocked[0] = false,
            client::Event::Closed { reason, unsent, sent } => {
                self.ends[0] = Some(reason.to_string());
                let taken = self.directions[0].taken;
                if sent + unsent.len() as u64 != taken {
                    let (unsent, error) = (unsent.len(), "PDUs were taken, but of them were");
                    let text = format!("{taken} {error} {sent} sent and {unsent} unsent");
                    self.check(Err(Invariant::Loss.broken(text)));
                }
                self.directions[0].ended = Some(Reported::Sent(sent));
                unsent.into_iter().for_each(|pdu| self.directions[0].give_back(pdu));
            }
            _ => {}
        }
    }

    pub(super) fn server_told(&mut self, event: endpoint::Event) {
        self.check_not_over(1, &event);
        match event {
            endpoint::Event::Pdu(pdu) => self.got(0, &pdu),
            endpoint::Event::Writable => self.blocked[1] = false,
            endpoint::Event::Undelivered(pdu) => self.directions[1].give_back(pdu),
            endpoint::Event::Closed { error, in_doubt_pdus, .. } => {
                self.ends[1] = Some(error.to_string());
                self.directions[1].ended = Some(Reported::InDoubt(in_doubt_pdus as u64));
            }
            _ => {}
        }
    }

    /// Nothing comes after the last event.
    fn check_not_over(&mut self, end: usize, event: &impl std::fmt::Debug) {
        if self.ends[end].is_some() {
            self.check(Err(Invariant::End.broken(format!("{event:?} after the last event"))));
        }
    }

    fn got(&mut self, which: usize, pdu: &Bytes) {
        let result = self.directions[which].deliver(pdu);
        self.check(result);
    }

    /// Something closes, by plan.
    pub(super) fn disturb(&mut self) {
        let now = self.now;
        match self.settings.plan {
            Plan::ClientCloses(at) if self.directions[0].taken >= at && self.opened => {
                self.disturbed = true;
                self.network.relax();
                self.machines.client.close(now);
            }
            Plan::ServerCloses(at) if self.directions[1].taken >= at && self.opened => {
                self.disturbed = true;
                self.network.relax();
                self.machines.far.close(now);
            }
            _ => {}
        }
    }
}
