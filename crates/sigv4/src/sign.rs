//! Signing, for clients: self-checks, benchmarks, anything that calls an AWS-like service.

use ambient::Timestamp;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::authorization::{ALGORITHM, TERMINATOR, is_access_key_id, is_region, is_service};
use crate::canonical::{CanonicalRequest, hex_32};
use crate::date::AmzDate;
use crate::secret::{StringToSign, Work};
use crate::verify::{X_AMZ_DATE, X_AMZ_SECURITY_TOKEN};
use crate::{PathForm, Refusal, Scope, SecretAccessKey, SigningKey, host};

/// Signs requests with one credential for one Region and service.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a SecretAccessKey,
    /// The session token of a temporary credential.
    pub session_token: Option<&'a str>,
    /// The Region, e.g. `us-east-1`.
    pub region: &'a str,
    /// The service, e.g. `kms`.
    pub service: &'a str,
    /// How the service forms the canonical path.
    pub path: PathForm,
}

/// What a request is for, as it will go over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Target<'r> {
    /// The method, e.g. `POST`.
    pub method: &'r str,
    /// The raw path, percent-encoded where that is needed.
    pub path: &'r str,
    /// The raw query string without the question mark; empty if there is none.
    pub query: &'r str,
    /// The host that an HTTP/2 client sends as `:authority`; `None` if the headers have `host`.
    pub authority: Option<&'r str>,
}

/// Why a request cannot be signed: a mistake of the caller's, never a passing condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Access key id, Region, service or session token outside their grammar.
    #[error("the credential or its scope is malformed")]
    Credential,
    /// The time lies after the year 9999.
    #[error("the time cannot be written")]
    Time,
    /// The request cannot be made canonical.
    #[error("the request cannot be signed: {0}")]
    Request(#[from] Refusal),
}

impl Signer<'_> {
    /// Signs a request over all of `headers` and `body`, then sets `x-amz-date`,
    /// `x-amz-security-token` if there is a token, and `authorization`. Headers that a hop may
    /// change must be added afterwards.
    pub fn sign(
        &self,
        target: &Target<'_>,
        headers: &mut HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), SignError> {
        if !is_access_key_id(self.access_key_id) || !is_region(self.region) || !is_service(self.service) {
            return Err(SignError::Credential);
        }
        let date = AmzDate::of(now).ok_or(SignError::Time)?;
        headers.remove(AUTHORIZATION);
        headers.insert(X_AMZ_DATE, value(date.as_bytes())?);
        if let Some(token) = self.session_token {
            let mut token = value(token.as_bytes())?;
            token.set_sensitive(true);
            headers.insert(X_AMZ_SECURITY_TOKEN, token);
        }
        let authorization = self.authorization(target, headers, body, date)?;
        headers.insert(AUTHORIZATION, value(authorization.as_bytes())?);
        Ok(())
    }

    fn authorization(
        &self,
        target: &Target<'_>,
        headers: &HeaderMap,
        body: &[u8],
        date: AmzDate,
    ) -> Result<String, SignError> {
        let signed_headers = names(headers);
        let scope = Scope {
            date: date.day(),
            region: self.region,
            service: self.service,
        };
        let canonical = CanonicalRequest {
            method: target.method,
            path: target.path,
            path_form: self.path,
            query: target.query,
            headers,
            host: host::of_request(headers, target.authority)?,
            signed_headers: &signed_headers,
            payload_hash: &hex_32(&crypto::sha256(&[body])),
        }
        .hash()?;
        let message = StringToSign {
            date,
            scope,
            canonical,
        };
        let signature = SigningKey::derive(self.secret, &scope).sign(&message, &mut Work::default());
        Ok(format!(
            "{ALGORITHM} Credential={}/{}/{}/{}/{TERMINATOR}, SignedHeaders={signed_headers}, Signature={}",
            self.access_key_id,
            String::from_utf8_lossy(&scope.date),
            self.region,
            self.service,
            crypto::hex(&signature),
        ))
    }
}

/// All header names and `host`, sorted, joined by semicolons.
fn names(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    names.push("host");
    names.sort_unstable();
    names.dedup();
    names.join(";")
}

fn value(bytes: &[u8]) -> Result<HeaderValue, SignError> {
    HeaderValue::from_bytes(bytes).map_err(|_| SignError::Credential)
}
