//! The decision.

use crate::Callers;

/// What somebody wants to do with a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Act {
    /// Learn its spec, usage and state.
    Describe,
    /// Encrypt with it.
    Encrypt,
    /// Encrypt with it, and vouch that it will decrypt again (XKS: a CDIV is asked for). A key that
    /// may not decrypt cannot vouch.
    EncryptVouched,
    /// Decrypt with it.
    Decrypt,
}

impl Act {
    /// As written to logs and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Encrypt | Self::EncryptVouched => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }
}

/// What the front reports of the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claims<'a> {
    /// Who asks (XKS: `awsPrincipalArn`).
    pub principal: Option<&'a str>,
    /// The caller's own name for the key (XKS: `kmsKeyArn`, which names account and Region).
    pub foreign_key: Option<&'a str>,
}

/// Whether a key may be used at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyState {
    /// In use.
    Enabled,
    /// Not to be used until it is enabled again.
    Disabled,
    /// Not to be used, and destroyed when its waiting period ends.
    PendingDeletion,
}

/// What is known of the key and of the way to it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The key store's switch was thrown.
    pub key_store_blocked: bool,
    /// The binding's switch was thrown.
    pub binding_blocked: bool,
    /// Which claimed principals the binding lets in.
    pub principals: &'a Callers,
    /// Which of the callers' own keys the binding lets in.
    pub foreign_keys: &'a Callers,
    /// What the key's state says.
    pub key: KeyState,
    /// The key's usage allows encryption.
    pub may_encrypt: bool,
    /// The key's usage allows decryption.
    pub may_decrypt: bool,
}

/// Why not. The texts name the rule, for log and record; a client sees only the error's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Denial {
    /// The key store is blocked.
    #[error("rule key-store-block: the key store is blocked")]
    KeyStoreBlocked,
    /// The binding is blocked.
    #[error("rule binding-block: the external key is blocked in this key store")]
    BindingBlocked,
    /// The claimed principal is not on the binding's list.
    #[error("rule binding-principals: the claimed principal is not on the binding's list")]
    Principal,
    /// The claimed foreign key is not on the binding's list.
    #[error("rule binding-foreign-keys: the claimed KMS key is not on the binding's list")]
    ForeignKey,
    /// The key is disabled.
    #[error("rule key-state: the key is disabled")]
    KeyDisabled,
    /// The key is pending deletion.
    #[error("rule key-state: the key is pending deletion")]
    KeyPendingDeletion,
    /// The key's usage forbids the act.
    #[error("rule key-usage: the key's usage does not include this operation")]
    Usage,
}

/// The proof that policy allowed one act on one resource, and the only way to that resource.
/// Made by [`decide`] alone, used once.
#[must_use = "a permit that is not used permits nothing"]
#[derive(Debug)]
pub struct Permit<R> {
    act: Act,
    resource: R,
}

impl<R> Permit<R> {
    /// What was allowed.
    pub const fn act(&self) -> Act {
        self.act
    }

    /// Consumes the permit and hands out the resource, to do `act` once.
    pub fn into_resource(self) -> R {
        self.resource
    }
}

/// Decides whether `act` may be done to `resource`, of which `facts` speak.
///
/// Blocks come first, for they must win over everything; then who asks; then the key's own state
/// and usage, which an unwelcome caller does not get to learn. A key may be described in any state.
pub fn decide<R>(act: Act, claims: &Claims<'_>, facts: &Facts<'_>, resource: R) -> Result<Permit<R>, Denial> {
    let usage = match act {
        Act::Describe => true,
        Act::Encrypt => facts.may_encrypt,
        Act::EncryptVouched => facts.may_encrypt && facts.may_decrypt,
        Act::Decrypt => facts.may_decrypt,
    };
    let describes = act == Act::Describe;
    let rules = [
        (!facts.key_store_blocked, Denial::KeyStoreBlocked),
        (!facts.binding_blocked, Denial::BindingBlocked),
        (facts.principals.allow(claims.principal), Denial::Principal),
        // GetKeyMetadata comes before there is a KMS key, so it can claim none.
        (
            describes || facts.foreign_keys.allow(claims.foreign_key),
            Denial::ForeignKey,
        ),
        (describes || facts.key != KeyState::Disabled, Denial::KeyDisabled),
        (
            describes || facts.key != KeyState::PendingDeletion,
            Denial::KeyPendingDeletion,
        ),
        (usage, Denial::Usage),
    ];
    match rules.into_iter().find(|(allowed, _)| !allowed) {
        Some((_, denial)) => Err(denial),
        None => Ok(Permit { act, resource }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts<'a>(principals: &'a Callers, foreign_keys: &'a Callers) -> Facts<'a> {
        Facts {
            key_store_blocked: false,
            binding_blocked: false,
            principals,
            foreign_keys,
            key: KeyState::Enabled,
            may_encrypt: true,
            may_decrypt: true,
        }
    }

    fn denial(act: Act, facts: &Facts<'_>) -> Option<Denial> {
        let claims = Claims {
            principal: Some("alice"),
            foreign_key: Some("key-1"),
        };
        decide(act, &claims, facts, ()).err()
    }

    #[test]
    fn each_rule_denies_by_its_own_name() {
        let (any, none) = (Callers::Any, Callers::only([]).unwrap());
        let good = facts(&any, &any);
        for act in [Act::Describe, Act::Encrypt, Act::EncryptVouched, Act::Decrypt] {
            assert_eq!(denial(act, &good), None);
            let blocked = Facts {
                key_store_blocked: true,
                ..good
            };
            assert_eq!(denial(act, &blocked), Some(Denial::KeyStoreBlocked));
            assert_eq!(
                denial(
                    act,
                    &Facts {
                        binding_blocked: true,
                        ..good
                    }
                ),
                Some(Denial::BindingBlocked)
            );
            assert_eq!(denial(act, &facts(&none, &any)), Some(Denial::Principal));
        }
        for act in [Act::Encrypt, Act::EncryptVouched, Act::Decrypt] {
            assert_eq!(denial(act, &facts(&any, &none)), Some(Denial::ForeignKey));
            for (key, rule) in [
                (KeyState::Disabled, Denial::KeyDisabled),
                (KeyState::PendingDeletion, Denial::KeyPendingDeletion),
            ] {
                assert_eq!(denial(act, &Facts { key, ..good }), Some(rule));
            }
        }
        assert_eq!(
            denial(
                Act::Encrypt,
                &Facts {
                    may_encrypt: false,
                    ..good
                }
            ),
            Some(Denial::Usage)
        );
        for taken in [
            Facts {
                may_encrypt: false,
                ..good
            },
            Facts {
                may_decrypt: false,
                ..good
            },
        ] {
            assert_eq!(denial(Act::EncryptVouched, &taken), Some(Denial::Usage));
        }
        assert_eq!(
            denial(
                Act::Decrypt,
                &Facts {
                    may_decrypt: false,
                    ..good
                }
            ),
            Some(Denial::Usage)
        );
        for key in [KeyState::Disabled, KeyState::PendingDeletion] {
            assert_eq!(denial(Act::Describe, &Facts { key, ..good }), None);
        }
    }

    #[test]
    fn xks_authz_02_a_key_can_be_restricted_to_given_callers() {
        let any = Callers::Any;
        let mine = Callers::only(["arn:aws:iam::111122223333:*"]).unwrap();
        let ask = |principal| {
            let claims = Claims {
                principal,
                foreign_key: None,
            };
            decide(Act::Encrypt, &claims, &facts(&mine, &any), ()).err()
        };
        assert_eq!(ask(Some("arn:aws:iam::111122223333:role/app")), None);
        assert_eq!(
            ask(Some("arn:aws:iam::999999999999:role/app")),
            Some(Denial::Principal)
        );
        assert_eq!(ask(None), Some(Denial::Principal));
    }

    #[test]
    fn xks_authz_03_a_denial_names_its_rule() {
        for denial in [
            Denial::KeyStoreBlocked,
            Denial::BindingBlocked,
            Denial::Principal,
            Denial::ForeignKey,
            Denial::KeyDisabled,
            Denial::KeyPendingDeletion,
            Denial::Usage,
        ] {
            assert!(denial.to_string().starts_with("rule "), "{denial}");
        }
    }

    proptest! {
        #[test]
        fn taking_something_away_never_grants(
            bits in prop::array::uniform5(any::<bool>()), off in 0_usize..5, pending in any::<bool>(),
            patterns in prop::collection::vec("[ab*]{1,3}", 1..4), drop in any::<prop::sample::Index>(),
            who in "[ab]{0,3}", act in 0_usize..4,
        ) {
            let act = [Act::Describe, Act::Encrypt, Act::EncryptVouched, Act::Decrypt][act];
            let claims = Claims { principal: Some(&who), foreign_key: Some("k") };
            let any = Callers::Any;
            let unused = if pending { KeyState::PendingDeletion } else { KeyState::Disabled };
            let ask = |bits: [bool; 5], patterns: &[String]| {
                let principals = Callers::only(patterns.iter().map(String::as_str)).unwrap();
                let facts = Facts {
                    key_store_blocked: !bits[0], binding_blocked: !bits[1],
                    key: if bits[2] { KeyState::Enabled } else { unused },
                    may_encrypt: bits[3], may_decrypt: bits[4], principals: &principals, foreign_keys: &any,
                };
                decide(act, &claims, &facts, ()).is_ok()
            };
            let full = ask(bits, &patterns);
            let mut fewer = patterns.clone();
            fewer.remove(drop.index(patterns.len()));
            let mut less = bits;
            less[off] = false;
            prop_assert!(full || !ask(bits, &fewer));
            prop_assert!(full || !ask(less, &patterns));
            if !bits[0] || !bits[1] {
                prop_assert!(!full, "a block always wins");
            }
        }
    }
}
