//! NDR, by itself and in the operations of oxwire-mapirpc.

use oxwire::core::Limits;
use oxwire::mapirpc::async_emsmdb::{EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse};
use oxwire::mapirpc::emsmdb::{
    EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExRequest, EcDoConnectExResponse,
    EcDoDisconnectRequest, EcDoDisconnectResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, EcDummyRpcRequest,
    EcDummyRpcResponse, EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse,
};
use oxwire::mapirpc::mgmt::{InqIfIdsRequest, InqIfIdsResponse, InqStatsRequest, InqStatsResponse};
use oxwire::rpc::ndr::{NdrReader, decode_stub, encode_stub};
use oxwire::rpc::pdu::DataRepresentation;

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("rpc_ndr", rpc_ndr), ("mapirpc_call", mapirpc_call)];

const DREPS: [DataRepresentation; 2] = [DataRepresentation::LITTLE_ENDIAN, DataRepresentation::BIG_ENDIAN];

/// A program of reads over stub data: the reader goes forward only and never beyond the end, what it hands out is no longer than
/// the stub, and a failed read does not move it past the place that the error names.
pub fn rpc_ndr(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let program = usize::from(*choice % 16).min(rest.len());
    let (program, stub) = rest.split_at(program);
    let limits = Limits::DEFAULT.with_items(1_000).with_value_bytes(10_000).with_depth(4);
    let mut r = NdrReader::with_limits(stub, DREPS[usize::from(*choice >> 7)], &limits);
    for op in program {
        let before = r.position();
        if !read(&mut r, *op) {
            break;
        }
        assert!(r.position() >= before && r.position() + r.left() == stub.len());
    }
}

/// One read. False where it failed.
fn read(r: &mut NdrReader<'_>, op: u8) -> bool {
    let total = r.position() + r.left();
    let held = |bytes: usize| {
        assert!(bytes <= total, "more than there is");
        true
    };
    match op % 20 {
        0 => r.u8("a").is_ok(),
        1 => r.u16("a").is_ok(),
        2 => r.u32("a").is_ok(),
        3 => r.u64("a").is_ok_and(|_| r.position().is_multiple_of(8)),
        4 => r.guid("a").is_ok() && r.position().is_multiple_of(4),
        5 => r.file_time("a").is_ok(),
        6 => r.context_handle("a").is_ok(),
        7 => r.conformance(usize::from(op >> 5), "a").is_ok_and(|count| count <= 1_000),
        8 => r.variance(1_000, usize::from(op >> 5), "a").is_ok_and(|count| count <= 1_000),
        9 => r.conformant_bytes("a").is_ok_and(|bytes| held(bytes.len())),
        10 => r.conformant_varying_bytes("a").is_ok_and(|bytes| held(bytes.len())),
        11 => r.conformant::<u32>("a").is_ok_and(|array| held(array.len() * 4) && array.iter().count() == array.len()),
        12 => r.conformant_varying::<u16>("a").is_ok_and(|array| held(array.len() * 2)),
        13 => r.string8("a").is_ok_and(|text| held(text.len()) && !text.contains(&0)),
        14 => r.string16("a").is_ok_and(|text| held(text.to_le_bytes().len()) && !text.to_string().contains('\0')),
        15 => r.align(1 << (op >> 6)).is_ok(),
        16 => r.elements::<u64>(usize::from(op >> 4), "a").is_ok(),
        17 => nested(r).is_ok(),
        18 => r.unique("a", |r| r.string16("b")).is_ok(),
        _ => r.reference("a").is_ok_and(|pointer| !pointer.is_null()),
    }
}

/// A pointer to itself: bounded by depth.
fn nested(r: &mut NdrReader<'_>) -> Result<usize, oxwire::core::DecodeError> {
    let pointer = r.pointer("next")?;
    let depth = r.referent(pointer, nested)?.unwrap_or(0) + 1;
    assert!(depth <= 5);
    Ok(depth)
}

macro_rules! round_trip {
    ($stub:ident, $drep:ident, $($ty:ty),* $(,)?) => {$(
        if let Ok((value, end)) = decode_stub::<$ty>($stub, $drep, &Limits::DEFAULT) {
            assert!(end <= $stub.len());
            let bytes = encode_stub(&value).expect("what was read fits");
            let (again, end) = decode_stub::<$ty>(&bytes, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT)
                .expect("what was written reads");
            assert_eq!((&again, end), (&value, bytes.len()));
        }
    )*};
}

/// Whatever reads as an operation, in either data representation, is written so that it reads as the same.
pub fn mapirpc_call(stub: &[u8]) {
    for drep in DREPS {
        round_trip!(
            stub,
            drep,
            EcDoConnectExRequest<'_>,
            EcDoConnectExResponse<'_>,
            EcDoRpcExt2Request<'_>,
            EcDoRpcExt2Response<'_>,
            EcDoDisconnectRequest,
            EcDoDisconnectResponse,
            EcRRegisterPushNotificationRequest<'_>,
            EcRRegisterPushNotificationResponse,
            EcDummyRpcRequest,
            EcDummyRpcResponse,
            EcDoAsyncConnectExRequest,
            EcDoAsyncConnectExResponse,
            EcDoAsyncWaitExRequest,
            EcDoAsyncWaitExResponse,
            InqIfIdsRequest,
            InqIfIdsResponse,
            InqStatsRequest,
            InqStatsResponse,
        );
    }
}
