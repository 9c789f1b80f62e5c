//! Who am I, and who may I become.

use std::time::Duration;

use serde_json::json;

use super::kit::{Answer, Credential, Sent, Served, alice, bob, carol, root, write_private};

const PAYROLL: &str = "RoleArn=arn:aws:iam::111122223333:role/teams/Payroll";
const FOR_CAROL: &str = "RoleArn=arn:aws:iam::111122223333:role/ForCarol";

async fn ask(served: &Served, who: &Credential, form: &str) -> Answer {
    served.send(&served.sts(who, form)).await
}

/// The error that AssumeRole answers to `alice`.
async fn refusal(served: &Served, who: &Credential, form: &str) -> (u16, String, String) {
    let answer = ask(served, who, &format!("Action=AssumeRole&{form}")).await;
    assert_ne!(answer.status, 200, "{}", answer.text());
    (answer.status, answer.element("Code"), answer.element("Message"))
}

async fn identity(served: &Served, who: &Credential) -> String {
    let answer = ask(served, who, "Action=GetCallerIdentity").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.element("Arn")
}

#[tokio::test]
async fn everybody_may_ask_who_they_are() {
    let served = Served::new().await;
    let answer = ask(&served, &bob(), "Action=GetCallerIdentity").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/xml");
    assert_eq!(answer.element("Arn"), "arn:aws:iam::111122223333:user/bob");
    assert_eq!(answer.element("Account"), "111122223333");
    let id = answer.element("UserId");
    assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
    assert_eq!(answer.element("RequestId"), answer.request_id());
    assert_eq!(identity(&served, &root()).await, "arn:aws:iam::111122223333:root");
    assert_eq!(
        identity(&served, &carol()).await,
        "arn:aws:iam::444455556666:user/carol"
    );
}

#[tokio::test]
async fn a_form_may_come_in_the_query_of_a_get() {
    let served = Served::new().await;
    let mut sent = Sent::new("");
    sent.method = "GET";
    sent.target = "/?Action=GetCallerIdentity&Version=2011-06-15".to_owned();
    sent.sign(&alice(), "sts", "us-east-1", served.now());
    let answer = served.send(&sent).await;
    assert_eq!(answer.element("Arn"), "arn:aws:iam::111122223333:user/alice");
}

#[tokio::test]
async fn other_actions_and_versions_are_unknown() {
    let served = Served::new().await;
    let mut old = Sent::new("Action=GetCallerIdentity&Version=2010-01-01");
    old.header("content-type", "application/x-www-form-urlencoded");
    old.sign(&alice(), "sts", "us-east-1", served.now());
    let get_token = served.sts(&alice(), "Action=GetSessionToken");
    for sent in [old, get_token, served.sts(&alice(), "")] {
        let answer = served.send(&sent).await;
        assert_eq!(
            (answer.status, answer.element("Code").as_str()),
            (400, "InvalidAction")
        );
        assert_eq!(answer.element("Type"), "Sender");
    }
    let broken = served.sts(&alice(), "Action=GetCallerIdentity&Action=AssumeRole");
    assert_eq!(served.send(&broken).await.element("Code"), "MalformedQueryString");
}

#[tokio::test]
async fn a_session_is_the_role_for_its_time_and_no_longer() {
    let served = Served::new().await;
    let form = format!("Action=AssumeRole&{PAYROLL}&RoleSessionName=app-7&DurationSeconds=900");
    let answer = ask(&served, &alice(), &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.element("Arn"),
        "arn:aws:sts::111122223333:assumed-role/Payroll/app-7"
    );
    assert_eq!(answer.element("Expiration"), "2027-01-15T08:15:00Z");
    let id = answer.element("AssumedRoleId");
    assert!(id.starts_with("AROA") && id.ends_with(":app-7"), "{id}");
    let session = Credential {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: Some(answer.element("SessionToken")),
    };
    assert!(session.id.starts_with("ASIA") && session.id.len() == 20);
    assert_eq!(session.secret.len(), 40);
    assert_eq!(identity(&served, &session).await, answer.element("Arn"));
    let list = served.call(&session, "ListKeys", &json!({}));
    assert_eq!(served.send(&list).await.status, 200);

    served.clock.advance(Duration::from_millis(899_999));
    let list = served.call(&session, "ListKeys", &json!({}));
    assert_eq!(served.send(&list).await.status, 200);
    served.clock.advance(Duration::from_millis(1));
    let list = served.call(&session, "ListKeys", &json!({}));
    let answer = served.send(&list).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "ExpiredTokenException")
    );
    let answer = ask(&served, &session, "Action=GetCallerIdentity").await;
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (403, "ExpiredToken")
    );
    // Who cannot sign does not learn that there was a session.
    let thief = Credential {
        secret: "x".repeat(40),
        ..session
    };
    let answer = served.send(&served.call(&thief, "ListKeys", &json!({}))).await;
    assert_eq!(answer.error(), "InvalidSignatureException");
}

#[tokio::test]
async fn a_token_belongs_to_its_access_key_and_no_bit_of_it_can_be_changed() {
    let served = Served::new().await;
    let form = format!("{PAYROLL}&RoleSessionName=app-7");
    let one = served.assume(&alice(), &form).await;
    let other = served.assume(&alice(), &form).await;
    assert_ne!((&one.id, &one.secret), (&other.id, &other.secret));
    let nobody = async |who: &Credential| {
        let answer = served.send(&served.call(who, "ListKeys", &json!({}))).await;
        assert_eq!(answer.error(), "UnrecognizedClientException");
    };
    nobody(&Credential {
        token: other.token.clone(),
        ..one.clone()
    })
    .await;
    nobody(&Credential {
        token: None,
        ..one.clone()
    })
    .await;
    let token = one.token.clone().unwrap();
    for at in [0, 1, 40, token.len() / 2, token.len() - 8] {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let token = Some(String::from_utf8(changed).unwrap());
        nobody(&Credential { token, ..one.clone() }).await;
    }
    let long = "A".repeat(12_000);
    nobody(&Credential {
        token: Some(long),
        ..one.clone()
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_with_its_role_and_with_the_policies_that_limit_it() {
    let served = Served::new().await;
    let session = served
        .assume(&alice(), &format!("{PAYROLL}&RoleSessionName=app-7"))
        .await;
    let arn = "PolicyArns.member.1.arn=arn:aws:iam::111122223333:policy/list-only";
    let limited = served
        .assume(&alice(), &format!("{PAYROLL}&RoleSessionName=app-7&{arn}"))
        .await;
    let list = async |who: &Credential| served.send(&served.call(who, "ListKeys", &json!({}))).await;
    assert_eq!(list(&session).await.status, 200);
    assert_eq!(list(&limited).await.status, 200);

    let file = served.directory.path().join("identities.toml");
    let reload = |from: &str, to: &str| {
        let text = super::kit::IDENTITIES.replace(from, to);
        assert_ne!(text, super::kit::IDENTITIES);
        write_private(&file, &text);
        served.kms.reload_identities().unwrap();
    };
    reload("list-only =", "list-other =");
    assert_eq!(list(&session).await.status, 200);
    assert_eq!(list(&limited).await.error(), "UnrecognizedClientException");
    reload("name = \"Payroll\"", "name = \"Payday\"");
    assert_eq!(list(&session).await.error(), "UnrecognizedClientException");
    reload("path = \"/teams/\"", "path = \"/team/\"");
    assert_eq!(list(&session).await.error(), "UnrecognizedClientException");
    // A role made anew is another role, if it is called the same.
    write_private(&file, super::kit::IDENTITIES);
    served.kms.reload_identities().unwrap();
    assert_eq!(list(&session).await.error(), "UnrecognizedClientException");
    let session = served
        .assume(&alice(), &format!("{PAYROLL}&RoleSessionName=app-7"))
        .await;
    served.kms.reload_identities().unwrap();
    assert_eq!(list(&session).await.status, 200);
}

#[tokio::test]
async fn trust_policy_and_identity_policy_decide() {
    let served = Served::new().await;
    let not_authorized = |who: &str, action: &str, role: &str| {
        let message = format!("User: {who} is not authorized to perform: {action} on resource: {role}");
        (403, "AccessDenied".to_owned(), message)
    };
    let bob_arn = "arn:aws:iam::111122223333:user/bob";
    let payroll = "arn:aws:iam::111122223333:role/teams/Payroll";
    let for_carol = "arn:aws:iam::111122223333:role/ForCarol";
    // The trust policy leaves it to the account, and no policy of bob's allows.
    let refused = refusal(&served, &bob(), &format!("{PAYROLL}&RoleSessionName=ab")).await;
    assert_eq!(refused, not_authorized(bob_arn, "sts:AssumeRole", payroll));
    // A role that is not there is no other answer.
    let nowhere = "RoleArn=arn:aws:iam::111122223333:role/Nowhere&RoleSessionName=ab";
    let refused = refusal(&served, &alice(), nowhere).await;
    let alice_arn = "arn:aws:iam::111122223333:user/alice";
    let nowhere = "arn:aws:iam::111122223333:role/Nowhere";
    assert_eq!(refused, not_authorized(alice_arn, "sts:AssumeRole", nowhere));
    // Another account's user is named, and must bring what was agreed.
    let with_id = format!("{FOR_CAROL}&RoleSessionName=ab&ExternalId=agreed");
    let session = served.assume(&carol(), &with_id).await;
    let arn = identity(&served, &session).await;
    assert_eq!(arn, "arn:aws:sts::111122223333:assumed-role/ForCarol/ab");
    let refused = refusal(&served, &carol(), &format!("{FOR_CAROL}&RoleSessionName=ab")).await;
    let carol_arn = "arn:aws:iam::444455556666:user/carol";
    assert_eq!(refused, not_authorized(carol_arn, "sts:AssumeRole", for_carol));
    let refused = refusal(&served, &alice(), &with_id).await;
    assert_eq!(refused, not_authorized(alice_arn, "sts:AssumeRole", for_carol));
    // Tags need a permission of their own.
    let tags = format!("{with_id}&Tags.member.1.Key=a&Tags.member.1.Value=b");
    let refused = refusal(&served, &carol(), &tags).await;
    assert_eq!(refused, not_authorized(carol_arn, "sts:TagSession", for_carol));
    // Nobody is root in a role.
    let refused = refusal(&served, &root(), &format!("{PAYROLL}&RoleSessionName=ab")).await;
    assert_eq!(refused.2, "Roles may not be assumed by root accounts.");
}

#[tokio::test]
async fn constraints_hold_at_their_exact_values() {
    let served = Served::new().await;
    let name = |name: &str| format!("{PAYROLL}&RoleSessionName={name}");
    let with = |more: &str| format!("{PAYROLL}&RoleSessionName=ab&{more}");
    let long = |length: usize| "x".repeat(length);
    for good in [
        name("ab"),
        name(&long(64)),
        with("DurationSeconds=900"),
        with("DurationSeconds=7200"),
        with(&format!("ExternalId={}", long(1_224))),
        with("SourceIdentity=me"),
        with(&format!(
            "Tags.member.1.Key={}&Tags.member.1.Value={}",
            long(128),
            long(256)
        )),
    ] {
        served.assume(&alice(), &good).await;
    }
    for (bad, code) in [
        ("RoleSessionName=ab".to_owned(), "ValidationError"),
        (PAYROLL.to_owned(), "ValidationError"),
        ("RoleArn=short&RoleSessionName=ab".to_owned(), "ValidationError"),
        (name("a"), "ValidationError"),
        (name(&long(65)), "ValidationError"),
        (name("a%2Fb"), "ValidationError"),
        (with("DurationSeconds=899"), "ValidationError"),
        (with("DurationSeconds=7201"), "ValidationError"),
        (with("DurationSeconds=43201"), "ValidationError"),
        (with("DurationSeconds=x"), "MalformedInput"),
        (with("ExternalId=a"), "ValidationError"),
        (with(&format!("ExternalId={}", long(1_225))), "ValidationError"),
        (with("SourceIdentity=a"), "ValidationError"),
        (with("Policy=%7B%7D"), "MalformedPolicyDocument"),
        (with(&format!("Policy={}", long(2_049))), "ValidationError"),
        (
            with("PolicyArns.member.1.arn=arn:aws:iam::111122223333:policy/none"),
            "ValidationError",
        ),
        (
            with("PolicyArns.member.1.arn=arn:aws:iam::444455556666:policy/list-only"),
            "ValidationError",
        ),
        (with("Tags.member.1.Key=a"), "ValidationError"),
        (
            with("Tags.member.1.Key=aws:x&Tags.member.1.Value="),
            "ValidationError",
        ),
        (
            with(&format!("Tags.member.1.Key={}&Tags.member.1.Value=", long(129))),
            "ValidationError",
        ),
        (
            with("Tags.member.1.Key=a&Tags.member.1.Value=&Tags.member.2.Key=A&Tags.member.2.Value="),
            "InvalidParameterValue",
        ),
        (with("TransitiveTagKeys.member.1=a"), "InvalidParameterValue"),
    ] {
        let refused = refusal(&served, &alice(), &bad).await;
        assert_eq!((refused.0, refused.1.as_str()), (400, code), "{bad}");
    }
}

#[tokio::test]
async fn what_a_token_cannot_carry_is_too_large() {
    let served = Served::new().await;
    let tags = |count: usize, length: usize| {
        let value = "v".repeat(length);
        let tag = |n: usize| format!("&Tags.member.{n}.Key=key{n}&Tags.member.{n}.Value={value}");
        format!(
            "{PAYROLL}&RoleSessionName=ab{}",
            (1..=count).map(tag).collect::<String>()
        )
    };
    let session = served.assume(&alice(), &tags(20, 250)).await;
    assert_eq!(
        served
            .send(&served.call(&session, "ListKeys", &json!({})))
            .await
            .status,
        200
    );
    let refused = refusal(&served, &alice(), &tags(30, 250)).await;
    assert_eq!((refused.0, refused.1.as_str()), (400, "PackedPolicyTooLarge"));
    let refused = refusal(&served, &alice(), &tags(51, 1)).await;
    assert_eq!(refused.1, "ValidationError");
}

#[tokio::test]
async fn a_session_hands_on_what_is_transitive_and_nothing_else() {
    let served = Served::new().await;
    let first = format!(
        "{PAYROLL}&RoleSessionName=first&SourceIdentity=alice&Tags.member.1.Key=keep&Tags.member.1.Value=1\
         &Tags.member.2.Key=drop&Tags.member.2.Value=2&TransitiveTagKeys.member.1=keep"
    );
    let session = served.assume(&alice(), &first).await;
    let second = format!("Action=AssumeRole&{PAYROLL}&RoleSessionName=second");
    let answer = ask(&served, &session, &second).await;
    assert_eq!(answer.element("SourceIdentity"), "alice");
    // An hour is the longest of a chain, whatever the role allows.
    let refused = refusal(
        &served,
        &session,
        &format!("{PAYROLL}&RoleSessionName=second&DurationSeconds=3601"),
    )
    .await;
    assert!(refused.2.contains("role chaining"), "{}", refused.2);
    let again = format!("{PAYROLL}&RoleSessionName=second&Tags.member.1.Key=Keep&Tags.member.1.Value=2");
    assert_eq!(
        refusal(&served, &session, &again).await.1,
        "InvalidParameterValue"
    );
    let other = format!("{PAYROLL}&RoleSessionName=second&SourceIdentity=bob");
    assert_eq!(refusal(&served, &session, &other).await.1, "AccessDenied");
}

#[tokio::test]
async fn a_new_process_knows_no_old_session() {
    let served = Served::new().await;
    let session = served
        .assume(&alice(), &format!("{PAYROLL}&RoleSessionName=ab"))
        .await;
    let front = kms::Front::new(served.kms.clone(), &ambient::SeededRandom::new(10)).unwrap();
    let address = listener::Address::Tcp(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    let config = listener::ListenerConfig::new("other", address);
    let clock: std::sync::Arc<dyn ambient::Clock> = served.clock.clone();
    let listener = listener::Listener::bind(&config, clock).unwrap();
    let address = listener.control().local_addr().tcp().unwrap();
    tokio::spawn(listener.serve(std::sync::Arc::new(front)));
    let elsewhere = Served { address, ..served };
    let answer = elsewhere
        .send(&elsewhere.call(&session, "ListKeys", &json!({})))
        .await;
    assert_eq!(answer.error(), "UnrecognizedClientException");
}
