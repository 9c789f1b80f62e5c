//! Aliases: CreateAlias, UpdateAlias, DeleteAlias, ListAliases. Names are unique in an account and
//! Region; what decides about them is the caller's permission on the alias and on the key.

mod change;
mod list;

pub(crate) use change::{create_alias, delete_alias, update_alias};
pub(crate) use list::list_aliases;
