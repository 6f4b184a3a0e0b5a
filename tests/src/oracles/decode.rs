//! `oxprobe decode`: the printer of captures.
//!
//! It is compiled here from its own files. oxprobe is a program without a library: one would make a public interface of a module
//! that has one caller, and would bring tokio and rustls into the fuzzers' build, or features into a program that has none. The
//! module uses `oxwire` and `bytes` alone, which are at hand here.

use super::Target;

#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../../../crates/oxprobe/src/decode/mod.rs"]
mod printer;

use printer::{Kind, capture};

/// The targets of this area.
pub const TARGETS: &[Target] = &[("probe_decode", probe_decode)];

/// Characters of a tree for each byte of the capture, and for a capture of none: a page of fields for the smallest structure.
const PER_BYTE: usize = 4_096;
const AT_LEAST: usize = 1 << 16;

/// A capture of a kind that the first byte says, or guessed where that is 0: there is a tree, of bounded length, of printable text, that
/// has an error in it or was read to its end. The capture as hexadecimal text gives the same tree.
pub fn probe_decode(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let names = Kind::names();
    let named = usize::from(*which).checked_sub(1).map(|at| names.split(", ").nth(at));
    let kind = match named {
        None => None,
        Some(Some(name)) => Some(Kind::parse(name).expect("a kind of the list")),
        Some(None) => return,
    };
    // What looks like hexadecimal text is taken for that.
    let Ok((text, whole)) = capture(bytes.to_vec(), kind) else { return };
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.len() <= AT_LEAST + bytes.len() * PER_BYTE, "{} characters of {} bytes", text.len(), bytes.len());
    let failed = text.lines().any(|line| line.contains("ERROR ") || line.contains("more lines than are shown"));
    assert!(whole || failed, "{text}");
    if !bytes.is_empty() && std::str::from_utf8(bytes).is_err() {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(capture(digits.into_bytes(), kind), Ok((text, whole)));
    }
}
