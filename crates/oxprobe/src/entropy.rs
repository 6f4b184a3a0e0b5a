//! The system's entropy.

/// Fills `out` with bytes that nobody can guess.
///
/// A system that has none cannot authenticate anybody safely: the process ends, with a message.
pub(crate) fn fill(out: &mut [u8]) {
    if let Err(error) = getrandom::fill(out) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr().lock(), "oxprobe: this system gives no entropy: {error}");
        std::process::exit(1);
    }
}
