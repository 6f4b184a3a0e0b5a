//! What README says, held against the tree: it is the facade's documentation (so its example is a doc test), and what it
//! names exists.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// A link in the crate's directory, so that what is published carries it too.
#[test]
fn the_facade_carries_the_readme() {
    assert_eq!(fs::read_to_string(root().join("crates/oxwire/README.md")).unwrap(), readme());
}

/// Relative links and file names in back quotes lead somewhere.
#[test]
fn what_the_documents_name_exists() {
    for document in ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "fuzz/README.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let quoted = text.split('`').skip(1).step_by(2);
        for name in linked.chain(quoted) {
            let name = name.split('#').next().unwrap_or_default();
            let is_path = name.contains('/') && name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let top = name.split('/').next().unwrap_or_default();
            if !is_path || !root().join(top).exists() || top.is_empty() {
                continue;
            }
            assert!(root().join(name).exists(), "{document} names {name}, which is not there");
        }
    }
}

/// README lists the cargo features that the facade has.
#[test]
fn the_features_are_the_facades() {
    let manifest = fs::read_to_string(root().join("crates/oxwire/Cargo.toml")).unwrap();
    let default = manifest.split("default = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let default: Vec<_> = default.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    let readme = readme();
    let listed = readme.split("all on by default:").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    let listed: Vec<_> = listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(listed, default);
}

/// The version of the compiler that README promises is the one that Cargo.toml promises.
#[test]
fn the_compiler_version_is_the_manifests() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let version = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    for line in readme().lines().filter(|line| line.contains("Rust 1.")) {
        assert!(line.contains(&format!("Rust {version}")), "{line}");
    }
}
