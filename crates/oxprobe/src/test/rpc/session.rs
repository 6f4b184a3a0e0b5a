//! One session over RPC over HTTP: calls that are waited for, over the driver.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::auth::client::ClientEvent;
use oxwire::core::Limits;
use oxwire::mapirpc::Operation;
use oxwire::mapirpc::emsmdb::EcDoRpcExt2Response;
use oxwire::rpc::association::CallId;
use oxwire::rpc::association::client::{Call, Event, Fate};
use oxwire::rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, decode_stub, encode_stub};
use oxwire::rpc::pdu::{DataRepresentation, FaultStatus};
use oxwire::rpch::client::{Event as ConnectionEvent, Recycling};

use super::super::WHOLE_REQUEST;
use super::super::operations::{Carrier, unencodable};
use super::super::packing::Packing;
use super::super::session::undecodable;
use super::stack::{Happening, RpcStack};
use super::{advice, requests};
use crate::net::driver::Driver;
use crate::report::Failure;

/// What a call came to.
#[derive(Debug)]
pub(super) enum Came {
    Answer(Stub),
    Fault(FaultStatus),
    Nothing { fate: Fate, reason: String },
}

/// The stub data of an answer.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(super) bytes: Bytes,
    drep: DataRepresentation,
}

impl Stub {
    /// Reads it.
    ///
    /// # Errors
    /// It does not decode.
    pub(crate) fn read<'de, T: NdrDecode<'de>>(&'de self) -> Result<T, Failure> {
        let decoded = decode_stub::<T>(&self.bytes, self.drep, &Limits::DEFAULT);
        decoded.map(|(value, _)| value).map_err(|error| undecodable(T::NAME, &error))
    }
}

/// A session.
pub(crate) struct RpcSession {
    /// Sockets and machines.
    pub(crate) driver: Driver<RpcStack>,
    /// The session context handle, once there is one.
    pub(super) context: ContextHandle,
    /// Recyclings that have happened and were not asked for yet.
    pub(super) recycled: Vec<Recycling>,
    /// Completions that came while another was waited for.
    kept: Vec<(CallId, Came)>,
    /// How payloads are stored.
    pub(crate) packing: Packing,
}

impl RpcSession {
    /// Over a driver.
    pub(super) const fn new(driver: Driver<RpcStack>, packing: Packing) -> Self {
        Self { driver, context: ContextHandle::NIL, recycled: Vec::new(), kept: Vec::new(), packing }
    }

    /// Ends the virtual connection.
    pub(super) fn close(&mut self) {
        self.driver.stack.client.close(Instant::now());
        while let Some(happening) = self.driver.stack.poll_event() {
            if matches!(happening, Happening::Connection(ConnectionEvent::Closed { .. })) {
                break;
            }
        }
    }

    /// Waits for the next thing that happens, and keeps what a later step asks for.
    ///
    /// # Errors
    /// The virtual connection, or the association, has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Happening>, Failure> {
        let happening = loop {
            match self.driver.stack.poll_event() {
                Some(happening) => break happening,
                None => self.driver.turn().await,
            }
        };
        match happening {
            Happening::Connection(ConnectionEvent::Recycled(which)) => self.recycled.push(which),
            Happening::Connection(ConnectionEvent::Closed { reason, unsent, .. }) => {
                return Err(advice::of_close(&reason, unsent.len()));
            }
            Happening::Association(Event::Response { call, stub, drep }) => {
                self.kept.push((call, Came::Answer(Stub { bytes: stub, drep })));
            }
            Happening::Association(Event::Fault { call, status, .. }) => self.kept.push((call, Came::Fault(status))),
            Happening::Association(Event::Undelivered { call, fate, reason }) => {
                self.kept.push((call, Came::Nothing { fate, reason: reason.to_string() }));
            }
            Happening::Association(Event::Refused { reason, .. }) => return Err(advice::of_bind_nak(reason)),
            // An association that is lost with its virtual connection: that one's event, which says why, came before.
            Happening::Association(Event::Closed { reason }) => return Err(advice::of_association(&reason)),
            other => return Ok(Some(other)),
        }
        Ok(None)
    }

    /// Makes a call.
    ///
    /// # Errors
    /// It cannot be written, or its interface is not bound.
    pub(super) fn begin<T: Operation + NdrEncode>(&mut self, request: &T) -> Result<CallId, Failure> {
        self.begin_within(request, None)
    }

    /// Makes a call that is answered when something happens, and that is waited for so long.
    ///
    /// # Errors
    /// As [`RpcSession::begin`].
    pub(super) fn begin_wait<T: Operation + NdrEncode>(
        &mut self,
        request: &T,
        listen: Duration,
    ) -> Result<CallId, Failure> {
        self.begin_within(request, Some(listen.saturating_mul(2).max(WHOLE_REQUEST)))
    }

    fn begin_within<T: Operation + NdrEncode>(
        &mut self,
        request: &T,
        timeout: Option<Duration>,
    ) -> Result<CallId, Failure> {
        let stub = encode_stub(request).map_err(|error| unencodable(&error))?;
        let association = &mut self.driver.stack.association;
        let Some(context) = association.context_of(T::INTERFACE) else {
            return Err(advice::not_bound(T::NAME, T::INTERFACE));
        };
        let mut call = Call::new(context, T::OPNUM);
        call.timeout = timeout;
        association.call(Instant::now(), call, stub).map_err(|refused| {
            let expected = format!("a session in which the {} can be sent", T::NAME);
            Failure::new(expected, refused.error.to_string(), "an earlier step ended the session: see there")
        })
    }

    /// Waits for what a call comes to.
    ///
    /// # Errors
    /// Those of [`RpcSession::next`].
    pub(super) async fn outcome(&mut self, call: CallId) -> Result<Came, Failure> {
        loop {
            if let Some(at) = self.kept.iter().position(|(of, _)| *of == call) {
                return Ok(self.kept.swap_remove(at).1);
            }
            if let Some(Happening::Auth(ClientEvent::Failed { reason, .. })) = self.next().await? {
                return Err(advice::of_channel_authentication(&reason.to_string()));
            }
        }
    }

    /// Waits for the answer to a call.
    ///
    /// # Errors
    /// Every outcome but an answer.
    pub(super) async fn answer(&mut self, what: &str, call: CallId) -> Result<Stub, Failure> {
        match self.outcome(call).await? {
            Came::Answer(stub) => Ok(stub),
            Came::Fault(status) => Err(advice::of_fault(what, status)),
            Came::Nothing { fate, reason } => Err(advice::of_silence(what, fate, &reason)),
        }
    }

    /// Makes a call and waits for the answer.
    ///
    /// # Errors
    /// Those of both.
    pub(super) async fn call<T: Operation + NdrEncode>(&mut self, request: &T) -> Result<Stub, Failure> {
        let call = self.begin(request)?;
        self.answer(T::NAME, call).await
    }

    /// Sends operations by EcDoRpcExt2.
    ///
    /// # Errors
    /// Those of [`RpcSession::begin`].
    pub(super) fn begin_rops(&mut self, rops: &Bytes) -> Result<CallId, Failure> {
        let rop_in = self.packing.rop_in(rops)?;
        self.begin(&requests::execute(self.context, self.packing.flags(), &rop_in))
    }

    /// Waits for the answer to operations.
    ///
    /// # Errors
    /// What came instead.
    pub(super) async fn rops(&mut self, call: CallId) -> Result<Bytes, Failure> {
        let stub = self.answer("EcDoRpcExt2", call).await?;
        let response: EcDoRpcExt2Response<'_> = stub.read()?;
        if response.session.is_nil() {
            // The server has ended the session.
            self.context = ContextHandle::NIL;
        }
        let payload = requests::executed(&response, &stub.bytes)?;
        self.packing.received(response.rop_out);
        self.packing.received(response.auxiliary_out);
        Ok(payload)
    }
}

impl Carrier for RpcSession {
    async fn carry(&mut self, rops: &Bytes) -> Result<Bytes, Failure> {
        let call = self.begin_rops(rops)?;
        self.rops(call).await
    }
}
