//! Key policies.

use super::responses;

responses! {
    /// See [`request::GetKeyPolicy`](crate::request::GetKeyPolicy).
    GetKeyPolicy {
        /// The policy, as it was put.
        policy: String = "Policy",
        /// `default`.
        policy_name: String = "PolicyName",
    }

    /// See [`request::ListKeyPolicies`](crate::request::ListKeyPolicies).
    ListKeyPolicies {
        /// A page of names.
        policy_names: Vec<String> = "PolicyNames",
        /// Where the next page begins, if this one is truncated.
        next_marker: Option<String> = "NextMarker",
        /// Whether there is another page.
        truncated: bool = "Truncated",
    }
}
