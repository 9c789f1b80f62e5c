//! Profiles and the table of return codes, without a module.

use std::collections::HashSet;

use cryptoki::error::{Rv, RvError};
use pkcs11::return_codes::{self, Meaning};
use pkcs11::{GcmParameters, IvSource, Profile, ProfileError, Wrapping};

const MINIMAL: &str = "product = 'x'\ntried = 'x'\nread = []\niv = { caller = 12 }\n\
                       gcm-parameters = 'without-iv-bits'\nmax-message = 10\n";

#[test]
fn every_built_in_profile_says_what_was_tried_and_where_the_rest_was_read() {
    for name in Profile::names() {
        let profile = Profile::named(name).unwrap();
        assert!(
            !profile.tried().is_empty() && !profile.product().is_empty(),
            "{name}"
        );
        assert!(name == "softhsm" || profile.read().iter().all(|url| url.starts_with("https://")));
        assert_eq!(profile.read().is_empty(), name == "softhsm", "{name}");
    }
    assert!(Profile::named("nobody").is_none());
}

#[test]
fn the_products_differ_as_their_documents_say() {
    let iv = |name| Profile::named(name).unwrap().iv();
    assert_eq!(iv("softhsm"), IvSource::Caller(12));
    assert_eq!(iv("luna"), IvSource::Caller(12));
    assert_eq!(iv("luna-fips"), IvSource::TokenAppends(16));
    assert_eq!(iv("cloudhsm"), IvSource::TokenFillsZeroed(12));
    let cloudhsm = Profile::named("cloudhsm").unwrap();
    assert_eq!(cloudhsm.max_message() + 16, 16 * 1024);
    assert_eq!(cloudhsm.wrapping(), None);
    let softhsm = Profile::named("softhsm").unwrap();
    assert_eq!(softhsm.wrapping(), Some(Wrapping::AesKeyWrap));
    assert!(softhsm.restart_on_loss() && !cloudhsm.restart_on_loss());
}

#[test]
fn a_profile_gives_a_code_another_meaning() {
    let text =
        format!("{MINIMAL}[return-codes]\nCKR_GENERAL_ERROR = 'not-authentic'\n0x80000002 = 'token-gone'\n");
    let profile = Profile::parse(&text).unwrap();
    assert_eq!(profile.gcm_parameters(), GcmParameters::WithoutIvBits);
    assert_eq!(profile.meaning(RvError::GeneralError), Meaning::NotAuthentic);
    assert_eq!(
        profile.meaning(RvError::VendorDefined(0x8000_0002)),
        Meaning::TokenGone
    );
    assert_eq!(
        profile.meaning(RvError::VendorDefined(0x8000_0003)),
        Meaning::Ambiguous
    );
    assert_eq!(profile.meaning(RvError::PinLocked), Meaning::PinLocked);
}

#[test]
fn a_profile_that_cannot_be_right_is_refused() {
    let with = |from: &str, to: &str| Profile::parse(&MINIMAL.replace(from, to));
    assert!(Profile::parse(MINIMAL).is_ok());
    for iv in [
        "{ caller = 11 }",
        "{ caller = 13 }",
        "{ token-appends = 0 }",
        "{ token-fills-zeroed = 17 }",
    ] {
        assert!(
            matches!(with("{ caller = 12 }", iv), Err(ProfileError::Value(_))),
            "{iv}"
        );
    }
    assert!(with("= 10\n", "= 1048576\n").is_ok());
    for len in ["= 0\n", "= 1048577\n"] {
        assert!(
            matches!(with("= 10\n", len), Err(ProfileError::Value(_))),
            "{len}"
        );
    }
    assert!(matches!(with("tried", "tired"), Err(ProfileError::Syntax(_))));
    for code in ["CKR_NO_SUCH", "12", "0xg", "0x123456789"] {
        let text = format!("{MINIMAL}[return-codes]\n{code} = 'busy'\n");
        assert_eq!(
            Profile::parse(&text),
            Err(ProfileError::ReturnCode(code.to_owned()))
        );
    }
}

#[test]
fn every_code_that_the_standard_numbers_is_in_the_table_once() {
    let known: Vec<RvError> = (0..0x1000).filter_map(cryptokis).collect();
    let named: HashSet<&str> = return_codes::STANDARD.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(named.len(), return_codes::STANDARD.len());
    assert_eq!(known.len(), return_codes::STANDARD.len());
    for code in known {
        let row = return_codes::STANDARD.iter().find(|(listed, ..)| *listed == code);
        let (_, name, meaning) = row.unwrap();
        assert_eq!(return_codes::name(code), *name);
        assert_eq!(return_codes::standard(code), *meaning);
    }
}

#[test]
fn newer_codes_are_no_others_and_have_names() {
    for (number, name, meaning) in return_codes::NEWER {
        assert!(
            cryptokis(*number).is_none(),
            "{name} has its place in the other table now"
        );
        let code = standard(*number).unwrap();
        assert_eq!(
            (return_codes::name(code).as_str(), return_codes::standard(code)),
            (*name, *meaning)
        );
        let text = format!("{MINIMAL}[return-codes]\n{name} = 'busy'\n");
        assert_eq!(Profile::parse(&text).unwrap().meaning(code), Meaning::Busy);
    }
}

/// The code with this number, if the standard has one.
pub(crate) fn standard(number: u64) -> Option<RvError> {
    let newer = return_codes::NEWER.iter().any(|(known, ..)| *known == number);
    cryptokis(number).or_else(|| newer.then_some(RvError::UnknownErrorCode(number)))
}

fn cryptokis(number: u64) -> Option<RvError> {
    match Rv::from(number) {
        Rv::Error(RvError::UnknownErrorCode(_) | RvError::VendorDefined(_)) | Rv::Ok => None,
        Rv::Error(code) => Some(code),
    }
}
