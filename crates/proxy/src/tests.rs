//! The XKS Proxy API against a whole house: a real store, log and virtual HSM in a temporary
//! directory, requests signed with `sigv4`. `wire` goes through a real listener; the others hand
//! the request to [`crate::Proxy::answer`], as the listener would.

mod authentication;
mod decrypt;
mod encrypt;
mod errors;
mod faulty;
mod health;
mod leaks;
mod logging;
mod metadata;
mod protocol;
mod settings;
mod wire;
mod world;
