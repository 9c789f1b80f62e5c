//! The request log: one line for each authenticated request, through `tracing` under the target
//! [`TARGET`]; and some of those that nobody signed.
//!
//! A line has who asked for what, of which key, how it ended, and how long it took. It has no member
//! that a plaintext, a ciphertext or a secret could be put into; the message of an error is left out
//! where it quotes the request.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ambient::{Moment, Timestamp};
use crypto::SecretBytes;
use kms_api::{ErrorName, KmsError};
use serde_json::Value;

use crate::call::Call;

/// The `tracing` target of the request log.
pub const TARGET: &str = "kms";

/// Lines a second about those who may not ask: enough to see what goes on, too few to fill a disk.
const STRANGERS_LINES_PER_SECOND: u64 = 100;

impl Call<'_> {
    /// Writes the call's line. What the operator has to look into is a warning.
    pub(crate) fn log(&self, answer: &Result<SecretBytes, KmsError>, began: Moment) {
        let error = answer.as_ref().err();
        let name = error.map(KmsError::name);
        let quotes_the_request = matches!(
            name,
            Some(ErrorName::ValidationException | ErrorName::SerializationException)
        );
        let resource = self.trail.resources().first();
        let note = |name: &str| self.trail.additional_data().get(name).and_then(Value::as_str);
        let took = self.kms.clock().moment().saturating_since(began);
        let status = name.map_or(200, ErrorName::status);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET,
                    $level,
                    requestId = self.request_id,
                    operation = self.operation.name(),
                    outcome = if error.is_none() { "success" } else { "failure" },
                    error = name.map(ErrorName::as_str),
                    reason = error.filter(|_| !quotes_the_request).and_then(KmsError::message),
                    status,
                    principal = self.caller.arn,
                    access_key_id = self.caller.access_key_id,
                    region = self.realm.region.as_str(),
                    resource = resource.map(|resource| &*resource.arn),
                    custom_key_store = note("customKeyStoreId"),
                    external_key = note("xksKeyId"),
                    peer = self.origin.source_ip.map(tracing::field::display),
                    total_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                )
            };
        }
        match status {
            500.. => line!(tracing::Level::WARN),
            _ => line!(tracing::Level::INFO),
        }
    }
}

/// How many lines about strangers were written.
#[derive(Default)]
pub(crate) struct Strangers {
    /// The second in the upper 32 bits, the lines written in it in the lower.
    spent: AtomicU64,
}

impl Strangers {
    /// A line about a request that nobody signed; beyond the quota it is counted alone.
    pub(crate) fn log(&self, now: Timestamp, request_id: &str, reason: &'static str, peer: Option<IpAddr>) {
        if self.take(now) {
            let peer = peer.map(tracing::field::display);
            tracing::info!(target: TARGET, requestId = request_id, outcome = "failure", reason, peer);
        }
    }

    /// Whether there is room for one more line in this second.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let second = now.as_secs() << 32;
        let spend = |spent: u64| {
            if spent & !0xffff_ffff != second {
                return Some(second | 1);
            }
            (spent & 0xffff_ffff < STRANGERS_LINES_PER_SECOND).then_some(spent + 1)
        };
        self.spent.fetch_update(Relaxed, Relaxed, spend).is_ok()
    }
}
