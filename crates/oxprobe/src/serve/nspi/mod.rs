//! The address book endpoint of MAPI over HTTP: Session Contexts, and the calls in them.

mod answers;
#[cfg(test)]
mod tests;

use std::time::Instant;

use oxwire::core::{DecodeError, FileTime, encode_to_bytes};
use oxwire::mapi::nspi::{BindRequest, BindSuccess, UNBIND_SUCCESS, UnbindRequest, UnbindResponse, UnbindSuccess};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapihttp::server::{CancelReason, Event, Refusal, Request, Server, ServerConfig};

use super::app::App;
use super::autodiscover::Offers;
use super::book::calls;
use answers::Answer;

/// The endpoint's path.
pub(crate) const PATH: &str = "/mapi/nspi/";

/// Machine and name of the endpoint. Its calls keep no state between them: a session is its Session Context.
pub(crate) struct AddressBook {
    /// The machine.
    pub(crate) machine: Server<()>,
}

impl AddressBook {
    /// A new one.
    ///
    /// # Errors
    /// The machine refuses its configuration.
    pub(crate) fn new(secure_cookies: bool, now: Instant, wall: FileTime) -> Result<Self, String> {
        let config = ServerConfig::address_book().with_secure_cookies(secure_cookies);
        let machine = Server::new(now, wall, config, crate::entropy::fill).map_err(|error| error.to_string())?;
        Ok(Self { machine })
    }

    /// Whether a request is for this endpoint.
    pub(crate) fn serves(target: &str) -> bool {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        path.trim_end_matches('/').eq_ignore_ascii_case(PATH.trim_end_matches('/'))
    }

    /// Answers, or takes note of, what the machine says.
    pub(crate) fn on_event(&mut self, now: Instant, app: &App, offers: &Offers, event: Event<()>) {
        match event {
            Event::Bind(request) => self.on_bind(now, app, &request),
            Event::Unbind(request) => self.on_unbind(now, app, &request),
            Event::Call(request) => self.on_call(now, app, offers, &request),
            Event::Cancelled { reason, context, .. } if reason != CancelReason::ClientGone => {
                app.say(&format!("address book context {}: cancelled, {reason:?}", context.number()));
            }
            Event::Ended { removed, reason } => {
                let (number, principal) = (removed.context.number(), removed.principal);
                app.say(&format!("address book context {number} of {principal}: ended, {reason:?}"));
            }
            Event::Refused { conn, refusal, detail, .. } => {
                app.note(conn, &format!("address book request refused, code {}: {detail}", refusal.code()));
            }
            _ => {}
        }
    }

    fn on_bind(&mut self, now: Instant, app: &App, request: &Request) {
        let bind: BindRequest<'_> = match request.decode() {
            Ok(bind) => bind,
            Err(error) => return self.undecodable(now, app, request, &error),
        };
        let code_page = bind.state.map_or(0, |state| state.code_page);
        let error_code = calls::bind(code_page);
        let success = BindSuccess { error_code, server_guid: app.book_guid(), auxiliary_buffer: &[] };
        let Ok(body) = encode_to_bytes(&success) else { return self.broken(now, request) };
        told(app, request, error_code);
        let _ = if error_code.is_success() {
            self.machine.accept(now, request.handle, (), &[body]).map_err(drop)
        } else {
            self.machine.decline(now, request.handle, &[body]).map_err(drop)
        };
    }

    fn on_unbind(&mut self, now: Instant, app: &App, request: &Request) {
        let decoded: Result<UnbindRequest<'_>, _> = request.decode();
        if let Err(error) = decoded {
            return self.undecodable(now, app, request, &error);
        }
        let success = UnbindSuccess { error_code: UNBIND_SUCCESS, auxiliary_buffer: &[] };
        match encode_to_bytes(&UnbindResponse::Success(success)) {
            Ok(body) => {
                told(app, request, ErrorCode::SUCCESS);
                let _ = self.machine.respond(now, request.handle, &[body]);
            }
            Err(_) => self.broken(now, request),
        }
    }

    fn on_call(&mut self, now: Instant, app: &App, offers: &Offers, request: &Request) {
        let book = app.book();
        match answers::answer(&book, app.users(), offers, request.request_type, &request.body) {
            Ok(Some(Answer { body, error_code })) => {
                told(app, request, error_code);
                let _ = self.machine.respond(now, request.handle, &[body]);
            }
            Ok(None) => self.broken(now, request),
            Err(error) => self.undecodable(now, app, request, &error),
        }
    }

    fn undecodable(&mut self, now: Instant, app: &App, request: &Request, error: &DecodeError) {
        app.note(request.conn, &format!("{} refused: {error}", request.request_type));
        let _ = self.machine.fail(now, request.handle, Refusal::InvalidRequestBody, &error.to_string());
    }

    fn broken(&mut self, now: Instant, request: &Request) {
        let _ = self.machine.fail(now, request.handle, Refusal::UnknownFailure, "The response could not be built.");
    }
}

fn told(app: &App, request: &Request, error_code: ErrorCode) {
    let (context, what) = (request.context.number(), request.request_type);
    app.note(request.conn, &format!("{} address book context {context}: {what}: {error_code}", request.principal));
}
