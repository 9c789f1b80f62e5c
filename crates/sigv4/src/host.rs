//! The host that a request is for, and the names that we answer to.

use std::sync::Arc;

use http::HeaderMap;
use http::header::HOST;

use crate::{Refusal, canonical, limits};

/// Host names that requests may be for. Empty means any.
///
/// Compared without regard to case; port 443 is the default and may be left out on either side.
/// Another port must be named: `localhost:8443`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames(Arc<[Box<str>]>);

impl HostNames {
    /// Names as `host` or `host:port`.
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        let normal = |name: N| without_default_port(name.as_ref()).to_ascii_lowercase().into();
        Self(names.into_iter().map(normal).collect())
    }

    /// Requests for any host are taken.
    pub fn any() -> Self {
        Self::default()
    }

    /// Whether a request for `host` is for us.
    pub fn accept(&self, host: &str) -> bool {
        let host = without_default_port(host);
        self.0.is_empty() || self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":443").unwrap_or(host)
}

/// The value that plays `host` in the canonical request: the `Host` header, or on HTTP/2
/// `:authority` (XKS-AUTH-04). Where both are there they must be the same (RFC 9113 8.3.1).
pub(crate) fn of_request<'r>(headers: &'r HeaderMap, authority: Option<&'r str>) -> Result<&'r str, Refusal> {
    let header = canonical::only(headers, &HOST, "host")?
        .map(|value| value.to_str().map_err(|_| Refusal::MalformedHost))
        .transpose()?;
    let host = match (header, authority) {
        (Some(header), Some(authority)) if header != authority => return Err(Refusal::HostConflict),
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Refusal::MalformedHost),
    };
    let plain = host.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || host.len() > limits::HOST_LEN || !plain {
        return Err(Refusal::MalformedHost);
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_may_be_left_out_on_either_side() {
        for configured in ["XKS.example.com", "xks.example.com:443"] {
            let names = HostNames::new([configured]);
            for host in ["xks.example.com", "xks.example.com:443", "xks.EXAMPLE.com"] {
                assert!(names.accept(host), "{configured} {host}");
            }
            for host in [
                "xks.example.com:8443",
                "example.com",
                "xks.example.com.",
                "",
                ":443",
            ] {
                assert!(!names.accept(host), "{configured} {host}");
            }
        }
    }

    #[test]
    fn another_port_must_be_named() {
        let names = HostNames::new(["localhost:8443", "b.example"]);
        assert!(names.accept("LOCALHOST:8443"));
        assert!(names.accept("b.example:443"));
        assert!(!names.accept("localhost"));
        assert!(!names.accept("localhost:443"));
    }

    #[test]
    fn no_names_means_any() {
        assert!(HostNames::any().accept("whatever:1"));
    }
}
