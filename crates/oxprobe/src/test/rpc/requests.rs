//! What the calls of EMSMDB and AsyncEMSMDB say, and what their answers are taken for: [MS-OXCRPC] 3.2.4, 3.4.4.

use bytes::Bytes;
use oxwire::core::{Limits, decode_all};
use oxwire::mapi::mapihttp::{ConnectFlags, ExecuteFlags};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rpc_header_ext::ExtendedBuffer;
use oxwire::mapirpc::async_emsmdb::EcDoAsyncWaitExRequest;
use oxwire::mapirpc::emsmdb::{
    EcDoConnectExRequest, EcDoConnectExResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, ProtocolVersion,
    SMALL_RANGE_MAX,
};
use oxwire::rpc::ndr::ContextHandle;

use super::super::Outcome;
use super::super::context::{CODE_PAGE, LCID};
use super::super::session::undecodable;
use super::advice;

/// rgwClientVersion: Outlook 2013, which uses nothing that this program has not.
const CLIENT_VERSION: [u16; 4] = [15, 0, 4420, 1017];

/// EcDoConnectEx: a session that is linked with none.
pub(super) fn connect<'a>(user_dn: &'a str, auxiliary_in: &'a [u8]) -> EcDoConnectExRequest<'a> {
    EcDoConnectExRequest {
        user_dn: user_dn.as_bytes(),
        flags: ConnectFlags::NONE,
        con_mod: user_dn.bytes().fold(0, |hash: u32, byte| hash.rotate_left(5) ^ u32::from(byte)),
        limit: 0,
        code_page: CODE_PAGE,
        lcid_string: LCID,
        lcid_sort: LCID,
        icxr_link: EcDoConnectExRequest::NO_LINK,
        can_convert_code_pages: 1,
        client_version: ProtocolVersion::from_normalized(CLIENT_VERSION).unwrap_or_default(),
        time_stamp: 0,
        auxiliary_in,
        max_auxiliary_out: SMALL_RANGE_MAX,
    }
}

/// The session context handle. A failure has nothing that counts but its code.
///
/// # Errors
/// The return value.
pub(super) fn connected(response: &EcDoConnectExResponse<'_>) -> Outcome<ContextHandle> {
    match response.error_code {
        0 => Ok(response.session),
        code => Err(advice::of_code("EcDoConnectEx", ErrorCode(code))),
    }
}

/// EcDoRpcExt2 with one extended buffer.
pub(super) fn execute(session: ContextHandle, flags: ExecuteFlags, rop_in: &[u8]) -> EcDoRpcExt2Request<'_> {
    EcDoRpcExt2Request {
        session,
        flags,
        rop_in,
        max_rop_out: 0x7FFF + 8,
        auxiliary_in: &[],
        max_auxiliary_out: SMALL_RANGE_MAX,
    }
}

/// The ROP responses payload. A failure has none, whatever came with it.
///
/// # Errors
/// The return value, or what does not decode.
pub(super) fn executed(response: &EcDoRpcExt2Response<'_>, stub: &Bytes) -> Outcome<Bytes> {
    if response.error_code != 0 {
        return Err(advice::of_code("EcDoRpcExt2", ErrorCode(response.error_code)));
    }
    let buffer = decode_all::<ExtendedBuffer<'_>>(response.rop_out, &Limits::DEFAULT);
    let payload = buffer.and_then(|buffer| buffer.payload_bytes(stub));
    payload.map_err(|error| undecodable("EcDoRpcExt2", &error))
}

/// EcDoAsyncWaitEx.
pub(super) const fn wait(asynchronous: ContextHandle) -> EcDoAsyncWaitExRequest {
    EcDoAsyncWaitExRequest { asynchronous, flags_in: 0 }
}

#[cfg(test)]
mod tests {
    use oxwire::core::Guid;
    use oxwire::rpc::ndr::encode_stub;

    use super::super::super::context::auxiliary;
    use super::super::super::operations::Operations;
    use super::super::super::packing::Packing;
    use super::*;

    const DN: &str = "/o=oxwire/cn=ada";
    const HANDLE: ContextHandle = ContextHandle::new(Guid::from_wire([7; 16]));

    /// The values that a client must send, in the places of its stub: behind a DN of 16 characters and its NUL, 32 bytes of them.
    #[test]
    fn what_a_connect_says() {
        let stub = encode_stub(&connect(DN, &[])).unwrap();
        assert_eq!(&stub[12..28], DN.as_bytes());
        for (rows, at, expected) in [
            ("MS-OXCRPC_R487", 32, &[0, 0, 0, 0][..]),
            ("MS-OXCRPC_R1153", 40, &[0, 0, 0, 0]),
            ("MS-OXCRPC_R1158 MS-OXCRPC_R1287", 56, &[0xFF, 0xFF, 0xFF, 0xFF]),
            ("MS-OXCRPC_R519 MS-OXCRPC_R1162", 60, &[1, 0]),
            // 15.0.4420.1017, in the new scheme.
            ("MS-OXCRPC_R1178 MS-OXCRPC_R1179 MS-OXCRPC_R1684 MS-OXCRPC_R1685", 62, &[0, 15, 0x44, 0x91, 0xF9, 3]),
            ("MS-OXCRPC_R1184", 68, &[0, 0, 0, 0]),
        ] {
            assert_eq!(stub[at..at + expected.len()], *expected, "{rows}");
        }
    }

    /// The version that is sent is at least each one whose support it stands for.
    #[test]
    fn oxcrpc_r1131_r1132_the_version_stands_for_what_is_supported() {
        let sent = connect(DN, &[]).client_version.normalized();
        assert_eq!(sent, [15, 0, 4420, 1017]);
        assert!(sent >= [12, 0, 4228, 0]);
    }

    #[test]
    fn oxcrpc_r1149_r1151_r1264_one_dn_has_one_hash() {
        assert_eq!(connect(DN, &[]).con_mod, connect(DN, &[1, 2]).con_mod);
        assert_ne!(connect(DN, &[]).con_mod, connect("/o=oxwire/cn=bert", &[]).con_mod);
    }

    /// Of a failure nothing is taken but the code, by its name where it has one.
    #[test]
    fn failures_of_a_connect() {
        let full = EcDoConnectExResponse {
            session: HANDLE,
            polls_max: 1,
            retry_count: 2,
            retry_delay: 3,
            icxr: 4,
            dn_prefix: Some(b"/o=x"),
            display_name: Some(b"Ada"),
            time_stamp: 5,
            ..EcDoConnectExResponse::default()
        };
        assert_eq!(connected(&full).ok(), Some(HANDLE));
        let ignored = "MS-OXCRPC_R1323 MS-OXCRPC_R1325 MS-OXCRPC_R1328 MS-OXCRPC_R1332 MS-OXCRPC_R1334 MS-OXCRPC_R1336";
        for (rows, code, name) in [
            (ignored, 0x8004_0111, "LogonFailed"),
            ("MS-OXCRPC_R1121", 0x4E1, "CachedModeRequired"),
            ("MS-OXCRPC_R1121", 0x4E0, "RpcHttpDisallowed"),
            ("MS-OXCRPC_R1121", 0x7D8, "ProtocolDisabled"),
            ("MS-OXCRPC_R1122 MS-OXCRPC_R1125", 0x4DF, "ClientVersionBlocked"),
            ("MS-OXCRPC_R1124", 0x970, "NotEncrypted"),
            ("MS-OXCRPC_R1142", 0x1234_5678, "0x12345678"),
        ] {
            let failure = connected(&EcDoConnectExResponse { error_code: code, ..full }).unwrap_err();
            assert!(failure.came.contains(name) && !failure.came.contains("Ada"), "{rows}: {}", failure.came);
        }
    }

    /// rgbOut of a failure is not read, though it decodes; that of a success is.
    #[test]
    fn oxcrpc_r670_data_of_a_failed_call_is_ignored() {
        let rop_out = [0, 0, 4, 0, 2, 0, 2, 0, 2, 0];
        let failed =
            EcDoRpcExt2Response { session: HANDLE, rop_out: &rop_out, error_code: 0x4B6, ..Default::default() };
        let stub = encode_stub(&failed).unwrap();
        assert!(executed(&failed, &stub).unwrap_err().came.contains("RpcFormat"));
        let done = EcDoRpcExt2Response { error_code: 0, ..failed };
        let stub = encode_stub(&done).unwrap();
        assert_eq!(executed(&done, &stub).ok().as_deref(), Some(&[2, 0][..]));
    }

    /// The session's handle, and one extended buffer: an RPC_HEADER_EXT with the flag Last, and no other behind its payload.
    #[test]
    fn what_an_execute_says() {
        let rops = Bytes::from(vec![9; 1000]);
        for compress in [false, true] {
            let mut packing = Packing::new(compress);
            let rop_in = packing.rop_in(&rops).unwrap();
            let stub = encode_stub(&execute(HANDLE, packing.flags(), &rop_in)).unwrap();
            // By hand: flags Last, or Last with Compressed and XorMagic; the length of the payload as it is stored.
            let size = u16::try_from(rop_in.len() - 8).unwrap();
            let front = [&[0, 0, if compress { 7 } else { 4 }, 0][..], &size.to_le_bytes(), &1000_u16.to_le_bytes()];
            let len = u32::try_from(rop_in.len()).unwrap().to_le_bytes();
            let behind = 28 + rop_in.len().next_multiple_of(4);
            for (rows, found, expected) in [
                ("MS-OXCRPC_R1136 MS-OXCRPC_R1286 MS-OXCRPC_R1695", &stub[4..20], &[7; 16][..]),
                ("MS-OXCRPC_R647 MS-OXCRPC_R1775001", &stub[28..36], &front.concat()[..]),
                ("MS-OXCRPC_R650 MS-OXCRPC_R655", &stub[behind..behind + 4], &len[..]),
            ] {
                assert_eq!(found, expected, "{rows}");
            }
            assert_eq!(size == 1000, !compress);
        }
    }

    /// Behind a wait that an event ended there is nothing to send: an empty list of operations fetches the event.
    #[test]
    fn oxcrpc_r1238_r1418_a_wait_and_what_follows_it() {
        assert_eq!(encode_stub(&wait(HANDLE)).unwrap()[20..], [0, 0, 0, 0]);
        let none = Operations::new(&[], |_| Ok(())).unwrap();
        assert_eq!(none.bytes()[..], [2, 0]);
    }

    /// What the server says of itself is told, and costs nothing where it cannot be read.
    #[test]
    fn oxcrpc_r1683_auxiliary_blocks_of_a_server_are_informational() {
        let told = |buffer: &[u8]| auxiliary(buffer).len();
        let organization = [0, 0, 4, 0, 8, 0, 8, 0, 8, 0, 1, 0x17, 0, 0, 0, 0];
        assert_eq!(auxiliary(&organization), ["EXORGINFO"]);
        assert_eq!((told(&[]), told(&organization[..11]), told(&[0xFF; 40])), (0, 1, 1));
    }
}
