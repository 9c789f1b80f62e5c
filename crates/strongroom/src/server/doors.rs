//! The listeners: bound together, opened together, reloaded together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::Clock;
use anyhow::{Context, bail};
use listener::{Address, Bound, Control, Handler, Listener, ListenerConfig};
use tokio::task::JoinSet;

use crate::config::AdminSection;

/// One door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// `xks`, `health`, `kms` or `admin`.
    pub kind: &'static str,
    /// Its configured name.
    pub name: String,
    /// Where it is.
    pub address: Bound,
}

/// Listeners that are bound but serve nobody yet.
pub(crate) struct BoundDoors {
    listeners: Vec<(&'static str, Listener)>,
    clock: Arc<dyn Clock>,
}

/// Listeners that serve.
pub(crate) struct Doors {
    controls: Vec<(&'static str, Control)>,
    clock: Arc<dyn Clock>,
}

/// Binds every listener, and the management socket last, so that a port in use is found before
/// anything is served.
pub(crate) fn bind<'c>(
    configured: impl Iterator<Item = (&'static str, &'c ListenerConfig)>,
    section: &AdminSection,
    socket: &Path,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<BoundDoors> {
    let mut admin = ListenerConfig::new("admin", Address::Unix(socket.to_owned()));
    admin.socket_mode = section.socket_mode;
    let bind = |kind: &'static str, listener: &ListenerConfig| {
        let bound = Listener::bind(listener, Arc::clone(clock))
            .with_context(|| format!("the listener {:?} cannot start", listener.name))?;
        anyhow::Ok((kind, bound))
    };
    let mut listeners = Vec::new();
    for (kind, listener) in configured {
        listeners.push(bind(kind, listener)?);
    }
    listeners.push(bind("admin", &admin)?);
    Ok(BoundDoors {
        listeners,
        clock: Arc::clone(clock),
    })
}

impl BoundDoors {
    pub(crate) fn controls(&self) -> Vec<(&'static str, Control)> {
        self.listeners
            .iter()
            .map(|(kind, listener)| (*kind, listener.control()))
            .collect()
    }

    /// Hands each listener with its kind to `serve`.
    pub(crate) fn open(self, serve: impl Fn(&'static str, Listener)) -> Doors {
        let controls = self.controls();
        for (kind, listener) in self.listeners {
            serve(kind, listener);
        }
        Doors {
            controls,
            clock: self.clock,
        }
    }
}

/// Serves in a task that ends when the listener is shut down.
pub(crate) fn serve<H: Handler>(listener: Listener, handler: Arc<H>) {
    drop(tokio::spawn(listener.serve(handler)));
}

impl Doors {
    pub(crate) fn controls(&self) -> &[(&'static str, Control)] {
        &self.controls
    }

    pub(crate) fn list(&self) -> Vec<Door> {
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
    pub(crate) fn reload(&self, old: &[&ListenerConfig], new: &[&ListenerConfig]) -> anyhow::Result<()> {
        for listener in new {
            rehearse(listener, &self.clock)?;
        }
        let mut done = Vec::new();
        for listener in new {
            let Some(control) = self.control(&listener.name) else {
                continue;
            };
            if let Err(error) = control.reload(listener) {
                // A file changed since the rehearsal. Best effort: those already changed go back.
                for name in done {
                    let before = old.iter().find(|listener| listener.name == name);
                    if let (Some(control), Some(before)) = (self.control(name), before) {
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
    pub(crate) async fn close(&self, grace: Duration) {
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
