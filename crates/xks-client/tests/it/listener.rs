//! Against the listener that our own proxy stands on: HTTP/1.1, keep-alive, bounds.

use std::sync::Arc;
use std::time::Duration;

use ambient::SystemClock;
use listener::{Handler, Incoming, Listener, ListenerConfig, TlsConfig};
use rcgen::{CertificateParams, KeyPair};
use testkit::xks_proxy::HOST;
use xks_api::ErrorName;
use xks_api::kms_exception::ProxyFailure;
use xks_client::{FaultSwitch, Origin, ProxyClient, RouteConfig, Transport, TransportConfig};

use crate::kit::{credential, endpoint, failed};

/// Reads the request and answers with an error of the API.
struct Refuses;

impl Handler for Refuses {
    async fn handle(&self, mut request: Incoming) -> http::Response<bytes::Bytes> {
        drop(request.read_body(1 << 16).await);
        let error = xks_api::XksError {
            name: ErrorName::AuthenticationFailedException,
            message: None,
        };
        let mut response = http::Response::new(error.to_json().into());
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        response
    }
}

#[tokio::test]
async fn it_is_spoken_to_on_one_connection() {
    let directory = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate_file = file("server.pem", certificate.pem());
    let mut config = ListenerConfig::new("xks", "127.0.0.1:0".parse().unwrap());
    config.tls = Some(TlsConfig {
        certificate_file: certificate_file.clone(),
        private_key_file: file("server.key", key.serialize_pem()),
        names: Vec::new(),
    });
    let listener = Listener::bind(&config, Arc::new(SystemClock)).unwrap();
    let control = listener.control();
    tokio::spawn(listener.serve(Arc::new(Refuses)));

    let routes = vec![RouteConfig {
        host: HOST.to_owned(),
        address: Some(control.local_addr().tcp().unwrap().to_string()),
        ca_file: Some(certificate_file),
    }];
    let transport = TransportConfig {
        deadline: Duration::from_secs(60),
        routes,
        ..TransportConfig::default()
    };
    let transport = Transport::new(&transport, Arc::new(SystemClock)).unwrap();
    let client = ProxyClient::new(&endpoint(), credential(), transport, FaultSwitch::default());
    for _ in 0..5 {
        let refused = client.health(Origin::for_health("KmsHealthCheck", "id")).await;
        assert_eq!(
            failed(refused).kind,
            ProxyFailure::Answered(ErrorName::AuthenticationFailedException)
        );
    }
    assert_eq!(control.counters().accepted, 1);
}
