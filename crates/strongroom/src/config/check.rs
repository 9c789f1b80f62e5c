//! What only the whole configuration can tell.

use std::collections::HashSet;

use anyhow::bail;

use super::Config;

impl Config {
    /// Checks every section, and that they fit together.
    pub fn check(&self) -> anyhow::Result<()> {
        if !self.data_dir.is_absolute() {
            bail!("data_dir {} is not an absolute path", self.data_dir.display());
        }
        self.proxy.check()?;
        self.audit.limits.validate()?;
        self.actors()?;
        self.check_listeners()
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
