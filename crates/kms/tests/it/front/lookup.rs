//! `LookupEvents`.

use std::time::Duration;

use serde_json::{Value, json};

use super::kit::{Credential, Served, alice, bob, carol, root};

/// LookupEvents at a rate that tests can bear.
async fn served() -> Served {
    let config = toml::from_str("quotas = { lookup_events_per_second = 1000 }").unwrap();
    Served::with(config).await
}

async fn look(served: &Served, who: &Credential, body: Value) -> Value {
    let answer = served.send(&served.lookup(who, &body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn names(page: &Value) -> Vec<&str> {
    let events = page["Events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["EventName"].as_str().unwrap())
        .collect()
}

fn by(key: &str, value: &str) -> Value {
    json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]})
}

async fn some_calls(served: &Served) {
    for operation in ["ListKeys", "ListAliases", "DescribeCustomKeyStores"] {
        served.send(&served.call(&alice(), operation, &json!({}))).await;
        served.clock.advance(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn the_newest_comes_first_and_what_was_just_answered_is_there() {
    let served = served().await;
    some_calls(&served).await;
    let page = look(&served, &root(), json!({})).await;
    assert_eq!(
        names(&page),
        ["DescribeCustomKeyStores", "ListAliases", "ListKeys"]
    );
    assert_eq!(page.get("NextToken"), None);
    let event = &page["Events"][0];
    assert_eq!(event["ReadOnly"], "true");
    assert_eq!(event["Username"], "alice");
    assert_eq!(event["AccessKeyId"], alice().id);
    assert_eq!(event["EventSource"], "kms.amazonaws.com");
    assert_eq!(event["EventTime"], 1_800_000_020);
    let record: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(record["eventID"], event["EventId"]);
    // The look-up itself is a call too.
    let page = look(&served, &root(), by("Username", "root")).await;
    assert_eq!(names(&page), ["LookupEvents"]);
}

#[tokio::test]
async fn every_attribute_finds() {
    let served = served().await;
    let created = served
        .send(&served.call(&alice(), "CreateKey", &json!({})))
        .await
        .json();
    let (arn, id) = (&created["KeyMetadata"]["Arn"], &created["KeyMetadata"]["KeyId"]);
    some_calls(&served).await;
    let event_id = look(&served, &alice(), by("EventName", "ListKeys")).await["Events"][0]["EventId"].clone();
    for (key, value, expected) in [
        ("EventId", event_id.as_str().unwrap(), vec!["ListKeys"]),
        ("EventName", "ListAliases", vec!["ListAliases"]),
        ("ReadOnly", "false", vec!["CreateKey"]),
        ("ResourceType", "AWS::KMS::Key", vec!["CreateKey"]),
        ("ResourceName", arn.as_str().unwrap(), vec!["CreateKey"]),
        ("ResourceName", id.as_str().unwrap(), vec!["CreateKey"]),
        ("ResourceName", "other", vec![]),
        ("AccessKeyId", bob().id.as_str(), vec![]),
        ("EventSource", "sts.amazonaws.com", vec![]),
    ] {
        let page = look(&served, &root(), by(key, value)).await;
        assert_eq!(names(&page), expected, "{key} {value}");
    }
}

#[tokio::test]
async fn times_are_bounds_that_belong_to_the_range() {
    let served = served().await;
    some_calls(&served).await;
    let between = |from: u64, to: u64| json!({"StartTime": from, "EndTime": to});
    let page = look(&served, &root(), between(1_800_000_010, 1_800_000_010)).await;
    assert_eq!(names(&page), ["ListAliases"]);
    let page = look(&served, &root(), between(1_800_000_011, 1_800_000_019)).await;
    assert_eq!(names(&page), Vec::<&str>::new());
    let page = look(
        &served,
        &root(),
        json!({"StartTime": 1_800_000_010.0, "MaxResults": 50}),
    )
    .await;
    assert_eq!(names(&page)[..2], ["LookupEvents", "LookupEvents"]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap_also_while_records_are_added() {
    let served = served().await;
    for _ in 0..7 {
        some_calls(&served).await;
    }
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut body = by("Username", "alice");
        body["MaxResults"] = 4.into();
        if !token.is_null() {
            body["NextToken"] = token;
        }
        let page = look(&served, &root(), body).await;
        assert!(names(&page).len() <= 4);
        seen.extend(names(&page).into_iter().map(str::to_owned));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
        served.send(&served.call(&alice(), "ListKeys", &json!({}))).await;
    }
    assert_eq!(seen.len(), 21);
    assert!(seen.iter().filter(|name| *name == "ListKeys").count() == 7);
}

#[tokio::test]
async fn a_token_serves_its_own_request_alone() {
    let served = served().await;
    some_calls(&served).await;
    let page = look(&served, &root(), json!({"MaxResults": 1})).await;
    let token = page["NextToken"].clone();
    for body in [
        json!({"NextToken": token, "StartTime": 5}),
        json!({"NextToken": "QUFB"}),
        json!({"NextToken": "!"}),
    ] {
        let answer = served.send(&served.lookup(&root(), &body)).await;
        assert_eq!(answer.error(), "InvalidNextTokenException", "{body}");
    }
    let answer = served
        .send(&served.lookup(&carol(), &json!({"NextToken": token})))
        .await;
    assert_eq!(answer.error(), "InvalidNextTokenException");
}

#[tokio::test]
async fn an_account_sees_its_own_records_and_only_who_may_looks() {
    let served = served().await;
    some_calls(&served).await;
    let page = look(&served, &carol(), json!({})).await;
    assert_eq!(names(&page), Vec::<&str>::new());
    let answer = served.send(&served.lookup(&bob(), &json!({}))).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "AccessDeniedException")
    );
    assert!(
        answer
            .message()
            .contains("is not authorized to perform: cloudtrail:LookupEvents")
    );
    let denied = look(&served, &root(), by("Username", "bob")).await;
    let record = denied["Events"][0]["CloudTrailEvent"].as_str().unwrap();
    assert!(record.contains("\"errorCode\":\"AccessDenied\""));
}

#[tokio::test]
async fn faults_have_their_names() {
    let served = served().await;
    let two = json!([{"AttributeKey": "EventName", "AttributeValue": "a"}, {"AttributeKey": "EventName", "AttributeValue": "b"}]);
    for (body, name) in [
        (
            json!({"LookupAttributes": two}),
            "InvalidLookupAttributesException",
        ),
        (by("Colour", "x"), "InvalidLookupAttributesException"),
        (by("EventName", ""), "InvalidLookupAttributesException"),
        (
            by("EventName", &"x".repeat(2_001)),
            "InvalidLookupAttributesException",
        ),
        (json!({"MaxResults": 0}), "InvalidMaxResultsException"),
        (json!({"MaxResults": 51}), "InvalidMaxResultsException"),
        (json!({"StartTime": 2, "EndTime": 1}), "InvalidTimeRangeException"),
        (json!({"EventCategory": "data"}), "InvalidEventCategoryException"),
        (json!({"MaxResults": "x"}), "SerializationException"),
    ] {
        let answer = served.send(&served.lookup(&root(), &body)).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, name), "{body}");
    }
}

#[tokio::test]
async fn two_look_ups_a_second_are_allowed() {
    let served = Served::new().await;
    for _ in 0..2 {
        look(&served, &root(), json!({})).await;
    }
    let answer = served.send(&served.lookup(&root(), &json!({}))).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "ThrottlingException")
    );
}
