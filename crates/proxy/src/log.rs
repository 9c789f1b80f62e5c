//! The request log: one line for each XKS request (XKS-LOG-01, XKS-MD-02), through `tracing` under
//! the target [`TARGET`].
//!
//! A line has the caller's claims, what was asked, how it ended, and microseconds by stage. It has
//! no type that a plaintext, a ciphertext or a secret could be put into: only what [`Line`] names
//! gets out. Text from outside is escaped to printable ASCII and cut at [`MAX_TEXT_BYTES`], so
//! that nobody forges lines or moves a terminal's cursor.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ambient::Timestamp;
use tracing::Level;
use warden::{RecordId, RecordIdText, Stages};

use crate::metrics::Outcome;

/// The `tracing` target of the request log.
pub const TARGET: &str = "xks";

/// The most bytes of any one text in a line: the longest ARN (XKS-GEN-05) goes in whole.
pub const MAX_TEXT_BYTES: usize = 2048;

/// What ends a text that was cut.
const CUT: &str = "...";

/// Microseconds by stage; 0 where a stage was not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// Until the body was there.
    pub(crate) read: u64,
    /// Key store and signature.
    pub(crate) auth: u64,
    /// The JSON body.
    pub(crate) parse: u64,
    pub(crate) policy: u32,
    pub(crate) crypto: u32,
    pub(crate) record: u32,
    /// From the request's arrival to its answer.
    pub(crate) total: u64,
}

impl Times {
    pub(crate) const fn stages(&mut self, stages: Stages) {
        let Stages {
            policy,
            crypto,
            record,
        } = stages;
        (self.policy, self.crypto, self.record) = (policy, crypto, record);
    }
}

/// What a line says.
pub(crate) struct Line<'a> {
    pub(crate) request_id: Option<&'a str>,
    pub(crate) operation: &'static str,
    pub(crate) kms_operation: Option<&'a str>,
    pub(crate) key_store: Option<&'a str>,
    pub(crate) external_key: Option<&'a str>,
    /// The key behind the external key.
    pub(crate) key: Option<&'a str>,
    pub(crate) credential: Option<&'a str>,
    pub(crate) principal: Option<&'a str>,
    pub(crate) kms_key: Option<&'a str>,
    pub(crate) via_service: Option<&'a str>,
    pub(crate) source_vpc: Option<&'a str>,
    pub(crate) source_vpce: Option<&'a str>,
    pub(crate) listener: &'a str,
    pub(crate) peer: Option<&'a str>,
    /// The durable record of this use.
    pub(crate) record: Option<RecordId>,
    pub(crate) status: u16,
    /// For operators: which check refused, which policy rule denied (XKS-AUTHZ-03).
    pub(crate) reason: Option<&'a str>,
    pub(crate) times: Times,
}

/// The level of a request that was answered so: what the operator has to look into is a warning.
pub(crate) const fn level(status: u16) -> Level {
    match status {
        429 | 500 | 503 => Level::WARN,
        _ => Level::INFO,
    }
}

/// Whether a line of this level would be written by anybody; if not, its texts need not be made.
pub(crate) fn is_enabled(level: Level) -> bool {
    if level == Level::WARN {
        tracing::enabled!(target: TARGET, Level::WARN)
    } else {
        tracing::enabled!(target: TARGET, Level::INFO)
    }
}

impl Line<'_> {
    /// Writes the line.
    pub(crate) fn write(&self, outcome: Outcome) {
        let [
            request_id,
            kms_operation,
            principal,
            kms_key,
            via_service,
            source_vpc,
            source_vpce,
            credential,
            reason,
        ] = [
            self.request_id,
            self.kms_operation,
            self.principal,
            self.kms_key,
            self.via_service,
            self.source_vpc,
            self.source_vpce,
            self.credential,
            self.reason,
        ]
        .map(|text| text.map(printable));
        let error = match outcome {
            Outcome::Success => None,
            other => Some(other.as_str()),
        };
        let Times {
            read,
            auth,
            parse,
            policy,
            crypto,
            record,
            total,
        } = self.times;
        let id = self.record.map(RecordId::text);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET,
                    $level,
                    kmsRequestId = request_id.as_deref(),
                    operation = self.operation,
                    outcome = if error.is_none() { "success" } else { "failure" },
                    error,
                    reason = reason.as_deref(),
                    status = self.status,
                    key_store = self.key_store,
                    external_key = self.external_key,
                    key = self.key,
                    kmsOperation = kms_operation.as_deref(),
                    awsPrincipalArn = principal.as_deref(),
                    kmsKeyArn = kms_key.as_deref(),
                    kmsViaService = via_service.as_deref(),
                    awsSourceVpc = source_vpc.as_deref(),
                    awsSourceVpce = source_vpce.as_deref(),
                    access_key_id = credential.as_deref(),
                    listener = self.listener,
                    peer = self.peer,
                    record = id.as_ref().map(RecordIdText::as_str),
                    read_us = read,
                    auth_us = auth,
                    parse_us = parse,
                    policy_us = policy,
                    crypto_us = crypto,
                    record_us = record,
                    total_us = total,
                )
            };
        }
        if level(self.status) == Level::WARN {
            line!(Level::WARN);
        } else {
            line!(Level::INFO);
        }
    }
}

/// The text as printable ASCII of at most [`MAX_TEXT_BYTES`]: other characters are written as
/// Rust writes them (`\n`, `\u{202e}`), a backslash is doubled, and what is cut ends in `...`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, 0x20..=0x7e) & (byte != b'\\');
    // Without an early exit, so that the compiler looks at 16 bytes at a time.
    if text.len() <= MAX_TEXT_BYTES && text.bytes().fold(true, |all, byte| all & plain(byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(MAX_TEXT_BYTES));
    // Where to cut, should the whole not fit.
    let mut fits = 0;
    for character in text.chars() {
        match character {
            ' '..='~' if character != '\\' => out.push(character),
            _ => out.extend(character.escape_default()),
        }
        if out.len() <= MAX_TEXT_BYTES - CUT.len() {
            fits = out.len();
        }
        if out.len() > MAX_TEXT_BYTES {
            out.truncate(fits);
            out.push_str(CUT);
            break;
        }
    }
    Cow::Owned(out)
}

/// How many lines a second may be spent on requests that nobody signed.
pub(crate) struct Quota {
    per_second: u32,
    /// The second in the upper 32 bits, the lines written in it in the lower.
    spent: AtomicU64,
}

impl Quota {
    pub(crate) const fn new(per_second: u32) -> Self {
        Self {
            per_second,
            spent: AtomicU64::new(0),
        }
    }

    /// Whether there is room for one more line in this second.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let second = now.as_secs() << 32;
        let spend = |spent: u64| {
            if spent & !0xffff_ffff != second {
                return (self.per_second > 0).then_some(second | 1);
            }
            (spent & 0xffff_ffff < u64::from(self.per_second)).then_some(spent + 1)
        };
        self.spent.fetch_update(Relaxed, Relaxed, spend).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_goes_in_as_it_is() {
        let arn = "a".repeat(MAX_TEXT_BYTES);
        assert!(matches!(printable(&arn), Cow::Borrowed(same) if same == arn));
        assert_eq!(printable("AWS Internal"), "AWS Internal");
        assert_eq!(printable(""), "");
    }

    #[test]
    fn what_could_forge_a_line_is_escaped() {
        assert_eq!(printable("a\nb\r\t\u{1b}[2J"), "a\\nb\\r\\t\\u{1b}[2J");
        assert_eq!(printable("\u{202e}\u{85}\u{0}é"), "\\u{202e}\\u{85}\\u{0}\\u{e9}");
        assert_eq!(printable("a\\n"), "a\\\\n");
    }

    #[test]
    fn a_text_is_cut_at_its_exact_limit() {
        let cut = printable(&"a".repeat(MAX_TEXT_BYTES + 1)).into_owned();
        assert_eq!(cut.len(), MAX_TEXT_BYTES);
        assert!(cut.ends_with("a..."));
    }

    #[test]
    fn lines_beyond_the_quota_wait_for_the_next_second() {
        let quota = Quota::new(2);
        let now = Timestamp::from_secs(7);
        assert_eq!([(); 3].map(|()| quota.take(now)), [true, true, false]);
        let next = Timestamp::from_secs(8);
        assert_eq!([(); 3].map(|()| quota.take(next)), [true, true, false]);
        assert!(!Quota::new(0).take(next));
    }

    proptest! {
        #[test]
        fn any_text_becomes_short_printable_ascii(text in any::<String>(), times in 1_usize..400) {
            let text = text.repeat(times);
            let out = printable(&text);
            prop_assert!(out.len() <= MAX_TEXT_BYTES);
            prop_assert!(out.bytes().all(|byte| matches!(byte, 0x20..=0x7e)));
        }
    }
}
