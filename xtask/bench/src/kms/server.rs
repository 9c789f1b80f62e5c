//! Both sides as they are run in earnest, `strongroom serve` and `strongroom kms serve`, each in a
//! process of its own; only AWS's request quotas are lifted.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

pub(crate) use super::peer::Process;
use crate::machine::Cores;
use crate::server_process::{dev_binary, on_the_servers_core};

/// The proxy and the KMS endpoint on a data directory that `strongroom dev` made, and where the
/// latter listens. Their logs go to files there.
pub(super) fn start(directory: &Path, cores: Option<Cores>) -> Result<(Vec<Process>, SocketAddr)> {
    let file = directory.join("bench-proxy.toml");
    fs::write(&file, proxy_configuration(directory))?;
    let (proxy, behind) = serve(&["serve"], &file, cores)?;
    let file = directory.join("bench-kms.toml");
    fs::write(&file, endpoint_configuration(directory, behind)?)?;
    let (endpoint, address) = serve(&["kms", "serve"], &file, cores)?;
    Ok((vec![endpoint, proxy], address))
}

/// A server with this configuration, and where its first listener is.
fn serve(command: &[&str], configuration: &Path, cores: Option<Cores>) -> Result<(Process, SocketAddr)> {
    serve_with(command, configuration, &[], cores)
}

/// The same with variables in its environment.
pub(crate) fn serve_with(
    command: &[&str],
    configuration: &Path,
    environment: &[(&str, &Path)],
    cores: Option<Cores>,
) -> Result<(Process, SocketAddr)> {
    let log = File::create(configuration.with_extension("log"))?;
    let mut strongroom = Command::new(dev_binary()?);
    strongroom
        .args(command)
        .arg("--config")
        .arg(configuration)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    let child = on_the_servers_core(cores, || strongroom.spawn().context("cannot start strongroom"))?;
    let mut process = Process::new(child);
    let output = process.take_output().context("the child has no output")?;
    let address = listening(output)
        .with_context(|| format!("its log is {}", configuration.with_extension("log").display()))?;
    Ok((process, address))
}

/// From lines such as `listening: kms bench on 127.0.0.1:4711`, up to `ready`.
fn listening(output: impl Read) -> Result<SocketAddr> {
    let mut first = None;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if line == "ready" {
            return first.context("it listens nowhere");
        }
        let address = line
            .rsplit_once(" on ")
            .and_then(|(_, address)| address.parse().ok());
        first = first.or(address);
    }
    bail!("strongroom ended before it was ready");
}

fn proxy_configuration(directory: &Path) -> String {
    format!(
        "data_dir = {}\n[[listeners.xks]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\n\
         tls.certificate_file = {}\ntls.private_key_file = {}\n",
        quoted(directory),
        quoted(&directory.join("server.pem")),
        quoted(&directory.join("server.key")),
    )
}

fn endpoint_configuration(directory: &Path, proxy: SocketAddr) -> Result<String> {
    let contract: Value = serde_json::from_slice(&fs::read(directory.join("dev.json"))?)?;
    let uri = contract
        .pointer("/kms/xks_proxy_uri_endpoint")
        .and_then(Value::as_str)
        .context("dev.json does not name the proxy's endpoint")?;
    Ok(format!(
        "data_dir = {}\n[[listeners]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\n\
         [kms.quotas]\ncustom_key_store_requests_per_second = 1000000\n\
         cryptographic_requests_per_second = 1000000\n\
         [[kms.key_stores.proxies.routes]]\nhost = {}\naddress = \"{proxy}\"\nca_file = {}\n",
        quoted(&directory.join("kms")),
        json!(uri.trim_start_matches("https://")),
        quoted(&directory.join("ca.pem")),
    ))
}

/// A string of TOML, which JSON's are.
pub(crate) fn quoted(path: &Path) -> Value {
    json!(path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_listeners_address_is_told_before_ready() {
        let said = "listening: kms bench on 127.0.0.1:4711\nlistening: admin admin on unix:/x\nready\n";
        let expected = SocketAddr::from(([127, 0, 0, 1], 4711));
        assert_eq!(listening(said.as_bytes()).unwrap(), expected);
        assert!(listening(&b"listening: kms bench on 127.0.0.1:4711\n"[..]).is_err());
        assert!(listening(&b"ready\n"[..]).is_err());
    }
}
