//! Kerberos, by `oxwire-gssapi-helper`: one process a context, run where blocking is allowed.
//!
//! The helper stands on the system's GSSAPI, which this program so does not need to be built. Its lines are told in its own
//! documentation.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use oxwire::auth::ChannelBinding;
use oxwire::auth::spnego::MechanismCall;
use oxwire::core::{Entropy, FileTime, Part, SecretBytes, SecurityContext, SecurityError, Step};

use crate::net::driver::{Call, Done, Work};

/// How the helper is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Helper {
    /// The program.
    pub(crate) program: PathBuf,
    /// What the library is told: the name of a variable, and a file.
    pub(crate) environment: Option<(&'static str, PathBuf)>,
}

impl Helper {
    /// A client's context.
    pub(crate) fn initiator(&self, service: &str, binding: &ChannelBinding) -> Context {
        self.context(format!("initiate {service} {}", data(binding)))
    }

    /// A client's context inside DCE/RPC, where nothing binds to a channel.
    pub(crate) fn rpc_initiator(&self, service: &str) -> Context {
        self.context(format!("initiate-dce {service} -"))
    }

    /// A server's context inside DCE/RPC.
    pub(crate) fn rpc_acceptor(&self) -> Context {
        self.context("accept-dce -".to_owned())
    }

    /// A server's context.
    pub(crate) fn acceptor(&self, binding: &ChannelBinding) -> Context {
        self.context(format!("accept {}", data(binding)))
    }

    fn context(&self, first: String) -> Context {
        Context { helper: self.clone(), first, process: None, complete: None }
    }

    fn start(&self) -> std::io::Result<Process> {
        let mut command = Command::new(&self.program);
        if let Some((name, file)) = &self.environment {
            let mut value = std::ffi::OsString::from("FILE:");
            value.push(file);
            command.env(name, value);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let lost = || std::io::Error::other("no pipe to the helper");
        let input = child.stdin.take().ok_or_else(lost)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(lost)?);
        Ok(Process { child, input: Some(input), output })
    }
}

/// A step of a mechanism, as the driver runs it; `context` where one has yet to be made.
pub(crate) fn work(call: Call, step: MechanismCall, context: Option<Context>) -> Work {
    let step = match context {
        Some(context) => step.with_context(Box::new(context)),
        None => step,
    };
    Box::new(move || {
        let wall = FileTime::from_system(SystemTime::now());
        Done { call, reply: step.run(wall, &mut crate::entropy::fill) }
    })
}

fn data(binding: &ChannelBinding) -> String {
    binding.application_data().map_or_else(|| "-".to_owned(), |data| hex(&data))
}

struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn ask(&mut self, line: &str) -> std::io::Result<String> {
        let Some(input) = &mut self.input else { return Err(std::io::Error::other("the helper has ended")) };
        writeln!(input, "{line}")?;
        input.flush()?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        if answer.is_empty() {
            return Err(std::io::Error::other("the helper ended without an answer"));
        }
        Ok(answer.trim_end().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends with its input.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// A Kerberos context in a process of its own.
pub(crate) struct Context {
    helper: Helper,
    first: String,
    process: Option<Process>,
    complete: Option<Complete>,
}

/// What the helper tells once its context is complete.
struct Complete {
    bound: bool,
    /// Bytes of a signature, and of that of a message that is sealed; 0 where there is none.
    signed: usize,
    sealed: usize,
    name: String,
}

impl Context {
    fn ask(&mut self, line: &str) -> Result<String, SecurityError> {
        let failed = |error: std::io::Error| {
            SecurityError::Refused(Cow::Owned(format!("{}: {error}", self.helper.program.display())))
        };
        let process = match &mut self.process {
            Some(process) => process,
            None => {
                let mut process = self.helper.start().map_err(failed)?;
                process.ask(&self.first).map_err(failed)?;
                self.process.insert(process)
            }
        };
        let answer = process.ask(line).map_err(failed)?;
        match answer.strip_prefix("error ") {
            Some(text) => {
                let text = text.strip_prefix("refused: ").unwrap_or(text);
                Err(SecurityError::Refused(Cow::Owned(text.to_owned())))
            }
            None => Ok(answer),
        }
    }
}

fn not_understood() -> SecurityError {
    SecurityError::Refused(Cow::Borrowed("the helper's answer is not understood"))
}

impl SecurityContext for Context {
    fn step(&mut self, token: Option<&[u8]>, _: FileTime, _: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let answer = self.ask(&format!("step {}", token.map_or_else(|| "-".to_owned(), hex)))?;
        let words: Vec<&str> = answer.splitn(6, ' ').collect();
        match words[..] {
            ["continue", token] => bytes(token).map(Step::Continue).ok_or_else(not_understood),
            ["complete", token, bound, signed, sealed, name] => {
                let len = |text: &str| text.parse().map_err(|_| not_understood());
                let (signed, sealed) = (len(signed)?, len(sealed)?);
                self.complete = Some(Complete { bound: bound == "true", signed, sealed, name: name.to_owned() });
                let token = if token == "-" { None } else { Some(bytes(token).ok_or_else(not_understood)?) };
                Ok(Step::Complete(token))
            }
            _ => Err(not_understood()),
        }
    }

    fn can_sign(&self) -> bool {
        self.signature_len() != 0
    }

    fn is_complete(&self) -> bool {
        self.complete.is_some()
    }

    fn signature_len(&self) -> usize {
        self.complete.as_ref().map_or(0, |complete| complete.signed)
    }

    fn sealed_signature_len(&self) -> usize {
        self.complete.as_ref().map_or(0, |complete| complete.sealed)
    }

    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let answer = self.ask(&format!("sign {}", hex(&parts.concat())))?;
        signature.extend(answer.strip_prefix("signature ").and_then(bytes).ok_or_else(not_understood)?);
        Ok(())
    }

    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        self.ask(&format!("verify {} {}", hex(&parts.concat()), hex(signature))).map(drop)
    }

    fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let answer = self.ask(&format!("seal{}", words(parts)))?;
        let (header, rest) = answer
            .strip_prefix("sealed ")
            .map(|rest| rest.split_once(' ').unwrap_or((rest, "")))
            .ok_or_else(not_understood)?;
        put_back(parts, rest)?;
        signature.extend(bytes(header).ok_or_else(not_understood)?);
        Ok(())
    }

    fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
        let answer = self.ask(&format!("unseal {}{}", hex(signature), words(parts)))?;
        put_back(parts, answer.strip_prefix("unsealed").ok_or_else(not_understood)?)
    }

    fn session_key(&self) -> Option<SecretBytes> {
        None
    }

    fn peer_name(&self) -> Option<Cow<'_, str>> {
        self.complete.as_ref().map(|complete| Cow::Borrowed(complete.name.as_str()))
    }

    fn is_bound(&self) -> bool {
        self.complete.as_ref().is_some_and(|complete| complete.bound)
    }
}

/// The parts of a message, a space in front of each: `+` those that are sealed, `=` those that are only signed.
fn words(parts: &[Part<'_>]) -> String {
    parts.iter().map(|part| format!(" {}{}", if part.sealed { '+' } else { '=' }, hex(part.data))).collect()
}

/// The sealed parts, as the helper changed them.
fn put_back(parts: &mut [Part<'_>], answer: &str) -> Result<(), SecurityError> {
    let mut words = answer.split_ascii_whitespace();
    for part in parts.iter_mut().filter(|part| part.sealed) {
        let changed = match words.next() {
            Some("-") => Vec::new(),
            word => word.and_then(bytes).ok_or_else(not_understood)?,
        };
        if changed.len() != part.data.len() {
            return Err(not_understood());
        }
        part.data.copy_from_slice(&changed);
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|_| odd.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_that_is_not_there_is_named() {
        let helper = Helper { program: "/nonexistent/helper".into(), environment: None };
        let mut context = helper.initiator("HTTP/mail.test", &ChannelBinding::None);
        let error = context.step(None, FileTime::from_intervals(0), &mut |_: &mut [u8]| ()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/helper"), "{error}");
        assert!(!context.is_complete());
    }

    /// `cat` says each line back: no answer of the helper's.
    #[test]
    fn what_is_no_answer_is_refused() {
        let helper = Helper { program: "cat".into(), environment: None };
        let mut context = helper.acceptor(&ChannelBinding::TlsUnique([1].into()));
        assert!(context.step(Some(b"token"), FileTime::from_intervals(0), &mut |_: &mut [u8]| ()).is_err());
        assert!(context.sign(&[b"data"], &mut Vec::new()).is_err());
        let mut data = *b"data";
        let mut parts = [Part { data: &mut data, sealed: true }];
        assert!(context.seal(&mut parts, &mut Vec::new()).is_err());
        assert!(context.unseal(&mut parts, b"signature").is_err());
    }

    #[test]
    fn the_sealed_parts_come_back_into_their_places() {
        let (mut head, mut body, mut empty) = (*b"head", *b"body", *b"");
        let mut parts = [(&mut head[..], false), (&mut body[..], true), (&mut empty[..], true)]
            .map(|(data, sealed)| Part { data, sealed });
        assert_eq!(words(&parts), " =68656164 +626f6479 +-");
        assert!(put_back(&mut parts, " 00010203").is_err(), "one is missing");
        assert!(put_back(&mut parts, " 0001 -").is_err(), "another length");
        put_back(&mut parts, " 00010203 -").unwrap();
        assert_eq!((head, body), (*b"head", [0, 1, 2, 3]));
    }

    #[test]
    fn hexadecimal_both_ways() {
        assert_eq!((hex(&[0, 255]).as_str(), hex(&[]).as_str()), ("00ff", "-"));
        assert_eq!((bytes("00ff"), bytes("0"), bytes("zz"), bytes("")), (Some(vec![0, 255]), None, None, Some(vec![])));
    }
}
