//! The data files of this package.

/// A data file, found at run time.
pub(crate) fn text(name: &str) -> String {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package");
    let path = std::path::Path::new(&package).join("tests/cases").join(name);
    std::fs::read_to_string(path).expect("the data file is there")
}

/// The rows of a table: neither empty nor a comment, split at ` | `.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split(" | ").map(str::trim).collect())
}
