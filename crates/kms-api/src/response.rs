//! Typed answers of the operations that this project supports.
//!
//! Timestamps are numbers, bytes are Base64, and a member without value is left out. Members that
//! only operations left out would fill are not here.

mod aliases;
mod cryptography;
mod custom_key_stores;
mod grants;
mod keys;
mod policies;
mod rotation;
mod tags;

pub use aliases::{AliasListEntry, ListAliases};
pub use cryptography::{
    Decrypt, Encrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom, ReEncrypt,
};
pub use custom_key_stores::{
    CreateCustomKeyStore, CustomKeyStoresListEntry, DescribeCustomKeyStores, XksProxyConfiguration,
};
pub use grants::{CreateGrant, GrantListEntry, ListGrants};
pub use keys::{
    CancelKeyDeletion, CreateKey, DescribeKey, GetKeyLastUsage, KeyLastUsage, KeyListEntry, KeyMetadata,
    ListKeys, ScheduleKeyDeletion,
};
pub use policies::{GetKeyPolicy, ListKeyPolicies};
pub use rotation::{GetKeyRotationStatus, ListKeyRotations, RotateKeyOnDemand, RotationsListEntry};
pub use tags::ListResourceTags;

use crypto::SecretBytes;

/// What an operation answers on success, with HTTP status 200.
pub trait Response {
    /// The body of the answer, in a buffer that is wiped.
    fn to_body(&self) -> SecretBytes;
}

/// The answer of an operation without output: an empty body.
pub struct Nothing;

impl Response for Nothing {
    fn to_body(&self) -> SecretBytes {
        SecretBytes::new(Vec::new())
    }
}

/// The answer of an operation whose output has no members: `{}`.
pub struct EmptyObject;

impl Response for EmptyObject {
    fn to_body(&self) -> SecretBytes {
        SecretBytes::new(b"{}".to_vec())
    }
}

/// Declares structures inside answers, each member with its name on the wire.
macro_rules! structures {
    ($($(#[$about:meta])* $name:ident {
        $($(#[$doc:meta])* $member:ident: $kind:ty = $wire:literal,)*
    })+) => {
        $(
            $(#[$about])*
            pub struct $name {
                $($(#[$doc])* pub $member: $kind,)*
            }

            impl $crate::json::ToJson for $name {
                fn write(&self, out: &mut $crate::json::Output) {
                    $crate::json::write_object(out, |object| {
                        $(object.member($wire, &self.$member);)*
                    });
                }
            }
        )+
    };
}
use structures;

/// Declares answers.
macro_rules! responses {
    ($($(#[$about:meta])* $name:ident { $($body:tt)* })+) => {
        $(
            $crate::response::structures! { $(#[$about])* $name { $($body)* } }

            impl $crate::response::Response for $name {
                fn to_body(&self) -> ::crypto::SecretBytes {
                    ::crypto::SecretBytes::new($crate::json::document(self))
                }
            }
        )+
    };
}
use responses;
