//! One connection to a proxy: HTTP/1.1 over TLS.

use ambient::Moment;
use bytes::Bytes;
use crypto::SecretBytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::failure::{Mishap, Progress, Stage};
use crate::tls::ProxyCertificate;
use crate::transport::Transport;

/// The longest body of an answer, in bytes. The largest answer that the specification allows has
/// 5,736 characters of ciphertext or plaintext; health reports name products in words.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The most bytes of an answer's head, and the most header fields in it.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;

/// A connection that is ready for a request.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Drives the connection; ends when the sender is dropped.
    driver: JoinHandle<hyper::Result<()>>,
    /// When it was last of use.
    pub(crate) used: Moment,
}

/// An answer, complete.
pub(crate) struct RawAnswer {
    pub(crate) status: StatusCode,
    pub(crate) body: SecretBytes,
}

/// Why an exchange failed, and whether anything of an answer had come.
pub(crate) struct Broken {
    pub(crate) mishap: Mishap,
    pub(crate) before_answer: bool,
}

impl Connection {
    /// Connects, and tells what certificate the proxy showed.
    pub(crate) async fn open(
        transport: &Transport,
        address: &str,
        host: &str,
        stage: &Progress,
    ) -> Result<(Self, Option<ProxyCertificate>), Mishap> {
        stage.set(Stage::Connecting);
        let stream =
            transport.network().connect(address).await.map_err(|error| {
                Mishap::no_connection(format_args!("cannot connect to {address}: {error}"))
            })?;
        stage.set(Stage::Handshaking);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Mishap::no_tls(format_args!("{host:?} is no server name: {error}")))?;
        let stream = TlsConnector::from(transport.tls(host))
            .connect(name, stream)
            .await
            .map_err(|error| Mishap::handshake(&error))?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown
            .and_then(<[_]>::first)
            .and_then(|der| ProxyCertificate::of(der));
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Mishap::exchange(&error))?;
        let driver = tokio::spawn(connection);
        let used = transport.clock().moment();
        Ok((Self { sender, driver, used }, certificate))
    }

    /// Whether it is still open, as far as is known by now.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed() && !self.driver.is_finished()
    }

    /// Sends a request and reads the whole answer; gives the connection back if it may be used again.
    pub(crate) async fn exchange(
        self,
        request: Request<Full<Bytes>>,
    ) -> Result<(RawAnswer, Option<Self>), Broken> {
        let mut exchange = Exchange {
            connection: Some(self),
        };
        let connection = exchange.connection.as_mut().ok_or_else(Broken::unused)?;
        let response = match connection.send(request).await {
            Ok(response) => response,
            Err(error) => return Err(connection.why(error).await),
        };
        let status = response.status();
        let body = read(response.into_body()).await.map_err(|mishap| Broken {
            mishap,
            before_answer: false,
        })?;
        let connection = exchange.connection.take().filter(Self::is_open);
        Ok((RawAnswer { status, body }, connection))
    }
}

impl Connection {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        // One that was used before may still have to finish its turn.
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// Why sending failed. If the connection ended before it took the request, then the sender knows
    /// no more than that, and whoever drove the connection knows why: with TLS 1.3 a server refuses
    /// our certificate only after we think that all is well.
    async fn why(&mut self, error: hyper::Error) -> Broken {
        let unheard = error.is_closed() || error.is_canceled();
        let cause = match unheard {
            true => (&mut self.driver).await.ok().and_then(Result::err),
            false => None,
        };
        let error = cause.unwrap_or(error);
        Broken {
            mishap: Mishap::exchange(&error),
            before_answer: !error.is_parse(),
        }
    }
}

impl Broken {
    fn unused() -> Self {
        Self {
            mishap: Mishap::no_connection("the connection was gone"),
            before_answer: true,
        }
    }
}

/// An exchange under way. Whoever gives it up leaves an answer on the wire that must never be taken
/// for another's: the connection goes with it, at once.
struct Exchange {
    connection: Option<Connection>,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.driver.abort();
        }
    }
}

/// The body, within its bound; trailers are ignored. It may be a plaintext, hence the buffer.
async fn read(mut body: Incoming) -> Result<SecretBytes, Mishap> {
    let too_long = || {
        Mishap::malformed(format_args!(
            "the answer has more than {MAX_RESPONSE_BYTES} bytes"
        ))
    };
    let announced = body.size_hint();
    if announced.lower() > MAX_RESPONSE_BYTES as u64 {
        return Err(too_long());
    }
    let mut gathered = SecretBytes::zeroed(usize::try_from(announced.lower()).unwrap_or(0));
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Mishap::malformed(format_args!("the answer broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let end = len + data.len();
        if end > MAX_RESPONSE_BYTES {
            return Err(too_long());
        }
        if end > gathered.len() {
            // Doubled, so that a body of many small pieces costs no more than its length.
            gathered = grown(&gathered, len, end.max(2 * len).min(MAX_RESPONSE_BYTES));
        }
        if let Some(room) = gathered.expose_mut().get_mut(len..end) {
            room.copy_from_slice(&data);
        }
        len = end;
    }
    if gathered.len() > len {
        gathered = grown(&gathered, len, len);
    }
    Ok(gathered)
}

/// The first `len` bytes in a buffer of `size`: the one before is wiped, not moved.
fn grown(from: &SecretBytes, len: usize, size: usize) -> SecretBytes {
    let mut to = SecretBytes::zeroed(size);
    to.expose_mut()
        .iter_mut()
        .zip(from.expose().iter().take(len))
        .for_each(|(to, from)| *to = *from);
    to
}
