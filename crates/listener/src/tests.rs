//! The listener as a client meets it: real TLS over loopback, and in-memory streams under a
//! paused clock where time is what is tested.

mod config;
mod deadlines;
mod kit;
mod life;
mod limits;
mod mtls;
mod proxied;
mod times;
mod tls;
mod unix;
