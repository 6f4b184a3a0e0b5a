//! Which auxiliary blocks travel in which call, by the rows of [MS-OXCRPC] 3.1.4.1.2, 3.1.4.2.2, 3.2.4.1.2 and 3.2.4.2.2. The
//! bytes in front of each block are put together by hand from 2.2.2.1 and 2.2.2.2.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests; a failure here fails the test"
)]

use oxwire_core::{Guid, Limits, Utf16, decode_all, encode_to_bytes};
use oxwire_mapi::aux_buffer::*;
use oxwire_mapi::mapihttp::{ConnectFlags, ExecuteFlags};
use oxwire_mapi::rpc_header_ext::{ExtendedBuffer, PayloadForm};
use oxwire_mapirpc::emsmdb::{
    EcDoConnectExRequest, EcDoConnectExResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, ProtocolVersion,
};
use oxwire_rpc::ndr::encode_stub;

use super::{HANDLE, read};

const CLIENT: u16 = 0xC101;
const PROCESS: u16 = 0xC202;
const SERVER: u16 = 0xC303;
const SESSION: u16 = 0xC404;
const REQUEST: u16 = 0xC505;
const GUID: Guid = Guid::from_wire([7; 16]);

fn client_info() -> AuxBlock<'static> {
    AuxBlock::PerfClientInfo(AuxPerfClientInfo {
        adapter_speed: 1,
        client_id: CLIENT,
        client_mode: ClientMode::CACHED,
        machine_name: Utf16::default(),
        user_name: Utf16::default(),
        client_ip: &[],
        client_ip_mask: &[],
        adapter_name: Utf16::default(),
        mac_address: &[],
    })
}

fn process_info() -> AuxBlock<'static> {
    AuxBlock::PerfProcessInfo(AuxPerfProcessInfo {
        process_id: PROCESS,
        process_guid: GUID,
        process_name: Utf16::default(),
    })
}

fn session_info() -> AuxBlock<'static> {
    AuxBlock::PerfSessionInfo(AuxPerfSessionInfo { session_id: SESSION, session_guid: GUID })
}

fn session_info_v2() -> AuxBlock<'static> {
    AuxBlock::PerfSessionInfoV2(AuxPerfSessionInfoV2 { session_id: SESSION, session_guid: GUID, connection_id: 5 })
}

fn connection_info() -> AuxBlock<'static> {
    AuxBlock::ClientConnectionInfo(AuxClientConnectionInfo {
        connection_guid: GUID,
        connection_attempts: 1,
        connection_flags: ConnectionFlags::CACHED_MODE,
        connection_context_info: Utf16::default(),
    })
}

fn server_info() -> AuxBlock<'static> {
    AuxBlock::PerfServerInfo(AuxPerfServerInfo {
        server_id: SERVER,
        server_type: ServerType::PRIVATE,
        server_dn: Utf16::default(),
        server_name: Utf16::default(),
    })
}

fn request_id() -> AuxBlock<'static> {
    AuxBlock::PerfRequestId(AuxPerfRequestId { session_id: SESSION, request_id: REQUEST })
}

/// One report of each kind: DEFMDB, DEFGC, MDB, MDB of version 2, GC, GC of version 2, failure, failure of version 2.
fn reports() -> [AuxBlock<'static>; 8] {
    let (process_id, client_id, server_id, session_id, request_id) = (PROCESS, CLIENT, SERVER, SESSION, REQUEST);
    let (time_since_request, time_to_complete_request, time_to_fail_request) = (1, 2, 3);
    let (result_code, request_operation) = (4, 5);
    let any = RequestKind::Any;
    let def_mdb = AuxPerfDefMdbSuccess { time_since_request, time_to_complete_request, request_id };
    let def_gc =
        AuxPerfDefGcSuccess { server_id, session_id, time_since_request, time_to_complete_request, request_operation };
    let mdb = AuxPerfMdbSuccess {
        client_id,
        server_id,
        session_id,
        request_id,
        time_since_request,
        time_to_complete_request,
    };
    let mdb_v2 = AuxPerfMdbSuccessV2 {
        process_id,
        client_id,
        server_id,
        session_id,
        request_id,
        time_since_request,
        time_to_complete_request,
    };
    let gc = AuxPerfGcSuccess {
        client_id,
        server_id,
        session_id,
        time_since_request,
        time_to_complete_request,
        request_operation,
    };
    let gc_v2 = AuxPerfGcSuccessV2 {
        process_id,
        client_id,
        server_id,
        session_id,
        time_since_request,
        time_to_complete_request,
        request_operation,
    };
    let failure = AuxPerfFailure {
        client_id,
        server_id,
        session_id,
        request_id,
        time_since_request,
        time_to_fail_request,
        result_code,
        request_operation,
    };
    let failure_v2 = AuxPerfFailureV2 {
        process_id,
        client_id,
        server_id,
        session_id,
        request_id,
        time_since_request,
        time_to_fail_request,
        result_code,
        request_operation,
    };
    [
        AuxBlock::PerfDefMdbSuccess(any, def_mdb),
        AuxBlock::PerfDefGcSuccess(any, def_gc),
        AuxBlock::PerfMdbSuccess(any, mdb),
        AuxBlock::PerfMdbSuccessV2(any, mdb_v2),
        AuxBlock::PerfGcSuccess(any, gc),
        AuxBlock::PerfGcSuccessV2(any, gc_v2),
        AuxBlock::PerfFailure(any, failure),
        AuxBlock::PerfFailureV2(any, failure_v2),
    ]
}

fn connect_stub(auxiliary_in: &[u8]) -> Vec<u8> {
    let request = EcDoConnectExRequest {
        user_dn: b"/o=x/cn=a",
        flags: ConnectFlags::NONE,
        con_mod: 0,
        limit: 0,
        code_page: 1252,
        lcid_string: 0x409,
        lcid_sort: 0x409,
        icxr_link: EcDoConnectExRequest::NO_LINK,
        can_convert_code_pages: 1,
        client_version: ProtocolVersion([0x0C00, 0x9084, 0]),
        time_stamp: 0,
        auxiliary_in,
        max_auxiliary_out: 0x1008,
    };
    encode_stub(&request).unwrap().to_vec()
}

fn ext2_stub(auxiliary_in: &[u8]) -> Vec<u8> {
    let request = EcDoRpcExt2Request {
        session: HANDLE,
        flags: ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC,
        rop_in: &[0, 0, 4, 0, 2, 0, 2, 0, 2, 0],
        max_rop_out: 0x8007,
        auxiliary_in,
        max_auxiliary_out: 0x1008,
    };
    encode_stub(&request).unwrap().to_vec()
}

/// Where the elements of rgbAuxIn begin: behind a DN of 9 characters in EcDoConnectEx, and behind 10 bytes of rgbIn in EcDoRpcExt2.
const IN_CONNECT: usize = 68;
const IN_EXT2: usize = 52;

/// A conformant array whose elements are an RPC_HEADER_EXT (Version 0, the flag Last, both sizes) and an AUX_HEADER (Size, Version,
/// Type) in front of the block.
fn expect(stub: &[u8], at: usize, [version, block_type]: [u8; 2], block: AuxBlock<'_>, rows: &str) {
    let payload = encode_to_bytes(&block).unwrap();
    let size = u8::try_from(payload.len()).unwrap();
    let front = [size + 8, 0, 0, 0, 0, 0, 4, 0, size, 0, size, 0, size, 0, version, block_type];
    assert_eq!(stub[at - 4..at + 12], front, "{rows}");
    assert_eq!(stub[at + 12..at + 8 + usize::from(size)], payload[4..], "{rows}");
}

#[test]
fn the_blocks_of_a_client_in_each_call() {
    let [def_mdb, def_gc, mdb, mdb_v2, gc, gc_v2, failure, failure_v2] = reports();
    let cases: [(&str, bool, bool, [u8; 2], AuxBlock<'_>); 15] = [
        ("MS-OXCRPC_R998 MS-OXCRPC_R999 MS-OXCRPC_R1000", true, false, [1, 0x02], client_info()),
        ("MS-OXCRPC_R998 MS-OXCRPC_R999 MS-OXCRPC_R1006", true, false, [1, 0x0B], process_info()),
        ("MS-OXCRPC_R1009 MS-OXCRPC_R1014 MS-OXCRPC_R1021 MS-OXCRPC_R1026", true, true, [1, 0x04], session_info()),
        ("MS-OXCRPC_R1015 MS-OXCRPC_R1018 MS-OXCRPC_R1027 MS-OXCRPC_R1030", true, true, [2, 0x04], session_info_v2()),
        ("MS-OXCRPC_R998 MS-OXCRPC_R999 MS-OXCRPC_R1680", true, false, [1, 0x4A], connection_info()),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1031", false, true, [1, 0x03], server_info()),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1034", false, true, [1, 0x01], request_id()),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1038", false, true, [1, 0x05], def_mdb),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1040", false, true, [1, 0x06], def_gc),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1042", false, true, [1, 0x07], mdb),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1046", false, true, [2, 0x07], mdb_v2),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1048", false, true, [1, 0x08], gc),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1052", false, true, [2, 0x08], gc_v2),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1054", false, true, [1, 0x09], failure),
        ("MS-OXCRPC_R1019 MS-OXCRPC_R1020 MS-OXCRPC_R1058", false, true, [2, 0x09], failure_v2),
    ];
    for (rows, in_connect, in_ext2, header, block) in cases {
        let buffer = auxiliary_buffer(PayloadForm::Plain, &[block]).unwrap();
        if in_connect {
            let stub = connect_stub(&buffer);
            expect(&stub, IN_CONNECT, header, block, rows);
            let request: EcDoConnectExRequest<'_> = read(&stub).unwrap();
            assert_eq!(blocks(request.auxiliary_in), [block], "{rows}");
        }
        if in_ext2 {
            let stub = ext2_stub(&buffer);
            expect(&stub, IN_EXT2, header, block, rows);
            let request: EcDoRpcExt2Request<'_> = read(&stub).unwrap();
            assert_eq!(blocks(request.auxiliary_in), [block], "{rows}");
        }
    }
}

fn blocks(buffer: &[u8]) -> Vec<AuxBlock<'_>> {
    let buffer: ExtendedBuffer<'_> = decode_all(buffer, &Limits::DEFAULT).unwrap();
    match buffer.payload().unwrap() {
        std::borrow::Cow::Borrowed(payload) => AuxBlocks::new(payload).map(Result::unwrap).collect(),
        std::borrow::Cow::Owned(_) => panic!("a plain payload is not copied"),
    }
}

/// rgbAuxIn has the same format in both calls, and so has rgbAuxOut: in front of the payload an RPC_HEADER_EXT, in front of each block
/// an AUX_HEADER whose Size leads to the next, past a block that nobody knows.
#[test]
fn one_format_for_both_calls() {
    let unknown = AuxBlock::Other(OtherAuxBlock { version: 9, block_type: 0x99, payload: &[1, 2, 3] });
    let sent = [session_info_v2(), unknown, connection_info()];
    let buffer = auxiliary_buffer(PayloadForm::Plain, &sent).unwrap();
    // By hand: 28 + 7 + 32 bytes behind the RPC_HEADER_EXT.
    assert_eq!(buffer[..12], [0, 0, 4, 0, 67, 0, 67, 0, 28, 0, 2, 4]);
    assert_eq!(buffer[36..43], [7, 0, 9, 0x99, 1, 2, 3]);
    assert_eq!(buffer[43..47], [32, 0, 1, 0x4A]);
    let rows = [
        "MS-OXCRPC_R745 MS-OXCRPC_R4848 MS-OXCRPC_R979 MS-OXCRPC_R567",
        "MS-OXCRPC_R1648 MS-OXCRPC_R1702 MS-OXCRPC_R672 MS-OXCRPC_R674 MS-OXCRPC_R1709 MS-OXCRPC_R1711",
    ];
    let (connect, ext2) = (connect_stub(&buffer), ext2_stub(&buffer));
    for (rows, stub, at) in [(rows[0], &connect, IN_CONNECT), (rows[1], &ext2, IN_EXT2)] {
        assert_eq!(stub[at..at + 75], buffer[..], "{rows}");
        assert_eq!(stub[at - 4..at], [75, 0, 0, 0], "{rows}");
        // The size stands again behind the buffer, aligned to 4: the header counts.
        assert_eq!(stub[at + 76..at + 80], [75, 0, 0, 0], "{rows}");
    }
    let response = EcDoConnectExResponse { auxiliary_out: &buffer, ..Default::default() };
    let connect = encode_stub(&response).unwrap();
    let response = EcDoRpcExt2Response { session: HANDLE, auxiliary_out: &buffer, ..Default::default() };
    let ext2 = encode_stub(&response).unwrap();
    let connect: EcDoConnectExResponse<'_> = read(&connect).unwrap();
    let ext2: EcDoRpcExt2Response<'_> = read(&ext2).unwrap();
    for (rows, found) in [
        ("MS-OXCRPC_R575 MS-OXCRPC_R1713 MS-OXCRPC_R1714", connect.auxiliary_out),
        ("MS-OXCRPC_R1649 MS-OXCRPC_R1713 MS-OXCRPC_R1714", ext2.auxiliary_out),
    ] {
        assert_eq!(blocks(found), sent, "{rows}");
    }
}

/// What a server tells of itself: EcDoConnectEx, and AUX_CLIENT_CONTROL in EcDoRpcExt2 too.
#[test]
fn the_blocks_of_a_server() {
    let control =
        AuxBlock::ClientControl(AuxClientControl { enable_flags: EnableFlags::ENABLE_COMPRESSION, expiry_time: 1 });
    let os = AuxBlock::OsVersionInfo(AuxOsVersionInfo {
        major_version: 6,
        minor_version: 1,
        build_number: 2,
        service_pack_major: 3,
        service_pack_minor: 4,
    });
    let organization = AuxBlock::ExOrgInfo(AuxExOrgInfo { org_flags: OrgFlags::NONE });
    let endpoint = AuxBlock::EndpointCapabilities(AuxEndpointCapabilities {
        endpoint_capability_flag: EndpointCapabilityFlags::SINGLE_ENDPOINT,
    });
    for (rows, block, front) in [
        ("MS-OXCRPC_R1060", control, [12, 0, 1, 0x0A]),
        ("MS-OXCRPC_R1060", os, [160, 0, 1, 0x16]),
        ("MS-OXCRPC_R1060 MS-OXCRPC_R1123", organization, [8, 0, 1, 0x17]),
        ("MS-OXCRPC_R1060", endpoint, [8, 0, 1, 0x48]),
        ("MS-OXCRPC_R1073", control, [12, 0, 1, 0x0A]),
    ] {
        let buffer = auxiliary_buffer(PayloadForm::Plain, &[block]).unwrap();
        assert_eq!(buffer[8..12], front, "{rows}");
        let stub = if rows.ends_with("R1073") {
            encode_stub(&EcDoRpcExt2Response { session: HANDLE, auxiliary_out: &buffer, ..Default::default() })
        } else {
            encode_stub(&EcDoConnectExResponse { session: HANDLE, auxiliary_out: &buffer, ..Default::default() })
        };
        // Max count, offset and actual count stand in front of the header.
        let len = [u8::try_from(buffer.len()).unwrap(), 0, 0, 0];
        let whole = [&len[..], &[0; 4], &len, &buffer].concat();
        assert!(stub.unwrap().windows(whole.len()).any(|window| window == whole), "{rows}");
    }
}

/// The number that a block gives to client, process, server, session or request is the one by which reports name it: the same two bytes,
/// at the place that the block's section gives.
#[test]
fn reports_name_what_other_blocks_have_numbered() {
    let [def_mdb, def_gc, mdb, mdb_v2, gc, gc_v2, failure, failure_v2] = reports();
    let bytes = |block: AuxBlock<'_>, at: usize| -> [u8; 2] {
        let wire = encode_to_bytes(&block).unwrap();
        [wire[at], wire[at + 1]]
    };
    // Behind the AUX_HEADER: AdapterSpeed is in front of ClientID, SessionID in front of RequestID.
    let client = ("MS-OXCRPC_R1005", bytes(client_info(), 4 + 4));
    let process = ("MS-OXCRPC_R1008", bytes(process_info(), 4));
    let server = ("MS-OXCRPC_R1033", bytes(server_info(), 4));
    let session = ("MS-OXCRPC_R1011 MS-OXCRPC_R1023", bytes(session_info(), 4));
    let session_v2 = ("MS-OXCRPC_R1017 MS-OXCRPC_R1029", bytes(session_info_v2(), 4));
    let request = ("MS-OXCRPC_R1036", bytes(request_id(), 4 + 2));
    assert_eq!(session.1, session_v2.1);
    for (rows, block, places) in [
        ("MS-OXCRPC_R1393", request_id(), &[(0, session)][..]),
        ("MS-OXCRPC_R1394", def_mdb, &[(8, request)]),
        ("MS-OXCRPC_R1395", def_gc, &[(0, server), (2, session)]),
        ("MS-OXCRPC_R1396", mdb, &[(0, client), (2, server), (4, session), (6, request)]),
        ("MS-OXCRPC_R1397", mdb_v2, &[(0, process), (2, client), (4, server), (6, session_v2), (8, request)]),
        ("MS-OXCRPC_R1398", gc, &[(0, client), (2, server), (4, session)]),
        ("MS-OXCRPC_R1399", gc_v2, &[(0, process), (2, client), (4, server), (6, session_v2)]),
        ("MS-OXCRPC_R1400", failure, &[(0, client), (2, server), (4, session), (6, request)]),
        ("MS-OXCRPC_R1401", failure_v2, &[(0, process), (2, client), (4, server), (6, session_v2), (8, request)]),
    ] {
        for (at, (names, number)) in places {
            assert_eq!(bytes(block, 4 + at), *number, "{rows} {names}");
        }
    }
}
