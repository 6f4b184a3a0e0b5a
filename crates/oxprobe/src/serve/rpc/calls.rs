//! The calls: those of EMSMDB and AsyncEMSMDB, answered from the same mailboxes as those of MAPI over HTTP, and which others there are.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{EncodeError, FileTime, Limits, Principal, decode_all};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxEndpointCapabilities, EndpointCapabilityFlags};
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
use super::super::rops::{self, Pending};
use super::sessions::{Link, Wait};
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

/// The least version that a client has, [MS-OXCRPC] 3.2.4.1.3.2, and that is taken here.
const EARLIEST_CLIENT: [u16; 4] = [11, 0, 0, 0];

/// From here on a client does without public folders, of which there are none here; an earlier one has to say that it does.
const WITHOUT_PUBLIC_FOLDERS: [u16; 4] = [12, 0, 0, 0];

/// EMSMDB, NSPI and the referral are answered on each port.
const SINGLE_ENDPOINT: AuxBlock<'_> = AuxBlock::EndpointCapabilities(AuxEndpointCapabilities {
    endpoint_capability_flag: EndpointCapabilityFlags::SINGLE_ENDPOINT,
});

/// A handle that names no session of the caller: what the RPC runtime of Windows faults such a call with.
const NO_SESSION: FaultStatus = FaultStatus::NCA_FAULT_CONTEXT_MISMATCH;

/// What the families of a callback address are called and how long their sockaddr is: AF_INET and AF_INET6.
const FAMILIES: [([u8; 2], usize); 2] = [([2, 0], 16), ([23, 0], 28)];

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
        (EMSMDB, 10) => caller.connect(wall, request),
        (EMSMDB, 11) => caller.execute(wall, request),
        (EMSMDB, 14) => (caller.async_connect(request), "EcDoAsyncConnectEx".to_owned()),
        (ASYNC_EMSMDB, 0) => match caller.async_wait(now, connection, request) {
            Ok(None) => return (Called::Waits, "EcDoAsyncWaitEx".to_owned()),
            Ok(Some(stub)) => (Ok(stub), "EcDoAsyncWaitEx, which need not wait".to_owned()),
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
    fn connect(&mut self, wall: FileTime, request: &Request) -> (Answer, String) {
        let what = "EcDoConnectEx";
        let connect: EcDoConnectExRequest<'_> = match arguments(request) {
            Ok(connect) => connect,
            Err(status) => return (Err(status), what.to_owned()),
        };
        let server_version = ProtocolVersion::from_normalized(SERVER_VERSION).unwrap_or_default();
        let refused = |code: ErrorCode| {
            let mut failure = EcDoConnectExResponse::failure(code.0);
            if code == ErrorCode::VERSION_MISMATCH {
                failure.server_version = server_version;
                failure.best_version = ProtocolVersion::from_normalized(EARLIEST_CLIENT).unwrap_or_default();
            }
            (result(encode_stub(&failure)), format!("{what}: {code}"))
        };
        let verdict = self.connect_verdict(&connect);
        let Some(user) = self.app.users().of(self.principal).filter(|_| verdict.is_success()) else {
            return refused(verdict);
        };
        let link = (connect.icxr_link != EcDoConnectExRequest::NO_LINK)
            .then(|| Link::of_request(connect.icxr_link, connect.time_stamp));
        let Some((session, opened)) = self.shared.sessions.open(self.principal, self.group, wall, link) else {
            return refused(ErrorCode::OUT_OF_MEMORY);
        };
        let auxiliary = self.app.auxiliary(&[SINGLE_ENDPOINT]).unwrap_or_default();
        let fits = u32::try_from(auxiliary.len()).is_ok_and(|len| len <= connect.max_auxiliary_out);
        let response = EcDoConnectExResponse {
            session,
            polls_max: app::POLLS_MAX,
            retry_count: app::RETRY_COUNT,
            retry_delay: app::RETRY_DELAY,
            icxr: opened.index,
            dn_prefix: Some(b"/o=oxwire"),
            display_name: Some(user.display_name().as_bytes()),
            server_version,
            best_version: connect.client_version,
            time_stamp: opened.created,
            auxiliary_out: if fits { &auxiliary } else { &[] },
            error_code: 0,
        };
        (result(encode_stub(&response)), format!("{what}: session {}", opened.index))
    }

    fn connect_verdict(&self, connect: &EcDoConnectExRequest<'_>) -> ErrorCode {
        let version = connect.client_version.normalized();
        let needs_public_folders =
            version < WITHOUT_PUBLIC_FOLDERS && !connect.flags.contains(ConnectFlags::IGNORE_NO_PUBLIC_FOLDERS);
        if version < EARLIEST_CLIENT {
            ErrorCode::VERSION_MISMATCH
        } else if needs_public_folders {
            ErrorCode::CLIENT_VERSION_BLOCKED
        } else {
            let administrator = connect.flags.contains(ConnectFlags::ADMINISTRATOR);
            self.app.connect_verdict(self.principal, connect.user_dn, administrator)
        }
    }

    fn execute(&mut self, wall: FileTime, request: &Request) -> (Answer, String) {
        let what = "EcDoRpcExt2";
        let execute: EcDoRpcExt2Request<'_> = match arguments(request) {
            Ok(execute) => execute,
            Err(status) => return (Err(status), what.to_owned()),
        };
        let failed = |code: ErrorCode, why: String| {
            let failure =
                EcDoRpcExt2Response { session: execute.session, error_code: code.0, ..EcDoRpcExt2Response::default() };
            (result(encode_stub(&failure)), format!("{what}: {why}"))
        };
        let beside = self.shared.sessions.pending_beside(&execute.session);
        let session = self.shared.sessions.of(&execute.session, self.principal, self.group);
        let (users, packing) = self.app.users_and_packing();
        let (Some(session), Some(user)) = (session, users.of(self.principal)) else {
            return (Err(NO_SESSION), what.to_owned());
        };
        let index = session.index;
        let done = decode_all::<ExtendedBuffer<'_>>(execute.rop_in, &Limits::DEFAULT)
            .map_err(rops::ExecuteError::from)
            .and_then(|buffer| {
                let payload = buffer.payload_bytes(&request.stub)?;
                let pending = Pending { session_index: index, beside: &beside };
                let asked = (execute.flags, execute.max_rop_out);
                rops::answer(&mut session.objects, user, &payload, packing, asked, wall, pending)
            });
        let (rop_out, done) = match done {
            Ok((Ok(rop_out), done)) => (rop_out, done),
            Ok((Err(code), done)) => return failed(code, done),
            Err(error @ rops::ExecuteError::Decode(_)) => return failed(ErrorCode::RPC_FORMAT, error.to_string()),
            Err(error @ rops::ExecuteError::Encode(_)) => return failed(ErrorCode::NETWORK_ERROR, error.to_string()),
        };
        let response =
            EcDoRpcExt2Response { session: execute.session, rop_out: &rop_out, ..EcDoRpcExt2Response::default() };
        (result(encode_stub(&response)), format!("session {index}: {what} {done}"))
    }

    fn disconnect(&mut self, request: &Request) -> Answer {
        let disconnect: EcDoDisconnectRequest = arguments(request)?;
        self.shared.sessions.of(&disconnect.session, self.principal, self.group).ok_or(NO_SESSION)?;
        self.shared.sessions.close(&disconnect.session);
        result(encode_stub(&EcDoDisconnectResponse { session: ContextHandle::NIL, error_code: 0 }))
    }

    /// Nobody is called back over UDP: clients poll or wait.
    fn register_push_notification(&mut self, request: &Request) -> Answer {
        let register: EcRRegisterPushNotificationRequest<'_> = arguments(request)?;
        self.shared.sessions.of(&register.session, self.principal, self.group).ok_or(NO_SESSION)?;
        let address = register.callback_address;
        let known = FAMILIES.iter().any(|(family, len)| address.starts_with(family) && address.len() == *len);
        let code = if register.context.len() > EcRRegisterPushNotificationRequest::MAX_CONTEXT {
            ErrorCode::TOO_BIG
        } else if known {
            ErrorCode::NOT_SUPPORTED
        } else {
            ErrorCode::INVALID_PARAMETER
        };
        let (session, notification) = (register.session, 0);
        result(encode_stub(&EcRRegisterPushNotificationResponse { session, notification, error_code: code.0 }))
    }

    fn async_connect(&mut self, request: &Request) -> Answer {
        let connect: EcDoAsyncConnectExRequest = arguments(request)?;
        let handle = self.shared.sessions.asynchronous(&connect.session, self.principal, self.group);
        let response = EcDoAsyncConnectExResponse { asynchronous: handle.ok_or(NO_SESSION)?, error_code: 0 };
        result(encode_stub(&response))
    }

    /// `None` where it waits.
    fn async_wait(
        &mut self,
        now: Instant,
        connection: VirtualConnectionId,
        request: &Request,
    ) -> Result<Option<Bytes>, FaultStatus> {
        let wait: EcDoAsyncWaitExRequest = arguments(request)?;
        let response =
            match self.shared.sessions.wait(now, &wait.asynchronous, self.principal, connection, request.call) {
                Wait::Begun => return Ok(None),
                Wait::Over => EcDoAsyncWaitExResponse { flags_out: EventPending::PENDING, error_code: 0 },
                Wait::Another => {
                    EcDoAsyncWaitExResponse { flags_out: EventPending::NONE, error_code: ErrorCode::REJECTED.0 }
                }
            };
        result(encode_stub(&response)).map(Some)
    }
}
