//! Real clients of AWS KMS against the KMS endpoint of `strongroom dev`, each in a process of its
//! own: what `xtask/kms-clients` holds. They share no code with Strongroom.
//!
//! `fixtures.py` first prepares keys that work and keys that refuse, so that no client disturbs
//! another and all run at once.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use ambient::{Clock as _, SystemClock};
use anyhow::{Context as _, Result, bail, ensure};

use crate::dev_server::{DevServer, Kms};
use crate::{shell, tools};

/// Seconds that a client may take; the slowest takes about 25 on two idle cores, and more on busy ones.
const LIMIT: &str = "300";
/// The status of `timeout` when it had to end the command.
const TIMED_OUT: i32 = 124;
const DIRECTORY: &str = "xtask/kms-clients";

/// The tools that the clients need, installed before any of them runs.
pub(super) struct Tools {
    python: PathBuf,
    aws_cli_1: PathBuf,
    aws_cli_2: PathBuf,
    javascript_modules: PathBuf,
    rust_client: PathBuf,
}

impl Tools {
    /// Installs what is missing and builds the client in Rust.
    pub(super) fn install(python: &Path) -> Result<Self> {
        tools::install_kms_client_packages()?;
        Ok(Self {
            python: python.to_owned(),
            aws_cli_1: python.with_file_name("aws"),
            aws_cli_2: tools::aws_cli_version_2().context("the AWS CLI has gone since it was installed")?,
            javascript_modules: tools::javascript_modules()?,
            rust_client: build_rust_client()?,
        })
    }

    /// Both versions of the AWS CLI.
    pub(super) fn aws_clis(&self) -> [&Path; 2] {
        [&self.aws_cli_1, &self.aws_cli_2]
    }
}

/// The client in Rust is a workspace of its own with its own lock file, built apart: the SDK's
/// features never reach the server's crates.
fn build_rust_client() -> Result<PathBuf> {
    let target = shell::cache()?.join("kms-clients-target");
    let mut command = shell::cargo(["build", "--quiet", "--locked", "--manifest-path"])?;
    command
        .arg(format!("{DIRECTORY}/rust/Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target);
    shell::run(&mut command, "mend what the compiler shows above")?;
    Ok(target.join("debug/kms-client"))
}

/// Prepares the server, then runs all clients.
pub(super) fn run(server: &DevServer, strongroom: &Path, tools: &Tools) -> Result<()> {
    let contract = server.data_dir().join("dev.json");
    let fixtures = Client::python("fixtures", "fixtures.py", &[&contract, strongroom]);
    run_all(server.kms(), tools, &fixtures, clients(tools))
}

/// The AWS CLI and the AWS Encryption SDK against keys in HSM clusters; `told` says which there are.
pub(super) fn run_over_clusters(kms: &Kms, told: &Path, strongroom: &Path, tools: &Tools) -> Result<()> {
    let fixtures = Client::python("fixtures", "cloudhsm_fixtures.py", &[told, strongroom]);
    let clients = vec![
        Client::python("AWS CLI 2", "command_line.py", &[&tools.aws_cli_2]),
        Client::python("AWS CLI 1", "command_line.py", &[&tools.aws_cli_1]),
        Client::python("AWS Encryption SDK", "encryption_sdk.py", &[]),
    ];
    run_all(kms, tools, &fixtures, clients)
}

/// First the fixtures, then the clients, as many at a time as there are processors.
fn run_all(kms: &Kms, tools: &Tools, fixtures: &Client<'_>, clients: Vec<Client<'_>>) -> Result<()> {
    let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
    let scene = Scene {
        kms,
        tools,
        fixtures: temporary.path().join("fixtures.json"),
    };
    scene.run(fixtures)?;
    let mut waiting = clients;
    waiting.reverse();
    let waiting = Mutex::new(waiting);
    let workers = thread::available_parallelism().map_or(2, usize::from).min(4);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    // On its own, so that nothing is locked while the client runs.
                    let next = lock(&waiting).pop();
                    let Some(client) = next else { break };
                    if let Err(error) = scene.run(&client) {
                        lock(&failures).push(format!("{error:#}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    Ok(())
}

/// What is locked here is left whole by every panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slowest first.
fn clients(tools: &Tools) -> Vec<Client<'_>> {
    vec![
        Client::python("AWS CLI 2", "command_line.py", &[&tools.aws_cli_2]),
        Client::python("AWS CLI 1", "command_line.py", &[&tools.aws_cli_1]),
        Client::python("AWS Encryption SDK", "encryption_sdk.py", &[]),
        Client::python("boto3", "boto3_client.py", &[]),
        Client::python("S3 Encryption Client", "s3_encryption_client.py", &[]),
        Client::python("DynamoDB Encryption Client", "dynamodb_encryption_client.py", &[]),
        Client {
            name: "AWS SDK for JavaScript",
            program: Program::Node("javascript/client.cjs"),
            more: Vec::new(),
        },
        Client {
            name: "AWS SDK for Rust",
            program: Program::Own(&tools.rust_client),
            more: Vec::new(),
        },
    ]
}

/// One client's process; the path of the fixtures is its first argument.
struct Client<'t> {
    name: &'static str,
    program: Program<'t>,
    /// Arguments after the fixtures.
    more: Vec<PathBuf>,
}

enum Program<'t> {
    /// A script of `xtask/kms-clients`.
    Python(&'static str),
    /// The same for Node.js.
    Node(&'static str),
    Own(&'t Path),
}

impl Client<'_> {
    fn python(name: &'static str, script: &'static str, more: &[&Path]) -> Self {
        Self {
            name,
            program: Program::Python(script),
            more: more.iter().map(|path| path.to_path_buf()).collect(),
        }
    }
}

/// What every client meets.
struct Scene<'s> {
    kms: &'s Kms,
    tools: &'s Tools,
    fixtures: PathBuf,
}

impl Scene<'_> {
    /// Runs one client to its end and prints what it said, in one piece.
    fn run(&self, client: &Client<'_>) -> Result<()> {
        let begin = SystemClock.moment();
        let mut command = self.command(client)?;
        let output = command
            .output()
            .with_context(|| format!("cannot start `{}`", shell::line(&command)))?;
        let spent = SystemClock.moment().saturating_since(begin);
        let said = String::from_utf8_lossy(&output.stdout);
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        println!("{} ({:.1} s)", said.trim_end(), spent.as_secs_f64());
        match output.status.code() {
            Some(0) => Ok(()),
            Some(TIMED_OUT) => bail!("{} took longer than {LIMIT} s", client.name),
            _ => bail!("{} failed; the lines above name the checks", client.name),
        }
    }

    fn command(&self, client: &Client<'_>) -> Result<Command> {
        let mut command = shell::command("timeout")?;
        command.args(["--kill-after", "5", LIMIT]);
        match client.program {
            Program::Python(script) => command
                .arg(&self.tools.python)
                .arg(format!("{DIRECTORY}/{script}")),
            Program::Node(script) => command
                .env("NODE_PATH", &self.tools.javascript_modules)
                .arg("node")
                .arg(format!("{DIRECTORY}/{script}")),
            Program::Own(path) => command.arg(path),
        };
        command
            .arg(&self.fixtures)
            .args(&client.more)
            .stdin(Stdio::null());
        self.set_environment(&mut command);
        Ok(command)
    }

    /// Where and who, as an application on a developer's machine is told; nothing that this
    /// machine's own AWS settings say.
    fn set_environment(&self, command: &mut Command) {
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("AWS_") || text.to_ascii_lowercase().ends_with("_proxy") {
                command.env_remove(&name);
            }
        }
        let kms = self.kms;
        command
            .env("AWS_ENDPOINT_URL_KMS", &kms.endpoint)
            .env("AWS_ENDPOINT_URL_STS", &kms.endpoint)
            .env("AWS_ENDPOINT_URL_CLOUDTRAIL", &kms.endpoint)
            .env("AWS_REGION", &kms.region)
            .env("AWS_DEFAULT_REGION", &kms.region)
            .env("AWS_ACCESS_KEY_ID", &kms.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &kms.secret_access_key)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // The endpoint keeps AWS's request quotas, five CreateKey a second for one; clients wait
            // and try again, as they do at AWS.
            .env("AWS_RETRY_MODE", "standard")
            .env("AWS_MAX_ATTEMPTS", "8")
            .env("PYTHONDONTWRITEBYTECODE", "1");
    }
}
