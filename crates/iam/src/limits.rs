//! What a policy may cost, checked before it does (IAM User Guide, *IAM and AWS STS quotas*; AWS KMS
//! Developer Guide, *Quotas*).

use crate::PolicyKind;

/// Most bytes of a key policy document.
pub const KEY_POLICY_BYTES: usize = 32_768;

/// Most bytes of any policy document as it is read, white space included (the longest that the KMS
/// API takes before it looks inside).
pub const DOCUMENT_BYTES: usize = 131_072;

/// Deepest nesting of objects and lists. The grammar needs 6:
/// `{Statement:[{Condition:{operator:{key:[value]}}}]}`.
pub const NESTING: usize = 6;

/// Most question marks in all texts of a policy. AWS has no such limit. Each costs a step at every
/// place of the text that is compared, so that a policy full of them would take seconds for one
/// request with a long encryption context.
pub const QUESTION_MARKS: usize = 256;

impl PolicyKind {
    /// Most characters of a policy of this kind. White space counts in key policies and session
    /// policies only.
    pub const fn max_chars(self) -> usize {
        match self {
            Self::Key => KEY_POLICY_BYTES,
            // The largest of the inline quotas, a role's.
            Self::Identity => 10_240,
            Self::Boundary => 6_144,
            Self::Session => 2_048,
            Self::ServiceControl => 5_120,
            // 2,048 unless raised, and then at most this.
            Self::Trust => 4_096,
            Self::VpcEndpoint => 20_480,
        }
    }

    pub(crate) const fn counts_white_space(self) -> bool {
        matches!(self, Self::Key | Self::Session)
    }
}
