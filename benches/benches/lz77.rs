//! LZ77 in the DIRECT2 encoding against `lz4_flex` (its safe form), both ways, on 32 KiB of three kinds.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxwire::mapi::lz77::{Compressor, decompress};
use oxwire_benches::{Cycle, rop_like};

const LEN: usize = 32 << 10;

/// Words drawn from a small vocabulary with the frequencies of a language: a few often, most seldom.
fn text() -> Vec<u8> {
    const WORDS: &str = "the of and to in is that it was for on are as with his they at be this have from or one had by word but \
        not what all were we when your can said there use an each which she do how their if will up other about out many then them \
        these so some her would make like him into time has look two more write go see number no way could people my than first water \
        been call who oil its now find long down day did get come made may part protocol connection message folder server client";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut state = 12_345_u64;
    let mut out = Vec::new();
    while out.len() < LEN {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let uniform = (state >> 40) as f64 / (1 << 24) as f64;
        out.extend(words[(uniform * uniform * words.len() as f64) as usize].bytes());
        out.push(b' ');
    }
    out.truncate(LEN);
    out
}

fn lz77(c: &mut Criterion) {
    let random = Cycle::filled(LEN).next_buffer().to_vec();
    for (kind, sample) in [("rop", rop_like(LEN)), ("text", text()), ("random", random)] {
        let mut ours = BytesMut::new();
        let packed = Compressor::new().compress(&sample, &mut ours);
        let theirs = lz4_flex::block::compress(&sample);
        println!(
            "lz77/{kind}: compressed to {} of the input; lz4_flex to {:.3}",
            packed.map_or("nothing, sent as it is;".to_owned(), |len| format!("{:.3}", len as f64 / LEN as f64)),
            theirs.len() as f64 / LEN as f64,
        );
        let mut group = c.benchmark_group(format!("lz77/{kind}"));
        group.throughput(Throughput::Bytes(LEN as u64));

        let mut input = Cycle::of(&sample);
        let mut compressor = Compressor::new();
        let mut out = BytesMut::with_capacity(2 * LEN);
        group.bench_function("compress", |b| {
            b.iter(|| {
                out.clear();
                black_box(compressor.compress(&input.next_buffer(), &mut out))
            });
        });
        let mut out = vec![0; lz4_flex::block::get_maximum_output_size(LEN)];
        group.bench_function("compress, lz4_flex", |b| {
            b.iter(|| lz4_flex::block::compress_into(&input.next_buffer(), black_box(&mut out)));
        });

        if packed.is_some() {
            let mut input = Cycle::of(&ours);
            let mut out = Vec::with_capacity(LEN);
            group.bench_function("decompress", |b| {
                b.iter(|| {
                    out.clear();
                    black_box(decompress(&input.next_buffer(), LEN, &mut out))
                });
            });
        }
        let mut input = Cycle::of(&theirs);
        let mut out = vec![0; LEN];
        group.bench_function("decompress, lz4_flex", |b| {
            b.iter(|| lz4_flex::block::decompress_into(&input.next_buffer(), black_box(&mut out)));
        });
        group.finish();
    }
}

criterion_group!(benches, lz77);
criterion_main!(benches);
