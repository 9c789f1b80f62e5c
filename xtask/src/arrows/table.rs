//! The architecture's table (`docs/architecture.md`, "Crates") as data. Changing a row is a
//! decision about the architecture; the page and this file change together.

/// A crate and the workspace crates it may use, `OPEN_TO_ALL` apart.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) may_use: &'static [&'static str],
}

/// Crates that every other may use.
pub(super) const OPEN_TO_ALL: &[&str] = &["ambient", "crypto"];

/// Crates for development only: they may use everything, nothing shipped may use them outside
/// its tests.
pub(super) const DEVELOPMENT: &[&str] = &["testkit", "xtask", "bench", "fuzz"];

/// The shipped crates.
pub(super) const TABLE: &[Row] = &[
    Row {
        name: "ambient",
        may_use: &[],
    },
    Row {
        name: "crypto",
        may_use: &[],
    },
    Row {
        name: "sigv4",
        may_use: &[],
    },
    Row {
        name: "xks-api",
        may_use: &[],
    },
    Row {
        name: "iam",
        may_use: &[],
    },
    Row {
        name: "policy",
        may_use: &[],
    },
    Row {
        name: "store",
        may_use: &[],
    },
    Row {
        name: "audit",
        may_use: &[],
    },
    Row {
        name: "seal",
        may_use: &[],
    },
    Row {
        name: "key-manager",
        may_use: &[],
    },
    Row {
        name: "virtual-hsm",
        may_use: &["key-manager", "seal", "store"],
    },
    Row {
        name: "pkcs11",
        may_use: &["key-manager"],
    },
    Row {
        name: "warden",
        may_use: &["policy", "audit", "key-manager", "seal", "store"],
    },
    Row {
        name: "listener",
        may_use: &[],
    },
    Row {
        name: "proxy",
        may_use: &["warden", "listener", "xks-api", "sigv4"],
    },
    Row {
        name: "admin",
        may_use: &["warden", "listener", "xks-api"],
    },
    Row {
        name: "kms",
        may_use: &["listener", "xks-api", "sigv4", "iam", "seal", "store"],
    },
    Row {
        name: "strongroom",
        may_use: &[
            "admin",
            "audit",
            "iam",
            "key-manager",
            "kms",
            "listener",
            "pkcs11",
            "policy",
            "proxy",
            "seal",
            "sigv4",
            "store",
            "virtual-hsm",
            "warden",
            "xks-api",
        ],
    },
];

/// Crates from elsewhere that carry a rule: only these crates of ours may depend on them.
pub(super) struct Reserved {
    pub(super) crates: &'static [&'static str],
    pub(super) only: &'static [&'static str],
    pub(super) because: &'static str,
}

/// Who may depend on what from outside, where that is a rule.
pub(super) const RESERVED: &[Reserved] = &[
    Reserved {
        // sigv4 signs over a `HeaderMap` and needs nothing else of HTTP.
        crates: &["http"],
        only: &["sigv4", "listener", "proxy", "admin", "kms", "strongroom"],
        because: "only the fronts know HTTP",
    },
    Reserved {
        crates: &[
            "axum",
            "h2",
            "http-body",
            "http-body-util",
            "hyper",
            "hyper-util",
            "reqwest",
            "rustls",
            "tokio-rustls",
            "tower",
            "tower-http",
        ],
        only: &["listener", "proxy", "admin", "kms", "strongroom"],
        because: "only the fronts know HTTP",
    },
    Reserved {
        crates: &["aes", "aes-gcm", "aws-lc-rs", "cmac", "hmac", "sha2"],
        only: &["crypto"],
        because: "`crypto` is the only home of cryptography",
    },
    Reserved {
        crates: &["rusqlite", "sqlx", "tokio-postgres"],
        only: &["store"],
        because: "`store` is the only way to the database",
    },
    Reserved {
        crates: &["getrandom", "rand", "fastrand"],
        only: &["ambient"],
        because: "randomness is an argument, `ambient::Random`",
    },
    Reserved {
        crates: &["cryptoki", "cryptoki-sys"],
        only: &["pkcs11"],
        because: "`pkcs11` is the only way to an HSM",
    },
    Reserved {
        crates: &["anyhow"],
        only: &["strongroom"],
        because: "libraries have typed errors",
    },
];
