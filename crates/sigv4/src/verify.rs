//! Verification: from a request as it arrived to a [`Verified`] body, or a [`Refusal`].

use std::borrow::Borrow;
use std::time::Duration;

use ambient::{Random, RandomUnavailable, Timestamp};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};

use crate::canonical::{CanonicalRequest, hex_32, only};
use crate::date::AmzDate;
use crate::secret::{StringToSign, Work};
use crate::{
    Authorization, HostNames, PathForm, Refusal, Scope, ScopePart, SecretAccessKey, SigningKey, host, limits,
    uri,
};

pub(crate) const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(crate) const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Five minutes (XKS-AUTH-07).
const SKEW: Duration = Duration::from_secs(300);

/// A request as it arrived, without its body. Nothing of it is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct UnverifiedRequest<'r> {
    /// The method, e.g. `POST`.
    pub method: &'r str,
    /// The raw path, not decoded, without the query string.
    pub path: &'r str,
    /// The raw query string without the question mark; empty if there is none.
    pub query: &'r str,
    /// All headers.
    pub headers: &'r HeaderMap,
    /// HTTP/2's `:authority`; plays `host` when there is no `Host` header. `None` on HTTP/1.1.
    pub authority: Option<&'r str>,
}

/// What a service and a key store ask of a signature.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The service in the credential scope, e.g. `kms-xks-proxy`.
    pub service: &'static str,
    /// The only Region to accept, e.g. `eu-central-1`; `None` accepts any.
    pub region: Option<Box<str>>,
    /// The hosts that requests may be for.
    pub hosts: HostNames,
    /// How far the time of signing may lie from our clock, to either side, inclusive.
    pub skew: Duration,
    /// How the canonical path is formed.
    pub path: PathForm,
    /// Whether temporary credentials are accepted.
    pub session_tokens: SessionTokens,
}

/// What to do with `X-Amz-Security-Token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionTokens {
    /// A request with a token is refused. XKS has none.
    Refused,
    /// A token may be there, must be signed, and is handed out with the verified request. The
    /// caller must still hold it against the access key id.
    Accepted,
}

impl Rules {
    /// The rules for a service: any Region, any host, five minutes, the raw path, no session
    /// tokens.
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            region: None,
            hosts: HostNames::any(),
            skew: SKEW,
            path: PathForm::AsReceived,
            session_tokens: SessionTokens::Refused,
        }
    }
}

/// A body whose request somebody signed with the secret of [`access_key_id`](Self::access_key_id).
/// Only [`Verifier::verify`] makes one; it cannot be copied and is consumed for its body.
#[must_use]
pub struct Verified<B> {
    body: B,
    access_key_id: Box<str>,
    region: Box<str>,
    session_token: Option<Box<str>>,
    signed_at: Timestamp,
}

impl<B> Verified<B> {
    /// The body, exactly the signed bytes.
    pub fn into_body(self) -> B {
        self.body
    }

    /// Whose secret signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The Region of the credential scope: the one that KMS called from (XKS-AUTH-02).
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The session token, which was signed but is not otherwise checked.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// When the caller's clock says it was signed; whole seconds.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// Verifies requests. Make one and share it.
pub struct Verifier {
    /// Computed with where there is no secret, so that its absence costs no less time.
    dummy_secret: SecretAccessKey,
    /// Computed with where no signing key is remembered.
    dummy_key: SigningKey,
}

impl Verifier {
    /// Draws the dummies; fails only if `random` does.
    pub fn new(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        let dummy_secret = SecretAccessKey::dummy(random)?;
        let scope = Scope {
            date: *b"19700101",
            region: "none",
            service: "none",
        };
        let dummy_key = SigningKey::derive(&dummy_secret, &scope);
        Ok(Self {
            dummy_secret,
            dummy_key,
        })
    }

    /// Verifies the signature of `request` over exactly the bytes of `body`.
    ///
    /// `secret` looks an access key id up among those of the key store that the path names; it is
    /// called once, and only for a request that is otherwise in order. It must answer `None` for
    /// an unknown, expired or retired credential and for one of another key store.
    ///
    /// A refused request's body is dropped.
    pub fn verify<B, S>(
        &self,
        request: UnverifiedRequest<'_>,
        body: B,
        rules: &Rules,
        now: Timestamp,
        secret: impl FnOnce(&str) -> Option<S>,
    ) -> Result<Verified<B>, Refusal>
    where
        B: AsRef<[u8]>,
        S: Borrow<SecretAccessKey>,
    {
        let claim = Claim::read(&request, rules, now)?;
        let canonical = claim.canonical_hash(&request, body.as_ref(), rules)?;
        let message = StringToSign {
            date: claim.date,
            scope: claim.authorization.scope(),
            canonical,
        };
        let secret = secret(claim.authorization.access_key_id());
        let secret = secret.as_ref().map(Borrow::borrow);
        let signature = claim.authorization.signature();
        if !self.proves(secret, &message, signature, &mut Work::default()) {
            return Err(Refusal::UnknownCredentialOrSignature);
        }
        Ok(Verified {
            body,
            access_key_id: claim.authorization.access_key_id().into(),
            region: message.scope.region.into(),
            session_token: claim.session_token.map(Box::from),
            signed_at: claim.date.at(),
        })
    }

    /// Whether `signature` is that of `message` under `secret`.
    ///
    /// Every way to `false` is the same work, whatever is known and remembered: a signature with
    /// a remembered or the dummy key, a comparison, a derivation from the real or the dummy
    /// secret, a signature, a comparison.
    fn proves(
        &self,
        secret: Option<&SecretAccessKey>,
        message: &StringToSign<'_>,
        signature: &[u8; 32],
        work: &mut Work,
    ) -> bool {
        let known = secret.is_some();
        let secret = secret.unwrap_or(&self.dummy_secret);
        let remembered = secret.remembered(&message.scope);
        let key = remembered
            .as_deref()
            .map_or(&self.dummy_key, |derived| derived.key());
        let matches = key.matches(message, signature, work);
        if matches && remembered.is_some() && known {
            return true;
        }
        let key = SigningKey::derive_counted(secret, &message.scope, work);
        let matches = key.matches(message, signature, work);
        if matches && known {
            secret.remember(&message.scope, key);
            return true;
        }
        false
    }
}

/// What a request claims, read and held against the rules as far as that needs no secret.
struct Claim<'r> {
    authorization: Authorization<'r>,
    date: AmzDate,
    host: &'r str,
    session_token: Option<&'r str>,
}

impl<'r> Claim<'r> {
    /// Everything that is cheap, before the body is hashed.
    fn read(request: &UnverifiedRequest<'r>, rules: &Rules, now: Timestamp) -> Result<Self, Refusal> {
        let headers = request.headers;
        let Some(authorization) = only(headers, &AUTHORIZATION, "authorization")? else {
            // A presigned URL gets its own reason.
            uri::canonical_query(request.query)?;
            return Err(Refusal::MissingAuthorization);
        };
        let authorization = Authorization::parse(authorization.as_bytes())?;
        for name in ["host", "x-amz-date"] {
            if !authorization.signs(name) {
                return Err(Refusal::UnsignedHeader(name));
            }
        }
        let date = only(headers, &X_AMZ_DATE, "x-amz-date")?
            .and_then(|date| AmzDate::parse(date.as_bytes()))
            .ok_or(Refusal::MalformedDate)?;
        check_age(date.at(), now, rules.skew)?;
        check_scope(&authorization.scope(), &date, rules)?;
        let host = host::of_request(headers, request.authority)?;
        if !rules.hosts.accept(host) {
            return Err(Refusal::HostNotConfigured);
        }
        let session_token = session_token(headers, &authorization, rules.session_tokens)?;
        Ok(Self {
            authorization,
            date,
            host,
            session_token,
        })
    }

    /// Hashes the body, then the canonical request.
    fn canonical_hash(
        &self,
        request: &UnverifiedRequest<'r>,
        body: &[u8],
        rules: &Rules,
    ) -> Result<[u8; 32], Refusal> {
        let payload_hash = hex_32(&crypto::sha256(&[body]));
        let claimed = only(request.headers, &X_AMZ_CONTENT_SHA256, "x-amz-content-sha256")?;
        if claimed.is_some_and(|claimed| claimed.as_bytes() != payload_hash) {
            return Err(Refusal::PayloadHashMismatch);
        }
        CanonicalRequest {
            method: request.method,
            path: request.path,
            path_form: rules.path,
            query: request.query,
            headers: request.headers,
            host: self.host,
            signed_headers: self.authorization.signed_headers_text(),
            payload_hash: &payload_hash,
        }
        .hash()
    }
}

fn check_age(signed_at: Timestamp, now: Timestamp, skew: Duration) -> Result<(), Refusal> {
    let (age, ahead) = (now.saturating_since(signed_at), signed_at.saturating_since(now));
    if age > skew {
        return Err(Refusal::TooOld { age });
    }
    if ahead > skew {
        return Err(Refusal::TooNew { ahead });
    }
    Ok(())
}

fn check_scope(scope: &Scope<'_>, date: &AmzDate, rules: &Rules) -> Result<(), Refusal> {
    if scope.date != date.day() {
        return Err(Refusal::WrongScope(ScopePart::Date));
    }
    if scope.service != rules.service {
        return Err(Refusal::WrongScope(ScopePart::Service));
    }
    if rules
        .region
        .as_deref()
        .is_some_and(|region| region != scope.region)
    {
        return Err(Refusal::WrongScope(ScopePart::Region));
    }
    Ok(())
}

fn session_token<'r>(
    headers: &'r HeaderMap,
    authorization: &Authorization<'_>,
    rule: SessionTokens,
) -> Result<Option<&'r str>, Refusal> {
    let Some(token) = only(headers, &X_AMZ_SECURITY_TOKEN, "x-amz-security-token")? else {
        return Ok(None);
    };
    if rule == SessionTokens::Refused || token.is_empty() || token.len() > limits::SESSION_TOKEN_LEN {
        return Err(Refusal::SessionToken);
    }
    if !authorization.signs("x-amz-security-token") {
        return Err(Refusal::UnsignedHeader("x-amz-security-token"));
    }
    token.to_str().map(Some).map_err(|_| Refusal::SessionToken)
}

#[cfg(test)]
mod tests;
