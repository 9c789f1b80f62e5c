//! Who may call: uids of this machine, mapped to actors.

use std::collections::BTreeMap;

use serde::Deserialize;
use warden::{Actor, Role};

/// One line of the configuration: which uid is which actor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorEntry {
    /// The numeric user id; this or `user`.
    pub uid: Option<u32>,
    /// The user's name in `/etc/passwd`; this or `uid`.
    pub user: Option<String>,
    /// The name that the audit log shows. Default: `user`.
    pub name: Option<String>,
    /// What this actor may do.
    pub role: Role,
}

/// The actors of this node, by uid.
#[derive(Clone, Debug, Default)]
pub struct Actors(BTreeMap<u32, Actor>);

/// The list of actors cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActorsError {
    /// Neither or both of `uid` and `user`.
    #[error("an actor has either `uid` or `user`, and exactly one of them")]
    UidOrUser,
    /// An entry by uid has no name to record.
    #[error("the actor with uid {0} has no `name`, which the audit log needs")]
    NoName(u32),
    /// The name is empty, too long or not printable.
    #[error("the actor name {0:?} is not 1 to 64 characters of a-z A-Z 0-9 . _ @ -")]
    Name(String),
    /// No such user.
    #[error("there is no user {0:?} in /etc/passwd: give the `uid` if it comes from a directory service")]
    UnknownUser(String),
    /// Two entries for one uid.
    #[error("uid {0} is mapped twice")]
    Duplicate(u32),
}

impl Actors {
    /// Reads the entries; `lookup` finds the uid of a user name.
    pub fn new(entries: &[ActorEntry], lookup: impl Fn(&str) -> Option<u32>) -> Result<Self, ActorsError> {
        let mut actors = BTreeMap::new();
        for entry in entries {
            let (uid, name) = match (entry.uid, &entry.user) {
                (Some(uid), None) => (uid, entry.name.as_ref().ok_or(ActorsError::NoName(uid))?),
                (None, Some(user)) => {
                    let uid = lookup(user).ok_or_else(|| ActorsError::UnknownUser(user.clone()))?;
                    (uid, entry.name.as_ref().unwrap_or(user))
                }
                _ => return Err(ActorsError::UidOrUser),
            };
            let actor = Actor {
                name: checked(name)?,
                uid,
                role: entry.role,
            };
            if actors.insert(uid, actor).is_some() {
                return Err(ActorsError::Duplicate(uid));
            }
        }
        Ok(Self(actors))
    }

    /// One actor with every right: for throw-away servers.
    pub fn single(actor: Actor) -> Self {
        Self(BTreeMap::from([(actor.uid, actor)]))
    }

    /// Whoever has this uid, if anybody.
    pub fn of(&self, uid: u32) -> Option<&Actor> {
        self.0.get(&uid)
    }

    /// All of them, by uid.
    pub fn iter(&self) -> impl Iterator<Item = &Actor> {
        self.0.values()
    }
}

fn checked(name: &str) -> Result<String, ActorsError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(ActorsError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uid: Option<u32>, user: Option<&str>, name: Option<&str>) -> ActorEntry {
        ActorEntry {
            uid,
            user: user.map(Into::into),
            name: name.map(Into::into),
            role: Role::Operator,
        }
    }

    fn read(entries: &[ActorEntry]) -> Result<Actors, ActorsError> {
        Actors::new(entries, |user| (user == "alice").then_some(1000))
    }

    #[test]
    fn a_uid_is_an_actor_only_if_mapped() {
        let actors = read(&[
            entry(None, Some("alice"), None),
            entry(Some(7), None, Some("bob")),
        ])
        .unwrap();
        let alice = actors.of(1000).unwrap();
        assert_eq!((alice.name.as_str(), alice.uid), ("alice", 1000));
        assert!(alice.role == Role::Operator);
        assert_eq!(actors.of(7).unwrap().name, "bob");
        assert!(actors.of(0).is_none(), "root is nobody unless mapped");
    }

    #[test]
    fn every_entry_is_unambiguous() {
        for (entries, error) in [
            (vec![entry(None, None, None)], ActorsError::UidOrUser),
            (vec![entry(Some(1), Some("alice"), None)], ActorsError::UidOrUser),
            (vec![entry(Some(1), None, None)], ActorsError::NoName(1)),
            (
                vec![entry(None, Some("carol"), None)],
                ActorsError::UnknownUser("carol".into()),
            ),
            (
                vec![
                    entry(None, Some("alice"), None),
                    entry(Some(1000), None, Some("eve")),
                ],
                ActorsError::Duplicate(1000),
            ),
            (
                vec![entry(Some(1), None, Some("two words"))],
                ActorsError::Name("two words".into()),
            ),
        ] {
            assert_eq!(read(&entries).unwrap_err(), error);
        }
    }
}
