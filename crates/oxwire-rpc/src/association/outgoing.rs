//! Requests and responses cut into fragments as they are taken out, \[C706\] 12.6.2.

use bytes::{Bytes, BytesMut};
use oxwire_core::{Encode, Error, Guid, Inline, Misuse, SecurityContext, Writer};

use super::OutgoingPdu;
use super::security::{Secured, SecurityId};
use crate::pdu::{Body, CommonHeader, Pdu, PfcFlags, Request, Response, SecTrailer};

/// What the fragments of a message say besides their stub data.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Request { context_id: u16, opnum: u16, object: Option<Guid> },
    Response { context_id: u16, cancel_count: u8 },
}

/// A request or a response on its way out.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) call_id: u32,
    pub(super) kind: Kind,
    pub(super) security: Option<SecurityId>,
    pub(super) stub: Bytes,
    /// Behind the stub data, whole in the last fragment: the verification trailer and the padding in front of it.
    pub(super) trailer: Bytes,
    sent: usize,
    started: bool,
}

/// How PDUs are to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Framing {
    /// The largest PDU.
    pub(super) max_frag: u16,
    pub(super) header_signing: bool,
    /// Whether a PDU at level connect has to carry a token: there is more than one security context.
    pub(super) needs_token: bool,
}

impl Message {
    pub(super) fn new(call_id: u32, kind: Kind, security: Option<SecurityId>, stub: Bytes, trailer: Bytes) -> Self {
        Self { call_id, kind, security, stub, trailer, sent: 0, started: false }
    }

    /// Whether a fragment of it was taken out.
    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    /// Bytes not yet taken out.
    pub(super) fn left(&self) -> usize {
        self.stub.len().saturating_sub(self.sent)
    }

    /// The next fragment, and whether it is the last.
    pub(super) fn next<S: SecurityContext>(
        &mut self,
        framing: Framing,
        secured: Option<&mut Secured<S>>,
        scratch: &mut BytesMut,
    ) -> Result<(OutgoingPdu, bool), Error> {
        let fixed = match self.kind {
            Kind::Request { object: Some(_), .. } => 24,
            _ => 8,
        };
        let overhead = secured.as_ref().map_or(0, |secured| secured.overhead(framing.needs_token));
        let room = usize::from(framing.max_frag).saturating_sub(CommonHeader::LEN).saturating_sub(overhead);
        // With a sec_trailer the body fills whole units of 16, so that only the last fragment is padded. Without, the stub data of
        // all but the last is a multiple of 8.
        let unit = if overhead == 0 { 8 } else { SecTrailer::ALIGNMENT };
        let room = (room / unit * unit).saturating_sub(fixed);
        let left = self.left();
        let (take, last) = if left.saturating_add(self.trailer.len()) <= room {
            (left, true)
        } else {
            // What is left fits but for the trailer: some of it stays, in whole units of alignment, so that the trailer is whole.
            (room.min(left.saturating_sub(1) / 8 * 8), false)
        };
        if take == 0 && !last {
            let state = "sending";
            return Err(Misuse {
                call: "poll_transmit",
                state,
                advice: "use a security context with smaller signatures",
            }
            .into());
        }
        let alloc_hint = u32::try_from(left.saturating_add(self.trailer.len())).unwrap_or(u32::MAX);
        let stub = self.stub.slice(self.sent..self.sent.saturating_add(take).min(self.stub.len()));
        let first = !self.started;
        self.started = true;
        self.sent = self.sent.saturating_add(take);
        let flags = match (first, last) {
            (true, true) => PfcFlags::WHOLE,
            (true, false) => PfcFlags::FIRST_FRAG,
            (false, true) => PfcFlags::LAST_FRAG,
            (false, false) => PfcFlags(0),
        };
        let joined = if last && !self.trailer.is_empty() { Some(join(&stub, &self.trailer)) } else { None };
        let body = |stub| match self.kind {
            Kind::Request { context_id, opnum, object } => {
                Body::Request(Request { alloc_hint, context_id, opnum, object, stub })
            }
            Kind::Response { context_id, cancel_count } => {
                Body::Response(Response { alloc_hint, context_id, cancel_count, stub })
            }
        };
        let pdu =
            Pdu { pfc_flags: flags, call_id: self.call_id, body: body(joined.as_ref().unwrap_or(&stub)), auth: None };
        let out = match secured {
            Some(secured) if overhead != 0 => {
                OutgoingPdu::whole(secured.protect(pdu, framing.header_signing, framing.needs_token)?)
            }
            _ => plain(&pdu, joined.as_ref().unwrap_or(&stub), scratch)?,
        };
        Ok((out, last))
    }
}

fn join(stub: &[u8], trailer: &[u8]) -> Bytes {
    let mut joined = BytesMut::with_capacity(stub.len().saturating_add(trailer.len()));
    joined.extend_from_slice(stub);
    joined.extend_from_slice(trailer);
    joined.freeze()
}

/// The headers inline and the stub data as it is; in one piece where the headers do not fit (an object UUID).
fn plain(pdu: &Pdu<'_>, stub: &Bytes, scratch: &mut BytesMut) -> Result<OutgoingPdu, Error> {
    scratch.clear();
    write_head(pdu, pdu.encoded_len(), scratch)?;
    if let Some(head) = Inline::new(scratch) {
        return Ok(OutgoingPdu { head, body: stub.clone() });
    }
    Ok(OutgoingPdu::whole(join(scratch, stub)))
}

/// Everything in front of the stub data.
fn write_head(pdu: &Pdu<'_>, len: usize, out: &mut BytesMut) -> Result<(), Error> {
    let without = match pdu.body {
        Body::Request(request) => Body::Request(Request { stub: &[], ..request }),
        Body::Response(response) => Body::Response(Response { stub: &[], ..response }),
        other => other,
    };
    let w = &mut Writer::new(out);
    w.structure(&Pdu { body: without, ..*pdu })?;
    let len = u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes();
    // frag_length counts the stub data, too.
    for (to, from) in out.iter_mut().skip(8).zip(len) {
        *to = from;
    }
    Ok(())
}
