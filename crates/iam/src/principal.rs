//! Who calls, and how policies name them.

pub(crate) mod pattern;

use thiserror::Error;

use crate::arn::Arn;

pub use pattern::{PrincipalMatch, PrincipalPattern};

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    kind: PrincipalKind,
    account: Box<str>,
    arn: Box<str>,
    principal_arn: Box<str>,
}

/// What kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// The root user of an account.
    Root,
    /// An IAM user.
    User,
    /// A session of an IAM role.
    RoleSession,
    /// A session of GetFederationToken.
    FederatedUser,
    /// An AWS service that acts for itself.
    Service,
}

/// The text does not name a principal of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the ARN of a principal of the kind that is needed here")]
pub struct InvalidPrincipal;

impl Principal {
    /// A caller from the ARN of an account's root user, a user, a federated user, or a role session
    /// (`arn:aws:sts::<account>:assumed-role/<role>/<session>`; its role is then taken to have the path
    /// `/`, see [`role_session`](Self::role_session)).
    ///
    /// # Errors
    /// [`InvalidPrincipal`] for anything else.
    pub fn parse(arn: &str) -> Result<Self, InvalidPrincipal> {
        let parsed = Arn::parse(arn).ok_or(InvalidPrincipal)?;
        let kind = match PrincipalPattern::parse_arn(arn)? {
            PrincipalPattern::Account(_) => PrincipalKind::Root,
            PrincipalPattern::User(_) => PrincipalKind::User,
            PrincipalPattern::FederatedUser(_) => PrincipalKind::FederatedUser,
            PrincipalPattern::RoleSession(_) => {
                let named = parsed
                    .resource
                    .strip_prefix("assumed-role/")
                    .and_then(|rest| rest.split_once('/'));
                let (role, session) = named.ok_or(InvalidPrincipal)?;
                let role = format!("arn:{}:iam::{}:role/{role}", parsed.partition, parsed.account);
                return Self::role_session(&role, session);
            }
            _ => return Err(InvalidPrincipal),
        };
        Ok(Self {
            kind,
            account: parsed.account.into(),
            arn: arn.into(),
            principal_arn: arn.into(),
        })
    }

    /// A session of a role, from the role's ARN with its path.
    ///
    /// # Errors
    /// [`InvalidPrincipal`] if that is no role's ARN, or the name is not of 2 to 64 characters of
    /// letters, digits and `_+=,.@-`.
    pub fn role_session(role_arn: &str, session_name: &str) -> Result<Self, InvalidPrincipal> {
        let PrincipalPattern::Role(_) = PrincipalPattern::parse_arn(role_arn)? else {
            return Err(InvalidPrincipal);
        };
        let valid = (2..=64).contains(&session_name.len()) && pattern::is_name(session_name);
        let (Some(arn), true) = (Arn::parse(role_arn), valid) else {
            return Err(InvalidPrincipal);
        };
        let role = arn.resource.rsplit('/').next().unwrap_or_default();
        Ok(Self {
            kind: PrincipalKind::RoleSession,
            account: arn.account.into(),
            arn: format!(
                "arn:{}:sts::{}:assumed-role/{role}/{session_name}",
                arn.partition, arn.account
            )
            .into(),
            principal_arn: role_arn.into(),
        })
    }

    /// A service, by the name that policies have for it, such as `logs.us-east-1.amazonaws.com`.
    ///
    /// # Errors
    /// [`InvalidPrincipal`] if that is no such name.
    pub fn service(name: &str) -> Result<Self, InvalidPrincipal> {
        let PrincipalPattern::Service(name) = PrincipalPattern::parse_service(name)? else {
            return Err(InvalidPrincipal);
        };
        Ok(Self {
            kind: PrincipalKind::Service,
            account: Box::default(),
            arn: name.clone(),
            principal_arn: name,
        })
    }

    /// What kind of caller.
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The 12 digits of the caller's account; empty for a service.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The ARN as messages and records have it: a session's own. For a service, its name.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The ARN of `aws:PrincipalArn`: a session's role, with its path.
    pub fn principal_arn(&self) -> &str {
        &self.principal_arn
    }

    /// The name of an IAM user, without its path.
    pub fn user_name(&self) -> Option<&str> {
        (self.kind == PrincipalKind::User).then(|| self.arn.rsplit('/').next().unwrap_or_default())
    }
}

impl PrincipalKind {
    /// The value of `aws:PrincipalType`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "Account",
            Self::User => "User",
            Self::RoleSession => "AssumedRole",
            Self::FederatedUser => "FederatedUser",
            Self::Service => "Service",
        }
    }
}
