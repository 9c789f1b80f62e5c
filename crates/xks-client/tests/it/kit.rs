//! What the tests share.

use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use crypto::SecretBytes;
use sigv4::SecretAccessKey;
use testkit::TokioClock;
use testkit::xks_proxy::{ACCESS_KEY_ID, HOST, OrderedProxy, PREFIX, SECRET_ACCESS_KEY};
use xks_api::kms_exception::ProxyFailure;
use xks_api::message::{DecryptRequest, EncryptRequest, EncryptResponse};
use xks_api::uri::ExternalKeyId;
use xks_client::{
    Answer, Credential, DEADLINE, Endpoint, Failure, FaultSwitch, Origin, ProxyClient, RouteConfig,
    Transport, TransportConfig,
};

pub(crate) const KEY_ARN: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const AAD: &[u8] = b"project=nile,department=marketing";
/// 2026-11-22, about.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_300_000);

pub(crate) const ORIGIN: Origin<'static> = Origin {
    principal: "arn:aws:iam::111122223333:user/Alice",
    source_vpc: None,
    source_vpce: None,
    via_service: None,
    operation: "Encrypt",
    request_id: "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
};

pub(crate) struct World {
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) proxy: OrderedProxy,
    pub(crate) faults: FaultSwitch,
    pub(crate) client: ProxyClient,
}

/// A proxy and its client, over a network in memory. Time plays no part: a busy machine is no failure.
pub(crate) fn world() -> World {
    world_within(Duration::from_secs(60))
}

/// The same with AWS's deadline, for tests under a paused clock.
pub(crate) fn timed_world() -> World {
    world_within(DEADLINE)
}

fn world_within(deadline: Duration) -> World {
    let clock = TokioClock::start(NOW);
    let proxy = OrderedProxy::new(clock.clone());
    let faults = FaultSwitch::default();
    let config = TransportConfig {
        deadline,
        ..trusting(&proxy)
    };
    let transport = Transport::with_network(&config, clock.clone(), Arc::new(proxy.clone())).unwrap();
    let client = ProxyClient::new(&endpoint(), credential(), transport, faults.clone());
    World {
        clock,
        proxy,
        faults,
        client,
    }
}

pub(crate) fn trusting(proxy: &OrderedProxy) -> TransportConfig {
    TransportConfig {
        routes: vec![RouteConfig {
            host: HOST.to_owned(),
            address: None,
            ca_file: Some(proxy.authority().ca_file()),
        }],
        ..TransportConfig::default()
    }
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint {
        server: HOST.parse().unwrap(),
        uri_path: format!("{PREFIX}/kms/xks/v1"),
        address: None,
        region: "eu-central-1".to_owned(),
    }
}

pub(crate) fn credential() -> Arc<Credential> {
    Arc::new(Credential {
        access_key_id: ACCESS_KEY_ID.parse().unwrap(),
        secret: SecretAccessKey::new(SECRET_ACCESS_KEY.to_owned()),
    })
}

pub(crate) fn key() -> ExternalKeyId {
    "key-1".parse().unwrap()
}

pub(crate) fn encrypt_request(plaintext: &[u8]) -> EncryptRequest<'static> {
    EncryptRequest {
        metadata: ORIGIN.for_crypto(KEY_ARN),
        plaintext: SecretBytes::new(plaintext.to_vec()),
        aad: Some(AAD.to_vec()),
        cdiv: false,
    }
}

pub(crate) fn decrypt_request(encrypted: &EncryptResponse<'_>) -> DecryptRequest<'static> {
    DecryptRequest {
        metadata: ORIGIN.for_crypto(KEY_ARN),
        ciphertext: encrypted.ciphertext.to_vec(),
        iv: encrypted.iv,
        tag: encrypted.tag,
        ciphertext_metadata: encrypted.ciphertext_metadata,
        aad: Some(AAD.to_vec()),
    }
}

impl World {
    pub(crate) async fn encrypt(&self) -> Result<Answer<EncryptResponse<'static>>, Failure> {
        self.client
            .encrypt(&key(), encrypt_request(b"inner ciphertext"))
            .await
    }

    pub(crate) async fn kind(&self) -> ProxyFailure {
        failed(self.encrypt().await).kind
    }

    pub(crate) fn elapsed_ms(&self) -> u128 {
        self.clock.elapsed().as_millis()
    }
}

pub(crate) fn failed<T>(result: Result<Answer<T>, Failure>) -> Failure {
    match result {
        Ok(_) => panic!("it must fail"),
        Err(failure) => failure,
    }
}
