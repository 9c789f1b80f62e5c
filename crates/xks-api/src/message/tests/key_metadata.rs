use super::*;
use crate::message::{
    GetKeyMetadataRequest, KeyMetadataResponse, KeyStatus, KeyUsage, KeyUsages, MalformedResponse,
    ReportedKeyMetadata,
};

fn printed(usage: &[KeyUsage], status: KeyStatus) -> Value {
    let usage: KeyUsages = usage.iter().copied().collect();
    serde_json::from_slice(&KeyMetadataResponse { usage, status }.to_json()).unwrap()
}

#[test]
fn xks_meta_01_all_three_members_are_there() {
    let expected =
        json!({ "keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED" });
    assert_eq!(
        printed(&[KeyUsage::Decrypt, KeyUsage::Encrypt], KeyStatus::Enabled),
        expected
    );
    let expected = json!({ "keySpec": "AES_256", "keyUsage": [], "keyStatus": "DISABLED" });
    assert_eq!(printed(&[], KeyStatus::Disabled), expected);
}

#[test]
fn xks_meta_02_a_256_bit_aes_key_is_aes_256() {
    assert_eq!(printed(&[], KeyStatus::Enabled)["keySpec"], "AES_256");
}

#[test]
fn xks_meta_03_usages_are_in_upper_case() {
    assert_eq!(
        printed(&[KeyUsage::Encrypt], KeyStatus::Enabled)["keyUsage"],
        json!(["ENCRYPT"])
    );
    assert_eq!(
        printed(&[KeyUsage::Decrypt], KeyStatus::Enabled)["keyUsage"],
        json!(["DECRYPT"])
    );
}

#[test]
fn xks_meta_04_other_usages_may_be_reported() {
    let all = printed(&KeyUsage::ALL, KeyStatus::Enabled);
    let expected = json!(["ENCRYPT", "DECRYPT", "SIGN", "VERIFY", "WRAP", "UNWRAP", "DERIVE"]);
    assert_eq!(all["keyUsage"], expected);
}

#[test]
fn xks_meta_05_no_set_of_usages_has_more_than_ten() {
    let often: Vec<KeyUsage> = KeyUsage::ALL.into_iter().cycle().take(100).collect();
    assert_eq!(
        printed(&often, KeyStatus::Enabled)["keyUsage"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
    let reported = |count| {
        let body = json!({ "keySpec": "AES_256", "keyUsage": vec!["X"; count], "keyStatus": "ENABLED" });
        ReportedKeyMetadata::parse(body.to_string().as_bytes())
    };
    assert_eq!(reported(10).unwrap().key_usage.len(), 10);
    assert_eq!(reported(11), Err(MalformedResponse));
}

#[test]
fn xks_meta_07_what_a_proxy_reports_is_kept_for_kms_to_judge() {
    let body = json!({ "keySpec": "RSA_2048", "keyUsage": ["SI\u{47}N"], "keyStatus": "DISABLED", "x": 1 });
    let expected = ReportedKeyMetadata {
        key_spec: "RSA_2048".into(),
        key_usage: vec!["SIGN".into()],
        key_status: KeyStatus::Disabled,
    };
    assert_eq!(
        ReportedKeyMetadata::parse(body.to_string().as_bytes()),
        Ok(expected)
    );
    for member in ["keySpec", "keyUsage", "keyStatus"] {
        let body = without(body.clone(), member).to_string();
        assert_eq!(
            ReportedKeyMetadata::parse(body.as_bytes()),
            Err(MalformedResponse),
            "{member}"
        );
    }
    let body = with(body, "keyStatus", "enabled").to_string();
    assert_eq!(
        ReportedKeyMetadata::parse(body.as_bytes()),
        Err(MalformedResponse)
    );
}

#[test]
fn xks_meta_01_requests_survive_the_wire() {
    let body = json!({ "requestMetadata": metadata("CreateKey") }).to_string();
    let request = GetKeyMetadataRequest::parse(body.as_bytes()).unwrap();
    assert_eq!(request.metadata.kms_operation, "CreateKey");
    let printed = request.to_json();
    assert_eq!(GetKeyMetadataRequest::parse(&printed), Ok(request));
}
