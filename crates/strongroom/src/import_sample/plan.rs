//! What will be done, and what cannot be.

mod config;

use std::collections::BTreeMap;

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crypto::hex;
use key_manager::framing::Format;
use key_manager::{CiphertextMetadata, Name};
use xks_api::credential::{AccessKeyId, RawSecretAccessKey};
use xks_api::uri::{ExternalKeyId, UriPathPrefix};

use super::settings::{KeyStore, Secret, Settings};
use crate::cli::ImportArgs;

/// The service that signatures name; ours is fixed, as KMS's is.
const SERVICE: &str = "kms-xks-proxy";

/// Everything, from the settings alone. Holds secrets, so it has no `Debug`.
pub(crate) struct Plan {
    /// The `[[hsm]]`'s name.
    pub(super) hsm: String,
    /// Lines for the server's configuration.
    pub(super) config: String,
    /// What the sample wrote as ciphertext metadata, hexadecimal.
    pub(super) metadata: String,
    /// `new-object` or `same-object`.
    pub(super) encrypt_with: String,
    pub(super) keys: Vec<Key>,
    pub(super) stores: Vec<Store>,
    pub(super) remarks: Vec<Remark>,
}

/// A key object that the sample used.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) label: String,
}

/// An external key store.
pub(super) struct Store {
    pub(super) name: String,
    pub(super) path_prefix: String,
    pub(super) region: String,
    pub(super) credential: Option<Credential>,
    /// External key id, and the key's name.
    pub(super) bindings: Vec<(String, String)>,
}

pub(super) struct Credential {
    pub(super) access_key_id: String,
    pub(super) secret: Secret,
}

/// Something that comes over otherwise than it was, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Remark {
    /// Whether nothing of it is carried over.
    pub(super) lost: bool,
    pub(super) setting: String,
    pub(super) what: String,
}

impl Plan {
    pub(super) fn new(settings: &Settings, args: &ImportArgs) -> anyhow::Result<Self> {
        let hsm = args.hsm.clone();
        Name::parse(&hsm).map_err(|error| anyhow::anyhow!("--hsm {hsm:?}: {error}"))?;
        let mut plan = Self {
            config: String::new(),
            metadata: metadata(settings)?,
            encrypt_with: args.encrypt_with.clone(),
            keys: Vec::new(),
            stores: Vec::new(),
            remarks: Vec::new(),
            hsm,
        };
        plan.keys(settings);
        let mut names = BTreeMap::new();
        for store in &settings.external_key_stores {
            plan.store(store, settings, &mut names);
        }
        plan.security(settings);
        plan.unknown(settings);
        plan.config = config::lines(settings, args, &mut plan.remarks);
        Ok(plan)
    }

    pub(super) fn changed(&mut self, setting: impl Into<String>, what: impl Into<String>) {
        self.remarks.push(Remark::changed(setting, what));
    }

    fn lost(&mut self, setting: impl Into<String>, what: impl Into<String>) {
        self.remarks.push(Remark::lost(setting, what));
    }

    /// One key for each label, however many key stores know it.
    fn keys(&mut self, settings: &Settings) {
        let labels: std::collections::BTreeSet<&String> = settings
            .external_key_stores
            .iter()
            .flat_map(|store| &store.xks_key_id_set)
            .collect();
        for label in labels {
            if label.parse::<ExternalKeyId>().is_err() {
                let what = "no external key id of the XKS specification, so AWS KMS cannot have used it";
                self.lost(format!("xks_key_id_set {label:?}"), what);
                continue;
            }
            // An external key id may be twice as long as a name.
            let name = if Name::parse(label).is_ok() {
                label.clone()
            } else {
                let start: String = label.chars().take(40).collect();
                format!("{start}-{}", hex(&crypto::sha256(&[label.as_bytes()])[..6]))
            };
            self.keys.push(Key {
                name,
                label: label.clone(),
            });
        }
    }

    fn store(&mut self, store: &KeyStore, settings: &Settings, names: &mut BTreeMap<String, usize>) {
        let prefix = &store.uri_path_prefix;
        let place = format!("external_key_stores {prefix:?}");
        if let Err(error) = prefix.parse::<UriPathPrefix>() {
            return self.lost(place, format!("{error}, so AWS KMS cannot have used it"));
        }
        let mut bindings = Vec::new();
        for id in &store.xks_key_id_set {
            if let Some(key) = self.keys.iter().find(|key| key.label == *id) {
                bindings.push((id.clone(), key.name.clone()));
            }
        }
        let access_key_id = store.sigv4_access_key_id.clone();
        let secret = store.sigv4_secret_access_key.clone();
        let fits = access_key_id.parse::<AccessKeyId>().is_ok()
            && RawSecretAccessKey::new(secret.expose().to_owned()).is_ok();
        if !fits {
            let what = "its credential is not one that AWS KMS can have (access key id of 20 to 30 A-Z 2-7, secret \
                        of 43 to 64 characters); add one with `strongroom credential add`";
            self.lost(place.clone(), what);
        }
        for key in store.rest.keys() {
            self.lost(format!("{place} {key}"), "unknown here");
        }
        self.stores.push(Store {
            name: store_name(prefix, names),
            path_prefix: prefix.clone(),
            region: settings.server.region.clone(),
            credential: fits.then_some(Credential {
                access_key_id,
                secret,
            }),
            bindings,
        });
    }

    fn security(&mut self, settings: &Settings) {
        let security = &settings.security;
        if !security.is_sigv4_auth_enabled {
            let what = "false: requests are always authenticated here; AWS KMS signs every one";
            self.lost("security.is_sigv4_auth_enabled", what);
        }
        if settings.server.service != SERVICE {
            let what = format!(
                "{:?}: signatures are for the service {SERVICE} here, as AWS KMS makes them",
                settings.server.service
            );
            self.lost("server.service", what);
        }
        if let Some(kind) = &security.secondary_auth {
            let file = security
                .oso
                .as_ref()
                .map_or_else(String::new, |oso| format!(" ({})", oso.polar_file_path));
            let what = format!(
                "{kind:?}{file}: its rules are a program and are not translated. Principals and KMS keys are narrowed \
                 with `key-store bind … --principal ARN --kms-key ARN`; kmsOperation and kmsViaService are not. UNTIL \
                 YOU DO THAT, EVERY CALLER WITH THE CREDENTIAL MAY USE THE KEYS"
            );
            self.lost("security.secondary_auth", what);
        }
        if settings.server.ciphertext_metadata_b64.is_some() {
            let what = "older ciphertexts with this metadata are decrypted. The sample decrypts with any metadata; here \
                        the legacy version has this one alone: if the setting was ever another, what was encrypted \
                        then stays unreadable";
            self.changed("server.ciphertext_metadata_b64", what);
        } else {
            let what = "absent: older ciphertexts without metadata are decrypted. If the setting was ever there, what \
                        was encrypted then stays unreadable";
            self.changed("server.ciphertext_metadata_b64", what);
        }
    }

    fn unknown(&mut self, settings: &Settings) {
        let sections = [
            ("", &settings.rest),
            ("server.", &settings.server.rest),
            ("security.", &settings.security.rest),
        ];
        let tls = settings.tls.iter().map(|tls| ("tls.", &tls.rest));
        let unknown: Vec<String> = sections
            .into_iter()
            .chain(tls)
            .flat_map(|(section, rest)| rest.keys().map(move |key| format!("{section}{key}")))
            .collect();
        for setting in unknown {
            self.lost(setting, "unknown here");
        }
        if !settings.tracing.is_empty() {
            let what =
                "the log goes to standard error as JSON, for the service manager; [log] has format and level";
            self.lost("tracing", what);
        }
        if !settings.server.tcp_keepalive.is_empty() {
            self.lost(
                "server.tcp_keepalive",
                "idle connections end after deadlines of their own",
            );
        }
        if settings.pkcs11.session_eager_close {
            self.lost("pkcs11.session_eager_close", "sessions are kept");
        }
    }
}

impl Remark {
    pub(super) fn changed(setting: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            lost: false,
            setting: setting.into(),
            what: what.into(),
        }
    }

    pub(super) fn lost(setting: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            lost: true,
            setting: setting.into(),
            what: what.into(),
        }
    }
}

/// What the sample wrote into every ciphertext: decoded, and not taken for a format of ours.
fn metadata(settings: &Settings) -> anyhow::Result<String> {
    let setting = "server.ciphertext_metadata_b64";
    let Some(text) = &settings.server.ciphertext_metadata_b64 else {
        return Ok(String::new());
    };
    let Ok(bytes) = BASE64.decode(text) else {
        bail!("{setting} is not base64: the sample would not start with it");
    };
    let Ok(metadata) = CiphertextMetadata::from_slice(&bytes) else {
        bail!("{setting} has {} bytes; the sample takes at most 20", bytes.len());
    };
    if Format::of(&metadata) != Format::Legacy {
        bail!(
            "{setting} is {}: Strongroom's own metadata begin so and have this length, and what the sample wrote could \
             not be told from them. Its ciphertexts have to be encrypted anew (ReEncrypt under another KMS key)",
            hex(&bytes)
        );
    }
    Ok(hex(&bytes))
}

/// `/a/b` is `a-b`; no path is `sample`.
fn store_name(prefix: &str, names: &mut BTreeMap<String, usize>) -> String {
    let joined: String = prefix.trim_matches('/').replace('/', "-");
    let mut name: String = joined.chars().take(56).collect();
    if Name::parse(&name).is_err() {
        "sample".clone_into(&mut name);
    }
    let count = names.entry(name.clone()).or_default();
    *count += 1;
    if *count > 1 {
        name = format!("{name}-{count}");
    }
    name
}

#[cfg(test)]
mod tests;
