//! What the tests share: a clock, certificates, a handler, clients.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ambient::{Clock, Moment, SystemClock, Timestamp};
use bytes::Bytes;
use http::{Response, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::connection::{Peer, Protocol};
use crate::listener::Inner;
use crate::stream::{self, Verified};
use crate::*;

/// The cap that [`Probe`] reads bodies with.
pub(super) const CAP: usize = 1_000;

/// Tokio's clock, which tests can pause: timers and our moments then agree.
pub(super) struct TokioClock(tokio::time::Instant);

impl TokioClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of paused tests")]
    pub(super) fn start() -> Arc<dyn Clock> {
        Arc::new(Self(tokio::time::Instant::now()))
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn moment(&self) -> Moment {
        let nanos = self.0.elapsed().as_nanos();
        Moment::from_nanos(u64::try_from(nanos).unwrap())
    }
}

/// Answers with what it saw, as lines of text.
#[derive(Default)]
pub(super) struct Probe {
    pub(super) bytes_seen: AtomicU64,
    /// `/wait` waits for this.
    pub(super) release: tokio::sync::Notify,
}

impl Handler for Probe {
    async fn handle(&self, mut request: Incoming) -> Response<Bytes> {
        match request.path() {
            "/wait" => self.release.notified().await,
            "/panic" => panic!("a handler's fault"),
            "/unread" => return answer(StatusCode::OK, "unread"),
            "/large" => return Response::new(Bytes::from(vec![b'x'; 1 << 20])),
            "/secret" => return Response::new(wiping(vec![7; 100].into())),
            _ => {}
        }
        let cap = if request.path() == "/upload" {
            64 * CAP
        } else {
            CAP
        };
        match request.read_body(cap).await {
            Ok(body) => {
                self.bytes_seen.fetch_add(body.len() as u64, Ordering::SeqCst);
                answer(StatusCode::OK, &describe(&request, body.len()))
            }
            Err(BodyError::TooLarge) => answer(StatusCode::NOT_IMPLEMENTED, "too large"),
            Err(BodyError::TimedOut) => answer(StatusCode::REQUEST_TIMEOUT, "timed out"),
            Err(BodyError::Overloaded) => answer(StatusCode::TOO_MANY_REQUESTS, "overloaded"),
            Err(BodyError::Aborted) => answer(StatusCode::BAD_REQUEST, "aborted"),
        }
    }
}

fn describe(request: &Incoming, body: usize) -> String {
    let connection = &request.connection;
    let deadline = &request.deadline;
    format!(
        "listener={} protocol={:?} peer={:?} cn={:?} tls={:?} path={} query={} authority={:?} body={body} \
         first={} at_ms={} arrived_ms={} id={} ",
        connection.listener,
        connection.protocol,
        connection.peer,
        connection.client_common_name,
        connection.tls,
        request.path(),
        request.query(),
        request.authority(),
        deadline.first,
        deadline.at.as_nanos() / 1_000_000,
        deadline.arrived.as_nanos() / 1_000_000,
        connection.id,
    )
}

fn answer(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    *response.status_mut() = status;
    response
}

/// A listener without a network: streams are handed to it in memory.
pub(super) struct InMemory {
    pub(super) control: Control,
    pub(super) probe: Arc<Probe>,
    pub(super) clock: Arc<dyn Clock>,
}

impl InMemory {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with_clock(limits, TokioClock::start())
    }

    pub(super) fn with_clock(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let mut config = loopback();
        config.limits = limits;
        let listener = Listener::bind(&config, Arc::clone(&clock)).unwrap();
        Self {
            control: listener.control(),
            probe: Arc::default(),
            clock,
        }
    }

    pub(super) fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.control.inner)
    }

    /// A client's end of a new connection, `buffer` bytes of which may be under way each way.
    pub(super) fn connect_buffered(&self, protocol: Protocol, buffer: usize) -> DuplexStream {
        let (client, server) = duplex(buffer);
        let (inner, probe, accepted) = (self.inner(), Arc::clone(&self.probe), self.clock.moment());
        let mut verified = Verified::plain(Peer::Unix {
            uid: 0,
            gid: 0,
            pid: None,
        });
        verified.protocol = protocol;
        tokio::spawn(async move {
            let settings = inner.settings.load_full();
            stream::serve(server, verified, accepted, &settings, &inner, probe).await;
        });
        client
    }

    pub(super) fn connect(&self) -> DuplexStream {
        self.connect_buffered(Protocol::Http1, 1 << 16)
    }

    pub(super) async fn connect_http2(&self) -> Http2 {
        http2(self.connect_buffered(Protocol::Http2, 1 << 16)).await
    }

    /// The connections that speak HTTP now.
    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        self.control
            .inner
            .registry
            .lock()
            .unwrap()
            .values()
            .cloned()
            .collect()
    }

    /// Milliseconds since the clock began.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.moment().as_nanos() / 1_000_000
    }
}

pub(super) fn loopback() -> ListenerConfig {
    ListenerConfig::new("test", "127.0.0.1:0".parse().unwrap())
}

/// A listener on a real socket, stopped when the runtime ends.
pub(super) struct Served {
    pub(super) control: Control,
    pub(super) probe: Arc<Probe>,
    pub(super) task: tokio::task::JoinHandle<ShutdownReport>,
}

pub(super) fn serve(config: &ListenerConfig) -> Served {
    serve_with_clock(config, Arc::new(SystemClock))
}

pub(super) fn serve_with_clock(config: &ListenerConfig, clock: Arc<dyn Clock>) -> Served {
    let listener = Listener::bind(config, clock).unwrap();
    let control = listener.control();
    let probe = Arc::<Probe>::default();
    let task = tokio::spawn(listener.serve(Arc::clone(&probe)));
    Served { control, probe, task }
}

impl Served {
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.control.local_addr().tcp().unwrap())
            .await
            .unwrap()
    }

    pub(super) async fn connect_tls(&self, client: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("xks.test").unwrap();
        TlsConnector::from(Arc::new(client))
            .connect(name, self.connect().await)
            .await
    }
}

pub(super) type Http2 = hyper::client::conn::http2::SendRequest<http_body_util::Full<Bytes>>;

pub(super) async fn http2<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: T) -> Http2 {
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A whole HTTP/1.1 answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// Reads one answer; `None` if the connection ends before a whole one.
pub(super) async fn read_answer<T: AsyncRead + Unpin>(stream: &mut T) -> Option<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Answer {
        status: head[9..12].parse().unwrap(),
        body: String::from_utf8_lossy(&body).into_owned(),
        head,
    })
}

/// Sends text and reads one answer.
pub(super) async fn ask<T: AsyncRead + AsyncWrite + Unpin>(stream: &mut T, request: &str) -> Option<Answer> {
    stream.write_all(request.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    read_answer(stream).await
}

pub(super) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: xks.test\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Whether the other side has closed, or closes now; what it still says is skipped.
pub(super) async fn closed<T: AsyncRead + Unpin>(stream: &mut T) -> bool {
    let mut rest = Vec::new();
    // A reset closes too.
    drop(stream.read_to_end(&mut rest).await);
    true
}

/// A certificate authority with a directory for what it issues.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
    pub(super) directory: TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
            directory,
        }
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Issues for `params` under a new key, into files called `name`.
    pub(super) fn issue_with(&self, name: &str, params: &CertificateParams, key: &KeyPair) -> TlsConfig {
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        let files = TlsConfig {
            certificate_file: self.directory.path().join(format!("{name}.pem")),
            private_key_file: self.directory.path().join(format!("{name}.key")),
            names: Vec::new(),
        };
        std::fs::write(&files.certificate_file, certificate.pem()).unwrap();
        std::fs::write(&files.private_key_file, key.serialize_pem()).unwrap();
        files
    }

    /// A server's certificate for `xks.test`.
    pub(super) fn server(&self) -> TlsConfig {
        let params = CertificateParams::new(vec!["xks.test".to_owned()]).unwrap();
        self.issue_with("server", &params, &KeyPair::generate().unwrap())
    }

    /// A client's certificate with these common names.
    pub(super) fn client(&self, common_names: &[&str]) -> TlsConfig {
        self.client_until(common_names, 2099)
    }

    pub(super) fn client_until(&self, common_names: &[&str], year: i32) -> TlsConfig {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        // rcgen keeps one attribute per type; another spelling of the same type is another.
        for (at, name) in common_names.iter().enumerate() {
            let kind = match at {
                0 => DnType::CommonName,
                _ => DnType::CustomDnType(vec![2, 5, 4, 3]),
            };
            params.distinguished_name.push(kind, *name);
        }
        self.issue_with("client", &params, &KeyPair::generate().unwrap())
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        roots
    }

    /// A client that trusts this authority and offers `alpn`.
    pub(super) fn trusting(&self, alpn: &[&str]) -> ClientConfig {
        client_config(
            self,
            None,
            alpn,
            &[&rustls::version::TLS13, &rustls::version::TLS12],
        )
    }
}

pub(super) fn client_config(
    authority: &Authority,
    own: Option<&TlsConfig>,
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(authority.roots());
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain = CertificateDer::pem_file_iter(&own.certificate_file).unwrap();
            let chain = chain.collect::<Result<_, _>>().unwrap();
            let key = PrivateKeyDer::from_pem_file(&own.private_key_file).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// Waits, in small steps of whatever clock runs, until something other tasks do has happened.
pub(super) async fn eventually(mut happened: impl FnMut() -> bool) {
    for _ in 0..20_000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it never happened");
}
