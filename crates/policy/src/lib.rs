//! Who may use which key. Pure: facts and claims in, a [`Permit`] or a [`Denial`] out.
//!
//! What this crate promises:
//! - [`decide`] is the only maker of a [`Permit`], and a permit is the only way to the resource
//!   inside it. It has private fields, is not `Clone`, and is consumed.
//! - Everything defaults to no: a fact that is not known is a reason to deny.
//! - Removing an allow never grants; a block always wins.
//! - Every denial says which rule denied (XKS-AUTHZ-03).
//!
//! Claims are evidence that somebody else reports (for XKS: what KMS says of its caller), never
//! identities that were verified here.

mod callers;
mod decide;

pub use callers::{Callers, CallersError, Pattern};
pub use decide::{Act, Claims, Denial, Facts, KeyState, Permit, decide};
