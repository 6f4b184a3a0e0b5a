//! What the end of a request means for the Session Context: [MS-OXCMAPIHTTP] 3.1.5 and 3.1.7.

use std::time::{Duration, Instant};

use oxwire_core::{Error, Misuse};
use oxwire_http::Origin;
use oxwire_mapi::mapihttp::{RequestType, ResponseCode};

use super::cookies::Jar;
use super::exchange::{Exchange, Finished, Purpose, Request, later};
use super::lane::{Lane, Redirected, Which};
use super::{Client, Completion, Established, Event, Outcome, RedirectHandle, Response, RetryAdvice, State};
use crate::trace::event;

/// Advice beyond these is cut to them: a server does not make a client try for ever, or wait for ever.
const MOST_RETRIES: u32 = 10;
const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(60);

/// An Execute request body ([MS-OXCMAPIHTTP] 2.2.4.2.1) with an empty ROP list: flags for an answer neither compressed nor
/// obfuscated, a ROP buffer of RPC_HEADER_EXT and RopSize 2 alone, MaxRopOut 0x10008, no auxiliary buffer.
const EMPTY_EXECUTE: [u8; 26] = [
    3, 0, 0, 0, // Flags
    10, 0, 0, 0, // RopBufferSize
    0, 0, 4, 0, 2, 0, 2, 0, // RPC_HEADER_EXT: Version, Flags (Last), Size, SizeActual
    2, 0, // RopSize
    8, 0, 1, 0, // MaxRopOut
    0, 0, 0, 0, // AuxiliaryBufferSize
];

impl Client {
    /// A response is whole.
    pub(super) fn on_finished(&mut self, now: Instant, which: Which, exchange: Exchange, finished: Finished) {
        let Exchange { request, candidate, origin, .. } = exchange;
        if request.request_type.begins_context() && self.jar.is_empty() {
            // Nothing to be mixed with: what a balancer in front sets counts from the first response on.
            self.jar = Jar { cookies: candidate.cookies };
            return self.on_finished_with(now, which, (request, origin), None, finished);
        }
        self.on_finished_with(now, which, (request, origin), Some(candidate), finished);
    }

    fn on_finished_with(
        &mut self,
        now: Instant,
        which: Which,
        (request, origin): (Request, Origin),
        candidate: Option<Jar>,
        finished: Finished,
    ) {
        let outcome = match finished {
            Finished::Outcome(outcome) => outcome,
            Finished::Redirect { location, response, status } => {
                return self.on_redirect(now, which, (request, &origin), &location, response, status);
            }
        };
        if let Outcome::Status { retry_after: Some(after), .. } = &outcome {
            event!(debug, after_ms = crate::trace::millis(*after), "requests held back");
            self.hold_until = Some(later(now, *after));
        }
        if request.request_type.begins_context()
            && let (Outcome::Answered(response), Some(candidate)) = (&outcome, candidate)
            && says_success(response)
        {
            self.jar = candidate;
        }
        self.finish(now, request, outcome);
    }

    /// A request has come to its end; the state follows.
    pub(super) fn finish(&mut self, now: Instant, request: Request, outcome: Outcome) {
        self.restart_ping(now);
        match request.request_type {
            kind if kind.begins_context() => self.on_connect(now, request, outcome),
            kind if kind.ends_context() => self.on_disconnect(request, outcome),
            _ => self.on_in_context(request, outcome),
        }
    }

    fn on_connect(&mut self, now: Instant, request: Request, outcome: Outcome) {
        let refused = matches!(&outcome, Outcome::Refused { code: ResponseCode::CONTEXT_NOT_FOUND, .. });
        if refused && request.carried_cookies {
            // The old context is gone, and its cookies with it: one Connect without them.
            self.jar = Jar::default();
            self.queue.push_front(Request { bare: true, failures: 0, ..request.anew() });
            return;
        }
        if matches!(&outcome, Outcome::Answered(response) if says_success(response)) {
            return self.on_established(now, request, outcome);
        }
        if request.purpose == Purpose::Reconnect && self.is_worth_retrying(&request, &outcome) {
            let failures = request.failures.saturating_add(1);
            let until = later(now, self.config.retry.delay_after(failures));
            self.close_idle(Which::Main);
            self.main = Lane::Again { request: Box::new(Request { failures, ..request.anew() }), until };
            return;
        }
        let was_there = !matches!(self.state, State::Connecting { lost: false });
        self.state = if was_there { State::Lost } else { State::None };
        self.report(request, outcome);
    }

    /// A Connect that re-establishes is tried again when the server did not decide on it.
    fn is_worth_retrying(&self, request: &Request, outcome: &Outcome) -> bool {
        let undecided = match outcome {
            Outcome::Unanswered { .. } => true,
            Outcome::Status { status, .. } => *status >= 500,
            Outcome::Refused { code, .. } => {
                matches!(*code, ResponseCode::UNKNOWN_FAILURE | ResponseCode::ENDPOINT_SHUTTING_DOWN)
            }
            Outcome::Answered(_) | Outcome::NotSent { .. } => false,
        };
        undecided && request.failures < self.config.retry.count
    }

    fn on_established(&mut self, now: Instant, request: Request, outcome: Outcome) {
        let Outcome::Answered(response) = outcome else { return };
        event!(debug, "context established");
        self.context = self.next_context;
        let has_advice = request.request_type == RequestType::Connect;
        if let Some(start) = response.body.start::<20>().filter(|_| has_advice) {
            let advice = retry_advice(&start);
            self.advice = Some(advice);
            if advice.retry_count > 0 {
                self.config.retry.count = advice.retry_count.min(MOST_RETRIES);
                self.config.retry.delay = advice.retry_delay.min(LONGEST_RETRY_DELAY);
                self.config.retry.longest = self.config.retry.longest.max(self.config.retry.delay);
            }
        }
        let expiration = response.number(oxwire_http::name::X_EXPIRATION_INFO).map(Duration::from_millis);
        self.state = State::Established(Established { expiration, ..Established::default() });
        self.restart_ping(now);
        self.report(request, Outcome::Answered(response));
    }

    fn on_disconnect(&mut self, request: Request, outcome: Outcome) {
        let unbinds = request.request_type == RequestType::Unbind;
        let destroyed = match &outcome {
            // A failure response body comes with X-ResponseCode 0 too, and leaves the context there (R1168).
            Outcome::Answered(response) => says_success(response) || unbinds && says_unbound(response),
            Outcome::Refused { code, .. } => *code == ResponseCode::CONTEXT_NOT_FOUND,
            _ => false,
        };
        let (unanswered, lost) = (is_unanswered(&outcome), self.is_out_of_sequence(&outcome));
        self.report(request, outcome.clone());
        if destroyed {
            event!(debug, "context destroyed");
            self.state = State::None;
            self.jar = Jar::default();
            self.abandon_all("the Session Context was destroyed by Disconnect");
        } else if lost {
            // Nothing gets through to it any more, and nobody wants another one.
            event!(info, reason = "out of sequence", "context lost");
            self.abandon_all("the Session Context cannot be reached");
            self.state = State::Lost;
            self.events.push_back(Event::ContextLost { outcome });
        } else if let State::Established(established) = &mut self.state {
            established.disconnecting = false;
            established.out_of_step |= unanswered;
        }
    }

    /// Code 15 after a response was lost: the server has gone on in the sequence, and the cookie that says so was in that response.
    fn is_out_of_sequence(&self, outcome: &Outcome) -> bool {
        matches!(&self.state, State::Established(Established { out_of_step: true, .. }))
            && matches!(outcome, Outcome::Refused { code: ResponseCode::INVALID_SEQUENCE, .. })
    }

    fn on_in_context(&mut self, request: Request, outcome: Outcome) {
        let waits = matches!(request.request_type, RequestType::NotificationWait | RequestType::Ping);
        let replace = match &outcome {
            Outcome::Refused { code: ResponseCode::CONTEXT_NOT_FOUND, .. } => true,
            Outcome::Unanswered { .. } => !(waits && self.config.keep_context_after_lost_wait),
            outcome => self.is_out_of_sequence(outcome),
        };
        if let State::Established(established) = &mut self.state {
            match &outcome {
                Outcome::Unanswered { .. } if request.request_type != RequestType::NotificationWait => {
                    established.out_of_step = true;
                }
                Outcome::Answered(_) if request.request_type.is_call() => established.out_of_step = false,
                _ => {}
            }
        }
        if request.request_type == RequestType::NotificationWait && is_event_pending(&outcome) {
            self.on_event_pending(request, outcome);
            return;
        }
        self.report(request, outcome);
        if !replace {
            return;
        }
        match &self.state {
            // The Disconnect that waits is all that is left to do in this context.
            State::Established(Established { disconnecting: true, .. }) => {
                let disconnect = self.queue.pop_back();
                self.flush("the Session Context is being given up");
                self.queue.extend(disconnect);
            }
            State::Established(_) => self.begin_reconnect("the Session Context is being replaced"),
            _ => {}
        }
    }

    /// [MS-OXCMAPIHTTP] 2.2.4.4.2: an Execute fetches the details, one that waits anyway or one with an empty ROP list.
    fn on_event_pending(&mut self, request: Request, outcome: Outcome) {
        let Purpose::Caller(wait) = request.purpose else { return };
        let established = matches!(self.state, State::Established(Established { disconnecting: false, .. }));
        let waits_anyway = self.queue.iter().any(|request| request.request_type == RequestType::Execute);
        let fetch = self.config.fetch_pending && established && !waits_anyway;
        self.report(request, outcome);
        let execute = fetch.then(|| self.enqueue(RequestType::Execute, bytes::Bytes::from_static(&EMPTY_EXECUTE)));
        self.events.push_back(Event::EventPending { wait, execute });
    }

    /// [MS-OXCMAPIHTTP] 3.1.5.7: a Connect with all cookies of the old context. What waited for the old one is given back: it
    /// would name handles that the new one does not have, or has for something else.
    pub(super) fn begin_reconnect(&mut self, reason: &str) {
        event!(debug, reason, "context being replaced");
        self.abandon(Which::Wait, reason);
        self.flush(reason);
        self.state = State::Reconnecting;
        self.queue.push_back(Request::new(
            Purpose::Reconnect,
            self.config.endpoint.begins_with(),
            self.connect_body.clone(),
        ));
    }

    /// Tells whoever wanted the request.
    pub(super) fn report(&mut self, request: Request, outcome: Outcome) {
        let event = match (request.purpose, outcome) {
            (Purpose::Caller(handle), outcome) => {
                Event::Completed(Completion { handle, request_type: request.request_type, outcome })
            }
            (Purpose::KeepAlive, Outcome::Answered(_)) => return,
            (Purpose::KeepAlive, outcome) => {
                event!(debug, outcome = crate::trace::word(&outcome), "keep-alive failed");
                Event::KeepAliveFailed { outcome }
            }
            (Purpose::Reconnect, Outcome::Answered(response)) if matches!(self.state, State::Established(_)) => {
                self.replaced = true;
                event!(debug, "context replaced");
                Event::ContextReplaced { response }
            }
            (Purpose::Reconnect, outcome) => {
                event!(
                    info,
                    outcome = crate::trace::word(&outcome),
                    code = crate::trace::code(&outcome),
                    "context lost"
                );
                Event::ContextLost { outcome }
            }
        };
        if let (Event::KeepAliveFailed { .. }, Some(Event::KeepAliveFailed { .. })) = (&event, self.events.back()) {
            // The latest says it all: a caller that does not listen is not sent one for each PING.
            self.events.pop_back();
        }
        self.events.push_back(event);
    }

    fn on_redirect(
        &mut self,
        now: Instant,
        which: Which,
        (request, from): (Request, &Origin),
        location: &[u8],
        response: Response,
        status: u16,
    ) {
        let url = std::str::from_utf8(location).ok().and_then(|location| absolute(from, location));
        let handle = RedirectHandle(self.next_handle);
        let until = later(now, self.config.deadlines.decision);
        let (Some((location, origin)), true) = (url, request.redirects < self.config.limits.redirects) else {
            return self.finish(now, request, Outcome::Status { status, retry_after: None, response });
        };
        self.next_handle = self.next_handle.wrapping_add(1);
        let same_origin = origin == *from;
        event!(debug, status, same_origin, "request redirected");
        self.events.push_back(Event::Redirect { handle, location: location.clone(), same_origin });
        self.close_idle(which);
        *self.lane(which) =
            Lane::Redirected(Box::new(Redirected { request, handle, location, status, response, until }));
    }

    pub(super) fn on_redirect_refused(&mut self, now: Instant, redirected: Redirected) {
        let Redirected { request, status, response, .. } = redirected;
        self.finish(now, request, Outcome::Status { status, retry_after: None, response });
    }

    fn take_redirected(&mut self, call: &'static str, handle: RedirectHandle) -> Result<(Which, Redirected), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        for which in [Which::Main, Which::Wait] {
            match std::mem::replace(self.lane(which), Lane::Closed) {
                Lane::Redirected(redirected) if redirected.handle == handle => return Ok((which, *redirected)),
                lane => *self.lane(which) = lane,
            }
        }
        Err(Misuse { call, state: "no such redirect", advice: "answer each redirect once, before its deadline" }.into())
    }

    /// Consents to a redirect: the request goes there, and all that follow it. Cookies of another host do not.
    ///
    /// # Errors
    /// [`Error::Misuse`] when it has been answered, or its deadline has passed; [`Error::Closed`].
    pub fn follow_redirect(&mut self, now: Instant, handle: RedirectHandle) -> Result<(), Error> {
        let now = self.tick(now);
        let (which, redirected) = self.take_redirected("follow_redirect", handle)?;
        let Ok((origin, target)) = Origin::from_url(&redirected.location) else {
            self.on_redirect_refused(now, redirected);
            return Ok(());
        };
        self.config.url = redirected.location;
        self.origin = origin;
        self.target = target.into();
        self.endpoint = self.endpoint.wrapping_add(1);
        self.close_idle(Which::Main);
        self.close_idle(Which::Wait);
        let request = Request { redirects: redirected.request.redirects + 1, ..redirected.request.anew() };
        *self.lane(which) = Lane::Again { request: Box::new(request), until: now };
        self.pump(now);
        Ok(())
    }

    /// Refuses a redirect: the request ends in [`Outcome::Status`].
    ///
    /// # Errors
    /// As [`Client::follow_redirect`].
    pub fn refuse_redirect(&mut self, now: Instant, handle: RedirectHandle) -> Result<(), Error> {
        let now = self.tick(now);
        let (_, redirected) = self.take_redirected("refuse_redirect", handle)?;
        self.on_redirect_refused(now, redirected);
        self.pump(now);
        Ok(())
    }
}

/// Whether the body of a response to Connect or Disconnect is one of success: StatusCode and ErrorCode are both 0 (2.2.4.1.2,
/// 2.2.4.3.2).
fn says_success(response: &Response) -> bool {
    response.body.start::<8>().is_none_or(|codes| codes == [0; 8])
}

/// Whether it is the body of an Unbind that worked: StatusCode 0 and ErrorCode UnbindSuccess ([MS-OXNSPI] 3.1.4.1.2).
fn says_unbound(response: &Response) -> bool {
    response.body.start::<8>() == Some([0, 0, 0, 0, 1, 0, 0, 0])
}

const fn is_unanswered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unanswered { .. })
}

/// PollsMax, RetryCount and RetryDelay behind StatusCode and ErrorCode (2.2.4.1.2).
fn retry_advice(start: &[u8; 20]) -> RetryAdvice {
    let [.., p0, p1, p2, p3, c0, c1, c2, c3, d0, d1, d2, d3] = *start;
    let millis = |bytes| Duration::from_millis(u32::from_le_bytes(bytes).into());
    RetryAdvice {
        polls_max: millis([p0, p1, p2, p3]),
        retry_count: u32::from_le_bytes([c0, c1, c2, c3]),
        retry_delay: millis([d0, d1, d2, d3]),
    }
}

/// EventPending behind StatusCode and ErrorCode, both 0 (2.2.4.4.2).
fn is_event_pending(outcome: &Outcome) -> bool {
    let Outcome::Answered(response) = outcome else { return false };
    let Some([s0, s1, s2, s3, e0, e1, e2, e3, pending @ ..]) = response.body.start::<12>() else { return false };
    [s0, s1, s2, s3, e0, e1, e2, e3] == [0; 8] && u32::from_le_bytes(pending) == 1
}

/// A Location, absolute or from the root of the same origin.
fn absolute(origin: &Origin, location: &str) -> Option<(String, Origin)> {
    let url = match location.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => format!("{}:{location}", origin.scheme.as_str()),
        Some(_) => format!("{origin}{location}"),
        None => location.to_owned(),
    };
    let (origin, _) = Origin::from_url(&url).ok()?;
    Some((url, origin))
}
