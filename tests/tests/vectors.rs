//! The directory of vectors as a whole.

use std::fs;
use std::path::Path;

use oxwire_tests::vectors::{Vector, directory};

/// A file that no test names checks nothing.
#[test]
fn every_vector_is_well_formed_and_has_a_test() {
    let tests: String = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut files = 0;
    for family in fs::read_dir(directory()).unwrap() {
        let family = family.unwrap();
        for file in fs::read_dir(family.path()).unwrap() {
            let name = Path::new(&family.file_name()).join(file.unwrap().file_name());
            let name = name.to_str().unwrap();
            assert!(!Vector::load(name).bytes.is_empty(), "{name} holds no byte");
            assert!(tests.contains(&format!("\"{name}\"")), "no test names {name}");
            files += 1;
        }
    }
    assert!(files > 0);
}
