//! What a caller reads when refused.

use iam::Decision;

use crate::scenario::scenarios;

fn message(case: &str) -> String {
    let text = format!("== message\n{case}");
    scenarios(&text)[0].run(|decision, _| match decision {
        Decision::Denied(denial) => denial.message(),
        Decision::Allowed(_) => panic!("allowed: {case}"),
    })
}

const ALICE: &str = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: kms:Encrypt";
const ON_KEY: &str =
    "on resource: arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

#[test]
fn implicit_denials_name_the_kind_of_policy() {
    assert_eq!(
        message("key Allow account kms:* *"),
        format!("{ALICE} {ON_KEY} because no identity-based policy allows the kms:Encrypt action")
    );
    assert_eq!(
        message("key Allow bob kms:* *"),
        format!("{ALICE} {ON_KEY} because no resource-based policy allows the kms:Encrypt action")
    );
    for (word, name) in [
        ("boundary", "permissions boundary"),
        ("session", "session policy"),
        ("scp", "service control policy"),
    ] {
        assert_eq!(
            message(&format!("key Allow * kms:* *\n{word} Allow - s3:* *")),
            format!("{ALICE} {ON_KEY} because no {name} allows the kms:Encrypt action")
        );
    }
    assert_eq!(
        message("key Allow * kms:* *\nvpce Allow bob kms:* *"),
        format!("{ALICE} {ON_KEY} because no VPC endpoint policy allows the kms:Encrypt action")
    );
}

#[test]
fn explicit_denials_name_the_kind_of_policy() {
    for (word, who, name) in [
        ("key", "alice", "a resource-based policy"),
        ("identity", "-", "an identity-based policy"),
        ("boundary", "-", "a permissions boundary"),
        ("session", "-", "a session policy"),
        ("scp", "-", "a service control policy"),
        ("vpce", "alice", "a VPC endpoint policy"),
    ] {
        assert_eq!(
            message(&format!("key Allow alice kms:* *\n{word} Deny {who} kms:* *")),
            format!("{ALICE} {ON_KEY} with an explicit deny in {name}")
        );
    }
}

#[test]
fn a_session_is_named_by_its_own_arn_and_no_resource_is_a_star() {
    assert_eq!(
        message("caller admin\naction kms:CreateKey\non *\nno key"),
        "User: arn:aws:sts::111122223333:assumed-role/ops/admin is not authorized to perform: kms:CreateKey \
         on resource: * because no identity-based policy allows the kms:CreateKey action"
    );
}

#[test]
fn existence_does_not_show_across_accounts() {
    let missing = message("caller eve\nidentity Allow - kms:* *\nno policy");
    assert_eq!(
        missing,
        "User: arn:aws:iam::444455556666:user/eve is not authorized to perform: kms:Encrypt on this resource \
         because the resource does not exist in this Region, no resource-based policies allow access, or a \
         resource-based policy explicitly denies access"
    );
    for identity in [
        "",
        "identity Allow - kms:* *\n",
        "identity Deny - kms:* *\n",
        "boundary Allow - s3:* *\n",
    ] {
        for key in [
            "no policy",
            "key Allow account kms:* *",
            "key Deny * kms:* *",
            "key Allow eve kms:Sign *",
            "unreadable",
        ] {
            let told = message(&format!("caller eve\n{identity}{key}"));
            assert_eq!(told, missing, "{identity}{key}");
        }
    }
}
