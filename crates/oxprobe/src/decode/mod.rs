//! `oxprobe decode`: captured bytes as a tree with offsets, names and sections. No network.
//!
//! The fuzz oracle `probe_decode` (`tests/src/oracles/decode.rs`) compiles these files a second time, so nothing in here names the
//! rest of the program, or a dependency besides `oxwire` and `bytes`.

mod bodies;
mod buffers;
mod input;
mod kind;
mod rpc;
#[cfg(test)]
mod tests;
mod tree;

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

pub(crate) use kind::Kind;
use tree::Tree;

/// The longest capture that is read, in bytes; as text it has two digits and more for each.
const MAX_FILE: u64 = 64 << 20;

/// What `decode` was told.
#[derive(Debug)]
pub(crate) struct DecodeArgs {
    /// The capture; `-` is standard input.
    pub(crate) file: PathBuf,
    /// What it is; `None` guesses.
    pub(crate) kind: Option<Kind>,
}

/// The tree of a capture, and whether all of it could be read.
///
/// # Errors
/// The file cannot be read, or nobody can tell what it is.
pub(crate) fn run(args: &DecodeArgs) -> Result<(String, bool), String> {
    capture(read(&args.file)?, args.kind).map_err(|error| format!("{}: {error}", args.file.display()))
}

/// The tree of a capture, as it is or as hexadecimal text, and whether all of it could be read. Without a kind it is guessed.
///
/// # Errors
/// Half a digit pair, or nobody can tell what it is.
pub(crate) fn capture(file: Vec<u8>, kind: Option<Kind>) -> Result<(String, bool), String> {
    let bytes = input::bytes_of(file)?;
    let Some(known) = kind.or_else(|| Kind::guess(&bytes)) else {
        return Err(format!("what it is cannot be told from its {} bytes; say --kind", bytes.len()));
    };
    let how = if kind.is_some() { "as told" } else { "a guess" };
    Ok(decode(&Bytes::from(bytes), known, how))
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(MAX_FILE + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("{}: longer than {MAX_FILE} bytes", file.display()));
    }
    Ok(bytes)
}

/// The tree, and whether all of the bytes could be read.
fn decode(bytes: &Bytes, kind: Kind, how: &str) -> (String, bool) {
    let mut tree = Tree::new(bytes);
    tree.line(0, &format!("{} ({how}): {} bytes", kind.name(), bytes.len()), "");
    tree.within(|tree| kind.walk(bytes, tree));
    tree.finish()
}
