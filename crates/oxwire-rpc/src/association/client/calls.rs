//! Calls in flight, of a client.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use super::super::outgoing::Message;
use super::super::reassembly::Reassembly;
use super::super::{CallId, SecurityId};
use super::event::{Event, Fate};
use crate::pdu::DataRepresentation;

/// One call that was made and has not ended.
#[derive(Debug)]
pub(super) struct InFlight {
    /// The security context that it goes out with.
    pub(super) security: Option<SecurityId>,
    pub(super) incoming: Option<(Reassembly, DataRepresentation)>,
    /// Whether anything of it was taken out.
    pub(super) sent: bool,
    pub(super) deadline: Option<Instant>,
    /// Set by `cancel`: when the call is orphaned.
    pub(super) orphan_at: Option<Instant>,
    /// Nobody waits for it: orphaned or timed out. What comes of it is dropped.
    pub(super) abandoned: bool,
}

/// All of them, and what waits to be sent.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) in_flight: HashMap<u32, InFlight>,
    pub(super) queue: VecDeque<Message>,
    /// Bytes of stub data in `queue`.
    pub(super) queued: usize,
    /// Bytes that have come of answers that are not whole yet.
    pub(super) reassembling: usize,
}

impl Calls {
    pub(super) fn add(&mut self, message: Message, deadline: Option<Instant>) {
        self.queued = self.queued.saturating_add(message.left());
        let call = InFlight {
            security: message.security,
            incoming: None,
            sent: false,
            deadline,
            orphan_at: None,
            abandoned: false,
        };
        self.in_flight.insert(message.call_id, call);
        self.queue.push_back(message);
    }

    /// Ends a call. False where it was abandoned before, and nobody is to be told.
    pub(super) fn end(&mut self, call_id: u32) -> bool {
        let Some(call) = self.in_flight.remove(&call_id) else { return false };
        let held = call.incoming.as_ref().map_or(0, |(incoming, _)| incoming.len());
        self.reassembling = self.reassembling.saturating_sub(held);
        !call.abandoned
    }

    /// Takes a call out of the queue that nothing was sent of; its stub data.
    pub(super) fn unqueue(&mut self, call_id: u32) -> Option<Bytes> {
        let at = self.queue.iter().position(|message| message.call_id == call_id && !message.is_started())?;
        let message = self.queue.remove(at)?;
        self.queued = self.queued.saturating_sub(message.left());
        Some(message.stub)
    }

    /// Takes what is left of a call out of the queue, started or not: its last fragments are not sent.
    pub(super) fn drop_queued(&mut self, call_id: u32) {
        if let Some(at) = self.queue.iter().position(|message| message.call_id == call_id)
            && let Some(message) = self.queue.remove(at)
        {
            self.queued = self.queued.saturating_sub(message.left());
        }
    }

    /// Ends all calls, in the order in which they were made.
    pub(super) fn end_all(&mut self, reason: &std::sync::Arc<str>) -> Vec<Event> {
        let mut calls: Vec<_> = std::mem::take(&mut self.in_flight).into_iter().collect();
        self.queue.clear();
        (self.queued, self.reassembling) = (0, 0);
        calls.sort_unstable_by_key(|(call_id, _)| *call_id);
        let told = calls.into_iter().filter(|(_, call)| !call.abandoned);
        told.map(|(call_id, call)| Event::Undelivered {
            call: CallId(call_id),
            fate: if call.sent { Fate::Unknown } else { Fate::NotSent },
            reason: reason.clone(),
        })
        .collect()
    }

    /// The earliest time that anything of a call is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.in_flight
            .values()
            .filter(|call| !call.abandoned)
            .flat_map(|call| [call.deadline, call.orphan_at])
            .flatten()
            .min()
    }
}
