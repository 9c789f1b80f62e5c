//! The sections `[[clusters]]` of a KMS endpoint's configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use listener::units;
use pkcs11::{Profile, TokenSelector};
use serde::Deserialize;

/// Most HSMs of a cluster: AWS CloudHSM's own limit.
const MAX_HSMS: usize = 28;
/// Most sessions of an HSM.
const MAX_SESSIONS: usize = 256;
/// Most calls that wait for a session of an HSM.
const MAX_QUEUE: usize = 65_536;
/// Longest deadline of one call to an HSM.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
/// Longest trust anchor, in characters (`TrustAnchorCertificateType`).
const MAX_TRUST_ANCHOR: usize = 5000;
/// Longest profile file, in bytes.
const MAX_PROFILE: usize = 65_536;

/// A cluster: section `[[clusters]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// `CloudHsmClusterId`: `cluster-` and 11 to 16 of `2-7 a-z A-Z`.
    pub id: String,
    /// The certificate that `TrustAnchorCertificate` has to be, PEM.
    pub trust_anchor_file: PathBuf,
    /// Clusters that were made from a backup of this one, or this one of theirs: a key store may change
    /// over to one of these.
    #[serde(default)]
    pub shares_backup_history_with: Vec<String>,
    /// Active HSMs without which no key store and no key is made. Two at AWS; one where the vendor's module
    /// shows its cluster as one token, or where there is but one HSM.
    #[serde(default = "two")]
    pub minimum_active_hsms: usize,
    /// Whether the HSMs share their users, so that a password changed at one is changed at all.
    #[serde(default)]
    pub synchronizes_users: bool,
    /// Leaves `kmsuser` the password that the administrator knows: for modules that cannot change it
    /// (C_SetPIN).
    #[serde(default)]
    pub danger_keep_password: bool,
    /// The user's name, where the module wants a PIN of `name:password`, as AWS CloudHSM's does.
    #[serde(default)]
    pub pin_user: Option<String>,
    /// The vendor's PKCS#11 module; an HSM may name its own.
    #[serde(default)]
    pub module: Option<PathBuf>,
    /// What is particular about the product: a built-in profile, or the path (with a `/`) of one; an HSM may
    /// name its own.
    #[serde(default)]
    pub profile: Option<String>,
    /// Where the module runs.
    #[serde(default)]
    pub isolation: Isolation,
    /// Most sessions of each HSM, 1 to 256.
    #[serde(default = "sessions")]
    pub sessions: usize,
    /// Most calls that wait for a session of an HSM.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Longest time from a call to its answer.
    #[serde(default = "deadline", deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// The HSMs, which hold the same keys.
    pub hsms: Vec<ClusterHsm>,
}

/// An HSM of a cluster: section `[[clusters.hsms]]`. Exactly one of label, serial and slot says which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterHsm {
    /// What it is called in status and log.
    pub name: String,
    /// The token's label.
    #[serde(default)]
    pub label: Option<String>,
    /// The token's serial number; the surest.
    #[serde(default)]
    pub serial: Option<String>,
    /// The slot's number.
    #[serde(default)]
    pub slot: Option<u64>,
    /// Its module, where that is another than the cluster's.
    #[serde(default)]
    pub module: Option<PathBuf>,
    /// Its profile, where that is another than the cluster's.
    #[serde(default)]
    pub profile: Option<String>,
}

/// Where a vendor's module runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In a process of its own, which is replaced when it crashes or hangs.
    #[default]
    Worker,
    /// In this process: a crash of the module is a crash of the endpoint.
    InProcess,
}

impl ClusterConfig {
    /// Holds the section to every rule that can be judged without its HSMs and without its files.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.check_rules()
            .with_context(|| format!("clusters {:?}", self.id))
    }

    fn check_rules(&self) -> anyhow::Result<()> {
        ensure!(
            is_cluster_id(&self.id),
            "id is not \"cluster-\" and 11 to 16 of 2-7, a-z, A-Z"
        );
        ensure!(
            self.trust_anchor_file.is_absolute(),
            "trust_anchor_file is not an absolute path"
        );
        if let Some(other) = self
            .shares_backup_history_with
            .iter()
            .find(|id| !is_cluster_id(id))
        {
            bail!("shares_backup_history_with names {other:?}, which is no cluster id");
        }
        ensure!(
            (1..=MAX_HSMS).contains(&self.hsms.len()),
            "give it 1 to {MAX_HSMS} sections [[clusters.hsms]]"
        );
        ensure!(
            (1..=MAX_HSMS).contains(&self.minimum_active_hsms),
            "minimum_active_hsms is not 1 to {MAX_HSMS}"
        );
        ensure!(
            (1..=MAX_SESSIONS).contains(&self.sessions),
            "sessions is not 1 to {MAX_SESSIONS}"
        );
        ensure!(self.queue <= MAX_QUEUE, "queue is more than {MAX_QUEUE}");
        ensure!(
            !self.deadline.is_zero() && self.deadline <= MAX_DEADLINE,
            "deadline is not between 1ms and 60s"
        );
        let mut names = BTreeSet::new();
        for hsm in &self.hsms {
            ensure!(!hsm.name.is_empty(), "an HSM has no name");
            ensure!(names.insert(&hsm.name), "two HSMs are called {:?}", hsm.name);
            let module = self.module(hsm)?;
            ensure!(
                module.is_absolute(),
                "module {} is not an absolute path",
                module.display()
            );
            hsm.selector()?;
            // A file is read when it is needed.
            if self.profile_name(hsm)?.contains('/') {
                continue;
            }
            self.profile(hsm)?;
        }
        Ok(())
    }

    /// The certificate of the cluster.
    pub(super) fn trust_anchor(&self) -> anyhow::Result<String> {
        let path = &self.trust_anchor_file;
        let text = read(path, MAX_TRUST_ANCHOR)?;
        ensure!(
            text.contains("-----BEGIN CERTIFICATE-----"),
            "{} is no certificate in PEM",
            path.display()
        );
        Ok(text)
    }

    pub(super) fn module<'a>(&'a self, hsm: &'a ClusterHsm) -> anyhow::Result<&'a Path> {
        let module = hsm.module.as_deref().or(self.module.as_deref());
        module.with_context(|| {
            format!(
                "HSM {:?} has no module: give the vendor's PKCS#11 library",
                hsm.name
            )
        })
    }

    fn profile_name<'a>(&'a self, hsm: &'a ClusterHsm) -> anyhow::Result<&'a str> {
        let name = hsm.profile.as_deref().or(self.profile.as_deref());
        name.with_context(|| {
            let known = Profile::names().collect::<Vec<_>>().join(", ");
            format!(
                "HSM {:?} has no profile: give one of {known}, or a path",
                hsm.name
            )
        })
    }

    pub(super) fn profile(&self, hsm: &ClusterHsm) -> anyhow::Result<Profile> {
        let name = self.profile_name(hsm)?;
        if !name.contains('/') {
            return Profile::named(name).with_context(|| {
                let known = Profile::names().collect::<Vec<_>>().join(", ");
                format!("there is no profile {name:?}; there are {known}, and paths with a /")
            });
        }
        let text = read(Path::new(name), MAX_PROFILE)?;
        Profile::parse(&text).with_context(|| format!("the profile {name}"))
    }

    /// What is allowed but hardly meant.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let (hsms, needed) = (self.hsms.len(), self.minimum_active_hsms);
        let short = hsms < needed;
        let remark = || {
            format!(
                "cluster {} has {hsms} [[clusters.hsms]] and needs {needed} to make key stores and keys, as at \
                 AWS: add some, or set minimum_active_hsms",
                self.id
            )
        };
        short.then(remark).into_iter().collect()
    }

    /// Settings that weaken security, as `status` shows them.
    pub(crate) fn dangers(&self) -> Vec<String> {
        let kept = self.danger_keep_password;
        kept.then(|| format!("clusters {}: danger_keep_password", self.id))
            .into_iter()
            .collect()
    }
}

impl ClusterHsm {
    pub(super) fn selector(&self) -> anyhow::Result<TokenSelector> {
        match (&self.label, &self.serial, self.slot) {
            (Some(label), None, None) => Ok(TokenSelector::Label(label.clone())),
            (None, Some(serial), None) => Ok(TokenSelector::Serial(serial.clone())),
            (None, None, Some(slot)) => Ok(TokenSelector::Slot(slot)),
            _ => bail!("HSM {:?}: give exactly one of label, serial and slot", self.name),
        }
    }
}

fn read(path: &Path, most: usize) -> anyhow::Result<String> {
    let length = fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    ensure!(
        usize::try_from(length).is_ok_and(|length| length <= most),
        "{} is longer than {most} bytes",
        path.display()
    );
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// `CloudHsmClusterIdType`.
fn is_cluster_id(id: &str) -> bool {
    let Some(rest) = id.strip_prefix("cluster-") else {
        return false;
    };
    let allowed = |byte: u8| matches!(byte, b'2'..=b'7' | b'a'..=b'z' | b'A'..=b'Z');
    (11..=16).contains(&rest.len()) && rest.bytes().all(allowed)
}

const fn two() -> usize {
    2
}

const fn sessions() -> usize {
    8
}

const fn queue() -> usize {
    256
}

const fn deadline() -> Duration {
    Duration::from_secs(5)
}
