//! One request on its connection, and its response as it arrives: [MS-OXCMAPIHTTP] 2.2.2 and 3.1.5.6.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, FileTime, PeerFault};
use oxwire_http::{Fields, Origin, ResponseHead, Version, name};
use oxwire_mapi::mapihttp::{
    AdditionalHeader, RequestType, ResponseCode, ResponseLimits, ResponseParser, ResponsePart,
};

use super::cookies::Jar;
use super::date::parse_http_date;
use super::{Body, ClientLimits, Deadlines, Outcome, RequestHandle, Response};
use crate::{CONTENT_TYPE_DIAGNOSTICS, GuidCounter, media_type_is};

/// Who wants a request, and so who hears of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Purpose {
    /// The caller, or the machine on its behalf after EventPending: [`super::Event::Completed`].
    Caller(RequestHandle),
    /// The machine, to keep the context alive.
    KeepAlive,
    /// The machine, to re-establish the context.
    Reconnect,
}

/// A request that waits, is in flight, or goes out again.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Request {
    pub(super) purpose: Purpose,
    #[cfg_attr(feature = "serde", serde(with = "super::stored::request_type"))]
    pub(super) request_type: RequestType,
    pub(super) body: Bytes,
    /// Given when it first goes out, and kept: a request that goes out again is the same request (3.1.7.1).
    pub(super) id: Option<GuidCounter>,
    /// How often it failed to go out.
    pub(super) failures: u32,
    pub(super) redirects: u32,
    /// A Connect that has to go out without the old cookies: they have been refused.
    pub(super) bare: bool,
    /// A Connect that went out with old cookies.
    pub(super) carried_cookies: bool,
}

impl Request {
    pub(super) const fn new(purpose: Purpose, request_type: RequestType, body: Bytes) -> Self {
        Self { purpose, request_type, body, id: None, failures: 0, redirects: 0, bare: false, carried_cookies: false }
    }

    /// The same wish as another request: with an X-RequestId of its own.
    pub(super) fn anew(self) -> Self {
        Self { id: None, ..self }
    }
}

/// The body's length only.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} ({} bytes, {:?})", self.request_type, self.id, self.body.len(), self.purpose)
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) conn: ConnectionId,
    pub(super) request: Request,
    /// The whole request has been taken by the driver.
    pub(super) sent: bool,
    /// The endpoint that it was sent to: its number, and where it is. A redirect may lead the client elsewhere meanwhile.
    pub(super) endpoint: u64,
    pub(super) origin: Origin,
    pub(super) target: Arc<str>,
    /// Cookies of a Connect's response: those of a context that is not yet ours.
    pub(super) candidate: Jar,
    /// The connection carries another request after this one.
    pub(super) reusable: bool,
    reading: Reading,
    head: Option<ResponseHead>,
    pub(super) started: Instant,
    silence: Instant,
    /// How long all of it may take.
    allowed: Duration,
    allowed_silence: Duration,
}

#[derive(Debug)]
enum Reading {
    /// The head has not come.
    Head,
    /// Meta-tags, additional headers, response body.
    Stream { parser: ResponseParser, additional: Vec<AdditionalHeader>, body: Body },
    /// A body without meta-tags: diagnostic text. What is over the limit is dropped.
    Text { code: Option<ResponseCode>, body: Body },
}

/// A response that is whole.
#[derive(Debug)]
pub(super) enum Finished {
    Outcome(Outcome),
    Redirect { location: Vec<u8>, response: Response, status: u16 },
}

const STATE: &str = "waiting for a response";
const SPEC: &str = "[MS-OXCMAPIHTTP] 2.2.2.2";

pub(super) fn fault(expected: &'static str, found: impl Into<std::borrow::Cow<'static, str>>) -> PeerFault {
    let advice = "check that the URL is the one Autodiscover gave and that no device on the way rewrites responses";
    PeerFault { state: STATE, expected: expected.into(), found: found.into(), spec: SPEC, advice }
}

impl Exchange {
    pub(super) fn new(
        now: Instant,
        conn: ConnectionId,
        request: Request,
        (endpoint, origin, target): (u64, Origin, Arc<str>),
        deadlines: &Deadlines,
    ) -> Self {
        Self {
            conn,
            request,
            sent: false,
            endpoint,
            origin,
            target,
            candidate: Jar::default(),
            reusable: false,
            reading: Reading::Head,
            head: None,
            started: now,
            silence: later(now, deadlines.first_response),
            allowed: deadlines.whole_request,
            allowed_silence: deadlines.first_response,
        }
    }

    /// When the connection counts as dead.
    pub(super) fn deadline(&self) -> Instant {
        self.silence.min(self.whole())
    }

    fn whole(&self) -> Instant {
        later(self.started, self.allowed)
    }

    /// Why the deadline passed, for people.
    pub(super) fn deadline_reason(&self) -> Arc<str> {
        let what = if self.head.is_none() { "no response" } else { "silence beyond X-PendingPeriod" };
        if self.whole() <= self.silence {
            "the request took longer than allowed (`Deadlines::whole_request`)".into()
        } else {
            format!("{what} for {:?}", self.allowed_silence).into()
        }
    }

    /// Whether any of a response has come.
    pub(super) const fn is_answering(&self) -> bool {
        self.head.is_some()
    }

    /// A final response head: whether it answers this request, and what will follow it.
    pub(super) fn on_head(
        &mut self,
        now: Instant,
        head: &ResponseHead,
        limits: &ClientLimits,
        deadlines: &Deadlines,
    ) -> Result<(), PeerFault> {
        if self.head.is_some() {
            return Err(fault("one response for one request", "a second response head"));
        }
        let fields = head.fields();
        if let (Some(sent), Some(echoed)) = (self.request.id, fields.text(name::X_REQUEST_ID)) {
            // Some proxies answer without it; whoever sends another one answers another request.
            if echoed.parse() != Ok(sent) {
                return Err(fault("the X-RequestId of the request", format!("X-RequestId {echoed:.80}")));
            }
        }
        let code = fields.all(name::X_RESPONSE_CODE).last().map(ResponseCode::parse);
        let code = match code {
            Some(Err(_)) => return Err(fault("a decimal X-ResponseCode", "something else")),
            Some(Ok(code)) => Some(code),
            None => None,
        };
        // 14 is reserved and ignored (2.2.3.3.3): then the body alone says what it is.
        let html = fields.first(name::CONTENT_TYPE).is_some_and(|value| media_type_is(value, CONTENT_TYPE_DIAGNOSTICS));
        self.reading = match code {
            Some(code) if head.status() == 200 && (code.is_success() || code.is_reserved() && !html) => {
                let limits = ResponseLimits::DEFAULT.with_body_bytes(limits.body_bytes);
                Reading::Stream { parser: ResponseParser::new(limits), additional: Vec::new(), body: Body::default() }
            }
            code => Reading::Text { code: code.filter(|code| !code.is_reserved()), body: Body::default() },
        };
        let period = number(fields, name::X_PENDING_PERIOD).map_or(deadlines.pending_period, Duration::from_millis);
        self.allowed_silence = period.saturating_add(deadlines.pending_margin).min(deadlines.whole_request);
        self.silence = later(now, self.allowed_silence);
        self.reusable = keeps_alive(head);
        Ok(())
    }

    /// Keeps a head that [`Exchange::on_head`] has accepted.
    pub(super) fn keep(&mut self, head: ResponseHead) {
        self.head = Some(without_device_info(head));
    }

    /// A piece of the response's HTTP body.
    pub(super) fn on_body(&mut self, now: Instant, mut piece: Bytes, limits: &ClientLimits) -> Result<(), PeerFault> {
        self.silence = later(now, self.allowed_silence);
        match &mut self.reading {
            Reading::Head => Err(fault("a response head", "a response body")),
            Reading::Text { body, .. } => {
                let room = limits.diagnostics_bytes.saturating_sub(body.len());
                piece.truncate(room);
                body.push(piece);
                Ok(())
            }
            Reading::Stream { parser, additional, body } => loop {
                match parser.parse(&mut piece) {
                    Ok(Some(ResponsePart::Header(header))) => additional.push(header),
                    Ok(Some(ResponsePart::Body(piece))) => body.push(piece),
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(fault("meta-tags, headers and a body", error.to_string())),
                }
            },
        }
    }

    /// The end of the response.
    pub(super) fn on_end(
        &mut self,
        wall: FileTime,
        limits: &ClientLimits,
        deadlines: &Deadlines,
    ) -> Result<Finished, PeerFault> {
        let Some(head) = self.head.take() else {
            return Err(fault("a response head", "the end of a response"));
        };
        let status = head.status();
        match std::mem::replace(&mut self.reading, Reading::Head) {
            Reading::Head => Err(fault("a response head", "the end of a response")),
            Reading::Text { code, body } => {
                let location = head.fields().first(name::LOCATION).map(<[u8]>::to_vec);
                let retry_after = retry_after(head.fields(), wall).map(|after| after.min(deadlines.retry_after));
                let response = Response { head, additional: Vec::new(), body };
                Ok(match (status, code, location) {
                    (301 | 302 | 307 | 308, _, Some(location)) => Finished::Redirect { location, response, status },
                    (200, Some(code), _) => Finished::Outcome(Outcome::Refused { code, response }),
                    _ => Finished::Outcome(Outcome::Status { status, retry_after, response }),
                })
            }
            Reading::Stream { parser, additional, body } => {
                parser.finish().map_err(|error| fault("meta-tags, headers and a body", error.to_string()))?;
                let mut response = Response { head, additional, body };
                // The code behind DONE overrides the one in the head (quirks of every server: it is the later one).
                let inner = response.additional.iter().rev().find(|header| header.is(name::X_RESPONSE_CODE));
                let code = match inner.map(|header| ResponseCode::parse(header.value())) {
                    Some(Ok(code)) => code,
                    // The request was answered: what cannot be read is no success, and its text stands in `additional`.
                    Some(Err(_)) => ResponseCode::UNKNOWN_FAILURE,
                    None => ResponseCode::SUCCESS,
                };
                if code.is_success() || code.is_reserved() {
                    return Ok(Finished::Outcome(Outcome::Answered(response)));
                }
                response.body = cut(response.body, limits.diagnostics_bytes);
                Ok(Finished::Outcome(Outcome::Refused { code, response }))
            }
        }
    }
}

/// The time `duration` later. `Instant` cannot say every time: what it cannot say is a day away.
pub(super) fn later(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration).or_else(|| now.checked_add(Duration::from_secs(86_400))).unwrap_or(now)
}

/// Whether the connection carries another request after this response ([RFC 9112] 9.3).
fn keeps_alive(head: &ResponseHead) -> bool {
    let says = |what: &str| {
        let mut options = head.fields().all(name::CONNECTION).flat_map(|value| value.split(|byte| *byte == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(what.as_bytes()))
    };
    !says("close") && (head.version() == Version::Http11 || says("keep-alive"))
}

pub(super) fn number(fields: &Fields, name: &str) -> Option<u64> {
    fields.text(name)?.trim_ascii().parse().ok()
}

/// [RFC 9110] 10.2.3: seconds or a date.
fn retry_after(fields: &Fields, wall: FileTime) -> Option<Duration> {
    if let Some(seconds) = number(fields, name::RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    let at = parse_http_date(fields.first(name::RETRY_AFTER)?)?;
    let date = fields.first(name::DATE).and_then(parse_http_date).unwrap_or(wall);
    Some(at.saturating_since(date))
}

fn without_device_info(head: ResponseHead) -> ResponseHead {
    if head.fields().first(name::X_DEVICE_INFO).is_none() {
        return head;
    }
    head.to_builder().without(name::X_DEVICE_INFO).response().unwrap_or(head)
}

fn cut(body: Body, limit: usize) -> Body {
    if body.len() <= limit { body } else { Body::from(body.into_bytes().slice(..limit)) }
}
