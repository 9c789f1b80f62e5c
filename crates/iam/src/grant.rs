//! Grants: permissions on one key that a principal was given by CreateGrant (AWS KMS Developer Guide,
//! *Grants in AWS KMS*). Grants only allow.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::arn::ArnPattern;
use crate::context::{Context, Value};
use crate::keys;
use crate::principal::{InvalidPrincipal, Principal, PrincipalMatch, PrincipalPattern};
use crate::trace::GrantOutcome;

macro_rules! operations {
    ($($name:ident,)*) => {
        /// What a grant can permit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum GrantOperation {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)*
        }

        impl GrantOperation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name, which is also the name of the permission behind `kms:`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

operations! {
    Decrypt, Encrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, ReEncryptFrom, ReEncryptTo, Sign, Verify,
    GetPublicKey, CreateGrant, RetireGrant, DescribeKey, GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext,
    GenerateMac, VerifyMac, DeriveSharedSecret, Encapsulate, Decapsulate,
}

impl GrantOperation {
    /// The operation of a name, if grants have it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|operation| operation.as_str() == name)
    }
}

/// A set of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrantOperations(u32);

impl GrantOperations {
    /// Whether the operation is in the set.
    pub const fn contains(self, operation: GrantOperation) -> bool {
        self.0 & (1 << operation as u32) != 0
    }

    /// Whether all of `other` are in the set.
    pub const fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

impl FromIterator<GrantOperation> for GrantOperations {
    fn from_iter<I: IntoIterator<Item = GrantOperation>>(operations: I) -> Self {
        Self(
            operations
                .into_iter()
                .fold(0, |set, operation| set | 1 << operation as u32),
        )
    }
}

/// What the encryption context of a request must be. Comparison is exact, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncryptionContextConstraint {
    /// `EncryptionContextEquals`: these pairs and no other.
    Equals(BTreeMap<String, String>),
    /// `EncryptionContextSubset`: at least these pairs.
    Subset(BTreeMap<String, String>),
}

impl EncryptionContextConstraint {
    fn holds(&self, given: &[(Cow<'_, str>, Cow<'_, str>)]) -> bool {
        let has = |(key, value): (&String, &String)| {
            given
                .iter()
                .any(|(given_key, given_value)| given_key == key && given_value == value)
        };
        match self {
            Self::Equals(pairs) => given.len() == pairs.len() && pairs.iter().all(has),
            Self::Subset(pairs) => pairs.iter().all(has),
        }
    }

    /// Whether everything that passes `self` passes `parent` too.
    fn is_as_strict_as(&self, parent: &Self) -> bool {
        let has_all = |own: &BTreeMap<String, String>, parents: &BTreeMap<String, String>| {
            parents.iter().all(|(key, value)| own.get(key) == Some(value))
        };
        match (parent, self) {
            (Self::Equals(parents), Self::Equals(own)) => own == parents,
            (Self::Equals(_), Self::Subset(_)) => false,
            (Self::Subset(parents), Self::Equals(own) | Self::Subset(own)) => has_all(own, parents),
        }
    }
}

/// A grant, as far as it decides access.
#[derive(Debug)]
pub struct Grant {
    id: Box<str>,
    grantee: PrincipalPattern,
    operations: GrantOperations,
    constraint: Option<EncryptionContextConstraint>,
    source_arn: Option<ArnPattern>,
}

/// What a request for a new grant asks for; a grant that allows CreateGrant allows no more than itself.
#[derive(Clone, Copy, Debug)]
pub struct NewGrant<'r> {
    /// The operations asked for.
    pub operations: GrantOperations,
    /// The constraint asked for.
    pub constraint: Option<&'r EncryptionContextConstraint>,
}

impl Grant {
    /// A grant to a principal, for operations.
    pub fn new(id: &str, grantee: PrincipalPattern, operations: GrantOperations) -> Self {
        Self {
            id: id.into(),
            grantee,
            operations,
            constraint: None,
            source_arn: None,
        }
    }

    /// The grant, limited to an encryption context.
    #[must_use]
    pub fn with_constraint(mut self, constraint: EncryptionContextConstraint) -> Self {
        self.constraint = Some(constraint);
        self
    }

    /// The grant, limited to requests for a resource: `aws:SourceArn` must match the pattern.
    ///
    /// # Errors
    /// [`InvalidPrincipal`] if the text is no pattern of ARNs.
    pub fn with_source_arn(mut self, pattern: &str) -> Result<Self, InvalidPrincipal> {
        self.source_arn = Some(ArnPattern::condition(pattern, false).map_err(|_| InvalidPrincipal)?);
        Ok(self)
    }

    /// The id, unique within the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whom the grant permits.
    pub const fn grantee(&self) -> &PrincipalPattern {
        &self.grantee
    }

    /// What the grant permits.
    pub const fn operations(&self) -> GrantOperations {
        self.operations
    }

    /// What limits it.
    pub const fn constraint(&self) -> Option<&EncryptionContextConstraint> {
        self.constraint.as_ref()
    }

    /// Whether the grant permits a request; if not, what of it does not.
    pub(crate) fn outcome(
        &self,
        principal: &Principal,
        operation: Option<GrantOperation>,
        new_grant: Option<NewGrant<'_>>,
        context: &Context<'_>,
    ) -> GrantOutcome {
        let Some(operation) = operation.filter(|operation| self.operations.contains(*operation)) else {
            return GrantOutcome::OtherOperation;
        };
        let Some(grantee) = self.grantee.matches(principal) else {
            return GrantOutcome::OtherGrantee;
        };
        match operation {
            // Neither of these carries an encryption context.
            GrantOperation::DescribeKey | GrantOperation::RetireGrant => {}
            GrantOperation::CreateGrant => {
                if !new_grant.is_some_and(|new_grant| self.covers(new_grant)) {
                    return GrantOutcome::WiderThanParent;
                }
            }
            _ => {
                if !self
                    .constraint
                    .as_ref()
                    .is_none_or(|wanted| wanted.holds(context.encryption_context_pairs()))
                {
                    return GrantOutcome::ConstraintFails;
                }
            }
        }
        if operation != GrantOperation::RetireGrant && !self.source_matches(context) {
            return GrantOutcome::ConstraintFails;
        }
        match grantee {
            PrincipalMatch::Account => GrantOutcome::AppliesToAccount,
            PrincipalMatch::Broad | PrincipalMatch::Direct => GrantOutcome::Applies,
        }
    }

    fn covers(&self, new_grant: NewGrant<'_>) -> bool {
        let constraint = match (&self.constraint, new_grant.constraint) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(parent), Some(child)) => child.is_as_strict_as(parent),
        };
        constraint && self.operations.contains_all(new_grant.operations)
    }

    fn source_matches(&self, context: &Context<'_>) -> bool {
        let Some(pattern) = &self.source_arn else {
            return true;
        };
        match context.get(keys::SOURCE_ARN.0) {
            Some(Value::One(source)) => pattern.matches(&source.to_text(), context),
            _ => false,
        }
    }
}
