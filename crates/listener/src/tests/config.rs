//! Configuration as the file says it.

use std::time::Duration;

use crate::*;

fn parse(text: &str) -> Result<ListenerConfig, toml::de::Error> {
    toml::from_str(text)
}

const WHOLE: &str = r#"
name = "kms"
address = "0.0.0.0:8443"
[tls]
certificate_file = "/etc/strongroom/server.pem"
private_key_file = "/etc/strongroom/server.key"
names = ["xks.example.com"]
[mtls]
ca_files = ["/etc/strongroom/amazon-trust.pem"]
common_names = ["cks.kms.us-east-1.amazonaws.com"]
[proxy_protocol]
trusted = ["10.0.0.0/16"]
[limits]
header_bytes = 8192
idle = "2m"
connections_per_address = 100
[deadlines]
first_request = "150ms"
"#;

#[test]
fn a_whole_configuration() {
    let config = parse(WHOLE).unwrap();
    config.check().unwrap();
    assert_eq!(config.limits.header_bytes, 8_192);
    assert_eq!(config.limits.idle, Duration::from_secs(120));
    assert_eq!(config.limits.connections_per_address, Some(100));
    assert_eq!(config.limits.headers, Limits::default().headers);
    assert_eq!(config.deadlines.first_request, Duration::from_millis(150));
    assert_eq!(config.deadlines.later_request, Duration::from_millis(200));
    assert_eq!(
        config.proxy_protocol.unwrap().trusted[0].to_string(),
        "10.0.0.0/16"
    );
}

#[test]
fn two_lines_are_enough() {
    let config = parse("name = 'probe'\naddress = 'unix:/run/x.sock'\nsocket_mode = '0600'").unwrap();
    config.check().unwrap();
    assert_eq!(config.address.to_string(), "unix:/run/x.sock");
    assert_eq!((config.socket_mode, config.limits), (0o600, Limits::default()));
}

#[test]
fn unknown_fields_and_wrong_units_are_refused_where_they_stand() {
    let base = "name = 'a'\naddress = '127.0.0.1:1'\n";
    for (line, reason) in [
        ("unknown = 1", "unknown field `unknown`"),
        ("[limits]\nidle = 120", "expected a duration with its unit"),
        ("[limits]\nidle = '120'", "expected a duration with its unit"),
        ("[limits]\nidel = '1s'", "unknown field `idel`"),
        (
            "[tls]\ncertificate_file = 'a'",
            "missing field `private_key_file`",
        ),
        ("[proxy_protocol]\ntrusted = ['10.0.0.0/40']", "is no network"),
        ("socket_mode = '0999'", "permission bits in octal"),
    ] {
        let error = parse(&format!("{base}{line}")).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(error.contains("line "), "{error}");
    }
    assert!(parse("name = 'a'\naddress = 'localhost:1'").is_err());
    assert!(parse("name = 'a'\naddress = 'unix:relative.sock'").is_err());
}

#[test]
fn what_does_not_fit_together_is_refused_with_the_next_step() {
    let config = |change: fn(&mut ListenerConfig)| {
        let mut config = parse(WHOLE).unwrap();
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    for (error, step) in [
        (config(|c| c.name = String::new()), "give 1 to 64 letters"),
        (config(|c| c.name = "a b".to_owned()), "give 1 to 64 letters"),
        (config(|c| c.tls = None), "add certificate_file"),
        (config(|c| (c.tls, c.mtls) = (None, None)), "add a [tls] table"),
        (
            config(|c| c.address = "unix:/x".parse().unwrap()),
            "remove that table",
        ),
        (
            config(|c| c.mtls.as_mut().unwrap().ca_files.clear()),
            "name at least one",
        ),
        (
            config(|c| c.mtls.as_mut().unwrap().common_names.clear()),
            "name at least one",
        ),
        (
            config(|c| c.proxy_protocol.as_mut().unwrap().trusted.clear()),
            "name at least one",
        ),
        (
            config(|c| c.limits.header_bytes = 1_023),
            "choose 1024 to 1048576",
        ),
        (config(|c| c.limits.header_count = 101), "choose 8 to 100"),
        (config(|c| c.limits.connections = 0), "choose 1 to"),
        (config(|c| c.limits.http2_frame_bytes = 16_383), "choose 16384 to"),
        (config(|c| c.limits.idle = Duration::ZERO), "give a time"),
        (
            config(|c| c.deadlines.later_request = Duration::ZERO),
            "give a time",
        ),
    ] {
        assert!(error.contains(step), "{error}");
    }
}

#[test]
fn plain_http_stays_on_this_machine_unless_said_dangerous() {
    for (address, danger, fine) in [
        ("127.0.0.1:80", false, true),
        ("[::1]:80", false, true),
        ("0.0.0.0:80", false, false),
        ("192.0.2.1:80", false, false),
        ("0.0.0.0:80", true, true),
    ] {
        let mut config = ListenerConfig::new("probe", address.parse().unwrap());
        config.danger_plain_http = danger;
        assert_eq!(config.check().is_ok(), fine, "{address}");
    }
}
