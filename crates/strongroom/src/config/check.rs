//! What only the whole configuration can tell.

use std::collections::HashSet;

use anyhow::bail;

use super::Config;

impl Config {
    /// Checks every section, and that they fit together.
    pub fn check(&self) -> anyhow::Result<()> {
        let places = self.places();
        for (setting, path) in [
            ("data_dir", &self.data_dir),
            ("store.path", &places.store),
            ("seal.key_file", &places.seal_key),
            ("audit.directory", &places.log),
            ("admin.socket", &places.socket),
        ] {
            if !path.is_absolute() {
                bail!("{setting} {} is not an absolute path", path.display());
            }
        }
        self.warden.check()?;
        if let Some(hsm) = &self.seal.hsm {
            hsm.check()?;
        }
        self.proxy.check()?;
        self.audit.limits.validate()?;
        self.actors()?;
        self.check_hsms()?;
        self.check_listeners()
    }

    fn check_hsms(&self) -> anyhow::Result<()> {
        let mut names = HashSet::new();
        for hsm in &self.hsm {
            hsm.check()?;
            if !names.insert(&hsm.name) {
                bail!(
                    "two [[hsm]] are called {:?}: give each a name of its own",
                    hsm.name
                );
            }
        }
        Ok(())
    }

    fn check_listeners(&self) -> anyhow::Result<()> {
        let mut names = HashSet::new();
        for (kind, listener) in self.listeners.all() {
            listener.check()?;
            if !names.insert(&listener.name) {
                bail!(
                    "two listeners are called {:?}: give each a name of its own",
                    listener.name
                );
            }
            let served_over_http = kind == "xks" && listener.tls.is_none();
            if served_over_http {
                bail!(
                    "the XKS listener {:?} has no [listeners.xks.tls]: the XKS Proxy API is HTTPS (XKS-GEN-01)",
                    listener.name
                );
            }
        }
        Ok(())
    }
}
