use pkcs11::slots::MechanismInfo;

use super::*;

fn mechanism(name: &str) -> MechanismInfo {
    MechanismInfo {
        name: name.to_owned(),
        key_sizes: (16, 32),
        encrypts: true,
        generates: true,
        wraps: true,
    }
}

fn token() -> PublicInfo {
    PublicInfo {
        label: "one".to_owned(),
        manufacturer: "maker".to_owned(),
        model: "model".to_owned(),
        serial: "1".to_owned(),
        firmware_version: "1.0".to_owned(),
        max_sessions: None,
        sessions: None,
        flags: vec![Flag::Initialised, Flag::UserPinSet, Flag::LoginRequired],
        mechanisms: ["CKM_AES_GCM", "CKM_AES_KEY_GEN", "CKM_AES_KEY_WRAP"]
            .map(mechanism)
            .to_vec(),
    }
}

fn failures(token: &PublicInfo) -> Vec<String> {
    of_token(7, token, Some("softhsm"))
        .into_iter()
        .filter(|finding| finding.mark == Mark::Failed)
        .map(|finding| format!("{}: {}", finding.what, finding.fix.unwrap()))
        .collect()
}

#[test]
fn whatever_is_missing_is_named_with_what_to_do() {
    assert_eq!(failures(&token()), [""; 0]);

    let mut blank = token();
    blank.flags.clear();
    assert!(failures(&blank)[0].contains("--slot 7"));

    let mut locked = token();
    locked.flags.push(Flag::PinLocked);
    assert!(failures(&locked)[0].contains("security officer"));

    let mut without_pin = token();
    without_pin.flags.retain(|flag| *flag != Flag::UserPinSet);
    assert!(failures(&without_pin)[0].starts_with("the user has no PIN yet"));

    let mut without_gcm = token();
    without_gcm.mechanisms.remove(0);
    assert!(failures(&without_gcm)[0].starts_with("no AES-GCM"));

    let mut forbidden = token();
    forbidden.mechanisms[0].encrypts = false;
    assert!(failures(&forbidden)[0].starts_with("AES-GCM does not encrypt"));
}

#[test]
fn what_only_limits_is_no_failure() {
    let mut token = token();
    token.mechanisms.truncate(1);
    token.max_sessions = Some(2);
    token.flags.extend([Flag::WriteProtected, Flag::PinFinalTry]);
    assert_eq!(failures(&token), [""; 0]);
    let notes: Vec<_> = of_token(0, &token, None)
        .into_iter()
        .filter(|finding| finding.mark == Mark::Note)
        .map(|finding| finding.what)
        .collect();
    for word in [
        "one more wrong PIN",
        "write-protected",
        "makes no AES keys",
        "at most 2 sessions",
    ] {
        assert!(notes.iter().any(|note| note.contains(word)), "{word}: {notes:?}");
    }
}

#[test]
fn an_interface_older_than_the_mechanism_is_noted() {
    let module = |cryptoki: &str| ModuleInfo {
        manufacturer: "SoftHSM".to_owned(),
        description: String::new(),
        version: "2.6".to_owned(),
        cryptoki: cryptoki.to_owned(),
        slots: Vec::new(),
    };
    assert!(of_interface(&module("2.11")).is_some());
    assert!(of_interface(&module("2.1")).is_some());
    for new in ["2.20", "2.30", "2.40", "3.0", "3.2", "2.3", "2.4"] {
        assert_eq!(of_interface(&module(new)), None, "{new}");
    }
    assert_eq!(profile_of(&module("2.40"), None), Some("softhsm"));
}
