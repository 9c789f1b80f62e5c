//! Names, paths, tags and counts, held against IAM's rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use iam::Principal;
use kms_api::AccountId;
use toml::Spanned;

use super::limits;
use super::problem::{Checked, Problem};

pub(super) fn most(place: &Spanned<String>, what: &str, count: usize, most: usize) -> Checked<()> {
    if count > most {
        return Err(Problem::at(
            place,
            format!("{count} {what}, but at most {most} are allowed"),
        ));
    }
    Ok(())
}

pub(super) fn principal(place: &Spanned<String>, arn: &str) -> Checked<Principal> {
    Principal::parse(arn).map_err(|error| Problem::at(place, format!("{arn}: {error}")))
}

/// IAM's alphabet of names.
pub(super) fn is_name(name: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=most).contains(&name.len()) && name.bytes().all(allowed)
}

pub(super) fn principal_arn(
    account: AccountId,
    kind: &str,
    name: &Spanned<String>,
    path: Option<&Spanned<String>>,
) -> Checked<String> {
    if !is_name(name.get_ref(), 64) {
        return Err(Problem::at(
            name,
            format!("the name of a {kind} has 1 to 64 letters, digits and _+=,.@-"),
        ));
    }
    if let Some(path) = path {
        let text = path.get_ref();
        let fits = text.len() <= 512 && text.starts_with('/') && text.ends_with('/');
        if !fits
            || !text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'*' && byte != b'?')
        {
            return Err(Problem::at(
                path,
                "a path begins and ends with / and has at most 512 characters",
            ));
        }
    }
    let path = path.map_or("/", |path| path.get_ref());
    Ok(format!("arn:aws:iam::{account}:{kind}{path}{}", name.get_ref()))
}

pub(super) fn tags(
    place: &Spanned<String>,
    tags: &BTreeMap<String, Spanned<String>>,
) -> Checked<Arc<BTreeMap<String, String>>> {
    most(place, "tags", tags.len(), limits::TAGS)?;
    let mut out = BTreeMap::new();
    for (key, value) in tags {
        let fits = (1..=128).contains(&key.chars().count()) && value.get_ref().chars().count() <= 256;
        if !fits || key.starts_with("aws:") {
            let problem =
                "a tag's key has 1 to 128 characters and does not begin with aws:, its value at most 256";
            return Err(Problem::at(value, problem));
        }
        out.insert(key.clone(), value.get_ref().clone());
    }
    Ok(Arc::new(out))
}

pub(super) fn organization(id: Spanned<String>) -> Checked<String> {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = id
        .get_ref()
        .strip_prefix("o-")
        .is_some_and(|rest| (10..=32).contains(&rest.len()) && rest.bytes().all(word));
    if !fits {
        return Err(Problem::at(
            &id,
            "the id of an organization is o- and 10 to 32 small letters and digits",
        ));
    }
    Ok(id.into_inner())
}

pub(super) fn via_service(name: Spanned<String>) -> Checked<String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = (1..=63).contains(&name.get_ref().len()) && name.get_ref().bytes().all(allowed);
    if !fits {
        let problem = "the name of a service stands before its Region, as s3 in s3.eu-west-1.amazonaws.com";
        return Err(Problem::at(&name, problem));
    }
    Ok(name.into_inner())
}
