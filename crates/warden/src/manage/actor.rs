//! Who administers, and what each role may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Change, ManageError};

/// What an administrator is trusted with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees everything, changes nothing.
    Auditor,
    /// Sees everything; may throw a switch, not take it back.
    Operator,
    /// Key managers, keys and their states, bindings, blocks both ways.
    KeyCustodian,
    /// Everything that people may do.
    Admin,
}

impl Role {
    /// All roles, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Auditor, Self::Operator, Self::KeyCustodian, Self::Admin];

    /// As in configuration and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::KeyCustodian => "key-custodian",
            Self::Admin => "admin",
        }
    }

    /// Whether this role may make a change. Switching off is given more freely than switching on.
    pub const fn may(self, change: &Change) -> bool {
        match self {
            Self::Auditor => false,
            Self::Operator => matches!(change, Change::Block { .. }),
            Self::KeyCustodian => matches!(
                change,
                Change::CreateKeyManager { .. }
                    | Change::CreateKey { .. }
                    | Change::AdoptKey { .. }
                    | Change::RotateKey { .. }
                    | Change::SetKeyState { .. }
                    | Change::ScheduleKeyDeletion { .. }
                    | Change::CancelKeyDeletion { .. }
                    | Change::Bind { .. }
                    | Change::Block { .. }
                    | Change::Unblock { .. }
            ),
            // Time destroys keys, and nobody else.
            Self::Admin => !matches!(change, Change::DestroyKey { .. }),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "a role is one of: auditor operator key-custodian admin".to_owned())
    }
}

/// The authenticated administrator: on the Unix socket the peer's uid, mapped to a name and a role
/// by the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// As configured.
    pub name: String,
    /// The uid that the kernel reported.
    pub uid: u32,
    /// What they are trusted with.
    pub role: Role,
}

/// Who is behind an act.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Author {
    /// An administrator.
    Actor(Actor),
    /// The server itself, for what comes due.
    Itself { name: &'static str, role: &'static str },
}

impl Author {
    /// In records the actor `strongroom` with the role `system`, which nobody can be given.
    pub(crate) const ITSELF: Self = Self::Itself {
        name: "strongroom",
        role: "system",
    };

    pub(crate) fn check(&self, change: &Change) -> Result<(), ManageError> {
        match self {
            Self::Actor(actor) => actor.check(change),
            Self::Itself { .. } => Ok(()),
        }
    }
}

impl From<&Actor> for Author {
    fn from(actor: &Actor) -> Self {
        Self::Actor(actor.clone())
    }
}

impl Actor {
    pub(crate) fn check(&self, change: &Change) -> Result<(), ManageError> {
        if self.role.may(change) {
            Ok(())
        } else {
            Err(ManageError::NotPermitted { role: self.role })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_changes() -> Vec<Change> {
        let text = String::new;
        vec![
            Change::CreateKeyManager {
                key_manager: text(),
                kind: text(),
                name: text(),
            },
            Change::CreateKey {
                key_manager: text(),
                key: text(),
                name: text(),
                usage: text(),
            },
            Change::SetKeyState {
                key_manager: text(),
                key: text(),
                state: text(),
            },
            Change::AdoptKey {
                key_manager: text(),
                key: text(),
                name: text(),
                usage: text(),
                label: None,
                object_id: None,
                legacy_framing: None,
                legacy_metadata: None,
                encrypt_with: text(),
                count_from: None,
            },
            Change::RotateKey {
                key_manager: text(),
                key: text(),
                from_version: text(),
            },
            Change::ScheduleKeyDeletion {
                key_manager: text(),
                key: text(),
                deletion: 0,
            },
            Change::CancelKeyDeletion {
                key_manager: text(),
                key: text(),
            },
            Change::DestroyKey {
                key_manager: text(),
                key: text(),
            },
            Change::CreateKeyStore {
                key_store: text(),
                name: text(),
                path_prefix: text(),
                region: None,
                listeners: None,
                common_names: None,
            },
            Change::Bind {
                key_store: text(),
                external_key_id: text(),
                key_manager: text(),
                key: text(),
                principals: None,
                foreign_keys: None,
            },
            Change::Block {
                key_store: text(),
                external_key_id: None,
                reason: text(),
            },
            Change::Unblock {
                key_store: text(),
                external_key_id: None,
            },
            Change::AddCredential {
                key_store: text(),
                access_key_id: text(),
                expires: None,
            },
            Change::RetireCredential {
                key_store: text(),
                access_key_id: text(),
            },
            Change::AcknowledgeRecovery {
                store_generation: 0,
                log_generation: 0,
            },
            Change::RotateRoot { root: text() },
            Change::RetireRoot { root: text() },
            Change::ChangeSeal {
                kind: text(),
                seal: text(),
            },
            Change::RotateKeyEncryptionKey {
                key_manager: text(),
                key_encryption_key: text(),
            },
        ]
    }

    /// The whole permission matrix, so that every change of it is seen.
    #[test]
    fn the_permission_matrix() {
        let row = |role: Role| -> String {
            all_changes()
                .iter()
                .map(|change| if role.may(change) { 'y' } else { '-' })
                .collect()
        };
        assert_eq!(row(Role::Auditor), "-------------------");
        assert_eq!(row(Role::Operator), "----------y--------");
        assert_eq!(row(Role::KeyCustodian), "yyyyyyy--yyy-------");
        assert_eq!(row(Role::Admin), "yyyyyyy-yyyyyyyyyyy");
    }

    #[test]
    fn roles_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
