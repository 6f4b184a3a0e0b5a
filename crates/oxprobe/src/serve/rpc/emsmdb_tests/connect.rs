//! EcDoConnectEx and EcDoDisconnect: who gets a Session Context, which, and for how long. [MS-OXCRPC] 3.1.4.1, 3.1.4.1.3, 3.1.4.3

use oxwire::core::{Limits, decode_all};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxBlocks, EndpointCapabilityFlags, OrgFlags};
use oxwire::mapi::mapihttp::ConnectFlags;
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rop::{Handle, LogonRequest, RopResponse};
use oxwire::mapi::rpc_header_ext::ExtendedBuffer;
use oxwire::mapirpc::async_emsmdb::{EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse};
use oxwire::mapirpc::emsmdb::{
    EcDoAsyncConnectExRequest, EcDoConnectExRequest, EcDoConnectExResponse, EcDoDisconnectRequest,
    EcDoDisconnectResponse, EcDummyRpcRequest, EcDummyRpcResponse, EcRRegisterPushNotificationRequest, ProtocolVersion,
};
use oxwire::rpc::ndr::ContextHandle;
use oxwire::rpc::pdu::FaultStatus;

use super::{ADA, BERT, DELIVERED, NO_SESSION, WALL, World, connect_request, ext2, extended, read};
use crate::serve::tests::{INBOX, open};
use crate::serve::users::user_dn;

/// The answer to one EcDoConnectEx of Ada's: its code, and what `look` sees.
fn connected<T>(request: &EcDoConnectExRequest<'_>, look: impl FnOnce(&EcDoConnectExResponse<'_>) -> T) -> (u32, T) {
    let stub = World::new(&[ADA]).ask(0, request).unwrap();
    let response: EcDoConnectExResponse<'_> = read(&stub);
    (response.error_code, look(&response))
}

#[test]
fn oxcrpc_r475_r477_r582_r1266_r4790_each_connect_opens_a_session_of_its_own() {
    let mut world = World::new(&[ADA]);
    let first = world.connect(0);
    let second = world.connect(0);
    assert!(!first.is_nil() && !second.is_nil() && first != second);
    // What is done in one is there in it later, and not in the other.
    let dn = world.dn(0);
    let logon = |r: &mut oxwire::mapi::rop::RequestBuilder<'_>| r.push(&LogonRequest::private(0, 0, &dn)).unwrap();
    let handle = world.rops(0, first, &[Handle::UNUSED], logon).handle(0);
    let opened = |world: &mut World, session| {
        let answer = world.rops(0, session, &[handle, Handle::UNUSED], |r| r.push(&open(INBOX)).unwrap());
        matches!(answer.all()[..], [RopResponse::OpenFolder(_)])
    };
    assert!(opened(&mut world, first));
    assert!(!opened(&mut world, second));
    assert!(opened(&mut world, first));
}

#[test]
fn who_is_refused_and_how() {
    let ada = user_dn(ADA);
    let bert = user_dn(BERT);
    let new = [0x0F00, 0x9144, 1017];
    let (none, administrator) = (ConnectFlags::NONE, ConnectFlags::ADMINISTRATOR);
    let without = ConnectFlags::IGNORE_NO_PUBLIC_FOLDERS;
    for (rows, dn, flags, version, code) in [
        ("MS-OXCRPC_R489 MS-OXCRPC_R582 MS-OXCRPC_R1303", &ada, none, new, ErrorCode::SUCCESS),
        ("MS-OXCRPC_R490 MS-OXCRPC_R603", &ada, administrator, new, ErrorCode::LOGIN_PERMISSION),
        ("MS-OXCRPC_R600", &"/o=oxwire/cn=nobody".to_owned(), none, new, ErrorCode::UNKNOWN_USER),
        // Who calls is what authentication says, not what the DN says.
        ("MS-OXCRPC_R14", &bert, none, new, ErrorCode::UNKNOWN_USER),
        // Earlier than 11.0.0.0, in either scheme.
        ("MS-OXCRPC_R606 MS-OXCRPC_R608 MS-OXCRPC_R549", &ada, without, [10, 0, 6515], ErrorCode::VERSION_MISMATCH),
        ("MS-OXCRPC_R606 MS-OXCRPC_R608 MS-OXCRPC_R549", &ada, none, [0x0AFF, 0xFFFF, 9], ErrorCode::VERSION_MISMATCH),
        ("MS-OXCRPC_R1687", &ada, without, [11, 0, 0], ErrorCode::SUCCESS),
        // There are no public folders here.
        ("MS-OXCRPC_R1560", &ada, none, [11, 0, 4920], ErrorCode::CLIENT_VERSION_BLOCKED),
        ("MS-OXCRPC_R1560", &ada, none, [0x0B63, 0xFFFF, 0xFFFF], ErrorCode::CLIENT_VERSION_BLOCKED),
        ("MS-OXCRPC_R1561 MS-OXCRPC_R4886", &ada, without, [11, 0, 4920], ErrorCode::SUCCESS),
        ("MS-OXCRPC_R1562 MS-OXCRPC_R1689", &ada, none, [0x0C00, 0x8000, 0], ErrorCode::SUCCESS),
        ("MS-OXCRPC_R1562", &ada, without, [0x0C00, 0x8000, 0], ErrorCode::SUCCESS),
    ] {
        let client_version = ProtocolVersion(version);
        let request = EcDoConnectExRequest { flags, client_version, ..connect_request(dn.as_bytes()) };
        let (found, session) = connected(&request, |response| response.session);
        assert_eq!(ErrorCode(found), code, "{rows}");
        assert_eq!(session.is_nil(), !code.is_success(), "{rows}");
    }
}

/// rgwServerVersion and rgwBestVersion: to a client that is taken, and to one that is too old.
#[test]
fn oxcrpc_r543_r545_r547_r1078_the_versions_of_the_answer() {
    let ada = user_dn(ADA);
    for (version, best) in [([0x0F00, 0x9144, 1017], [0x0F00, 0x9144, 1017]), ([10, 0, 0], [0x0B00, 0x8000, 0])] {
        let client_version = ProtocolVersion(version);
        let request = EcDoConnectExRequest { client_version, ..connect_request(ada.as_bytes()) };
        let (_, found) = connected(&request, |response| (response.server_version.0, response.best_version.0));
        assert_eq!(found, ([0x0F00, 0x81D2, 0], best));
    }
}

#[test]
fn what_a_connect_tells() {
    let ada = user_dn(ADA);
    let request = connect_request(ada.as_bytes());
    let (_, name) = connected(&request, |response| response.display_name.map(<[u8]>::to_vec));
    assert_eq!(name.as_deref(), Some(&b"ada"[..]), "{}", "MS-OXCRPC_R540");
    // Seconds since 1601, of 32 bits.
    let (_, time_stamp) = connected(&request, |response| response.time_stamp);
    assert_eq!(u64::from(time_stamp), WALL.intervals() / 10_000_000 % (1 << 32), "{}", "MS-OXCRPC_R562");
    let (_, auxiliary) = connected(&request, |response| response.auxiliary_out.to_vec());
    // RPC_HEADER_EXT: version 0, the flag Last, 16 bytes in either size.
    assert_eq!(auxiliary[..8], [0, 0, 4, 0, 16, 0, 16, 0], "{}", "MS-OXCRPC_R574 MS-OXCRPC_R575 MS-OXCRPC_R581");
    assert_eq!(auxiliary.len(), 24);
    let buffer: ExtendedBuffer<'_> = decode_all(&auxiliary, &Limits::DEFAULT).unwrap();
    let payload = buffer.payload().unwrap();
    let blocks: Vec<_> = AuxBlocks::new(&payload).map(Result::unwrap).collect();
    let [AuxBlock::ExOrgInfo(organization), AuxBlock::EndpointCapabilities(endpoint)] = blocks[..] else {
        panic!("{}: {blocks:?}", "MS-OXCRPC_R1060");
    };
    assert_eq!(organization.org_flags, OrgFlags::NONE, "{}", "MS-OXCRPC_R1123");
    assert_eq!(endpoint.endpoint_capability_flag, EndpointCapabilityFlags::SINGLE_ENDPOINT, "{}", "MS-OXCRPC_R1522");
    // A client that takes less gets nothing of it.
    let request = EcDoConnectExRequest { max_auxiliary_out: 23, ..request };
    assert_eq!(connected(&request, |response| response.auxiliary_out.len()), (0, 0));
}

/// No index for two sessions, and each handle's own.
#[test]
fn oxcrpc_r532_r534_r535_session_indexes() {
    let mut world = World::new(&[ADA, BERT]);
    let mut seen = Vec::new();
    for at in [0, 1, 0, 1, 0] {
        let dn = world.dn(at);
        let stub = world.ask(at, &connect_request(dn.as_bytes())).unwrap();
        let response: EcDoConnectExResponse<'_> = read(&stub);
        assert!(!seen.contains(&response.icxr));
        seen.push(response.icxr);
    }
}

/// Sessions that are linked tell of each other's notifications, by RopPending and the index of whose they are; others do not.
#[test]
fn oxcrpc_r503_r505_r516_r536_r537_r557_r563_r1175_r1177_r1477_linked_sessions() {
    let mut world = World::new(&[ADA, ADA, BERT]);
    let dn = world.dn(0);
    let stub = world.ask(0, &connect_request(dn.as_bytes())).unwrap();
    let first: EcDoConnectExResponse<'_> = read(&stub);
    world.subscribed(0, first.session);
    let (icxr, time_stamp) = (u32::from(first.icxr), first.time_stamp);
    let no_link = EcDoConnectExRequest::NO_LINK;
    for (rows, at, icxr_link, time_stamp, linked) in [
        ("MS-OXCRPC_R1157", 1, icxr, time_stamp, true),
        // Only the lower half counts.
        ("MS-OXCRPC_R517", 1, 0x0001_0000 | icxr, time_stamp, true),
        ("MS-OXCRPC_R502 MS-OXCRPC_R554 MS-OXCRPC_R1183", 1, icxr, time_stamp.wrapping_add(1), false),
        ("MS-OXCRPC_R499", 1, icxr + 77, time_stamp, false),
        ("MS-OXCRPC_R1158 MS-OXCRPC_R1184 MS-OXCRPC_R1287", 1, no_link, 0, false),
        // Another user's session cannot be had.
        ("MS-OXCRPC_R1154", 2, icxr, time_stamp, false),
    ] {
        let dn = world.dn(at);
        let request = EcDoConnectExRequest { icxr_link, time_stamp, ..connect_request(dn.as_bytes()) };
        let stub = world.ask(at, &request).unwrap();
        let second: EcDoConnectExResponse<'_> = read(&stub);
        assert_eq!(second.error_code, 0, "{rows}");
        assert!(world.rops(at, second.session, &[], |_| {}).all().is_empty(), "{rows}");
        world.deliver(ADA);
        let answer = world.rops(at, second.session, &[], |_| {});
        let told: Vec<u16> = answer
            .all()
            .iter()
            .map(|response| match response {
                RopResponse::Pending(pending) => pending.session_index,
                other => panic!("{rows}: {other:?}"),
            })
            .collect();
        assert_eq!(told, if linked { vec![first.icxr] } else { vec![] }, "{rows}");
        // The session itself tells them, as what they are.
        let own = world.rops(0, first.session, &[], |_| {});
        assert!(matches!(own.all()[..], [RopResponse::Notify(_)]), "{rows}");
    }
}

/// RopPending of a session's own, when what there is to tell does not fit.
#[test]
fn oxcrpc_r536_pending_names_the_session() {
    let mut world = World::new(&[ADA]);
    world.connect(0);
    let dn = world.dn(0);
    let stub = world.ask(0, &connect_request(dn.as_bytes())).unwrap();
    let second: EcDoConnectExResponse<'_> = read(&stub);
    world.subscribed(0, second.session);
    world.deliver(ADA);
    let rop_in = extended(&[2, 0]);
    // RPC_HEADER_EXT, RopSize, and RopPending, which is 0x6E and the index.
    let request = oxwire::mapirpc::emsmdb::EcDoRpcExt2Request { max_rop_out: 13, ..ext2(second.session, &rop_in) };
    let stub = world.ask(0, &request).unwrap();
    let payload = super::rop_payload(&stub);
    assert_eq!(payload[..], [&[5, 0, 0x6E][..], &second.icxr.to_le_bytes()].concat());
}

/// Every call but EcDoConnectEx and EcDummyRpc wants a handle that a connect has returned to this user, and that is not closed.
#[test]
fn calls_without_a_session() {
    let mut world = World::new(&[ADA, BERT]);
    let closed = world.connect(0);
    world.ask(0, &EcDoDisconnectRequest { session: closed }).unwrap();
    let theirs = world.connect(0);
    let rop_in = extended(&[2, 0]);
    for (at, session) in [(0, ContextHandle::NIL), (0, closed), (1, theirs)] {
        let push = EcRRegisterPushNotificationRequest { session, ..Default::default() };
        for (rows, came) in [
            (
                "MS-OXCRPC_R392 MS-OXCRPC_R622 MS-OXCRPC_R1194 MS-OXCRPC_R299 MS-OXCRPC_R1143",
                world.ask(at, &ext2(session, &rop_in)),
            ),
            ("MS-OXCRPC_R372 MS-OXCRPC_R404", world.ask(at, &EcDoDisconnectRequest { session })),
            ("MS-OXCRPC_R379 MS-OXCRPC_R417", world.ask(at, &push)),
            ("MS-OXCRPC_R398 MS-OXCRPC_R705 MS-OXCRPC_R309", world.ask(at, &EcDoAsyncConnectExRequest { session })),
        ] {
            assert_eq!(came, Err(NO_SESSION), "{rows}");
        }
        let stub = world.ask(at, &EcDummyRpcRequest).unwrap();
        assert_eq!(read::<EcDummyRpcResponse>(&stub).error_code, 0, "{}", "MS-OXCRPC_R464 MS-OXCRPC_R810");
    }
    // All of which did the session that is there no harm.
    world.rops(0, theirs, &[], |_| {});
}

/// A session lasts until it is closed, and then is gone with its handles.
#[test]
fn oxcrpc_r401_r406_r408_r476_r1212_r1213_r1268_disconnect_ends_the_session() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    let asynchronous = world.asynchronous(0, session);
    world.pass(std::time::Duration::from_secs(24 * 3600));
    world.rops(0, session, &[], |_| {});
    let stub = world.ask(0, &EcDoDisconnectRequest { session }).unwrap();
    let expected = EcDoDisconnectResponse { session: ContextHandle::NIL, error_code: 0 };
    assert_eq!(read::<EcDoDisconnectResponse>(&stub), expected);
    assert_eq!(world.ask(0, &ext2(session, &extended(&[2, 0]))), Err(NO_SESSION));
    // The asynchronous handle is void: nothing waits by it.
    let stub = world.ask(0, &EcDoAsyncWaitExRequest { asynchronous, flags_in: 0 }).unwrap();
    assert_eq!(read::<EcDoAsyncWaitExResponse>(&stub).flags_out.bits(), 1);
    // The client goes on with a session of its own.
    assert_ne!(world.connect(0), session);
}

/// With its connection a client loses its session: a new connection needs a new one, and everything in it is opened anew.
#[test]
fn oxcrpc_r1195_r1198_r1200_r1269_a_lost_connection_ends_the_session() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    let asynchronous = world.asynchronous(0, session);
    world.subscribed(0, session);
    let now = world.now;
    world.clients[0].machine.close(now);
    world.run();
    let again = world.join(ADA, 6001);
    assert_eq!(world.ask(again, &ext2(session, &extended(&[2, 0]))), Err(NO_SESSION));
    let call = world.wait(again, asynchronous);
    assert_eq!(world.waited(again, call), Some((1, 0)));
    let session = world.connect(again);
    world.server.on_delivered(&oxwire::core::Principal::new(ADA), DELIVERED);
    assert!(world.rops(again, session, &[], |_| {}).all().is_empty(), "nothing is subscribed to");
}

/// The store is at its endpoint, and all three interfaces of a mailbox are answered there.
#[test]
fn oxcrpc_r4_r1138_r1146_endpoints() {
    let mut world = World::new(&[ADA]);
    for interface in super::INTERFACES {
        assert!(world.clients[0].association.context_of(interface).is_some(), "{interface:?}: {}", "MS-OXCRPC_R1522");
    }
    let elsewhere = world.join(ADA, 6000);
    assert!(world.clients[elsewhere].ended.is_some());
}

/// The operations that are reserved.
#[test]
fn reserved_operations_are_faulted() {
    let mut world = World::new(&[ADA]);
    for (rows, opnum) in [
        ("MS-OXCRPC_R400", 0),
        ("MS-OXCRPC_R412", 2),
        ("MS-OXCRPC_R414", 3),
        ("MS-OXCRPC_R463", 5),
        ("MS-OXCRPC_R470", 7),
        ("MS-OXCRPC_R472", 8),
        ("MS-OXCRPC_R474", 9),
        ("MS-OXCRPC_R701", 12),
        ("MS-OXCRPC_R703", 13),
    ] {
        let call = world.begin_raw(0, opnum, bytes::Bytes::new(), oxwire::mapirpc::emsmdb::EMSMDB);
        assert_eq!(world.outcome(0, call), Some(Err(FaultStatus::NCA_OP_RNG_ERROR)), "{rows}");
    }
}
