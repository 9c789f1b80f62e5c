//! `hsm bench`: operations a second by sessions and size, in this process and in a worker.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use anyhow::Context;
use hsm::HsmConfig;
use pkcs11::section::TokenSection;
use pkcs11::{Isolation, Token};
use serde::Serialize;

use super::load::{Kind, Load, Measured, round};
use super::stop::{Interrupted, Stop};
use super::trial_key::TrialKey;
use super::{files, target, worker};
use crate::cli::picture::{Progress, Style};
use crate::cli::{BenchArgs, Output};
use crate::serve::runtime;

/// Columns of a bar.
const WIDTH: usize = 24;

/// One number of the table.
#[derive(Clone, Debug, Serialize)]
struct Cell {
    hsm: String,
    token: String,
    place: Place,
    sessions: usize,
    operation: Kind,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_us: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_us: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Where the module runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    InProcess,
    Worker,
}

impl Place {
    const fn words(self) -> &'static str {
        match self {
            Self::InProcess => "in process",
            Self::Worker => "in a worker",
        }
    }

    fn isolation(self) -> Isolation {
        match self {
            Self::InProcess => Isolation::InProcess,
            Self::Worker => Isolation::Worker(worker::command()),
        }
    }
}

/// What every part of a measurement needs.
struct Bench<'a> {
    args: &'a BenchArgs,
    places: Vec<Place>,
    /// How long each cell is measured, and how many there are.
    time: Duration,
    count: usize,
    done: Vec<Cell>,
    progress: Progress,
    stop: Stop,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    trial: TrialKey,
}

pub(crate) fn run(args: &BenchArgs, output: Output) -> anyhow::Result<()> {
    let hsms = target::of(&args.hsm)?;
    runtime()?.block_on(bench(args, &hsms, output))
}

async fn bench(args: &BenchArgs, hsms: &[HsmConfig], output: Output) -> anyhow::Result<()> {
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let mut places = vec![Place::InProcess];
    if !args.in_process_only {
        places.push(Place::Worker);
    }
    let tokens: usize = hsms.iter().map(|hsm| hsm.tokens.len()).sum();
    let count = tokens * places.len() * args.sessions.len() * args.sizes.len() * 2;
    let mut bench = Bench {
        args,
        places,
        time: Duration::from_secs(args.seconds).div_f64(count.max(1) as f64),
        count,
        done: Vec::new(),
        progress: Progress::new(!output.is_json()),
        stop: Stop::catch()?,
        trial: TrialKey::new(&*clock, &*random)?,
        clock,
        random,
    };
    let mut measured = Ok(());
    for hsm in hsms {
        for token in &hsm.tokens {
            if measured.is_ok() {
                measured = bench.token(hsm, token).await;
            }
        }
    }
    let cells = std::mem::take(&mut bench.done);
    drop(bench);
    // What was measured before an interruption is worth showing.
    match measured {
        Err(error) if cells.is_empty() || !error.is::<Interrupted>() => Err(error),
        other => {
            output.show(&cells, |cells| text(cells, Style::of_stdout()))?;
            other
        }
    }
}

impl Bench<'_> {
    /// One key for all measurements of a token, made first and destroyed last.
    async fn token(&mut self, hsm: &HsmConfig, config: &TokenSection) -> anyhow::Result<()> {
        files::module(hsm.module(config)?)
            .map_err(|failure| anyhow::anyhow!("{}: {}", failure.what, failure.fix))?;
        let keeper = self.open(hsm, config, Isolation::InProcess, 1).await?;
        let measured = async {
            keeper
                .generate(self.trial.object(false))
                .await
                .context("the token makes no key; `strongroom hsm check` says more")?;
            self.all(hsm, config).await
        };
        let measured = measured.await;
        let removed = self.trial.remove(&keeper).await;
        keeper.close().await;
        measured?;
        removed.with_context(|| {
            let label = self.trial.label();
            format!("the key {label} may be left in the token: remove it with the vendor's tool")
        })
    }

    async fn all(&mut self, hsm: &HsmConfig, config: &TokenSection) -> anyhow::Result<()> {
        for place in self.places.clone() {
            for sessions in self.args.sessions.iter().map(|sessions| usize::from(*sessions)) {
                let token = self.open(hsm, config, place.isolation(), sessions).await?;
                let measured = self.with(hsm, config, &token, (place, sessions)).await;
                token.close().await;
                measured?;
            }
        }
        Ok(())
    }

    async fn with(
        &mut self,
        hsm: &HsmConfig,
        config: &TokenSection,
        token: &Token,
        (place, sessions): (Place, usize),
    ) -> anyhow::Result<()> {
        let selector = self.trial.selector().context("the trial key has no label")?;
        let key = token.find(&selector).await?;
        for bytes in self.args.sizes.iter().map(|size| *size as usize) {
            for kind in [Kind::Encrypt, Kind::Decrypt] {
                self.stop.look()?;
                let what = format!(
                    "{}, {sessions} sessions, {bytes} bytes, {}",
                    place.words(),
                    operation(kind)
                );
                self.progress.at(self.done.len() as f64, self.count as f64, &what);
                let load = Load {
                    token,
                    key: &key,
                    clock: &self.clock,
                    stop: &self.stop,
                    kind,
                    size: bytes,
                    concurrency: sessions,
                    time: self.time,
                };
                let result = load.run().await;
                self.stop.look()?;
                self.done
                    .push(cell((hsm, config), (place, sessions), (kind, bytes), result));
            }
        }
        Ok(())
    }

    async fn open(
        &self,
        hsm: &HsmConfig,
        config: &TokenSection,
        isolation: Isolation,
        sessions: usize,
    ) -> anyhow::Result<Token> {
        let mut opened = target::patient(hsm, config, isolation)?;
        opened.sessions = sessions;
        opened.queue = sessions * 2;
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        Token::open(opened, clock, random).await.with_context(|| {
            format!(
                "{}, token {}: `strongroom hsm check` says what to mend",
                hsm.name, config.name
            )
        })
    }
}

fn cell(
    (hsm, token): (&HsmConfig, &TokenSection),
    (place, sessions): (Place, usize),
    (operation, bytes): (Kind, usize),
    result: Result<Measured, pkcs11::TokenError>,
) -> Cell {
    let (measured, error) = match result {
        Ok(measured) => (Some(measured), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Cell {
        hsm: hsm.name.clone(),
        token: token.name.clone(),
        place,
        sessions,
        operation,
        bytes,
        per_second: measured.map(|measured| measured.rate),
        p50_us: measured.map(|measured| measured.p50.as_micros()),
        p99_us: measured.map(|measured| measured.p99.as_micros()),
        error,
    }
}

const fn operation(kind: Kind) -> &'static str {
    match kind {
        Kind::Encrypt => "encrypt and try",
        Kind::Decrypt => "decrypt",
    }
}

/// A plot for each token, operation and size: a bar for each place and number of sessions.
fn text(cells: &[Cell], style: Style) -> String {
    let best = cells
        .iter()
        .filter_map(|cell| cell.per_second)
        .fold(0.0, f64::max);
    let mut text = String::new();
    let mut plots: Vec<(&str, &str, Kind, usize)> = Vec::new();
    for cell in cells {
        let plot = (cell.hsm.as_str(), cell.token.as_str(), cell.operation, cell.bytes);
        if !plots.contains(&plot) {
            plots.push(plot);
        }
    }
    plots.sort_by_key(|(hsm, token, kind, bytes)| (*hsm, *token, *kind == Kind::Decrypt, *bytes));
    for plot in plots {
        let (hsm, token, kind, bytes) = plot;
        text.push_str(&format!(
            "\n{hsm}, token {token}: {}, {bytes} bytes\n",
            operation(kind)
        ));
        for cell in cells {
            if (cell.hsm.as_str(), cell.token.as_str(), cell.operation, cell.bytes) == plot {
                text.push_str(&line(cell, best, style));
            }
        }
    }
    text
}

fn line(cell: &Cell, best: f64, style: Style) -> String {
    let place = cell.place.words();
    let sessions = cell.sessions;
    let (Some(rate), Some(p50), Some(p99)) = (cell.per_second, cell.p50_us, cell.p99_us) else {
        let error = cell.error.as_deref().unwrap_or_default();
        return format!("  {place:<11} {sessions:>3} sessions  {error}\n");
    };
    let time = |us: u128| round(Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX)));
    format!(
        "  {place:<11} {sessions:>3} sessions {rate:>9.0}/s  {:<WIDTH$}  p50 {:>8}  p99 {:>8}\n",
        style.bar(rate, best, WIDTH),
        time(p50),
        time(p99)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plot_has_a_bar_for_each_measurement() {
        let one = Cell {
            hsm: "luna".to_owned(),
            token: "a".to_owned(),
            place: Place::InProcess,
            sessions: 1,
            operation: Kind::Encrypt,
            bytes: 32,
            per_second: Some(1000.0),
            p50_us: Some(900),
            p99_us: Some(12_000),
            error: None,
        };
        let two = Cell {
            place: Place::Worker,
            sessions: 16,
            per_second: Some(500.0),
            ..one.clone()
        };
        let failed = Cell {
            sessions: 256,
            per_second: None,
            error: Some("no session left".to_owned()),
            ..two.clone()
        };
        let text = text(&[one, two, failed], Style::plain());
        assert!(
            text.contains("luna, token a: encrypt and try, 32 bytes\n"),
            "{text}"
        );
        let bars: Vec<_> = text.lines().map(|line| line.matches('#').count()).collect();
        assert_eq!(bars, [0, 0, WIDTH, WIDTH / 2, 0], "{text}");
        assert!(text.contains("p50  0.90 ms  p99  12.0 ms"), "{text}");
        assert!(text.contains("256 sessions  no session left"), "{text}");
    }
}
