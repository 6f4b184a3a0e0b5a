#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| oxwire_tests::oracles::decode::probe_decode(data));
