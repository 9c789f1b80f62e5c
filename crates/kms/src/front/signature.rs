//! From a signed request to its caller. What is wrong is looked for in AWS's order, so that a
//! client's mistake has the name that it would have at AWS.

use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use kms_api::Region;
use sigv4::{HostNames, PathForm, Rules, SessionTokens, UnverifiedRequest};

use super::refusal::Refusal;
use super::{Front, X_AMZ_TARGET};
use crate::identity::Caller;

/// What an echo of the sender's own text may cost.
const MAX_ECHO_BYTES: usize = 2_048;

/// A service that requests are signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedFor {
    /// As in the credential scope.
    pub(crate) service: &'static str,
    /// How old a signature may be, and how far ahead: 5 minutes for most of AWS's services, 15 for
    /// STS.
    pub(crate) skew_minutes: u64,
}

/// A verified request.
pub(crate) struct Signed {
    pub(crate) caller: Arc<Caller>,
    pub(crate) region: Region,
    pub(crate) body: Bytes,
}

impl Front {
    /// Who signed this request, and for which Region.
    pub(crate) fn authenticate(
        &self,
        request: UnverifiedRequest<'_>,
        body: Bytes,
        service: SignedFor,
    ) -> Result<Signed, Refusal> {
        let now = self.kms.clock().now();
        let region = self.check_claims(&request, service, now)?;
        let rules = Rules {
            service: service.service,
            region: Some(region.as_str().into()),
            hosts: HostNames::any(),
            skew: Duration::from_secs(service.skew_minutes * 60),
            path: PathForm::Normalised,
            session_tokens: SessionTokens::Accepted,
        };
        let token = request
            .headers
            .get("x-amz-security-token")
            .and_then(|token| token.to_str().ok());
        let identities = self.kms.identities();
        let mut claimed = None;
        let verified = self.verifier.verify(request, body, &rules, now, |access_key_id| {
            claimed = identities.claimed(&self.sessions, access_key_id, token, now);
            claimed.as_ref().map(|claimed| SecretOf(claimed.secret()))
        });
        match (verified, claimed) {
            (Ok(verified), Some(claimed)) => Ok(Signed {
                caller: claimed.into_caller().map_err(|_| Refusal::ExpiredToken)?,
                region,
                body: verified.into_body(),
            }),
            (Err(sigv4::Refusal::UnknownCredentialOrSignature), Some(_)) => {
                Err(Refusal::Signature(MISMATCH.to_owned()))
            }
            (Ok(_), None) | (Err(sigv4::Refusal::UnknownCredentialOrSignature), None) => {
                Err(Refusal::UnknownKey)
            }
            (Err(other), _) => Err(from_sigv4(&other)),
        }
    }

    /// Everything that needs no secret, in AWS's order.
    fn check_claims(
        &self,
        request: &UnverifiedRequest<'_>,
        service: SignedFor,
        now: Timestamp,
    ) -> Result<Region, Refusal> {
        let headers = request.headers;
        let header = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        let in_query = request.query.to_ascii_lowercase().contains("x-amz-signature=");
        let header = match (header, in_query) {
            (Some(_), true) => return Err(Refusal::Signature(BOTH.to_owned())),
            (Some(header), false) if header.starts_with("AWS4-") => header,
            _ => return Err(Refusal::MissingAuthentication),
        };
        let parts = Parts::read(header);
        let date = headers.get("x-amz-date").and_then(|date| date.to_str().ok());
        let date = parts.require_all(date, header)?;
        check_date(date, now, service.skew_minutes)?;
        let signed = |wanted: &str| parts.signed_headers.split(';').any(|name| name == wanted);
        if !signed("host") {
            return Err(Refusal::Signature(HOST_UNSIGNED.to_owned()));
        }
        // It says what is asked for: unsigned, a request for one thing could be made one for another.
        if headers.contains_key(X_AMZ_TARGET) && !signed("x-amz-target") {
            return Err(Refusal::Signature(TARGET_UNSIGNED.to_owned()));
        }
        if parts.algorithm != "AWS4-HMAC-SHA256" {
            let algorithm = echo(parts.algorithm);
            return Err(Refusal::Incomplete(format!(
                "Unsupported AWS 'algorithm': '{algorithm}'."
            )));
        }
        self.check_scope(&parts, date, service.service)
    }

    fn check_scope(&self, parts: &Parts<'_>, date: &str, service: &str) -> Result<Region, Refusal> {
        let scope: Vec<&str> = parts.credential.split('/').collect();
        let &[_, scope_date, region, scope_service, terminator] = scope.as_slice() else {
            let credential = echo(parts.credential);
            return Err(Refusal::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            )));
        };
        let mut wrong = Vec::new();
        let known = self.region(region, service);
        if known.is_none() {
            wrong.push(format!(
                "Credential should be scoped to a valid region, not '{}'. ",
                echo(region)
            ));
        }
        if scope_service != service {
            wrong.push(format!(
                "Credential should be scoped to correct service: '{service}'. "
            ));
        }
        if terminator != "aws4_request" {
            wrong.push(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{}'. ",
                echo(terminator)
            ));
        }
        if date.get(..8) != Some(scope_date) {
            wrong.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{date}'.",
                echo(scope_date),
                date.get(..8).unwrap_or_default()
            ));
        }
        match known {
            Some(region) if wrong.is_empty() => Ok(region),
            _ => Err(Refusal::Signature(wrong.concat())),
        }
    }

    /// A Region that this endpoint is. STS's global endpoint is `us-east-1` everywhere.
    fn region(&self, name: &str, service: &str) -> Option<Region> {
        let regions = &self.kms.config().regions;
        let known = regions.iter().find(|region| region.as_str() == name).cloned();
        known.or_else(|| {
            name.parse()
                .ok()
                .filter(|_| service == "sts" && name == "us-east-1")
        })
    }
}

/// Lends a secret to the verifier for the time of one verification.
struct SecretOf<'c>(&'c sigv4::SecretAccessKey);

impl std::borrow::Borrow<sigv4::SecretAccessKey> for SecretOf<'_> {
    fn borrow(&self) -> &sigv4::SecretAccessKey {
        self.0
    }
}

/// The header's parts, as far as there are any, in any order.
struct Parts<'h> {
    algorithm: &'h str,
    credential: &'h str,
    signed_headers: &'h str,
    signature: &'h str,
}

impl<'h> Parts<'h> {
    fn read(header: &'h str) -> Self {
        let (algorithm, rest) = header.split_once(' ').unwrap_or((header, ""));
        let part = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .unwrap_or_default()
        };
        Self {
            algorithm,
            credential: part("Credential"),
            signed_headers: part("SignedHeaders"),
            signature: part("Signature"),
        }
    }

    /// The date, if nothing is missing.
    fn require_all<'d>(&self, date: Option<&'d str>, header: &str) -> Result<&'d str, Refusal> {
        let mut missing = String::new();
        for (name, value) in [
            ("Credential", self.credential),
            ("Signature", self.signature),
            ("SignedHeaders", self.signed_headers),
        ] {
            if value.is_empty() {
                missing.push_str(&format!("Authorization header requires '{name}' parameter. "));
            }
        }
        if date.is_none() {
            missing.push_str(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
            );
        }
        match date {
            Some(date) if missing.is_empty() => Ok(date),
            _ => Err(Refusal::Incomplete(format!(
                "{missing}Authorization={}",
                echo(header)
            ))),
        }
    }
}

fn check_date(date: &str, now: Timestamp, skew_minutes: u64) -> Result<(), Refusal> {
    let Some(signed_at) = sigv4::parse_date(date.as_bytes()) else {
        let date = echo(date);
        return Err(Refusal::Incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )));
    };
    let skew = Duration::from_secs(skew_minutes * 60);
    let earliest = Timestamp::from_secs(now.as_secs().saturating_sub(skew.as_secs()));
    if now.saturating_since(signed_at) > skew {
        return Err(Refusal::Signature(format!(
            "Signature expired: {date} is now earlier than {} ({} - {skew_minutes} min.)",
            basic(earliest),
            basic(now)
        )));
    }
    if signed_at.saturating_since(now) > skew {
        return Err(Refusal::Signature(format!(
            "Signature not yet current: {date} is still later than {} ({} + {skew_minutes} min.)",
            basic(now.saturating_add(skew)),
            basic(now)
        )));
    }
    Ok(())
}

/// `20260115T080001Z`.
fn basic(at: Timestamp) -> String {
    let (year, month, day, hour, minute, second) = at.civil();
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The sender's own text, cut.
fn echo(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_ECHO_BYTES))
        .unwrap_or(text)
}

/// What is left once the claims were looked at.
fn from_sigv4(refusal: &sigv4::Refusal) -> Refusal {
    let text = refusal.to_string();
    match refusal {
        sigv4::Refusal::MissingAuthorization => Refusal::MissingAuthentication,
        sigv4::Refusal::MalformedAuthorization(_) | sigv4::Refusal::MalformedDate => {
            Refusal::Incomplete(text)
        }
        sigv4::Refusal::SessionToken => Refusal::UnknownKey,
        sigv4::Refusal::QueryAuthentication
        | sigv4::Refusal::DuplicateHeader(_)
        | sigv4::Refusal::UnsignedHeader(_)
        | sigv4::Refusal::SignedHeaderAbsent
        | sigv4::Refusal::TooOld { .. }
        | sigv4::Refusal::TooNew { .. }
        | sigv4::Refusal::WrongScope(_)
        | sigv4::Refusal::MalformedHost
        | sigv4::Refusal::HostConflict
        | sigv4::Refusal::HostNotConfigured
        | sigv4::Refusal::MalformedTarget
        | sigv4::Refusal::PayloadHashMismatch
        | sigv4::Refusal::UnknownCredentialOrSignature => Refusal::Signature(text),
    }
}

/// Nothing of what the signature should have been: the sender knows what they signed.
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check \
                        your AWS Secret Access Key and signing method. Consult the service documentation for \
                        details.";
const BOTH: &str = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
const TARGET_UNSIGNED: &str = "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.";
const HOST_UNSIGNED: &str = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
