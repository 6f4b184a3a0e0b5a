#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| oxwire_tests::oracles::address_book::address_book_call(data));
