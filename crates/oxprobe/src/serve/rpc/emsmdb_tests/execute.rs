//! EcDoRpcExt2: ROPs and auxiliary buffers. [MS-OXCRPC] 3.1.4.2

use bytes::Bytes;
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rop::{Handle, LogonRequest, RopResponse};
use oxwire::mapirpc::emsmdb::{EcDoConnectExRequest, EcDoRpcExt2Request, EcDoRpcExt2Response};
use oxwire::rpc::ndr::ContextHandle;

use super::{ADA, World, connect_request, ext2, extended, read};
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
