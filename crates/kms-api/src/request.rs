//! Typed requests of the operations that this project supports. [`crate::parse`] makes them, only
//! from a body that keeps every constraint of the model.

mod aliases;
mod cryptography;
mod custom_key_stores;
pub(crate) mod fields;
mod grants;
mod keys;
mod policies;
mod rotation;
mod tags;

use crate::Operation;
pub use aliases::{CreateAlias, DeleteAlias, ListAliases, UpdateAlias};
pub use cryptography::{
    Decrypt, Encrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom, ReEncrypt, Recipient,
};
pub use custom_key_stores::{
    ConnectCustomKeyStore, CreateCustomKeyStore, DeleteCustomKeyStore, DescribeCustomKeyStores,
    DisconnectCustomKeyStore, UpdateCustomKeyStore, XksProxyAuthenticationCredential,
};
pub use fields::Fields;
pub use grants::{CreateGrant, GrantConstraints, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant};
pub use keys::{
    CancelKeyDeletion, CreateKey, DescribeKey, DisableKey, EnableKey, GetKeyLastUsage, ListKeys,
    ScheduleKeyDeletion, UpdateKeyDescription,
};
pub use policies::{GetKeyPolicy, ListKeyPolicies, PutKeyPolicy};
pub use rotation::{
    DisableKeyRotation, EnableKeyRotation, GetKeyRotationStatus, ListKeyRotations, RotateKeyOnDemand,
};
pub use tags::{ListResourceTags, Tag, TagResource, UntagResource};

/// A request of one operation.
pub trait Request: Sized {
    /// The operation.
    const OPERATION: Operation;

    /// The names of the members that it holds.
    const MEMBERS: &'static [&'static str];

    /// What a success answers.
    type Response: crate::response::Response;

    /// Reads the members of a body that [`crate::validate`] accepted; `None` if it did not. Use
    /// [`crate::parse`].
    #[doc(hidden)]
    fn read(fields: Fields<'_>) -> Option<Self>;
}

/// Calls a macro with the name of every typed request, in the order of [`Operation::ALL`].
#[macro_export]
macro_rules! for_each_request {
    ($call:ident) => {
        $call! {
            CancelKeyDeletion, ConnectCustomKeyStore, CreateAlias, CreateCustomKeyStore, CreateGrant, CreateKey,
            Decrypt, DeleteAlias, DeleteCustomKeyStore, DescribeCustomKeyStores, DescribeKey, DisableKey,
            DisableKeyRotation, DisconnectCustomKeyStore, EnableKey, EnableKeyRotation, Encrypt, GenerateDataKey,
            GenerateDataKeyWithoutPlaintext, GenerateRandom, GetKeyLastUsage, GetKeyPolicy, GetKeyRotationStatus,
            ListAliases, ListGrants, ListKeyPolicies, ListKeyRotations, ListKeys, ListResourceTags,
            ListRetirableGrants, PutKeyPolicy, ReEncrypt, RetireGrant, RevokeGrant, RotateKeyOnDemand,
            ScheduleKeyDeletion, TagResource, UntagResource, UpdateAlias, UpdateCustomKeyStore,
            UpdateKeyDescription
        }
    };
}

macro_rules! operations {
    ($($name:ident),+ $(,)?) => { &[$(Operation::$name),+] };
}

/// The operations that have a typed request. What the others are answered is AWS's refusal of a
/// request that it does not support.
pub const SUPPORTED: &[Operation] = for_each_request!(operations);

/// Declares a request: its operation's name is the type's, each member has its name on the wire.
macro_rules! requests {
    ($($(#[$about:meta])* $name:ident -> $response:ident {
        $($(#[$doc:meta])* $member:ident: $kind:ty = $wire:literal,)*
    })+) => {
        $(
            $(#[$about])*
            pub struct $name {
                $($(#[$doc])* pub $member: $kind,)*
            }

            impl $crate::request::Request for $name {
                const OPERATION: $crate::Operation = $crate::Operation::$name;
                const MEMBERS: &'static [&'static str] = &[$($wire),*];
                type Response = $crate::response::$response;

                fn read(fields: $crate::request::Fields<'_>) -> Option<Self> {
                    Some(Self { $($member: fields.read($wire)?,)* })
                }
            }
        )+
    };
}
use requests;

/// Declares a structure inside requests.
macro_rules! structures {
    ($($(#[$about:meta])* $name:ident {
        $($(#[$doc:meta])* $member:ident: $kind:ty = $wire:literal,)*
    })+) => {
        $(
            $(#[$about])*
            pub struct $name {
                $($(#[$doc])* pub $member: $kind,)*
            }

            impl $crate::request::fields::FromValue for $name {
                fn from_value(value: Option<&$crate::Value>) -> Option<Self> {
                    let fields = $crate::request::Fields::of(value?)?;
                    Some(Self { $($member: fields.read($wire)?,)* })
                }
            }
        )+
    };
}
use structures;
