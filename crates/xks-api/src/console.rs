//! The configuration file that the KMS console reads when an external key store is created (XKS
//! specification, "XKS proxy configuration in AWS KMS console").

use serde::Deserialize;

use crate::credential::{AccessKeyId, RawSecretAccessKey};
use crate::json::{self, SecretJson, Value};
use crate::uri::UriPathPrefix;
use crate::wire::{self, Text};

/// Path and credential of a key store, for the console. Holds the secret.
pub struct ConsoleConfiguration {
    /// Goes into the file as `XksProxyUriPath`, with `/kms/xks/v1`.
    pub prefix: UriPathPrefix,
    /// The credential's name.
    pub access_key_id: AccessKeyId,
    /// The credential's secret.
    pub secret_access_key: RawSecretAccessKey,
}

/// A file that KMS's console would not take. Says nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid XKS proxy configuration file")]
pub struct InvalidConsoleConfiguration;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File<'a> {
    #[serde(borrow)]
    xks_proxy_uri_path: Text<'a>,
    #[serde(borrow, deserialize_with = "wire::object")]
    xks_proxy_authentication_credential: Option<Credential<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credential<'a> {
    #[serde(borrow)]
    access_key_id: Text<'a>,
    #[serde(borrow)]
    raw_secret_access_key: Text<'a>,
}

impl ConsoleConfiguration {
    /// The file's content.
    pub fn to_json(&self) -> SecretJson {
        let credential = [
            Some(("AccessKeyId", Value::Text(self.access_key_id.as_str()))),
            Some(("RawSecretAccessKey", Value::Text(self.secret_access_key.expose()))),
        ];
        json::secret_object(&[
            Some(("XksProxyUriPath", Value::Text(&self.prefix.uri_path()))),
            Some(("XksProxyAuthenticationCredential", Value::Object(&credential))),
        ])
    }

    /// Reads a file.
    pub fn parse(file: &[u8]) -> Result<Self, InvalidConsoleConfiguration> {
        let invalid = InvalidConsoleConfiguration;
        let file: File<'_> = wire::response(file).map_err(|_| invalid)?;
        let credential = file.xks_proxy_authentication_credential.ok_or(invalid)?;
        let secret = credential.raw_secret_access_key.as_str().to_owned();
        Ok(Self {
            prefix: UriPathPrefix::from_uri_path(file.xks_proxy_uri_path.as_str()).map_err(|_| invalid)?,
            access_key_id: credential.access_key_id.as_str().parse().map_err(|_| invalid)?,
            secret_access_key: RawSecretAccessKey::new(secret).map_err(|_| invalid)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, without its white space.
    const EXAMPLE: &str = concat!(
        r#"{"XksProxyUriPath":"/keystores/4a0d79d6-1d1b-49fd-9dbe-799cb9c0fb3f/kms/xks/v1","#,
        r#""XksProxyAuthenticationCredential":{"AccessKeyId":"AKIAI2SFODNN7EXAMPLE","#,
        r#""RawSecretAccessKey":"FYtE5EFA5FT0mCc3DrGUe2sti527BitkQ0Zr9MO9fvE"}}"#
    );

    #[test]
    fn xks_cred_01_the_specifications_example_reads_and_prints() {
        let configuration = ConsoleConfiguration::parse(EXAMPLE.as_bytes()).ok().unwrap();
        assert_eq!(
            configuration.prefix.as_str(),
            "/keystores/4a0d79d6-1d1b-49fd-9dbe-799cb9c0fb3f"
        );
        assert_eq!(configuration.access_key_id.as_str(), "AKIAI2SFODNN7EXAMPLE");
        assert_eq!(configuration.to_json().expose(), EXAMPLE.as_bytes());
    }

    #[test]
    fn a_file_with_a_fault_is_refused() {
        for (good, bad) in [
            ("/kms/xks/v1", "/kms/xks/v2"),
            ("EXAMPLE", "example"),
            ("9fvE", "9fv-"),
            ("AccessKeyId", "AccessKey"),
            (r#"{"AccessKeyId""#, r#"["AccessKeyId""#),
        ] {
            assert!(
                ConsoleConfiguration::parse(EXAMPLE.replace(good, bad).as_bytes()).is_err(),
                "{bad}"
            );
        }
    }
}
