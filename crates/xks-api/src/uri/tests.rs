use super::*;
use ambient::{FailingRandom, SeededRandom};
use proptest::prelude::*;

fn key<'r>(prefix: &'r str, external_key_id: &'r str, operation: KeyOperation) -> Target<'r> {
    Target {
        prefix,
        resource: Resource::Key {
            external_key_id,
            operation,
        },
    }
}

#[test]
fn xks_uri_08_the_four_operations_are_found_behind_any_prefix() {
    for prefix in [
        "",
        "/a",
        "/example/uri/path/prefix",
        "/kms/xks/v1",
        "/keys/k",
        "/-_9",
    ] {
        let path = |rest: &str| format!("{prefix}/kms/xks/v1{rest}");
        assert_eq!(
            parse_path(&path("/health")),
            Ok(Target {
                prefix,
                resource: Resource::Health
            })
        );
        for (segment, operation) in [
            ("metadata", KeyOperation::GetKeyMetadata),
            ("encrypt", KeyOperation::Encrypt),
            ("decrypt", KeyOperation::Decrypt),
        ] {
            assert_eq!(
                parse_path(&path(&format!("/keys/K-1_2.x/{segment}"))),
                Ok(key(prefix, "K-1_2.x", operation))
            );
        }
    }
    assert_eq!(
        parse_path("/kms/xks/v1/keys/health/encrypt").unwrap().operation(),
        Operation::Encrypt
    );
    assert_eq!(
        parse_path("/kms/xks/v1/health").unwrap().operation(),
        Operation::GetHealthStatus
    );
}

#[test]
fn xks_uri_01_paths_are_taken_as_they_are() {
    for path in [
        "",
        "/",
        "health",
        "/health",
        "kms/xks/v1/health",
        "/kms/xks/v1",
        "/kms/xks/v1/",
        "/kms/xks/v1/health/",
        "/kms/xks/v1/health?",
        "/kms/xks/v1/health?x=1",
        "/kms/xks/v1/health#x",
        "/kms/xks/v1//health",
        "//kms/xks/v1/health",
        "/a//b/kms/xks/v1/health",
        "/a//kms/xks/v1/health",
        "/a/./kms/xks/v1/health",
        "/a/../kms/xks/v1/health",
        "/%61/kms/xks/v1/health",
        "/kms/xks/v1/%68ealth",
        "/kms/xks/v1/Health",
        "/KMS/xks/v1/health",
        "/kms/xks/v2/health",
        "/kms/xks/v1/health/invalid",
        "a/kms/xks/v1/health",
        "/akms/xks/v1/health ",
        "/ä/kms/xks/v1/health",
        "/kms/xks/v1/keys/encrypt",
        "/kms/xks/v1/keys//encrypt",
        "/kms/xks/v1/keys/k/Encrypt",
        "/kms/xks/v1/keys/k/encrypt/",
        "/kms/xks/v1/keys/k/sign",
        "/kms/xks/v1/keys/k/health",
        "/kms/xks/v1/keys/a/b/encrypt",
        "/kms/xks/v1/keys/%6b/encrypt",
        "/kms/xks/v1/keys/k~/encrypt",
        "/kms/xks/v1/key/k/encrypt",
        "/kms/xks/v1keys/k/encrypt",
    ] {
        assert_eq!(parse_path(path), Err(InvalidUriPath), "{path}");
    }
}

#[test]
fn xks_uri_01_a_uri_path_has_at_most_128_characters() {
    let longest = format!("/{}", "p".repeat(116));
    assert_eq!(longest.parse::<UriPathPrefix>().unwrap().uri_path().len(), 128);
    let path = format!("{longest}/kms/xks/v1/health");
    assert_eq!(parse_path(&path).unwrap().prefix, longest);
    let longer = format!("{longest}p");
    assert_eq!(
        longer.parse::<UriPathPrefix>(),
        Err(InvalidUriPathPrefix::TooLong)
    );
    assert_eq!(
        parse_path(&format!("{longer}/kms/xks/v1/health")),
        Err(InvalidUriPath)
    );
}

#[test]
fn xks_uri_01_prefixes_have_no_other_characters_and_no_empty_segment() {
    for valid in ["", "/a", "/aZ09-_", "/-", "/a/b/c"] {
        assert_eq!(valid.parse::<UriPathPrefix>().unwrap().as_str(), valid);
    }
    for malformed in [
        "/", "a", "-a", "/a/", "//a", "/a//b", "/a.b", "/a b", "/a%20", "/ä", "/a\n",
    ] {
        assert_eq!(
            malformed.parse::<UriPathPrefix>(),
            Err(InvalidUriPathPrefix::Malformed),
            "{malformed:?}"
        );
    }
    assert_eq!(
        UriPathPrefix::from_uri_path("/a/kms/xks/v1").unwrap().as_str(),
        "/a"
    );
    assert_eq!(
        UriPathPrefix::from_uri_path("/a/kms/xks/v1/"),
        Err(InvalidUriPathPrefix::Malformed)
    );
}

#[test]
fn xks_uri_02_the_server_is_a_fully_qualified_domain_name() {
    for name in [
        "xks.example.com",
        "a.b",
        "XKS-1.example.com",
        "xks.localhost",
        "1.2.3.4.example.com",
    ] {
        assert_eq!(
            name.parse::<ServerName>().unwrap().uri_endpoint(),
            format!("https://{name}")
        );
    }
    for wrong in [
        "",
        "localhost",
        "192.0.2.1",
        "::1",
        "[::1]",
        "xks.example.com:443",
        "xks.example.com.",
        ".com",
        "a..b",
        "-a.com",
        "a-.com",
        "a_b.com",
        "ä.com",
        "https://a.com",
        "a.com/b",
    ] {
        assert_eq!(wrong.parse::<ServerName>(), Err(InvalidServerName), "{wrong}");
    }
    let labels = format!("{}.{}.com", "a".repeat(52), "b".repeat(63));
    assert_eq!(labels.len(), 120);
    assert!(labels.parse::<ServerName>().is_ok());
    assert_eq!(format!("c{labels}").parse::<ServerName>(), Err(InvalidServerName));
    assert_eq!(
        format!("{}.com", "a".repeat(64)).parse::<ServerName>(),
        Err(InvalidServerName)
    );
}

#[test]
fn xks_uri_03_a_uri_has_at_most_256_characters() {
    assert!(!uri_is_too_long(&"s".repeat(100), &"p".repeat(148)));
    assert!(uri_is_too_long(&"s".repeat(100), &"p".repeat(149)));
    // Prefix and id within their own limits, but too long together.
    let prefix = format!("/{}", "p".repeat(116));
    let rest = "/kms/xks/v1/keys//encrypt".len();
    let id = "k".repeat(256 - 8 - 1 - prefix.len() - rest);
    assert!(id.len() <= ExternalKeyId::MAX_CHARS);
    assert!(parse_path(&format!("{prefix}/kms/xks/v1/keys/{id}/encrypt")).is_ok());
    assert_eq!(
        parse_path(&format!("{prefix}/kms/xks/v1/keys/{id}k/encrypt")),
        Err(InvalidUriPath)
    );
}

#[test]
fn xks_uri_04_external_key_ids_have_at_most_128_characters() {
    let longest = "k".repeat(128);
    assert_eq!(longest.parse::<ExternalKeyId>().unwrap().as_str(), longest);
    assert!(parse_path(&format!("/kms/xks/v1/keys/{longest}/encrypt")).is_ok());
    assert_eq!(
        format!("{longest}k").parse::<ExternalKeyId>(),
        Err(InvalidExternalKeyId)
    );
    assert_eq!(
        parse_path(&format!("/kms/xks/v1/keys/{longest}k/encrypt")),
        Err(InvalidUriPath)
    );
    assert_eq!("".parse::<ExternalKeyId>(), Err(InvalidExternalKeyId));
}

#[test]
fn xks_uri_04_external_key_ids_have_no_other_characters() {
    for code in 0..=u8::MAX {
        let text = char::from(code).to_string();
        let allowed = code.is_ascii_alphanumeric() || b"-._".contains(&code);
        assert_eq!(text.parse::<ExternalKeyId>().is_ok(), allowed, "{code:#x}");
        assert_eq!(
            parse_path(&format!("/kms/xks/v1/keys/{text}/encrypt")).is_ok(),
            allowed,
            "{code:#x}"
        );
    }
}

#[test]
fn generated_prefixes_are_valid_and_cannot_be_guessed() {
    let random = SeededRandom::new(5);
    let (first, second) = (
        UriPathPrefix::generate(&random).unwrap(),
        UriPathPrefix::generate(&random).unwrap(),
    );
    assert_ne!(first, second);
    assert_eq!(first.as_str().len(), 25);
    assert_eq!(first.as_str().parse(), Ok(first));
    assert!(UriPathPrefix::generate(&FailingRandom).is_err());
}

proptest! {
    #[test]
    fn xks_uri_08_what_is_printed_is_read_back(
        prefix in "(/[a-zA-Z0-9_-]{1,20}){0,4}",
        id in "[a-zA-Z0-9._-]{1,100}",
        index in 0..4_usize,
    ) {
        let resource = [KeyOperation::GetKeyMetadata, KeyOperation::Encrypt, KeyOperation::Decrypt]
            .get(index)
            .map_or(Resource::Health, |operation| Resource::Key { external_key_id: &id, operation: *operation });
        let target = Target { prefix: &prefix, resource };
        let path = target.to_string();
        prop_assert_eq!(parse_path(&path), Ok(target));
    }

    #[test]
    fn xks_uri_01_what_is_read_prints_the_same_and_obeys_the_grammar(path in "[/a-z.%]{0,12}(/kms/xks/v1)?(/keys/[a-z.%/]{1,4})?/(health|encrypt|[a-z]{3})[/]?") {
        if let Ok(target) = parse_path(&path) {
            prop_assert_eq!(target.to_string(), path.as_str());
            prop_assert!(target.prefix.parse::<UriPathPrefix>().is_ok());
        }
    }
}
