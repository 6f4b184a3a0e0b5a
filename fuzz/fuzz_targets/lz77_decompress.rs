#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| oxwire_tests::oracles::lz77::lz77_decompress(data));
