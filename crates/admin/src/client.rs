//! The client: what the command line speaks to a server with.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use warden::view::{CredentialView, KeyManagerView, KeyView, RootsView, SealView};
use zeroize::Zeroizing;

use crate::error::ErrorBody;
use crate::message::{
    AdoptKey, Block, ChangeSeal, IssuedCredential, KeyStore, NewBinding, NewCredential, NewKey,
    NewKeyManager, NewKeyStore, ScheduleDeletion, Status, Unblock,
};

/// Acts take milliseconds; this is for a server whose disk has stalled.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer: some 10,000 keys.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Speaks to the server behind one socket; every call is a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// A call was not done, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No server listens there, or we may not speak to it.
    #[error(
        "no server answers on {socket} ({source}): start it with `strongroom serve`, name its socket with \
         --socket, --data-dir or STRONGROOM_SOCKET, or be a user who may enter there", socket = socket.display()
    )]
    Unreachable {
        /// Where we tried.
        socket: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The server said why not.
    #[error("{0}")]
    Refused(ErrorBody),
    /// The connection broke, took more than a minute, or what answers is no Strongroom.
    #[error(
        "the server's answer was not understood ({0}): the act may have been done, so look before you repeat it; \
         the socket of a KMS endpoint is for `strongroom kms …`"
    )]
    Protocol(String),
    /// A name or id that cannot be one. Nothing was sent.
    #[error("{0:?} is neither a name nor an id: those are made of a-z A-Z 0-9 . _ -")]
    Reference(String),
}

impl Client {
    /// For the server behind this socket.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// How the server fares, and for whom it takes us.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("status").await
    }

    /// All key managers.
    pub async fn key_managers(&self) -> Result<Vec<KeyManagerView>, ClientError> {
        self.get("key-managers").await
    }

    /// Makes a key manager.
    pub async fn create_key_manager(&self, new: &NewKeyManager) -> Result<KeyManagerView, ClientError> {
        self.post("key-managers", new).await
    }

    /// All keys, or those of one key manager.
    pub async fn keys(&self, key_manager: Option<&str>) -> Result<Vec<KeyView>, ClientError> {
        match key_manager {
            None => self.get("keys").await,
            Some(manager) => {
                self.get(&format!("key-managers/{}/keys", reference(manager)?))
                    .await
            }
        }
    }

    /// Makes a key.
    pub async fn create_key(&self, new: &NewKey) -> Result<KeyView, ClientError> {
        self.post("keys", new).await
    }

    /// One key.
    pub async fn key(&self, key: &str) -> Result<KeyView, ClientError> {
        self.get(&format!("keys/{}", reference(key)?)).await
    }

    /// Lets a key be used again.
    pub async fn enable_key(&self, key: &str) -> Result<KeyView, ClientError> {
        self.post(&format!("keys/{}/enable", reference(key)?), &Nothing {})
            .await
    }

    /// Stops every use of a key.
    pub async fn disable_key(&self, key: &str) -> Result<KeyView, ClientError> {
        self.post(&format!("keys/{}/disable", reference(key)?), &Nothing {})
            .await
    }

    /// Makes a new version of a key, which encrypts from now on.
    pub async fn rotate_key(&self, key: &str) -> Result<KeyView, ClientError> {
        self.post(&format!("keys/{}/rotate", reference(key)?), &Nothing {})
            .await
    }

    /// Ends every use of a key, and destroys it after a waiting period.
    pub async fn schedule_key_deletion(
        &self,
        key: &str,
        schedule: &ScheduleDeletion,
    ) -> Result<KeyView, ClientError> {
        let path = format!("keys/{}/schedule-deletion", reference(key)?);
        self.post(&path, schedule).await
    }

    /// Keeps a key that is pending deletion; it stays disabled.
    pub async fn cancel_key_deletion(&self, key: &str) -> Result<KeyView, ClientError> {
        let path = format!("keys/{}/cancel-deletion", reference(key)?);
        self.post(&path, &Nothing {}).await
    }

    /// Takes over a key object of an HSM.
    pub async fn adopt_key(&self, key_manager: &str, object: &AdoptKey) -> Result<KeyView, ClientError> {
        let path = format!("key-managers/{}/adopt", reference(key_manager)?);
        self.post(&path, object).await
    }

    /// All key stores.
    pub async fn key_stores(&self) -> Result<Vec<KeyStore>, ClientError> {
        self.get("key-stores").await
    }

    /// Makes a key store.
    pub async fn create_key_store(&self, new: &NewKeyStore) -> Result<KeyStore, ClientError> {
        self.post("key-stores", new).await
    }

    /// One key store.
    pub async fn key_store(&self, store: &str) -> Result<KeyStore, ClientError> {
        self.get(&format!("key-stores/{}", reference(store)?)).await
    }

    /// Binds a key to a key store.
    pub async fn bind(&self, store: &str, new: &NewBinding) -> Result<KeyStore, ClientError> {
        self.post(&format!("key-stores/{}/bindings", reference(store)?), new)
            .await
    }

    /// Stops every use of a key store, or of one external key in it.
    pub async fn block(&self, store: &str, block: &Block) -> Result<KeyStore, ClientError> {
        self.post(&format!("key-stores/{}/block", reference(store)?), block)
            .await
    }

    /// Allows use again.
    pub async fn unblock(&self, store: &str, unblock: &Unblock) -> Result<KeyStore, ClientError> {
        self.post(&format!("key-stores/{}/unblock", reference(store)?), unblock)
            .await
    }

    /// The credentials of a key store.
    pub async fn credentials(&self, store: &str) -> Result<Vec<CredentialView>, ClientError> {
        self.get(&format!("key-stores/{}/credentials", reference(store)?))
            .await
    }

    /// Adds a credential; the answer has the secret if it was generated.
    pub async fn add_credential(
        &self,
        store: &str,
        new: &NewCredential,
    ) -> Result<IssuedCredential, ClientError> {
        self.post(&format!("key-stores/{}/credentials", reference(store)?), new)
            .await
    }

    /// Ends a credential.
    pub async fn retire_credential(
        &self,
        store: &str,
        access_key_id: &str,
    ) -> Result<CredentialView, ClientError> {
        let (store, id) = (reference(store)?, reference(access_key_id)?);
        self.post(
            &format!("key-stores/{store}/credentials/{id}/retire"),
            &Nothing {},
        )
        .await
    }

    /// Replaces the key-encryption key of a key manager.
    pub async fn rotate_key_encryption_key(&self, manager: &str) -> Result<KeyManagerView, ClientError> {
        self.post(
            &format!("key-managers/{}/rotate-kek", reference(manager)?),
            &Nothing {},
        )
        .await
    }

    /// All root keys, and what depends on each.
    pub async fn roots(&self) -> Result<RootsView, ClientError> {
        self.get("roots").await
    }

    /// Makes a new root key; what depends on older ones is sealed anew behind.
    pub async fn rotate_root(&self) -> Result<RootsView, ClientError> {
        self.post("roots/rotate", &Nothing {}).await
    }

    /// Deletes an older root key for good.
    pub async fn retire_root(&self, root: &str) -> Result<RootsView, ClientError> {
        self.post(&format!("roots/{}/retire", reference(root)?), &Nothing {})
            .await
    }

    /// Protects the root keys by a new seal: of the kind in force, or of `kind`.
    pub async fn change_seal(&self, kind: Option<&str>) -> Result<SealView, ClientError> {
        let kind = kind.map(str::to_owned);
        self.post("seal/change", &ChangeSeal { kind }).await
    }

    /// Accepts that the store is older than the log.
    pub async fn acknowledge_recovery(&self) -> Result<Status, ClientError> {
        self.post("recovery/acknowledge", &Nothing {}).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    async fn post<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ClientError> {
        // May hold an imported secret; large enough never to be moved while it is written.
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer(&mut *text, body).map_err(protocol)?;
        self.call(Method::POST, path, Bytes::from_owner(text)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/{path}"))
            .header(HOST, "strongroom")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(protocol)?;
        tokio::time::timeout(TIMEOUT, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(ClientError::Protocol("no answer within 60 s".into())))
    }

    async fn exchange<T: DeserializeOwned>(&self, request: Request<Full<Bytes>>) -> Result<T, ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::Unreachable {
                socket: self.socket.clone(),
                source,
            })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(protocol)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(protocol)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
            let body = body.collect().await.map_err(protocol)?.to_bytes();
            if status.is_success() {
                return serde_json::from_slice(&body).map_err(protocol);
            }
            let error: ErrorBody = serde_json::from_slice(&body).map_err(|_| protocol(status))?;
            Err(ClientError::Refused(error))
        };
        // The connection has to be driven beside the answer; its own end says nothing more.
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            _ = connection => answer.await,
        }
    }
}

/// The body of an act that needs no words.
#[derive(Serialize)]
struct Nothing {}

fn protocol(error: impl std::fmt::Display) -> ClientError {
    ClientError::Protocol(error.to_string())
}

/// What stands in a path must not need escaping there.
fn reference(text: &str) -> Result<&str, ClientError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !text.is_empty() && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err(ClientError::Reference(text.to_owned()))
    }
}
