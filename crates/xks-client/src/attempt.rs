//! One try: 250 ms at AWS, of which everything is part.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use sigv4::{PathForm, Signer, Target};
use xks_api::XksError;

use crate::client::Inner;
use crate::connection::{Broken, Connection, RawAnswer};
use crate::failure::{Mishap, Progress, Stage};
use crate::faults::Fault;

/// What is sent, whichever try it is. The body is shared, not copied.
pub(crate) struct Message {
    pub(crate) path: String,
    pub(crate) body: Bytes,
}

/// Which connection a try may use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// An idle one, if there is any.
    Any,
    /// A new one: after a timeout those that lie idle may be as dead as the one that was used.
    New,
}

impl Inner {
    /// Sends the message and gives back the body of a 200.
    pub(crate) async fn attempt(
        &self,
        message: &Message,
        connections: Connections,
        fault: Option<Fault>,
    ) -> Result<RawAnswer, Mishap> {
        let stage = Progress::new();
        let work = async {
            if let Some(Fault::Slow(delay)) = fault {
                stage.set(Stage::Asking);
                tokio::time::sleep(delay).await;
            }
            let _permit = self.pool.enter().await;
            self.exchange(message, connections, &stage).await
        };
        let answer = tokio::time::timeout(self.transport.deadline(), work)
            .await
            .unwrap_or_else(|_| Err(Mishap::timed_out(stage.get())))?;
        judge(answer)
    }

    async fn exchange(
        &self,
        message: &Message,
        connections: Connections,
        stage: &Progress,
    ) -> Result<RawAnswer, Mishap> {
        let now = self.transport.clock().moment();
        if let Some(kept) = (connections == Connections::Any)
            .then(|| self.pool.take(now))
            .flatten()
        {
            stage.set(Stage::Asking);
            match self.ask(kept, message).await {
                // It was closed while it lay idle, and so will be those that lie idle longer. Every
                // request of this API may be sent again.
                Err(broken) if broken.before_answer => self.pool.clear_before(now),
                other => return other.map_err(|broken| broken.mishap),
            }
        }
        let (connection, certificate) =
            Connection::open(&self.transport, &self.address, &self.host, stage).await?;
        if certificate.is_some() {
            self.certificate.store(certificate.map(Into::into));
        }
        stage.set(Stage::Asking);
        let answer = self.ask(connection, message).await;
        if answer.is_ok() && connections == Connections::New {
            // The path works, and the connection that was used before did not: those that lie idle are
            // as old. A slow proxy loses nothing by it but a few handshakes.
            self.pool.clear_before(now);
        }
        answer.map_err(|broken| broken.mishap)
    }

    async fn ask(&self, connection: Connection, message: &Message) -> Result<RawAnswer, Broken> {
        let request = self.request(message).map_err(|mishap| Broken {
            mishap,
            before_answer: false,
        })?;
        let (answer, connection) = connection.exchange(request).await?;
        if let Some(connection) = connection {
            self.pool.put(connection, self.transport.clock().moment());
        }
        Ok(answer)
    }

    /// The signed request, made anew for each try: its date is part of it.
    fn request(&self, message: &Message) -> Result<Request<Full<Bytes>>, Mishap> {
        let unsendable = |error: &dyn std::fmt::Display| {
            Mishap::no_connection(format_args!("the request cannot be made: {error}"))
        };
        let mut headers = HeaderMap::with_capacity(5);
        let host = HeaderValue::from_str(&self.host).map_err(|error| unsendable(&error))?;
        headers.insert(HOST, host);
        let target = Target {
            method: Method::POST.as_str(),
            path: &message.path,
            query: "",
            authority: None,
        };
        let signer = Signer {
            access_key_id: self.credential.access_key_id.as_str(),
            secret: &self.credential.secret,
            session_token: None,
            region: &self.region,
            service: xks_api::SIGNING_SERVICE,
            path: PathForm::AsReceived,
        };
        let now = self.transport.clock().now();
        signer
            .sign(&target, &mut headers, &message.body, now)
            .map_err(|error| unsendable(&error))?;
        // Not signed: only host and date are (XKS-AUTH-04), as KMS has it.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(xks_api::CONTENT_TYPE));
        let uri = Uri::try_from(message.path.as_str()).map_err(|error| unsendable(&error))?;
        let mut request = Request::new(Full::new(message.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// 200 is an answer; every other status is an error of the API or makes no sense, a redirect too.
fn judge(answer: RawAnswer) -> Result<RawAnswer, Mishap> {
    if answer.status == http::StatusCode::OK {
        return Ok(answer);
    }
    Err(match XksError::parse(answer.body.expose()) {
        Ok(error) => Mishap::answered(&error),
        Err(_) => Mishap::malformed(format_args!(
            "the proxy answered {} with a body that is no error of the XKS Proxy API",
            answer.status
        )),
    })
}
