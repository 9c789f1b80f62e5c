//! From an accepted socket to HTTP: places, PROXY protocol, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ambient::Moment;
use rustls::{CertificateError, Error as TlsFailure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::accept::Accepted;
use crate::activity::Activity;
use crate::client_auth;
use crate::connection::{Connection, Peer, Protocol, TlsParameters};
use crate::counters::Counters;
use crate::exchange::Handler;
use crate::listener::{Inner, Settings};
use crate::protocols;
use crate::proxy_protocol::{self, Parsed};
use crate::tls::Tls;

/// Serves one accepted connection to its end.
pub(crate) async fn run<H: Handler>(
    accepted: Accepted,
    inner: Arc<Inner>,
    handler: Arc<H>,
    mut stop: watch::Receiver<Option<Duration>>,
) {
    let at = inner.common.clock.moment();
    let settings = inner.settings.load_full();
    inner.common.counters.accepted.add();
    let Some(_place) = Place::take(&inner, &settings) else {
        return;
    };
    match accepted {
        Accepted::Unix(stream) => {
            let Ok(credentials) = stream.peer_cred() else {
                return;
            };
            let peer = Peer::Unix {
                uid: credentials.uid(),
                gid: credentials.gid(),
                pid: credentials.pid(),
            };
            let verified = Verified::plain(peer);
            serve(stream, verified, at, &settings, &inner, handler).await;
        }
        Accepted::Tcp(mut stream, socket_peer) => {
            let prelude = prelude(&mut stream, socket_peer, &inner, &settings);
            let prelude = tokio::select! {
                prelude = prelude => prelude,
                // The sender lives as long as the listener: only a stop ends this wait.
                _ = stop.changed() => None,
            };
            let Some((peer, _address_place)) = prelude else {
                return;
            };
            match &settings.tls {
                None => serve(stream, Verified::plain(peer), at, &settings, &inner, handler).await,
                Some(tls) => {
                    let handshake = handshake(stream, tls, peer, &inner, &settings);
                    let secured = tokio::select! {
                        secured = handshake => secured,
                        _ = stop.changed() => None,
                    };
                    if let Some((stream, verified)) = secured {
                        serve(stream, verified, at, &settings, &inner, handler).await;
                    }
                }
            }
        }
    }
}

/// What is known of the other end once HTTP begins.
pub(crate) struct Verified {
    peer: Peer,
    client_common_name: Option<Box<str>>,
    pub(crate) protocol: Protocol,
    tls: Option<TlsParameters>,
}

impl Verified {
    pub(crate) const fn plain(peer: Peer) -> Self {
        Self {
            peer,
            client_common_name: None,
            protocol: Protocol::Http1,
            tls: None,
        }
    }
}

/// Speaks HTTP on a stream whose other end is known.
pub(crate) async fn serve<T, H>(
    stream: T,
    verified: Verified,
    accepted: Moment,
    settings: &Settings,
    inner: &Arc<Inner>,
    handler: Arc<H>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let activity = Activity::new(
        Arc::clone(&inner.common),
        Arc::clone(&settings.limits),
        &settings.deadlines,
        verified.protocol == Protocol::Http2,
        accepted,
    );
    let connection = Arc::new(Connection {
        id: inner.next_connection_id(),
        listener: Arc::clone(&inner.name),
        peer: verified.peer,
        peer_text: verified.peer.ip().map(|ip| ip.to_string().into_boxed_str()),
        client_common_name: verified.client_common_name,
        protocol: verified.protocol,
        tls: verified.tls,
        activity,
    });
    let _registered = inner.register(&connection, settings);
    protocols::serve(stream, connection, handler).await;
}

/// One of the listener's places for connections; given back when dropped.
struct Place<'i>(&'i Inner);

impl<'i> Place<'i> {
    fn take(inner: &'i Inner, settings: &Settings) -> Option<Self> {
        let counters = &inner.common.counters;
        let before = counters.open.enter();
        let place = Self(inner);
        if before < settings.limits.connections as u64 {
            return Some(place);
        }
        counters.refused_connections.add();
        None
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.common.counters.open.leave();
    }
}

/// Everything before TLS: the first byte, the client's address, its place. `None`: refused.
async fn prelude<'i>(
    stream: &mut TcpStream,
    socket_peer: SocketAddr,
    inner: &'i Inner,
    settings: &Settings,
) -> Option<(Peer, Option<AddressPlace<'i>>)> {
    let counters = &inner.common.counters;
    let limits = &settings.limits;
    // Answers are single writes; Nagle's algorithm would only delay them.
    stream.set_nodelay(true).ok()?;
    let peer = if settings.trusts(socket_peer.ip()) {
        match timeout(limits.handshake, proxy_header(stream)).await {
            Err(_) => {
                counters.timeout_handshake.add();
                return None;
            }
            Ok(Err(_)) => {
                counters.proxy_header_malformed.add();
                return None;
            }
            Ok(Ok(None)) => Peer::Tcp {
                address: socket_peer,
                via: None,
            },
            Ok(Ok(Some(address))) => Peer::Tcp {
                address,
                via: Some(socket_peer),
            },
        }
    } else {
        Peer::Tcp {
            address: socket_peer,
            via: None,
        }
    };
    let place = match (limits.connections_per_address, peer.ip()) {
        (Some(most), Some(address)) => Some(inner.address_place(address, most)?),
        _ => None,
    };
    // `readable()` may be wrong; a peek is not.
    if timeout(limits.first_byte, stream.peek(&mut [0])).await.is_err() {
        counters.timeout_first_byte.add();
        return None;
    }
    Some((peer, place))
}

/// One of an address's places; given back when dropped.
pub(crate) struct AddressPlace<'i> {
    pub(crate) inner: &'i Inner,
    pub(crate) address: IpAddr,
}

impl Drop for AddressPlace<'_> {
    fn drop(&mut self) {
        self.inner.leave_address(self.address);
    }
}

/// Reads exactly the header, nothing of what follows. `None`: the socket's address holds.
async fn proxy_header<T: AsyncRead + Unpin>(stream: &mut T) -> io::Result<Option<SocketAddr>> {
    let mut header = [0; proxy_protocol::MAX_LEN];
    let mut have = 0;
    loop {
        let seen = header.get(..have).unwrap_or_default();
        match proxy_protocol::parse(seen).map_err(io::Error::other)? {
            Parsed::Header { addresses, .. } => return Ok(addresses.map(|addresses| addresses.source)),
            Parsed::NeedMore(needed) => {
                let missing = header.get_mut(have..needed).ok_or(io::ErrorKind::InvalidData)?;
                let read = stream.read(missing).await?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                have += read;
            }
        }
    }
}

async fn handshake<T>(
    stream: T,
    tls: &Tls,
    peer: Peer,
    inner: &Inner,
    settings: &Settings,
) -> Option<(TlsStream<T>, Verified)>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let counters = &inner.common.counters;
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
    let mut stream = match timeout(settings.limits.handshake, acceptor.accept(stream)).await {
        Err(_) => {
            counters.timeout_handshake.add();
            return None;
        }
        Ok(Err(error)) => {
            count_failure(&error, counters);
            tracing::debug!(listener = &*inner.name, %error, "TLS handshake failed");
            return None;
        }
        Ok(Ok(stream)) => stream,
    };
    let Some(verified) = verified(&stream, tls, peer, inner) else {
        counters.handshake_expired_certificate.add();
        // The connection is given up either way.
        drop(stream.shutdown().await);
        return None;
    };
    counters.handshakes.add();
    Some((stream, verified))
}

/// What the handshake proved. `None`: the certificate of a resumed session is no longer good.
fn verified<T>(stream: &TlsStream<T>, tls: &Tls, peer: Peer, inner: &Inner) -> Option<Verified> {
    let (_, session) = stream.get_ref();
    let resumed = session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    let mut client_common_name = None;
    if let Some(clients) = &tls.clients {
        let (leaf, intermediates) = session.peer_certificates()?.split_first()?;
        if resumed {
            inner.common.counters.handshakes_resumed.add();
            // rustls does not look at the certificate of a resumed session again.
            let now = rustls::time_provider::TimeProvider::current_time(&inner.time)?;
            let checked = clients.verifier.verify_client_cert(leaf, intermediates, now);
            checked.ok()?;
        }
        client_common_name = Some(client_auth::common_name(leaf)?);
    } else if resumed {
        inner.common.counters.handshakes_resumed.add();
    }
    let protocol = match session.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    let parameters = TlsParameters {
        version: session.protocol_version()?,
        cipher_suite: session.negotiated_cipher_suite()?.suite(),
        key_exchange: session.negotiated_key_exchange_group().map(|group| group.name()),
        resumed,
    };
    Some(Verified {
        peer,
        client_common_name,
        protocol,
        tls: Some(parameters),
    })
}

fn count_failure(error: &io::Error, counters: &Counters) {
    let failure = error
        .get_ref()
        .and_then(|source| source.downcast_ref::<TlsFailure>());
    let counter = match failure {
        None => &counters.handshake_broken,
        Some(TlsFailure::NoCertificatesPresented) => &counters.handshake_no_certificate,
        Some(TlsFailure::InvalidCertificate(fault)) => match fault {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => &counters.handshake_expired_certificate,
            CertificateError::UnknownIssuer => &counters.handshake_unknown_ca,
            CertificateError::ApplicationVerificationFailure => &counters.handshake_common_name,
            _ => &counters.handshake_bad_certificate,
        },
        Some(TlsFailure::PeerIncompatible(_) | TlsFailure::NoApplicationProtocol) => {
            &counters.handshake_incompatible
        }
        Some(TlsFailure::AlertReceived(_)) => &counters.handshake_alert,
        Some(_) => &counters.handshake_malformed,
    };
    counter.add();
}
