//! The metrics as Prometheus text, format version 0.0.4. All samples of a metric stand together, as
//! the format demands.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::Ordering::Relaxed;

use ambient::Timestamp;
use kms_api::{ErrorName, KeySpec};

use super::{Failure, Histogram, LATENCY_BOUNDS_MS, Metrics, ProxyCall, StoreMetrics, lock};
use crate::trail::TrailCounts;

impl Metrics {
    /// The Prometheus text format, version 0.0.4; days are counted up to `now`.
    pub fn to_prometheus(&self, now: Timestamp, trail: TrailCounts) -> String {
        let mut out = String::with_capacity(8 * 1024);
        // Writing to a String does not fail.
        let _ = Stores(&lock(&self.stores)).write(&mut out, now);
        let _ = self.write_endpoint(&mut out, trail);
        out
    }

    fn write_endpoint(&self, out: &mut String, trail: TrailCounts) -> fmt::Result {
        let requests = "kms_requests_total";
        counter(out, requests, "Authenticated requests by operation and error.")?;
        for ((operation, error), count) in lock(&self.calls).iter() {
            let error = error.map_or("none", ErrorName::as_str);
            writeln!(
                out,
                "{requests}{{operation=\"{operation}\",error=\"{error}\"}} {count}"
            )?;
        }
        let refused = "kms_unauthenticated_requests_total";
        counter(out, refused, "Requests refused at the front door.")?;
        writeln!(out, "{refused} {}", self.unauthenticated.load(Relaxed))?;
        let written = "kms_cloudtrail_records_written_total";
        counter(out, written, "CloudTrail records written to a file.")?;
        writeln!(out, "{written} {}", trail.written)?;
        let lost = "kms_cloudtrail_records_lost_total";
        counter(
            out,
            lost,
            "CloudTrail records lost: too many waited, or the disk failed.",
        )?;
        for (reason, count) in [("queue", trail.lost_to_queue), ("disk", trail.lost_to_disk)] {
            writeln!(out, "{lost}{{reason=\"{reason}\"}} {count}")?;
        }
        Ok(())
    }
}

/// What is known of each custom key store, by its id.
struct Stores<'a>(&'a BTreeMap<Box<str>, StoreMetrics>);

impl Stores<'_> {
    fn write(&self, out: &mut String, now: Timestamp) -> fmt::Result {
        self.write_errors(out)?;
        self.write_latencies(out)?;
        self.write_throttled(out)?;
        self.write_managers(out)?;
        self.write_certificates(out, now)?;
        self.write_credentials(out, now)
    }

    fn each(&self) -> impl Iterator<Item = (&str, &StoreMetrics)> {
        self.0.iter().map(|(id, metrics)| (&**id, metrics))
    }

    fn write_errors(&self, out: &mut String) -> fmt::Result {
        let errors = "XksProxyErrors";
        counter(out, errors, "Exceptions and timeouts of the XKS proxy.")?;
        for (id, metrics) in self.each() {
            for ((call, Failure { kind, exception }), count) in &metrics.errors {
                write!(
                    out,
                    "{errors}{{CustomKeyStoreId=\"{id}\",{call},ErrorType=\"{kind}\","
                )?;
                writeln!(out, "ExceptionName=\"{exception}\"}} {count}")?;
            }
        }
        Ok(())
    }

    fn write_latencies(&self, out: &mut String) -> fmt::Result {
        head(
            out,
            LATENCY,
            "histogram",
            "Milliseconds until the XKS proxy answered.",
        )?;
        for (id, metrics) in self.each() {
            for (call, histogram) in &metrics.latencies {
                histogram.write(out, &format!("CustomKeyStoreId=\"{id}\",{call}"))?;
            }
        }
        Ok(())
    }

    fn write_throttled(&self, out: &mut String) -> fmt::Result {
        let throttle = "ExternalKeyStoreThrottle";
        counter(
            out,
            throttle,
            "Requests refused because a key store's quota was exceeded.",
        )?;
        for (id, metrics) in self.each() {
            for ((operation, spec), count) in &metrics.throttled {
                let spec = spec_label(*spec);
                writeln!(
                    out,
                    "{throttle}{{CustomKeyStoreId=\"{id}\",KmsOperation=\"{operation}\",KeySpec=\"{spec}\"}} {count}"
                )?;
            }
        }
        Ok(())
    }

    fn write_managers(&self, out: &mut String) -> fmt::Result {
        let states = "XksExternalKeyManagerStates";
        gauge(
            out,
            states,
            "External key managers by state, at the last health check.",
        )?;
        for (id, metrics) in self.each() {
            let Some(managers) = metrics.managers else {
                continue;
            };
            for (state, count) in [
                ("Active", managers.active),
                ("Degraded", managers.degraded),
                ("Unavailable", managers.unavailable),
            ] {
                writeln!(
                    out,
                    "{states}{{CustomKeyStoreId=\"{id}\",XksExternalKeyManagerState=\"{state}\"}} {count}"
                )?;
            }
        }
        Ok(())
    }

    fn write_certificates(&self, out: &mut String, now: Timestamp) -> fmt::Result {
        let days = "XksProxyCertificateDaysToExpire";
        gauge(out, days, "Days until the XKS proxy's certificate expires.")?;
        for (id, metrics) in self.each() {
            let Some((name, expires_at)) = &metrics.certificate else {
                continue;
            };
            let (name, left) = (Escaped(name), days_between(now, *expires_at));
            writeln!(
                out,
                "{days}{{CustomKeyStoreId=\"{id}\",CertificateName=\"{name}\"}} {left}"
            )?;
        }
        Ok(())
    }

    fn write_credentials(&self, out: &mut String, now: Timestamp) -> fmt::Result {
        let age = "XksProxyCredentialAge";
        gauge(
            out,
            age,
            "Days since the key store was given its proxy credential.",
        )?;
        for (id, metrics) in self.each() {
            let Some(since) = metrics.credential_since else {
                continue;
            };
            let days = days_between(since, now);
            writeln!(out, "{age}{{CustomKeyStoreId=\"{id}\"}} {days}")?;
        }
        Ok(())
    }
}

/// The labels of a call to a proxy.
impl fmt::Display for ProxyCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KmsOperation=\"{}\",XksOperation=\"{}\",KeySpec=\"{}\"",
            self.purpose.as_str(),
            self.operation.as_str(),
            spec_label(self.key_spec)
        )
    }
}

fn spec_label(spec: Option<KeySpec>) -> &'static str {
    spec.map_or("", KeySpec::as_str)
}

const LATENCY: &str = "XksProxyLatency";

impl Histogram {
    fn write(&self, out: &mut String, labels: &str) -> fmt::Result {
        let bounds = LATENCY_BOUNDS_MS.iter().map(u64::to_string);
        let mut total = 0;
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(self.buckets) {
            total += count;
            writeln!(out, "{LATENCY}_bucket{{{labels},le=\"{bound}\"}} {total}")?;
        }
        let (whole, rest) = (self.sum_us / 1_000, self.sum_us % 1_000);
        writeln!(out, "{LATENCY}_sum{{{labels}}} {whole}.{rest:03}")?;
        writeln!(out, "{LATENCY}_count{{{labels}}} {total}")
    }
}

fn counter(out: &mut String, name: &str, help: &str) -> fmt::Result {
    head(out, name, "counter", help)
}

fn gauge(out: &mut String, name: &str, help: &str) -> fmt::Result {
    head(out, name, "gauge", help)
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}")?;
    writeln!(out, "# TYPE {name} {kind}")
}

/// Whole days from one time to another; 0 if the other comes first.
fn days_between(from: Timestamp, to: Timestamp) -> u64 {
    to.saturating_since(from).as_secs() / 86_400
}

/// A label's value as Prometheus wants it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
