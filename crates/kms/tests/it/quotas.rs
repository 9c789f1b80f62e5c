//! Request quotas.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock};
use kms::quotas::{QuotaSettings, Quotas};
use kms_api::{AccountId, Operation, Region};

use crate::support::{ACCOUNT, OTHER_ACCOUNT, START};

fn quotas(settings: &str) -> (Arc<ManualClock>, Quotas) {
    let clock = Arc::new(ManualClock::at(START));
    let settings: QuotaSettings = toml::from_str(settings).unwrap();
    let quotas = Quotas::new(&settings, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    (clock, quotas)
}

fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn region() -> Region {
    "us-east-1".parse().unwrap()
}

/// How many charges in a row are taken, at most `limit`.
fn taken(limit: usize, charge: impl Fn() -> bool) -> usize {
    (0..limit).take_while(|_| charge()).count()
}

#[test]
fn a_key_store_takes_1800_a_second_and_refills_evenly() {
    let (clock, quotas) = quotas("");
    let charge = || quotas.charge_key_store("cks-1").is_ok();
    assert_eq!(taken(5_000, charge), 1_800);
    clock.advance(Duration::from_millis(100));
    assert_eq!(taken(5_000, charge), 180);
    // Another store has its own; what rests does not add up.
    assert_eq!(taken(5_000, || quotas.charge_key_store("cks-2").is_ok()), 1_800);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(taken(5_000, charge), 1_800);
}

#[test]
fn rates_can_be_set() {
    for rate in [1, 3, 7, 1_799, 6_007, 19_997] {
        let (_, quotas) = quotas(&format!("custom_key_store_requests_per_second = {rate}"));
        assert_eq!(taken(30_000, || quotas.charge_key_store("cks-1").is_ok()), rate);
    }
    let (_, quotas) = quotas(
        "custom_key_store_requests_per_second = 3\ncryptographic_requests_per_second = 4.0\noperations = { CreateKey = 7 }",
    );
    let of = |operation| {
        taken(20_000, || {
            quotas.charge(account(ACCOUNT), &region(), operation).is_ok()
        })
    };
    assert_eq!(taken(100, || quotas.charge_key_store("cks-1").is_ok()), 3);
    assert_eq!(of(Operation::CreateKey), 7);
    assert_eq!(of(Operation::Encrypt), 4);
    // Shared with Encrypt.
    assert_eq!(of(Operation::Decrypt), 0);
    assert_eq!(of(Operation::DescribeKey), 2_000);
    assert_eq!(of(Operation::CreateAlias), 5);
}

#[test]
fn accounts_and_regions_do_not_share() {
    let (_, quotas) = quotas("");
    let charge = |id: &str, region: &str| {
        taken(100, || {
            let region = region.parse().unwrap();
            quotas.charge(account(id), &region, Operation::CreateKey).is_ok()
        })
    };
    assert_eq!(charge(ACCOUNT, "us-east-1"), 5);
    assert_eq!(charge(ACCOUNT, "us-east-1"), 0);
    assert_eq!(charge(OTHER_ACCOUNT, "us-east-1"), 5);
    assert_eq!(charge(ACCOUNT, "eu-west-1"), 5);
}

#[test]
fn one_in_four_seconds_is_one_in_four_seconds() {
    let (clock, quotas) = quotas("");
    let charge = || {
        quotas
            .charge(account(ACCOUNT), &region(), Operation::GetParametersForImport)
            .is_ok()
    };
    assert_eq!(taken(10, charge), 1);
    clock.advance(Duration::from_millis(3_999));
    assert_eq!(taken(10, charge), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(taken(10, charge), 1);
}

#[test]
fn rates_that_cannot_be_meant_are_refused() {
    for wrong in ["0", "-1", "1000001", "nan", "inf", "\"5\""] {
        let text = format!("custom_key_store_requests_per_second = {wrong}");
        assert!(toml::from_str::<QuotaSettings>(&text).is_err(), "{wrong}");
    }
    assert!(toml::from_str::<QuotaSettings>("requests = 1").is_err());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(START));
    for name in ["Encrypt", "createkey", "Nope"] {
        let settings: QuotaSettings = toml::from_str(&format!("operations = {{ {name} = 1 }}")).unwrap();
        assert!(Quotas::new(&settings, Arc::clone(&clock)).is_err(), "{name}");
    }
}

#[test]
fn memory_is_bounded_by_what_is_in_use() {
    let (clock, quotas) = quotas("");
    for number in 0..100_000 {
        assert!(quotas.charge_key_store(&format!("cks-{number}")).is_ok());
        clock.advance(Duration::from_millis(1));
    }
}
