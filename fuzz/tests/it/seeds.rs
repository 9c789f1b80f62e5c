//! The checked-in seeds.

use std::fs;
use std::path::PathBuf;

use fuzz::Target;

/// This package. Asked at run time: a target directory outlives the clone that filled it, and a test
/// that was built in another clone would look there.
pub(crate) fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap().into()
}

pub(crate) fn directory(target: &Target) -> PathBuf {
    package().join("corpus").join(target.name)
}

/// The seeds in the order of their names.
pub(crate) fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<_> = fs::read_dir(directory(target))
        .unwrap_or_else(|error| panic!("{}: {error}", target.name))
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    seeds
}
