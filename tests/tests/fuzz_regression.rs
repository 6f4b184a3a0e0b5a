//! Every kept fuzz input, replayed through its oracle on the stable compiler; and the three places that name a target agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use oxwire_tests::oracles::targets;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(dir) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The corpus keeps what the fuzzer found worth keeping; regressions keep what once failed.
#[test]
fn every_kept_input_passes_its_oracle() {
    for (name, oracle) in targets() {
        let mut replayed = 0;
        for kept in ["corpus", "regressions"] {
            let dir = fuzz().join(kept).join(name);
            for file in names_in(&dir) {
                let path = dir.join(file);
                let data = fs::read(&path).unwrap();
                // The name of the input that fails stands last in the test's output.
                println!("{}", path.display());
                oracle(&data);
                replayed += 1;
            }
        }
        assert!(replayed > 0, "{name}: no input kept in fuzz/corpus/{name}");
    }
}

/// Truncations and flips of what is kept: what a fuzzer tries first, without a fuzzer.
#[test]
fn damaged_inputs_pass_their_oracle() {
    for (name, oracle) in targets() {
        let dir = fuzz().join("corpus").join(name);
        for file in names_in(&dir).iter().take(16) {
            let data = fs::read(dir.join(file)).unwrap();
            let step = data.len() / 64 + 1;
            for at in (0..data.len()).step_by(step) {
                oracle(&data[..at]);
                let mut flipped = data.clone();
                flipped[at] ^= 1 << (at % 8);
                oracle(&flipped);
            }
        }
    }
}

/// A target that is in one place only is never run, or never replayed.
#[test]
fn every_target_is_in_all_three_places() {
    let table: BTreeSet<String> = targets().iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(table.len(), targets().len(), "two oracles with one name");

    let files: BTreeSet<String> = names_in(&fuzz().join("fuzz_targets"))
        .into_iter()
        .map(|file| file.strip_suffix(".rs").expect("fuzz_targets holds Rust files only").to_owned())
        .collect();
    assert_eq!(table, files, "oracles against fuzz/fuzz_targets");

    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let bins: BTreeSet<String> = manifest
        .split("[[bin]]")
        .skip(1)
        .map(|bin| bin.split('"').nth(1).expect("a bin starts with its name").to_owned())
        .collect();
    assert_eq!(table, bins, "oracles against fuzz/Cargo.toml");

    for name in &table {
        let text = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(text.contains(&format!("::{name}(data)")), "fuzz_targets/{name}.rs calls another oracle");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}: its bin has another path");
    }

    for kept in ["corpus", "regressions"] {
        for dir in names_in(&fuzz().join(kept)) {
            assert!(table.contains(&dir), "fuzz/{kept}/{dir} belongs to no target");
        }
    }
}

/// Small enough to live in the repository: 100 files and 300 KiB for each target.
#[test]
fn corpora_are_small() {
    for (name, _) in targets() {
        let dir = fuzz().join("corpus").join(name);
        let files = names_in(&dir);
        let bytes: u64 = files.iter().map(|file| fs::metadata(dir.join(file)).unwrap().len()).sum();
        assert!(files.len() <= 100 && bytes <= 300 << 10, "{name}: {} files, {bytes} bytes", files.len());
    }
}
