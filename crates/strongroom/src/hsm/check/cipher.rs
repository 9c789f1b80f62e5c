//! AES-GCM: sizes, IVs, and what was tampered with.

use std::collections::HashSet;

use crypto::SecretBytes;
use pkcs11::examine::{Findings, examine};
use pkcs11::{Isolation, IvSource, KeyObject, Sealed, Token, TokenError};

use super::{Check, Live};
use crate::hsm::steps::Failure;
use crate::hsm::target;

/// Plaintexts of KMS, of the proxy's default limit, and the shortest.
const PLAINTEXTS: [usize; 4] = [1, 32, 4300, 8192];
/// Additional data as framed: 2 bytes of length, at most 65,535, 1 byte of length, and 5 of format 2's
/// metadata. None, the proxy's default limit, the most that can be framed without and with metadata.
const AADS: [usize; 4] = [8, 8200, 65_538, 65_543];
/// How many IVs are compared.
const IVS: usize = 16;

impl Check {
    pub(super) async fn cipher(&mut self, live: &Live<'_>, key: &KeyObject) -> anyhow::Result<()> {
        self.steps.trying("AES-GCM", 0.3);
        let ivs = self.ivs(live, key).await;
        self.steps.result("AES-GCM, with a fresh IV each time", ivs)?;
        let mut longest = String::new();
        let mut refused = None;
        for len in PLAINTEXTS {
            match self.round_trip(&live.token, key, len, 8).await {
                Ok(()) => longest = format!("up to {len} bytes"),
                Err(error) => {
                    refused = Some(plaintext_refused(len, &error));
                    break;
                }
            }
        }
        match refused {
            None => self.steps.ok("plaintexts", longest)?,
            Some((failure, true)) => self.steps.failed("plaintexts", failure)?,
            Some((failure, false)) => self.steps.note("plaintexts", failure)?,
        }
        self.stop.look()?;
        self.steps.trying("additional data", 0.5);
        self.aads(live, key).await?;
        let result = self.tampered(&live.token, key).await;
        self.steps
            .result("refuses what was tampered with", result)
            .map(drop)
    }

    /// Who makes it, how long it is, and that none comes twice.
    async fn ivs(&self, live: &Live<'_>, key: &KeyObject) -> Result<((), String), Failure> {
        let source = live.token.profile().iv();
        let who = match source {
            IvSource::Caller(_) => "ours",
            IvSource::TokenAppends(_) => "the token's, behind the output",
            IvSource::TokenFillsZeroed(_) => "the token's, in the buffer that it is given",
        };
        let mut seen = HashSet::new();
        for _ in 0..IVS {
            let sealed = live
                .token
                .encrypt(key, SecretBytes::new(vec![7; 32]), b"iv")
                .await
                .map_err(|error| wrong_profile(&error))?;
            if sealed.iv.len() != source.bytes() || !seen.insert(sealed.iv) {
                return Err(Failure::new(
                    "an IV came twice, or has another length than the profile says",
                    "use another profile, or mend this one: `iv` says who makes the IV",
                ));
            }
        }
        Ok(((), format!("{who}, {} bytes; tag of 16 bytes", source.bytes())))
    }

    async fn round_trip(
        &self,
        token: &Token,
        key: &KeyObject,
        len: usize,
        aad: usize,
    ) -> Result<(), TokenError> {
        let plaintext = SecretBytes::new(vec![0x5a; len]);
        let aad = vec![0xa5; aad];
        let tried = token.encrypt_and_try(key, plaintext, &aad).await?;
        let opened = token.decrypt(key, tried.sealed, &aad).await?;
        if opened.len() == len && opened.expose().iter().all(|byte| *byte == 0x5a) {
            Ok(())
        } else {
            Err(TokenError::TrialFailed)
        }
    }

    async fn aads(&mut self, live: &Live<'_>, key: &KeyObject) -> anyhow::Result<()> {
        let mut works = 0;
        for len in AADS {
            match self.round_trip(&live.token, key, 32, len).await {
                Ok(()) => works = len,
                Err(error) => {
                    let text = format!("{len} framed bytes: {error}; {works} work");
                    // KMS sends at most 8,192, which frame as 8,200.
                    return if len <= 8200 {
                        let fix = "every encryption context has to fit: ask the vendor for the limit of CKM_AES_GCM's AAD";
                        self.steps.failed("additional data", Failure::new(text, fix))
                    } else {
                        let fix = "leave proxy.max_aad_bytes at 8192, which is all that KMS sends";
                        self.steps.note("additional data", Failure::new(text, fix))
                    };
                }
            }
        }
        self.steps.ok(
            "additional data",
            format!("up to {works} framed bytes, all that can be said"),
        )
    }

    /// A bit of each part, through the very calls that the server makes.
    async fn tampered(&self, token: &Token, key: &KeyObject) -> Result<((), String), Failure> {
        let aad = b"aad".to_vec();
        let sealed = token
            .encrypt(key, SecretBytes::new(vec![1; 64]), &aad)
            .await
            .map_err(|error| wrong_profile(&error))?;
        for part in ["ciphertext", "IV", "tag", "AAD"] {
            let (mut changed, mut aad): (Sealed, _) = (sealed.clone(), aad.clone());
            let byte = match part {
                "ciphertext" => changed.ciphertext.first_mut(),
                "IV" => changed.iv.first_mut(),
                "tag" => changed.tag.first_mut(),
                _ => aad.first_mut(),
            };
            if let Some(byte) = byte {
                *byte ^= 0x80;
            }
            match token.decrypt(key, changed, &aad).await {
                Err(TokenError::NotAuthentic) => {}
                Ok(_) => {
                    return Err(Failure::new(
                        format!("it decrypted with another {part}"),
                        "do not use this token: ask the vendor",
                    ));
                }
                Err(error) => {
                    return Err(Failure::new(
                        format!("for another {part} it said: {error}"),
                        "tell the profile what that code means: [return-codes] CODE = \"not-authentic\", or \"ambiguous\"",
                    ));
                }
            }
        }
        Ok(((), "ciphertext, IV, tag, AAD: each by one bit".to_owned()))
    }

    /// Which codes the token itself uses, and how many sessions it gives.
    pub(super) async fn close_look(&mut self, live: &Live<'_>) -> anyhow::Result<()> {
        self.steps.trying("sessions and return codes", 0.6);
        let mut config = target::patient(live.hsm, live.config, Isolation::InProcess)?;
        config.sessions = live.hsm.sessions;
        let random = std::sync::Arc::clone(&self.random);
        let looked = tokio::task::spawn_blocking(move || examine(&config, &*random)).await?;
        match looked {
            Ok(findings) => self.found(live, &findings),
            Err(error) => self.steps.note(
                "sessions and return codes",
                Failure::new(
                    error.to_string(),
                    "this step loads the module into the command's own process, unlike the server",
                ),
            ),
        }
    }

    fn found(&mut self, live: &Live<'_>, findings: &Findings) -> anyhow::Result<()> {
        let codes: Vec<String> = findings
            .tampered
            .iter()
            .map(|tampered| {
                let code = tampered.code.as_deref().unwrap_or("accepted");
                format!("{} {code}", tampered.part)
            })
            .collect();
        if findings.tampered.iter().all(|tampered| tampered.understood) {
            self.steps.ok("return codes for that", codes.join(", "))?;
        } else {
            let fix = "tell the profile: [return-codes] CODE = \"not-authentic\", or \"ambiguous\" if it has other causes";
            self.steps
                .failed("return codes for that", Failure::new(codes.join(", "), fix))?;
        }
        let wanted = live.hsm.sessions;
        match &findings.no_more_sessions {
            None => self
                .steps
                .ok("sessions", format!("{wanted} at the same time, as configured")),
            Some(code) => self.steps.failed(
                "sessions",
                Failure::new(
                    format!("{} of {wanted}, then {code}", findings.sessions),
                    format!(
                        "set sessions = {} or fewer, or raise the token's own limit",
                        findings.sessions
                    ),
                ),
            ),
        }
    }
}

/// A failure and whether KMS itself would meet with it: it sends at most 4,300 bytes.
fn plaintext_refused(len: usize, error: &TokenError) -> (Failure, bool) {
    let fatal = len <= 4300;
    let fix = if fatal {
        "KMS sends up to 4300 bytes: raise max-message in the profile if the HSM takes more, or ask the vendor"
    } else {
        "set proxy.max_plaintext_bytes to what the token takes, at least 4300; KMS sends no more than that"
    };
    (Failure::new(format!("{len} bytes: {error}"), fix), fatal)
}

/// AES-GCM does not work at all; most likely the parameters are not what the product wants.
fn wrong_profile(error: &TokenError) -> Failure {
    let fix = match error {
        TokenError::Refused { code, .. }
            if matches!(code.as_str(), "CKR_MECHANISM_PARAM_INVALID" | "CKR_ARGUMENTS_BAD") =>
        {
            "the parameters are not what this product wants: another profile (`iv`, `gcm-parameters`); for a Luna in \
             FIPS mode luna-fips"
        }
        TokenError::Refused { code, .. } if code == "CKR_MECHANISM_INVALID" => {
            "the HSM's policy or firmware does not allow AES-GCM: ask its administrator"
        }
        TokenError::BadOutput(_) => "use another profile: `iv` says who makes the IV and where it is",
        _ => "see `strongroom hsm list --module` for what the token says of itself",
    };
    Failure::new(error.to_string(), fix)
}
