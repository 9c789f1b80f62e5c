//! The cryptographic operations.
