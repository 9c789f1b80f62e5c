//! The lines for the server's configuration.

use std::path::Path;

use pkcs11::slots::{self, Flag, SlotToken};

use super::Remark;
use crate::cli::ImportArgs;
use crate::import_sample::settings::{Capabilities, Settings, is_logger};

/// Most sessions that a token may have here.
const MAX_SESSIONS: usize = 256;

pub(super) fn lines(settings: &Settings, args: &ImportArgs, remarks: &mut Vec<Remark>) -> String {
    let mut text = hsm(settings, args, remarks);
    text.push_str(&limits(settings));
    text.push_str(&listener(settings, remarks));
    text.push_str(&probes(settings, remarks));
    text
}

fn hsm(settings: &Settings, args: &ImportArgs, remarks: &mut Vec<Remark>) -> String {
    let module = settings.module();
    if is_logger(&settings.pkcs11.module) {
        let what = "the logger before the vendor's module is left out; Strongroom says itself what fails";
        remarks.push(Remark::lost("pkcs11.PKCS11_HSM_MODULE", what));
    }
    let profile = profile(module, settings.hsm_capabilities, remarks);
    let sessions = settings.pkcs11.session_pool_max_size.clamp(1, MAX_SESSIONS);
    let pin_file = args
        .write_pin_file
        .clone()
        .unwrap_or_else(|| format!("/etc/strongroom/{}.pin", args.hsm).into());
    format!(
        "[[hsm]]\nname = {name:?}\nmodule = {module:?}\nprofile = {profile:?}\nsessions = {sessions}\n\n\
         [[hsm.tokens]]\nname = \"a\"\n{token}\npin_file = {pin_file:?}\n",
        name = args.hsm,
        token = token(module, remarks),
    )
}

/// The sample takes the module's first slot, whatever is in it.
fn token(module: &Path, remarks: &mut Vec<Remark>) -> String {
    let first = slots::list(module)
        .ok()
        .and_then(|module| module.slots.into_iter().next());
    if let Some(slot) = first
        && let Some(SlotToken::Answers(token)) = slot.token
        && token.has(Flag::Initialised)
        && !token.serial.is_empty()
    {
        return format!(
            "serial = {:?}   # {:?}, in the module's first slot",
            token.serial, token.label
        );
    }
    let what = "the sample takes the module's first slot, which could not be seen from here: name its token in \
                [[hsm.tokens]] (`strongroom hsm list --module` shows it)";
    remarks.push(Remark::changed("pkcs11.PKCS11_HSM_MODULE", what));
    "serial = \"FILL IN\"".to_owned()
}

/// By the module's usual name; and what the sample knew of the IV is held against it.
fn profile(module: &Path, capabilities: Capabilities, remarks: &mut Vec<Remark>) -> &'static str {
    let name = module.to_string_lossy().to_lowercase();
    let appends = capabilities.can_generate_iv && !capabilities.is_zero_iv_required;
    let fills = capabilities.can_generate_iv && capabilities.is_zero_iv_required;
    let known = [
        ("softhsm", "softhsm"),
        ("kryoptic", "kryoptic"),
        ("cloudhsm", "cloudhsm"),
        ("cryptoki2", "luna"),
        ("luna", "luna"),
        ("cknfast", "nshield"),
        ("nfast", "nshield"),
        ("cs_pkcs11", "utimaco"),
        ("utimaco", "utimaco"),
    ];
    let product = known
        .into_iter()
        .find_map(|(word, profile)| name.contains(word).then_some(profile));
    let profile = match product {
        Some("luna") if appends => "luna-fips",
        Some(profile) => profile,
        None if appends => "luna-fips",
        None if fills => "cloudhsm",
        None => "softhsm",
    };
    if product.is_none() {
        let what = format!(
            "no built-in profile fits {}; {profile} treats the IV as the sample did. Write one of your own if `hsm \
             check` is not content",
            module.display()
        );
        remarks.push(Remark::changed("hsm_capabilities", what));
    } else if fills && profile != "cloudhsm" {
        let what = format!(
            "the sample let the HSM make the IV in a buffer of zeros; the profile {profile} makes the IV outside. `hsm \
             check` tells whether the HSM takes that; if not, a profile of your own with iv = {{ token-fills-zeroed = 12 }}"
        );
        remarks.push(Remark::changed("hsm_capabilities", what));
    }
    profile
}

/// Limits that the sample set above ours.
fn limits(settings: &Settings) -> String {
    let bytes = |base64: Option<usize>| base64.map(|len| len / 4 * 3).unwrap_or(0).min(65_535);
    let usual = proxy::Settings::default();
    let mut text = String::new();
    let plaintext = bytes(settings.limits.max_plaintext_in_base64);
    if plaintext > usual.max_plaintext_bytes {
        text.push_str(&format!("max_plaintext_bytes = {plaintext}\n"));
    }
    let aad = bytes(settings.limits.max_aad_in_base64);
    if aad > usual.max_aad_bytes {
        text.push_str(&format!("max_aad_bytes = {aad}\n"));
    }
    if text.is_empty() {
        return text;
    }
    format!("\n[proxy]\n{text}")
}

fn listener(settings: &Settings, remarks: &mut Vec<Remark>) -> String {
    let server = &settings.server;
    let ip = if server.ip.contains(':') {
        format!("[{}]", server.ip)
    } else {
        server.ip.clone()
    };
    let mut text = format!(
        "\n[[listeners.xks]]\nname = \"sample\"\naddress = \"{ip}:{}\"\n",
        server.port
    );
    let file = |setting: &str, path: Option<&Path>, remarks: &mut Vec<Remark>| match path {
        Some(path) if path.is_absolute() => format!("{:?}", path.display().to_string()),
        other => {
            let what = match other {
                Some(path) if !path.as_os_str().is_empty() => format!(
                    "{} is relative to the sample's working directory: write its absolute path",
                    path.display()
                ),
                _ => "fill in the file".to_owned(),
            };
            remarks.push(Remark::changed(setting, what));
            "\"FILL IN\"".to_owned()
        }
    };
    if !settings.security.is_tls_enabled {
        let what = "false: the sample spoke plain HTTP behind a load balancer. The XKS Proxy API is HTTPS here: give \
                    the listener a certificate for the host name that AWS KMS calls, and let the load balancer pass \
                    TLS through";
        remarks.push(Remark::lost("security.is_tls_enabled", what));
    }
    let tls = settings.tls.as_ref().filter(|_| settings.security.is_tls_enabled);
    let certificate = file(
        "tls.tls_cert_pem",
        tls.map(|tls| tls.tls_cert_pem.as_path()),
        remarks,
    );
    let key = file(
        "tls.tls_key_pem",
        tls.map(|tls| tls.tls_key_pem.as_path()),
        remarks,
    );
    text.push_str(&format!(
        "tls.certificate_file = {certificate}\ntls.private_key_file = {key}\n"
    ));
    if settings.security.is_mtls_enabled {
        let ca = tls.and_then(|tls| tls.mtls_client_ca_pem.as_deref());
        let ca = file("tls.mtls_client_ca_pem", ca, remarks);
        let name = tls
            .and_then(|tls| tls.mtls_client_dns_name.as_deref())
            .unwrap_or("FILL IN");
        text.push_str(&format!(
            "mtls.ca_files = [{ca}]\nmtls.common_names = [{name:?}]\n"
        ));
        let what = format!(
            "the sample looks for {name:?} among the DNS names of the client's certificate; here it is the subject's \
             common name. That of AWS KMS is cks.kms.{}.amazonaws.com",
            server.region
        );
        remarks.push(Remark::changed("tls.mtls_client_dns_name", what));
    }
    text
}

/// The sample answers `GET /ping`.
fn probes(settings: &Settings, remarks: &mut Vec<Remark>) -> String {
    let server = &settings.server;
    let port = server.port_http_ping.unwrap_or(80);
    let what = "the load balancer's probe is GET /readyz here, not /ping";
    remarks.push(Remark::changed("server.port_http_ping", what));
    if port == server.port {
        return String::new();
    }
    format!(
        "\n[[listeners.health]]\nname = \"ping\"\naddress = \"{}:{port}\"\ndanger_plain_http = true   # as the sample's\n",
        if server.ip.contains(':') {
            format!("[{}]", server.ip)
        } else {
            server.ip.clone()
        }
    )
}
