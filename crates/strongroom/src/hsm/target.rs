//! Which HSM and which tokens a command is about.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use hsm::HsmConfig;
use pkcs11::section::TokenSection;
use pkcs11::slots::{self, Flag, ModuleInfo, PublicInfo, SlotToken};
use pkcs11::{Isolation, Pin, Profile, TokenConfig, TokenSelector};

use super::{verdict, worker};
use crate::cli::HsmArgs;
use crate::config::Config;

/// Longest wait for one call, where it is not the speed that is tried: a token may have 100,000 keys.
const PATIENCE: Duration = Duration::from_secs(20);

/// The HSMs that the command line names: of a configuration, or one token of a module.
pub(crate) fn of(args: &HsmArgs) -> anyhow::Result<Vec<HsmConfig>> {
    if let Some(module) = &args.module {
        return Ok(vec![of_module(module, args)?]);
    }
    let Some(file) = &args.config else {
        bail!("name the HSM: --config FILE, or --module PATH");
    };
    let mut all = Config::read(file)?.hsm;
    let shown = file.display();
    if all.is_empty() {
        bail!("{shown} has no [[hsm]]; `strongroom hsm list --module PATH` prints one to start from");
    }
    if let Some(name) = &args.name {
        let names: Vec<_> = all.iter().map(|hsm| hsm.name.clone()).collect();
        all.retain(|hsm| hsm.name == *name);
        if all.is_empty() {
            bail!("{shown} has no [[hsm]] {name:?}; there are: {}", names.join(", "));
        }
    }
    Ok(all)
}

/// A section as the command line says it.
fn of_module(path: &Path, args: &HsmArgs) -> anyhow::Result<HsmConfig> {
    let module = slots::list(path)?;
    let wanted = args.token.as_deref().map(selector).transpose()?;
    let (slot, token) = choose(&module, wanted.as_ref())?;
    let (profile, _) = profile(args.profile.as_deref(), &module, Some(token))?;
    let is_file = Profile::named(&profile).is_none();
    let profile = if is_file && !profile.contains('/') {
        format!("./{profile}")
    } else {
        profile
    };
    let (serial, slot) = if token.serial.is_empty() {
        (None, Some(slot))
    } else {
        (Some(token.serial.clone()), None)
    };
    let token = TokenSection {
        name: name_or(&token.label, "token"),
        label: None,
        serial,
        slot,
        pin_file: args.pin_file.clone(),
        module: None,
        profile: None,
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(HsmConfig::of_one(
        name_or(&file, "module"),
        path.to_owned(),
        profile,
        token,
    ))
}

/// The text, if it can be the name of something here.
fn name_or(text: &str, otherwise: &str) -> String {
    let fits = key_manager::Name::parse(text).is_ok();
    if fits { text } else { otherwise }.to_owned()
}

/// How a token is opened by a command that has time: as the server does, except for the deadline.
pub(crate) fn patient(
    hsm: &HsmConfig,
    token: &TokenSection,
    isolation: Isolation,
) -> anyhow::Result<TokenConfig> {
    let mut config = hsm.token_config(token, Some(&worker::command()))?;
    config.deadline = config.deadline.max(PATIENCE);
    config.isolation = isolation;
    Ok(config)
}

/// Where the server would run the module.
pub(crate) fn isolation(hsm: &HsmConfig) -> anyhow::Result<Isolation> {
    Ok(hsm.isolation.with(Some(&worker::command()))?)
}

/// `--token`: a label, `serial:…` or `slot:…`.
pub(crate) fn selector(text: &str) -> anyhow::Result<TokenSelector> {
    if let Some(serial) = text.strip_prefix("serial:") {
        return Ok(TokenSelector::Serial(serial.to_owned()));
    }
    if let Some(number) = text.strip_prefix("slot:") {
        return match number.parse() {
            Ok(number) => Ok(TokenSelector::Slot(number)),
            Err(_) => bail!("{number:?} is no number of a slot; `strongroom hsm list --module` shows them"),
        };
    }
    Ok(TokenSelector::Label(text.to_owned()))
}

/// The token that was asked for, or the only one that was ever initialised.
pub(crate) fn choose<'m>(
    module: &'m ModuleInfo,
    wanted: Option<&TokenSelector>,
) -> anyhow::Result<(u64, &'m PublicInfo)> {
    let tokens =
        initialised(module).filter(|(slot, token)| wanted.is_none_or(|wanted| token.is(wanted, *slot)));
    let tokens: Vec<_> = tokens.collect();
    match tokens.as_slice() {
        [one] => Ok(*one),
        [] if wanted.is_none() => bail!(
            "the module has no token that was initialised; `strongroom hsm list --module` shows its slots"
        ),
        [] if wanted.is_some_and(|wanted| is_empty(module, wanted)) => {
            bail!("the token there is not initialised; `strongroom hsm list --module` says how that is done")
        }
        [] => bail!(
            "there is no such token; there are: {}",
            names(initialised(module))
        ),
        many => bail!(
            "there is more than one token ({}): name one with --token, by label, serial:SERIAL or slot:NUMBER",
            names(many.iter().copied())
        ),
    }
}

/// Whether what was asked for is a token without content.
fn is_empty(module: &ModuleInfo, wanted: &TokenSelector) -> bool {
    module.slots.iter().any(|slot| match &slot.token {
        Some(SlotToken::Answers(token)) => !token.has(Flag::Initialised) && token.is(wanted, slot.number),
        _ => false,
    })
}

fn initialised(module: &ModuleInfo) -> impl Iterator<Item = (u64, &PublicInfo)> {
    module.slots.iter().filter_map(|slot| match &slot.token {
        Some(SlotToken::Answers(token)) if token.has(Flag::Initialised) => Some((slot.number, &**token)),
        _ => None,
    })
}

fn names<'m>(tokens: impl Iterator<Item = (u64, &'m PublicInfo)>) -> String {
    let name = |(slot, token): (u64, &PublicInfo)| {
        format!("{:?} (serial:{}, slot:{slot})", token.label, token.serial)
    };
    let names: Vec<_> = tokens.map(name).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// A built-in profile, or one in a file; `None` is by the module's own words.
pub(crate) fn profile(
    wanted: Option<&str>,
    module: &ModuleInfo,
    token: Option<&PublicInfo>,
) -> anyhow::Result<(String, Profile)> {
    let built_in = || Profile::names().collect::<Vec<_>>().join(", ");
    let Some(name) = wanted.or_else(|| verdict::profile_of(module, token)) else {
        bail!(
            "no built-in profile fits the words of this module ({}, {}): name one with --profile, of {} or a file",
            module.manufacturer,
            module.description,
            built_in()
        );
    };
    if let Some(profile) = Profile::named(name) {
        return Ok((name.to_owned(), profile));
    }
    let text = fs::read_to_string(name).with_context(|| {
        format!(
            "{name:?} is neither a built-in profile ({}) nor a file",
            built_in()
        )
    })?;
    let profile = Profile::parse(&text).with_context(|| format!("the profile {name} is refused"))?;
    Ok((name.to_owned(), profile))
}

/// The PIN in a file.
pub(crate) fn pin(file: &Path) -> anyhow::Result<Pin> {
    Pin::from_file(file).with_context(|| format!("the PIN file {}", file.display()))
}
