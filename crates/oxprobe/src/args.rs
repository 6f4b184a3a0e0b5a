//! The command line: what may stand on it, and what it comes to.

mod help;
mod reach;
mod serve;
mod test;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use crate::decode::{DecodeArgs, Kind};
use crate::kerberos::Helper;
pub(crate) use help::HELP;
use reach::Options;
pub(crate) use reach::{AuthChoice, Reach, Search, Trust};
pub(crate) use serve::{Schemes, ServeArgs};
pub(crate) use test::{Target, TestArgs, Wanted};

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// Captured bytes as a tree.
    Decode(DecodeArgs),
    /// `serve` and `test` against each other.
    Demo {
        /// JSON lines instead of text.
        json: bool,
    },
    /// The loopback server.
    Serve(ServeArgs),
    /// The analyser.
    Test(TestArgs),
    /// The search alone.
    Discover(DiscoverArgs),
}

/// What `discover` was told.
#[derive(Debug)]
pub(crate) struct DiscoverArgs {
    /// Whom to reach, and how.
    pub(crate) reach: Reach,
    /// How the search goes about it.
    pub(crate) search: Search,
}

/// A command line that is not one of ours.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

fn usage<T>(text: impl Into<String>) -> Result<T, UsageError> {
    Err(UsageError(text.into()))
}

/// Reads a command line, the program's own name not included.
pub(crate) fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Command, UsageError> {
    let mut parser = Parser::from_args(args);
    match parser.next()? {
        None => usage("a command is missing: decode, demo, discover, test or serve"),
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help),
        Some(Arg::Short('V') | Arg::Long("version")) => Ok(Command::Version),
        Some(Arg::Value(command)) => match command.to_str() {
            Some("help") => Ok(Command::Help),
            Some("decode") => decode(&mut parser),
            Some("demo") => demo(&mut parser),
            Some("serve") => serve::serve(&mut parser),
            Some("test") => test::test(&mut parser),
            Some("discover") => discover(&mut parser),
            _ => usage(format!("no command {command:?}: there are decode, demo, discover, test and serve")),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

fn decode(parser: &mut Parser) -> Result<Command, UsageError> {
    let (mut file, mut kind) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            Arg::Long("kind") => {
                let value = text(parser, "--kind")?;
                let Some(named) = Kind::parse(&value) else {
                    return usage(format!("--kind {value}: expected one of {}", Kind::names()));
                };
                kind = Some(named);
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(file) = file else { return usage("decode: FILE is missing; - is standard input") };
    Ok(Command::Decode(DecodeArgs { file, kind }))
}

fn demo(parser: &mut Parser) -> Result<Command, UsageError> {
    let mut json = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("json") => json = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Demo { json })
}

fn discover(parser: &mut Parser) -> Result<Command, UsageError> {
    let (mut options, mut soap) = (Options::new(), false);
    while let Some(name) = options.next_name(parser)? {
        match &*name {
            "help" => return Ok(Command::Help),
            "soap" => soap = true,
            _ if options.take(&name, parser)? => {}
            _ => return Err(Arg::Long(&name).unexpected().into()),
        }
    }
    let (reach, mut search) = options.finish("discover")?;
    search.soap = soap;
    Ok(Command::Discover(DiscoverArgs { reach, search }))
}

fn text(parser: &mut Parser, option: &str) -> Result<String, UsageError> {
    // Not the parser's own message: it would print the value, and a value may hold a password.
    parser.value()?.into_string().or_else(|_| usage(format!("{option}: the value is not text")))
}

fn check_address(address: &str) -> Result<(), UsageError> {
    match address.split_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => Ok(()),
        _ => usage(format!("{address}: expected an address, local-part@domain")),
    }
}

/// What speaks Kerberos, where there is a file for it.
fn helper(
    program: Option<PathBuf>,
    variable: &'static str,
    file: Option<PathBuf>,
) -> Result<Option<Helper>, UsageError> {
    match (program, file) {
        (Some(_), None) => usage("--gssapi-helper goes with --ccache or --keytab"),
        (_, None) => Ok(None),
        (program, Some(file)) => {
            let program = program.unwrap_or_else(|| "oxwire-gssapi-helper".into());
            Ok(Some(Helper { program, environment: Some((variable, file)) }))
        }
    }
}
