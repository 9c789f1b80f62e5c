//! Accounts, Regions, key ids, ARNs, aliases.

use ambient::SeededRandom;
use kms_api::{
    AccountId, AliasArn, AliasName, KeyArn, KeyId, KeyReference, MalformedReference, Region, RequestedKey,
};

const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

#[test]
fn accounts_are_twelve_digits_and_keep_their_zeros() {
    let account: AccountId = "000000000123".parse().unwrap();
    assert_eq!(account.to_string(), "000000000123");
    for text in [
        "",
        "11112222333",
        "1111222233334",
        "11112222333a",
        "+11122223333",
        "١١١١٢٢٢٢٣٣٣٣",
    ] {
        assert!(text.parse::<AccountId>().is_err(), "{text}");
    }
}

#[test]
fn regions_know_their_partition() {
    for (region, partition) in [
        ("us-east-1", "aws"),
        ("ap-southeast-12", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ] {
        assert_eq!(region.parse::<Region>().unwrap().partition(), partition);
    }
    for text in [
        "",
        "us",
        "us-1",
        "us-east",
        "US-EAST-1",
        "us-east-1a",
        "a-b-c-d-1",
        "us--east-1",
        "us-east-1\n",
    ] {
        assert!(text.parse::<Region>().is_err(), "{text}");
    }
    assert!(
        "us-east-"
            .chars()
            .chain("1".repeat(24).chars())
            .collect::<String>()
            .parse::<Region>()
            .is_ok()
    );
    assert!(
        "us-east-"
            .chars()
            .chain("1".repeat(25).chars())
            .collect::<String>()
            .parse::<Region>()
            .is_err()
    );
}

#[test]
fn key_ids_are_uuids_or_multi_region() {
    for text in [ID, "mrk-1234abcd12ab34cd56ef1234567890ab"] {
        assert_eq!(text.parse::<KeyId>().unwrap().as_str(), text);
    }
    for text in [
        "",
        "1234abcd-12ab-34cd-56ef-1234567890a",
        "1234abcd-12ab-34cd-56ef-1234567890ab-",
        "1234ABCD-12ab-34cd-56ef-1234567890ab",
        "1234abcd12ab34cd56ef1234567890ab",
        "mrk-1234abcd12ab34cd56ef1234567890abc",
        "mrk-1234abcd-12ab-34cd-56ef-1234567890ab",
    ] {
        assert!(text.parse::<KeyId>().is_err(), "{text}");
    }
}

#[test]
fn fresh_key_ids_are_random_uuids() {
    let random = SeededRandom::new(1);
    let (a, b) = (
        KeyId::generate(&random).unwrap(),
        KeyId::generate(&random).unwrap(),
    );
    assert_ne!(a, b);
    for id in [a, b] {
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!(&id.as_str()[14..15], "4", "version");
        assert!(matches!(&id.as_str()[19..20], "8" | "9" | "a" | "b"), "variant");
    }
}

#[test]
fn arns_print_as_they_were_read() {
    let text = format!("arn:aws-cn:kms:cn-north-1:111122223333:key/{ID}");
    let arn: KeyArn = text.parse().unwrap();
    assert_eq!(arn.to_string(), text);
    assert_eq!((arn.id().as_str(), arn.region().as_str()), (ID, "cn-north-1"));
    assert_eq!(arn.account().to_string(), "111122223333");
    let text = "arn:aws:kms:us-east-1:111122223333:alias/a/b:c";
    let arn: AliasArn = text.parse().unwrap();
    assert_eq!(arn.to_string(), text);
    assert_eq!(arn.name().as_str(), "alias/a/b:c");
}

#[test]
fn what_is_no_arn_of_kms_is_refused() {
    for text in [
        format!("arn:aws:kms:us-east-1:111122223333:{ID}"),
        format!("arn:aws:kms:us-east-1:111122223333:key/{ID}/x"),
        format!("arn:aws:kms:us-east-1:11112222333:key/{ID}"),
        format!("arn:aws:kms::111122223333:key/{ID}"),
        format!("arn:aws:s3:us-east-1:111122223333:key/{ID}"),
        format!("arn:aws-cn:kms:us-east-1:111122223333:key/{ID}"),
        format!("ARN:aws:kms:us-east-1:111122223333:key/{ID}"),
        "arn:aws:kms:us-east-1:111122223333:key/".to_owned(),
    ] {
        assert!(text.parse::<KeyArn>().is_err(), "{text}");
    }
    assert!(
        "arn:aws:kms:us-east-1:111122223333:alias/"
            .parse::<AliasArn>()
            .is_err()
    );
}

#[test]
fn alias_names_are_bounded_exactly() {
    let longest = format!("alias/{}", "a".repeat(250));
    assert!(longest.parse::<AliasName>().is_ok());
    for text in [
        format!("{longest}a"),
        "alias/".into(),
        "alias".into(),
        "Alias/a".into(),
        "alias/a b".into(),
    ] {
        assert!(text.parse::<AliasName>().is_err(), "{text}");
    }
    assert!("alias/aws/ebs".parse::<AliasName>().unwrap().is_reserved());
    assert!(!"alias/awsome".parse::<AliasName>().unwrap().is_reserved());
}

#[test]
fn a_key_reference_has_four_forms() {
    let reference = |text: &str| RequestedKey::new(text).reference();
    assert!(matches!(reference(ID), Ok(KeyReference::KeyId(_))));
    let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{ID}");
    assert!(matches!(reference(&arn), Ok(KeyReference::KeyArn(_))));
    assert!(matches!(reference("alias/a"), Ok(KeyReference::AliasName(_))));
    let alias = "arn:aws:kms:us-east-1:111122223333:alias/a";
    assert!(matches!(reference(alias), Ok(KeyReference::AliasArn(_))));
    assert_eq!(reference(alias).unwrap().to_string(), alias);
    assert_eq!(reference("arn:aws:kms"), Err(MalformedReference::Arn));
    assert_eq!(reference("nonsense"), Err(MalformedReference::Id));
}
