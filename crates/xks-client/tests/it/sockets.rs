//! Over real sockets: names, routes, certificates.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock};
use testkit::xks_proxy::{CertificateKind, HOST, OrderedProxy};
use xks_api::kms_exception::ProxyFailure;
use xks_client::{
    ClientCertificateConfig, Endpoint, FaultSwitch, Origin, ProxyClient, Transport, TransportConfig,
};

use crate::kit::{NOW, credential, endpoint, failed, trusting};

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(NOW))
}

fn client(config: &TransportConfig, clock: &Arc<dyn Clock>) -> ProxyClient {
    let transport = Transport::new(config, Arc::clone(clock)).unwrap();
    ProxyClient::new(&endpoint(), credential(), transport, FaultSwitch::default())
}

async fn routed(proxy: &OrderedProxy) -> TransportConfig {
    let mut config = trusting(proxy);
    // A busy machine is no failure.
    config.deadline = Duration::from_secs(60);
    config.routes[0].address = Some(proxy.listen().await.to_string());
    config
}

const HEALTH: (&str, &str) = ("KmsHealthCheck", "id");

#[tokio::test]
async fn a_route_leads_to_another_address_and_the_name_stays() {
    let clock = clock();
    let proxy = OrderedProxy::new(Arc::clone(&clock));
    let client = client(&routed(&proxy).await, &clock);
    client
        .health(Origin::for_health(HEALTH.0, HEALTH.1))
        .await
        .unwrap();
    assert_eq!(proxy.seen()[0].headers["host"], HOST);
}

/// As behind a VPC endpoint: the address belongs to the key store, not to the host.
#[tokio::test]
async fn an_endpoints_own_address_comes_first() {
    let clock = clock();
    let proxy = OrderedProxy::new(Arc::clone(&clock));
    let mut config = routed(&proxy).await;
    let address = config.routes[0].address.replace("localhost:1".to_owned());
    let transport = Transport::new(&config, Arc::clone(&clock)).unwrap();
    let endpoint = Endpoint {
        address,
        ..endpoint()
    };
    let client = ProxyClient::new(&endpoint, credential(), transport, FaultSwitch::default());
    client
        .health(Origin::for_health(HEALTH.0, HEALTH.1))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_certificate_is_observed() {
    let clock = clock();
    let proxy = OrderedProxy::new(Arc::clone(&clock));
    proxy.show(CertificateKind::Until(2027));
    let client = client(&routed(&proxy).await, &clock);
    assert!(client.certificate().is_none());
    client
        .health(Origin::for_health(HEALTH.0, HEALTH.1))
        .await
        .unwrap();
    let shown = client.certificate().unwrap();
    assert_eq!(shown.name, HOST);
    // 2027-01-01 is 1,798,761,600.
    assert_eq!(shown.not_after.as_secs(), 1_798_761_600);
}

#[tokio::test]
async fn a_proxy_that_asks_for_a_client_certificate_is_shown_ours() {
    let clock = clock();
    let proxy = OrderedProxy::new(Arc::clone(&clock));
    proxy.show(CertificateKind::AsksForClient);
    let mut config = routed(&proxy).await;
    let without = client(&config, &clock);
    let refused = without.health(Origin::for_health(HEALTH.0, HEALTH.1)).await;
    assert_eq!(failed(refused).kind, ProxyFailure::NoTls);
    let (certificate_file, private_key_file) = proxy.authority().client("cks.kms.eu-central-1.amazonaws.com");
    config.client_certificate = Some(ClientCertificateConfig {
        certificate_file,
        private_key_file,
    });
    let with = client(&config, &clock);
    with.health(Origin::for_health(HEALTH.0, HEALTH.1)).await.unwrap();
}

#[tokio::test]
async fn a_ca_that_is_not_named_is_not_trusted() {
    let clock = clock();
    let proxy = OrderedProxy::new(Arc::clone(&clock));
    let mut config = routed(&proxy).await;
    config.routes[0].ca_file = None;
    let system = client(&config, &clock);
    let refused = system.health(Origin::for_health(HEALTH.0, HEALTH.1)).await;
    assert_eq!(failed(refused).kind, ProxyFailure::NoTls);
    // Named for all hosts in place of the system's.
    config.ca_file = Some(proxy.authority().ca_file());
    let named = client(&config, &clock);
    named
        .health(Origin::for_health(HEALTH.0, HEALTH.1))
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_listening_is_no_connection() {
    let clock = clock();
    let proxy = OrderedProxy::new(Arc::clone(&clock));
    let mut config = trusting(&proxy);
    // Bound and given back: nobody has it now.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.routes[0].address = Some(free.local_addr().unwrap().to_string());
    drop(free);
    let client = client(&config, &clock);
    let refused = client.health(Origin::for_health(HEALTH.0, HEALTH.1)).await;
    assert_eq!(failed(refused).kind, ProxyFailure::NoConnection);
}
