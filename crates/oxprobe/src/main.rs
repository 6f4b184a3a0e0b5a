//! The connectivity analyser: `discover` finds a mailbox, `test` goes through a session with it step by step, `serve` is a server to
//! test against, `demo` runs them against each other, and `decode` shows captured bytes.
//!
//! The protocols come from the `oxwire` crates, which do no I/O; sockets, TLS, the clock and entropy are here.

mod args;
mod certificate;
mod decode;
mod demo;
mod discover;
mod entropy;
mod kerberos;
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

use oxwire::core::SecretString;

use crate::args::{Command, Reach, Search, Target, TestArgs, Trust};
use crate::discover::Quest;
use crate::net::dial::Dialer;
use crate::report::Report;
use crate::test::{Endpoint, Plan};
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
        Command::Decode(args) => {
            let (tree, whole) = decode::run(&args).map_err(|error| (USAGE, error))?;
            print(&tree).map_err(failed).map(|_| whole)
        }
        Command::Demo { json } => runtime.block_on(demo::run(json)).map_err(failed),
        Command::Serve(args) => runtime.block_on(serve::run(args)).map(|()| true).map_err(failed),
        Command::Test(args) => {
            let reach = &args.reach;
            let plain = matches!(&args.target, Target::Given { endpoint, .. } if !test::needs_tls(endpoint.url()))
                && !args.nspi_url.as_deref().is_some_and(test::needs_tls);
            let (dialer, password) = prepare(reach, !plain).map_err(|error| (USAGE, error))?;
            let mut report = Report::new(std::io::stdout().lock(), reach.json);
            let ran = runtime.block_on(async {
                let (endpoint, user_dn) = match &args.target {
                    Target::Given { endpoint, user_dn } => (endpoint.clone(), user_dn.clone()),
                    Target::Search(search, wanted) => {
                        let quest = quest(reach, search, &dialer, &password);
                        let Some(endpoint) = discover::endpoint_of(&quest, *wanted, &mut report).await? else {
                            return Ok(());
                        };
                        endpoint
                    }
                };
                let endpoint = endpoint.with_address_book(args.nspi_url.as_ref());
                test::run(&plan(&args, endpoint, user_dn, &dialer, &password), &mut report).await
            });
            ran.map_err(|error: std::io::Error| failed(format!("standard output: {error}")))?;
            Ok(!report.failed())
        }
        Command::Discover(args) => {
            let (dialer, password) = prepare(&args.reach, true).map_err(|error| (USAGE, error))?;
            let quest = quest(&args.reach, &args.search, &dialer, &password);
            let mut report = Report::new(std::io::stdout().lock(), args.reach.json);
            let ran = runtime.block_on(discover::run(&quest, true, &mut report));
            ran.map_err(|error| failed(format!("standard output: {error}")))?;
            Ok(!report.failed())
        }
    }
}

/// What opens connections, and the password.
fn prepare(reach: &Reach, tls: bool) -> Result<(Dialer, SecretString), String> {
    let tls = tls.then(|| ClientTls::new(&reach.trust).map_err(|error| error.to_string())).transpose()?;
    let dialer = Dialer { tls, proxy: reach.proxy.clone(), connect_to: reach.connect_to.clone() };
    if reach.kerberos.is_some() {
        return Ok((dialer, SecretString::default()));
    }
    Ok((dialer, password::read(reach.password_env.as_deref(), &reach.address)?))
}

fn quest(reach: &Reach, search: &Search, dialer: &Dialer, password: &SecretString) -> Quest {
    Quest {
        address: reach.address.clone(),
        password: password.clone(),
        auth: reach.auth,
        kerberos: reach.kerberos.clone(),
        dialer: dialer.clone(),
        binding: reach.binding,
        search: search.clone(),
    }
}

fn plan(args: &TestArgs, endpoint: Endpoint, user_dn: String, dialer: &Dialer, password: &SecretString) -> Plan {
    let reach = &args.reach;
    Plan {
        address: reach.address.clone(),
        endpoint,
        user_dn,
        auth: reach.auth,
        password: password.clone(),
        kerberos: reach.kerberos.clone(),
        dialer: dialer.clone(),
        verified: !matches!(reach.trust, Trust::Anything),
        binding: reach.binding,
        compress: args.compress,
        listen: args.listen,
        message_expected: false,
    }
}

fn print(text: &str) -> Result<bool, String> {
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("standard output: {error}"))?;
    Ok(true)
}

fn complain(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "oxprobe: {text}");
}
