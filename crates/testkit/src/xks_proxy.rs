//! An XKS proxy that fails on order.
//!
//! It verifies the SigV4 signature of each request, computes with one AES-256 key for every external
//! key id, and remembers what it was asked. [`Behaviour`] says what it does instead of working; a
//! change is in force for the next request, on connections that are open too. No answer of it is
//! hardened: it is for tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a tool of tests: what goes wrong in it is the test's failure"
)]

mod answers;
mod authority;
mod connection;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, SeededRandom};
use crypto::{Key256, XaesKey};
use futures_util::future::BoxFuture;
use http::HeaderMap;
use rustls::ServerConfig;
use serde_json::Value;
use sigv4::{SecretAccessKey, Verifier};
use tokio::io::duplex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use xks_api::ErrorName;
use xks_client::{Network, Stream};

pub use authority::{Authority, CertificateKind};

/// The name that the proxy's certificate is for.
pub const HOST: &str = "xks.example.com";
/// Its path prefix.
pub const PREFIX: &str = "/tenant";
/// Its credential's name.
pub const ACCESS_KEY_ID: &str = "TESTACCESSKEYOFTHEPROXY2";
/// Its credential's secret.
pub const SECRET_ACCESS_KEY: &str = "testSecretOfTheProxy/0123456789+abcdefghijklmnop";

/// What a behaviour does to the answer that a working proxy would have given: operation, JSON.
pub type Edit = Arc<dyn Fn(&str, &mut Value) + Send + Sync>;

/// What the proxy does.
#[derive(Clone)]
pub enum Behaviour {
    /// Its work.
    Works,
    /// Answers every request with this error.
    Answers(ErrorName),
    /// Works, and then changes the answer.
    Edits(Edit),
    /// Answers with this status and body, and keeps the connection.
    Status(u16, Vec<u8>),
    /// Answers with these bytes in place of HTTP, and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes and keeps the connection open without a further word.
    Stalls(Vec<u8>),
    /// Closes when it has read the request.
    Closes,
    /// Stands still like a stopped process: connections are made by the system, nothing is read or
    /// said. Goes on where it was when the behaviour changes.
    Stopped,
    /// Makes the TLS connection, reads requests, and does not answer.
    Silent,
    /// Closes in the middle of the TLS handshake.
    ClosesInHandshake,
    /// Speaks no TLS.
    NoTls,
    /// Nobody listens (network in memory only).
    Unreachable,
    /// Nobody answers, not even with a refusal (network in memory only).
    BlackHole,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, since the clock's origin.
    pub at: Duration,
    /// Which connection it came on, counted from one.
    pub connection: u64,
    /// The raw path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Value,
}

/// The proxy. Cheap to clone; clones are one proxy.
#[derive(Clone)]
pub struct OrderedProxy(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    behaviour: watch::Sender<Behaviour>,
    /// Counts the orders to close idle connections.
    closing: watch::Sender<u64>,
    /// Connections open now.
    open: watch::Sender<u64>,
    tls: Mutex<Arc<ServerConfig>>,
    authority: Authority,
    verifier: Verifier,
    secret: SecretAccessKey,
    key: XaesKey,
    random: SeededRandom,
    connections: AtomicU64,
    attempts: Mutex<Vec<Duration>>,
    seen: Mutex<Vec<Seen>>,
}

impl OrderedProxy {
    /// A working proxy with a good certificate.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let random = SeededRandom::new(11);
        let authority = Authority::new();
        Self(Arc::new(Shared {
            clock,
            behaviour: watch::Sender::new(Behaviour::Works),
            closing: watch::Sender::new(0),
            open: watch::Sender::new(0),
            tls: Mutex::new(authority.server(CertificateKind::Good)),
            authority,
            verifier: Verifier::new(&random).unwrap(),
            secret: SecretAccessKey::new(SECRET_ACCESS_KEY.to_owned()),
            key: Key256::generate(&random).unwrap().xaes(),
            random,
            connections: AtomicU64::new(0),
            attempts: Mutex::default(),
            seen: Mutex::default(),
        }))
    }

    /// Behaves so from the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.0.behaviour.send_replace(behaviour);
    }

    /// Shows this certificate on new connections.
    pub fn show(&self, certificate: CertificateKind) {
        *self.0.tls.lock().unwrap() = self.0.authority.server(certificate);
    }

    /// Closes the connections on which no request is under way, and waits until none is open.
    pub async fn close_idle(&self) {
        self.0.closing.send_modify(|count| *count += 1);
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open == 0).await.unwrap();
    }

    /// Whoever signs its certificates, and those of clients.
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.0.seen.lock().unwrap().clone()
    }

    /// When somebody tried to connect, since the clock's origin.
    pub fn attempts(&self) -> Vec<Duration> {
        self.0.attempts.lock().unwrap().clone()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::SeqCst)
    }

    /// Serves on a free port of loopback, until the runtime ends.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                proxy.note_attempt();
                proxy.accept(Box::new(stream));
            }
        });
        address
    }

    fn accept(&self, stream: Box<dyn Stream>) {
        let connection = self.0.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let shared = Arc::clone(&self.0);
        shared.open.send_modify(|open| *open += 1);
        tokio::spawn(async move {
            connection::serve(Arc::clone(&shared), stream, connection).await;
            shared.open.send_modify(|open| *open -= 1);
        });
    }

    fn note_attempt(&self) {
        self.0.attempts.lock().unwrap().push(self.0.elapsed());
    }
}

impl Shared {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.clock.moment().as_nanos())
    }
}

/// The network on which this proxy is everybody: any address leads to it, in memory.
impl Network for OrderedProxy {
    fn connect<'n>(&'n self, _address: &'n str) -> BoxFuture<'n, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            self.note_attempt();
            let behaviour = self.0.behaviour.borrow().clone();
            match behaviour {
                Behaviour::Unreachable => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
                Behaviour::BlackHole => pending().await,
                _ => {
                    let (client, server) = duplex(1 << 17);
                    self.accept(Box::new(server));
                    Ok(Box::new(client) as Box<dyn Stream>)
                }
            }
        })
    }
}
