//! xks-api
