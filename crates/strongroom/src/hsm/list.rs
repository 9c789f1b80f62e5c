//! `hsm list --module`: what a module shows, and what of it can be used.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{SystemClock, SystemRandom};
use crypto::hex;
use pkcs11::slots::{self, Flag, ModuleInfo, PublicInfo, SlotToken};
use pkcs11::{Isolation, KeyObject, OpenError, Requirements, Token, TokenConfig, TokenError};
use serde::Serialize;

use super::files;
use super::steps::Failure;
use super::target;
use super::verdict::{self, Finding};
use crate::cli::output::{counted, table};
use crate::cli::picture::{Mark, Style};
use crate::cli::{ListArgs, Output};
use crate::serve::runtime;

/// Longest wait for the list of a token's keys: it may have 100,000.
const PATIENCE: Duration = Duration::from_secs(60);
/// What to do about a module that does not load or start.
const CANNOT_START: &str = "see that it is the vendor's PKCS#11 library, that `ldd` finds what it needs, and that the vendor's \
    client software is configured and may be used by this user";

#[derive(Serialize)]
struct Report {
    module: String,
    manufacturer: String,
    description: String,
    version: String,
    pkcs11: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    findings: Vec<Finding>,
    slots: Vec<Slot>,
}

#[derive(Serialize)]
struct Slot {
    slot: u64,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<String>,
}

#[derive(Serialize)]
struct TokenReport {
    label: String,
    serial: String,
    manufacturer: String,
    model: String,
    firmware: String,
    initialised: bool,
    usable: bool,
    findings: Vec<Finding>,
    mechanisms: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<Key>>,
}

#[derive(Serialize)]
struct Key {
    label: String,
    id: String,
    bits: usize,
    sensitive: bool,
    extractable: bool,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<&'static str>,
}

pub(crate) fn run(args: &ListArgs, output: &Output) -> anyhow::Result<()> {
    let Some(path) = args.module.as_deref() else {
        return Ok(());
    };
    let path = std::path::absolute(path)?;
    let path = path.as_path();
    files::module(path)?;
    if let Some(file) = &args.pin_file {
        files::pin(file)?;
    }
    let module = slots::list(path).map_err(|error| Failure::new(error.to_string(), CANNOT_START))?;
    if args.profile.is_some() {
        // A name that is none is refused now, not when the server reads it.
        target::profile(args.profile.as_deref(), &module, None)?;
    }
    let guessed = verdict::profile_of(&module, None);
    let profile = args.profile.as_deref().or(guessed);
    let mut report = Report {
        module: path.display().to_string(),
        manufacturer: plain(&module.manufacturer),
        description: plain(&module.description),
        version: module.version.clone(),
        pkcs11: module.cryptoki.clone(),
        profile: profile.map(ToOwned::to_owned),
        findings: verdict::of_interface(&module).into_iter().collect(),
        slots: module.slots.iter().map(|slot| of_slot(slot, profile)).collect(),
    };
    if let Some(file) = &args.pin_file {
        let wanted = args.token.as_deref().map(target::selector).transpose()?;
        let (number, token) = target::choose(&module, wanted.as_ref())?;
        let keys = keys(path, args, file, &module, (number, token))?;
        let slot = report.slots.iter_mut().find(|slot| slot.slot == number);
        if let Some(token) = slot.and_then(|slot| slot.token.as_mut()) {
            token.keys = Some(keys);
        }
    }
    output.show(&report, |report| text(report, Style::of_stdout()))
}

fn of_slot(slot: &slots::SlotInfo, profile: Option<&str>) -> Slot {
    let (token, silent) = match &slot.token {
        None => (None, None),
        Some(SlotToken::Silent(code)) => (None, Some(code.clone())),
        Some(SlotToken::Answers(token)) => (Some(of_token(slot.number, token, profile)), None),
    };
    Slot {
        slot: slot.number,
        description: plain(&slot.description),
        token,
        silent,
    }
}

fn of_token(slot: u64, token: &PublicInfo, profile: Option<&str>) -> TokenReport {
    let findings = verdict::of_token(slot, token, profile);
    TokenReport {
        label: plain(&token.label),
        serial: plain(&token.serial),
        manufacturer: plain(&token.manufacturer),
        model: plain(&token.model),
        firmware: token.firmware_version.clone(),
        initialised: token.has(Flag::Initialised),
        usable: findings.iter().all(|finding| finding.mark != Mark::Failed),
        findings,
        mechanisms: token
            .mechanisms
            .iter()
            .map(|mechanism| mechanism.name.clone())
            .collect(),
        keys: None,
    }
}

/// The secret keys of a token, for which a login is needed.
fn keys(
    path: &Path,
    args: &ListArgs,
    pin_file: &Path,
    module: &ModuleInfo,
    (number, token): (u64, &PublicInfo),
) -> anyhow::Result<Vec<Key>> {
    let (_, profile) = target::profile(args.profile.as_deref(), module, Some(token))?;
    let config = TokenConfig {
        module: path.to_owned(),
        token: pkcs11::TokenSelector::Slot(number),
        pin: Some(target::pin(pin_file)?),
        profile,
        requirements: Requirements::STRICT,
        sessions: 1,
        queue: 1,
        deadline: PATIENCE,
        isolation: Isolation::InProcess,
    };
    let listed = runtime()?.block_on(async {
        let token = Token::open(config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
        let listed = token.list().await;
        token.close().await;
        Ok(listed?)
    });
    let listed = listed.map_err(|error: OpenError| match error {
        OpenError::Token(TokenError::PinRefused) => Failure::new(
            error.to_string(),
            format!(
                "mend {} before anything presents it again: it was presented once, and wrong PINs lock the token",
                pin_file.display()
            ),
        ),
        other => Failure::new(other.to_string(), "`strongroom hsm check` with the same options says what to mend"),
    })?;
    let mut keys: Vec<Key> = listed.iter().map(of_key).collect();
    keys.sort_by(|a, b| (&a.label, &a.id).cmp(&(&b.label, &b.id)));
    mark_namesakes(&mut keys);
    Ok(keys)
}

fn of_key(key: &KeyObject) -> Key {
    let why_not = if !key.is_aes() {
        Some("no AES key")
    } else if !matches!(key.bytes(), 0 | 32) {
        Some("not 256 bits")
    } else if key.is_extractable() {
        Some("extractable")
    } else if !key.is_sensitive() {
        Some("not sensitive")
    } else if !key.can_decrypt() {
        Some("may not decrypt")
    } else {
        None
    };
    Key {
        label: plain(&key.label()),
        id: hex(key.id()),
        bits: key.bytes() * 8,
        sensitive: key.is_sensitive(),
        extractable: key.is_extractable(),
        usable: why_not.is_none(),
        why_not,
    }
}

/// Two keys of one label are refused when they are asked for by it.
fn mark_namesakes(keys: &mut [Key]) {
    let labels: Vec<String> = keys.iter().map(|key| key.label.clone()).collect();
    for key in keys {
        let namesakes = labels.iter().filter(|label| **label == key.label).count();
        if key.usable && namesakes > 1 {
            key.why_not = Some("one of several with this label: adopt it by its id");
        }
    }
}

/// A module's words, fit for a terminal: whoever may name a key could otherwise write what a terminal obeys.
pub(crate) fn plain(words: &str) -> String {
    words.replace(char::is_control, "\u{fffd}")
}

fn text(report: &Report, style: Style) -> String {
    let mut text = format!(
        "{} {} ({}), PKCS#11 {}\n{}\nprofile: {}\n",
        report.manufacturer,
        report.version,
        report.description,
        report.pkcs11,
        report.module,
        report
            .profile
            .as_deref()
            .unwrap_or("none of the built-in ones fits; name one with --profile"),
    );
    text.push_str(&findings(&report.findings, style));
    for slot in &report.slots {
        text.push('\n');
        text.push_str(&slot_text(slot, style));
    }
    if report.slots.is_empty() {
        text.push_str(
            "\nthe module has no slot: is its own configuration in place, and its device reachable?\n",
        );
    }
    text.push_str(&next(report));
    text
}

fn slot_text(slot: &Slot, style: Style) -> String {
    let Some(token) = &slot.token else {
        let why = slot.silent.as_deref().map_or_else(
            || "no token".to_owned(),
            |code| format!("{} its token does not answer: {code}", style.mark(Mark::Failed)),
        );
        return format!("slot {}  {why}\n", slot.slot);
    };
    if !token.initialised {
        return format!(
            "slot {}  an empty token\n{}",
            slot.slot,
            findings(&token.findings, style)
        );
    }
    let verdict = if token.usable { "usable" } else { "NOT usable" };
    let mut text = format!(
        "slot {}  token {:?}, {verdict}\n  {}, {}, firmware {}, serial {}, {}\n",
        slot.slot,
        token.label,
        token.manufacturer,
        token.model,
        token.firmware,
        token.serial,
        counted(token.mechanisms.len() as u64, "mechanism"),
    );
    text.push_str(&findings(&token.findings, style));
    if let Some(keys) = &token.keys {
        text.push('\n');
        text.push_str(&keys_text(keys));
    }
    text
}

fn keys_text(keys: &[Key]) -> String {
    let row = |key: &Key| {
        vec![
            key.label.clone(),
            key.id.clone(),
            if key.bits == 0 {
                "?".to_owned()
            } else {
                key.bits.to_string()
            },
            match (key.usable, key.why_not) {
                (true, None) => "yes".to_owned(),
                (true, Some(but)) => format!("yes, {but}"),
                (false, why) => format!("no: {}", why.unwrap_or_default()),
            },
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    table(
        &["label", "id", "bits", "usable"],
        &rows,
        "no secret keys on it yet",
    )
}

/// A line each, with what to do below.
pub(crate) fn findings(findings: &[Finding], style: Style) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("  {} {}\n", style.mark(finding.mark), finding.what));
        if let Some(fix) = &finding.fix {
            text.push_str(&format!("      -> {fix}\n"));
        }
    }
    text
}

/// What to write into the configuration for the first token that can be used.
fn next(report: &Report) -> String {
    let usable = |slot: &Slot| slot.token.as_ref().is_some_and(|token| token.usable);
    let Some(token) = report
        .slots
        .iter()
        .find(|slot| usable(slot))
        .and_then(|slot| slot.token.as_ref())
    else {
        return String::new();
    };
    format!(
        "\nfor the server's configuration, with a name of your choice:\n\n\
         [[hsm]]\nname = \"hsm\"\nmodule = {module:?}\nprofile = {profile:?}\n\n\
         [[hsm.tokens]]\nname = \"a\"\nserial = {serial:?}\npin_file = \"/etc/strongroom/hsm.pin\"\n",
        module = report.module,
        profile = report.profile.as_deref().unwrap_or("softhsm"),
        serial = token.serial,
    )
}
