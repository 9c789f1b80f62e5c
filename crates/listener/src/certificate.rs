//! The server's own certificate, as `status` shows it.

use ambient::Timestamp;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// What is worth knowing of the certificate in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// DNS names of its subject alternative name.
    pub dns_names: Vec<String>,
}

impl CertificateStatus {
    /// Reads the certificate; `None` if it is not one.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let seconds = |secs: i64| Timestamp::from_secs(u64::try_from(secs).unwrap_or(0));
        let names = certificate.subject_alternative_name().ok()?;
        let dns_names = names
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            })
            .collect();
        Some(Self {
            not_before: seconds(certificate.validity().not_before.timestamp()),
            not_after: seconds(certificate.validity().not_after.timestamp()),
            dns_names,
        })
    }

    /// Whether `now` lies within its validity.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether it is for the DNS name (RFC 6125: a wildcard stands for one whole leftmost label).
    pub fn covers(&self, name: &str) -> bool {
        self.dns_names.iter().any(|pattern| {
            let wildcard = pattern.strip_prefix("*.").zip(name.split_once('.'));
            pattern.eq_ignore_ascii_case(name)
                || wildcard.is_some_and(|(suffix, (label, rest))| {
                    !label.is_empty() && suffix.eq_ignore_ascii_case(rest)
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(names: &[&str]) -> CertificateStatus {
        CertificateStatus {
            not_before: Timestamp::from_secs(0),
            not_after: Timestamp::from_secs(10 * 86_400),
            dns_names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_wildcard_is_one_whole_label() {
        let certificate = status(&["*.example.com", "xks.test"]);
        assert!(certificate.covers("a.example.com"));
        assert!(certificate.covers("A.Example.COM"));
        assert!(certificate.covers("xks.test"));
        for name in ["example.com", "a.b.example.com", ".example.com", "a.xks.test", ""] {
            assert!(!certificate.covers(name), "{name}");
        }
    }
}
