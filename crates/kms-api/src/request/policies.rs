//! Key policies.

use super::requests;
use crate::RequestedKey;

requests! {
    /// Returns the key policy.
    GetKeyPolicy -> GetKeyPolicy {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// Absent means `default`, the only name there is.
        policy_name: Option<String> = "PolicyName",
    }

    /// Replaces the key policy.
    PutKeyPolicy -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// Absent means `default`, the only name there is.
        policy_name: Option<String> = "PolicyName",
        /// 1 to 131072 characters; the quota of 32768 bytes is for the operation to check.
        policy: String = "Policy",
        /// Whether a policy that locks the caller out is accepted.
        bypass_policy_lockout_safety_check: bool = "BypassPolicyLockoutSafetyCheck",
    }

    /// Lists the names of key policies.
    ListKeyPolicies -> ListKeyPolicies {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// The most names on one page: 1 to 1000.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
    }
}
