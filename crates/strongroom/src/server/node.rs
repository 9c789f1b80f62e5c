//! What `status` says of this node.

use admin::{ListenerStatus, NodeStatus};
use ambient::Timestamp;
use listener::{Bound, Control};
use seal::harden::{Hardening, MemoryLock};

use crate::config::Config;

/// What stays the same for as long as the process lives.
pub(super) struct Node {
    started: Timestamp,
    hardening: Option<Hardening>,
}

impl Node {
    pub(super) const fn new(started: Timestamp, hardening: Option<Hardening>) -> Self {
        Self { started, hardening }
    }

    pub(super) fn status(&self, config: &Config, controls: &[(&'static str, Control)]) -> NodeStatus {
        NodeStatus {
            pid: std::process::id(),
            started: self.started.to_string(),
            data_dir: config.data_dir.display().to_string(),
            listeners: controls
                .iter()
                .map(|(kind, control)| listener(config, kind, control))
                .collect(),
            hardening: hardening_lines(self.hardening.as_ref()),
            dangers: config.dangers(),
        }
    }
}

fn listener(config: &Config, kind: &str, control: &Control) -> ListenerStatus {
    let configured = config
        .listeners
        .all()
        .find(|(_, listener)| listener.name == control.name());
    ListenerStatus {
        name: control.name().to_owned(),
        kind: kind.to_owned(),
        address: match control.local_addr() {
            Bound::Tcp(address) => address.to_string(),
            Bound::Unix(path) => format!("unix:{}", path.display()),
        },
        mtls: configured.is_some_and(|(_, listener)| listener.mtls.is_some()),
        certificate_expires: control
            .certificate()
            .map(|certificate| certificate.not_after.to_string()),
    }
}

/// What the process could do to keep its memory to itself.
pub(crate) fn hardening_lines(hardening: Option<&Hardening>) -> Vec<String> {
    let Some(hardening) = hardening else {
        return vec!["not hardened: started inside another program".to_owned()];
    };
    let mut lines = Vec::new();
    lines.push(if hardening.not_dumpable && hardening.no_core_file {
        "memory is kept from core dumps and debuggers".to_owned()
    } else {
        "memory is NOT kept from core dumps or debuggers: the kernel refused".to_owned()
    });
    lines.push(match hardening.memory {
        MemoryLock::Locked => "memory is locked, so it never reaches swap".to_owned(),
        MemoryLock::LimitTooLow { bytes } => format!(
            "memory is NOT locked (RLIMIT_MEMLOCK is {bytes} bytes): set LimitMEMLOCK=infinity, or encrypt the swap"
        ),
        MemoryLock::Refused { errno } => {
            format!("memory is NOT locked (the kernel refused, error {errno}): encrypt the swap")
        }
    });
    lines
}
