//! 32 KiB of ROP-like data behind an RPC_HEADER_EXT in each form, written and read, against a copy of the same bytes; a chain of eight; and
//! the auxiliary blocks of a Connect.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxwire::core::{Guid, Utf16, utf16_le_bytes};
use oxwire::mapi::aux_buffer::{
    AuxBlock, AuxBlocks, AuxClientConnectionInfo, AuxPerfSessionInfoV2, AuxServerSessionInfo, ConnectionFlags,
    auxiliary_buffer,
};
use oxwire::mapi::mapihttp::ExecuteFlags;
use oxwire::mapi::rpc_header_ext::{ChainWriter, ExtendedBuffers, Packer, PayloadForm};
use oxwire_benches::{Cycle, rop_like};

const LEN: usize = 32 << 10;
const FORMS: [PayloadForm; 4] =
    [PayloadForm::Plain, PayloadForm::XorMagic, PayloadForm::Compressed, PayloadForm::CompressedXorMagic];

/// `count` payloads packed into `out`.
fn pack(packer: &mut Packer, out: &mut BytesMut, form: PayloadForm, payload: &[u8], count: usize) -> bool {
    out.clear();
    let mut chain = ChainWriter::new(packer, out, form, ExecuteFlags::CHAIN, usize::MAX);
    (0..count).all(|_| {
        let pushed = chain.push(|w| {
            w.bytes(payload);
            Ok(())
        });
        pushed.is_ok()
    })
}

fn unpack(chain: &[u8]) -> usize {
    ExtendedBuffers::new(chain).map(|buffer| buffer.and_then(|buffer| buffer.payload()).map_or(0, |p| p.len())).sum()
}

fn buffers(c: &mut Criterion) {
    let sample = rop_like(LEN);
    let (mut payloads, mut packer) = (Cycle::of(&sample), Packer::new());
    let mut out = BytesMut::with_capacity(9 * LEN);
    let mut group = c.benchmark_group("rpc_header_ext");
    group.throughput(Throughput::Bytes(LEN as u64));
    let mut to = vec![0; LEN];
    group.bench_function("memcpy", |b| b.iter(|| black_box(payloads.memcpy(black_box(&mut to)))));
    for form in FORMS {
        group.bench_function(format!("written, {form:?}"), |b| {
            b.iter(|| black_box(pack(&mut packer, &mut out, form, &payloads.next_buffer(), 1)));
        });
        assert!(pack(&mut packer, &mut out, form, &sample, 1));
        let mut stored = Cycle::of(&out);
        group.bench_function(format!("read, {form:?}"), |b| b.iter(|| assert_eq!(unpack(&stored.next_buffer()), LEN)));
    }
    group.throughput(Throughput::Bytes(8 * LEN as u64));
    group.bench_function("a chain of eight, written, Compressed", |b| {
        b.iter(|| black_box(pack(&mut packer, &mut out, PayloadForm::Compressed, &sample, 8)));
    });
    let mut stored = Cycle::of(&out);
    group.bench_function("a chain of eight, read, Compressed", |b| {
        b.iter(|| assert_eq!(unpack(&stored.next_buffer()), 8 * LEN));
    });
    group.finish();

    let text = utf16_le_bytes("Client=MSExchangeRPC");
    let text = Utf16::new(&text).unwrap_or_default();
    let session_guid = Guid::NIL;
    let blocks = [
        AuxBlock::PerfSessionInfoV2(AuxPerfSessionInfoV2 { session_id: 1, session_guid, connection_id: 2 }),
        AuxBlock::ClientConnectionInfo(AuxClientConnectionInfo {
            connection_guid: session_guid,
            connection_attempts: 1,
            connection_flags: ConnectionFlags::CACHED_MODE,
            connection_context_info: text,
        }),
        AuxBlock::ServerSessionInfo(AuxServerSessionInfo { server_session_context_info: text }),
    ];
    let mut group = c.benchmark_group("aux_blocks");
    group.bench_function("three written", |b| b.iter(|| auxiliary_buffer(PayloadForm::Plain, black_box(&blocks))));
    let buffer = auxiliary_buffer(PayloadForm::Plain, &blocks).unwrap_or_default();
    let payload = buffer.get(8..).unwrap_or_default();
    group.bench_function("three walked", |b| {
        b.iter(|| assert_eq!(AuxBlocks::new(black_box(payload)).flatten().count(), 3))
    });
    group.finish();
}

criterion_group!(benches, buffers);
criterion_main!(benches);
