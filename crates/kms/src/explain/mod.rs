//! Explanations of decisions: which statement of which policy, or which grant, would allow or refuse a
//! call. What `strongroom kms explain` shows; no key is used and nothing is recorded.

use ambient::RandomUnavailable;
use iam::Decision;
use kms_api::{EncryptionAlgorithm, EncryptionContext, Operation, RequestedKey};

use crate::Kms;
use crate::authorize::{Extras, Question, Resource, Say};
use crate::call::{Call, Origin};
use crate::control::message::{Explain, Explanation};
use crate::grants;
use crate::keys::{Forms, Found};
use crate::state::Realm;
use crate::trail::Notes;

/// What was asked cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Neither a root user, user, role nor role session of the identities file.
    #[error(
        "no such principal: name a root user, user, role or role session of the identities file by its ARN"
    )]
    Principal,
    /// Not the name of a permission of KMS.
    #[error("no such action: name it as policies do, such as kms:Decrypt")]
    Action,
    /// The action is on a key.
    #[error("the action is on a key: name one by its id, ARN or alias")]
    NoKey,
    /// Not a Region.
    #[error("not a Region: name one such as us-east-1")]
    Region,
    /// Larger than an encryption context may be.
    #[error(
        "the encryption context is larger than {} bytes",
        EncryptionContext::MAX_BYTES
    )]
    EncryptionContext,
    /// Retiring is decided by the grant.
    #[error("kms:RetireGrant is decided by the grant: name it by one grant token, and its key")]
    Grant,
    /// What a request that named the key so would be told.
    #[error("{0}")]
    Key(#[from] kms_api::KmsError),
    /// The system gives no random bytes.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
}

impl Kms {
    /// Says whether a principal may do something, why, and what every policy statement and grant had
    /// to say.
    pub fn explain(&self, asked: &Explain) -> Result<Explanation, ExplainError> {
        let mut call = self.imagined(asked)?;
        let context = EncryptionContext::new(asked.encryption_context.clone());
        let context = context.ok_or(ExplainError::EncryptionContext)?;
        grants::check_tokens(&asked.grant_tokens)?;
        let subject = Subject::find(&mut call, asked.key.as_deref())?;
        let retired = match call.operation {
            Operation::RetireGrant => {
                let grant = grants::named_by(&asked.grant_tokens, subject.key());
                Some(grant.ok_or(ExplainError::Grant)?)
            }
            _ => None,
        };
        let extras = Extras {
            encryption_context: Some(&context),
            encryption_algorithm: is_cryptographic(call.operation)
                .then_some(EncryptionAlgorithm::SymmetricDefault.as_str()),
            request_alias: subject
                .key()
                .and_then(|found| found.alias.as_ref())
                .map(|alias| alias.as_str()),
            ..Extras::default()
        };
        let question = Question {
            caller: &call.caller,
            origin: &call.origin,
            region: &call.realm.region,
            now: call.now,
            action: &asked.action,
            resource: match &subject {
                Subject::Key(Found { key, .. }) => Resource::Key(key),
                Subject::Alias(name) => Resource::Alias(&call.realm, name),
                Subject::Any => Resource::Any,
            },
            extras: &extras,
            say: retired.as_deref().map_or(Say::Policy, Say::Retiring),
            conditions: Some(&asked.conditions),
        };
        Ok(question.ask(|request, inputs| answer(&iam::explain(request, inputs))))
    }

    /// The call that is asked about, as if the principal made it now.
    fn imagined(&self, asked: &Explain) -> Result<Call<'_>, ExplainError> {
        let caller = self
            .identities()
            .caller(&asked.principal)
            .ok_or(ExplainError::Principal)?;
        let action = asked.action.strip_prefix("kms:").ok_or(ExplainError::Action)?;
        let operation = operation(action).ok_or(ExplainError::Action)?;
        let region = asked.region.parse().map_err(|_| ExplainError::Region)?;
        Ok(Call {
            kms: self,
            operation,
            realm: Realm::new(caller.account, region),
            caller,
            request_id: crate::id::uuid(self.random())?,
            event_id: String::new(),
            now: self.clock().now(),
            origin: Origin::default(),
            trail: Notes::default(),
        })
    }
}

/// What an action is on.
enum Subject {
    Key(Found),
    Alias(String),
    /// No one thing: identity policies alone decide.
    Any,
}

impl Subject {
    fn find(call: &mut Call<'_>, key: Option<&str>) -> Result<Self, ExplainError> {
        let Some(key) = key else {
            return has_no_key(call.operation)
                .then_some(Self::Any)
                .ok_or(ExplainError::NoKey);
        };
        match alias_of(call, key) {
            Some(alias) => Ok(Self::Alias(alias)),
            None => Ok(Self::Key(call.find(&RequestedKey::new(key), Forms::KeyOrAlias)?)),
        }
    }

    const fn key(&self) -> Option<&Found> {
        match self {
            Self::Key(found) => Some(found),
            Self::Alias(_) | Self::Any => None,
        }
    }
}

fn answer(explained: &iam::Explanation<'_>) -> Explanation {
    Explanation {
        allowed: explained.decision.is_allowed(),
        reason: match &explained.decision {
            Decision::Allowed(grounds) => grounds.to_string(),
            Decision::Denied(denial) => denial.reason.to_string(),
        },
        considered: explained.considered.iter().map(ToString::to_string).collect(),
    }
}

/// The operation that a permission is for.
fn operation(action: &str) -> Option<Operation> {
    match action {
        "ReEncryptFrom" | "ReEncryptTo" => Some(Operation::ReEncrypt),
        "ReEncrypt" => None,
        action => action.parse().ok(),
    }
}

/// The alias that an action on aliases is about. Its key is asked for in a question of its own.
fn alias_of(call: &Call<'_>, key: &str) -> Option<String> {
    let on_aliases = matches!(
        call.operation,
        Operation::CreateAlias | Operation::UpdateAlias | Operation::DeleteAlias
    );
    let name = key.strip_prefix(&call.realm.arn("")).unwrap_or(key);
    (on_aliases && name.starts_with("alias/")).then(|| name.to_owned())
}

/// Whether identity policies alone decide.
const fn has_no_key(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateKey
            | Operation::ListKeys
            | Operation::ListAliases
            | Operation::ListRetirableGrants
            | Operation::GenerateRandom
            | Operation::CreateCustomKeyStore
            | Operation::DescribeCustomKeyStores
            | Operation::UpdateCustomKeyStore
            | Operation::DeleteCustomKeyStore
            | Operation::ConnectCustomKeyStore
            | Operation::DisconnectCustomKeyStore
    )
}

/// Whether conditions see `kms:EncryptionAlgorithm`.
const fn is_cryptographic(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Encrypt
            | Operation::Decrypt
            | Operation::ReEncrypt
            | Operation::GenerateDataKey
            | Operation::GenerateDataKeyWithoutPlaintext
    )
}
