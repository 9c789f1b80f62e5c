//! Temporary credentials of AssumeRole.
//!
//! Nothing is kept of a session: its token carries all of it, sealed under a key of this process,
//! and its secret is derived from its access key id under another. So a session costs no memory,
//! cannot be forged or changed, and ends with
//! - its time;
//! - its role: one that a reload finds no longer, or under another path or account, also if a later
//!   one finds it again;
//! - the process, which draws the keys.
//!
//! The token is bound to its access key id: beside any other it does not open.

use std::collections::BTreeMap;
use std::sync::Arc;

use ambient::{Random, RandomUnavailable, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::{Fields, HmacKey, Key256, SecretBytes, TAG_LEN, XAES_NONCE_LEN, XaesKey};
use iam::{Policy, PolicyKind, Principal};
use serde::{Deserialize, Serialize};
use sigv4::SecretAccessKey;
use zeroize::Zeroizing;

use super::caller::{AttachedPolicy, Caller, CallerKind, Session};
use super::{Identities, Role};

/// What access key ids of sessions begin with.
pub(super) const PREFIX: &str = "ASIA";
/// The first byte of a token before Base64.
const FORMAT: u8 = 1;
/// What a token may carry, in bytes: policies and tags together. With Base64 the token then fits
/// into a request's headers beside everything else.
pub const MAX_PACKED_BYTES: usize = 6_144;

/// Makes sessions and recognises them.
pub struct Sessions {
    tokens: XaesKey,
    secrets: HmacKey,
}

/// What AssumeRole gives out.
pub struct Credentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// 40 characters. For the caller alone.
    pub secret_access_key: SecretBytes,
    /// To be sent in `X-Amz-Security-Token`.
    pub session_token: String,
}

/// A session that is to be made.
pub struct NewSession<'a> {
    /// The role.
    pub role: &'a Role,
    /// `RoleSessionName`.
    pub name: &'a str,
    /// Now.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// `Policy`.
    pub inline_policy: Option<&'a str>,
    /// The names in `[policies]` that `PolicyArns` come to.
    pub named_policies: Vec<String>,
    /// Tags of the session, those that came with an earlier one included.
    pub tags: BTreeMap<String, String>,
    /// Keys of the tags that go on into the next role.
    pub transitive_tag_keys: Vec<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
}

/// Why no session was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewSessionError {
    /// Policies and tags have this share of what a token carries, in percent, above 100.
    #[error("policies and tags have {0} % of the size allowed")]
    TooLarge(usize),
    /// No random bytes, or no memory.
    #[error("the credentials cannot be made")]
    Failed,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Not one of ours, not of this access key, or of a role that is gone.
    #[error("the session token is invalid")]
    Invalid,
    /// Its time is over.
    #[error("the session token is expired")]
    Expired,
}

/// What a token says. Short names: it travels with every request.
#[derive(Serialize, Deserialize)]
struct Payload {
    #[serde(rename = "r")]
    role_arn: String,
    #[serde(rename = "g")]
    role_since: u64,
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "i")]
    issued_secs: u64,
    #[serde(rename = "e")]
    expires_secs: u64,
    #[serde(rename = "p")]
    inline_policy: Option<String>,
    #[serde(rename = "a")]
    named_policies: Vec<String>,
    #[serde(rename = "t")]
    tags: BTreeMap<String, String>,
    #[serde(rename = "k")]
    transitive_tag_keys: Vec<String>,
    #[serde(rename = "s")]
    source_identity: Option<String>,
}

impl Sessions {
    /// Draws the keys; fails only if `random` does.
    pub fn new(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        let root = Key256::generate(random)?;
        Ok(Self {
            tokens: root
                .derive(&Fields::new("strongroom kms session tokens v1"))
                .xaes(),
            secrets: HmacKey::new(
                root.derive(&Fields::new("strongroom kms session secrets v1"))
                    .expose(),
            ),
        })
    }

    /// Credentials for a new session, and the share of the token's size that its policies and tags
    /// take, in percent.
    pub fn create(
        &self,
        random: &dyn Random,
        session: NewSession<'_>,
    ) -> Result<(Credentials, usize), NewSessionError> {
        let payload = Payload {
            role_arn: session.role.arn.clone(),
            role_since: session.role.since,
            name: session.name.to_owned(),
            issued_secs: session.issued_at.as_secs(),
            expires_secs: session.expires_at.as_secs(),
            inline_policy: session.inline_policy.map(str::to_owned),
            named_policies: session.named_policies,
            tags: session.tags,
            transitive_tag_keys: session.transitive_tag_keys,
            source_identity: session.source_identity,
        };
        let packed = serde_json::to_vec(&payload).map_err(|_| NewSessionError::Failed)?;
        let percent = (packed.len() * 100).div_ceil(MAX_PACKED_BYTES);
        if packed.len() > MAX_PACKED_BYTES {
            return Err(NewSessionError::TooLarge(percent));
        }
        let bytes: [u8; 16] = random.bytes().map_err(|_| NewSessionError::Failed)?;
        let access_key_id = super::ids::id(PREFIX, &bytes);
        let session_token = self
            .seal(random, &access_key_id, packed)
            .ok_or(NewSessionError::Failed)?;
        let credentials = Credentials {
            secret_access_key: self.secret_text(&access_key_id),
            access_key_id,
            session_token,
        };
        Ok((credentials, percent))
    }

    /// Whether an access key id is one that sessions have.
    pub fn is_session_key(access_key_id: &str) -> bool {
        access_key_id.starts_with(PREFIX)
    }

    /// The secret that belongs to an access key id of a session.
    pub(super) fn secret(&self, access_key_id: &str) -> SecretAccessKey {
        SecretAccessKey::from_bytes(self.secret_text(access_key_id).expose())
    }

    /// The session of a token that came with this access key id. Its time is looked at last, so
    /// that only who had a session learns that it is over.
    pub(super) fn open(
        &self,
        identities: &Identities,
        access_key_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Caller, TokenRefused> {
        let payload = self.unseal(access_key_id, token).ok_or(TokenRefused::Invalid)?;
        let role = identities
            .role(&payload.role_arn)
            .filter(|role| role.since == payload.role_since)
            .ok_or(TokenRefused::Invalid)?;
        let expires_at = Timestamp::from_secs(payload.expires_secs);
        if now >= expires_at {
            return Err(TokenRefused::Expired);
        }
        let mut policies = Vec::new();
        if let Some(text) = &payload.inline_policy {
            let policy = Policy::parse(text, PolicyKind::Session).map_err(|_| TokenRefused::Invalid)?;
            policies.push(AttachedPolicy {
                name: "session".to_owned(),
                policy: Arc::new(policy),
            });
        }
        for name in &payload.named_policies {
            // A policy that the file no longer has would have limited the session: it ends.
            policies.push(identities.policy(name).ok_or(TokenRefused::Invalid)?.clone());
        }
        let principal =
            Principal::role_session(&role.arn, &payload.name).map_err(|_| TokenRefused::Invalid)?;
        let mut tags = (*role.tags).clone();
        tags.extend(payload.tags);
        Ok(Caller {
            account: role.account,
            organization: role.organization.clone(),
            arn: principal.arn().to_owned(),
            principal,
            principal_id: format!("{}:{}", role.principal_id, payload.name),
            access_key_id: access_key_id.to_owned(),
            kind: CallerKind::Role {
                role_arn: role.arn.clone(),
                role_name: role.name.clone(),
                role_id: role.principal_id.clone(),
                session_name: payload.name,
            },
            tags: Arc::new(tags),
            permissions: Arc::clone(&role.permissions),
            session: Some(Arc::new(Session {
                issued_at: Timestamp::from_secs(payload.issued_secs),
                expires_at,
                policies,
                source_identity: payload.source_identity,
                transitive_tag_keys: payload.transitive_tag_keys,
            })),
            via_service: None,
        })
    }

    fn secret_text(&self, access_key_id: &str) -> SecretBytes {
        let fields = Fields::new("strongroom kms session secret v1").text(access_key_id);
        let tag = Zeroizing::new(self.secrets.tag(&[fields.as_bytes()]));
        // 30 bytes are 40 characters, as long as AWS's.
        let bytes = tag.get(..30).unwrap_or_default();
        SecretBytes::new(STANDARD.encode(bytes).into_bytes())
    }

    fn seal(&self, random: &dyn Random, access_key_id: &str, mut packed: Vec<u8>) -> Option<String> {
        let nonce: [u8; XAES_NONCE_LEN] = random.bytes().ok()?;
        let tag = self
            .tokens
            .seal(&nonce, bound_to(access_key_id).as_bytes(), &mut packed)
            .ok()?;
        Some(STANDARD.encode([&[FORMAT][..], &nonce, &packed, &tag].concat()))
    }

    fn unseal(&self, access_key_id: &str, token: &str) -> Option<Payload> {
        if token.len() > (MAX_PACKED_BYTES + 1 + XAES_NONCE_LEN + TAG_LEN).div_ceil(3) * 4 {
            return None;
        }
        let bytes = STANDARD.decode(token).ok()?;
        let rest = bytes.strip_prefix(&[FORMAT])?;
        let (nonce, rest) = rest.split_first_chunk::<XAES_NONCE_LEN>()?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>()?;
        let mut packed = vec![0; ciphertext.len()];
        let bound = bound_to(access_key_id);
        self.tokens
            .open(nonce, bound.as_bytes(), ciphertext, tag, &mut packed)
            .ok()?;
        serde_json::from_slice(&packed).ok()
    }
}

fn bound_to(access_key_id: &str) -> Fields {
    Fields::new("strongroom kms session token v1").text(access_key_id)
}
