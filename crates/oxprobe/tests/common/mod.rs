//! The program as a user runs it: started, read, ended.

#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code; a failure here fails the test"
)]

pub(crate) mod proxy;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) const ADDRESS: &str = "alice@oxwire.test";
pub(crate) const PASSWORD: &str = "correct-horse-7f3a";
pub(crate) const DN: &str = "/o=oxwire/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=alice";
pub(crate) const VARIABLE: &str = "OXPROBE_TEST_PASSWORD";

/// Every step of a whole test over TLS, in order.
pub(crate) const STEPS: [&str; 11] = [
    "tcp",
    "tls",
    "authentication",
    "connect",
    "logon",
    "folders",
    "inbox",
    "notification",
    "cut between requests",
    "cut in mid-response",
    "disconnect",
];

/// Every step of a whole test over RPC over HTTP with TLS, in order.
pub(crate) const RPC_STEPS: [&str; 22] = [
    "tcp",
    "tls",
    "authentication",
    "echo",
    "channels",
    "bind",
    "management",
    "connect",
    "logon",
    "folders",
    "inbox",
    "notification",
    "IN channel recycling",
    "OUT channel recycling",
    "disconnect",
    "address book bind",
    "resolve",
    "address list",
    "entry",
    "address book unbind",
    "referral",
    "server name",
];

/// The steps of the address book, behind those of the mailbox where it has a URL.
pub(crate) const ADDRESS_BOOK_STEPS: [&str; 7] =
    ["address book bind", "resolve", "address list", "entry", "mailbox url", "address book url", "address book unbind"];

pub(crate) fn oxprobe<I: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxprobe"));
    command.args(args).stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    oxprobe(args).output().unwrap()
}

/// Exit status, standard output, and both outputs together.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) all: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let all = format!("{stdout}{}", String::from_utf8(output.stderr).unwrap());
        Self { status: output.status.code().unwrap(), stdout, all }
    }
}

impl Ended {
    /// The JSON lines: each an object with exactly the four members.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines: Vec<Value> = self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &lines {
            let members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["step", "ok", "ms", "detail"]);
            assert!(line["ms"].is_u64() && line["ok"].is_boolean() && line["detail"].is_object(), "{line}");
        }
        lines
    }

    pub(crate) fn steps(&self) -> Vec<(String, bool)> {
        let step = |line: &Value| (line["step"].as_str().unwrap().to_owned(), line["ok"].as_bool().unwrap());
        self.lines().iter().map(step).collect()
    }

    pub(crate) fn detail(&self, step: &str) -> Value {
        self.lines().iter().find(|line| line["step"] == step).unwrap_or_else(|| panic!("{step}: {}", self.all))["detail"]
            .clone()
    }
}

/// Every step went through: these, in order.
pub(crate) fn all_pass(ended: &Ended, steps: &[&str]) {
    assert_eq!(ended.status, 0, "{}", ended.all);
    let expected: Vec<_> = steps.iter().map(|step| ((*step).to_owned(), true)).collect();
    assert_eq!(ended.steps(), expected, "{}", ended.all);
}

/// Steps up to the one that fails, which comes last; its detail.
pub(crate) fn fails_at(ended: &Ended, step: &str) -> String {
    assert_eq!(ended.status, 1, "{}", ended.all);
    let steps = ended.steps();
    let (last, before) = steps.split_last().unwrap();
    assert_eq!((last.0.as_str(), last.1), (step, false), "{}", ended.all);
    assert!(before.iter().all(|(_, ok)| *ok), "{}", ended.all);
    let detail = ended.detail(step);
    for member in ["expected", "came", "advice"] {
        assert!(detail[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {detail}");
    }
    detail.to_string()
}

/// `oxprobe serve` on a free port, ended with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) ca: PathBuf,
}

impl Server {
    pub(crate) fn start(name: &str, options: &[&str]) -> Self {
        let ca = std::env::temp_dir().join(format!("oxprobe-{}-{name}.pem", std::process::id()));
        let user = format!("{ADDRESS}:{PASSWORD}");
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--user", &user];
        if !options.contains(&"--plain") {
            args.extend(["--write-ca", ca.to_str().unwrap()]);
        }
        args.extend(options);
        let mut child = oxprobe(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("http"), "{line}");
        Self { child, url: line.trim().to_owned(), ca }
    }

    /// `oxprobe test --json` against it.
    pub(crate) fn test(&self, password: &str, options: &[&str]) -> Ended {
        let mut args = vec!["test", ADDRESS, "--url", &self.url, "--user-dn", DN];
        args.extend(["--password-env", VARIABLE, "--listen-seconds", "1", "--json"]);
        args.extend(options);
        oxprobe(args).env(VARIABLE, password).output().unwrap().into()
    }

    /// `HOST:PORT` of the URL.
    pub(crate) fn authority(&self) -> &str {
        self.url.split('/').nth(2).unwrap()
    }

    /// `oxprobe test --json --transport rpchttp` against it.
    pub(crate) fn test_rpc(&self, password: &str, server: &str, options: &[&str]) -> Ended {
        let url = format!("{}://{}/rpc/rpcproxy.dll", self.url.split(':').next().unwrap(), self.authority());
        let mut args = vec!["test", ADDRESS, "--url", &url, "--user-dn", DN, "--transport", "rpchttp"];
        args.extend(["--rpc-server", server, "--password-env", VARIABLE, "--listen-seconds", "1", "--json"]);
        args.extend(options);
        oxprobe(args).env(VARIABLE, password).output().unwrap().into()
    }

    pub(crate) fn ca(&self) -> &str {
        self.ca.to_str().unwrap()
    }

    /// Ends it and gives its log.
    pub(crate) fn log(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.ca);
    }
}
