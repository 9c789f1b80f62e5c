//! Signatures: what is refused, under which name, and in which order.

use std::time::Duration;

use serde_json::json;

use super::kit::{Answer, Sent, Served, alice, credential};

fn good(served: &Served) -> Sent {
    served.call(&alice(), "ListKeys", &json!({}))
}

async fn refused(served: &Served, change: impl FnOnce(&mut Sent)) -> Answer {
    let mut sent = good(served);
    change(&mut sent);
    let answer = served.send(&sent).await;
    assert_eq!(answer.status, 400);
    answer
}

#[tokio::test]
async fn what_is_missing_is_named_part_by_part() {
    let served = Served::new().await;
    for other in ["Basic YTpi", "Bearer x", "aws4-hmac-sha256 x"] {
        let answer = refused(&served, |sent| sent.header("authorization", other)).await;
        assert_eq!(answer.error(), "MissingAuthenticationTokenException", "{other}");
    }
    let answer = refused(&served, |sent| sent.header("authorization", "AWS4-HMAC-SHA256 x")).await;
    assert_eq!(answer.error(), "IncompleteSignatureException");
    assert_eq!(
        answer.message(),
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
         parameter. Authorization header requires 'SignedHeaders' parameter. \
         Authorization=AWS4-HMAC-SHA256 x"
    );
    let answer = refused(&served, |sent| drop(sent.headers.remove("x-amz-date"))).await;
    assert_eq!(answer.error(), "IncompleteSignatureException");
    assert!(
        answer
            .message()
            .starts_with("Authorization header requires existence of either a 'X-Amz-Date'")
    );
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_to_either_side() {
    let served = Served::new().await;
    let signed = good(&served);
    served.clock.advance(Duration::from_secs(300));
    assert_eq!(served.send(&signed).await.status, 200);
    served.clock.advance(Duration::from_secs(1));
    let answer = served.send(&signed).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
    assert_eq!(
        answer.message(),
        "Signature expired: 20270115T080000Z is now earlier than 20270115T080001Z (20270115T080501Z - 5 min.)"
    );
    let mut early = good(&served);
    early.sign(
        &alice(),
        "kms",
        "us-east-1",
        served.now().saturating_add(Duration::from_secs(301)),
    );
    let answer = served.send(&early).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
    assert_eq!(
        answer.message(),
        "Signature not yet current: 20270115T081002Z is still later than 20270115T081001Z (20270115T080501Z \
         + 5 min.)"
    );
    early.sign(
        &alice(),
        "kms",
        "us-east-1",
        served.now().saturating_add(Duration::from_secs(300)),
    );
    assert_eq!(served.send(&early).await.status, 200);
}

/// Or whoever can change headers on the way makes one call of another: here the same body.
#[tokio::test]
async fn what_is_asked_for_must_be_signed() {
    let served = Served::new().await;
    let signed = good(&served);
    let mut sent = signed.clone();
    sent.headers.remove("x-amz-target");
    sent.sign(&alice(), "kms", "us-east-1", served.now());
    sent.header("x-amz-target", "TrentService.ListKeys");
    let answer = served.send(&sent).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
    assert_eq!(
        answer.message(),
        "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."
    );
    assert_eq!(served.send(&signed).await.status, 200);
}

#[tokio::test]
async fn sts_takes_fifteen_minutes() {
    let served = Served::new().await;
    let signed = served.sts(&alice(), "Action=GetCallerIdentity");
    served.clock.advance(Duration::from_secs(900));
    assert_eq!(served.send(&signed).await.status, 200);
    served.clock.advance(Duration::from_secs(1));
    let answer = served.send(&signed).await;
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (403, "SignatureDoesNotMatch")
    );
    assert!(answer.element("Message").ends_with("- 15 min.)"));
}

#[tokio::test]
async fn dates_hosts_algorithms_and_scopes_have_their_messages() {
    let served = Served::new().await;
    let answer = refused(&served, |sent| sent.header("x-amz-date", "2027-01-15T08:00:00Z")).await;
    assert_eq!(answer.error(), "IncompleteSignatureException");
    assert!(
        answer
            .message()
            .starts_with("Date must be in ISO-8601 'basic format'. Got '2027-01-15T08:00:00Z'.")
    );

    let answer = refused(&served, |sent| sent.authorization(";host;", ";")).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
    assert!(answer.message().contains("must be a 'SignedHeader'"));

    let answer = refused(&served, |sent| sent.authorization("HMAC-SHA256", "HMAC-SHA512")).await;
    assert_eq!(answer.error(), "IncompleteSignatureException");
    assert_eq!(
        answer.message(),
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'."
    );

    let answer = refused(&served, |sent| sent.authorization("/aws4_request", "")).await;
    assert_eq!(answer.error(), "IncompleteSignatureException");
    assert!(
        answer
            .message()
            .starts_with("Credential must have exactly 5 slash-delimited elements")
    );

    for (from, to, message) in [
        (
            "/us-east-1/",
            "/eu-west-1/",
            "Credential should be scoped to a valid region, not 'eu-west-1'. ",
        ),
        (
            "/kms/",
            "/s3/",
            "Credential should be scoped to correct service: 'kms'. ",
        ),
        (
            "/aws4_request",
            "/aws5_request",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ",
        ),
        (
            "/20270115/",
            "/20270116/",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '20270116' != '20270115', from '20270115T080000Z'.",
        ),
    ] {
        let answer = refused(&served, |sent| sent.authorization(from, to)).await;
        assert_eq!(
            (answer.error().as_str(), answer.message().as_str()),
            ("InvalidSignatureException", message)
        );
    }
}

#[tokio::test]
async fn header_and_query_together_are_refused() {
    let served = Served::new().await;
    let answer = refused(&served, |sent| sent.target = "/?X-Amz-Signature=00".to_owned()).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_signature_have_different_names() {
    let served = Served::new().await;
    for id in [
        "AKIAUNKNOWN000000000",
        "AKIAALICEALICEALICE0",
        "ASIAUNKNOWN000000000",
    ] {
        let who = credential(id, &"alice".repeat(8));
        let answer = served.send(&served.call(&who, "ListKeys", &json!({}))).await;
        assert_eq!(answer.error(), "UnrecognizedClientException", "{id}");
        assert_eq!(
            answer.message(),
            "The security token included in the request is invalid."
        );
    }
    let who = credential(&alice().id, "wrongwrongwrongwrong");
    let answer = served.send(&served.call(&who, "ListKeys", &json!({}))).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
    assert!(
        answer
            .message()
            .starts_with("The request signature we calculated does not match")
    );
    // What the signature should have been is in no answer.
    assert!(!answer.message().contains("String-to-Sign"));
}

#[tokio::test]
async fn whatever_was_signed_cannot_be_changed() {
    let served = Served::new().await;
    let answer = refused(&served, |sent| sent.body = b"{ }".to_vec()).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
    let answer = refused(&served, |sent| {
        sent.header("x-amz-target", "TrentService.ListAliases");
    })
    .await;
    assert_eq!(answer.error(), "InvalidSignatureException");
    let answer = refused(&served, |sent| sent.header("host", "other.example.com")).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
}

#[tokio::test]
async fn a_long_lived_key_with_a_token_is_nobody() {
    let served = Served::new().await;
    let mut who = alice();
    who.token = Some("QUFBQQ==".to_owned());
    let answer = served.send(&served.call(&who, "ListKeys", &json!({}))).await;
    assert_eq!(answer.error(), "UnrecognizedClientException");
}

#[tokio::test]
async fn the_region_is_that_of_the_scope_and_must_be_one_of_ours() {
    let config: kms::KmsConfig = toml::from_str(r#"regions = ["us-east-1", "eu-west-3"]"#).unwrap();
    let served = Served::with(config).await;
    for region in ["us-east-1", "eu-west-3"] {
        let mut sent = good(&served);
        sent.sign(&alice(), "kms", region, served.now());
        assert_eq!(served.send(&sent).await.status, 200);
        assert_eq!(served.records().await.last().unwrap()["awsRegion"], region);
    }
    let mut sent = good(&served);
    sent.sign(&alice(), "kms", "eu-west-2", served.now());
    assert_eq!(served.send(&sent).await.error(), "InvalidSignatureException");
}
