//! Who asks, and what is reported of them.

use std::sync::Arc;

use ambient::Moment;
use policy::Claims;

use crate::{Credential, KeyStore};

/// An authenticated caller. A front makes one from a verified signature and from nothing else.
pub struct Caller {
    /// The key store that the credential opens.
    pub key_store: Arc<KeyStore>,
    /// The credential whose signature was verified.
    pub credential: Arc<Credential>,
    /// When the answer must have left.
    pub deadline: Moment,
    /// What came along as evidence.
    pub evidence: Evidence,
}

/// What the caller reports of itself and of those behind it. Kept in the record; policy reads it
/// as claims. Nothing here was verified beyond the signature over the whole message.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// XKS: `kmsRequestId`, opaque and not unique.
    pub request_id: Option<Box<str>>,
    /// XKS: `kmsOperation`.
    pub operation: Option<Box<str>>,
    /// XKS: `awsPrincipalArn`.
    pub principal: Option<Box<str>>,
    /// The caller's own name for the key; XKS: `kmsKeyArn`.
    pub foreign_key: Option<Box<str>>,
    /// XKS: `kmsViaService`.
    pub via_service: Option<Box<str>>,
    /// XKS: `awsSourceVpc`.
    pub source_vpc: Option<Box<str>>,
    /// XKS: `awsSourceVpce`.
    pub source_vpce: Option<Box<str>>,
    /// The network address that the request came from.
    pub peer: Option<Box<str>>,
}

impl Evidence {
    pub(crate) fn claims(&self) -> Claims<'_> {
        Claims {
            principal: self.principal.as_deref(),
            foreign_key: self.foreign_key.as_deref(),
        }
    }
}
