#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| oxwire_tests::oracles::rpch_v1::rpch_v1_client(data));
