//! Contexts as data, so that another node can take them over.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{FileTime, Principal};
use oxwire_mapi::mapihttp::{EventPending, ResponseCode};
use zeroize::Zeroize;

use super::answers::{Answer, Reply};
use super::cookie::{ContextCookie, Sequence};
use super::{ContextId, Refusal, Server, TableFull};
use crate::trace::event;

/// A context that has left its server: the client's cookies go on being worth something where it is imported.
///
/// It holds credentials: `Debug` does not show them, they are wiped when it is dropped, and it cannot be cloned, since two
/// servers with one context would each hand out a next sequence. With the feature `serde` it can be stored and sent.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExportedContext {
    cookie: [u8; ContextCookie::LEN],
    sequence: u32,
    principal: String,
    expires: FileTime,
    notified: bool,
    answers: Vec<ExportedAnswer>,
}

#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct ExportedAnswer {
    request_id: Vec<u8>,
    fingerprint: u64,
    /// X-ResponseCode; 0 is success.
    code: u32,
    parts: Vec<Bytes>,
}

impl ExportedContext {
    /// Whose context it is.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// When it expires without a request.
    #[must_use]
    pub const fn expires(&self) -> FileTime {
        self.expires
    }
}

impl Drop for ExportedContext {
    fn drop(&mut self) {
        self.cookie.zeroize();
    }
}

impl fmt::Debug for ExportedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedContext")
            .field("principal", &self.principal)
            .field("expires", &self.expires)
            .field("notified", &self.notified)
            .field("answers", &self.answers.len())
            .finish_non_exhaustive()
    }
}

/// Why a context is not exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There is no such context.
    #[error("there is no such context: it has ended")]
    NotFound,
    /// A request of it is being answered.
    #[error("a request of the context is being answered: answer it, then export")]
    Busy,
}

/// Why a context is not imported; everything comes back.
pub struct NotImported<T> {
    /// Why.
    pub error: ImportError,
    /// What was given.
    pub exported: ExportedContext,
    /// What was given.
    pub state: T,
}

/// Why a context is not imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Its lifetime has passed meanwhile.
    #[error("the context expired while it was under way")]
    Expired,
    /// No room, or it is here already.
    #[error(transparent)]
    Full(#[from] TableFull),
}

impl<T> fmt::Debug for NotImported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotImported").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for NotImported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl<T> std::error::Error for NotImported<T> {}

impl<T> Server<T> {
    /// Takes a context out, to be imported elsewhere; a wait of it ends. The state is the application's again.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn export(&mut self, now: Instant, id: ContextId) -> Result<(ExportedContext, Option<T>), ExportError> {
        let now = self.advance(now);
        let context = self.table.context(id).ok_or(ExportError::NotFound)?;
        if context.working().is_some() {
            return Err(ExportError::Busy);
        }
        if let Some(waiting) = context.waiting() {
            self.finish_wait(now, waiting, EventPending::default());
        }
        let lifetime = self.config.table.lifetime;
        let found = (self.table.context(id), self.table.cookie(id), self.table.idle_since(id));
        let (Some(context), Some(cookie), Some(idle_since)) = found else { return Err(ExportError::NotFound) };
        let exported = ExportedContext {
            cookie: *cookie.to_bytes(),
            sequence: context.sequence.0,
            principal: context.principal.name().to_owned(),
            expires: self.wall(idle_since).saturating_add(lifetime),
            notified: context.notified,
            answers: context.answers.iter().map(exported_answer).collect(),
        };
        event!(debug, context = id.number(), "context exported");
        let state = self.table.remove(id).and_then(|removed| removed.state);
        self.resume_held(now);
        Ok((exported, state))
    }

    /// Takes a context in that another server has exported, with the application's state for it. What is left of its lifetime is
    /// counted by wall time.
    ///
    /// # Errors
    /// [`NotImported`], with what was given.
    pub fn import(&mut self, now: Instant, exported: ExportedContext, state: T) -> Result<ContextId, NotImported<T>> {
        let now = self.advance(now);
        self.expire(now);
        let lifetime = self.config.table.lifetime;
        let left = exported.expires.saturating_since(self.wall(now)).min(lifetime);
        let principal = Principal::new(exported.principal.as_str());
        let cookie = ContextCookie::from_bytes(&exported.cookie);
        let inserted = if left.is_zero() {
            Err(ImportError::Expired)
        } else {
            let idle_since = now.checked_sub(lifetime - left).unwrap_or(now);
            self.table.insert(idle_since, &principal, &cookie, Sequence(exported.sequence)).map_err(ImportError::from)
        };
        let id = match inserted {
            Ok(id) => id,
            Err(error) => return Err(NotImported { error, exported, state }),
        };
        if let Some(context) = self.table.context_mut(id) {
            context.notified = exported.notified;
            context.state = Some(state);
        }
        event!(debug, context = id.number(), "context imported");
        for answer in &exported.answers {
            self.table.keep_answer(id, imported_answer(answer));
        }
        Ok(id)
    }
}

fn exported_answer(answer: &Answer) -> ExportedAnswer {
    let code = answer.reply.code().number();
    let parts = match &answer.reply {
        Reply::Success(parts) => parts.to_vec(),
        Reply::Failure(_, text) => vec![text.clone()],
    };
    ExportedAnswer { request_id: answer.request_id.to_vec(), fingerprint: answer.fingerprint, code, parts }
}

fn imported_answer(answer: &ExportedAnswer) -> Answer {
    let code = ResponseCode::new(answer.code);
    let reply = if code.is_success() {
        Reply::Success(answer.parts.clone().into())
    } else {
        let known = Refusal::ALL.into_iter().find(|refusal| refusal.code() == code);
        let text = answer.parts.first().cloned().unwrap_or_default();
        Reply::Failure(known.unwrap_or(Refusal::UnknownFailure), text)
    };
    Answer { request_id: answer.request_id.clone().into(), fingerprint: answer.fingerprint, reply }
}
