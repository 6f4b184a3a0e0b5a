//! Instructions of one look-up and touch of the server's context table, under callgrind:
//!
//! ```sh
//! cargo build --release -p oxwire-benches --example context_table_instructions
//! for n in 1000 1000000; do
//!   valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*look_ups*' --callgrind-out-file=/dev/null \
//!     target/release/examples/context_table_instructions $n 2>&1 | grep Collected
//! done
//! ```
//!
//! "Collected" is for 10,000 of them; the number at 1,000,000 contexts is to be at most 1.2 times the number at 1,000.

use std::hint::black_box;
use std::time::{Duration, Instant};

use oxwire::core::Principal;
use oxwire::mapihttp::server::{ContextCookie, ContextTable, TableLimits};

const LOOK_UPS: usize = 10_000;

#[inline(never)]
fn look_ups(now: Instant, table: &mut ContextTable<u64>, cookies: &[(ContextCookie, Principal)]) -> usize {
    let mut found = |(cookie, principal)| black_box(table.look_up(now, cookie, principal)).is_some();
    cookies.iter().map(|(cookie, principal)| (cookie, principal)).filter(|asked| found(*asked)).count()
}

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let now = Instant::now();
    let mut table = ContextTable::new(now, TableLimits::DEFAULT.with_contexts(count));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut entropy = |out: &mut [u8]| {
        for byte in out {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[0];
        }
    };
    let mut cookies = Vec::new();
    for n in 0..count {
        let name = format!("user{}@oxwire.test", n / 4);
        let (_, cookie) = table.create(now, &Principal::new(name.as_str()), &mut entropy).expect("room");
        if n % (count / LOOK_UPS).max(1) == 0 {
            cookies.push((cookie, Principal::new(name.as_str())));
        }
    }
    let cookies: Vec<_> = cookies.into_iter().cycle().take(LOOK_UPS).collect();
    let found = look_ups(now + Duration::from_secs(1), &mut table, &cookies);
    assert_eq!(found, LOOK_UPS, "every cookie opens its context");
}
