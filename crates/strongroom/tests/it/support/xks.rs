//! A client of the XKS Proxy API, as AWS KMS is one.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use ambient::{Clock, SystemClock};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use sigv4::{PathForm, SecretAccessKey, Signer, Target};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificates::Pair;

/// Why a request had no answer.
pub(crate) type Broken = Box<dyn std::error::Error + Send + Sync>;

/// How to reach and sign for one external key.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) uri_path: String,
    pub(crate) external_key_id: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
}

/// Trusts a CA, and shows a certificate if it has one.
pub(crate) fn tls(ca: &Path, client: Option<&Pair>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&fs::read(ca).unwrap()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match client {
        None => config.with_no_client_auth(),
        Some(pair) => {
            let certificate = CertificateDer::from_pem_slice(&fs::read(&pair.certificate).unwrap()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(&fs::read(&pair.key).unwrap()).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    })
}

/// A connection kept open.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    pub(crate) server_certificate: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr, tls: &Arc<ClientConfig>) -> Result<Self, Broken> {
        Self::over(connect(address, tls).await?).await
    }

    /// From this address of ours.
    pub(crate) async fn open_from(
        source: IpAddr,
        address: SocketAddr,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, Broken> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        Self::over(secured(socket.connect(address).await?, tls).await?).await
    }

    async fn over(stream: TlsStream<TcpStream>) -> Result<Self, Broken> {
        let certificates = stream.get_ref().1.peer_certificates().unwrap();
        let server_certificate = certificates[0].as_ref().to_vec();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        drop(tokio::spawn(connection));
        Ok(Self {
            sender,
            server_certificate,
        })
    }

    /// A signed request; its status and answer.
    pub(crate) async fn call(
        &mut self,
        access: &Access,
        resource: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value), Broken> {
        let request = signed(access, resource, body);
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body)?))
    }

    /// An Encrypt with this request id.
    pub(crate) async fn encrypt(
        &mut self,
        access: &Access,
        request_id: &str,
    ) -> Result<(StatusCode, Value), Broken> {
        let resource = format!("keys/{}/encrypt", access.external_key_id);
        self.call(access, &resource, &encrypt_body(request_id)).await
    }
}

/// The bytes of an Encrypt over HTTP/1.1, head and body apart.
pub(crate) fn encrypt_bytes(access: &Access, request_id: &str) -> (Vec<u8>, Vec<u8>) {
    let body = encrypt_body(request_id);
    let resource = format!("keys/{}/encrypt", access.external_key_id);
    let request = signed(access, &resource, &body);
    let body = body.to_string().into_bytes();
    let mut head = format!(
        "POST {} HTTP/1.1\r\nContent-Length: {}\r\n",
        request.uri().path(),
        body.len()
    );
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str("\r\n");
    (head.into_bytes(), body)
}

/// A TLS connection without HTTP.
pub(crate) async fn connect(
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Broken> {
    secured(TcpStream::connect(address).await?, tls).await
}

async fn secured(stream: TcpStream, tls: &Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, Broken> {
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?)
}

fn signed(access: &Access, resource: &str, body: &Value) -> Request<Full<Bytes>> {
    let path = format!("{}/{resource}", access.uri_path);
    let body = Bytes::from(body.to_string());
    let mut request = Request::post(&path).body(Full::new(body.clone())).unwrap();
    let host = HeaderValue::from_str(&format!("localhost:{}", access.address.port())).unwrap();
    let headers = request.headers_mut();
    headers.insert(http::header::HOST, host);
    let secret = SecretAccessKey::new(access.secret.clone());
    let signer = Signer {
        access_key_id: &access.access_key_id,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "kms-xks-proxy",
        path: PathForm::AsReceived,
    };
    let target = Target {
        method: "POST",
        path: &path,
        query: "",
        authority: None,
    };
    signer.sign(&target, headers, &body, SystemClock.now()).unwrap();
    request
}

pub(crate) fn encrypt_body(request_id: &str) -> Value {
    json!({
        "requestMetadata": {
            "awsPrincipalArn": "arn:aws:iam::111122223333:user/alice",
            "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1234abcd",
            "kmsOperation": "Encrypt",
            "kmsRequestId": request_id,
        },
        "plaintext": "SGVsbG8gV29ybGQh",
        "encryptionAlgorithm": "AES_GCM",
        "ciphertextDataIntegrityValueAlgorithm": "SHA_256",
    })
}
