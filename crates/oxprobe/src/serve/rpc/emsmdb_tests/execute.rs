//! EcDoRpcExt2: ROPs and auxiliary buffers. [MS-OXCRPC] 3.1.4.2

use bytes::Bytes;
use oxwire::mapi::mapihttp::ExecuteFlags;
use oxwire::mapi::property::{ErrorCode, PropertyTag, PropertyTags};
use oxwire::mapi::rop::{
    AsynchronousFlags, ContentsTableFlags, GetContentsTableRequest, Handle, LogonRequest, QueryRowsFlags,
    QueryRowsRequest, ReleaseRequest, RopResponse, SetColumnsRequest,
};
use oxwire::mapi::rpc_header_ext::ExtendedBuffers;
use oxwire::mapirpc::emsmdb::{EcDoConnectExRequest, EcDoRpcExt2Request, EcDoRpcExt2Response};
use oxwire::rpc::ndr::ContextHandle;

use super::{ADA, MESSAGES, World, connect_request, ext2, extended, read};
use crate::serve::tests::{INBOX, open, payload};
use crate::serve::users::user_dn;

/// Several operations go in one call, each is done in the session, and each has its result.
#[test]
fn oxcrpc_r621_r1290_r1291_r1189_operations_and_their_results() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    let dn = world.dn(0);
    let answer = world.rops(0, session, &[Handle::UNUSED, Handle::UNUSED], |r| {
        r.push(&LogonRequest::private(0, 0, &dn)).unwrap();
        r.push(&open(INBOX)).unwrap();
        r.push(&open(9999)).unwrap();
    });
    let all = answer.all();
    assert!(
        matches!(&all[..], [RopResponse::Logon(_), RopResponse::OpenFolder(_), RopResponse::Failure(failure)]
            if failure.return_value == ErrorCode::NOT_FOUND),
        "{all:?}"
    );
}

/// rgbOut, byte by byte: an empty list of operations is answered by an empty list.
#[test]
fn the_answer_to_no_operation() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    let rop_in = extended(&[2, 0]);
    let stub = world.ask(0, &ext2(session, &rop_in)).unwrap();
    let response: EcDoRpcExt2Response<'_> = read(&stub);
    for (rows, holds) in [
        ("MS-OXCRPC_R625", response.session == session),
        ("MS-OXCRPC_R694", response.error_code == 0),
        // RPC_HEADER_EXT: version 0, Last, 2 bytes in either size; RopSize 2.
        ("MS-OXCRPC_R657 MS-OXCRPC_R658", response.rop_out == [0, 0, 4, 0, 2, 0, 2, 0, 2, 0]),
        ("MS-OXCRPC_R1320 MS-OXCRPC_R660 MS-OXCRPC_R668", stub[20 + 4 + 12 + 12..][..4] == [10, 0, 0, 0]),
    ] {
        assert!(holds, "{rows}: {response:?} {stub:?}");
    }
}

/// pcbOut bounds what comes back, header included; rgbAuxOut is within pcbAuxOut.
#[test]
fn an_answer_keeps_within_what_the_client_takes() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    let dn = world.dn(0);
    let sent = payload(&[Handle::UNUSED], |r| r.push(&LogonRequest::private(0, 0, &dn)).unwrap());
    let rop_in = extended(&sent);
    // A logon's answer takes 160 bytes, and RopBufferTooSmall gives the request back where it has no room.
    for max_rop_out in [400, 300, 250, 200, 180, 170, 160, 150, 0x40_000] {
        let request = EcDoRpcExt2Request { max_rop_out, max_auxiliary_out: 0, ..ext2(session, &rop_in) };
        let stub = world.ask(0, &request).unwrap();
        let response: EcDoRpcExt2Response<'_> = read(&stub);
        let len = u32::try_from(response.rop_out.len()).unwrap();
        assert!(len <= max_rop_out, "{}: {len} of {max_rop_out}", "MS-OXCRPC_R4852 MS-OXCRPC_R662");
        assert!(response.auxiliary_out.is_empty(), "{}", "MS-OXCRPC_R4856");
    }
}

/// A length or a content that is not valid: ecRpcFormat, and the session goes on.
#[test]
fn oxcrpc_r697_r698_what_is_no_rop_buffer() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    for rop_in in [
        &[][..],
        &[0, 0, 4, 0],
        // Size says more, and less, than there is.
        &[0, 0, 4, 0, 3, 0, 3, 0, 2, 0],
        &[0, 0, 4, 0, 1, 0, 1, 0, 2, 0],
        // Version 1.
        &[1, 0, 4, 0, 2, 0, 2, 0, 2, 0],
        // Nothing, and one byte, where RopSize stands.
        &[0, 0, 4, 0, 0, 0, 0, 0],
        &[0, 0, 4, 0, 1, 0, 1, 0, 2],
        // RopSize past the end, and less than itself.
        &[0, 0, 4, 0, 2, 0, 2, 0, 3, 0],
        &[0, 0, 4, 0, 2, 0, 2, 0, 1, 0],
        // Compressed, and nothing that decompresses.
        &[0, 0, 5, 0, 2, 0, 9, 0, 2, 0],
    ] {
        let stub = world.ask(0, &ext2(session, rop_in)).unwrap();
        let response: EcDoRpcExt2Response<'_> = read(&stub);
        assert_eq!((ErrorCode(response.error_code), response.session), (ErrorCode::RPC_FORMAT, session), "{rop_in:?}");
        assert!(response.rop_out.is_empty(), "{rop_in:?}");
    }
    world.rops(0, session, &[], |_| {});
}

/// What a client tells of itself changes no answer, whatever it is: [MS-OXCRPC] 3.1.4.1.2.2, 3.1.4.2.2.2.
#[test]
fn auxiliary_buffers_of_a_client_are_informational() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    let rop_in = extended(&[2, 0]);
    let mut ask = |auxiliary_in: &[u8]| -> Bytes {
        let request = EcDoRpcExt2Request { auxiliary_in, ..ext2(session, &rop_in) };
        world.ask(0, &request).unwrap()
    };
    let plain = ask(&[]);
    // Version and Type, the length of the fields, and where a reserved one begins and ends.
    for (rows, [version, block_type], len, reserved) in [
        ("MS-OXCRPC_R1825", [1, 0x04], 20, 2..4),
        ("MS-OXCRPC_R1826", [2, 0x04], 24, 2..4),
        ("MS-OXCRPC_R1827", [1, 0x05], 12, 10..12),
        ("MS-OXCRPC_R1828", [1, 0x06], 16, 13..16),
        ("MS-OXCRPC_R1829", [2, 0x07], 20, 10..12),
        ("MS-OXCRPC_R1830", [1, 0x08], 20, 6..8),
        ("MS-OXCRPC_R1831", [1, 0x08], 20, 17..20),
        ("MS-OXCRPC_R1832", [2, 0x08], 20, 17..20),
        ("MS-OXCRPC_R1833", [1, 0x09], 24, 21..24),
        ("MS-OXCRPC_R1834", [2, 0x09], 28, 10..12),
        ("MS-OXCRPC_R1835", [2, 0x09], 28, 25..28),
    ] {
        let mut block = vec![0; 4 + len];
        block[0] = u8::try_from(block.len()).unwrap();
        (block[2], block[3]) = (version, block_type);
        let zeros = ask(&extended(&block));
        block[reserved.start + 4..reserved.end + 4].fill(0xEE);
        assert_eq!(ask(&extended(&block)), zeros, "{rows}");
        assert_eq!(zeros, plain, "{rows}");
    }
    // Not even an auxiliary buffer.
    for auxiliary_in in [&[1, 2, 3][..], &[0xFF; 64]] {
        assert_eq!(ask(auxiliary_in), plain, "{}", "MS-OXCRPC_R1704");
    }
    let dn = user_dn(ADA);
    for auxiliary_in in [&[][..], &[0, 0, 4, 0, 4, 0, 4, 0, 4, 0, 1, 0x99], &[0xFF; 64]] {
        let request = EcDoConnectExRequest { auxiliary_in, ..connect_request(dn.as_bytes()) };
        let stub = world.ask(0, &request).unwrap();
        let session: ContextHandle = read::<oxwire::mapirpc::emsmdb::EcDoConnectExResponse<'_>>(&stub).session;
        assert!(!session.is_nil(), "{}", "MS-OXCRPC_R1606 MS-OXCRPC_R981");
    }
}

/// The ROP responses payloads of a chain.
fn chained(stub: &Bytes) -> Vec<Vec<u8>> {
    let response: EcDoRpcExt2Response<'_> = read(stub);
    assert_eq!(response.error_code, 0);
    ExtendedBuffers::new(response.rop_out).map(|buffer| buffer.unwrap().payload().unwrap().into_owned()).collect()
}

/// Rows of a RopQueryRows response (0x15, its index, success, Origin, RowCount) that begins at that place, if one does.
fn rows_at(payload: &[u8], at: usize) -> Option<usize> {
    let found = payload.get(at..at + 9)?;
    assert_eq!(found[..6], [0x15, 0, 0, 0, 0, 0]);
    Some(u16::from_le_bytes([found[7], found[8]]).into())
}

/// The rows that one payload has no room for come in further ones, if the client takes a chain, RopQueryRows was the last operation,
/// and 32 KB are left; each is the answer to a request of its own, and never more rows come than were asked for.
#[test]
fn rows_go_on_in_further_payloads() {
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    let dn = world.dn(0);
    let logon = LogonRequest::private(0, 0, &dn);
    let logon = world.rops(0, session, &[Handle::UNUSED], |r| r.push(&logon).unwrap()).handle(0);
    let inbox = world.rops(0, session, &[logon, Handle::UNUSED], |r| r.push(&open(INBOX)).unwrap()).handle(1);
    let contents = GetContentsTableRequest {
        logon_id: 0,
        input_handle_index: 0,
        output_handle_index: 1,
        table_flags: ContentsTableFlags::USE_UNICODE,
    };
    let columns = SetColumnsRequest {
        logon_id: 0,
        input_handle_index: 1,
        set_columns_flags: AsynchronousFlags::SYNCHRONOUS,
        property_tags: PropertyTags::new(&[PropertyTag::SUBJECT, PropertyTag::BODY]),
    };
    let (chain, plain) = (ExecuteFlags::NO_COMPRESSION | ExecuteFlags::CHAIN, ExecuteFlags::NO_COMPRESSION);
    // Rows are a kilobyte and some: 31 or so to a payload, and the four that the mailbox began with are shorter.
    let there = MESSAGES + 4;
    for (rows, flags, room, asked, released, payloads, given) in [
        ("MS-OXCRPC_R962 MS-OXCRPC_R973", chain, 0x4_0000, 100, false, 4, 100),
        ("MS-OXCRPC_R972", chain, 0x4_0000, 40, false, 2, 40),
        ("MS-OXCRPC_R972", chain, 0x4_0000, 20, false, 1, 20),
        ("MS-OXCRPC_R962", chain, 0x4_0000, 1000, false, 7, there),
        // No chain, another operation behind, and less than 32 KB left.
        ("MS-OXCRPC_R962", plain, 0x4_0000, 100, false, 1, 0),
        ("MS-OXCRPC_R962", chain, 0x4_0000, 100, true, 1, 0),
        ("MS-OXCRPC_R962", chain, 0xC000, 100, false, 1, 0),
    ] {
        let table = world.rops(0, session, &[inbox, Handle::UNUSED], |r| {
            r.push(&contents).unwrap();
            r.push(&columns).unwrap();
        });
        let table = table.handle(1);
        let query = QueryRowsRequest {
            logon_id: 0,
            input_handle_index: 0,
            query_rows_flags: QueryRowsFlags::ADVANCE,
            forward_read: true,
            row_count: asked,
        };
        let sent = payload(&[table, logon], |r| {
            r.push(&query).unwrap();
            if released {
                r.push(&ReleaseRequest { logon_id: 0, input_handle_index: 0 }).unwrap();
            }
        });
        let rop_in = extended(&sent);
        let request = EcDoRpcExt2Request { flags, max_rop_out: room, ..ext2(session, &rop_in) };
        let stub = world.ask(0, &request).unwrap();
        let came = chained(&stub);
        assert_eq!(came.len(), payloads, "{rows}");
        let counts: Vec<usize> = came.iter().map(|payload| rows_at(payload, 2).unwrap()).collect();
        let sum: usize = counts.iter().sum();
        if given > 0 {
            assert_eq!(sum, given, "{rows}: {counts:?}");
        } else {
            assert!((25..40).contains(&sum), "{rows}: {counts:?}");
        }
        for (payload, count) in came.iter().zip(&counts) {
            assert!(*count > 0 && payload.len() <= 0x8000, "{rows}");
            // A whole buffer each: RopSize leads to the handles, which are those of the request.
            let size = usize::from(u16::from_le_bytes([payload[0], payload[1]]));
            let expected = [table.0.to_le_bytes(), logon.0.to_le_bytes()].concat();
            assert_eq!(payload[size..], expected, "{}", "MS-OXCRPC_R963");
        }
        // The cursor is behind the last row that was given: no row comes twice, and none is left out.
        if !released {
            let rest = QueryRowsRequest { row_count: 1000, ..query };
            let sent = payload_of(&rest, table);
            let rop_in = extended(&sent);
            let request = EcDoRpcExt2Request { flags: chain, max_rop_out: 0x4_0000, ..ext2(session, &rop_in) };
            let stub = world.ask(0, &request).unwrap();
            let rest: usize = chained(&stub).iter().map(|payload| rows_at(payload, 2).unwrap()).sum();
            assert_eq!(sum + rest, there, "{rows}");
        }
    }
}

fn payload_of(request: &QueryRowsRequest, table: Handle) -> Bytes {
    payload(&[table], |r| r.push(request).unwrap())
}
