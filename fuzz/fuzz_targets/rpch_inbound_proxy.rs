#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| oxwire_tests::oracles::rpch_roles::rpch_inbound_proxy(data));
