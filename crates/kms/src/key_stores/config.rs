//! Custom key stores' section of the configuration.

use std::time::Duration;

use kms_api::AccountId;
use listener::units;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use xks_client::TransportConfig;

/// Section `key_stores`. Unknown members are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyStoresConfig {
    /// How long a key store is `CONNECTING` before its proxy is asked. AWS takes some minutes; by
    /// default it is one second, so that programs which do not wait are found out.
    #[serde(deserialize_with = "units::duration")]
    pub connect_duration: Duration,
    /// How long a key store is `DISCONNECTING`. Default: 0.
    #[serde(deserialize_with = "units::duration")]
    pub disconnect_duration: Duration,
    /// How often the proxies of connected key stores are asked how they do (`KmsHealthCheck`).
    /// Default: 5 minutes; one second at least.
    #[serde(deserialize_with = "interval")]
    pub health_check_interval: Duration,
    /// What a try to ask a proxy may take; there is a second one if the first times out. AWS's 250 ms
    /// is the default; a machine that does much else besides may need more.
    #[serde(deserialize_with = "units::duration")]
    pub proxy_deadline: Duration,
    /// The way to proxies: routes, roots, the client certificate.
    pub proxies: TransportConfig,
    /// The VPC endpoint services that there are.
    pub vpc_endpoint_services: Vec<VpcEndpointServiceConfig>,
}

impl Default for KeyStoresConfig {
    fn default() -> Self {
        Self {
            connect_duration: Duration::from_secs(1),
            disconnect_duration: Duration::ZERO,
            health_check_interval: Duration::from_secs(300),
            proxy_deadline: xks_client::DEADLINE,
            proxies: TransportConfig::default(),
            vpc_endpoint_services: Vec::new(),
        }
    }
}

impl KeyStoresConfig {
    /// The way to proxies, with the deadline.
    pub(crate) fn transport(&self) -> TransportConfig {
        TransportConfig {
            deadline: self.proxy_deadline,
            ..self.proxies.clone()
        }
    }
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let interval = units::duration(deserializer)?;
    if interval < Duration::from_secs(1) {
        return Err(D::Error::custom("health checks are at least one second apart"));
    }
    Ok(interval)
}

/// A VPC endpoint service as somebody would have made it at AWS; what is declared is judged as AWS
/// judges it. What is left out is in order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VpcEndpointServiceConfig {
    /// `com.amazonaws.vpce.<region>.vpce-svc-…`.
    pub name: String,
    /// The account that owns it: 12 digits.
    #[serde(deserialize_with = "account")]
    pub owner: AccountId,
    /// Who may connect. KMS needs `cks.kms.<region>.amazonaws.com` among them; `*` is everybody.
    pub allowed_principals: Vec<String>,
    /// Whether somebody has to accept each connection.
    #[serde(default)]
    pub acceptance_required: bool,
    /// Whether it is one for interface endpoints behind a network load balancer.
    #[serde(default)]
    pub load_balancer_type: LoadBalancerType,
    /// Where its load balancer has subnets.
    #[serde(default = "two_zones")]
    pub availability_zones: Vec<String>,
    /// Its private DNS name, which is the host of `XksProxyUriEndpoint`.
    #[serde(default)]
    pub private_dns_name: Option<String>,
    /// Whether the domain of the private DNS name is proven to be the owner's.
    #[serde(default)]
    pub private_dns_name_state: PrivateDnsNameState,
    /// Where the proxy behind it is: `name:port` or an IP address with a port.
    pub address: String,
}

/// What stands before the targets of a VPC endpoint service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadBalancerType {
    /// A network load balancer: for interface endpoints.
    #[default]
    Network,
    /// A gateway load balancer, which KMS does not take.
    Gateway,
}

/// How far AWS is with verifying a private DNS name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PrivateDnsNameState {
    /// Done.
    #[default]
    Verified,
    /// Not done yet.
    PendingVerification,
    /// The proof was not found.
    Failed,
}

fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| D::Error::custom("an account id has 12 digits"))
}

fn two_zones() -> Vec<String> {
    vec!["a".to_owned(), "b".to_owned()]
}
