//! Who makes a call, and what bears on what they may do.

use std::collections::BTreeMap;
use std::sync::Arc;

use ambient::Timestamp;
use iam::{Policy, Principal};
use kms_api::{AccountId, Region};
use serde_json::{Value, json};

/// Who signed a request. Made only of verified requests.
#[derive(Clone)]
pub struct Caller {
    /// The caller's account.
    pub account: AccountId,
    /// The account's organization (`o-…`), if it is in one.
    pub organization: Option<String>,
    /// The principal: a user's, a role session's or the root user's ARN.
    pub arn: String,
    /// The same, as policies see it.
    pub principal: Principal,
    /// The unique id (`AIDA…`, `AROA…:session`, the account for root): `aws:userid`.
    pub principal_id: String,
    /// The access key that signed.
    pub access_key_id: String,
    /// What kind of principal this is.
    pub kind: CallerKind,
    /// The principal's tags (`aws:PrincipalTag/…`); for a session the role's, and over them the
    /// session's.
    pub tags: Arc<BTreeMap<String, String>>,
    /// Policies of the user or role.
    pub permissions: Arc<Permissions>,
    /// What only a session of AssumeRole has.
    pub session: Option<Arc<Session>>,
    /// The AWS service that makes the call for the principal (`s3`), if one does.
    pub via_service: Option<String>,
}

/// The kind of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// The account's root user.
    Root,
    /// An IAM user.
    User {
        /// The user's name, without its path.
        name: String,
    },
    /// A session of a role.
    Role {
        /// The role's ARN, with its path.
        role_arn: String,
        /// The role's name.
        role_name: String,
        /// The role's unique id (`AROA…`).
        role_id: String,
        /// The session's name.
        session_name: String,
    },
}

/// Policies that bear on a principal.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// Identity policies. The root user has none and needs none.
    pub identity: Vec<AttachedPolicy>,
    /// The permissions boundary.
    pub boundary: Option<AttachedPolicy>,
    /// The service control policies of the principal's account.
    pub service_control: Vec<AttachedPolicy>,
}

/// A policy and how explanations call it.
#[derive(Clone, Debug)]
pub struct AttachedPolicy {
    /// Its name in `[policies]`, or `inline`.
    pub name: String,
    /// The policy.
    pub policy: Arc<Policy>,
}

/// What only a session of AssumeRole has.
#[derive(Clone, Debug)]
pub struct Session {
    /// When AssumeRole was called (`aws:TokenIssueTime`).
    pub issued_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// Session policies: with any, the session may do only what the role *and* one of them allow.
    pub policies: Vec<AttachedPolicy>,
    /// `sts:SourceIdentity`, kept through role chaining.
    pub source_identity: Option<String>,
    /// Keys of the tags that go with the session into the next role.
    pub transitive_tag_keys: Vec<String>,
}

impl Caller {
    /// The root user of an account, without service control policies. `None` only if the account
    /// had no ARN, and every account has.
    pub fn root(account: AccountId, access_key_id: &str) -> Option<Self> {
        let arn = format!("arn:aws:iam::{account}:root");
        Some(Self {
            account,
            organization: None,
            principal: Principal::parse(&arn).ok()?,
            arn,
            principal_id: account.to_string(),
            access_key_id: access_key_id.to_owned(),
            kind: CallerKind::Root,
            tags: Arc::default(),
            permissions: Arc::default(),
            session: None,
            via_service: None,
        })
    }

    /// Whether this is a root user.
    pub fn is_root(&self) -> bool {
        self.kind == CallerKind::Root
    }

    /// `aws:username`: an IAM user's name, and nobody else's.
    pub fn user_name(&self) -> Option<&str> {
        match &self.kind {
            CallerKind::User { name } => Some(name),
            CallerKind::Root | CallerKind::Role { .. } => None,
        }
    }

    /// The service that makes the call for the principal, if one does: `s3.amazonaws.com`.
    pub fn via_service(&self) -> Option<String> {
        let service = self.via_service.as_ref()?;
        Some(format!("{service}.amazonaws.com"))
    }

    /// `kms:ViaService` in a Region, if a service makes the call: `s3.eu-west-1.amazonaws.com`.
    pub fn via_service_in(&self, region: &Region) -> Option<String> {
        let service = self.via_service.as_ref()?;
        Some(format!("{service}.{region}.amazonaws.com"))
    }

    /// `userIdentity` of this caller's CloudTrail records.
    pub(crate) fn user_identity(&self) -> Value {
        let mut identity = json!({
            "type": match &self.kind {
                CallerKind::Root => "Root",
                CallerKind::User { .. } => "IAMUser",
                CallerKind::Role { .. } => "AssumedRole",
            },
            "principalId": self.principal_id,
            "arn": self.arn,
            "accountId": self.account.to_string(),
            "accessKeyId": self.access_key_id,
        });
        let mut add = |name: &str, value: Value| {
            if let Some(members) = identity.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        if let Some(name) = self.user_name() {
            add("userName", name.into());
        }
        if let Some(context) = self.session_context() {
            add("sessionContext", context);
        }
        if let Some(service) = self.via_service() {
            add("invokedBy", service.into());
        }
        identity
    }

    fn session_context(&self) -> Option<Value> {
        let (
            CallerKind::Role {
                role_arn,
                role_name,
                role_id,
                ..
            },
            Some(session),
        ) = (&self.kind, &self.session)
        else {
            return None;
        };
        let mut context = json!({
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": role_arn,
                "accountId": self.account.to_string(),
                "userName": role_name,
            },
            "attributes": {
                "creationDate": crate::trail::event_time(session.issued_at),
                "mfaAuthenticated": "false",
            },
        });
        if let (Some(source), Some(members)) = (&session.source_identity, context.as_object_mut()) {
            members.insert("sourceIdentity".to_owned(), source.as_str().into());
        }
        Some(context)
    }
}
