//! Explanations of decisions: which statement of which policy, or which grant, allowed or refused a
//! call, for the log and for `strongroom kms explain`.
