//! The listeners: bound together, opened together, reloaded together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::Clock;
use anyhow::{Context, bail};
use listener::{Address, Bound, Control, Handler, Listener, ListenerConfig};
use proxy::{HealthEndpoints, Proxy};
use tokio::task::JoinSet;

use crate::config::Config;

/// One door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// `xks`, `health` or `admin`.
    pub kind: &'static str,
    /// Its configured name.
    pub name: String,
    /// Where it is.
    pub address: Bound,
}

/// Listeners that are bound but serve nobody yet.
pub(super) struct BoundDoors {
    listeners: Vec<(&'static str, Listener)>,
    clock: Arc<dyn Clock>,
}

/// Listeners that serve.
pub(super) struct Doors {
    controls: Vec<(&'static str, Control)>,
    clock: Arc<dyn Clock>,
}

/// Binds every listener, so that a port in use is found before anything is served.
pub(super) fn bind(config: &Config, socket: &Path, clock: &Arc<dyn Clock>) -> anyhow::Result<BoundDoors> {
    let mut admin = ListenerConfig::new("admin", Address::Unix(socket.to_owned()));
    admin.socket_mode = config.admin.socket_mode;
    let mut listeners = Vec::new();
    for (kind, listener) in config.listeners.all().chain([("admin", &admin)]) {
        let bound = Listener::bind(listener, Arc::clone(clock))
            .with_context(|| format!("the listener {:?} cannot start", listener.name))?;
        listeners.push((kind, bound));
    }
    Ok(BoundDoors {
        listeners,
        clock: Arc::clone(clock),
    })
}

impl BoundDoors {
    pub(super) fn controls(&self) -> Vec<(&'static str, Control)> {
        self.listeners
            .iter()
            .map(|(kind, listener)| (*kind, listener.control()))
            .collect()
    }

    pub(super) fn open(self, proxy: &Arc<Proxy>, admin: &Arc<admin::Server>) -> Doors {
        let controls = self.controls();
        for (kind, listener) in self.listeners {
            match kind {
                "xks" => serve(listener, Arc::clone(proxy)),
                "health" => serve(listener, Arc::new(HealthEndpoints::new(Arc::clone(proxy)))),
                _ => serve(listener, Arc::clone(admin)),
            }
        }
        Doors {
            controls,
            clock: self.clock,
        }
    }
}

/// Ends when the listener is shut down.
fn serve<H: Handler>(listener: Listener, handler: Arc<H>) {
    drop(tokio::spawn(listener.serve(handler)));
}

impl Doors {
    pub(super) fn controls(&self) -> &[(&'static str, Control)] {
        &self.controls
    }

    pub(super) fn list(&self) -> Vec<Door> {
        self.controls
            .iter()
            .map(|(kind, control)| Door {
                kind,
                name: control.name().to_owned(),
                address: control.local_addr().clone(),
            })
            .collect()
    }

    /// All of them take over their new configuration, or none does: everything is tried on
    /// listeners that nobody knows first.
    pub(super) fn reload(&self, old: &Config, new: &Config) -> anyhow::Result<()> {
        for (_, listener) in new.listeners.all() {
            rehearse(listener, &self.clock)?;
        }
        let mut done = Vec::new();
        for (_, listener) in new.listeners.all() {
            let Some(control) = self.control(&listener.name) else {
                continue;
            };
            if let Err(error) = control.reload(listener) {
                // A file changed since the rehearsal. Best effort: those already changed go back.
                for name in done {
                    let before = old.listeners.all().find(|(_, listener)| listener.name == name);
                    if let (Some(control), Some((_, before))) = (self.control(name), before) {
                        drop(control.reload(before));
                    }
                }
                return Err(error).with_context(|| format!("the listener {:?}", listener.name));
            }
            done.push(listener.name.as_str());
        }
        Ok(())
    }

    /// The doors to the outside close first: administration can still look while they do.
    pub(super) async fn close(&self, grace: Duration) {
        let (admin, outside): (Vec<_>, Vec<_>) = self.controls.iter().partition(|(kind, _)| *kind == "admin");
        for doors in [outside, admin] {
            let closing = doors.into_iter().map(|(_, control)| {
                let control = control.clone();
                async move { control.shutdown(grace).await }
            });
            closing.collect::<JoinSet<_>>().join_all().await;
        }
    }

    fn control(&self, name: &str) -> Option<&Control> {
        let mut controls = self.controls.iter().filter(|(kind, _)| *kind != "admin");
        controls
            .find(|(_, control)| control.name() == name)
            .map(|(_, control)| control)
    }
}

/// Reads and checks everything that a listener's configuration names, on a loopback port that is
/// closed again at once. Must be called in a Tokio runtime.
pub(crate) fn rehearse(config: &ListenerConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    let mut trial = config.clone();
    if let Address::Tcp(_) = trial.address {
        trial.address = Address::Tcp(([127, 0, 0, 1], 0).into());
        let bound = Listener::bind(&trial, Arc::clone(clock))
            .with_context(|| format!("the listener {:?} cannot be used", config.name))?;
        if let Some(certificate) = bound.control().certificate()
            && !certificate.is_valid(clock.now())
        {
            bail!(
                "the certificate of the listener {:?} is valid from {} until {}, and so not now: install one that is",
                config.name,
                certificate.not_before,
                certificate.not_after
            );
        }
    }
    Ok(())
}
