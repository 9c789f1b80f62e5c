//! What a key store may say of Region, listeners and client certificates; warden takes any text.

use crate::NodeStatus;
use crate::error::{ErrorCode, Refusal};

/// More entries than any deployment has; each is compared on every request.
const MAX_ENTRIES: usize = 16;
/// RFC 5280, appendix A: `ub-common-name`.
const MAX_COMMON_NAME_CHARS: usize = 64;

/// A Region as it stands in a credential scope, e.g. `us-gov-west-1`.
pub(super) fn region(region: Option<&str>) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match region {
        Some(text) if !(1..=32).contains(&text.len()) || !text.bytes().all(allowed) => Err(invalid(
            "a Region has 1 to 32 characters of a-z 0-9 -, such as us-east-1",
        )),
        _ => Ok(()),
    }
}

/// Names of XKS listeners of this node: a key store that nobody serves helps nobody.
pub(super) fn listeners(names: Option<&[String]>, node: &NodeStatus) -> Result<(), Refusal> {
    let Some(names) = names else { return Ok(()) };
    bounded(names, "listeners")?;
    let known = || node.listeners.iter().filter(|listener| listener.kind == "xks");
    match names
        .iter()
        .find(|name| !known().any(|listener| listener.name == **name))
    {
        None => Ok(()),
        Some(name) => {
            let known: Vec<&str> = known().map(|listener| listener.name.as_str()).collect();
            let next = format!("name one of these: {}", known.join(", "));
            Err(Refusal::new(
                ErrorCode::Invalid,
                format!("this node has no XKS listener {name}"),
            )
            .next(next))
        }
    }
}

/// Subject common names, compared exactly.
pub(super) fn common_names(names: Option<&[String]>) -> Result<(), Refusal> {
    let Some(names) = names else { return Ok(()) };
    bounded(names, "common_names")?;
    let usable = |name: &String| {
        (1..=MAX_COMMON_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    };
    if names.iter().all(usable) {
        Ok(())
    } else {
        Err(invalid(
            "a common name has 1 to 64 characters, none of them a control character",
        ))
    }
}

/// Patterns of the principals that KMS names: ARNs, service principals, or `AWS Internal`.
pub(super) fn principals(patterns: Option<&[String]>) -> Result<(), Refusal> {
    let possible =
        |pattern: &str| can_be_an_arn(pattern) || pattern == "AWS Internal" || can_be_a_service(pattern);
    of_which_none_fits(patterns, possible, "a principal's ARN")
}

/// Patterns of the ARNs of KMS keys.
pub(super) fn kms_keys(patterns: Option<&[String]>) -> Result<(), Refusal> {
    of_which_none_fits(patterns, can_be_an_arn, "a KMS key's ARN")
}

/// How the names of AWS's services end, in its partitions.
const SERVICE_PRINCIPALS: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

/// A pattern that fits nothing lets nobody in, which looks like a policy and is a mistake.
fn of_which_none_fits(
    patterns: Option<&[String]>,
    possible: impl Fn(&str) -> bool,
    what: &str,
) -> Result<(), Refusal> {
    let mut patterns = patterns.unwrap_or_default().iter();
    match patterns.find(|pattern| !possible(pattern)) {
        None => Ok(()),
        Some(pattern) => Err(invalid(&format!(
            "the pattern {pattern:?} fits no {what}, so nobody would be let in by it"
        ))
        .next("write the whole ARN, with * for any run of characters and ? for one")),
    }
}

/// An ARN is `arn:partition:service:region:account:resource`.
fn can_be_an_arn(pattern: &str) -> bool {
    let colons = pattern.bytes().filter(|byte| matches!(byte, b':' | b'?')).count();
    can_begin(pattern.bytes(), "arn:".bytes()) && (pattern.contains('*') || colons >= 5)
}

fn can_be_a_service(pattern: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'*' | b'?');
    let can_end = |end: &&str| can_begin(pattern.bytes().rev(), end.bytes().rev());
    pattern.bytes().all(allowed) && SERVICE_PRINCIPALS.iter().any(can_end)
}

/// Whether a text that fits the pattern can begin so.
fn can_begin(mut pattern: impl Iterator<Item = u8>, beginning: impl Iterator<Item = u8>) -> bool {
    for byte in beginning {
        match pattern.next() {
            Some(b'*') => return true,
            Some(b'?') => {}
            Some(literal) if literal == byte => {}
            _ => return false,
        }
    }
    true
}

/// An empty list would let nobody in, which is what a block is for.
fn bounded(list: &[String], what: &str) -> Result<(), Refusal> {
    if (1..=MAX_ENTRIES).contains(&list.len()) {
        Ok(())
    } else {
        Err(invalid(&format!(
            "{what} has 1 to {MAX_ENTRIES} entries, or is absent"
        )))
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(ErrorCode::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ListenerStatus;

    #[test]
    fn regions_follow_the_scopes_grammar() {
        for good in [None, Some("us-east-1"), Some("us-gov-west-1")] {
            assert!(region(good).is_ok());
        }
        let long = "a".repeat(33);
        for bad in ["", "US-EAST-1", "us_east", "a/b", &long] {
            assert!(region(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn listeners_are_those_that_serve_xks_here() {
        let listener = |name: &str, kind: &str| ListenerStatus {
            name: name.into(),
            kind: kind.into(),
            address: String::new(),
            mtls: false,
            certificate_expires: None,
        };
        let node = NodeStatus {
            listeners: vec![listener("public", "xks"), listener("probes", "health")],
            ..NodeStatus::default()
        };
        assert!(listeners(None, &node).is_ok());
        assert!(listeners(Some(&["public".into()]), &node).is_ok());
        for bad in [
            vec![],
            vec!["probes".into()],
            vec!["public".into(), "typo".into()],
        ] {
            assert!(listeners(Some(&bad), &node).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn patterns_that_fit_nobody_are_refused() {
        let one = |pattern: &str| [pattern.to_owned()];
        for good in [
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::111122223333:role/a?c",
            "*:role/app",
            "a*",
            "*",
            "?rn:aws*",
            "arn?aws?iam???root",
        ] {
            assert!(principals(Some(&one(good))).is_ok(), "{good}");
            assert!(kms_keys(Some(&one(good))).is_ok(), "{good}");
        }
        for service in [
            "ec2.amazonaws.com",
            "ec2.amazonaws.com.cn",
            "AWS Internal",
            "ec2.*",
        ] {
            assert!(principals(Some(&one(service))).is_ok(), "{service}");
            assert!(kms_keys(Some(&one(service))).is_err(), "{service}");
        }
        for bad in [
            "foo",
            "111122223333",
            "arn:aws:iam",
            "role/app*",
            "",
            "Arn:aws:iam::1:*",
        ] {
            assert!(principals(Some(&one(bad))).is_err(), "{bad}");
            assert!(kms_keys(Some(&one(bad))).is_err(), "{bad}");
        }
        assert!(principals(None).is_ok());
        let mixed = ["*".to_owned(), "foo".to_owned()];
        let refused = principals(Some(&mixed)).unwrap_err().into_body();
        assert!(refused.message.contains("\"foo\""));
    }

    #[test]
    fn common_names_are_bounded() {
        assert!(common_names(Some(&["c".repeat(64)])).is_ok());
        for bad in [
            vec![],
            vec![String::new()],
            vec!["c".repeat(65)],
            vec!["a\nb".into()],
            vec!["a".into(); 17],
        ] {
            assert!(common_names(Some(&bad)).is_err(), "{bad:?}");
        }
    }
}
