//! GetHealthStatus.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serde::Deserialize;

use super::MalformedResponse;
use super::key_metadata::MetadataOnly;
use crate::error::XksError;
use crate::json::{self, Member, Value};
use crate::metadata::RequestMetadata;
use crate::uri::Operation;
use crate::wire;

/// A health request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRequest<'a> {
    /// What KMS reports: operation and request id.
    pub metadata: RequestMetadata<'a>,
}

impl<'a> HealthRequest<'a> {
    /// Reads a request body. Errors as in the table of [`message`](super): `ValidationException` for
    /// a malformed one, which AWS's test client expects although the specification's table excludes it.
    pub fn parse(body: &'a [u8]) -> Result<Self, XksError> {
        let raw: MetadataOnly<'a> = wire::request(body)?;
        let metadata = RequestMetadata::from_raw(raw.request_metadata, Operation::GetHealthStatus)?;
        Ok(Self { metadata })
    }

    /// The request body.
    pub fn to_json(&self) -> Vec<u8> {
        json::object(&[Some(("requestMetadata", Value::Object(&self.metadata.members())))])
    }
}

/// How an external key manager does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthStatus {
    /// Healthy.
    Active,
    /// Not healthy, but it serves.
    Degraded,
    /// It does not serve. If all are, KMS takes the proxy for unreachable (XKS-HLT-08).
    Unavailable,
}

impl HealthStatus {
    /// The word in `healthStatus`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Degraded => "DEGRADED",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Degraded, Self::Unavailable]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// One external key manager of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EkmInstance {
    /// Unique in the fleet.
    pub id: String,
    /// Product and version.
    pub model: String,
    /// How it does.
    pub health_status: HealthStatus,
}

/// 1 to 10 external key managers with different ids (XKS-HLT-04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetDetails(Vec<EkmInstance>);

/// A list that may not be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFleetDetails {
    /// No entry at all.
    #[error("a fleet has at least one external key manager")]
    Empty,
    /// More than ten.
    #[error("at most ten external key managers are reported")]
    TooMany,
    /// Two entries share an id.
    #[error("two external key managers have the same id")]
    RepeatedId,
}

impl FleetDetails {
    /// The most entries.
    pub const MAX_ENTRIES: usize = 10;

    /// Checks the list.
    pub fn new(instances: Vec<EkmInstance>) -> Result<Self, InvalidFleetDetails> {
        let ids: BTreeSet<&str> = instances.iter().map(|instance| instance.id.as_str()).collect();
        match instances.len() {
            0 => Err(InvalidFleetDetails::Empty),
            count if count > Self::MAX_ENTRIES => Err(InvalidFleetDetails::TooMany),
            count if count > ids.len() => Err(InvalidFleetDetails::RepeatedId),
            _ => Ok(Self(instances)),
        }
    }

    /// The entries.
    pub fn instances(&self) -> &[EkmInstance] {
        &self.0
    }

    /// Whether no key manager serves (XKS-HLT-08).
    pub fn all_unavailable(&self) -> bool {
        self.0
            .iter()
            .all(|instance| instance.health_status == HealthStatus::Unavailable)
    }
}

/// How proxy and key managers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthResponse {
    /// Proxy instances.
    pub fleet_size: NonZeroU32,
    /// Who makes the proxy.
    pub proxy_vendor: String,
    /// The proxy's product name and version.
    pub proxy_model: String,
    /// Who makes the key managers; present even if it is the same vendor.
    pub ekm_vendor: String,
    /// The key managers.
    pub fleet: FleetDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseBody {
    xks_proxy_fleet_size: NonZeroU32,
    xks_proxy_vendor: String,
    xks_proxy_model: String,
    ekm_vendor: String,
    ekm_fleet_details: Vec<InstanceBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstanceBody {
    id: String,
    model: String,
    health_status: String,
}

impl HealthResponse {
    /// The response body.
    pub fn to_json(&self) -> Vec<u8> {
        let instances = self.fleet.instances();
        let members: Vec<[Option<Member<'_>>; 3]> = instances.iter().map(instance_members).collect();
        let details: Vec<Value<'_>> = members.iter().map(|members| Value::Object(members)).collect();
        json::object(&[
            Some(("xksProxyFleetSize", Value::Number(self.fleet_size.get()))),
            Some(("xksProxyVendor", Value::Text(&self.proxy_vendor))),
            Some(("xksProxyModel", Value::Text(&self.proxy_model))),
            Some(("ekmVendor", Value::Text(&self.ekm_vendor))),
            Some(("ekmFleetDetails", Value::Array(&details))),
        ])
    }

    /// Reads a response body.
    pub fn parse(body: &[u8]) -> Result<Self, MalformedResponse> {
        let raw: ResponseBody = wire::response(body)?;
        let instances: Option<Vec<EkmInstance>> = raw
            .ekm_fleet_details
            .into_iter()
            .map(InstanceBody::into_instance)
            .collect();
        let fleet = FleetDetails::new(instances.ok_or(MalformedResponse)?);
        Ok(Self {
            fleet_size: raw.xks_proxy_fleet_size,
            proxy_vendor: raw.xks_proxy_vendor,
            proxy_model: raw.xks_proxy_model,
            ekm_vendor: raw.ekm_vendor,
            fleet: fleet.map_err(|_| MalformedResponse)?,
        })
    }
}

fn instance_members(instance: &EkmInstance) -> [Option<Member<'_>>; 3] {
    [
        Some(("id", Value::Text(&instance.id))),
        Some(("model", Value::Text(&instance.model))),
        Some(("healthStatus", Value::Text(instance.health_status.as_str()))),
    ]
}

impl InstanceBody {
    fn into_instance(self) -> Option<EkmInstance> {
        let health_status = HealthStatus::from_word(&self.health_status)?;
        Some(EkmInstance {
            id: self.id,
            model: self.model,
            health_status,
        })
    }
}
