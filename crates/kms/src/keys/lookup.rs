//! From what a request says to a key.

use std::sync::Arc;

use kms_api::{AliasName, ErrorName, KeyId, KeyReference, KmsError, MalformedReference, RequestedKey};

use crate::call::Call;
use crate::state::{Key, Realm};

/// A key that a request names.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) key: Arc<Key>,
    /// The alias that it was named by (`kms:RequestAlias`).
    pub(crate) alias: Option<AliasName>,
}

/// In which forms an operation takes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forms {
    /// Key id and key ARN.
    Key,
    /// Alias name and alias ARN too.
    KeyOrAlias,
}

impl Call<'_> {
    /// Finds the key that a request names and notes it for the record. Bare ids and names belong to
    /// the caller's account and the Region that was called.
    ///
    /// A key of the caller's own account that does not exist is `NotFoundException`; of another
    /// account's keys nothing is told but `AccessDeniedException`.
    pub(crate) fn find(&mut self, requested: &RequestedKey, forms: Forms) -> Result<Found, KmsError> {
        let found = self.look_up(requested, forms)?;
        self.note(&found.key);
        Ok(found)
    }

    /// As [`Self::find`]; the record does not name the key.
    pub(crate) fn look_up(&self, requested: &RequestedKey, forms: Forms) -> Result<Found, KmsError> {
        let reference = requested
            .reference()
            .map_err(|malformed| self.malformed(requested, malformed))?;
        match &reference {
            KeyReference::KeyId(id) => self.key(&self.realm, id),
            KeyReference::KeyArn(arn) => {
                let realm = Realm::new(arn.account(), arn.region().clone());
                self.in_region(&realm)?;
                self.key(&realm, arn.id())
            }
            KeyReference::AliasName(_) | KeyReference::AliasArn(_) if forms == Forms::Key => {
                let malformed = match reference {
                    KeyReference::AliasArn(_) => MalformedReference::Arn,
                    _ => MalformedReference::Id,
                };
                Err(self.malformed(requested, malformed))
            }
            KeyReference::AliasName(name) => self.behind_alias(&self.realm, name),
            KeyReference::AliasArn(arn) => {
                let realm = Realm::new(arn.account(), arn.region().clone());
                self.in_region(&realm)?;
                self.behind_alias(&realm, arn.name())
            }
        }
    }

    /// Names a key in the call's CloudTrail record, and what is behind it.
    pub(crate) fn note(&mut self, key: &Key) {
        let record = &key.record;
        self.trail.resource(&key.arn, record.realm.account);
        if let Some(store) = record.origin.custom_key_store_id() {
            self.trail.additional("customKeyStoreId", store);
        }
        if let Some(external) = record.origin.xks_key_id() {
            self.trail.additional("xksKeyId", external);
        }
    }

    /// A key of a realm by its id, unless its waiting period is over.
    pub(crate) fn key(&self, realm: &Realm, id: &KeyId) -> Result<Found, KmsError> {
        self.live_key(realm, id.as_str())
            .map(|key| Found { key, alias: None })
            .ok_or_else(|| {
                let arn = realm.arn(&format!("key/{id}"));
                self.missing(realm, format!("Key '{arn}' does not exist"))
            })
    }

    fn behind_alias(&self, realm: &Realm, name: &AliasName) -> Result<Found, KmsError> {
        let target = {
            let model = self.kms.state().read();
            model
                .alias(realm, name.as_str())
                .map(|alias| alias.target.clone())
        };
        target
            .and_then(|target| self.live_key(realm, &target))
            .map(|key| Found {
                key,
                alias: Some(name.clone()),
            })
            .ok_or_else(|| {
                let arn = realm.arn(name.as_str());
                self.missing(realm, format!("Alias {arn} is not found."))
            })
    }

    fn live_key(&self, realm: &Realm, id: &str) -> Option<Arc<Key>> {
        let key = self.kms.state().read().key(id).map(Arc::clone)?;
        let over = key.record.deletion.is_some_and(|at| at <= self.now.as_micros());
        (key.record.realm == *realm && !over).then_some(key)
    }

    /// An ARN of another Region names nothing here.
    fn in_region(&self, realm: &Realm) -> Result<(), KmsError> {
        if realm.region == self.realm.region {
            return Ok(());
        }
        let message = format!("Invalid arn {}", realm.region);
        Err(KmsError::new(ErrorName::NotFoundException, message))
    }

    fn missing(&self, realm: &Realm, message: String) -> KmsError {
        if realm.account == self.realm.account {
            KmsError::new(ErrorName::NotFoundException, message)
        } else {
            self.hidden()
        }
    }

    /// What is said of another account's key, whether it exists or not.
    pub(crate) fn hidden(&self) -> KmsError {
        let message = format!(
            "User: {} is not authorized to perform: kms:{} on this resource because the resource does not \
             exist in this Region, no resource-based policies allow access, or a resource-based policy \
             explicitly denies access",
            self.caller.arn, self.operation
        );
        KmsError::new(ErrorName::AccessDeniedException, message)
    }

    fn malformed(&self, requested: &RequestedKey, malformed: MalformedReference) -> KmsError {
        let errors = self.operation.schema().errors;
        match malformed {
            MalformedReference::Arn if errors.contains(&ErrorName::InvalidArnException) => {
                KmsError::new(ErrorName::InvalidArnException, format!("Invalid arn {requested}"))
            }
            MalformedReference::Arn => {
                KmsError::new(ErrorName::NotFoundException, format!("Invalid arn {requested}"))
            }
            MalformedReference::Id => KmsError::new(
                ErrorName::NotFoundException,
                format!("Invalid keyId '{requested}'"),
            ),
        }
    }
}
