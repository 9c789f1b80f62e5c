//! The sections `[[clusters]]` of a KMS endpoint's configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use listener::units;
use pkcs11::Profile;
use pkcs11::section::{self, IsolationSetting, TokenSection};
use serde::Deserialize;

/// Most HSMs of a cluster: AWS CloudHSM's own limit.
const MAX_HSMS: usize = 28;
/// Longest trust anchor, in characters (`TrustAnchorCertificateType`).
const MAX_TRUST_ANCHOR: usize = 5000;

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
    pub isolation: IsolationSetting,
    /// Most sessions of each HSM, 1 to 256.
    #[serde(default = "sessions")]
    pub sessions: usize,
    /// Most calls that wait for a session of an HSM.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Longest time from a call to its answer.
    #[serde(default = "deadline", deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// The HSMs, which hold the same keys: sections `[[clusters.hsms]]`, without `pin_file`.
    pub hsms: Vec<TokenSection>,
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
        section::check_limits(self.sessions, self.queue, self.deadline)?;
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
            ensure!(
                hsm.pin_file.is_none(),
                "HSM {:?}: remove pin_file; the PIN is the password of the key store that connects",
                hsm.name
            );
            // A file is read when it is needed.
            if !hsm.profile_name(self.profile.as_deref())?.contains('/') {
                self.profile(hsm)?;
            }
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

    pub(super) fn module<'a>(&'a self, hsm: &'a TokenSection) -> anyhow::Result<&'a Path> {
        Ok(hsm.module(self.module.as_deref())?)
    }

    pub(super) fn profile(&self, hsm: &TokenSection) -> anyhow::Result<Profile> {
        Ok(hsm.profile(self.profile.as_deref())?)
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
