//! The remote management interface.

use oxwire_core::{Guid, Limits};
use oxwire_mapirpc::Operation;
use oxwire_mapirpc::mgmt::{IfId, InqIfIdsRequest, InqIfIdsResponse, InqStatsRequest, InqStatsResponse, MGMT};
use oxwire_rpc::ndr::{NdrDecode, decode_stub, encode_stub};
use oxwire_rpc::pdu::{DataRepresentation, SyntaxIdentifier};

const EMSMDB: Guid = Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda]);
const ASYNC_EMSMDB: Guid = Guid::new(0x5261_574a, 0x4572, 0x206e, [0xb2, 0x68, 0x6b, 0x19, 0x92, 0x13, 0xb4, 0xe4]);

fn read<'de, T: NdrDecode<'de>>(stub: &'de [u8]) -> Result<T, oxwire_core::DecodeError> {
    decode_stub(stub, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT).map(|(value, _)| value)
}

/// What impacket writes for two interfaces, with the referent ids of this crate.
const IF_IDS: &[u8] = &[
    0x00, 0x00, 0x02, 0x00, 2, 0, 0, 0, 2, 0, 0, 0, 0x04, 0x00, 0x02, 0x00, 0x08, 0x00, 0x02, 0x00, //
    0x00, 0xdb, 0xf1, 0xa4, 0x47, 0xca, 0x67, 0x10, 0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda, 0, 0, 0x51,
    0, //
    0x4a, 0x57, 0x61, 0x52, 0x72, 0x45, 0x6e, 0x20, 0xb2, 0x68, 0x6b, 0x19, 0x92, 0x13, 0xb4, 0xe4, 0, 0, 1, 0, //
    0, 0, 0, 0,
];

#[test]
fn interfaces_as_impacket_writes_them() {
    let response = InqIfIdsResponse {
        if_ids: Some(vec![
            Some(IfId { uuid: EMSMDB, major: 0, minor: 81 }),
            Some(IfId { uuid: ASYNC_EMSMDB, major: 0, minor: 1 }),
        ]),
        status: 0,
    };
    assert_eq!(encode_stub(&response).unwrap(), IF_IDS);
    assert_eq!(read::<InqIfIdsResponse>(IF_IDS), Ok(response));
    assert_eq!(encode_stub(&InqIfIdsRequest).unwrap(), [0_u8; 0][..]);
    assert_eq!((InqIfIdsRequest::INTERFACE, InqIfIdsRequest::OPNUM), (MGMT, 0));
    let id = IfId::from(SyntaxIdentifier::new(EMSMDB, 0, 81));
    assert_eq!(
        (id, SyntaxIdentifier::from(id)),
        (IfId { uuid: EMSMDB, major: 0, minor: 81 }, SyntaxIdentifier::new(EMSMDB, 0, 81))
    );
}

/// \[C706\] appendix Q: the vector is null where status is an error.
#[test]
fn an_error_has_no_interfaces() {
    let response = InqIfIdsResponse { if_ids: None, status: 0x16c9_a0d4 };
    let stub = encode_stub(&response).unwrap();
    assert_eq!(stub, [0, 0, 0, 0, 0xd4, 0xa0, 0xc9, 0x16][..]);
    assert_eq!(read(&stub), Ok(response));
}

#[test]
fn statistics_as_impacket_writes_them() {
    let stub: Vec<u8> = [4, 4, 1, 2, 3, 4, 0].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    let response = InqStatsResponse { statistics: vec![1, 2, 3, 4], status: 0 };
    assert_eq!(encode_stub(&response).unwrap(), stub);
    assert_eq!(read(&stub), Ok(response));
    let request = InqStatsRequest { count: 4 };
    assert_eq!(read(&encode_stub(&request).unwrap()), Ok(request));
}

/// [MS-RPCE] 2.2.1.3.2: 0 to 50.
#[test]
fn statistics_are_at_most_fifty() {
    assert!(read::<InqStatsRequest>(&50_u32.to_le_bytes()).is_ok());
    let error = read::<InqStatsRequest>(&51_u32.to_le_bytes()).unwrap_err().to_string();
    assert!(error.contains("at most 50, found 0x33 ([MS-RPCE] 2.2.1.3.3)"), "{error}");
    assert!(encode_stub(&InqStatsResponse { statistics: vec![0; 51], status: 0 }).is_err());
    let lies = [2_u32, 3, 1, 2, 3, 0].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    assert!(read::<InqStatsResponse>(&lies).is_err());
}

#[test]
fn every_prefix_and_every_flip_is_read_without_panic() {
    let stats = encode_stub(&InqStatsResponse { statistics: vec![1, 2, 3, 4], status: 0 }).unwrap();
    for stub in [IF_IDS, &stats] {
        for len in 0..stub.len() {
            let prefix = stub.get(..len).unwrap_or_default();
            assert!(read::<InqIfIdsResponse>(prefix).is_err() || stub != IF_IDS);
            let _any = read::<InqStatsResponse>(prefix);
        }
        for bit in 0..stub.len() * 8 {
            let flipped: Vec<u8> = stub
                .iter()
                .enumerate()
                .map(|(at, byte)| if at == bit / 8 { byte ^ 1 << (bit % 8) } else { *byte })
                .collect();
            let _any = (read::<InqIfIdsResponse>(&flipped), read::<InqStatsResponse>(&flipped));
        }
    }
}
