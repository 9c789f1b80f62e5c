//! What a handler leaves for the record of its call.

use std::sync::Arc;

use kms_api::AccountId;
use serde_json::{Map, Value};

/// Collected while a call runs.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    resources: Vec<(Arc<str>, AccountId)>,
    additional: Map<String, Value>,
}

impl Notes {
    /// Names a resource that the call is about: its ARN and the account that owns it.
    pub(crate) fn resource(&mut self, arn: &Arc<str>, account: AccountId) {
        if self.resources.iter().all(|(known, _)| known != arn) {
            self.resources.push((Arc::clone(arn), account));
        }
    }

    /// Adds a member of `additionalEventData`.
    pub(crate) fn additional(&mut self, name: &str, value: impl Into<Value>) {
        self.additional.insert(name.to_owned(), value.into());
    }

    /// The resources in the order in which they were named: ARN and account.
    pub(crate) fn resources(&self) -> &[(Arc<str>, AccountId)] {
        &self.resources
    }

    /// The members of `additionalEventData`.
    pub(crate) fn additional_event_data(&self) -> &Map<String, Value> {
        &self.additional
    }
}
