//! What a handler tells CloudTrail about the call that it serves.

use std::sync::Arc;

use kms_api::AccountId;
use serde_json::{Map, Value};

/// What a record says beyond request and answer. A call has one; its handler adds to it as it
/// learns more, so that a call which fails on its way is recorded with what was known by then.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    resources: Vec<Resource>,
    additional: Map<String, Value>,
    parameters: Map<String, Value>,
}

/// A resource that a call was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) arn: Arc<str>,
    pub(crate) account: AccountId,
    pub(crate) kind: &'static str,
}

impl Notes {
    /// Names a resource that the call is about (again: said once): its ARN and the account that owns
    /// it. That account gets a copy of the record, if it is another than the caller's and the call
    /// was not denied.
    pub fn resource(&mut self, arn: &Arc<str>, account: AccountId) {
        let name = arn.splitn(6, ':').last().unwrap_or_default();
        let resource = Resource {
            arn: Arc::clone(arn),
            account,
            kind: match name.split_once('/').map_or(name, |(kind, _)| kind) {
                "alias" => "AWS::KMS::Alias",
                "role" => "AWS::IAM::Role",
                _ => "AWS::KMS::Key",
            },
        };
        if !self.resources.contains(&resource) {
            self.resources.push(resource);
        }
    }

    /// A member of `additionalEventData`: `customKeyStoreId`, `xksKeyId`, `customKeyStoreName`, ….
    pub fn additional(&mut self, name: &str, value: impl Into<Value>) {
        self.additional.insert(name.to_owned(), value.into());
    }

    /// A member of `requestParameters` that was not sent: the ARN of the resource that the request
    /// turned out to mean, if one is known yet.
    pub(crate) fn parameter_of_resource(&mut self, name: &str) {
        if let Some(resource) = self.resources.first() {
            let arn = Value::from(&*resource.arn);
            self.parameters.insert(name.to_owned(), arn);
        }
    }

    /// Whether the call is about a resource of another account than this.
    pub(crate) fn concern_others_than(&self, account: AccountId) -> bool {
        self.resources.iter().any(|resource| resource.account != account)
    }

    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    pub(crate) const fn additional_data(&self) -> &Map<String, Value> {
        &self.additional
    }

    /// Puts the parameters that a handler named into those of the request.
    pub(crate) fn add_parameters(&self, parameters: &mut Value) {
        if self.parameters.is_empty() {
            return;
        }
        if !parameters.is_object() {
            *parameters = Value::Object(Map::new());
        }
        if let Some(members) = parameters.as_object_mut() {
            members.extend(self.parameters.clone());
        }
    }
}
