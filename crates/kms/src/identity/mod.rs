//! Identities: accounts, users, roles, access keys and their policies, from a declared file that
//! reloads; sessions of AssumeRole.
//!
//! - [`Identities`] is one reading of the file, checked whole and never changed. Everything is found
//!   in one hash look-up.
//! - [`IdentitySource`] holds the one in force; the file must be its owner's alone.
//! - [`Sessions`] makes and recognises temporary credentials.

mod access;
mod caller;
mod checks;
mod file;
mod ids;
pub mod limits;
mod named;
mod problem;
mod read;
mod sessions;
mod source;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use iam::Policy;
use kms_api::AccountId;
use sigv4::SecretAccessKey;

pub use caller::{AttachedPolicy, Caller, CallerKind, Permissions, Session};
pub(crate) use limits::USUAL_SESSION;
pub use problem::IdentityFileError;
pub use sessions::{Credentials, MAX_PACKED_BYTES, NewSession, NewSessionError, Sessions, TokenRefused};
pub use source::{IdentitySource, IdentitySourceError};

/// What one file declares.
#[derive(Default)]
pub struct Identities {
    /// How many readings of the file there were before this one.
    reading: u64,
    access_keys: HashMap<Box<str>, AccessKey>,
    accounts: HashMap<AccountId, Arc<Account>>,
    /// Root users and users, by ARN.
    callers: HashMap<Box<str>, Arc<Caller>>,
    /// By ARN, with the path.
    roles: HashMap<Box<str>, Arc<Role>>,
    /// Unique ids of users and roles, by ARN.
    principals: HashMap<Box<str>, Box<str>>,
    /// Accounts, kinds and names of users and roles in small letters, which must differ.
    names: HashSet<Box<str>>,
    /// ARNs of the sessions of each role, up to the session's name.
    sessions: HashSet<Box<str>>,
    /// `[policies]`, as identity policies.
    policies: HashMap<Box<str>, AttachedPolicy>,
}

/// A long-lived access key.
struct AccessKey {
    secret: Arc<SecretAccessKey>,
    caller: Arc<Caller>,
    active: bool,
}

/// What an account has beside its users and roles.
struct Account {
    service_control_policies: Vec<AttachedPolicy>,
    organization: Option<String>,
}

/// A role that may be assumed.
pub struct Role {
    /// Its account.
    pub account: AccountId,
    /// Its account's organization.
    pub organization: Option<String>,
    /// Its ARN, with the path.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `AROA…`
    pub principal_id: String,
    /// Who may assume it.
    pub trust_policy: Arc<Policy>,
    /// How long a session may last.
    pub max_session_duration: Duration,
    /// Its tags.
    pub tags: Arc<BTreeMap<String, String>>,
    /// What its sessions may do.
    pub permissions: Arc<Permissions>,
    /// The reading of the file, from 0, since which the role is there without a break. A session is
    /// one of a role of its own reading, as at AWS, where a role made anew has another unique id.
    since: u64,
}

/// An access key as a request names it: whose secret the signature must be made with, and who that
/// is once it was.
pub(crate) enum Claimed {
    /// A key of the file.
    LongLived {
        secret: Arc<SecretAccessKey>,
        caller: Arc<Caller>,
    },
    /// A key of a session whose token is authentic; it may be over.
    Session {
        secret: Box<SecretAccessKey>,
        caller: Result<Arc<Caller>, TokenRefused>,
    },
}

impl Claimed {
    /// What the signature must have been made with.
    pub(crate) fn secret(&self) -> &SecretAccessKey {
        match self {
            Self::LongLived { secret, .. } => secret,
            Self::Session { secret, .. } => secret,
        }
    }

    /// Who signed, now that the signature was verified.
    pub(crate) fn into_caller(self) -> Result<Arc<Caller>, TokenRefused> {
        match self {
            Self::LongLived { caller, .. } => Ok(caller),
            Self::Session { caller, .. } => caller,
        }
    }
}

impl Identities {
    /// The same, as what a file says after it said `before`: roles that were there already go on.
    fn following(mut self, before: &Self) -> Self {
        self.reading = before.reading.saturating_add(1);
        for (arn, role) in &mut self.roles {
            let since = before.roles.get(arn).map_or(self.reading, |role| role.since);
            // Nobody else has a reading that is not in force yet.
            if let Some(role) = Arc::get_mut(role) {
                role.since = since;
            }
        }
        self
    }

    /// Looks an access key up. `None`: unknown, inactive, a session's with a token that is not its
    /// own, or a long-lived key with a token.
    pub(crate) fn claimed(
        &self,
        sessions: &Sessions,
        access_key_id: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Option<Claimed> {
        if !Sessions::is_session_key(access_key_id) {
            let key = self
                .access_keys
                .get(access_key_id)
                .filter(|key| key.active && token.is_none())?;
            return Some(Claimed::LongLived {
                secret: Arc::clone(&key.secret),
                caller: Arc::clone(&key.caller),
            });
        }
        let caller = match sessions.open(self, access_key_id, token?, now) {
            Err(TokenRefused::Invalid) => return None,
            caller => caller.map(Arc::new),
        };
        Some(Claimed::Session {
            secret: Box::new(sessions.secret(access_key_id)),
            caller,
        })
    }

    /// A role by its ARN.
    pub fn role(&self, arn: &str) -> Option<&Arc<Role>> {
        self.roles.get(arn)
    }

    /// A policy of `[policies]`, as an identity policy.
    pub fn policy(&self, name: &str) -> Option<&AttachedPolicy> {
        self.policies.get(name)
    }

    /// Whether an account is declared.
    pub fn has_account(&self, id: AccountId) -> bool {
        self.accounts.contains_key(&id)
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.keys().copied()
    }

    /// The unique id of a user or role, by its ARN; `None` if there is none such.
    pub fn unique_id(&self, arn: &str) -> Option<&str> {
        self.principals.get(arn).map(|id| &**id)
    }

    /// Whether a policy or a grant may name this principal: a declared account (12 digits, or its
    /// root), user or role, or a session of a declared role.
    pub fn has_principal(&self, principal: &str) -> bool {
        if self.principals.contains_key(principal) {
            return true;
        }
        let root = principal
            .strip_prefix("arn:aws:iam::")
            .and_then(|rest| rest.strip_suffix(":root"));
        if let Ok(account) = root.unwrap_or(principal).parse() {
            return self.has_account(account);
        }
        let session = principal.rsplit_once('/');
        session.is_some_and(|(role, name)| !name.is_empty() && self.sessions.contains(role))
    }
}
