//! Fuzz targets: one plain function for each parser of bytes that come from outside or from
//! disk. A function takes any bytes and panics if a promise of the parser's is broken; that the
//! parser itself never panics is the first of them.
//!
//! They run in three ways: over the checked-in seeds (`corpus/<target>/`) and mutations of them
//! in `cargo test`, on any toolchain; under libFuzzer with `cargo xtask fuzz`, where nightly is
//! there; and over a single file that did harm, by adding it to the seeds.

mod answers;
mod bodies;
mod ciphertext_metadata;
mod envelope;
mod identities;
mod kms_bodies;
mod kms_ciphertexts;
mod policies;
mod proxy_v2;
mod query_forms;
mod sigv4_headers;
mod uris;
mod worker_frames;

pub use answers::answers;
pub use bodies::bodies;
pub use ciphertext_metadata::ciphertext_metadata;
pub use envelope::{envelope, sealed};
pub use identities::identities;
pub use kms_bodies::kms_bodies;
pub use kms_ciphertexts::kms_ciphertexts;
pub use policies::policies;
pub use proxy_v2::proxy_v2;
pub use query_forms::query_forms;
pub use sigv4_headers::{sigv4_headers, verifies};
pub use uris::uris;
pub use worker_frames::{samples, worker_frames};

/// A target by its name.
pub struct Target {
    /// Also the name of its directory of seeds and of its libFuzzer binary.
    pub name: &'static str,
    /// Takes any bytes; panics if a promise is broken.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "sigv4_headers",
        run: sigv4_headers,
    },
    Target {
        name: "bodies",
        run: bodies,
    },
    Target {
        name: "uris",
        run: uris,
    },
    Target {
        name: "ciphertext_metadata",
        run: ciphertext_metadata,
    },
    Target {
        name: "envelope",
        run: envelope,
    },
    Target {
        name: "policies",
        run: policies,
    },
    Target {
        name: "proxy_v2",
        run: proxy_v2,
    },
    Target {
        name: "kms_bodies",
        run: kms_bodies,
    },
    Target {
        name: "kms_ciphertexts",
        run: kms_ciphertexts,
    },
    Target {
        name: "answers",
        run: answers,
    },
    Target {
        name: "query_forms",
        run: query_forms,
    },
    Target {
        name: "identities",
        run: identities,
    },
    Target {
        name: "worker_frames",
        run: worker_frames,
    },
];
