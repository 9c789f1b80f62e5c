//! What a token's own words mean for us: usable or not, and what to do about it.

use pkcs11::slots::{Flag, ModuleInfo, PublicInfo};
use serde::Serialize;

use crate::cli::picture::Mark;

/// One thing found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) mark: Mark,
    pub(crate) what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

impl Finding {
    pub(crate) fn new(mark: Mark, what: impl Into<String>) -> Self {
        Self {
            mark,
            what: what.into(),
            fix: None,
        }
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// The tool with which the administrator of a product does what PKCS#11 users cannot.
pub(crate) fn vendor_tool(profile: Option<&str>) -> &'static str {
    match profile {
        Some("softhsm") => "softhsm2-util",
        Some("luna" | "luna-fips") => "lunacm",
        Some("nshield") => "ppmk or the Security World tools",
        Some("cloudhsm") => "cloudhsm-cli",
        Some("utimaco") => "p11tool2",
        _ => "the vendor's tool (for many modules pkcs11-tool of OpenSC)",
    }
}

/// The built-in profile that fits what a module says of itself.
pub(crate) fn profile_of(module: &ModuleInfo, token: Option<&PublicInfo>) -> Option<&'static str> {
    let mut words = format!("{} {}", module.manufacturer, module.description);
    if let Some(token) = token {
        words.push_str(&format!(" {} {}", token.manufacturer, token.model));
    }
    let words = words.to_lowercase();
    let known = [
        ("softhsm", "softhsm"),
        ("kryoptic", "kryoptic"),
        ("cloudhsm", "cloudhsm"),
        ("cavium", "cloudhsm"),
        ("luna", "luna"),
        ("safenet", "luna"),
        ("chrystoki", "luna"),
        ("nshield", "nshield"),
        ("ncipher", "nshield"),
        ("entrust", "nshield"),
        ("utimaco", "utimaco"),
        ("cryptoserver", "utimaco"),
    ];
    known
        .into_iter()
        .find_map(|(word, profile)| words.contains(word).then_some(profile))
}

/// Whether the interface is of a version that has AES-GCM.
pub(crate) fn of_interface(module: &ModuleInfo) -> Option<Finding> {
    let mut numbers = module.cryptoki.split('.').map(|part| part.parse::<u8>().ok());
    let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next()) else {
        return None;
    };
    // Both ways of writing 2.3: the byte is hundredths.
    let old = major < 2 || (major == 2 && minor < 20 && minor != 3 && minor != 4);
    old.then(|| {
        Finding::new(
            Mark::Note,
            format!(
                "PKCS#11 {} is older than AES-GCM, which came with 2.30",
                module.cryptoki
            ),
        )
        .fix("install a newer module of the vendor if AES-GCM fails")
    })
}

/// Everything that the token's own words decide.
pub(crate) fn of_token(slot: u64, token: &PublicInfo, profile: Option<&str>) -> Vec<Finding> {
    let tool = vendor_tool(profile);
    if !token.has(Flag::Initialised) {
        let init = if profile == Some("softhsm") {
            format!("softhsm2-util --init-token --slot {slot} --label NAME (it asks for both PINs)")
        } else {
            format!("initialise it with {tool}")
        };
        return vec![Finding::new(Mark::Failed, "not initialised").fix(init)];
    }
    let mut findings = pins(token, tool);
    if token.has(Flag::ErrorState) {
        findings.push(
            Finding::new(Mark::Failed, "in an error state: a self-test failed")
                .fix(format!("reset the HSM with {tool}")),
        );
    }
    if token.has(Flag::WriteProtected) {
        findings.push(
            Finding::new(
                Mark::Note,
                "write-protected: keys that exist can be adopted, none created",
            )
            .fix(format!("lift the write protection with {tool} to create keys")),
        );
    }
    findings.extend(mechanisms(token, profile));
    if let Some(most) = token.max_sessions.filter(|most| *most < 8) {
        findings.push(
            Finding::new(Mark::Note, format!("at most {most} sessions"))
                .fix(format!("set sessions = {most} in the [[hsm]]")),
        );
    }
    findings
}

fn pins(token: &PublicInfo, tool: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if token.has(Flag::PinLocked) {
        let fix = format!("the security officer sets it anew with {tool}; then mend pin_file");
        findings.push(Finding::new(Mark::Failed, "the user's PIN is locked").fix(fix));
    } else if !token.has(Flag::UserPinSet) && token.has(Flag::LoginRequired) {
        let fix = format!("the security officer sets it with {tool}");
        findings.push(Finding::new(Mark::Failed, "the user has no PIN yet").fix(fix));
    } else {
        findings.push(Finding::new(Mark::Ok, "initialised, the user has a PIN"));
    }
    if token.has(Flag::PinFinalTry) {
        let fix = "make sure that the PIN is right before anything presents it again";
        findings.push(Finding::new(Mark::Note, "one more wrong PIN locks it").fix(fix));
    } else if token.has(Flag::PinCountLow) {
        let fix = "make sure that the PIN in pin_file is right";
        findings.push(Finding::new(Mark::Note, "a wrong PIN was given since the last login").fix(fix));
    }
    if token.has(Flag::PinToBeChanged) {
        let fix = format!("change it with {tool}");
        findings.push(Finding::new(Mark::Note, "the user's PIN has to be changed").fix(fix));
    }
    if token.has(Flag::PinPad) {
        let fix =
            format!("let a PIN be given by software, or activate the token for unattended use, with {tool}");
        findings.push(Finding::new(Mark::Note, "the PIN is typed on the device").fix(fix));
    }
    findings
}

fn mechanisms(token: &PublicInfo, profile: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match token.mechanism("CKM_AES_GCM") {
        None => {
            let fix = match profile {
                Some("luna" | "luna-fips") => {
                    "update the firmware; AES-GCM has to be allowed by the partition's policies"
                }
                Some("nshield") => "update the firmware or the Security World, which has to allow AES-GCM",
                _ => "update module and firmware; a policy of the HSM may forbid AES-GCM",
            };
            findings.push(Finding::new(Mark::Failed, "no AES-GCM").fix(fix));
        }
        Some(gcm) if !gcm.encrypts => {
            let fix = "a policy of the HSM may forbid it: ask its administrator";
            findings.push(Finding::new(Mark::Failed, "AES-GCM does not encrypt and decrypt here").fix(fix));
        }
        Some(_) => findings.push(Finding::new(Mark::Ok, "AES-GCM")),
    }
    if token
        .mechanism("CKM_AES_KEY_GEN")
        .is_some_and(|made| made.generates)
    {
        findings.push(Finding::new(Mark::Ok, "makes AES keys"));
    } else {
        let fix = "adopt keys that exist: strongroom key adopt";
        findings.push(Finding::new(Mark::Note, "makes no AES keys").fix(fix));
    }
    let wraps = ["CKM_AES_KEY_WRAP", "CKM_AES_KEY_WRAP_PAD"]
        .into_iter()
        .filter(|name| token.mechanism(name).is_some_and(|mechanism| mechanism.wraps))
        .map(|name| name.trim_start_matches("CKM_"))
        .collect::<Vec<_>>();
    if wraps.is_empty() {
        findings.push(Finding::new(
            Mark::Skipped,
            "no AES key wrap: replication = \"wrapping-key\" is not possible here",
        ));
    } else {
        findings.push(Finding::new(
            Mark::Ok,
            format!("wraps keys ({})", wraps.join(", ")),
        ));
    }
    findings
}

#[cfg(test)]
mod tests;
