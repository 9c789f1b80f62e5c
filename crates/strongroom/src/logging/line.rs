//! Formats one event as one line, straight into bytes.
//!
//! A line for every request is written on the request path, so its cost counts: this layer writes
//! a request's 25 fields in about a microsecond, a fraction of what the general formatters take.

use std::cell::RefCell;
use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::sync::Arc;

use ambient::{Clock, Timestamp};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{LogFormat, LogWriter};

/// Longer lines are rare; their buffer is given back.
const KEPT_BUFFER_BYTES: usize = 8 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static SECOND: RefCell<Second> = const { RefCell::new(Second { secs: u64::MAX, text: String::new() }) };
}

/// The date and time of the second last written by this thread.
struct Second {
    secs: u64,
    /// RFC 3339 up to the second: `2026-11-21T08:09:10`.
    text: String,
}

/// Writes events as lines. Nothing here uses spans, so they are not kept.
pub(super) struct Lines {
    /// The level of our own crates, by the first part of an event's target.
    pub(super) ours: &'static [&'static str],
    pub(super) level: LevelFilter,
    pub(super) format: LogFormat,
    pub(super) writer: LogWriter,
    pub(super) clock: Arc<dyn Clock>,
}

impl Lines {
    /// Of others' libraries only what may need somebody.
    fn level_of(&self, target: &str) -> LevelFilter {
        let first = target.split("::").next().unwrap_or(target);
        if self.ours.contains(&first) {
            self.level
        } else {
            self.level.min(LevelFilter::WARN)
        }
    }
}

impl Subscriber for Lines {
    /// Asked once for each place in the code that logs.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level_of(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let now = self.clock.now();
        BUFFER.with(|buffer| {
            // An event inside the formatting of another one is written with a buffer of its own.
            let mut own = Vec::new();
            let mut kept = buffer.try_borrow_mut();
            let line = kept.as_deref_mut().unwrap_or(&mut own);
            line.clear();
            match self.format {
                LogFormat::Json => json(line, event, now),
                LogFormat::Human => human(line, event, now),
            }
            self.writer.line(line);
            line.shrink_to(KEPT_BUFFER_BYTES);
        });
    }
}

fn json(line: &mut Vec<u8>, event: &Event<'_>, now: Timestamp) {
    let metadata = event.metadata();
    line.extend_from_slice(b"{\"timestamp\":\"");
    timestamp(line, now);
    line.extend_from_slice(b"\",\"level\":\"");
    line.extend_from_slice(metadata.level().as_str().as_bytes());
    line.extend_from_slice(b"\",\"target\":\"");
    escape(line, metadata.target());
    line.push(b'"');
    let format = LogFormat::Json;
    event.record(&mut Fields { line, format });
    line.extend_from_slice(b"}\n");
}

fn human(line: &mut Vec<u8>, event: &Event<'_>, now: Timestamp) {
    let metadata = event.metadata();
    timestamp(line, now);
    // Writing to a Vec does not fail, here and below.
    let _ = write!(line, " {:>5} ", metadata.level());
    escape(line, metadata.target());
    line.push(b':');
    let format = LogFormat::Human;
    event.record(&mut Fields { line, format });
    line.push(b'\n');
}

fn timestamp(line: &mut Vec<u8>, now: Timestamp) {
    SECOND.with_borrow_mut(|second| {
        if second.secs != now.as_secs() {
            second.secs = now.as_secs();
            second.text = now.to_string();
            second.text.truncate("2026-11-21T08:09:10".len());
        }
        line.extend_from_slice(second.text.as_bytes());
    });
    let mut micros = *b".000000Z";
    let mut rest = now.as_micros() % 1_000_000;
    for place in micros.iter_mut().skip(1).take(6).rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    line.extend_from_slice(&micros);
}

/// Decimal digits without the formatting machinery.
fn decimal(line: &mut Vec<u8>, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    line.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// Appends text so that it stays inside its quotes and on its line: JSON's escapes, and `\uXXXX`
/// for every control and formatting character, which also keeps terminals safe.
fn escape(line: &mut Vec<u8>, text: &str) {
    let plain = |byte: u8| matches!(byte, 0x20..=0x7e) & (byte != b'"') & (byte != b'\\');
    // Without an early exit, so that the compiler looks at 16 bytes at a time; some 900 go through
    // here for each request.
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    let mut encoded = [0; 4];
    for character in text.chars() {
        match character {
            '"' | '\\' => line.extend_from_slice(&[b'\\', character as u8]),
            '\n' => line.extend_from_slice(b"\\n"),
            ' '..='~' => line.push(character as u8),
            _ if character.is_alphanumeric() => {
                line.extend_from_slice(character.encode_utf8(&mut encoded).as_bytes());
            }
            _ => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        }
    }
}

/// Takes formatted text and escapes it.
struct Escaping<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// Writes an event's fields.
struct Fields<'a> {
    line: &'a mut Vec<u8>,
    format: LogFormat,
}

impl Fields<'_> {
    fn key(&mut self, field: &Field) {
        let (before, after): (&[u8], &[u8]) = match self.format {
            LogFormat::Json => (b",\"", b"\":"),
            LogFormat::Human => (b" ", b"="),
        };
        self.line.extend_from_slice(before);
        self.line.extend_from_slice(field.name().as_bytes());
        self.line.extend_from_slice(after);
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.key(field);
        self.line.push(b'"');
        escape(self.line, value);
        self.line.push(b'"');
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.key(field);
        decimal(self.line, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.key(field);
        let _ = write!(self.line, "{value}");
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.key(field);
        self.line
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // For people, the message stands without a name, and what quotes itself is not quoted again.
        let quote: &[u8] = match self.format {
            LogFormat::Json => b"\"",
            LogFormat::Human => b"",
        };
        if self.format == LogFormat::Human && field.name() == "message" {
            self.line.push(b' ');
        } else {
            self.key(field);
        }
        self.line.extend_from_slice(quote);
        let _ = write!(Escaping(self.line), "{value:?}");
        self.line.extend_from_slice(quote);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::ManualClock;
    use std::io;
    use std::sync::mpsc::{Sender, channel};

    struct Sink(Sender<Vec<u8>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(format: LogFormat, events: impl FnOnce()) -> String {
        let (sender, written) = channel();
        let writer = LogWriter::spawn(Sink(sender), 1 << 16).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_715_774_400_000_042)));
        let lines = Lines {
            ours: &["xks"],
            level: LevelFilter::INFO,
            format,
            writer: writer.clone(),
            clock,
        };
        tracing::subscriber::with_default(lines, events);
        writer.close();
        String::from_utf8(written.try_iter().flatten().collect()).unwrap()
    }

    fn some_events() {
        let evil = "a\"b\\c\nd\u{1b}[2J\u{202e}é\u{1f600}";
        tracing::info!(target: "xks", evil, absent = None::<&str>, n = u64::MAX, zero = 0_u32, "two {}", "words");
        tracing::warn!(target: "xks", error = ?evil, address = %"192.0.2.1", below = -1, yes = true);
    }

    #[test]
    fn json_lines_are_json_whatever_is_in_them() {
        let text = lines(LogFormat::Json, some_events);
        let parsed: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [first, second] = parsed.as_slice() else {
            panic!("{text}")
        };
        assert_eq!(first["timestamp"], "2024-05-15T12:00:00.000042Z");
        assert_eq!(first["level"], "INFO");
        assert_eq!(first["target"], "xks");
        assert_eq!(first["message"], "two words");
        assert_eq!(first["evil"], "a\"b\\c\nd\u{1b}[2J\u{202e}é\u{1f600}");
        assert_eq!(first["n"], u64::MAX);
        assert_eq!(first["zero"], 0);
        assert_eq!(first.get("absent"), None);
        assert_eq!(second["address"], "192.0.2.1");
        assert_eq!(second["below"], -1);
        assert_eq!(second["yes"], true);
    }

    #[test]
    fn others_are_heard_from_warn_on() {
        let text = lines(LogFormat::Json, || {
            tracing::debug!(target: "xks", "too fine");
            tracing::info!(target: "xks::part", "ours");
            tracing::info!(target: "hyper::proto", "theirs");
            tracing::warn!(target: "hyper::proto", "trouble");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("ours") && text.contains("trouble"), "{text}");
    }

    #[test]
    fn lines_for_people_stay_lines() {
        let text = lines(LogFormat::Human, some_events);
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.starts_with("2024-05-15T12:00:00.000042Z  INFO xks:"),
            "{text}"
        );
        assert!(text.contains(" two words"), "{text}");
        assert!(
            text.contains(r#" evil="a\"b\\c\nd\u001b[2J\u202eé\ud83d\ude00" n=18446744073709551615 zero=0"#),
            "{text}"
        );
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    }
}
