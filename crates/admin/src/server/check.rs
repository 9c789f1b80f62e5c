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
