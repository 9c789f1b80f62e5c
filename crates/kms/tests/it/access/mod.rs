//! Who may do what: key policies, grants, identity policies, aliases, tags, explanations.

mod aliases;
mod authorization;
mod explain;
mod grants;
mod hiding;
mod kit;
mod policies;
mod races;
mod tags;
