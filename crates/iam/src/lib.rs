//! The AWS policy language and its evaluation, for KMS keys: a request and the policies that bear
//! on it go in, a [`Decision`] that names the deciding statement or grant comes out.
//!
//! What this crate promises:
//! - [`Policy::parse`] is strict: unknown elements, duplicate names, values that their operator cannot
//!   read and principals of no known form are refused, so that no statement means less than it seems to.
//!   Size and nesting are bounded before memory is spent ([`limits`]).
//! - [`decide`] says no unless something allows. An explicit deny in any policy wins, grants included;
//!   the order of statements and policies never matters; removing an allow or adding a deny never
//!   grants; a resource policy that could not be read ([`ResourcePolicy::Unreadable`]) allows nobody.
//! - The decision about another account's key is worded the same whether the key is missing, denies or
//!   merely does not allow ([`Denial::message`]): existence does not show.
//! - Patterns, numbers, dates and addresses are compiled by the parser. A decision allocates nothing,
//!   except for policy variables. [`explain`] runs the very same code and keeps a line per statement.
//! - Nothing here reads a clock, does I/O or panics, whatever the input.
//!
//! Sources: IAM User Guide (*JSON policy reference*, *Policy evaluation logic*) and AWS KMS Developer
//! Guide (*Key policies*, *Grants*, *Condition keys*). Start reading at `decide.rs`.

mod arn;
mod cidr;
mod condition;
mod context;
mod date;
mod decide;
mod decimal;
mod decision;
mod grant;
mod json;
pub mod keys;
pub mod limits;
mod pattern;
mod policy;
mod principal;
mod trace;

pub use context::Context;
pub use decide::{AccessRequest, Inputs, NamedPolicy, ResourcePolicy, Target, decide, explain};
pub use decision::{Decision, Denial, DenialReason, Grounds, PolicySource, StatementRef};
pub use grant::{EncryptionContextConstraint, Grant, GrantOperation, GrantOperations, NewGrant};
pub use policy::{Effect, Policy, PolicyError, PolicyKind, Problem};
pub use principal::{InvalidPrincipal, Principal, PrincipalKind, PrincipalMatch, PrincipalPattern};
pub use trace::{Considered, Explanation, GrantOutcome, Outcome};
