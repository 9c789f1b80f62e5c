//! The tests that carry a requirement's id in their name.

use anyhow::Result;

use crate::compiled_tests;

/// A test function `xks_<group>_<number>_…`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamedTest {
    pub(super) group: String,
    pub(super) number: u8,
    pub(super) package: String,
    pub(super) function: String,
}

impl NamedTest {
    /// Reads a test's path inside its binary, `module::xks_enc_05_aad…`; `None` for a test of
    /// something else.
    pub(super) fn parse(package: &str, path: &str) -> Option<Self> {
        let function = path.rsplit("::").next()?;
        let mut parts = function.strip_prefix("xks_")?.splitn(3, '_');
        let (group, number, _what) = (parts.next()?, parts.next()?, parts.next()?);
        let number = number.parse().ok()?;
        Some(Self {
            group: group.to_owned(),
            number,
            package: package.to_owned(),
            function: function.to_owned(),
        })
    }
}

/// Those of the workspace's tests that are named after a requirement, sorted.
pub(super) fn compiled() -> Result<Vec<NamedTest>> {
    let mut tests = Vec::new();
    for test in compiled_tests::all()? {
        if let Some(named) = NamedTest::parse(&test.package, &test.path) {
            test.proof()?;
            tests.push(named);
        }
    }
    tests.sort();
    tests.dedup();
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_an_id_count() {
        let test =
            NamedTest::parse("proxy", "wire::encrypt::xks_enc_05_aad_of_8192_bytes_is_handled").unwrap();
        assert_eq!((test.group.as_str(), test.number), ("enc", 5));
        assert_eq!(test.function, "xks_enc_05_aad_of_8192_bytes_is_handled");
        assert_eq!(NamedTest::parse("proxy", "xks_enc_5"), None);
        assert_eq!(NamedTest::parse("proxy", "xks_api_parses"), None);
        assert_eq!(NamedTest::parse("proxy", "wire::something_xks_enc_05_else"), None);
    }
}
