//! The connectivity analyser: `test` goes through a mailbox session step by step, `serve` is a server to test against, and
//! `demo` runs the two against each other.
//!
//! The protocols come from the `oxwire` crates, which do no I/O; sockets, TLS, the clock and entropy are here.

mod args;
mod certificate;
mod demo;
mod entropy;
mod log;
mod mailbox;
mod net;
mod password;
mod report;
mod serve;
mod test;
mod tls;

use std::io::Write;
use std::process::ExitCode;

use oxwire::http::Origin;

use crate::args::{Command, TestArgs, Trust};
use crate::net::dial::Dialer;
use crate::report::Report;
use crate::test::Plan;
use crate::tls::ClientTls;

/// Exit status where a step failed, or `serve` cannot start.
const FAILED: u8 = 1;
/// Exit status where the command line is wrong, or what it names (a file, a variable) cannot be had.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(command) => match run(command) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(FAILED),
            Err((status, error)) => {
                complain(&error);
                ExitCode::from(status)
            }
        },
        Err(error) => {
            complain(&format!("{error}\nTry `oxprobe --help`."));
            ExitCode::from(USAGE)
        }
    }
}

/// Does what was asked; `false` when a step failed. An error comes with its exit status.
fn run(command: Command) -> Result<bool, (u8, String)> {
    let failed = |error| (FAILED, error);
    // One thread: the driver counts what a connection took without a lock, and one mailbox session is no load.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| failed(format!("the system gives no event loop: {error}")))?;
    match command {
        Command::Help => print(args::HELP).map_err(failed),
        Command::Version => print(concat!("oxprobe ", env!("CARGO_PKG_VERSION"), "\n")).map_err(failed),
        Command::Demo { json } => runtime.block_on(demo::run(json)).map_err(failed),
        Command::Serve(args) => runtime.block_on(serve::run(args)).map(|()| true).map_err(failed),
        Command::Test(args) => {
            let plan = plan(&args).map_err(|error| (USAGE, error))?;
            let mut report = Report::new(std::io::stdout().lock(), args.json);
            let ran = runtime.block_on(test::run(&plan, &mut report));
            ran.map_err(|error| failed(format!("standard output: {error}")))?;
            Ok(!report.failed())
        }
    }
}

fn plan(args: &TestArgs) -> Result<Plan, String> {
    let (origin, _) = Origin::from_url(&args.url).map_err(|error| error.to_string())?;
    let tls = match args.trust {
        _ if !test::needs_tls(&origin) => None,
        ref trust => Some(ClientTls::new(trust).map_err(|error| error.to_string())?),
    };
    Ok(Plan {
        address: args.address.clone(),
        url: args.url.clone(),
        user_dn: args.user_dn.clone(),
        auth: args.auth,
        password: password::read(args.password_env.as_deref(), &args.address)?,
        dialer: Dialer { tls, proxy: args.proxy.clone() },
        verified: !matches!(args.trust, Trust::Anything),
        binding: args.binding,
        listen: args.listen,
        message_expected: false,
    })
}

fn print(text: &str) -> Result<bool, String> {
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("standard output: {error}"))?;
    Ok(true)
}

fn complain(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "oxprobe: {text}");
}
