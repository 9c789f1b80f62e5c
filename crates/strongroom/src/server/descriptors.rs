//! File descriptors: every connection needs one, and so do the log and the store.

use listener::ListenerConfig;
use rustix::process::{Resource, getrlimit, setrlimit};

/// What is open beside connections: store, log, standard streams, runtime, listening sockets; with
/// room to spare.
const OWN: u64 = 128;

/// Raises the soft limit on open files to the hard one. The usual soft limit, 1024, is there for
/// programs that use `select`; with it, a thousand idle connections would leave no descriptor for
/// honest ones, nor for a new segment of the log.
pub(crate) fn raise_limit<'c>(listeners: impl Iterator<Item = &'c ListenerConfig>) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit on open files could not be raised");
        }
    }
    let connections = listeners.map(|listener| listener.limits.connections);
    let wanted = connections.fold(OWN, |sum, most| sum.saturating_add(most as u64));
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < wanted => tracing::warn!(
            files,
            wanted,
            "fewer files may be open than connections are allowed: raise LimitNOFILE, or lower \
             limits.connections of the listeners"
        ),
        _ => {}
    }
}
