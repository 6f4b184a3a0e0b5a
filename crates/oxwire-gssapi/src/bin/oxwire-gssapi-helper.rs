//! One Kerberos context behind lines on standard input and output.
//!
//! The first line is `initiate SERVICE BINDING`, `initiate-dce SERVICE BINDING`, `accept BINDING` or `accept-dce BINDING` (both `-dce`
//! in the style of DCE/RPC); each one after it `step TOKEN`, `sign DATA`, `verify DATA SIGNATURE`, `seal PART…` or `unseal SIGNATURE PART…`. Bytes are in hexadecimal, none is
//! `-`; BINDING is the application data of a channel binding; a PART is `+` and bytes that are sealed, or `=` and bytes that are
//! only signed. The answers are `continue TOKEN`, `complete TOKEN BOUND SIGNED SEALED NAME` (SIGNED and SEALED: bytes of a
//! signature, 0 where there is none), `signature BYTES`, `sealed SIGNATURE BYTES…` and `unsealed BYTES…` (the sealed parts alone),
//! `ok`, `error TEXT`. It ends with its input.

use std::io::{BufRead, Write};

use oxwire_auth::ChannelBinding;
use oxwire_core::{FileTime, Part, SecurityContext, Step};
use oxwire_gssapi::{Acceptor, Initiator};

fn main() -> std::io::Result<()> {
    let mut context: Option<Box<dyn SecurityContext>> = None;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = answer(&mut context, &words).unwrap_or_else(|| "error a line that is not understood".to_owned());
        writeln!(out, "{}", answer.replace(['\r', '\n'], " "))?;
        out.flush()?;
    }
    Ok(())
}

fn answer(context: &mut Option<Box<dyn SecurityContext>>, words: &[&str]) -> Option<String> {
    match (context.as_mut(), words) {
        (None, ["initiate", service, data]) => {
            *context = Some(Box::new(Initiator::new(service, &binding(data)?)));
            Some("ok".to_owned())
        }
        (None, ["initiate-dce", service, data]) => {
            *context = Some(Box::new(Initiator::new(service, &binding(data)?).with_dce_style()));
            Some("ok".to_owned())
        }
        (None, ["accept", data]) => {
            *context = Some(Box::new(Acceptor::new(&binding(data)?)));
            Some("ok".to_owned())
        }
        (None, ["accept-dce", data]) => {
            *context = Some(Box::new(Acceptor::new(&binding(data)?).with_dce_style()));
            Some("ok".to_owned())
        }
        (Some(context), ["step", token]) => {
            let token = bytes(token)?;
            let step = context.step(token.as_deref(), FileTime::from_intervals(0), &mut |_: &mut [u8]| ());
            Some(match step {
                Ok(Step::Continue(token)) => format!("continue {}", hex(&token)),
                Ok(Step::Complete(token)) => {
                    let name = context.peer_name().unwrap_or_default().into_owned();
                    let token = token.map_or_else(|| "-".to_owned(), |token| hex(&token));
                    let signed = if context.can_sign() { context.signature_len() } else { 0 };
                    let sealed = context.sealed_signature_len();
                    format!("complete {token} {} {signed} {sealed} {name}", context.is_bound())
                }
                Ok(_) => "error a step that does not end".to_owned(),
                Err(error) => format!("error {error}"),
            })
        }
        (Some(context), ["sign", data]) => {
            let mut signature = Vec::new();
            let signed = context.sign(&[&bytes(data)?.unwrap_or_default()], &mut signature);
            Some(signed.map_or_else(|error| format!("error {error}"), |()| format!("signature {}", hex(&signature))))
        }
        (Some(context), ["verify", data, signature]) => {
            let data = bytes(data)?.unwrap_or_default();
            let verified = context.verify(&[&data], &bytes(signature)?.unwrap_or_default());
            Some(verified.map_or_else(|error| format!("error {error}"), |()| "ok".to_owned()))
        }
        (Some(context), ["seal", parts @ ..]) => {
            let mut parts = parts.iter().map(|part| piece(part)).collect::<Option<Vec<_>>>()?;
            let mut signature = Vec::new();
            let sealed = context.seal(&mut views(&mut parts), &mut signature);
            Some(sealed.map_or_else(
                |error| format!("error {error}"),
                |()| format!("sealed {}{}", hex(&signature), sealed_ones(&parts)),
            ))
        }
        (Some(context), ["unseal", signature, parts @ ..]) => {
            let mut parts = parts.iter().map(|part| piece(part)).collect::<Option<Vec<_>>>()?;
            let unsealed = context.unseal(&mut views(&mut parts), &bytes(signature)?.unwrap_or_default());
            Some(
                unsealed.map_or_else(|error| format!("error {error}"), |()| format!("unsealed{}", sealed_ones(&parts))),
            )
        }
        _ => None,
    }
}

/// A part of a message, and whether it is sealed.
type Piece = (bool, Vec<u8>);

fn piece(word: &str) -> Option<Piece> {
    let sealed = word.starts_with('+');
    let word = word.strip_prefix(['+', '='])?;
    Some((sealed, bytes(word)?.unwrap_or_default()))
}

fn views(pieces: &mut [Piece]) -> Vec<Part<'_>> {
    pieces.iter_mut().map(|(sealed, data)| Part { data, sealed: *sealed }).collect()
}

/// The sealed parts, a space in front of each.
fn sealed_ones(pieces: &[Piece]) -> String {
    pieces.iter().filter(|(sealed, _)| *sealed).map(|(_, data)| format!(" {}", hex(data))).collect()
}

fn binding(data: &str) -> Option<ChannelBinding> {
    Some(bytes(data)?.map_or(ChannelBinding::None, |data| ChannelBinding::from_application_data(&data)))
}

fn bytes(text: &str) -> Option<Option<Vec<u8>>> {
    if text == "-" {
        return Some(None);
    }
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| odd.is_empty()).map(Some)
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
