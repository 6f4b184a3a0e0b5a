//! The calls: those of EMSMDB and AsyncEMSMDB, answered from the same mailboxes as those of MAPI over HTTP, and which others there are.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{EncodeError, FileTime, Limits, Principal, decode_all};
use oxwire::mapi::mapihttp::{ConnectFlags, EventPending};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rpc_header_ext::ExtendedBuffer;
use oxwire::mapirpc::async_emsmdb::{ASYNC_EMSMDB, EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse};
use oxwire::mapirpc::emsmdb::{
    EMSMDB, EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExRequest, EcDoConnectExResponse,
    EcDoDisconnectRequest, EcDoDisconnectResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, EcDummyRpcRequest,
    EcDummyRpcResponse, EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse, ProtocolVersion,
};
use oxwire::mapirpc::mgmt::MGMT;
use oxwire::mapirpc::nspi::NSPI;
use oxwire::mapirpc::rfr::RFR;
use oxwire::rpc::association::server::Request;
use oxwire::rpc::ndr::{ContextHandle, NdrDecode, decode_stub, encode_stub};
use oxwire::rpc::pdu::FaultStatus;
use oxwire::rpch::endpoint::VirtualConnectionId;

use super::super::app::{self, App};
use super::super::rops;
use super::{Shared, mgmt, nspi, rfr};

/// What a call came to.
pub(super) enum Called {
    Answer(Bytes),
    Fault(FaultStatus),
    /// It is answered later.
    Waits,
}

type Answer = Result<Bytes, FaultStatus>;

/// rgwServerVersion: 15.0.466.0. A higher one makes clients use what this server does not have.
const SERVER_VERSION: [u16; 4] = [15, 0, 466, 0];

/// ecRpcFailed, [MS-OXCRPC] 3.1.4.2.
const RPC_FAILED: u32 = 0x8004_0115;

/// Callbacks over UDP are not offered: clients poll or wait.
const NOT_SUPPORTED: u32 = 0x8004_0102;

/// The arguments of a call, with the verification trailer behind them checked.
pub(super) fn arguments<'de, T: NdrDecode<'de>>(request: &'de Request) -> Result<T, FaultStatus> {
    let decoded = decode_stub::<T>(&request.stub, request.drep, &Limits::DEFAULT);
    let (arguments, end) = decoded.map_err(|_| FaultStatus::BAD_STUB_DATA)?;
    request.verification.check(&request.stub, end)?;
    Ok(arguments)
}

/// The result of a call; what cannot be written is this server's fault.
pub(super) fn result(stub: Result<Bytes, EncodeError>) -> Answer {
    stub.map_err(|_| FaultStatus::NCA_OUT_ARGS_TOO_BIG)
}

/// Answers a call, and says what it was, for the log.
pub(super) fn call(
    now: Instant,
    wall: FileTime,
    shared: &mut Shared,
    app: &mut App,
    principal: &Principal,
    (connection, group): (VirtualConnectionId, u32),
    request: &Request,
) -> (Called, String) {
    let mut caller = Caller { shared, app, principal, group };
    let (answer, what) = match (request.interface, request.opnum) {
        (EMSMDB, 1) => (caller.disconnect(request), "EcDoDisconnect".to_owned()),
        (EMSMDB, 4) => (caller.register_push_notification(request), "EcRRegisterPushNotification".to_owned()),
        (EMSMDB, 6) => (dummy(request), "EcDummyRpc".to_owned()),
        (EMSMDB, 10) => caller.connect(request),
        (EMSMDB, 11) => caller.execute(wall, request),
        (EMSMDB, 14) => (caller.async_connect(request), "EcDoAsyncConnectEx".to_owned()),
        (ASYNC_EMSMDB, 0) => match caller.async_wait(now, connection, request) {
            Ok(None) => return (Called::Waits, "EcDoAsyncWaitEx".to_owned()),
            Ok(Some(stub)) => (Ok(stub), "EcDoAsyncWaitEx, an event is there".to_owned()),
            Err(status) => (Err(status), "EcDoAsyncWaitEx".to_owned()),
        },
        (NSPI, _) => nspi::call(&mut caller.shared.address_book, caller.app, (principal, group), request),
        (RFR, _) => {
            let (answer, what) = rfr::call(caller.app.users(), request);
            (answer, what.to_owned())
        }
        (MGMT, _) => {
            let (answer, what) = mgmt::call(&caller.shared.statistics, request);
            (answer, what.to_owned())
        }
        (_, opnum) => (Err(FaultStatus::NCA_OP_RNG_ERROR), format!("operation {opnum}, which is not offered")),
    };
    match answer {
        Ok(stub) => (Called::Answer(stub), what),
        Err(status) => (Called::Fault(status), format!("{what}: {status:?}")),
    }
}

fn dummy(request: &Request) -> Answer {
    arguments::<EcDummyRpcRequest>(request)?;
    result(encode_stub(&EcDummyRpcResponse { error_code: 0 }))
}

struct Caller<'a> {
    shared: &'a mut Shared,
    app: &'a mut App,
    principal: &'a Principal,
    group: u32,
}

impl Caller<'_> {
    fn connect(&mut self, request: &Request) -> (Answer, String) {
        let what = "EcDoConnectEx";
        let connect: EcDoConnectExRequest<'_> = match arguments(request) {
            Ok(connect) => connect,
            Err(status) => return (Err(status), what.to_owned()),
        };
        let administrator = connect.flags.contains(ConnectFlags::ADMINISTRATOR);
        let verdict = self.app.connect_verdict(self.principal, connect.user_dn, administrator);
        let opened = if verdict.is_success() { self.shared.sessions.open(self.principal, self.group) } else { None };
        let Some((session, icxr)) = opened else {
            let code = if verdict.is_success() { ErrorCode::OUT_OF_MEMORY } else { verdict };
            return (result(encode_stub(&EcDoConnectExResponse::failure(code.0))), format!("{what}: {code}"));
        };
        let auxiliary = self.app.auxiliary().unwrap_or_default();
        let fits = u32::try_from(auxiliary.len()).is_ok_and(|len| len <= connect.max_auxiliary_out);
        let response = EcDoConnectExResponse {
            session,
            polls_max: app::POLLS_MAX,
            retry_count: app::RETRY_COUNT,
            retry_delay: app::RETRY_DELAY,
            icxr,
            dn_prefix: Some(b"/o=oxwire"),
            display_name: Some(self.principal.name().as_bytes()),
            server_version: ProtocolVersion::from_normalized(SERVER_VERSION).unwrap_or_default(),
            best_version: connect.client_version,
            time_stamp: u32::from(icxr),
            auxiliary_out: if fits { &auxiliary } else { &[] },
            error_code: 0,
        };
        (result(encode_stub(&response)), format!("{what}: session {icxr}"))
    }

    fn execute(&mut self, wall: FileTime, request: &Request) -> (Answer, String) {
        let what = "EcDoRpcExt2";
        let execute: EcDoRpcExt2Request<'_> = match arguments(request) {
            Ok(execute) => execute,
            Err(status) => return (Err(status), what.to_owned()),
        };
        let failed = |code: u32, session: ContextHandle, why: String| {
            let failure = EcDoRpcExt2Response { session, error_code: code, ..EcDoRpcExt2Response::default() };
            (result(encode_stub(&failure)), format!("{what}: {why}"))
        };
        let Some(session) = self.shared.sessions.of(&execute.session, self.principal, self.group) else {
            return failed(RPC_FAILED, ContextHandle::NIL, "no such session".to_owned());
        };
        let Some(user) = self.app.users().of(self.principal) else {
            return failed(RPC_FAILED, ContextHandle::NIL, "no such user".to_owned());
        };
        let index = session.index;
        let done = decode_all::<ExtendedBuffer<'_>>(execute.rop_in, &Limits::DEFAULT)
            .map_err(rops::ExecuteError::from)
            .and_then(|buffer| {
                let payload = buffer.payload_bytes(&request.stub)?;
                rops::answer(&mut session.objects, user, &payload, execute.max_rop_out, wall)
            });
        let (rops, done) = match done {
            Ok((Ok(rops), done)) => (rops, done),
            Ok((Err(code), done)) => return failed(code.0, execute.session, done),
            Err(error) => return failed(RPC_FAILED, execute.session, error.to_string()),
        };
        let rop_out = match self.app.packing().rop_out((execute.flags, execute.max_rop_out), &rops) {
            Ok(rop_out) => rop_out,
            Err(error) => return failed(RPC_FAILED, execute.session, error.to_string()),
        };
        let response =
            EcDoRpcExt2Response { session: execute.session, rop_out: &rop_out, ..EcDoRpcExt2Response::default() };
        (result(encode_stub(&response)), format!("session {index}: {what} {done}"))
    }

    fn disconnect(&mut self, request: &Request) -> Answer {
        let disconnect: EcDoDisconnectRequest = arguments(request)?;
        let error_code = match self.shared.sessions.of(&disconnect.session, self.principal, self.group) {
            Some(_) => {
                self.shared.sessions.close(&disconnect.session);
                0
            }
            None => RPC_FAILED,
        };
        result(encode_stub(&EcDoDisconnectResponse { session: ContextHandle::NIL, error_code }))
    }

    fn register_push_notification(&mut self, request: &Request) -> Answer {
        let register: EcRRegisterPushNotificationRequest<'_> = arguments(request)?;
        let known = self.shared.sessions.of(&register.session, self.principal, self.group).is_some();
        let session = if known { register.session } else { ContextHandle::NIL };
        let response = EcRRegisterPushNotificationResponse { session, notification: 0, error_code: NOT_SUPPORTED };
        result(encode_stub(&response))
    }

    fn async_connect(&mut self, request: &Request) -> Answer {
        let connect: EcDoAsyncConnectExRequest = arguments(request)?;
        let handle = self.shared.sessions.asynchronous(&connect.session, self.principal, self.group);
        let (asynchronous, error_code) = handle.map_or((ContextHandle::NIL, RPC_FAILED), |handle| (handle, 0));
        result(encode_stub(&EcDoAsyncConnectExResponse { asynchronous, error_code }))
    }

    /// `None` where it waits.
    fn async_wait(
        &mut self,
        now: Instant,
        connection: VirtualConnectionId,
        request: &Request,
    ) -> Result<Option<Bytes>, FaultStatus> {
        let wait: EcDoAsyncWaitExRequest = arguments(request)?;
        if self.shared.sessions.wait(now, &wait.asynchronous, self.principal, connection, request.call) {
            return Ok(None);
        }
        let response = EcDoAsyncWaitExResponse { flags_out: EventPending::PENDING, error_code: 0 };
        result(encode_stub(&response)).map(Some)
    }
}
