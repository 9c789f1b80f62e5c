//! Key policies: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, the default policy, the lockout check.
