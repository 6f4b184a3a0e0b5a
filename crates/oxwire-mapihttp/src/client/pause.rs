//! A client put away and taken up again: after a sleep, on another network, in another process.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{Closed, ConnectionIds, Error, FileTime, Misuse};
use oxwire_http::Reset;
use oxwire_mapi::mapihttp::RequestType;

use super::cookies::Jar;
use super::exchange::{Purpose, Request, later};
use super::lane::{Lane, Which};
use super::{Client, Completion, Config, ContextState, Established, Event, Outcome, RequestHandle, RetryAdvice, State};

/// What became of a request that a pause found under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Fate {
    /// It has not gone out whole. It goes out, as it is, after `resume`; where its context has to be replaced,
    /// [`Outcome::NotSent`] gives it back.
    NotSent,
    /// It was sent, and its response was not whole: [`Outcome::Unanswered`] reports it.
    Unanswered,
    /// It has come to its end; its `Completed` had not been taken and still comes.
    Answered,
}

/// A request that a pause found under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InFlight {
    /// The request.
    pub handle: RequestHandle,
    /// What became of it.
    pub fate: Fate,
}

/// A client put away: cookies, counters, GUIDs, expiry, what waits. Plain data; with the `serde` feature it can be stored.
///
/// It holds what opens the Session Context and mailbox data: store it as a password is stored. It is not `Clone`, since two
/// clients of one context would violate its sequence; who restores one copy twice does so too.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Paused {
    version: u32,
    config: Config,
    wall: FileTime,
    state: Stored,
    jar: Jar,
    next_context: u64,
    context: u64,
    request_counter: u64,
    client_info: Option<u64>,
    connect_body: Bytes,
    advice: Option<RetryAdvice>,
    queue: VecDeque<Request>,
    wait: Option<Request>,
    hold: Option<Duration>,
    events: VecDeque<Event>,
    next_connection: u64,
    next_handle: u64,
    in_flight: Vec<InFlight>,
}

/// [`State`], with durations in the place of instants.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Stored {
    None,
    Connecting { lost: bool },
    Established { expiration: Option<Duration>, ping_in: Option<Duration>, disconnecting: bool, out_of_step: bool },
    Reconnecting,
    Lost,
}

impl Paused {
    /// The version of the stored form that this crate writes, and the only one that it resumes.
    pub const VERSION: u32 = 1;

    /// The version of this one.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// What the pause found under way, and what became of it.
    #[must_use]
    pub fn in_flight(&self) -> &[InFlight] {
        &self.in_flight
    }

    /// Where the Session Context will stand after `resume`.
    #[must_use]
    pub const fn state(&self) -> ContextState {
        match self.state {
            Stored::None => ContextState::None,
            Stored::Connecting { .. } => ContextState::Connecting,
            Stored::Established { .. } => ContextState::Established,
            Stored::Reconnecting => ContextState::Reconnecting,
            Stored::Lost => ContextState::Lost,
        }
    }
}

/// No cookie values, no bodies.
impl fmt::Debug for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paused")
            .field("version", &self.version)
            .field("url", &self.config.url)
            .field("wall", &self.wall)
            .field("state", &self.state)
            .field("cookies", &self.jar)
            .field("in_flight", &self.in_flight)
            .field("waiting", &self.queue.len())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Puts the client away, at any moment, also in the middle of a response. This one is closed then: its connections are to be
    /// aborted, as `poll_transmit` says. A driver that knows of a request that it did not write whole says so first
    /// ([`Reset::not_sent`]); what it has taken counts as sent otherwise.
    ///
    /// # Errors
    /// [`Closed`] after the end.
    pub fn pause(&mut self, now: Instant, wall: FileTime) -> Result<Paused, Closed> {
        let now = self.tick(now);
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone());
        }
        for which in [Which::Main, Which::Wait] {
            self.put_away(now, which);
        }
        let in_flight = self.in_flight();
        self.queue.retain(|request| request.purpose != Purpose::KeepAlive);
        // Its request waits again, and will be redirected again.
        self.events.retain(|event| !matches!(event, Event::Redirect { .. }));
        let closed = Closed { reason: "paused".into() };
        let state = match std::mem::replace(&mut self.state, State::Closed(closed)) {
            State::None | State::Closed(_) => Stored::None,
            State::Connecting { lost } => Stored::Connecting { lost },
            State::Established(Established { expiration, ping_at, disconnecting, out_of_step }) => {
                Stored::Established {
                    expiration,
                    ping_in: ping_at.map(|at| at.saturating_duration_since(now)),
                    disconnecting,
                    out_of_step,
                }
            }
            State::Reconnecting => Stored::Reconnecting,
            State::Lost => Stored::Lost,
        };
        Ok(Paused {
            version: Paused::VERSION,
            config: self.config.clone(),
            wall,
            state,
            jar: std::mem::take(&mut self.jar),
            next_context: self.next_context,
            context: self.context,
            request_counter: self.request_counter,
            client_info: self.client_info,
            connect_body: std::mem::take(&mut self.connect_body),
            advice: self.advice,
            queue: std::mem::take(&mut self.queue),
            wait: self.waiting_wait.take(),
            hold: self.hold_until.map(|until| until.saturating_duration_since(now)),
            events: std::mem::take(&mut self.events),
            next_connection: self.connections.allocate().number(),
            next_handle: self.next_handle,
            in_flight,
        })
    }

    /// Goes on where a pause left off: what was not sent goes out in the same context, what was sent and not answered is
    /// reported and the context replaced. Time passed ends nothing by itself ([MS-OXCMAPIHTTP] 3.1.5.7). Wall time that went
    /// back counts as no time.
    ///
    /// # Errors
    /// [`Misuse`] for another version of the stored form, or a stored URL that is none.
    pub fn resume(paused: Paused, now: Instant, wall: FileTime) -> Result<Self, Error> {
        if paused.version != Paused::VERSION {
            let advice = "resume with the version of this crate that paused, or begin with `Client::new`";
            return Err(Misuse { call: "resume", state: "paused by another version", advice }.into());
        }
        let away = wall.saturating_since(paused.wall);
        let from_now = |left: Duration| later(now, left.saturating_sub(away));
        let mut client = Self::new(paused.config, now, wall)?;
        client.state = match paused.state {
            Stored::None => State::None,
            Stored::Connecting { lost } => State::Connecting { lost },
            Stored::Established { expiration, ping_in, disconnecting, out_of_step } => {
                State::Established(Established {
                    expiration,
                    ping_at: ping_in.map(from_now),
                    disconnecting,
                    out_of_step,
                })
            }
            Stored::Reconnecting => State::Reconnecting,
            Stored::Lost => State::Lost,
        };
        client.jar = paused.jar;
        client.next_context = paused.next_context;
        client.context = paused.context;
        client.request_counter = paused.request_counter;
        client.client_info = paused.client_info;
        client.connect_body = paused.connect_body;
        client.advice = paused.advice;
        client.queue = paused.queue;
        client.waiting_wait = paused.wait;
        client.hold_until = paused.hold.map(from_now);
        client.replaced = paused.events.iter().any(|event| matches!(event, Event::ContextReplaced { .. }));
        client.events = paused.events;
        client.connections = ConnectionIds::starting_at(paused.next_connection);
        client.next_handle = paused.next_handle;
        client.pump(now);
        Ok(client)
    }

    /// Every request of the caller's that has not been told of: those that have come to their end, in the order in which
    /// they will be told, then those that wait.
    fn in_flight(&self) -> Vec<InFlight> {
        let told = self.events.iter().filter_map(|event| match event {
            Event::Completed(Completion { handle, outcome, .. }) => {
                let fate = match outcome {
                    Outcome::NotSent { .. } => Fate::NotSent,
                    Outcome::Unanswered { .. } => Fate::Unanswered,
                    Outcome::Answered(_) | Outcome::Refused { .. } | Outcome::Status { .. } => Fate::Answered,
                };
                Some(InFlight { handle: *handle, fate })
            }
            _ => None,
        });
        let waits = self.waiting_wait.iter().chain(&self.queue).filter_map(|request| match request.purpose {
            Purpose::Caller(handle) => Some(InFlight { handle, fate: Fate::NotSent }),
            _ => None,
        });
        told.chain(waits).collect()
    }

    /// Cuts a lane's connection, and does with its request what the rules say.
    fn put_away(&mut self, now: Instant, which: Which) {
        let request = match std::mem::replace(self.lane(which), Lane::Closed) {
            Lane::Closed => return,
            Lane::Idle { conn } => return self.abort(conn),
            Lane::Again { request, .. } => *request,
            Lane::Redirected(redirected) => redirected.request.anew(),
            Lane::Busy(exchange) => {
                self.abort(exchange.conn);
                if exchange.request.purpose == Purpose::KeepAlive {
                    return;
                }
                if exchange.sent || exchange.is_answering() {
                    let reset = Reset::unknown("paused");
                    self.on_reset(now, which, *exchange, reset);
                    // A Connect that re-establishes goes out again by itself.
                    match self.lane(which).take_again() {
                        Some(request) => request,
                        None => return,
                    }
                } else {
                    exchange.request
                }
            }
        };
        let request = Request { failures: 0, ..request };
        match which {
            Which::Main => self.queue.push_front(request),
            Which::Wait if request.request_type == RequestType::NotificationWait => self.waiting_wait = Some(request),
            Which::Wait => {}
        }
    }
}
