//! What the build and the tests need from the operating system, on Debian and its relatives.

mod aws_cli;
mod postgresql;

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

pub(crate) use aws_cli::version_2 as aws_cli_version_2;

/// A program, how to see that it is there and good enough, and the Debian packages that bring it.
struct Need {
    what: &'static str,
    present: fn() -> bool,
    packages: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler",
        present: || runs("cc", "--version"),
        packages: &["gcc", "libc6-dev"],
    },
    Need {
        what: "a C++ compiler",
        present: || runs("c++", "--version"),
        packages: &["g++"],
    },
    Need {
        what: "make",
        present: || runs("make", "--version"),
        packages: &["make"],
    },
    Need {
        what: "curl 7.75 or newer (it signs: --aws-sigv4)",
        present: curl_signs,
        packages: &["curl", "ca-certificates"],
    },
    Need {
        what: "openssl",
        present: || runs("openssl", "version"),
        packages: &["openssl"],
    },
    Need {
        what: "Python 3 with venv",
        present: python_has_venv,
        packages: &["python3", "python3-venv"],
    },
    Need {
        what: "PostgreSQL's server (tests start their own)",
        present: || postgresql::is_installed(),
        packages: &[postgresql::PACKAGE],
    },
    Need {
        what: "SoftHSM 2 (the PKCS#11 module of the tests)",
        present: || runs("softhsm2-util", "--version"),
        packages: &["softhsm2"],
    },
    Need {
        what: "OpenSC's pkcs11-tool (makes tokens and keys as others do)",
        // pkcs11-tool itself ends with an error whatever it is asked, unless it finds a card reader.
        present: || runs("opensc-tool", "--version"),
        packages: &["opensc"],
    },
];

/// What building Kryoptic needs besides; nothing of it is asked for once it is built.
const KRYOPTIC_NEEDS: &[Need] = &[
    Need {
        what: "pkg-config",
        present: || runs("pkg-config", "--version"),
        packages: &["pkg-config"],
    },
    Need {
        what: "OpenSSL 3 with its headers",
        present: || shell::succeeds(Command::new("pkg-config").args(["--atleast-version=3", "openssl"])),
        packages: &["libssl-dev"],
    },
    Need {
        what: "SQLite with its headers",
        present: || shell::succeeds(Command::new("pkg-config").args(["--exists", "sqlite3"])),
        packages: &["libsqlite3-dev"],
    },
    Need {
        what: "libclang with its headers (bindgen reads C with it)",
        present: libclang_is_there,
        packages: &["libclang-dev"],
    },
];

/// What the clients of the KMS endpoint need besides.
const KMS_CLIENT_NEEDS: &[Need] = &[
    Need {
        what: "version 2 of the AWS CLI",
        present: || aws_cli::version_2().is_some(),
        packages: &["awscli"],
    },
    Need {
        what: "Node.js 18 or newer",
        present: node_is_new_enough,
        packages: &["nodejs"],
    },
    Need {
        what: "npm",
        present: || runs("npm", "--version"),
        packages: &["npm"],
    },
    // For the script of docs/tutorials/ci.md.
    Need {
        what: "jq",
        present: || runs("jq", "--version"),
        packages: &["jq"],
    },
];

/// What AWS's test client needs besides.
const XKS_TEST_CLIENT_NEEDS: &[Need] = &[
    Need {
        what: "jq",
        present: || runs("jq", "--version"),
        packages: &["jq"],
    },
    Need {
        what: "xxd",
        present: || runs("xxd", "-v"),
        packages: &["xxd"],
    },
    Need {
        what: "uuidgen",
        present: || runs("uuidgen", "--version"),
        packages: &["uuid-runtime"],
    },
];

/// Installs what is missing; does nothing and says nothing when all is there.
///
/// # Errors
/// Names what is missing where there is no `apt-get`, or no right to use it.
pub(crate) fn install_packages() -> Result<()> {
    install(NEEDS)
}

/// The same for the clients of the KMS endpoint.
pub(crate) fn install_kms_client_packages() -> Result<()> {
    install(KMS_CLIENT_NEEDS)
}

/// The same for building Kryoptic.
pub(crate) fn install_kryoptic_packages() -> Result<()> {
    install(KRYOPTIC_NEEDS)
}

/// The same for AWS's test client.
pub(crate) fn install_xks_test_client_packages() -> Result<()> {
    install(XKS_TEST_CLIENT_NEEDS)
}

fn install(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing
        .iter()
        .map(|need| need.what)
        .collect::<Vec<_>>()
        .join(", ");
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages.iter().copied())
        .collect();
    let list = packages.join(" ");
    if !runs("apt-get", "--version") {
        bail!("missing: {names}. This is no Debian; install the equivalent of: {list}");
    }
    println!("installing {list}");
    apt_get(&["update", "-qq"], &[], &list)?;
    let install = || {
        apt_get(
            &["install", "-qq", "-y", "--no-install-recommends"],
            &packages,
            &list,
        )
    };
    if packages.contains(&postgresql::PACKAGE) {
        postgresql::without_a_cluster_of_the_system(install)?;
    } else {
        install()?;
    }
    let still: Vec<&str> = missing
        .iter()
        .filter(|need| !(need.present)())
        .map(|need| need.what)
        .collect();
    if !still.is_empty() {
        bail!(
            "still missing after installing {list}: {}; install it by hand",
            still.join(", ")
        );
    }
    Ok(())
}

fn apt_get(arguments: &[&str], packages: &[&str], list: &str) -> Result<()> {
    let Some(mut command) = as_root("apt-get") else {
        bail!("needed and not to be installed without root or sudo; as root: apt-get install {list}");
    };
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(arguments)
        .args(packages);
    shell::run(
        &mut command,
        &format!("as root: apt-get update && apt-get install {list}"),
    )
}

/// `program` as root: directly, or through `sudo` if there is one.
fn as_root(program: &str) -> Option<Command> {
    if rustix::process::geteuid().is_root() {
        return Some(Command::new(program));
    }
    runs("sudo", "--version").then(|| {
        let mut sudo = Command::new("sudo");
        sudo.arg(program);
        sudo
    })
}

fn runs(program: &str, argument: &str) -> bool {
    shell::succeeds(Command::new(program).arg(argument))
}

fn python_has_venv() -> bool {
    shell::succeeds(Command::new(python()).args(["-c", "import venv, ensurepip"]))
}

/// The Python that makes the virtual environment; `PYTHON` overrides it.
pub(crate) fn python() -> String {
    env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Where Debian or Fedora has it, or where its user says it is.
fn libclang_is_there() -> bool {
    env::var_os("LIBCLANG_PATH").is_some()
        || fs::exists("/usr/lib64/libclang.so").unwrap_or(false)
        || fs::read_dir("/usr/lib").is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.path().join("lib/libclang.so").exists())
        })
}

fn node_is_new_enough() -> bool {
    shell::read(Command::new("node").arg("--version"), "")
        .is_ok_and(|text| node_major(&text).is_some_and(|major| major >= 18))
}

/// The major version of `v18.20.4`.
fn node_major(text: &str) -> Option<u32> {
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn curl_signs() -> bool {
    shell::read(Command::new("curl").arg("--version"), "")
        .is_ok_and(|text| curl_version(&text) >= Some((7, 75)))
}

/// Major and minor version from the first line of `curl --version`.
fn curl_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curl_versions_compare_as_numbers() {
        assert_eq!(
            curl_version("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1"),
            Some((7, 88))
        );
        assert!(curl_version("curl 8.5.0") > Some((7, 75)));
        assert!(curl_version("curl 7.9.8") < Some((7, 75)));
        assert!(curl_version("not curl") < Some((7, 75)));
    }

    #[test]
    fn nodes_major_version_is_a_number() {
        assert_eq!(node_major("v18.20.4\n"), Some(18));
        assert_eq!(node_major("v20.1"), Some(20));
        assert_eq!(node_major("18"), None);
    }

    #[test]
    fn nothing_is_installed_when_everything_is_there() {
        let there = Need {
            what: "x",
            present: || true,
            packages: &["no-such-package"],
        };
        assert!(install(&[there]).is_ok());
    }
}
