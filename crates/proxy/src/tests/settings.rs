//! The limits of the limits.

use ambient::{FailingRandom, ManualClock, Timestamp};

use crate::{Proxy, Settings, SettingsError, StartError};

#[test]
fn size_limits_lie_between_the_specification_and_the_formats() {
    let with = |plaintext, aad| Settings {
        max_plaintext_bytes: plaintext,
        max_aad_bytes: aad,
        ..Settings::default()
    };
    for (plaintext, aad) in [(4300, 8192), (65_535, 65_535)] {
        assert_eq!(with(plaintext, aad).check(), Ok(()));
    }
    for (plaintext, aad) in [(4299, 8192), (65_536, 8192), (4300, 8191), (4300, 65_536)] {
        assert!(matches!(
            with(plaintext, aad).check(),
            Err(SettingsError::Size(_))
        ));
    }
}

#[test]
fn host_names_are_host_names() {
    let with = |name: &str| Settings {
        host_names: vec!["xks.example.com".to_owned(), name.to_owned()],
        ..Settings::default()
    };
    for good in ["localhost:8443", "[::1]:8443", "XKS.example.com"] {
        assert_eq!(with(good).check(), Ok(()));
    }
    for bad in ["", "https://xks.example.com", "a b", &"h".repeat(260)] {
        assert_eq!(with(bad).check(), Err(SettingsError::HostName(bad.to_owned())));
    }
}

#[test]
fn unknown_settings_are_refused_and_all_are_optional() {
    assert_eq!(
        serde_json::from_str::<Settings>("{}").unwrap(),
        Settings::default()
    );
    assert!(serde_json::from_str::<Settings>(r#"{"max_plaintext": 1}"#).is_err());
}

#[test]
fn no_proxy_starts_without_randomness() {
    let clock = std::sync::Arc::new(ManualClock::at(Timestamp::from_secs(1)));
    let sealed = Proxy::sealed(&Settings::default(), clock, &FailingRandom);
    assert!(matches!(sealed, Err(StartError::Random(_))));
}
