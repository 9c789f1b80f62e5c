//! One connection: TLS, a little HTTP/1.1, and what was ordered.

use std::future::pending;
use std::io;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio_rustls::TlsAcceptor;
use xks_client::Stream;

use super::{Behaviour, Seen, Shared, answers};

/// A request, read whole.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) async fn serve(shared: Arc<Shared>, mut stream: Box<dyn Stream>, connection: u64) {
    match shared.go_on().await {
        Behaviour::ClosesInHandshake => {
            drop(stream.read_u8().await);
            return;
        }
        Behaviour::NoTls => {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
            drop(stream.read_u8().await);
            return;
        }
        _ => {}
    }
    let config = Arc::clone(&shared.tls.lock().unwrap());
    let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else {
        return;
    };
    let mut stream = BufStream::new(stream);
    // A client that goes away ends it.
    drop(requests(&shared, &mut stream, connection).await);
}

async fn requests<S: Stream>(
    shared: &Arc<Shared>,
    stream: &mut BufStream<S>,
    connection: u64,
) -> io::Result<()> {
    let mut closing = shared.closing.subscribe();
    loop {
        let request = tokio::select! {
            request = read(stream) => request?,
            _ = closing.changed() => {
                return stream.shutdown().await;
            }
        };
        let behaviour = shared.go_on().await;
        shared.seen.lock().unwrap().push(Seen {
            at: shared.elapsed(),
            connection,
            path: request.path.clone(),
            headers: request.headers.clone(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        });
        let (status, body) = match behaviour {
            Behaviour::Silent => pending().await,
            Behaviour::Closes => return stream.shutdown().await,
            Behaviour::Bytes(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            Behaviour::Stalls(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                pending().await
            }
            Behaviour::Status(status, body) => (status, body),
            Behaviour::Answers(name) => answers::error(name),
            Behaviour::Edits(edit) => answers::answer(shared, &request, Some(&edit)),
            _ => answers::answer(shared, &request, None),
        };
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await?;
        stream.flush().await?;
    }
}

impl Shared {
    /// The behaviour, once the proxy is not stopped.
    pub(super) async fn go_on(&self) -> Behaviour {
        let mut behaviour = self.behaviour.subscribe();
        behaviour
            .wait_for(|behaviour| !matches!(behaviour, Behaviour::Stopped))
            .await
            .unwrap()
            .clone()
    }
}

async fn read<S: Stream>(stream: &mut BufStream<S>) -> io::Result<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default();
    let path = line
        .strip_prefix("POST ")
        .and_then(|rest| rest.strip_suffix(" HTTP/1.1"))
        .unwrap_or_else(|| panic!("not a request of this API: {line}"));
    let headers: HeaderMap = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| {
            (
                HeaderName::try_from(name).unwrap(),
                HeaderValue::try_from(value).unwrap(),
            )
        })
        .collect();
    let length = headers.get("content-length").unwrap().to_str().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(Request {
        path: path.to_owned(),
        headers,
        body,
    })
}
