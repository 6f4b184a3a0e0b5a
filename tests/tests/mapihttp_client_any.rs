//! The client machine's oracle over bytes that nobody chose by hand: any order of verbs, answers, cuts and times.

use oxwire_tests::oracles::client::client_machine;

#[test]
fn any_order_of_anything_keeps_the_clients_promises() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for length in (0..1500).map(|n| n % 300) {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .take(length)
        .collect();
        client_machine(&bytes);
    }
}
