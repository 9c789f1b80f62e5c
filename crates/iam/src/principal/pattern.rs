//! Principals as policies and grants name them.

use crate::arn::Arn;
use crate::principal::{InvalidPrincipal, Principal, PrincipalKind};

/// A principal as the `Principal` element of a policy or a grant names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalPattern {
    /// `*`: everyone, of any account.
    Everyone,
    /// An account, by its 12 digits or its root user's ARN; holds the digits.
    Account(Box<str>),
    /// An IAM user's ARN.
    User(Box<str>),
    /// An IAM role's ARN: all of its sessions.
    Role(Box<str>),
    /// The ARN of one session of a role.
    RoleSession(Box<str>),
    /// The ARN of a federated user.
    FederatedUser(Box<str>),
    /// An AWS service.
    Service(Box<str>),
    /// A provider of identities. No caller of KMS is one.
    Federated(Box<str>),
    /// A canonical user id. No caller of KMS is one.
    CanonicalUser(Box<str>),
    /// The id (`AIDA…`, `AROA…`) that AWS leaves in place of a deleted user or role. Nobody is that.
    UniqueId(Box<str>),
}

/// How a principal was recognised, from the least to the most specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalMatch {
    /// Through its account: a resource policy then lets that account's identity policies decide.
    Account,
    /// As one of everyone, or through its role: permissions boundaries and session policies limit it.
    Broad,
    /// By its own ARN.
    Direct,
}

impl PrincipalPattern {
    /// An entry of `{"AWS": …}`: `*`, 12 digits, an ARN, or the id of a deleted principal.
    pub(crate) fn parse_aws(text: &str) -> Result<Self, InvalidPrincipal> {
        if text == "*" {
            return Ok(Self::Everyone);
        }
        if is_account(text) {
            return Ok(Self::Account(text.into()));
        }
        if is_unique_id(text) {
            return Ok(Self::UniqueId(text.into()));
        }
        Self::parse_arn(text)
    }

    /// The ARN of an account's root user, a user, a role, a role session or a federated user.
    ///
    /// # Errors
    /// [`InvalidPrincipal`] for anything else; wildcards and groups in particular.
    pub fn parse_arn(text: &str) -> Result<Self, InvalidPrincipal> {
        let arn = Arn::parse(text).ok_or(InvalidPrincipal)?;
        if !is_partition(arn.partition) || !arn.region.is_empty() || !is_account(arn.account) {
            return Err(InvalidPrincipal);
        }
        let (kind, name) = arn.resource.split_once('/').unwrap_or((arn.resource, ""));
        match (arn.service, kind) {
            ("iam", "root") if arn.resource == "root" => Ok(Self::Account(arn.account.into())),
            ("iam", "user") if is_path_and_name(name) => Ok(Self::User(text.into())),
            ("iam", "role") if is_path_and_name(name) => Ok(Self::Role(text.into())),
            ("sts", "assumed-role") if is_role_and_session(name) => Ok(Self::RoleSession(text.into())),
            ("sts", "federated-user") if is_name(name) => Ok(Self::FederatedUser(text.into())),
            _ => Err(InvalidPrincipal),
        }
    }

    /// The name of a service, such as `logs.us-east-1.amazonaws.com`.
    ///
    /// # Errors
    /// [`InvalidPrincipal`] for anything that is no host name of at least three labels.
    pub fn parse_service(text: &str) -> Result<Self, InvalidPrincipal> {
        let label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let valid = text.len() <= 128 && text.split('.').count() >= 3 && text.split('.').all(label);
        if valid {
            Ok(Self::Service(text.into()))
        } else {
            Err(InvalidPrincipal)
        }
    }

    /// How this entry names that caller, if it does.
    pub fn matches(&self, caller: &Principal) -> Option<PrincipalMatch> {
        let direct = |is: bool| is.then_some(PrincipalMatch::Direct);
        let kind = caller.kind();
        match self {
            Self::Everyone => Some(PrincipalMatch::Broad),
            Self::Account(account) if **account == *caller.account() => match kind {
                PrincipalKind::Root => Some(PrincipalMatch::Direct),
                _ => Some(PrincipalMatch::Account),
            },
            Self::User(arn) => direct(kind == PrincipalKind::User && **arn == *caller.arn()),
            Self::RoleSession(arn) => direct(kind == PrincipalKind::RoleSession && **arn == *caller.arn()),
            Self::FederatedUser(arn) => {
                direct(kind == PrincipalKind::FederatedUser && **arn == *caller.arn())
            }
            Self::Service(name) => direct(kind == PrincipalKind::Service && **name == *caller.arn()),
            Self::Role(arn) if kind == PrincipalKind::RoleSession && **arn == *caller.principal_arn() => {
                Some(PrincipalMatch::Broad)
            }
            Self::Account(_)
            | Self::Role(_)
            | Self::Federated(_)
            | Self::CanonicalUser(_)
            | Self::UniqueId(_) => None,
        }
    }
}

/// How the most specific of the entries names that caller.
pub(crate) fn strongest(entries: &[PrincipalPattern], caller: &Principal) -> Option<PrincipalMatch> {
    entries.iter().filter_map(|entry| entry.matches(caller)).max()
}

/// Whether `NotPrincipal` exempts the caller from a deny. The caller's account must be exempt as well,
/// and for a session its role too; and it exempts nobody who has a permissions boundary (IAM User
/// Guide, *NotPrincipal*).
pub(crate) fn exempts(entries: &[PrincipalPattern], caller: &Principal, has_boundary: bool) -> bool {
    let names = |wanted: PrincipalMatch| entries.iter().any(|entry| entry.matches(caller) == Some(wanted));
    if entries.contains(&PrincipalPattern::Everyone) {
        return true;
    }
    let broad_enough = match caller.kind() {
        PrincipalKind::Root | PrincipalKind::Service => true,
        PrincipalKind::User | PrincipalKind::FederatedUser => names(PrincipalMatch::Account),
        PrincipalKind::RoleSession => names(PrincipalMatch::Account) && names(PrincipalMatch::Broad),
    };
    !has_boundary && broad_enough && names(PrincipalMatch::Direct)
}

fn is_partition(text: &str) -> bool {
    text.starts_with("aws") && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_unique_id(text: &str) -> bool {
    let (prefix, rest) = text.split_at_checked(4).unwrap_or_default();
    matches!(prefix, "AIDA" | "AROA")
        && (12..=124).contains(&rest.len())
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Letters, digits and `_+=,.@-`.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// `name` or `path/to/name`; a path has any printable ASCII but wildcards.
fn is_path_and_name(text: &str) -> bool {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    is_name(name)
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"*?:".contains(&byte))
}

fn is_role_and_session(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(role, session)| is_name(role) && is_name(session))
}
