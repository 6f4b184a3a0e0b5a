//! What the command line takes and refuses, before anything is connected.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

mod common;

use common::{ADDRESS, DN, Ended, VARIABLE, oxprobe, run};

#[test]
fn help_names_every_flag_and_ends_well() {
    let ended: Ended = run(&["--help"]).into();
    assert_eq!(ended.status, 0);
    for flag in [
        "demo",
        "serve",
        "test",
        "--listen",
        "--plain",
        "--user",
        "--auth",
        "--cert",
        "--key",
        "--write-ca",
        "--url",
        "--user-dn",
        "--password-env",
        "--ca",
        "--insecure",
        "--binding",
        "--proxy",
        "--listen-seconds",
        "--json",
        "EXIT STATUS",
    ] {
        assert!(ended.stdout.contains(flag), "{flag} is missing:\n{}", ended.stdout);
    }
}

#[test]
fn nonsense_ends_with_status_2_and_says_what_is_wrong() {
    for (args, expected) in [
        (&["frobnicate"][..], "frobnicate"),
        (&[], "missing"),
        (&["demo", "--jason"], "--jason"),
        (&["serve"], "--listen"),
        (&["serve", "--listen", "somewhere"], "somewhere"),
        (&["serve", "--listen", "127.0.0.1:0", "--auth", "kerberos"], "kerberos"),
        (&["serve", "--listen", "127.0.0.1:0", "--plain", "--cert", "a", "--key", "b"], "--plain"),
        (&["serve", "--listen", "127.0.0.1:0", "--cert", "a"], "--key"),
        (&["serve", "--listen", "127.0.0.1:0", "--user", "nobody"], "ADDRESS:PASSWORD"),
        (&["test", "alice"], "alice"),
        (&["test", ADDRESS, "--url", "https://127.0.0.1/"], "--user-dn"),
        (&["test", ADDRESS, "--url", "gopher://127.0.0.1/", "--user-dn", DN], "gopher"),
    ] {
        let ended: Ended = run(args).into();
        assert_eq!(ended.status, 2, "{args:?}: {}", ended.all);
        assert!(ended.all.contains(expected), "{args:?}: {}", ended.all);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[test]
fn serve_refuses_what_it_cannot_open() {
    for (args, expected) in [
        (
            &["serve", "--listen", "127.0.0.1:0", "--cert", "/nonexistent.pem", "--key", "/nonexistent.key"][..],
            "/nonexistent.pem",
        ),
        (&["serve", "--listen", "192.0.2.1:9"], "192.0.2.1:9"),
    ] {
        let ended: Ended = run(args).into();
        assert_eq!(ended.status, 1, "{args:?}: {}", ended.all);
        assert!(ended.all.contains(expected), "{args:?}: {}", ended.all);
    }
}

#[test]
fn a_password_in_an_argument_never_comes_back() {
    let ended: Ended = run(&["serve", "--listen", "127.0.0.1:0", "--user", "a@b@c:hunter2-9c1e"]).into();
    assert_eq!(ended.status, 2);
    assert!(!ended.all.contains("hunter2-9c1e"), "{}", ended.all);
}

#[test]
fn a_password_that_cannot_be_had_is_said() {
    let args = ["test", ADDRESS, "--url", "http://127.0.0.1:9/", "--user-dn", DN, "--password-env", VARIABLE];
    let ended: Ended = oxprobe(args).env_remove(VARIABLE).output().unwrap().into();
    assert_eq!(ended.status, 2, "no step has failed: none was begun");
    assert!(ended.all.contains(VARIABLE), "{}", ended.all);
}
