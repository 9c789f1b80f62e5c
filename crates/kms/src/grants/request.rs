//! What CreateGrant asks for, checked as far as the request alone shows.

use std::collections::BTreeMap;

use iam::{EncryptionContextConstraint, GrantOperation, GrantOperations, NewGrant};
use kms_api::{EncryptionContext, ErrorName, KmsError, request};

use crate::authorize::Extras;
use crate::call::Call;
use crate::error::Failure;
use crate::identity::Identities;
use crate::state::record::{GrantPrincipal, GrantRecord};

/// Pairs of a constraint, at most.
const MAX_PAIRS: usize = 8;
/// Characters of a value in a constraint, at most.
const MAX_VALUE_CHARS: usize = 384;

/// A grant that is asked for.
pub(super) struct Asked {
    grantee: GrantPrincipal,
    retiring: Option<GrantPrincipal>,
    operations: Vec<kms_api::GrantOperation>,
    constraint: Option<EncryptionContextConstraint>,
    source_arn: Option<String>,
    name: Option<String>,
}

impl Asked {
    /// One grantee, at most one retiring principal, operations that symmetric keys have, and
    /// constraints within their limits.
    pub(super) fn of(request: &request::CreateGrant) -> Result<Self, Failure> {
        let grantee =
            party(&request.grantee_principal, &request.grantee_service_principal)?.ok_or_else(|| {
                invalid("Either GranteePrincipal or GranteeServicePrincipal must be in the request.")
            })?;
        let retiring = party(&request.retiring_principal, &request.retiring_service_principal)?;
        let source_arn = request
            .constraints
            .as_ref()
            .and_then(|limits| limits.source_arn.clone());
        if matches!(grantee, GrantPrincipal::Service(_)) && (source_arn.is_none() || retiring.is_none()) {
            return Err(invalid(
                "A grant to a service principal needs a SourceArn constraint and a retiring principal.",
            ));
        }
        if request.operations.is_empty() {
            return Err(invalid("A grant needs at least one operation."));
        }
        if let Some(operation) = request
            .operations
            .iter()
            .find(|operation| !is_symmetric(**operation))
        {
            return Err(invalid(format!(
                "The operation {operation} is not valid for KMS keys of the key spec SYMMETRIC_DEFAULT."
            )));
        }
        Ok(Self {
            grantee,
            retiring,
            operations: request.operations.clone(),
            constraint: constraint(request.constraints.as_ref())?,
            source_arn,
            name: request.name.clone(),
        })
    }

    /// What is granted, as decisions see it.
    pub(super) fn new_grant(&self) -> NewGrant<'_> {
        NewGrant {
            operations: self.operation_set(),
            constraint: self.constraint.as_ref(),
        }
    }

    fn operation_set(&self) -> GrantOperations {
        let names = self.operations.iter();
        names
            .filter_map(|operation| GrantOperation::from_name(operation.as_str()))
            .collect()
    }

    /// What conditions may look at.
    pub(super) fn extras<'a>(&'a self, call: &Call<'_>, grant_tokens: &'a [String]) -> Extras<'a> {
        let mut conditions = vec![
            (
                "kms:GrantOperations",
                self.operations.iter().map(ToString::to_string).collect(),
            ),
            is_for_aws_resource(call),
        ];
        if let GrantPrincipal::Aws(arn) = &self.grantee {
            conditions.push(("kms:GranteePrincipal", vec![arn.clone()]));
        }
        if let Some(GrantPrincipal::Aws(arn)) = &self.retiring {
            conditions.push(("kms:RetiringPrincipal", vec![arn.clone()]));
        }
        if let Some(constraint) = &self.constraint {
            let name = match constraint {
                EncryptionContextConstraint::Equals(_) => "EncryptionContextEquals",
                EncryptionContextConstraint::Subset(_) => "EncryptionContextSubset",
            };
            conditions.push(("kms:GrantConstraintType", vec![name.to_owned()]));
        }
        Extras {
            grant_tokens,
            new_grant: Some(self.new_grant()),
            conditions,
            ..Extras::default()
        }
    }

    /// Whether its principals exist.
    pub(super) fn check_principals(&self, identities: &Identities) -> Result<(), Failure> {
        for principal in std::iter::once(&self.grantee).chain(&self.retiring) {
            if let GrantPrincipal::Aws(arn) = principal
                && (principal.pattern().is_none() || !exists(identities, arn))
            {
                let message = format!("ARN does not refer to a valid principal: {arn}");
                return Err(Failure::new(ErrorName::InvalidArnException, message));
            }
        }
        Ok(())
    }

    /// Whether a grant is what this asks for, its name included: then it is given again.
    pub(super) fn is(&self, grant: &GrantRecord, issuing_account: &str) -> bool {
        let (equals, subset) = self.pairs();
        let names: Vec<_> = self.operations.iter().map(ToString::to_string).collect();
        self.name.is_some()
            && grant.name == self.name
            && grant.grantee == self.grantee
            && grant.retiring == self.retiring
            && grant.operations == names
            && grant.encryption_context_equals == equals
            && grant.encryption_context_subset == subset
            && grant.source_arn == self.source_arn
            && grant.issuing_account == issuing_account
    }

    /// The grant's row.
    pub(super) fn into_record(
        self,
        id: String,
        key: &str,
        created: u64,
        issuing_account: String,
    ) -> GrantRecord {
        let (equals, subset) = self.pairs();
        GrantRecord {
            id,
            key: key.to_owned(),
            name: self.name,
            created,
            grantee: self.grantee,
            retiring: self.retiring,
            issuing_account,
            operations: self.operations.iter().map(ToString::to_string).collect(),
            encryption_context_equals: equals,
            encryption_context_subset: subset,
            source_arn: self.source_arn,
        }
    }

    fn pairs(&self) -> (Option<Pairs>, Option<Pairs>) {
        match &self.constraint {
            None => (None, None),
            Some(EncryptionContextConstraint::Equals(pairs)) => (Some(pairs.clone()), None),
            Some(EncryptionContextConstraint::Subset(pairs)) => (None, Some(pairs.clone())),
        }
    }
}

type Pairs = BTreeMap<String, String>;

/// `kms:GrantIsForAWSResource`: whether a service makes the call for the principal.
pub(super) fn is_for_aws_resource(call: &Call<'_>) -> (&'static str, Vec<String>) {
    let by_service = call.caller.via_service().is_some();
    ("kms:GrantIsForAWSResource", vec![by_service.to_string()])
}

/// A principal or a service, not both.
pub(super) fn party(
    arn: &Option<String>,
    service: &Option<String>,
) -> Result<Option<GrantPrincipal>, Failure> {
    match (arn, service) {
        (Some(_), Some(_)) => Err(invalid(
            "A principal and a service principal cannot be in the same request.",
        )),
        (Some(arn), None) => Ok(Some(GrantPrincipal::Aws(arn.clone()))),
        (None, Some(service)) => Ok(Some(GrantPrincipal::Service(service.clone()))),
        (None, None) => Ok(None),
    }
}

/// Federated users are in no file of identities; their account is.
fn exists(identities: &Identities, arn: &str) -> bool {
    match iam::PrincipalPattern::parse_arn(arn) {
        Ok(iam::PrincipalPattern::FederatedUser(_)) => {
            identities.has_principal(arn.split(':').nth(4).unwrap_or_default())
        }
        _ => identities.has_principal(arn),
    }
}

/// Operations that grants on symmetric encryption keys may permit.
fn is_symmetric(operation: kms_api::GrantOperation) -> bool {
    use kms_api::GrantOperation as Operation;
    match operation {
        Operation::Decrypt
        | Operation::Encrypt
        | Operation::GenerateDataKey
        | Operation::GenerateDataKeyWithoutPlaintext
        | Operation::GenerateDataKeyPair
        | Operation::GenerateDataKeyPairWithoutPlaintext
        | Operation::ReEncryptFrom
        | Operation::ReEncryptTo
        | Operation::CreateGrant
        | Operation::RetireGrant
        | Operation::DescribeKey => true,
        Operation::Sign
        | Operation::Verify
        | Operation::GetPublicKey
        | Operation::GenerateMac
        | Operation::VerifyMac
        | Operation::DeriveSharedSecret
        | Operation::Encapsulate
        | Operation::Decapsulate => false,
    }
}

/// At most one kind of limit on the encryption context; an empty one is none.
fn constraint(
    limits: Option<&request::GrantConstraints>,
) -> Result<Option<EncryptionContextConstraint>, Failure> {
    let Some(limits) = limits else { return Ok(None) };
    let given = |context: &Option<EncryptionContext>| context.clone().filter(|context| !context.is_empty());
    match (
        given(&limits.encryption_context_equals),
        given(&limits.encryption_context_subset),
    ) {
        (None, None) => Ok(None),
        (Some(context), None) => Ok(Some(EncryptionContextConstraint::Equals(pairs(&context)?))),
        (None, Some(context)) => Ok(Some(EncryptionContextConstraint::Subset(pairs(&context)?))),
        (Some(_), Some(_)) => Err(invalid(
            "EncryptionContextEquals and EncryptionContextSubset cannot be in the same grant.",
        )),
    }
}

fn pairs(context: &EncryptionContext) -> Result<Pairs, Failure> {
    let long = |value: &str| value.chars().count() > MAX_VALUE_CHARS;
    if context.len() > MAX_PAIRS || context.iter().any(|(_, value)| long(value)) {
        return Err(invalid(format!(
            "A grant constraint may have {MAX_PAIRS} pairs, with values of {MAX_VALUE_CHARS} characters."
        )));
    }
    let owned = context.iter().map(|(key, value)| (key.clone(), value.clone()));
    Ok(owned.collect())
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure(KmsError::new(ErrorName::ValidationException, message))
}
