//! The checked-in seeds.

use std::fs;
use std::path::PathBuf;

use fuzz::Target;

pub(crate) fn directory(target: &Target) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name)
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
