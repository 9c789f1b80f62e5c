//! The requirements of the XKS Proxy API as data.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::shell;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirements {
    group: Vec<Group>,
}

/// One section of the specification.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// Lower case, as in test names: `enc`.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) requirements: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirement {
    pub(super) number: u8,
    pub(super) level: Level,
    pub(super) who: Who,
    pub(super) text: String,
}

/// RFC 2119's words, and facts, which require nothing.
#[derive(Deserialize, Clone, Copy, PartialEq)]
pub(super) enum Level {
    #[serde(rename = "MUST")]
    Must,
    #[serde(rename = "MUST NOT")]
    MustNot,
    #[serde(rename = "SHOULD")]
    Should,
    #[serde(rename = "MAY")]
    May,
    #[serde(rename = "fact")]
    Fact,
}

impl Level {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Fact => "fact",
        }
    }
}

/// Whom a requirement binds.
#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Who {
    Proxy,
    Kms,
    Operator,
}

impl Requirements {
    pub(super) fn load() -> Result<Self> {
        let path = shell::root()?.join("xtask/requirements.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let requirements: Self = toml::from_str(text)?;
        for group in requirements.groups() {
            let numbers: Vec<u8> = group
                .requirements
                .iter()
                .map(|requirement| requirement.number)
                .collect();
            ensure!(
                numbers.is_sorted_by(|a, b| a < b),
                "the numbers of group `{}` do not rise",
                group.name
            );
        }
        Ok(requirements)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.group.iter()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Group, &Requirement)> {
        self.groups().flat_map(|group| {
            group
                .requirements
                .iter()
                .map(move |requirement| (group, requirement))
        })
    }

    pub(super) fn contains(&self, group: &str, number: u8) -> bool {
        self.iter()
            .any(|(its, requirement)| its.name == group && requirement.number == number)
    }
}

impl Requirement {
    /// The id as documents write it: `XKS-ENC-05`.
    pub(super) fn id(&self, group: &Group) -> String {
        format!("XKS-{}-{:02}", group.name.to_uppercase(), self.number)
    }

    /// Whether the proxy must or should keep it, so that it needs a test.
    pub(super) fn binds_the_proxy(&self) -> bool {
        self.who == Who::Proxy && matches!(self.level, Level::Must | Level::MustNot | Level::Should)
    }
}
