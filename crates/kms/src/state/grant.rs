//! A grant in memory.

use std::sync::Arc;

use iam::{EncryptionContextConstraint, GrantOperation, PrincipalPattern};

use super::record::{GrantPrincipal, GrantRecord};

/// A grant, and the same as decisions take it.
pub(crate) struct Grant {
    /// What outlives the process.
    pub(crate) record: Arc<GrantRecord>,
    /// Ready to evaluate; `None` if the row says what grants cannot, and then it permits nothing.
    pub(crate) decides: Option<iam::Grant>,
}

impl Grant {
    /// Makes a grant ready.
    pub(crate) fn new(record: Arc<GrantRecord>) -> Self {
        let decides = decides(&record);
        if decides.is_none() {
            tracing::error!(
                key = record.key,
                grant = record.id,
                "a grant does not evaluate: it permits nothing"
            );
        }
        Self { record, decides }
    }
}

impl GrantRecord {
    /// What limits the grant to an encryption context; `None` if the row has two such limits.
    pub(crate) fn constraint(&self) -> Option<Option<EncryptionContextConstraint>> {
        match (&self.encryption_context_equals, &self.encryption_context_subset) {
            (None, None) => Some(None),
            (Some(pairs), None) => Some(Some(EncryptionContextConstraint::Equals(pairs.clone()))),
            (None, Some(pairs)) => Some(Some(EncryptionContextConstraint::Subset(pairs.clone()))),
            (Some(_), Some(_)) => None,
        }
    }
}

impl GrantPrincipal {
    /// The principal as decisions know it.
    pub(crate) fn pattern(&self) -> Option<PrincipalPattern> {
        match self {
            Self::Aws(arn) => PrincipalPattern::parse_arn(arn).ok(),
            Self::Service(name) => PrincipalPattern::parse_service(name).ok(),
        }
    }
}

fn decides(record: &GrantRecord) -> Option<iam::Grant> {
    let names = record.operations.iter();
    let operations = names
        .map(|name| GrantOperation::from_name(name))
        .collect::<Option<_>>()?;
    let mut grant = iam::Grant::new(&record.id, record.grantee.pattern()?, operations);
    if let Some(constraint) = record.constraint()? {
        grant = grant.with_constraint(constraint);
    }
    match &record.source_arn {
        Some(pattern) => grant.with_source_arn(pattern).ok(),
        None => Some(grant),
    }
}
