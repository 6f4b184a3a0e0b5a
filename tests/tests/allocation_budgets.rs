//! Allocation budgets: what must not allocate, does not. Times are for the benches; counts are facts.

use bytes::Bytes;
use oxwire::core::Reader;
use oxwire_tests::allocations;

#[test]
fn reading_fields_allocates_nothing() {
    let input = Bytes::from(vec![7; 32 << 10]);
    let (made, sum) = allocations(|| {
        let mut reader = Reader::new(&input);
        let mut sum = 0u64;
        while !reader.is_empty() {
            sum += u64::from(reader.u32_le("value").unwrap());
        }
        sum
    });
    assert_eq!(sum, 8192 * 0x0707_0707);
    assert_eq!(made.count, 0, "{made:?}");
}
