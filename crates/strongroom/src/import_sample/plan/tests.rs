use std::path::PathBuf;

use super::*;

/// A settings file with every section that the sample reads.
const SETTINGS: &str = r#"
[server]
ip = "0.0.0.0"
port = 443
port_http_ping = 8080
region = "eu-central-1"
service = "kms-xks-proxy"

[server.tcp_keepalive]
tcp_keepalive_secs = 60

[tracing]
is_stdout_writer_enabled = true
is_file_writer_enabled = false

[security]
is_sigv4_auth_enabled = true
is_tls_enabled = true
is_mtls_enabled = true
secondary_auth = "Oso"

[security.oso]
polar_file_path = "configuration/oso.polar"

[tls]
tls_cert_pem = "/etc/xks/cert.pem"
tls_key_pem = "tls/key.pem"
mtls_client_ca_pem = "/etc/xks/ca.pem"
mtls_client_dns_name = "cks.kms.eu-central-1.amazonaws.com"

[[external_key_stores]]
uri_path_prefix = "/payments/one"
sigv4_access_key_id = "AAAAAAAAAAAAAAAAAAAA"
sigv4_secret_access_key = "secretsecretsecretsecretsecretsecretsecret1"
xks_key_id_set = ["cards", "ledger"]

[[external_key_stores]]
uri_path_prefix = ""
sigv4_access_key_id = ""
sigv4_secret_access_key = ""
xks_key_id_set = ["cards"]

[pkcs11]
session_pool_max_size = 30
session_pool_timeout_milli = 0
session_eager_close = false
user_pin = "the-pin-1234"
PKCS11_HSM_MODULE = "/opt/logger/pkcs11-logger-x64.so"
context_read_timeout_milli = 10

[pkcs11_logger]
PKCS11_LOGGER_LIBRARY_PATH = "/opt/vendor/libCryptoki2_64.so"
PKCS11_LOGGER_LOG_FILE_PATH = ""
PKCS11_LOGGER_FLAGS = "0"

[limits]
max_plaintext_in_base64 = 8192
max_aad_in_base64 = 16384

[hsm_capabilities]
can_generate_iv = true
is_zero_iv_required = false
"#;

fn args() -> ImportArgs {
    ImportArgs {
        file: PathBuf::from("settings.toml"),
        apply: false,
        hsm: "sample".to_owned(),
        encrypt_with: "new-object".to_owned(),
        write_pin_file: None,
    }
}

fn plan_of(settings: &str) -> anyhow::Result<Plan> {
    Plan::new(&Settings::parse(settings)?, &args())
}

fn remark<'p>(plan: &'p Plan, setting: &str) -> &'p Remark {
    let found = plan
        .remarks
        .iter()
        .find(|remark| remark.setting.starts_with(setting));
    found.unwrap_or_else(|| panic!("nothing of {setting}: {:#?}", plan.remarks))
}

#[test]
fn keys_paths_ids_and_credentials_are_kept() {
    let plan = plan_of(SETTINGS).unwrap();
    let keys: Vec<_> = plan.keys.iter().map(|key| (&*key.name, &*key.label)).collect();
    assert_eq!(keys, [("cards", "cards"), ("ledger", "ledger")]);
    let [first, second] = plan.stores.as_slice() else {
        panic!("two key stores")
    };
    assert_eq!(
        (&*first.name, &*first.path_prefix),
        ("payments-one", "/payments/one")
    );
    assert_eq!(first.region, "eu-central-1");
    let ids: Vec<_> = first.bindings.iter().map(|(id, key)| (&**id, &**key)).collect();
    assert_eq!(ids, [("cards", "cards"), ("ledger", "ledger")]);
    assert_eq!(
        first.credential.as_ref().unwrap().access_key_id,
        "AAAAAAAAAAAAAAAAAAAA"
    );
    assert_eq!((&*second.name, &*second.path_prefix), ("sample", ""));
    assert!(second.credential.is_none());
    assert_eq!(plan.metadata, "");
}

#[test]
fn the_configuration_has_the_module_behind_the_logger_and_the_iv_as_the_sample_had_it() {
    let plan = plan_of(SETTINGS).unwrap();
    for line in [
        "module = \"/opt/vendor/libCryptoki2_64.so\"",
        "profile = \"luna-fips\"",
        "sessions = 30",
        "pin_file = \"/etc/strongroom/sample.pin\"",
        "max_aad_bytes = 12288",
        "address = \"0.0.0.0:443\"",
        "tls.certificate_file = \"/etc/xks/cert.pem\"",
        "mtls.common_names = [\"cks.kms.eu-central-1.amazonaws.com\"]",
        "address = \"0.0.0.0:8080\"",
    ] {
        assert!(
            plan.config.lines().any(|have| have.starts_with(line)),
            "{line}: {}",
            plan.config
        );
    }
    let zeroed = SETTINGS
        .replace("is_zero_iv_required = false", "is_zero_iv_required = true")
        .replace(
            "/opt/vendor/libCryptoki2_64.so",
            "/opt/cloudhsm/lib/libcloudhsm_pkcs11.so",
        );
    assert!(
        plan_of(&zeroed)
            .unwrap()
            .config
            .contains("profile = \"cloudhsm\"")
    );
}

#[test]
fn what_is_not_carried_over_is_said() {
    let plan = plan_of(SETTINGS).unwrap();
    for lost in [
        "security.secondary_auth",
        "tracing",
        "server.tcp_keepalive",
        "external_key_stores \"\"",
        "pkcs11.PKCS11_HSM_MODULE",
    ] {
        assert!(remark(&plan, lost).lost, "{lost}");
    }
    for changed in [
        "tls.tls_key_pem",
        "tls.mtls_client_dns_name",
        "server.ciphertext_metadata_b64",
        "server.port_http_ping",
    ] {
        assert!(!remark(&plan, changed).lost, "{changed}");
    }
    let unknown = SETTINGS.replace("[tracing]", "[novelty]\nbrand = \"new\"\n\n[tracing]");
    assert!(remark(&plan_of(&unknown).unwrap(), "novelty").lost);
    let open = SETTINGS
        .replace("is_sigv4_auth_enabled = true", "is_sigv4_auth_enabled = false")
        .replace("is_tls_enabled = true", "is_tls_enabled = false")
        .replace("service = \"kms-xks-proxy\"", "service = \"another\"");
    let open = plan_of(&open).unwrap();
    for lost in [
        "security.is_sigv4_auth_enabled",
        "security.is_tls_enabled",
        "server.service",
    ] {
        assert!(remark(&open, lost).lost, "{lost}");
    }
}

#[test]
fn no_secret_is_in_what_is_printed() {
    let plan = plan_of(SETTINGS).unwrap();
    let people = crate::import_sample::words::text(&plan, &args());
    let programs = serde_json::to_string(&crate::import_sample::words::Shown::new(&plan)).unwrap();
    for secret in ["the-pin-1234", "secretsecret"] {
        assert!(!people.contains(secret) && !programs.contains(secret));
    }
}

/// Base64 of the bytes as the sample's only line for metadata.
fn with_metadata(base64: &str) -> String {
    SETTINGS.replace(
        "service = \"kms-xks-proxy\"",
        &format!("service = \"kms-xks-proxy\"\nciphertext_metadata_b64 = \"{base64}\""),
    )
}

#[test]
fn metadata_is_decoded_and_never_taken_for_ours() {
    assert_eq!(
        plan_of(&with_metadata("djAuMC4x")).unwrap().metadata,
        "76302e302e31"
    );
    assert_eq!(plan_of(&with_metadata("")).unwrap().metadata, "");
    // Two, and four bytes: format 2. One, and sixteen: format 1.
    for (ours, len) in [("AgECAwQ=", 5), ("AQAAAAAAAAAAAAAAAAAAAAA=", 17)] {
        let error = plan_of(&with_metadata(ours)).err().unwrap().to_string();
        assert!(error.contains("could not be told"), "{len}: {error}");
    }
    assert!(plan_of(&with_metadata("AgECAwQF")).is_ok());
    assert!(plan_of(&with_metadata("%")).is_err());
    assert!(plan_of(&with_metadata(&"A".repeat(28))).is_err());
}

#[test]
fn a_label_longer_than_a_name_gets_a_name_of_its_own() {
    let long = "k".repeat(100);
    let plan = plan_of(&SETTINGS.replace("\"ledger\"", &format!("{long:?}, \"{}\"", "no good/"))).unwrap();
    let key = plan.keys.iter().find(|key| key.label == long).unwrap();
    assert!(Name::parse(&key.name).is_ok(), "{}", key.name);
    assert!(
        plan.stores[0]
            .bindings
            .iter()
            .any(|(id, name)| *id == long && *name == key.name)
    );
    assert!(remark(&plan, "xks_key_id_set \"no good/\"").lost);
}
