//! A token's module in a supervised process of its own: what it does to itself, a crash or a hang, it
//! does not do to us.
//!
//! A [`Token`](crate::Token) with [`Isolation::Worker`](crate::Isolation::Worker) starts a process for
//! itself alone: two tokens of one module do not fall together, and no worker ever holds the PIN or
//! the plaintexts of another tenant. Over the socket that the process has as its standard input go
//! calls and answers ([`wire`]), many in one write when there are many.
//!
//! - The server's process keeps the time. A call is answered at its deadline, whatever the worker
//!   does. One that answers nothing at all, or that says that as many sessions hang as it may have, is
//!   killed; the calls under way fail at once ([`TokenError::WorkerDied`](crate::TokenError::WorkerDied)),
//!   so that there is time to try another token.
//! - A worker that died is started again: at once, and then after 100 ms, doubling to 30 s, until one
//!   lived for 10 s. Calls that come while it starts wait for it, within their deadline.
//! - The PIN stays with the server and is handed out for one login at a time, so that what was refused
//!   to one worker is not presented by the next. A login that did not come back closes the gate too,
//!   at once for a PIN that the token has not accepted yet
//!   ([`TokenError::LoginUnanswered`](crate::TokenError::LoginUnanswered)).
//! - A worker has an environment of the named variables alone, no open file but its socket and the
//!   server's standard error, no core dumps, and cannot be traced by other processes of its user. It
//!   ends when the server's process does, and ignores the signals that end or reload that.
//!
//! [`run`] is the worker's side.

mod connection;
mod outbox;
mod process;
mod serve;
mod supervisor;
pub mod wire;

pub use crate::login::Judgement;
pub use serve::{WorkerError, run};
pub(crate) use supervisor::Worker;
