//! The server's context table: what an idle context costs.

use std::time::{Duration, Instant};

use oxwire::core::Principal;
use oxwire::mapihttp::server::{ContextTable, TableLimits};
use oxwire_tests::allocations;

fn generator() -> impl FnMut(&mut [u8]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |out| {
        for to in out.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            to.copy_from_slice(&state.to_le_bytes()[..to.len()]);
        }
    }
}

/// At most 1 KiB a context, the table's own room and its growth included, each of a user of its own. Without optimisation the count is
/// one past a power of two, where tables have just doubled: that is worse than a million, and sooner done.
#[test]
fn idle_contexts_take_at_most_1_kib_each() {
    const CONTEXTS: u64 = if cfg!(debug_assertions) { (1 << 17) + 1 } else { 1_000_000 };
    let now = Instant::now();
    let (made, mut table) = allocations(|| {
        let mut table = ContextTable::new(now, TableLimits::DEFAULT.with_contexts(1 << 20));
        let mut entropy = generator();
        for n in 0..CONTEXTS {
            let principal = Principal::new(format!("user{n}@mailboxes.oxwire.test"));
            let (context, _) = table.create(now, &principal, &mut entropy).unwrap();
            table.set_state(context, [n; 4]).unwrap();
        }
        table
    });
    let kept = u64::try_from(made.kept).unwrap() / CONTEXTS;
    let peak = made.peak / CONTEXTS;
    println!("{kept} bytes a context, {peak} at the highest");
    assert!(kept <= 1024 && peak <= 1024, "{kept} bytes a context, {peak} at the highest");

    // They expire one by one, and nothing of them is left but room.
    let end = now + Duration::from_secs(16 * 60);
    assert!(table.poll_timeout().unwrap() <= end);
    let mut expired = 0;
    while table.take_expired(end).is_some() {
        expired += 1;
    }
    assert_eq!((expired, table.len(), table.poll_timeout()), (CONTEXTS, 0, None));
}

#[test]
fn a_look_up_and_touch_allocates_nothing() {
    let now = Instant::now();
    let mut table = ContextTable::new(now, TableLimits::DEFAULT);
    let mut entropy = generator();
    let alice = Principal::new("alice");
    let cookies: Vec<_> = (0..100)
        .map(|n| {
            let (context, cookie) = table.create(now, &alice, &mut entropy).unwrap();
            table.set_state(context, n).unwrap();
            cookie.to_text()
        })
        .collect();
    let again = Principal::new("alice");
    let (made, found) = allocations(|| {
        let found = cookies.iter().filter_map(|text| {
            let cookie = oxwire::mapihttp::server::ContextCookie::parse(text.as_bytes())?;
            table.look_up(now + Duration::from_secs(1), &cookie, &again)
        });
        found.count()
    });
    assert_eq!((found, made.count), (100, 0), "{made:?}");
}
