use super::*;
use crate::message::{
    EkmInstance, FleetDetails, HealthRequest, HealthResponse, HealthStatus, InvalidFleetDetails,
    MalformedResponse,
};
use std::num::NonZeroU32;

fn instance(number: usize, health_status: HealthStatus) -> EkmInstance {
    EkmInstance {
        id: format!("hsm-id-{number}"),
        model: format!("Luna 5.{number}"),
        health_status,
    }
}

fn fleet(count: usize) -> Result<FleetDetails, InvalidFleetDetails> {
    FleetDetails::new(
        (0..count)
            .map(|number| instance(number, HealthStatus::Active))
            .collect(),
    )
}

fn response(fleet: FleetDetails) -> HealthResponse {
    HealthResponse {
        fleet_size: NonZeroU32::new(2).unwrap(),
        proxy_vendor: "Acme Corp".into(),
        proxy_model: "Acme XKS Proxy 1.0 \"beta\"".into(),
        ekm_vendor: "Thales Group".into(),
        fleet,
    }
}

#[test]
fn xks_hlt_04_there_are_1_to_10_different_entries() {
    assert_eq!(fleet(0), Err(InvalidFleetDetails::Empty));
    assert_eq!(fleet(1).unwrap().instances().len(), 1);
    assert_eq!(fleet(10).unwrap().instances().len(), 10);
    assert_eq!(fleet(11), Err(InvalidFleetDetails::TooMany));
    let twice = vec![
        instance(1, HealthStatus::Active),
        instance(1, HealthStatus::Degraded),
    ];
    assert_eq!(FleetDetails::new(twice), Err(InvalidFleetDetails::RepeatedId));
}

#[test]
fn xks_hlt_04_the_response_has_all_members() {
    let fleet = FleetDetails::new(vec![
        instance(1, HealthStatus::Degraded),
        instance(2, HealthStatus::Unavailable),
    ]);
    let printed: Value = serde_json::from_slice(&response(fleet.unwrap()).to_json()).unwrap();
    let expected = json!({
        "xksProxyFleetSize": 2,
        "xksProxyVendor": "Acme Corp",
        "xksProxyModel": "Acme XKS Proxy 1.0 \"beta\"",
        "ekmVendor": "Thales Group",
        "ekmFleetDetails": [
            { "id": "hsm-id-1", "model": "Luna 5.1", "healthStatus": "DEGRADED" },
            { "id": "hsm-id-2", "model": "Luna 5.2", "healthStatus": "UNAVAILABLE" },
        ],
    });
    assert_eq!(printed, expected);
}

#[test]
fn xks_hlt_04_responses_survive_the_wire_and_broken_ones_do_not() {
    let response = response(fleet(10).unwrap());
    assert_eq!(HealthResponse::parse(&response.to_json()).as_ref(), Ok(&response));
    let good: Value = serde_json::from_slice(&response.to_json()).unwrap();
    let parse = |body: Value| HealthResponse::parse(body.to_string().as_bytes());
    for (member, value) in [
        ("xksProxyFleetSize", json!(0)),
        ("xksProxyFleetSize", json!(-1)),
        ("xksProxyFleetSize", json!(1.5)),
        ("xksProxyFleetSize", json!("2")),
        ("xksProxyVendor", json!(null)),
        ("ekmFleetDetails", json!([])),
        (
            "ekmFleetDetails",
            json!([{ "id": "a", "model": "b", "healthStatus": "active" }]),
        ),
        (
            "ekmFleetDetails",
            json!([{ "id": "a", "healthStatus": "ACTIVE" }]),
        ),
    ] {
        assert_eq!(
            parse(with(good.clone(), member, value.clone())),
            Err(MalformedResponse),
            "{member} {value}"
        );
    }
    for member in [
        "xksProxyFleetSize",
        "xksProxyVendor",
        "xksProxyModel",
        "ekmVendor",
        "ekmFleetDetails",
    ] {
        assert_eq!(
            parse(without(good.clone(), member)),
            Err(MalformedResponse),
            "{member}"
        );
    }
}

#[test]
fn xks_hlt_08_all_unavailable_is_seen() {
    let fleet = |statuses: &[HealthStatus]| {
        let instances = statuses
            .iter()
            .enumerate()
            .map(|(number, status)| instance(number, *status));
        FleetDetails::new(instances.collect()).unwrap()
    };
    use HealthStatus::{Active, Degraded, Unavailable};
    assert!(fleet(&[Unavailable, Unavailable]).all_unavailable());
    assert!(!fleet(&[Unavailable, Degraded]).all_unavailable());
    assert!(!fleet(&[Active]).all_unavailable());
}

#[test]
fn xks_hlt_04_a_malformed_request_is_a_validation_exception() {
    for body in [
        json!({}),
        json!({ "requestMetadata": {} }),
        json!({ "requestMetadata": { "kmsRequestId": "x" } }),
        json!({ "requestMetadata": { "kmsOperation": "KmsHealthCheck" } }),
    ] {
        let result = HealthRequest::parse(body.to_string().as_bytes()).map(|_| ());
        assert_eq!(refused(result), ErrorName::ValidationException, "{body}");
    }
}

#[test]
fn xks_hlt_07_requests_survive_the_wire() {
    let body = r#"{"requestMetadata":{"kmsOperation":"KmsHealthCheck","kmsRequestId":"1124f4d6"}}"#;
    let request = HealthRequest::parse(body.as_bytes()).unwrap();
    assert_eq!(request.to_json(), body.as_bytes());
}
