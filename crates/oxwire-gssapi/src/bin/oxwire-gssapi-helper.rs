//! One Kerberos context behind lines on standard input and output.
//!
//! The first line is `initiate SERVICE BINDING` or `accept BINDING`; each one after it `step TOKEN`, `sign DATA` or `verify DATA
//! SIGNATURE`. Bytes are in hexadecimal, none is `-`; BINDING is the application data of a channel binding. The answers are
//! `continue TOKEN`, `complete TOKEN BOUND NAME`, `signature BYTES`, `ok`, `error TEXT`. It ends with its input.

use std::io::{BufRead, Write};

use oxwire_auth::ChannelBinding;
use oxwire_core::{FileTime, SecurityContext, Step};
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
        (None, ["accept", data]) => {
            *context = Some(Box::new(Acceptor::new(&binding(data)?)));
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
                    format!("complete {token} {} {name}", context.is_bound())
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
        _ => None,
    }
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
