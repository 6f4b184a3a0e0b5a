//! Operations in one call, and their answers in order.

use bytes::{Bytes, BytesMut};
use oxwire::core::{EncodeError, Limits, decode_all};
use oxwire::mapi::property::{ErrorCode, PropertyTags};
use oxwire::mapi::rop::{Exchange, Handle, NotificationData, RequestBuilder, RopBuffer, RopId, RopResponse};

use super::advice;
use super::session::undecodable;
use crate::report::Failure;

/// What brings operations to the server, and the answers back: Execute, or EcDoRpcExt2.
pub(crate) trait Carrier {
    /// Sends a ROP requests payload and gives the ROP responses payload.
    ///
    /// # Errors
    /// What came instead.
    async fn carry(&mut self, rops: &Bytes) -> Result<Bytes, Failure>;
}

/// A ROP input buffer that is ready to go.
pub(crate) struct Operations(Bytes);

impl Operations {
    /// Operations on these handles, which they name by index.
    ///
    /// # Errors
    /// They cannot be encoded.
    pub(crate) fn new(
        handles: &[Handle],
        write: impl FnOnce(&mut RequestBuilder<'_>) -> Result<(), EncodeError>,
    ) -> Result<Self, Failure> {
        let mut out = BytesMut::new();
        let mut requests = RequestBuilder::new(&mut out);
        let written = write(&mut requests).and_then(|()| requests.finish(handles));
        written.map_err(|error| unencodable(&error))?;
        Ok(Self(out.freeze()))
    }

    /// The bytes.
    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Sends them, and waits for the answers.
    ///
    /// # Errors
    /// What came instead of the answers.
    pub(crate) async fn run(self, carrier: &mut impl Carrier) -> Result<Answers, Failure> {
        let received = carrier.carry(&self.0).await?;
        Ok(self.answered(received))
    }

    /// With the answers to them, which came apart.
    pub(crate) fn answered(self, received: Bytes) -> Answers {
        Answers { sent: self.0, received }
    }
}

/// Operations that cannot be sent.
pub(crate) fn unencodable(error: &EncodeError) -> Failure {
    let advice = "check --user-dn: it goes into the operations as it stands";
    Failure::new("operations that can be encoded", error.to_string(), advice)
}

/// What was asked, and what the server answered.
pub(crate) struct Answers {
    sent: Bytes,
    /// The ROP responses payload.
    pub(crate) received: Bytes,
}

type Columns<'a> = fn(u8) -> Option<PropertyTags<'a>>;

impl Answers {
    /// To a call that asked for nothing.
    ///
    /// # Errors
    /// The empty list cannot be built.
    pub(crate) fn to_nothing(received: Bytes) -> Result<Self, Failure> {
        let Operations(sent) = Operations::new(&[], |_| Ok(()))?;
        Ok(Self { sent, received })
    }

    /// The handle at an index of the table.
    ///
    /// # Errors
    /// No ROP output buffer came, or its table ends before.
    pub(crate) fn handle(&self, index: u8) -> Result<Handle, Failure> {
        let found = buffer(&self.received)?.handles().at(index).filter(|handle| handle.is_used());
        found.ok_or_else(|| undecodable("the operations", &format!("no handle at index {index}")))
    }

    /// The answers in order. Where a RopQueryRows stands without its RopSetColumns, `columns` are those of its table.
    ///
    /// # Errors
    /// No ROP output buffer came.
    pub(crate) fn in_order<'a>(&'a self, columns: fn(u8) -> Option<PropertyTags<'a>>) -> Result<Sequence<'a>, Failure> {
        let exchange = buffer(&self.received)?.responses(buffer(&self.sent)?.requests(), columns);
        Ok(Sequence { exchange, notices: Vec::new() })
    }
}

fn buffer(payload: &[u8]) -> Result<RopBuffer<'_>, Failure> {
    decode_all(payload, &Limits::DEFAULT).map_err(|error| undecodable("the operations", &error))
}

/// No table has columns from before.
pub(crate) fn no_columns<'a>(_index: u8) -> Option<PropertyTags<'a>> {
    None
}

/// Answers, one after the other.
pub(crate) struct Sequence<'a> {
    exchange: Exchange<'a, Columns<'a>>,
    notices: Vec<NotificationData<'a>>,
}

impl<'a> Sequence<'a> {
    /// The next answer to an operation; what the server adds unasked is kept.
    ///
    /// # Errors
    /// A refusal, nothing, or what does not decode.
    pub(crate) fn next(&mut self) -> Result<RopResponse<'a>, Failure> {
        loop {
            match self.exchange.next() {
                None => return Err(undecodable("the operations", &"an operation without an answer")),
                Some(Err(error)) => return Err(undecodable("the operations", &error)),
                Some(Ok(pair)) => match pair.response {
                    RopResponse::Notify(notify) => self.notices.push(notify.notification_data),
                    RopResponse::Pending(_) => {}
                    RopResponse::Failure(failure) => return Err(refused(failure.rop_id, failure.return_value)),
                    RopResponse::BufferTooSmall(_) => {
                        return Err(refused(RopId::BUFFER_TOO_SMALL, ErrorCode::BUFFER_TOO_SMALL));
                    }
                    RopResponse::Backoff(backoff) => {
                        let mut failure = refused(RopId::BACKOFF, ErrorCode::SERVER_BUSY);
                        failure.came = format!("RopBackoff: wait {} ms", backoff.duration_ms);
                        return Err(failure);
                    }
                    response => return Ok(response),
                },
            }
        }
    }

    /// What the server told unasked, to the end of the buffer.
    ///
    /// # Errors
    /// It does not decode.
    pub(crate) fn notices(mut self) -> Result<Vec<NotificationData<'a>>, Failure> {
        for pair in self.exchange.by_ref() {
            match pair.map(|pair| pair.response) {
                Ok(RopResponse::Notify(notify)) => self.notices.push(notify.notification_data),
                Ok(_) => {}
                Err(error) => return Err(undecodable("the operations", &error)),
            }
        }
        Ok(self.notices)
    }
}

/// Takes the next answer as that of an operation, or ends the step.
macro_rules! answer {
    ($sequence:expr, $variant:ident) => {
        match $sequence.next()? {
            oxwire::mapi::rop::RopResponse::$variant(response) => response,
            _ => {
                let what = concat!("an answer that is not Rop", stringify!($variant), "'s");
                return Err($crate::test::session::undecodable("the operations", &what));
            }
        }
    };
}
pub(crate) use answer;

/// An operation that the server refused.
pub(crate) fn refused(rop: RopId, code: ErrorCode) -> Failure {
    Failure::new(format!("{rop} to succeed"), format!("ReturnValue {code}"), advice::of_error(code))
}
