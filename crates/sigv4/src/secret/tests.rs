use super::*;

fn scope(region: &str) -> Scope<'_> {
    Scope {
        date: *b"20240515",
        region,
        service: "kms-xks-proxy",
    }
}

fn remember(secret: &SecretAccessKey, region: &str) {
    let scope = scope(region);
    secret.remember(&scope, SigningKey::derive(secret, &scope));
}

#[test]
fn a_secret_remembers_a_bounded_number_of_keys_and_drops_the_oldest() {
    let secret = SecretAccessKey::new("secret".to_owned());
    let regions: Vec<String> = (0..=limits::DERIVED_KEYS)
        .map(|n| format!("region-{n}"))
        .collect();
    for region in &regions {
        remember(&secret, region);
        assert!(secret.derived.load().len() <= limits::DERIVED_KEYS);
    }
    assert!(secret.remembered(&scope(&regions[0])).is_none());
    for region in &regions[1..] {
        assert!(secret.remembered(&scope(region)).is_some());
    }
}

#[test]
fn the_same_scope_takes_one_place() {
    let secret = SecretAccessKey::new("secret".to_owned());
    remember(&secret, "a");
    remember(&secret, "b");
    remember(&secret, "a");
    assert_eq!(secret.derived.load().len(), 2);
}

#[test]
fn a_key_serves_its_own_scope_alone() {
    let secret = SecretAccessKey::new("secret".to_owned());
    remember(&secret, "a");
    let own = scope("a");
    assert!(secret.remembered(&own).is_some());
    for other in [
        Scope { region: "b", ..own },
        Scope {
            service: "kms",
            ..own
        },
        Scope {
            date: *b"20240516",
            ..own
        },
    ] {
        assert!(secret.remembered(&other).is_none());
    }
}
