//! `lz77 pack` and `lz77 unpack SIZE`, from standard input to standard output: the library's DIRECT2 codec for `tests/interop`.

use std::io::{Read, Write};
use std::process::ExitCode;

use bytes::BytesMut;
use oxwire::mapi::lz77::{Compressor, decompress};

fn main() -> ExitCode {
    match run() {
        Ok(out) if std::io::stdout().write_all(&out).is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lz77: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What goes to standard output. Input that does not get shorter packs to nothing.
fn run() -> Result<Vec<u8>, String> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).map_err(|error| error.to_string())?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["pack"] => {
            let mut out = BytesMut::new();
            Compressor::new().compress(&input, &mut out);
            Ok(out.to_vec())
        }
        ["unpack", size] => {
            let size = size.parse().map_err(|_| format!("{size} is no size"))?;
            let mut out = Vec::new();
            decompress(&input, size, &mut out).map_err(|error| error.to_string())?;
            Ok(out)
        }
        _ => Err("usage: lz77 pack | lz77 unpack SIZE".to_owned()),
    }
}
