//! AWS CloudHSM key stores: `strongroom kms serve` alone, without any proxy, over tokens of SoftHSM, and
//! real clients of AWS KMS against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use software_hsm::{PIN, Product, SoftwareHsm};

use super::kms_clients::{self, Tools};
use crate::dev_server::{Kms, lines, wait_until_ready};
use crate::shell;

/// A cluster for keys that work, and one for those that refuse.
const CLUSTERS: [(&str, &str); 2] = [("cluster-2a34b5cdefg", "one"), ("cluster-3a34b5cdefg", "two")];
const REGION: &str = "us-east-1";

/// Runs the AWS CLI and the AWS Encryption SDK against keys in HSMs.
pub(super) fn run(strongroom: &Path, tools: &Tools) -> Result<()> {
    let site = Site::make(strongroom)?;
    let server = site.serve(strongroom)?;
    let kms = site.kms(&server.endpoint)?;
    let told = site.path("cloudhsm.json");
    let account = site.account()?;
    let text = json!({
        "kms": {
            "endpoint": kms.endpoint,
            "region": REGION,
            "account": account.id,
        },
        "data_dir": site.path("data"),
        "clusters": CLUSTERS.map(|(id, _)| id),
        "trust_anchor": fs::read_to_string(site.path("customerCA.crt"))?,
        "password": PIN,
    });
    fs::write(&told, text.to_string())?;
    kms_clients::run_over_clusters(&kms, &told, strongroom, tools)
}

/// Tokens, a trust anchor, a configuration and what `kms init` made of it.
struct Site(SoftwareHsm);

/// Killed when dropped.
struct Server {
    child: Child,
    endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The part of the identities file that clients need.
#[derive(Deserialize)]
struct Identities {
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    id: String,
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    access_keys: Vec<AccessKey>,
}

#[derive(Deserialize)]
struct AccessKey {
    id: String,
    secret: String,
}

impl Site {
    fn make(strongroom: &Path) -> Result<Self> {
        let labels = CLUSTERS.map(|(_, label)| label);
        let site = Self(SoftwareHsm::new(Product::SoftHsm, &labels));
        let mut command = shell::command("openssl")?;
        command
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args(["-days", "2", "-subj", "/CN=customerCA", "-keyout"])
            .arg(site.path("customerCA.key"))
            .arg("-out")
            .arg(site.path("customerCA.crt"))
            .stderr(Stdio::null());
        shell::run(&mut command, "install OpenSSL")?;
        fs::write(site.path("kms.toml"), site.configuration())?;
        let mut init = Command::new(strongroom);
        init.args(["kms", "init", "--config"])
            .arg(site.path("kms.toml"))
            .stdout(Stdio::null());
        shell::run(&mut init, "mend what it says above")?;
        Ok(site)
    }

    fn configuration(&self) -> String {
        let mut text = format!(
            "data_dir = {:?}\n[[listeners]]\nname = \"clients\"\naddress = \"127.0.0.1:0\"\n",
            self.path("data")
        );
        for (id, label) in CLUSTERS {
            text.push_str(&format!(
                "[[clusters]]\nid = \"{id}\"\ntrust_anchor_file = {:?}\nmodule = {:?}\nprofile = \"softhsm\"\n\
                 minimum_active_hsms = 1\n[[clusters.hsms]]\nname = \"{label}\"\nlabel = \"{label}\"\n",
                self.path("customerCA.crt"),
                self.0.module()
            ));
        }
        text
    }

    fn serve(&self, strongroom: &Path) -> Result<Server> {
        let log = fs::File::create(self.path("log"))?;
        let (variable, value) = self.0.environment();
        let mut child = Command::new(strongroom)
            .args(["kms", "serve", "--config"])
            .arg(self.path("kms.toml"))
            .env(variable, value)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", strongroom.display()))?;
        let output = child.stdout.take().context("the child has no output")?;
        // From here on it is killed whatever happens.
        let mut server = Server {
            child,
            endpoint: String::new(),
        };
        let printed = match wait_until_ready(&lines(output)) {
            Ok(printed) => printed,
            Err(error) => {
                let log = fs::read_to_string(self.path("log")).unwrap_or_default();
                bail!("`strongroom kms serve` did not start: {error:#}\n{log}");
            }
        };
        let address = printed
            .iter()
            .find_map(|line| line.strip_prefix("listening: kms clients on "));
        server.endpoint = format!("http://{}", address.context("it did not say where it listens")?);
        Ok(server)
    }

    fn account(&self) -> Result<Account> {
        let text = fs::read_to_string(self.path("data").join("identities.toml"))?;
        let identities: Identities = toml::from_str(&text).context("the identities file")?;
        let mut accounts = identities.accounts.into_iter();
        accounts.next().context("the identities file has no account")
    }

    fn kms(&self, endpoint: &str) -> Result<Kms> {
        let account = self.account()?;
        let key = account.users.first().and_then(|user| user.access_keys.first());
        let key = key.context("the identities file has no access key")?;
        ensure!(!endpoint.is_empty(), "there is no endpoint");
        Ok(Kms {
            endpoint: endpoint.to_owned(),
            region: REGION.to_owned(),
            access_key_id: key.id.clone(),
            secret_access_key: key.secret.clone(),
            key_arn: String::new(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
