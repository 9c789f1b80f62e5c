//! Allow-lists of claimed callers.

/// A text with wildcards, as in AWS policies: `*` stands for any run of characters, `?` for one.
/// 1 to 2048 characters of printable ASCII (XKS-GEN-05: ARNs have up to 2048).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Box<str>);

/// A list of callers that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallersError {
    /// A pattern is empty, too long or not printable.
    #[error("a caller pattern has 1 to 2048 characters of printable ASCII")]
    Pattern,
    /// Too many patterns: each is tried on every request.
    #[error("at most {} caller patterns are allowed", Callers::MAX_PATTERNS)]
    TooMany,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, CallersError> {
        let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        if (1..=2048).contains(&text.len()) && printable {
            Ok(Self(text.into()))
        } else {
            Err(CallersError::Pattern)
        }
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of `text` fits. Time is at most pattern length × text length: after a
    /// mismatch only the last `*` is tried further on, which is enough for wildcards.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while let Some(byte) = text.get(t) {
            match pattern.get(p) {
                Some(b'*') => {
                    retry = Some((p, t));
                    p += 1;
                }
                Some(b'?') => (p, t) = (p + 1, t + 1),
                Some(literal) if literal == byte => (p, t) = (p + 1, t + 1),
                _ => match retry {
                    None => return false,
                    Some((star, from)) => {
                        retry = Some((star, from + 1));
                        (p, t) = (star + 1, from + 1);
                    }
                },
            }
        }
        pattern
            .get(p..)
            .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
    }
}

/// Which claimed callers may use a key (XKS-AUTHZ-02: two AWS accounts can point KMS keys at the
/// same external key; this is how its owner keeps the second one out).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Whoever holds a credential of the key store.
    Any,
    /// Only callers whose claim fits one of the patterns; an absent claim fits none.
    Only(Box<[Pattern]>),
}

impl Callers {
    /// The most patterns in one list.
    pub const MAX_PATTERNS: usize = 32;

    /// Only these; an empty list lets nobody in.
    pub fn only<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, CallersError> {
        let patterns: Box<[Pattern]> = patterns
            .into_iter()
            .map(Pattern::parse)
            .collect::<Result<_, _>>()?;
        if patterns.len() > Self::MAX_PATTERNS {
            Err(CallersError::TooMany)
        } else {
            Ok(Self::Only(patterns))
        }
    }

    /// Whether a claim is allowed.
    pub fn allow(&self, claim: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Only(patterns) => {
                claim.is_some_and(|claim| patterns.iter().any(|pattern| pattern.matches(claim)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(text)
    }

    #[test]
    fn wildcards_match_whole_texts() {
        for (pattern, text, expected) in [
            (
                "arn:aws:iam::111122223333:*",
                "arn:aws:iam::111122223333:user/Alice",
                true,
            ),
            (
                "arn:aws:iam::111122223333:*",
                "arn:aws:iam::444455556666:user/Alice",
                false,
            ),
            ("*:role/a?c", "arn:aws:iam::1:role/abc", true),
            ("*:role/a?c", "arn:aws:iam::1:role/ac", false),
            ("*", "", true),
            ("a", "ab", false),
            ("*a*b*a", "xxabbaba", true),
            ("ec2.amazonaws.com", "ec2.amazonaws.com", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn bounds_are_exact() {
        assert!(Pattern::parse(&"a".repeat(2048)).is_ok());
        for bad in ["", "tab\t", "ä", &"a".repeat(2049)] {
            assert_eq!(Pattern::parse(bad), Err(CallersError::Pattern));
        }
        assert!(Callers::only(["*"; 32]).is_ok());
        assert_eq!(Callers::only(["*"; 33]), Err(CallersError::TooMany));
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_recursive_definition(pattern in "[ab*?]{1,8}", text in "[ab]{0,8}") {
            fn plain(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern, text) {
                    ([], text) => text.is_empty(),
                    ([b'*', rest @ ..], text) => (0..=text.len()).any(|n| plain(rest, &text[n..])),
                    ([b'?', p @ ..], [_, t @ ..]) => plain(p, t),
                    ([a, p @ ..], [b, t @ ..]) if a == b => plain(p, t),
                    _ => false,
                }
            }
            prop_assert_eq!(matches(&pattern, &text), plain(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
