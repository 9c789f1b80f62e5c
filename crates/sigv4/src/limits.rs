//! How large each part of a signed request may be. Lengths in bytes, all inclusive.
//!
//! Header values beyond the ones named here are hashed in place and cost no memory; their sum is
//! the listener's limit.

/// The `Authorization` header. AWS's own clients send 200 to 700.
pub const AUTHORIZATION_LEN: usize = 4096;

/// The access key id. IAM allows 128; an external key store's has 20 to 30.
pub const ACCESS_KEY_ID_LEN: usize = 128;

/// The Region in the credential scope. AWS's longest today has 14.
pub const REGION_LEN: usize = 64;

/// The service in the credential scope. `kms-xks-proxy` has 13.
pub const SERVICE_LEN: usize = 64;

/// How many headers `SignedHeaders` may list. AWS's SDKs sign up to about 12.
pub const SIGNED_HEADERS: usize = 64;

/// The name of one signed header.
pub const HEADER_NAME_LEN: usize = 128;

/// `Host` or `:authority`: a DNS name of 253, a colon and a port.
pub const HOST_LEN: usize = 259;

/// The HTTP method.
pub const METHOD_LEN: usize = 32;

/// The raw path. XKS allows 256 for a whole URI.
pub const PATH_LEN: usize = 8192;

/// The raw query string.
pub const QUERY_LEN: usize = 8192;

/// `X-Amz-Security-Token`, where [`crate::Rules`] allow one.
pub const SESSION_TOKEN_LEN: usize = 16_384;

/// Derived keys remembered per secret: one Region and service on both sides of midnight, and
/// room for a second.
pub const DERIVED_KEYS: usize = 4;
