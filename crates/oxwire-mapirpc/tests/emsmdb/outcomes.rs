//! Versions and return values, by the rows of [MS-OXCRPC] 3.1.4 and 3.2.4.1.3.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

use oxwire_mapi::property::ErrorCode;
use oxwire_mapirpc::emsmdb::{EcDoConnectExResponse, EcDoRpcExt2Response, ProtocolVersion};
use oxwire_rpc::ndr::encode_stub;
use oxwire_rpc::pdu::FaultStatus;

use super::read;

/// A failed EcDoConnectEx, by hand: a session context handle of zeros, three numbers, the index and its padding, two strings that
/// are not there, two versions, the time stamp, an empty buffer and its size, the return value.
#[test]
fn oxcrpc_r483_r1485_a_failed_connect_returns_no_handle() {
    let stub = encode_stub(&EcDoConnectExResponse::failure(0x3EB)).unwrap();
    let zeros = [20, 12, 4, 8, 12, 4, 12, 4].into_iter().sum::<usize>();
    assert_eq!(stub.len(), zeros + 4);
    assert!(stub[..zeros].iter().all(|byte| *byte == 0));
    assert_eq!(&stub[zeros..], [0xEB, 3, 0, 0]);
}

/// The return values that the sections list: their numbers, as the last four bytes of the answer, are the codes of those names.
#[test]
fn the_return_values() {
    for (rows, code, number) in [
        ("MS-OXCRPC_R4888", ErrorCode::ACCESS_DENIED, 0x8007_0005_u32),
        ("MS-OXCRPC_R586", ErrorCode::NOT_ENCRYPTED, 0x970),
        ("MS-OXCRPC_R591 MS-OXCRPC_R595", ErrorCode::CLIENT_VERSION_BLOCKED, 0x4DF),
        ("MS-OXCRPC_R596", ErrorCode::LOGON_FAILED, 0x8004_0111),
        ("MS-OXCRPC_R600", ErrorCode::UNKNOWN_USER, 0x3EB),
        ("MS-OXCRPC_R603", ErrorCode::LOGIN_PERMISSION, 0x3F2),
        ("MS-OXCRPC_R606", ErrorCode::VERSION_MISMATCH, 0x8004_0110),
        ("MS-OXCRPC_R609", ErrorCode::CACHED_MODE_REQUIRED, 0x4E1),
        ("MS-OXCRPC_R612", ErrorCode::RPC_HTTP_DISALLOWED, 0x4E0),
        ("MS-OXCRPC_R615", ErrorCode::PROTOCOL_DISABLED, 0x7D8),
        ("MS-OXCRPC_R697 MS-OXCRPC_R698", ErrorCode::RPC_FORMAT, 0x4B6),
        ("MS-OXCRPC_R455", ErrorCode::INVALID_PARAMETER, 0x8007_0057),
        ("MS-OXCRPC_R457", ErrorCode::NOT_SUPPORTED, 0x8004_0102),
        ("MS-OXCRPC_R459", ErrorCode::TOO_BIG, 0x8004_0305),
        ("MS-OXCRPC_R1343", ErrorCode::REJECTED, 0x7EE),
        ("MS-OXCRPC_R1345", ErrorCode::EXITING, 0x3ED),
    ] {
        let stub = encode_stub(&EcDoConnectExResponse::failure(code.0)).unwrap();
        assert_eq!(stub[stub.len() - 4..], number.to_le_bytes(), "{rows}");
        assert!(code.name().is_some(), "{rows}");
    }
}

/// A result goes up as it came, whether its number is known here or not.
#[test]
fn oxcrpc_r1142_r1249_results_are_not_changed() {
    for code in [0, 1, 0x1234_5678, u32::MAX] {
        let stub = encode_stub(&EcDoRpcExt2Response { error_code: code, ..Default::default() }).unwrap();
        assert_eq!(read::<EcDoRpcExt2Response<'_>>(&stub).unwrap().error_code, code);
    }
}

/// The status of a server that is too busy, with what the client then goes by: how often to try again, and when.
#[test]
fn oxcrpc_r529_r1193_too_busy() {
    assert_eq!(FaultStatus::SERVER_TOO_BUSY, FaultStatus(0x6BB));
    let connected = EcDoConnectExResponse { retry_count: 6, retry_delay: 10_000, ..Default::default() };
    let stub = encode_stub(&connected).unwrap();
    let read: EcDoConnectExResponse<'_> = read(&stub).unwrap();
    assert_eq!((read.retry_count, read.retry_delay), (6, 10_000));
}

/// The highest bit of the second word says which scheme it is, and nothing else does.
#[test]
fn oxcrpc_r1103_the_scheme_is_told_by_one_bit() {
    for (words, expected) in [
        ([0x0801, 0x00D7, 3], [0x0801, 0, 215, 3]),
        ([0x0801, 0x80D7, 3], [8, 1, 215, 3]),
        ([0x0801, 0x7FFF, 3], [0x0801, 0, 0x7FFF, 3]),
        ([0xFFFF, 0xFFFF, 0xFFFF], [255, 255, 0x7FFF, 0xFFFF]),
        ([0x0B00, 0x8000, 4920], [11, 0, 0, 4920]),
        ([11, 0, 4920], [11, 0, 0, 4920]),
    ] {
        assert_eq!(ProtocolVersion(words).normalized(), expected, "{words:04X?}");
    }
}

/// The versions of [MS-OXCRPC] 3.2.4.1.3.2, in the order of the table: who has a later one has what an earlier one stands for.
#[test]
fn oxcrpc_r1116_r1694_versions_are_compared_by_their_four_numbers() {
    let table = [
        [11, 0, 0, 0],
        [11, 0, 0, 4920],
        [12, 0, 0, 0],
        [12, 0, 3118, 0],
        [12, 0, 3619, 0],
        [12, 0, 3730, 0],
        [12, 0, 4207, 0],
        [12, 0, 4228, 0],
    ];
    for (at, version) in table.into_iter().enumerate() {
        let wire = ProtocolVersion::from_normalized(version).unwrap();
        assert_eq!(wire.normalized(), version);
        for (other, earlier) in table.into_iter().enumerate() {
            let earlier = ProtocolVersion::from_normalized(earlier).unwrap();
            assert_eq!(wire.normalized() >= earlier.normalized(), at >= other, "{wire} {earlier}");
        }
    }
    // A minor version counts more than a build.
    let minor = ProtocolVersion([0x0C01, 0x8000, 0]);
    assert!(minor.normalized() > ProtocolVersion([0x0C00, 0xFFFF, 0xFFFF]).normalized());
}
