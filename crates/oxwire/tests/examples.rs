//! The examples run to their end.

use std::process::Command;

#[test]
fn every_example_connects_executes_and_disconnects() {
    for name in ["blocking_client", "tokio_client", "axum_server"] {
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--locked", "--example", name])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {told}{failed}");
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines.contains(&"connected to the mailbox of Ada Lovelace"), "{name}: {told}");
        assert!(lines.contains(&"executed: 30 bytes came back"), "{name}: {told}");
        assert_eq!(lines.last(), Some(&"disconnected"), "{name}: {told}");
    }
}

#[test]
fn rpc_over_http_streams_through_axum() {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--example", "axum_rpc_proxy"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{failed}");
    assert!(told.contains("8 MiB there and back, 8 channels recycled"), "{told}");
    assert!(told.contains("5 of them while the request body was open"), "{told}");
}
