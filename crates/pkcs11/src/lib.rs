//! Tokens of PKCS#11 modules: the way to every HSM.
//!
//! What this crate promises:
//! - A [`Token`] answers every call within its deadline. No call runs on an async worker: each
//!   session is owned by one thread, the queue before them has a bound, and a thread that hangs in
//!   the vendor's library is replaced, a bounded number of times.
//! - A key object is searched for once. After that its handle is used; when the token was gone and
//!   came back, the object is found again and must be the same: of the same name and size, and, where
//!   the caller has a [`Proof`], one that gives it. Two objects with one name are
//!   refused, not guessed; so is an object of the wrong kind, size, or protection ([`Requirements`]).
//! - A PIN that the token refused is never presented again, until [`Token::set_pin`].
//! - What differs between vendors is data ([`Profile`]), and what a return code means stands in one
//!   exhaustive table ([`return_codes`]). [`TokenError::NotAuthentic`] is answered only when the token
//!   proved in the same session that it can decrypt.
//! - A module may run in a process of its own ([`Isolation`], [`worker`]): what kills or hangs that
//!   process does neither to this one, and it comes back by itself. A [`Token`] works the same over
//!   both.
//!
//! How an administrator names a token and says where its module runs is the same wherever a
//! configuration has tokens ([`section`]).
//!
//! It knows no key store, no database and no XKS. What crosses from [`Token`] to the threads with the
//! sessions is plain data ([`Call`], [`Answer`]).
//!
//! The interface is PKCS#11 (OASIS, base specification 2.40 to 3.2); its words are used: slot, token,
//! session, object handle, mechanism.

mod backend;
mod calls;
mod config;
mod error;
pub mod examine;
mod gcm;
mod health;
mod login;
mod module;
mod object;
mod pool;
mod profile;
pub mod return_codes;
pub mod section;
mod session;
pub mod slots;
mod token;
pub mod worker;

pub use calls::{Answer, Call, MAX_RANDOM};
pub use config::{Isolation, Pin, PinFileError, Requirements, TokenConfig, TokenSelector, WorkerCommand};
pub use error::{OpenError, TokenError};
pub use health::{State, TokenInfo};
pub use object::{KeyObject, NewObject, ObjectSelector, Proof, Sealed, Tried, Usage};
pub use profile::{GcmParameters, IvSource, Profile, ProfileError, Wrapping};
pub use token::Token;
