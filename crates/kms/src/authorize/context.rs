//! What conditions may look at (AWS KMS Developer Guide, *Condition keys*).

use iam::{Context, EncryptionContextConstraint, keys};
use kms_api::{KeySpec, KeyUsage};

use super::{Extras, Question, Resource};
use crate::state::Key;

/// The condition keys of a request. `account` owns its resource.
pub(super) fn of<'a>(question: &Question<'a>, account: &'a str) -> Context<'a> {
    let Question {
        caller,
        origin,
        region,
        now,
        resource,
        extras,
        ..
    } = question;
    let mut context = caller.context(origin, region, *now);
    if let Some(service) = caller.via_service_in(region) {
        context.text(keys::VIA_SERVICE, service);
    }
    context.text(keys::RESOURCE_ACCOUNT, account);
    if let Resource::Key(key) = *resource {
        of_key(&mut context, key);
    }
    of_request(&mut context, extras);
    for (name, values) in question.conditions.into_iter().flatten() {
        context.other(name, values.iter().cloned());
    }
    context
}

/// Of what the key is.
fn of_key<'a>(context: &mut Context<'a>, key: &'a Key) {
    let (spec, usage) = (
        KeySpec::SymmetricDefault.as_str(),
        KeyUsage::EncryptDecrypt.as_str(),
    );
    context
        .text(keys::KEY_SPEC, spec)
        .text(keys::CUSTOMER_MASTER_KEY_SPEC, spec)
        .text(keys::KEY_USAGE, usage)
        .text(keys::CUSTOMER_MASTER_KEY_USAGE, usage)
        .text(keys::KEY_ORIGIN, key.record.origin.name())
        .boolean(keys::MULTI_REGION, false)
        .list(keys::RESOURCE_ALIASES, key.aliases.iter().map(String::as_str))
        .resource_tags(texts(&key.record.tags));
}

/// Of what the request says.
fn of_request<'a>(context: &mut Context<'a>, extras: &'a Extras<'_>) {
    if let Some(pairs) = extras.encryption_context.filter(|pairs| !pairs.is_empty()) {
        context.encryption_context(texts(pairs));
    }
    let constraint = extras.new_grant.as_ref().and_then(|grant| grant.constraint);
    if let Some(EncryptionContextConstraint::Equals(pairs) | EncryptionContextConstraint::Subset(pairs)) =
        constraint
    {
        context.constraint_context(texts(pairs));
    }
    if let Some(algorithm) = extras.encryption_algorithm {
        context.text(keys::ENCRYPTION_ALGORITHM, algorithm);
    }
    if let Some(alias) = extras.request_alias {
        context.text(keys::REQUEST_ALIAS, alias);
    }
    if let Some(tags) = &extras.request_tags {
        context.request_tags(texts(tags));
    }
    for (name, values) in &extras.conditions {
        context.other(name, values.iter().cloned());
    }
}

fn texts<'a>(
    pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
}
