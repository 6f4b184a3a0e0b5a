//! Randomness, as an argument.

/// A source of bytes that an attacker cannot guess, supplied by the caller.
///
/// The library draws none itself, so the specifications' published examples reproduce byte for byte. Closures implement
/// it: `&mut |out: &mut [u8]| getrandom::fill(out).expect("the system has entropy")`.
pub trait Entropy {
    /// Fills `out` to its end.
    fn fill(&mut self, out: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Entropy for F {
    fn fill(&mut self, out: &mut [u8]) {
        self(out);
    }
}
