//! One session with a mailbox: requests that are waited for, over the driver.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{Limits, decode_all};
use oxwire::mapi::mapihttp::{ExecuteResponse, RequestType};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapihttp::client::{Event, Outcome, Rejected, RequestHandle, Response};

use super::advice;
use super::operations::Carrier;
use super::packing::Packing;
use super::stack::{ClientStack, Happening};
use crate::net::driver::Driver;
use crate::report::Failure;

/// A mailbox session.
pub(crate) struct Session {
    /// Sockets, authentication, machine.
    pub(crate) driver: Driver<ClientStack>,
    /// The context was replaced since this was last set to `false`.
    pub(crate) replaced: bool,
    /// The Execute that fetches the events that a NotificationWait said are pending.
    pub(crate) fetching: Option<RequestHandle>,
    /// Completions that came while another was waited for.
    kept: Vec<(RequestHandle, RequestType, Outcome)>,
    /// How payloads are stored.
    pub(crate) packing: Packing,
}

impl Session {
    /// Over a driver.
    pub(crate) const fn new(driver: Driver<ClientStack>, packing: Packing) -> Self {
        Self { driver, replaced: false, fetching: None, kept: Vec::new(), packing }
    }

    /// Waits for the next thing that happens, and keeps what a later step asks for.
    ///
    /// # Errors
    /// The context is lost, or the server sends the client elsewhere.
    pub(crate) async fn next(&mut self) -> Result<Option<Happening>, Failure> {
        loop {
            let Some(happening) = self.driver.stack.poll_event() else {
                self.driver.turn().await;
                continue;
            };
            let Happening::Machine(event) = happening else { return Ok(Some(happening)) };
            match event {
                Event::Completed(completion) => {
                    self.kept.push((completion.handle, completion.request_type, completion.outcome));
                }
                Event::ContextReplaced { .. } => self.replaced = true,
                Event::ContextLost { outcome } => return Err(advice::of_outcome(RequestType::Connect, &outcome)),
                Event::Redirect { location, .. } => {
                    let came = format!("a redirect to {location}");
                    let advice = "if you trust that host, run the test with that --url: a password is not sent where nobody asked it to go";
                    return Err(Failure::new("an answer from --url", came, advice));
                }
                Event::EventPending { execute, .. } => self.fetching = execute,
                _ => {}
            }
            return Ok(None);
        }
    }

    /// Takes the outcome of a request, where it has come.
    pub(crate) fn take(&mut self, handle: RequestHandle) -> Option<(RequestType, Outcome)> {
        let at = self.kept.iter().position(|(of, ..)| *of == handle)?;
        let (_, request_type, outcome) = self.kept.swap_remove(at);
        Some((request_type, outcome))
    }

    /// Whether the outcome of a request has come.
    pub(crate) fn holds(&self, handle: RequestHandle) -> bool {
        self.kept.iter().any(|(of, ..)| *of == handle)
    }

    /// The failure of a request whose outcome has come, when it is that HTTP status.
    pub(crate) fn refusal_by_status(&self, handle: RequestHandle, wanted: u16) -> Option<Failure> {
        let (_, request_type, outcome) = self.kept.iter().find(|(of, ..)| *of == handle)?;
        match outcome {
            Outcome::Status { status, .. } if *status == wanted => Some(advice::of_outcome(*request_type, outcome)),
            _ => None,
        }
    }

    /// Waits for the outcome of a request.
    ///
    /// # Errors
    /// Those of [`Session::next`]; the outcome itself is the caller's to judge.
    pub(crate) async fn outcome(&mut self, handle: RequestHandle) -> Result<(RequestType, Outcome), Failure> {
        loop {
            if let Some(found) = self.take(handle) {
                return Ok(found);
            }
            self.next().await?;
        }
    }

    /// Waits for the response to a request.
    ///
    /// # Errors
    /// Every outcome but an answer.
    pub(crate) async fn response(&mut self, handle: RequestHandle) -> Result<Response, Failure> {
        match self.outcome(handle).await? {
            (_, Outcome::Answered(response)) => Ok(response),
            (request_type, outcome) => Err(advice::of_outcome(request_type, &outcome)),
        }
    }

    /// Hands an Execute over.
    ///
    /// # Errors
    /// The operations grow past what one Execute carries, or the machine does not take it.
    pub(crate) fn begin_execute(&mut self, rops: &Bytes) -> Result<RequestHandle, Failure> {
        let body = self.packing.execute_body(rops)?;
        self.driver.stack.machine.execute(Instant::now(), body).map_err(|rejected| rejection("Execute", &rejected))
    }
}

impl Carrier for Session {
    async fn carry(&mut self, rops: &Bytes) -> Result<Bytes, Failure> {
        let handle = self.begin_execute(rops)?;
        let response = self.response(handle).await?;
        rop_payload(&mut self.packing, response)
    }
}

/// The ROP responses payload of an Execute response.
///
/// # Errors
/// A body that does not decode, a failure response body, an ErrorCode.
pub(crate) fn rop_payload(packing: &mut Packing, response: Response) -> Result<Bytes, Failure> {
    let body = response.body.into_bytes();
    let decoded: Result<ExecuteResponse<'_>, _> = decode_all(&body, &Limits::DEFAULT);
    match decoded {
        Ok(ExecuteResponse::Success(success)) if success.error_code == 0 => {
            packing.received(success.rop_buffer);
            packing.received(success.auxiliary_buffer);
            success.rop_payload(&body).map_err(|error| undecodable("Execute", &error))
        }
        Ok(ExecuteResponse::Success(success)) => {
            let code = ErrorCode(success.error_code);
            Err(Failure::new(
                "ErrorCode 0 in the Execute response",
                format!("ErrorCode {code}"),
                advice::of_error(code),
            ))
        }
        Ok(ExecuteResponse::Failure(failure)) => {
            let code = ErrorCode(failure.status_code);
            Err(Failure::new(
                "StatusCode 0 in the Execute response",
                format!("StatusCode {code}"),
                advice::of_error(code),
            ))
        }
        Err(error) => Err(undecodable("Execute", &error)),
    }
}

/// A response body that is not what its section says.
pub(crate) fn undecodable(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        format!("a response to {what} that decodes"),
        error.to_string(),
        "the server's answer breaks the specification at that place: report it to its maker, with this line",
    )
}

/// A verb that the machine refuses.
pub(crate) fn rejection(what: &str, rejected: &Rejected) -> Failure {
    Failure::new(
        format!("a session in which {what} can be sent"),
        rejected.error.to_string(),
        "an earlier step ended the session: see there",
    )
}
