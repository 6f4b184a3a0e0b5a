//! Allocation budgets.

/// What one piece of code asked of the allocator, on its own thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocations {
    /// Calls of `alloc` and of `realloc` that moved or grew.
    pub count: u64,
    /// Bytes asked for in all.
    pub bytes: u64,
    /// The most bytes held at one time.
    pub peak: u64,
    /// Bytes still held at the end; below 0 where it freed what it did not make.
    pub kept: i64,
}

/// Runs `code` once and tells what it allocated. Only the calling thread is counted, so that tests may run side by side.
///
/// ```
/// let (made, text) = oxwire_tests::allocations(|| String::from("one"));
/// assert_eq!((made.count, made.kept), (1, 3));
/// # drop(text);
/// ```
pub fn allocations<T>(code: impl FnOnce() -> T) -> (Allocations, T) {
    let mut value = None;
    let info = allocation_counter::measure(|| value = Some(code()));
    let counted = Allocations {
        count: info.count_total,
        bytes: info.bytes_total,
        peak: info.bytes_max,
        kept: info.bytes_current,
    };
    (counted, value.expect("measure runs its argument"))
}
