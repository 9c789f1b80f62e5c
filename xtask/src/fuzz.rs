//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, one after another, with executions and
//! coverage of each. Stable toolchains replay the corpus in `cargo test` instead.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::{shell, tools};

/// What to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only these targets (default: all)
    #[arg(long, value_delimiter = ',')]
    targets: Vec<String>,
}

/// Runs the chosen targets; a finding ends the run with its path in the output.
pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen = chosen(&options.targets)?;
    if !shell::succeeds(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])) {
        bail!("libFuzzer needs a nightly toolchain: rustup toolchain install nightly");
    }
    let fuzzer = tools::cargo_fuzz()?;
    let mut rows = Vec::new();
    for target in chosen {
        eprintln!("{target}: {} s", options.seconds);
        let summary = fuzz(&fuzzer, &target, options.seconds)?;
        rows.push((target, summary));
    }
    println!(
        "{:<20} {:>12} {:>9} {:>9}",
        "target", "executions", "coverage", "features"
    );
    for (target, summary) in rows {
        println!(
            "{target:<20} {:>12} {:>9} {:>9}",
            summary.executions, summary.coverage, summary.features
        );
    }
    Ok(())
}

/// The targets: the binaries of `fuzz/libfuzzer`, each of which runs a function of the crate `fuzz`
/// (whose tests hold that none is missing).
fn targets() -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Manifest {
        bin: Vec<Binary>,
    }
    #[derive(Deserialize)]
    struct Binary {
        name: String,
    }
    let path = shell::root()?.join("fuzz/libfuzzer/Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Manifest = toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    Ok(manifest.bin.into_iter().map(|binary| binary.name).collect())
}

fn chosen(asked: &[String]) -> Result<Vec<String>> {
    let mut targets = targets()?;
    if let Some(unknown) = asked.iter().find(|name| !targets.contains(name)) {
        bail!(
            "there is no target `{unknown}`; choose from {}",
            targets.join(", ")
        );
    }
    targets.retain(|name| asked.is_empty() || asked.contains(name));
    Ok(targets)
}

/// Runs one target: new findings of coverage go to a growing corpus outside version control, the
/// checked-in seeds are only read.
fn fuzz(fuzzer: &std::path::Path, target: &str, seconds: u32) -> Result<Summary> {
    let home = shell::root()?.join("fuzz");
    let grown = home.join("libfuzzer/corpus").join(target);
    fs::create_dir_all(&grown).with_context(|| format!("cannot make {}", grown.display()))?;
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]).arg(fuzzer);
    command
        .args(["run", "--fuzz-dir", "libfuzzer", target])
        .arg(&grown)
        .arg(home.join("corpus").join(target));
    command
        .args(["--", "-print_final_stats=1"])
        .arg(format!("-max_total_time={seconds}"));
    // Without CARGO, cargo-fuzz calls the `cargo` of the toolchain that rustup chose above.
    command
        .current_dir(&home)
        .stdin(Stdio::null())
        .env_remove("CARGO");
    command.env("CARGO_TARGET_DIR", shell::cache()?.join("fuzz-target"));
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", shell::line(&command)))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{log}");
        bail!(
            "target {target} failed; the input that did it is named above, add it to fuzz/corpus/{target}/"
        );
    }
    Ok(Summary::read(&log))
}

/// The last words of a libFuzzer run.
#[derive(Default, Debug, PartialEq)]
struct Summary {
    executions: u64,
    coverage: u64,
    features: u64,
}

impl Summary {
    fn read(log: &str) -> Self {
        let mut summary = Self::default();
        for line in log.lines() {
            if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
                summary.executions = count.trim().parse().unwrap_or_default();
            } else if line.starts_with('#') {
                summary.coverage = number_after(line, "cov:").unwrap_or(summary.coverage);
                summary.features = number_after(line, "ft:").unwrap_or(summary.features);
            }
        }
        summary
    }
}

fn number_after(line: &str, label: &str) -> Option<u64> {
    let mut words = line.split_whitespace().skip_while(|word| *word != label);
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read_from_libfuzzers_log() {
        let log = "#2\tINITED cov: 3 ft: 4 corp: 1/1b\n#1048576\tpulse  cov: 213 ft: 870 corp: 90/12Kb\n\
                   #2000000\tDONE   cov: 215 ft: 880 corp: 93/12Kb lim: 4096\n\
                   stat::number_of_executed_units: 2000000\n";
        let expected = Summary {
            executions: 2_000_000,
            coverage: 215,
            features: 880,
        };
        assert_eq!(Summary::read(log), expected);
    }

    #[test]
    fn an_unknown_target_is_refused() {
        assert!(chosen(&["nonsense".to_owned()]).is_err());
        assert_eq!(chosen(&["uris".to_owned()]).unwrap(), ["uris"]);
        assert!(chosen(&[]).unwrap().contains(&"kms_bodies".to_owned()));
    }
}
