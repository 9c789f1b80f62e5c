//! TagResource, UntagResource, ListResourceTags.

use serde_json::{Value, json};

use super::kit::{Site, allow};

fn tags(range: std::ops::Range<usize>) -> Vec<Value> {
    range
        .map(|index| json!({"TagKey": format!("key-{index:02}"), "TagValue": index.to_string()}))
        .collect()
}

#[tokio::test]
async fn tags_are_added_changed_removed_and_listed_in_pages() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let tag = json!({"KeyId": key, "Tags": tags(0..3)});
    assert_eq!(site.call("root", "TagResource", tag).await.unwrap(), Value::Null);
    let change = json!({"KeyId": key, "Tags": [{"TagKey": "key-01", "TagValue": "changed"}]});
    site.call("root", "TagResource", change).await.unwrap();
    let untag = json!({"KeyId": key, "TagKeys": ["key-00", "absent"]});
    assert_eq!(
        site.call("root", "UntagResource", untag).await.unwrap(),
        Value::Null
    );
    let site = site.restart().await;
    let page = site
        .call("root", "ListResourceTags", json!({"KeyId": key, "Limit": 1}))
        .await
        .unwrap();
    assert_eq!(page["Tags"], json!([{"TagKey": "key-01", "TagValue": "changed"}]));
    assert_eq!(page["Truncated"], true);
    let next = json!({"KeyId": key, "Limit": 1, "Marker": page["NextMarker"]});
    let page = site.call("root", "ListResourceTags", next).await.unwrap();
    assert_eq!(
        page,
        json!({"Tags": [{"TagKey": "key-02", "TagValue": "2"}], "Truncated": false})
    );
}

#[tokio::test]
async fn limits_are_exact() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let tag = |tags: Vec<Value>| json!({"KeyId": key, "Tags": tags});
    assert_eq!(
        site.outcome("root", "TagResource", tag(tags(0..51))).await,
        "LimitExceededException"
    );
    assert_eq!(site.outcome("root", "TagResource", tag(tags(0..49))).await, "ok");
    assert_eq!(site.outcome("root", "TagResource", tag(tags(48..50))).await, "ok");
    assert_eq!(
        site.outcome("root", "TagResource", tag(tags(50..51))).await,
        "LimitExceededException"
    );
    assert_eq!(site.outcome("root", "TagResource", tag(tags(0..50))).await, "ok");
    let list = |limit: u32| json!({"KeyId": key, "Limit": limit});
    assert_eq!(site.outcome("root", "ListResourceTags", list(50)).await, "ok");
    assert_eq!(
        site.outcome("root", "ListResourceTags", list(51)).await,
        "ValidationException"
    );
}

#[tokio::test]
async fn reserved_and_doubled_keys_are_refused() {
    let site = Site::new().await;
    let key = site.default_key().await;
    for tags in [
        json!([{"TagKey": "aws:x", "TagValue": ""}]),
        json!([{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]),
    ] {
        let tag = json!({"KeyId": key, "Tags": tags});
        assert_eq!(site.outcome("root", "TagResource", tag).await, "TagException");
    }
}

#[tokio::test]
async fn conditions_see_the_tags_of_the_request() {
    let site = Site::new().await;
    let mut tagging = allow(&["alice"], &["kms:TagResource", "kms:UntagResource"]);
    tagging["Condition"] = json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}});
    let mut blue = allow(&["bob"], &["kms:TagResource"]);
    blue["Condition"] = json!({"StringEquals": {"aws:RequestTag/team": "blue"}});
    let key = site.key(json!([tagging, blue])).await;
    let tag = |name: &str, value: &str| json!({"KeyId": key, "Tags": [{"TagKey": name, "TagValue": value}]});
    let denied = "AccessDeniedException";
    assert_eq!(site.outcome("alice", "TagResource", tag("team", "x")).await, "ok");
    assert_eq!(
        site.outcome("alice", "TagResource", tag("cost", "x")).await,
        denied
    );
    assert_eq!(
        site.outcome("bob", "TagResource", tag("team", "blue")).await,
        "ok"
    );
    assert_eq!(
        site.outcome("bob", "TagResource", tag("team", "red")).await,
        denied
    );
    let untag = |name: &str| json!({"KeyId": key, "TagKeys": [name]});
    assert_eq!(site.outcome("alice", "UntagResource", untag("stage")).await, "ok");
    assert_eq!(
        site.outcome("alice", "UntagResource", untag("cost")).await,
        denied
    );
}

#[tokio::test]
async fn a_key_that_is_going_away_keeps_its_tags() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let schedule = json!({"KeyId": key, "PendingWindowInDays": 7});
    site.call("root", "ScheduleKeyDeletion", schedule).await.unwrap();
    let tag = json!({"KeyId": key, "Tags": tags(0..1)});
    assert_eq!(
        site.outcome("root", "TagResource", tag).await,
        "KMSInvalidStateException"
    );
    assert_eq!(
        site.outcome("root", "ListResourceTags", json!({"KeyId": key}))
            .await,
        "ok"
    );
}
