//! GetHealthStatus. No secondary authorization applies (XKS-HLT-03).

use std::num::NonZeroU32;

use bytes::Bytes;
use warden::{Caller, InstanceHealth};
use xks_api::message::{EkmInstance, FleetDetails, HealthRequest, HealthResponse, HealthStatus};

use super::{Serving, unreadable};
use crate::account::Progress;
use crate::answer::Refusal;
use crate::authenticate::report;

/// Who makes the proxy and its software key managers.
const VENDOR: &str = "Strongroom";
/// Product and version of the proxy.
const MODEL: &str = concat!("Strongroom ", env!("CARGO_PKG_VERSION"));

pub(super) fn run(
    serving: &Serving<'_>,
    caller: &mut Caller,
    progress: &mut Progress<'_>,
) -> Result<Bytes, Refusal> {
    let request = HealthRequest::parse(serving.body).map_err(|error| unreadable(serving, caller, error))?;
    report(&mut caller.evidence, request.metadata);
    progress.parsed();
    let instances = serving
        .warden
        .health(caller)
        .map_err(|failure| progress.failed(failure))?;
    let instances = instances.into_iter().map(instance).collect();
    let fleet = FleetDetails::new(instances)
        .map_err(|_| Refusal::Unsayable("not 1 to 10 key manager instances with different ids"))?;
    let response = HealthResponse {
        fleet_size: NonZeroU32::MIN,
        proxy_vendor: VENDOR.to_owned(),
        proxy_model: MODEL.to_owned(),
        ekm_vendor: VENDOR.to_owned(),
        fleet,
    };
    Ok(response.to_json().into())
}

fn instance(health: InstanceHealth) -> EkmInstance {
    EkmInstance {
        id: health.id,
        model: health.model,
        health_status: match health.status {
            warden::HealthStatus::Active => HealthStatus::Active,
            warden::HealthStatus::Degraded => HealthStatus::Degraded,
            warden::HealthStatus::Unavailable => HealthStatus::Unavailable,
        },
    }
}
