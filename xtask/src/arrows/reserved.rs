//! Crates from elsewhere that only some of ours may use.

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
        only: &[
            "sigv4",
            "listener",
            "proxy",
            "admin",
            "xks-client",
            "kms",
            "strongroom",
        ],
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
        only: &["listener", "proxy", "admin", "xks-client", "kms", "strongroom"],
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
