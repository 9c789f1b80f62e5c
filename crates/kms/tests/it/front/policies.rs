//! What the file of identities says has its effect on what callers may do.

use std::time::Duration;

use kms::KmsConfig;
use serde_json::{Value, json};

use super::kit::{Credential, Served, credential};

fn user(name: &str) -> Credential {
    credential(&format!("AKIA{name:0>16}").to_uppercase(), "ssssssssssssssssssss")
}

/// One account whose users have these lines beside their name and access key.
fn identities(users: &[(&str, &str)], more: &str) -> String {
    let user = |(name, lines): &(&str, &str)| {
        let id = user(name).id;
        format!(
            "[[accounts.users]]\nname = \"{name}\"\naccess_keys = [{{ id = \"{id}\", secret = \"ssssssssssssssssssss\" }}]\n{lines}\n"
        )
    };
    let users: String = users.iter().map(user).collect();
    format!("{more}\n{users}")
}

const ACCOUNT: &str = r#"
[policies]
all = '''{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["kms:*", "sts:*"], "Resource": "*"}}'''
list = '''{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:List*", "Resource": "*"}}'''
[[accounts]]
id = "111122223333"
"#;

async fn served(identities: &str) -> Served {
    Served::of(KmsConfig::default(), identities).await
}

/// The answer's error, or `None` for success.
async fn outcome(served: &Served, who: &Credential, operation: &str, body: Value) -> Option<String> {
    let answer = served.send(&served.call(who, operation, &body)).await;
    (answer.status != 200).then(|| format!("{}: {}", answer.error(), answer.message()))
}

async fn may(served: &Served, who: &Credential, operation: &str) -> bool {
    match outcome(served, who, operation, json!({})).await {
        None => true,
        Some(error) => {
            assert!(error.starts_with("AccessDeniedException: "), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn policies_boundaries_and_service_control_policies_each_limit() {
    let users = [
        ("none", ""),
        ("all", "policies = [\"all\"]"),
        ("bound", "policies = [\"all\"]\npermissions_boundary = \"list\""),
    ];
    let open = served(&identities(&users, ACCOUNT)).await;
    let limited = format!("{ACCOUNT}service_control_policies = [\"list\"]");
    let limited = served(&identities(&users, &limited)).await;
    for (name, list, create) in [
        ("none", false, false),
        ("all", true, true),
        ("bound", true, false),
    ] {
        assert_eq!(may(&open, &user(name), "ListKeys").await, list, "{name}");
        assert_eq!(may(&open, &user(name), "CreateKey").await, create, "{name}");
        assert_eq!(may(&limited, &user(name), "ListKeys").await, list, "{name}");
        assert!(!may(&limited, &user(name), "CreateKey").await, "{name}");
    }
}

#[tokio::test]
async fn conditions_see_service_address_organization_tags_and_transport() {
    let when = |condition: &str| {
        format!(
            "policies = ['''{{\"Version\": \"2012-10-17\", \"Statement\": {{\"Effect\": \"Allow\", \"Action\": \
             \"kms:ListKeys\", \"Resource\": \"*\", \"Condition\": {condition}}}}}''']"
        )
    };
    let conditions = [
        (
            "a",
            r#"{"StringEquals": {"aws:PrincipalTag/team": "blue"}}"#,
            true,
        ),
        (
            "b",
            r#"{"StringEquals": {"aws:PrincipalTag/team": "red"}}"#,
            false,
        ),
        ("c", r#"{"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}"#, true),
        ("d", r#"{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#, false),
        (
            "e",
            r#"{"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}"#,
            true,
        ),
        (
            "f",
            r#"{"StringEquals": {"aws:RequestedRegion": "us-east-1"}}"#,
            true,
        ),
        ("g", r#"{"Bool": {"aws:SecureTransport": "true"}}"#, false),
        ("h", r#"{"StringEquals": {"aws:username": "h"}}"#, true),
        (
            "i",
            r#"{"DateLessThan": {"aws:CurrentTime": "2027-01-15T08:00:01Z"}}"#,
            true,
        ),
        (
            "j",
            r#"{"DateLessThan": {"aws:CurrentTime": "2027-01-15T08:00:00Z"}}"#,
            false,
        ),
        ("k", r#"{"Bool": {"aws:ViaAWSService": "false"}}"#, true),
        ("l", r#"{"Null": {"aws:TokenIssueTime": "true"}}"#, true),
        ("m", r#"{"StringLike": {"aws:userid": "AIDA*"}}"#, true),
    ];
    let users: Vec<(&str, String)> = conditions
        .iter()
        .map(|(name, condition, _)| {
            (
                *name,
                format!("{}\ntags = {{ team = \"blue\" }}", when(condition)),
            )
        })
        .collect();
    let users: Vec<(&str, &str)> = users
        .iter()
        .map(|(name, lines)| (*name, lines.as_str()))
        .collect();
    let served = served(&identities(
        &users,
        &format!("{ACCOUNT}organization = \"o-a1b2c3d4e5\""),
    ))
    .await;
    for (name, condition, expected) in conditions {
        assert_eq!(
            may(&served, &user(name), "ListKeys").await,
            expected,
            "{condition}"
        );
    }
}

#[tokio::test]
async fn a_key_for_s3_alone_is_used_through_s3_alone() {
    let text = r#"
[[accounts]]
id = "111122223333"
[accounts.root]
access_keys = [{ id = "AKIA0000000000000ROT", secret = "ssssssssssssssssssss" }]
[[accounts.users]]
name = "app"
access_keys = [
    { id = "AKIA0000000000000APP", secret = "ssssssssssssssssssss" },
    { id = "AKIA000000000000AS3S", secret = "ssssssssssssssssssss", via_service = "s3" },
    { id = "AKIA000000000000ASQS", secret = "ssssssssssssssssssss", via_service = "sqs" },
]
"#;
    let served = served(text).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/app"}, "Action": "kms:Encrypt",
         "Resource": "*", "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}},
    ]});
    let root = credential("AKIA0000000000000ROT", "ssssssssssssssssssss");
    let create = served.call(&root, "CreateKey", &json!({"Policy": policy.to_string()}));
    let created = served.send(&create).await;
    assert_eq!(created.status, 200, "{}", created.text());
    let body = json!({"KeyId": created.json()["KeyMetadata"]["Arn"], "Plaintext": "AAAA"});
    for (id, expected) in [
        ("AKIA0000000000000APP", false),
        ("AKIA000000000000AS3S", true),
        ("AKIA000000000000ASQS", false),
    ] {
        let who = credential(id, "ssssssssssssssssssss");
        let error = outcome(&served, &who, "Encrypt", body.clone()).await;
        assert_eq!(error.is_none(), expected, "{id}: {error:?}");
    }
}

#[tokio::test]
async fn a_session_has_the_roles_permissions_cut_by_its_own_policies() {
    let role = r#"
[[accounts.roles]]
name = "Worker"
policies = ["all"]
tags = { team = "red" }
trust_policy = '''{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
    "Action": ["sts:AssumeRole", "sts:TagSession"]}}'''
[[accounts.roles]]
name = "Tagged"
policies = ['''{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*",
    "Condition": {"StringEquals": {"aws:PrincipalTag/team": "green"},
                  "DateGreaterThan": {"aws:TokenIssueTime": "2027-01-15T08:00:30Z"}}}}''']
tags = { team = "red" }
trust_policy = '''{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
    "Action": ["sts:AssumeRole", "sts:TagSession"]}}'''
"#;
    let text = identities(&[("all", "policies = [\"all\"]")], ACCOUNT);
    let served = served(&format!("{text}{role}")).await;
    let worker = "RoleArn=arn:aws:iam::111122223333:role/Worker&RoleSessionName=ab";
    let free = served.assume(&user("all"), worker).await;
    let named = "PolicyArns.member.1.arn=arn:aws:iam::111122223333:policy/list";
    let named = served.assume(&user("all"), &format!("{worker}&{named}")).await;
    let inline = "Policy=%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22kms%3AListKeys%22%2C%22Resource%22%3A%22%2A%22%7D%7D";
    let inline = served.assume(&user("all"), &format!("{worker}&{inline}")).await;
    assert!(may(&served, &free, "ListKeys").await && may(&served, &free, "CreateKey").await);
    for cut in [&named, &inline] {
        assert!(may(&served, cut, "ListKeys").await && !may(&served, cut, "CreateKey").await);
    }

    let tagged = "RoleArn=arn:aws:iam::111122223333:role/Tagged&RoleSessionName=ab";
    let green = format!("{tagged}&Tags.member.1.Key=team&Tags.member.1.Value=green");
    let early = served.assume(&user("all"), &green).await;
    served.clock.advance(Duration::from_secs(60));
    let red = served.assume(&user("all"), tagged).await;
    let late = served.assume(&user("all"), &green).await;
    // The session's tag replaces the role's; a session may be too old for what it asks.
    assert!(!may(&served, &early, "ListKeys").await);
    assert!(!may(&served, &red, "ListKeys").await);
    assert!(may(&served, &late, "ListKeys").await);
}
