//! The auxiliary blocks of [MS-OXCRPC] 2.2.2.2, byte for byte. The bytes are put together by hand from the sections.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

use oxwire_core::{
    DecodeErrorKind, Encode, EncodeErrorKind, Guid, Limits, Utf16, decode_all, encode_to_bytes, utf16_le_bytes,
};
use oxwire_mapi::aux_buffer::*;

const GUID: Guid = Guid::from_wire([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const GUID_WIRE: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// A block behind its AUX_HEADER.
fn framed(version: u8, block_type: u8, block: &[&[u8]]) -> Vec<u8> {
    let block = block.concat();
    let size = u16::try_from(block.len() + 4).unwrap().to_le_bytes();
    [&size[..], &[version, block_type], &block].concat()
}

/// Reads as `block` with any reserved bytes, and is written as `wire`, whose reserved bytes are zero.
fn same(rows: &str, wire: &[u8], reserved: &[(usize, usize)], block: AuxBlock<'_>) {
    assert_eq!(decode_all(wire, &Limits::DEFAULT), Ok(block), "{rows}");
    assert_eq!(encode_to_bytes(&block).as_deref(), Ok(wire), "{rows}");
    assert_eq!(block.encoded_len(), wire.len(), "{rows}");
    assert_eq!(<[u8; 2]>::from(block.version_and_type()), wire[2..4], "{rows}");
    let mut filled = wire.to_vec();
    for (start, end) in reserved {
        filled[start + 4..end + 4].fill(0xEE);
    }
    assert_eq!(decode_all(&filled, &Limits::DEFAULT), Ok(block), "{rows}: reserved bytes count for nothing");
    for len in 4..wire.len() {
        let cut = [&u16::try_from(len).unwrap().to_le_bytes()[..], &wire[2..len]].concat();
        assert!(decode_all::<AuxBlock<'_>>(&cut, &Limits::DEFAULT).is_err(), "{rows}: cut at {len}");
    }
    for at in 0..wire.len() {
        for mask in [1, 0x80, 0xFF] {
            let mut damaged = wire.to_vec();
            damaged[at] ^= mask;
            let _ = decode_all::<AuxBlock<'_>>(&damaged, &Limits::DEFAULT);
        }
    }
}

#[test]
fn blocks_of_sessions_and_accounts() {
    let request = AuxPerfRequestId { session_id: 0x0201, request_id: 0x0403 };
    same(
        "MS-OXCRPC_R56 MS-OXCRPC_R94 MS-OXCRPC_R95",
        &framed(1, 1, &[&[1, 2, 3, 4]]),
        &[],
        AuxBlock::PerfRequestId(request),
    );
    let session = AuxPerfSessionInfo { session_id: 0x0201, session_guid: GUID };
    same(
        "MS-OXCRPC_R1652 MS-OXCRPC_R1679 MS-OXCRPC_R1715 MS-OXCRPC_R1 MS-OXCRPC_R1681 MS-OXCRPC_R1682 MS-OXCRPC_R1604 MS-OXCRPC_R59 MS-OXCRPC_R96 MS-OXCRPC_R97 MS-OXCRPC_R101 MS-OXCRPC_R1819",
        &framed(1, 4, &[&[1, 2, 0, 0], GUID_WIRE]),
        &[(2, 4)],
        AuxBlock::PerfSessionInfo(session),
    );
    let session = AuxPerfSessionInfoV2 { session_id: 0x0201, session_guid: GUID, connection_id: 0x0807_0605 };
    same(
        "MS-OXCRPC_R80 MS-OXCRPC_R102 MS-OXCRPC_R103 MS-OXCRPC_R107 MS-OXCRPC_R108 MS-OXCRPC_R1820",
        &framed(2, 4, &[&[1, 2, 0, 0], GUID_WIRE, &[5, 6, 7, 8]]),
        &[(2, 4)],
        AuxBlock::PerfSessionInfoV2(session),
    );
    let account = AuxPerfAccountInfo { client_id: 0x0201, account: GUID };
    same(
        "MS-OXCRPC_R1350 MS-OXCRPC_R285 MS-OXCRPC_R286 MS-OXCRPC_R287 MS-OXCRPC_R291",
        &framed(1, 0x18, &[&[1, 2, 0, 0], GUID_WIRE]),
        &[(2, 4)],
        AuxBlock::PerfAccountInfo(account),
    );
}

#[test]
fn reports_of_success() {
    let times = [0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24];
    let (since, took) = (0x1413_1211, 0x2423_2221);
    for (kind, types, rows) in [
        (
            RequestKind::Any,
            [0x05, 0x06, 0x07, 0x08],
            "MS-OXCRPC_R54 MS-OXCRPC_R55 MS-OXCRPC_R79 MS-OXCRPC_R60 MS-OXCRPC_R61 MS-OXCRPC_R62 MS-OXCRPC_R63 MS-OXCRPC_R81 MS-OXCRPC_R82",
        ),
        (
            RequestKind::Background,
            [0x0C, 0x0D, 0x0E, 0x0F],
            "MS-OXCRPC_R4797 MS-OXCRPC_R67 MS-OXCRPC_R68 MS-OXCRPC_R69 MS-OXCRPC_R70 MS-OXCRPC_R85 MS-OXCRPC_R86",
        ),
        (
            RequestKind::Foreground,
            [0x11, 0x12, 0x13, 0x14],
            "MS-OXCRPC_R4796 MS-OXCRPC_R72 MS-OXCRPC_R73 MS-OXCRPC_R74 MS-OXCRPC_R75 MS-OXCRPC_R88 MS-OXCRPC_R89",
        ),
    ] {
        let [def_mdb, def_gc, mdb, gc] = types;
        let block =
            AuxPerfDefMdbSuccess { time_since_request: since, time_to_complete_request: took, request_id: 0x0605 };
        let wire = framed(1, def_mdb, &[&times, &[5, 6, 0, 0]]);
        same("MS-OXCRPC_R1716", &wire, &[(10, 12)], AuxBlock::PerfDefMdbSuccess(kind, block));
        same(rows, &wire, &[(10, 12)], AuxBlock::PerfDefMdbSuccess(kind, block));
        let block = AuxPerfDefGcSuccess {
            server_id: 0x0201,
            session_id: 0x0403,
            time_since_request: since,
            time_to_complete_request: took,
            request_operation: 9,
        };
        same(
            rows,
            &framed(1, def_gc, &[&[1, 2, 3, 4], &times, &[9, 0, 0, 0]]),
            &[(13, 16)],
            AuxBlock::PerfDefGcSuccess(kind, block),
        );
        let block = AuxPerfMdbSuccess {
            client_id: 0x0201,
            server_id: 0x0403,
            session_id: 0x0605,
            request_id: 0x0807,
            time_since_request: since,
            time_to_complete_request: took,
        };
        same(rows, &framed(1, mdb, &[&[1, 2, 3, 4, 5, 6, 7, 8], &times]), &[], AuxBlock::PerfMdbSuccess(kind, block));
        let block = AuxPerfMdbSuccessV2 {
            process_id: 0x0201,
            client_id: 0x0403,
            server_id: 0x0605,
            session_id: 0x0807,
            request_id: 0x0A09,
            time_since_request: since,
            time_to_complete_request: took,
        };
        let wire = framed(2, mdb, &[&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0], &times]);
        same(rows, &wire, &[(10, 12)], AuxBlock::PerfMdbSuccessV2(kind, block));
        let block = AuxPerfGcSuccess {
            client_id: 0x0201,
            server_id: 0x0403,
            session_id: 0x0605,
            time_since_request: since,
            time_to_complete_request: took,
            request_operation: 9,
        };
        let wire = framed(1, gc, &[&[1, 2, 3, 4, 5, 6, 0, 0], &times, &[9, 0, 0, 0]]);
        same(rows, &wire, &[(6, 8), (17, 20)], AuxBlock::PerfGcSuccess(kind, block));
        let block = AuxPerfGcSuccessV2 {
            process_id: 0x0201,
            client_id: 0x0403,
            server_id: 0x0605,
            session_id: 0x0807,
            time_since_request: since,
            time_to_complete_request: took,
            request_operation: 9,
        };
        let wire = framed(2, gc, &[&[1, 2, 3, 4, 5, 6, 7, 8], &times, &[9, 0, 0, 0]]);
        same(rows, &wire, &[(17, 20)], AuxBlock::PerfGcSuccessV2(kind, block));
    }
}

/// The fields of the reports above, row by row.
#[test]
fn the_fields_of_reports_of_success() {
    for (rows, block_type, version, len) in [
        ("MS-OXCRPC_R174 MS-OXCRPC_R175 MS-OXCRPC_R176 MS-OXCRPC_R177", 0x05, 1, 12),
        ("MS-OXCRPC_R181 MS-OXCRPC_R182 MS-OXCRPC_R183 MS-OXCRPC_R184 MS-OXCRPC_R185 MS-OXCRPC_R186", 0x06, 1, 16),
        ("MS-OXCRPC_R190 MS-OXCRPC_R191 MS-OXCRPC_R192 MS-OXCRPC_R193 MS-OXCRPC_R194 MS-OXCRPC_R195", 0x07, 1, 16),
        (
            "MS-OXCRPC_R196 MS-OXCRPC_R197 MS-OXCRPC_R198 MS-OXCRPC_R199 MS-OXCRPC_R200 MS-OXCRPC_R201 MS-OXCRPC_R204 MS-OXCRPC_R205",
            0x07,
            2,
            20,
        ),
        (
            "MS-OXCRPC_R206 MS-OXCRPC_R207 MS-OXCRPC_R208 MS-OXCRPC_R209 MS-OXCRPC_R213 MS-OXCRPC_R214 MS-OXCRPC_R215 MS-OXCRPC_R216",
            0x08,
            1,
            20,
        ),
        (
            "MS-OXCRPC_R220 MS-OXCRPC_R221 MS-OXCRPC_R222 MS-OXCRPC_R223 MS-OXCRPC_R224 MS-OXCRPC_R225 MS-OXCRPC_R226 MS-OXCRPC_R227",
            0x08,
            2,
            20,
        ),
    ] {
        let whole = framed(version, block_type, &[&vec![1; len]]);
        assert!(decode_all::<AuxBlock<'_>>(&whole, &Limits::DEFAULT).is_ok(), "{rows}");
        let short = framed(version, block_type, &[&vec![1; len - 1]]);
        let error = decode_all::<AuxBlock<'_>>(&short, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::Eof { .. }), "{rows}: {error}");
    }
}

#[test]
fn reports_of_failure() {
    let times = [0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33, 0x34];
    for (kind, block_type, rows) in [
        (
            RequestKind::Any,
            0x09,
            "MS-OXCRPC_R64 MS-OXCRPC_R83 MS-OXCRPC_R231 MS-OXCRPC_R232 MS-OXCRPC_R233 MS-OXCRPC_R234",
        ),
        (
            RequestKind::Background,
            0x10,
            "MS-OXCRPC_R71 MS-OXCRPC_R87 MS-OXCRPC_R235 MS-OXCRPC_R236 MS-OXCRPC_R237 MS-OXCRPC_R238 MS-OXCRPC_R239",
        ),
        (
            RequestKind::Foreground,
            0x15,
            "MS-OXCRPC_R76 MS-OXCRPC_R90 MS-OXCRPC_R243 MS-OXCRPC_R244 MS-OXCRPC_R245 MS-OXCRPC_R246 MS-OXCRPC_R247 MS-OXCRPC_R248 MS-OXCRPC_R252 MS-OXCRPC_R253 MS-OXCRPC_R254 MS-OXCRPC_R256 MS-OXCRPC_R257",
        ),
    ] {
        let block = AuxPerfFailure {
            client_id: 0x0201,
            server_id: 0x0403,
            session_id: 0x0605,
            request_id: 0x0807,
            time_since_request: 0x1413_1211,
            time_to_fail_request: 0x2423_2221,
            result_code: 0x3433_3231,
            request_operation: 9,
        };
        let wire = framed(1, block_type, &[&[1, 2, 3, 4, 5, 6, 7, 8], &times, &[9, 0, 0, 0]]);
        same(rows, &wire, &[(21, 24)], AuxBlock::PerfFailure(kind, block));
        let block = AuxPerfFailureV2 {
            process_id: 0x0201,
            client_id: 0x0403,
            server_id: 0x0605,
            session_id: 0x0807,
            request_id: 0x0A09,
            time_since_request: 0x1413_1211,
            time_to_fail_request: 0x2423_2221,
            result_code: 0x3433_3231,
            request_operation: 9,
        };
        let wire = framed(2, block_type, &[&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0], &times, &[9, 0, 0, 0]]);
        same(rows, &wire, &[(10, 12), (25, 28)], AuxBlock::PerfFailureV2(kind, block));
    }
}

/// Any error code is carried: what it means is the implementation's.
#[test]
fn oxcrpc_r255_r1272_result_codes_are_kept() {
    for code in [0, 1, 0x8007_0005, u32::MAX] {
        for (version, at) in [(1, 16), (2, 20)] {
            let wire = framed(version, 0x09, &[&vec![0; at], &code.to_le_bytes(), &[0; 4]]);
            let found = match decode_all(&wire, &Limits::DEFAULT) {
                Ok(AuxBlock::PerfFailure(_, block)) => block.result_code,
                Ok(AuxBlock::PerfFailureV2(_, block)) => block.result_code,
                other => panic!("{other:?}"),
            };
            assert_eq!(found, code);
        }
    }
}

/// Each flag of AUX_CLIENT_CONTROL by its bit.
#[test]
fn what_a_client_is_asked_to_do() {
    for (rows, bit, flag) in [
        ("MS-OXCRPC_R263", 0x01, EnableFlags::ENABLE_PERF_SENDTOSERVER),
        ("MS-OXCRPC_R265", 0x04, EnableFlags::ENABLE_COMPRESSION),
        ("MS-OXCRPC_R267", 0x08, EnableFlags::ENABLE_HTTP_TUNNELING),
        ("MS-OXCRPC_R268", 0x10, EnableFlags::ENABLE_PERF_SENDGCDATA),
    ] {
        let wire = framed(1, 0x0A, &[&[bit, 0, 0, 0], &[0x10, 0x27, 0, 0]]);
        same(rows, &wire, &[], AuxBlock::ClientControl(AuxClientControl { enable_flags: flag, expiry_time: 10_000 }));
    }
}

#[test]
fn blocks_with_text_behind_their_fields() {
    let utf16 = |text: &str| utf16_le_bytes(text);
    let (pc, ada, eth) = (utf16("PC"), utf16("ada"), utf16("eth0"));
    let view = |bytes| Utf16::new(bytes).unwrap();
    // 4 of AUX_HEADER and 28 of fields; then PC and its NUL are 6 bytes, ada 8, the address 4, the mask 4, eth0 10.
    let fields = [
        &[0x40, 0x42, 0x0F, 0, 1, 2][..],
        &[32, 0, 38, 0, 4, 0, 46, 0, 4, 0, 50, 0, 54, 0, 6, 0, 64, 0],
        &[2, 0, 0, 0],
    ]
    .concat();
    let wire = framed(
        1,
        2,
        &[&fields, &pc, &[0, 0], &ada, &[0, 0], &[10, 0, 0, 1, 255, 255, 255, 0], &eth, &[0, 0], &[1, 2, 3, 4, 5, 6]],
    );
    let client = AuxPerfClientInfo {
        adapter_speed: 1_000_000,
        client_id: 0x0201,
        client_mode: ClientMode::CACHED,
        machine_name: view(&pc),
        user_name: view(&ada),
        client_ip: &[10, 0, 0, 1],
        client_ip_mask: &[255, 255, 255, 0],
        adapter_name: view(&eth),
        mac_address: &[1, 2, 3, 4, 5, 6],
    };
    let rows = "MS-OXCRPC_R130 MS-OXCRPC_R1821 MS-OXCRPC_R57 MS-OXCRPC_R109 MS-OXCRPC_R110 MS-OXCRPC_R111 MS-OXCRPC_R112 MS-OXCRPC_R113 MS-OXCRPC_R114 MS-OXCRPC_R115 MS-OXCRPC_R116";
    same(rows, &wire, &[(26, 28)], AuxBlock::PerfClientInfo(client));
    for (mode, number) in [(ClientMode::UNKNOWN, 0), (ClientMode::CLASSIC, 1), (ClientMode::CACHED, 2)] {
        let mut wire = wire.clone();
        wire[28] = number;
        same(
            "MS-OXCRPC_R125 MS-OXCRPC_R126 MS-OXCRPC_R127 MS-OXCRPC_R128 MS-OXCRPC_R129",
            &wire,
            &[],
            AuxBlock::PerfClientInfo(AuxPerfClientInfo { client_mode: mode, ..client }),
        );
    }

    let (dn, name) = (utf16("/o=x"), utf16("mbx"));
    for (number, server_type) in
        [ServerType::UNKNOWN, ServerType::PRIVATE, ServerType::PUBLIC, ServerType::DIRECTORY, ServerType::REFERRAL]
            .into_iter()
            .enumerate()
    {
        let wire =
            framed(1, 3, &[&[1, 2, u8::try_from(number).unwrap(), 0, 12, 0, 22, 0], &dn, &[0, 0], &name, &[0, 0]]);
        let server =
            AuxPerfServerInfo { server_id: 0x0201, server_type, server_dn: view(&dn), server_name: view(&name) };
        same(
            "MS-OXCRPC_R150 MS-OXCRPC_R151 MS-OXCRPC_R152 MS-OXCRPC_R153 MS-OXCRPC_R154 MS-OXCRPC_R155 MS-OXCRPC_R58 MS-OXCRPC_R148 MS-OXCRPC_R149 MS-OXCRPC_R156 MS-OXCRPC_R157",
            &wire,
            &[],
            AuxBlock::PerfServerInfo(server),
        );
    }

    let process = AuxPerfProcessInfo { process_id: 0x0201, process_guid: GUID, process_name: view(&pc) };
    for (version, block) in [(1, AuxBlock::PerfProcessInfo(process)), (2, AuxBlock::PerfProcessInfoV2(process))] {
        let wire = framed(version, 0x0B, &[&[1, 2, 0, 0], GUID_WIRE, &[28, 0, 0, 0], &pc, &[0, 0]]);
        let rows = "MS-OXCRPC_R66 MS-OXCRPC_R84 MS-OXCRPC_R162 MS-OXCRPC_R163 MS-OXCRPC_R166 MS-OXCRPC_R167 MS-OXCRPC_R168 MS-OXCRPC_R172 MS-OXCRPC_R173 MS-OXCRPC_R1822 MS-OXCRPC_R1823";
        same(rows, &wire, &[(2, 4), (22, 24)], block);
    }

    let wire = framed(1, 0x4A, &[GUID_WIRE, &[32, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0], &ada, &[0, 0]]);
    let connection = AuxClientConnectionInfo {
        connection_guid: GUID,
        connection_attempts: 3,
        connection_flags: ConnectionFlags::CACHED_MODE,
        connection_context_info: view(&ada),
    };
    same(
        "MS-OXCRPC_R1519 MS-OXCRPC_R1526 MS-OXCRPC_R1527 MS-OXCRPC_R1529 MS-OXCRPC_R4828 MS-OXCRPC_R1531 MS-OXCRPC_R1533 MS-OXCRPC_R1534 MS-OXCRPC_R1824",
        &wire,
        &[(18, 20)],
        AuxBlock::ClientConnectionInfo(connection),
    );
    let wire = framed(1, 0x4B, &[&[6, 0], &ada, &[0, 0]]);
    let session = AuxServerSessionInfo { server_session_context_info: view(&ada) };
    same(
        "MS-OXCRPC_R1520 MS-OXCRPC_R1535 MS-OXCRPC_R1539 MS-OXCRPC_R1540",
        &wire,
        &[],
        AuxBlock::ServerSessionInfo(session),
    );

    let texts = ["a", "bc", "d", "e", "f"].map(utf16);
    let wire = framed(
        1,
        0x4E,
        &[
            &[14, 0, 18, 0, 24, 0, 28, 0, 32, 0],
            &texts.iter().flat_map(|text| [&text[..], &[0, 0]].concat()).collect::<Vec<u8>>(),
        ],
    );
    let [device_manufacturer, device_model, device_serial_number, device_version, device_firmware_version] =
        texts.each_ref().map(|text| view(text));
    let device = AuxProtocolDeviceIdentification {
        device_manufacturer,
        device_model,
        device_serial_number,
        device_version,
        device_firmware_version,
    };
    same(
        "MS-OXCRPC_R1851 MS-OXCRPC_R1853 MS-OXCRPC_R1855 MS-OXCRPC_R1857 MS-OXCRPC_R1859 MS-OXCRPC_R1861 MS-OXCRPC_R1863 MS-OXCRPC_R1864 MS-OXCRPC_R1865 MS-OXCRPC_R1866 MS-OXCRPC_R1867 MS-OXCRPC_R1868 MS-OXCRPC_R1869 MS-OXCRPC_R1870 MS-OXCRPC_R1871 MS-OXCRPC_R1872",
        &wire,
        &[],
        AuxBlock::ProtocolDeviceIdentification(device),
    );
}

/// An offset of zero is text that is not there.
#[test]
fn an_offset_of_zero_is_nothing() {
    for (rows, version, block_type, len) in [
        (
            "MS-OXCRPC_R1351 MS-OXCRPC_R1352 MS-OXCRPC_R1353 MS-OXCRPC_R1354 MS-OXCRPC_R1355 MS-OXCRPC_R1356",
            1,
            0x02,
            28,
        ),
        ("MS-OXCRPC_R1357 MS-OXCRPC_R1358", 1, 0x03, 8),
        ("MS-OXCRPC_R1359", 1, 0x0B, 24),
        ("MS-OXCRPC_R1528 MS-OXCRPC_R1532", 1, 0x4A, 28),
        ("MS-OXCRPC_R1536", 1, 0x4B, 2),
        ("MS-OXCRPC_R1854 MS-OXCRPC_R1856 MS-OXCRPC_R1858 MS-OXCRPC_R1860 MS-OXCRPC_R1862", 1, 0x4E, 10),
    ] {
        let wire = framed(version, block_type, &[&vec![0; len]]);
        let block: AuxBlock<'_> = decode_all(&wire, &Limits::DEFAULT).unwrap();
        assert_eq!(encode_to_bytes(&block).as_deref(), Ok(&wire[..]), "{rows}");
        match block {
            AuxBlock::PerfClientInfo(block) => {
                assert!(block.machine_name.is_empty() && block.user_name.is_empty() && block.adapter_name.is_empty());
                assert!(block.client_ip.is_empty() && block.client_ip_mask.is_empty() && block.mac_address.is_empty());
            }
            AuxBlock::PerfServerInfo(block) => assert!(block.server_dn.is_empty() && block.server_name.is_empty()),
            AuxBlock::PerfProcessInfo(block) => assert!(block.process_name.is_empty()),
            AuxBlock::ClientConnectionInfo(block) => {
                assert_eq!(block.connection_flags, ConnectionFlags::NONE);
                assert!(block.connection_context_info.is_empty());
            }
            AuxBlock::ServerSessionInfo(block) => assert!(block.server_session_context_info.is_empty()),
            AuxBlock::ProtocolDeviceIdentification(block) => {
                assert_eq!(block, AuxProtocolDeviceIdentification::default())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Text and bytes are where their offset says, in any order, and not past the block.
#[test]
fn an_offset_counts_from_the_aux_header() {
    // ServerName in front of ServerDN, and a gap between them.
    let wire = framed(1, 3, &[&[1, 0, 1, 0, 20, 0, 12, 0], b"n\0\0\0", &[9, 9, 9, 9], b"d\0\0\0"]);
    let AuxBlock::PerfServerInfo(server) = decode_all(&wire, &Limits::DEFAULT).unwrap() else {
        panic!("another block")
    };
    for (rows, text, expected) in [
        ("MS-OXCRPC_R158 MS-OXCRPC_R159", server.server_dn, "d"),
        ("MS-OXCRPC_R160 MS-OXCRPC_R161", server.server_name, "n"),
    ] {
        assert_eq!(text.to_string(), expected, "{rows}");
    }
    for (rows, at) in [
        ("MS-OXCRPC_R133 MS-OXCRPC_R134", 6),
        ("MS-OXCRPC_R135 MS-OXCRPC_R136", 8),
        ("MS-OXCRPC_R137 MS-OXCRPC_R138 MS-OXCRPC_R139", 12),
        ("MS-OXCRPC_R117 MS-OXCRPC_R118 MS-OXCRPC_R119 MS-OXCRPC_R140 MS-OXCRPC_R141 MS-OXCRPC_R142", 16),
        ("MS-OXCRPC_R120 MS-OXCRPC_R143 MS-OXCRPC_R144", 18),
        ("MS-OXCRPC_R121 MS-OXCRPC_R122 MS-OXCRPC_R123 MS-OXCRPC_R145 MS-OXCRPC_R146 MS-OXCRPC_R147", 22),
    ] {
        let mut fields = [0; 28];
        // Sizes of two bytes, where there are sizes.
        for size in [10, 14, 20] {
            fields[size] = 2;
        }
        fields[at] = 32;
        let wire = framed(1, 2, &[&fields, b"x\0\0\0"]);
        let AuxBlock::PerfClientInfo(client) = decode_all(&wire, &Limits::DEFAULT).unwrap() else {
            panic!("another block")
        };
        let found = match at {
            6 => client.machine_name.as_bytes(),
            8 => client.user_name.as_bytes(),
            12 => client.client_ip,
            16 => client.client_ip_mask,
            18 => client.adapter_name.as_bytes(),
            _ => client.mac_address,
        };
        assert_eq!(found, b"x\0", "{rows}");
        // Within the header, past the block, and text without its end.
        for offset in [3, 37, 34, 255] {
            fields[at] = offset;
            let wire = framed(1, 2, &[&fields, b"x\0y\0"]);
            let result = decode_all::<AuxBlock<'_>>(&wire, &Limits::DEFAULT);
            assert_eq!(result.is_ok(), offset == 34 && [12, 16, 22].contains(&at), "{rows}: {result:?}");
        }
    }
}

#[test]
fn the_server_about_itself() {
    let wire =
        framed(1, 0x16, &[&[156, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], &[0; 132], &[3, 0, 4, 0], &[0; 4]]);
    let os = AuxOsVersionInfo {
        major_version: 6,
        minor_version: 1,
        build_number: 2,
        service_pack_major: 3,
        service_pack_minor: 4,
    };
    same(
        "MS-OXCRPC_R77 MS-OXCRPC_R272 MS-OXCRPC_R273 MS-OXCRPC_R274 MS-OXCRPC_R275 MS-OXCRPC_R278 MS-OXCRPC_R279 MS-OXCRPC_R4820 MS-OXCRPC_R4822",
        &wire,
        &[(16, 148), (152, 156)],
        AuxBlock::OsVersionInfo(os),
    );
    let endpoint = AuxEndpointCapabilities { endpoint_capability_flag: EndpointCapabilityFlags::SINGLE_ENDPOINT };
    same(
        "MS-OXCRPC_R1518 MS-OXCRPC_R1521 MS-OXCRPC_R4826",
        &framed(1, 0x48, &[&[1, 0, 0, 0]]),
        &[],
        AuxBlock::EndpointCapabilities(endpoint),
    );
}

#[test]
fn a_block_that_does_not_fit_its_size_is_refused() {
    let text = utf16_le_bytes(&"x".repeat(33_000));
    let text = Utf16::new(&text).unwrap();
    let block = AuxBlock::ServerSessionInfo(AuxServerSessionInfo { server_session_context_info: text });
    let error = encode_to_bytes(&block).unwrap_err();
    assert!(matches!(error.kind, EncodeErrorKind::TooLong { max: 65_535, .. }), "{error}");
    let block = AuxBlock::ServerSessionInfo(AuxServerSessionInfo {
        server_session_context_info: Utf16::new(b"a\0\0\0b\0").unwrap(),
    });
    assert_eq!(encode_to_bytes(&block).unwrap_err().field, "ServerSessionContextInfo");
}
