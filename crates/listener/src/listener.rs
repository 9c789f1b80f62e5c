//! A listener's life: bind, serve, reload, shut down.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::Clock;
use arc_swap::ArcSwap;
use tokio::net::TcpSocket;
use tokio::sync::watch;

use crate::accept::{self, Accept, Socket};
use crate::activity::Common;
use crate::certificate::CertificateStatus;
use crate::config::{Address, ListenerConfig};
use crate::connection::Connection;
use crate::counters::{Counters, Snapshot};
use crate::error::{BindError, ReloadError, TlsError};
use crate::exchange::Handler;
use crate::limits::{Deadlines, Limits};
use crate::stream::AddressPlace;
use crate::tls::{ClockTime, Tls};
use crate::unix;

/// Connections that the system completes for us before we accept them.
const BACKLOG: u32 = 1_024;

/// A bound socket, ready to serve.
pub struct Listener {
    socket: Socket,
    control: Control,
    done: watch::Sender<Option<ShutdownReport>>,
}

/// Reaches a listener while it serves. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    pub(crate) inner: Arc<Inner>,
    done: watch::Receiver<Option<ShutdownReport>>,
}

/// Where a listener is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An IP address, with the port that the system chose if 0 was asked for.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Bound {
    /// The IP address and port; `None` for a Unix socket.
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

/// How the connections open at shutdown ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// By themselves, within the grace period.
    pub finished: u64,
    /// By us, when it was over.
    pub aborted: u64,
}

impl Listener {
    /// Checks the configuration, reads certificates and binds the socket. Blocks shortly for
    /// files. Must be called within a Tokio runtime.
    pub fn bind(config: &ListenerConfig, clock: Arc<dyn Clock>) -> Result<Self, BindError> {
        config.check()?;
        let settings = Settings::load(config, &clock)?;
        if let Some(tls) = &settings.tls
            && !tls.is_valid(clock.now())
        {
            tracing::warn!(
                listener = config.name,
                "the server's certificate is not valid now"
            );
        }
        let (socket, bound) = bind(config)?;
        let (stop, _) = watch::channel(None);
        let (done, done_receiver) = watch::channel(None);
        let inner = Arc::new(Inner {
            name: Arc::from(config.name.as_str()),
            bound,
            time: ClockTime(Arc::clone(&clock)),
            common: Arc::new(Common {
                clock,
                counters: Counters::default(),
                body_bytes: AtomicUsize::new(0),
                body_bytes_bound: AtomicUsize::new(settings.limits.body_bytes_in_flight),
                requests: AtomicIsize::new(0),
                requests_bound: AtomicUsize::new(settings.limits.http2_requests_in_flight),
            }),
            settings: ArcSwap::from_pointee(settings),
            registry: Mutex::default(),
            addresses: Mutex::default(),
            connection_ids: AtomicU64::new(0),
            stop,
        });
        let control = Control {
            inner,
            done: done_receiver,
        };
        Ok(Self {
            socket,
            control,
            done,
        })
    }

    /// A handle to reload, watch and stop it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Serves until [`Control::shutdown`]; resolves when every connection has ended. Dropping the
    /// future closes everything at once.
    pub async fn serve<H: Handler>(self, handler: Arc<H>) -> ShutdownReport {
        let Self {
            socket,
            control,
            done,
        } = self;
        Self::serve_from(socket, control, &done, handler).await
    }

    pub(crate) async fn serve_from<A: Accept, H: Handler>(
        socket: A,
        control: Control,
        done: &watch::Sender<Option<ShutdownReport>>,
        handler: Arc<H>,
    ) -> ShutdownReport {
        let stop = control.inner.stop.subscribe();
        let report = accept::run(socket, control.inner, handler, stop).await;
        done.send_replace(Some(report));
        report
    }
}

impl Control {
    /// The listener's configured name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> &Bound {
        &self.inner.bound
    }

    /// What happened on its connections so far.
    pub fn counters(&self) -> Snapshot {
        self.inner.common.counters.snapshot()
    }

    /// The server certificate in use; `None` on a plain listener.
    pub fn certificate(&self) -> Option<CertificateStatus> {
        let settings = self.inner.settings.load();
        settings.tls.as_ref().map(|tls| tls.certificate.clone())
    }

    /// Takes over a new configuration for connections accepted from now on, and reads all files
    /// anew: whole, or not at all. Name, address, socket mode, and whether it speaks TLS are fixed.
    ///
    /// Session caches are dropped. Where the accepted CAs or common names changed, connections
    /// made under the old ones are asked to finish and close; otherwise they go on undisturbed.
    pub fn reload(&self, config: &ListenerConfig) -> Result<(), ReloadError> {
        config.check()?;
        let inner = &self.inner;
        let old = inner.settings.load_full();
        for (what, same) in [
            ("the name", old.config.name == config.name),
            ("the address", old.config.address == config.address),
            ("the socket mode", old.config.socket_mode == config.socket_mode),
            ("TLS or plain", old.config.tls.is_some() == config.tls.is_some()),
        ] {
            if !same {
                return Err(ReloadError::Fixed(what));
            }
        }
        let new = Settings::load(config, &inner.common.clock)?;
        if let (Some(tls), Some(files)) = (&new.tls, &config.tls)
            && !tls.is_valid(inner.common.clock.now())
        {
            return Err(TlsError::NotValidNow(files.certificate_file.clone()).into());
        }
        let bound = new.limits.body_bytes_in_flight;
        inner.common.body_bytes_bound.store(bound, Ordering::Relaxed);
        let bound = new.limits.http2_requests_in_flight;
        inner.common.requests_bound.store(bound, Ordering::Relaxed);
        let clients_changed = !new.same_clients(&old);
        inner.settings.store(Arc::new(new));
        if clients_changed {
            inner.stop_connections();
        }
        Ok(())
    }

    /// Stops accepting, asks every connection to finish (requests in flight are answered, idle
    /// connections close, HTTP/2 gets GOAWAY), and closes what is left after `grace`. Resolves
    /// when all is closed. A second call waits for the same end.
    pub async fn shutdown(&self, grace: Duration) -> ShutdownReport {
        self.inner.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            stop.get_or_insert(grace);
            first
        });
        let mut done = self.done.clone();
        // An error: the listener never served or was dropped; then nothing is open.
        match done.wait_for(Option::is_some).await {
            Ok(report) => report.unwrap_or_default(),
            Err(_) => ShutdownReport::default(),
        }
    }
}

fn bind(config: &ListenerConfig) -> Result<(Socket, Bound), BindError> {
    match &config.address {
        Address::Unix(path) => {
            let (listener, file) = unix::bind(path, config.socket_mode)?;
            let socket = Socket::Unix {
                listener,
                _file: file,
            };
            Ok((socket, Bound::Unix(path.clone())))
        }
        Address::Tcp(address) => bind_tcp(*address).map_err(|source| BindError::Address {
            address: address.to_string(),
            source,
        }),
    }
}

fn bind_tcp(address: SocketAddr) -> std::io::Result<(Socket, Bound)> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let bound = Bound::Tcp(listener.local_addr()?);
    Ok((Socket::Tcp(listener), bound))
}

/// One generation of the configuration; a connection keeps that of its accept.
pub(crate) struct Settings {
    config: ListenerConfig,
    pub(crate) limits: Arc<Limits>,
    pub(crate) deadlines: Deadlines,
    pub(crate) tls: Option<Tls>,
}

impl Settings {
    fn load(config: &ListenerConfig, clock: &Arc<dyn Clock>) -> Result<Self, TlsError> {
        let tls = match &config.tls {
            Some(tls) => Some(Tls::load(tls, config.mtls.as_ref(), clock)?),
            None => None,
        };
        Ok(Self {
            limits: Arc::new(config.limits.clone()),
            deadlines: config.deadlines.clone(),
            tls,
            config: config.clone(),
        })
    }

    /// Whether connections from `address` begin with a PROXY protocol header.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let proxies = self.config.proxy_protocol.as_ref();
        proxies.is_some_and(|proxies| proxies.trusted.iter().any(|network| network.contains(address)))
    }

    fn same_clients(&self, other: &Self) -> bool {
        let clients = |settings: &'_ Self| settings.tls.as_ref().map(|tls| tls.clients.is_some());
        match (&self.tls, &other.tls) {
            (Some(a), Some(b)) => a.clients == b.clients,
            _ => clients(self) == clients(other),
        }
    }
}

/// What a listener and its connections share.
pub(crate) struct Inner {
    pub(crate) name: Arc<str>,
    bound: Bound,
    pub(crate) time: ClockTime,
    pub(crate) common: Arc<Common>,
    pub(crate) settings: ArcSwap<Settings>,
    /// Connections that speak HTTP, by id.
    pub(crate) registry: Mutex<HashMap<u64, Arc<Connection>>>,
    /// Open connections by client address, where that is limited.
    addresses: Mutex<HashMap<IpAddr, usize>>,
    connection_ids: AtomicU64,
    stop: watch::Sender<Option<Duration>>,
}

impl Inner {
    pub(crate) fn next_connection_id(&self) -> u64 {
        self.connection_ids.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Makes a connection reachable for [`Self::stop_connections`].
    pub(crate) fn register(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        settings: &Settings,
    ) -> Registered {
        lock(&self.registry).insert(connection.id, Arc::clone(connection));
        let current = self.settings.load();
        // Looked at after the insertion: a stop or reload that came before missed it.
        if self.stop.borrow().is_some() || !current.same_clients(settings) {
            connection.activity.stop();
        }
        Registered {
            inner: Arc::clone(self),
            id: connection.id,
        }
    }

    pub(crate) fn stop_connections(&self) {
        for connection in lock(&self.registry).values() {
            connection.activity.stop();
        }
    }

    /// A place for one more connection from `address`; `None` when `most` are open.
    pub(crate) fn address_place(&self, address: IpAddr, most: usize) -> Option<AddressPlace<'_>> {
        let mut addresses = lock(&self.addresses);
        let open = addresses.entry(address).or_default();
        if *open >= most {
            self.common.counters.refused_per_address.add();
            return None;
        }
        *open += 1;
        Some(AddressPlace { inner: self, address })
    }

    pub(crate) fn leave_address(&self, address: IpAddr) {
        let mut addresses = lock(&self.addresses);
        if let Some(open) = addresses.get_mut(&address) {
            *open -= 1;
            if *open == 0 {
                addresses.remove(&address);
            }
        }
    }
}

/// Takes a connection off the registry when dropped.
pub(crate) struct Registered {
    inner: Arc<Inner>,
    id: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        lock(&self.inner.registry).remove(&self.id);
    }
}

/// The maps are whole after every statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
