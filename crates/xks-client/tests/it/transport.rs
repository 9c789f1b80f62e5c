//! The configuration section.

use std::sync::Arc;

use ambient::ManualClock;
use xks_client::{RouteConfig, Transport, TransportConfig, TransportError};

use crate::kit::NOW;

fn refused(config: &TransportConfig) -> TransportError {
    match Transport::new(config, Arc::new(ManualClock::at(NOW))) {
        Ok(_) => panic!("must be refused"),
        Err(error) => error,
    }
}

fn route(host: &str, address: &str) -> RouteConfig {
    RouteConfig {
        host: host.to_owned(),
        address: Some(address.to_owned()),
        ca_file: None,
    }
}

#[test]
fn it_reads_as_documented_and_knows_no_other_words() {
    let text = "ca_file = \"ca.pem\"\n[[routes]]\nhost = \"xks.localhost\"\naddress = \"127.0.0.1:8443\"\n";
    let config: TransportConfig = toml::from_str(text).unwrap();
    assert_eq!(config.routes, [route("xks.localhost", "127.0.0.1:8443")]);
    for unknown in ["verify = false", "[[routes]]\nhost = \"a\"\nverify = false"] {
        assert!(toml::from_str::<TransportConfig>(unknown).is_err(), "{unknown}");
    }
    assert_eq!(
        toml::from_str::<TransportConfig>("").unwrap(),
        TransportConfig::default()
    );
}

#[test]
fn two_routes_for_one_host_are_refused() {
    let config = TransportConfig {
        routes: vec![
            route("XKS.localhost", "127.0.0.1:1"),
            route("xks.localhost", "127.0.0.1:2"),
        ],
        ..TransportConfig::default()
    };
    assert_eq!(
        refused(&config),
        TransportError::RepeatedHost("xks.localhost".into())
    );
}

#[test]
fn an_address_names_its_port() {
    for wrong in [
        "localhost",
        "localhost:",
        ":443",
        "localhost:65536",
        "localhost:0",
    ] {
        let config = TransportConfig {
            routes: vec![route("a.test", wrong)],
            ..TransportConfig::default()
        };
        assert_eq!(refused(&config), TransportError::Address(wrong.to_owned()));
    }
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let config = TransportConfig {
        ca_file: Some(path.clone()),
        ..TransportConfig::default()
    };
    assert!(refused(&config).to_string().contains("ca.pem"));
    std::fs::write(&path, "no certificate").unwrap();
    assert!(refused(&config).to_string().contains("no certificate in it"));
}
