//! Software HSMs: tokens of SoftHSM (Debian's) and Kryoptic (which `cargo xtask test` builds), each in
//! a directory of its own.
//!
//! A module finds its tokens through an environment variable when it is initialised, and is one for the
//! whole process. So a test that loads a module itself runs in a process of its own ([`alone`]), and one
//! that starts a process gives it [`SoftwareHsm::environment`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tools of tests: what fails here fails the test"
)]

mod alone;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use alone::alone;
use tempfile::TempDir;

/// The PIN of every token's user.
pub const PIN: &str = "12345678";
/// The PIN of every token's security officer.
pub const SO_PIN: &str = "87654321";

/// Names Kryoptic's module; `cargo xtask test` sets it.
const KRYOPTIC: &str = "STRONGROOM_KRYOPTIC";
const SOFTHSM: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];

/// A PKCS#11 module in software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// SoftHSM 2, an API of 2.40; a token is a directory.
    SoftHsm,
    /// Kryoptic, an API of 3.2; a token is a SQLite database.
    Kryoptic,
}

impl Product {
    /// Both.
    pub const ALL: [Self; 2] = [Self::SoftHsm, Self::Kryoptic];

    /// The module, a shared library.
    ///
    /// # Panics
    /// Says what to do where the module is missing: a test that cannot run must not pass.
    pub fn module(self) -> PathBuf {
        let module = match self {
            Self::SoftHsm => SOFTHSM.iter().map(PathBuf::from).find(|path| path.is_file()),
            Self::Kryoptic => std::env::var_os(KRYOPTIC)
                .map(PathBuf::from)
                .filter(|path| path.is_file()),
        };
        module.unwrap_or_else(|| match self {
            Self::SoftHsm => panic!("SoftHSM is not installed; `cargo xtask test` does that"),
            Self::Kryoptic => panic!(
                "{KRYOPTIC} names no file; `cargo xtask test` builds Kryoptic, sets it, and prints it for \
                 runs by hand"
            ),
        })
    }

    /// The name of its profile in crate `pkcs11`.
    pub const fn profile(self) -> &'static str {
        match self {
            Self::SoftHsm => "softhsm",
            Self::Kryoptic => "kryoptic",
        }
    }

    /// Its environment variable, and the name of the file that it points to.
    const fn configuration(self) -> (&'static str, &'static str) {
        match self {
            Self::SoftHsm => ("SOFTHSM2_CONF", "softhsm2.conf"),
            Self::Kryoptic => ("KRYOPTIC_CONF", "kryoptic.conf"),
        }
    }
}

/// Tokens in a directory. The one that made it removes it when dropped.
pub struct SoftwareHsm {
    product: Product,
    module: PathBuf,
    path: PathBuf,
    _made: Option<TempDir>,
}

impl SoftwareHsm {
    /// Tokens of these labels, each with [`PIN`] and [`SO_PIN`], and a slot with one that was never
    /// initialised.
    pub fn new(product: Product, labels: &[&str]) -> Self {
        Self::of(product, product.module(), labels)
    }

    /// The same with the module at this path.
    pub fn of(product: Product, module: PathBuf, labels: &[&str]) -> Self {
        // In memory where there is such a place: SoftHSM waits for the disk at every key that it makes.
        let directory = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let hsm = Self {
            product,
            module,
            path: directory.path().to_owned(),
            _made: Some(directory),
        };
        fs::create_dir(hsm.tokens()).unwrap();
        let pin = hsm.pin_file();
        fs::write(&pin, PIN).unwrap();
        fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();
        hsm.configure(labels);
        for label in labels {
            hsm.make_token(label);
        }
        hsm
    }

    /// The tokens that another process made; they are its to remove.
    pub fn at(product: Product, path: &Path) -> Self {
        Self {
            product,
            module: product.module(),
            path: path.to_owned(),
            _made: None,
        }
    }

    /// Whose tokens they are.
    pub const fn product(&self) -> Product {
        self.product
    }

    /// The module.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The directory with everything. Room for a test's own files, too.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory with the tokens; moved away, all of them are gone.
    pub fn tokens(&self) -> PathBuf {
        self.path.join("tokens")
    }

    /// A file with [`PIN`] that only its owner may read.
    pub fn pin_file(&self) -> PathBuf {
        self.path.join("pin")
    }

    /// The variable, and its value, that a process needs before it loads the module.
    pub fn environment(&self) -> (&'static str, PathBuf) {
        let (variable, file) = self.product.configuration();
        (variable, self.path.join(file))
    }

    /// Takes a token out. What a running process notices of that is the module's affair.
    pub fn take_away(&self, label: &str) {
        fs::rename(self.token(label), self.away(label)).unwrap();
    }

    /// Puts it back.
    pub fn bring_back(&self, label: &str) {
        fs::rename(self.away(label), self.token(label)).unwrap();
    }

    /// Runs OpenSC's `pkcs11-tool` as the user of a token, for what others do to it; its output.
    pub fn pkcs11_tool(&self, label: &str, arguments: &[&str]) -> String {
        self.run(
            Command::new("pkcs11-tool")
                .arg("--module")
                .arg(&self.module)
                .args(["--token-label", label, "--login", "--pin", PIN])
                .args(arguments),
        )
    }

    /// Makes an AES key of 32 bytes as others would: sensitive, and not extractable. `id` is
    /// hexadecimal.
    pub fn make_key(&self, token: &str, label: &str, id: &str) {
        self.pkcs11_tool(
            token,
            &[
                "--keygen",
                "--key-type",
                "AES:32",
                "--sensitive",
                "--label",
                label,
                "--id",
                id,
            ],
        );
    }

    fn configure(&self, labels: &[&str]) {
        let text = match self.product {
            Product::SoftHsm => format!(
                "directories.tokendir = {}\nlog.level = ERROR\n",
                self.tokens().display()
            ),
            // One slot more, with a token that nobody initialises: SoftHSM has that by itself.
            Product::Kryoptic => labels
                .iter()
                .chain(&["none"])
                .enumerate()
                .map(|(slot, label)| {
                    let database = self.token(label);
                    format!("[[slots]]\nslot = {slot}\ndbtype = \"sqlite\"\ndbargs = {database:?}\n")
                })
                .collect(),
        };
        fs::write(self.environment().1, text).unwrap();
    }

    fn make_token(&self, label: &str) {
        match self.product {
            Product::SoftHsm => {
                let before = self.softhsm_directories();
                self.run(Command::new("softhsm2-util").args([
                    "--init-token",
                    "--free",
                    "--label",
                    label,
                    "--so-pin",
                    SO_PIN,
                    "--pin",
                    PIN,
                ]));
                let made = self
                    .softhsm_directories()
                    .into_iter()
                    .find(|name| !before.contains(name));
                fs::write(self.softhsm_name(label), made.unwrap()).unwrap();
            }
            Product::Kryoptic => {
                let slot = self.kryoptic_slot(label);
                let tool = |arguments: &[&str]| {
                    let mut tool = Command::new("pkcs11-tool");
                    tool.arg("--module").arg(&self.module).args(["--slot", &slot]);
                    self.run(tool.args(["--so-pin", SO_PIN]).args(arguments))
                };
                tool(&["--init-token", "--label", label]);
                tool(&["--init-pin", "--login", "--login-type", "so", "--new-pin", PIN]);
            }
        }
    }

    /// SoftHSM names the directories of tokens itself.
    fn softhsm_directories(&self) -> Vec<String> {
        let entries = fs::read_dir(self.tokens()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn softhsm_name(&self, label: &str) -> PathBuf {
        self.path.join(format!("directory-of-{label}"))
    }

    fn kryoptic_slot(&self, label: &str) -> String {
        let configuration = fs::read_to_string(self.environment().1).unwrap();
        let database = format!("{:?}", self.token(label));
        let place = configuration
            .lines()
            .filter_map(|line| line.strip_prefix("dbargs = "))
            .position(|known| known == database);
        place.unwrap().to_string()
    }

    /// Where the token lies.
    fn token(&self, label: &str) -> PathBuf {
        match self.product {
            Product::SoftHsm => self
                .tokens()
                .join(fs::read_to_string(self.softhsm_name(label)).unwrap()),
            Product::Kryoptic => self.tokens().join(format!("{label}.sql")),
        }
    }

    fn away(&self, label: &str) -> PathBuf {
        self.path.join(format!("away-{label}"))
    }

    fn run(&self, command: &mut Command) -> String {
        let (variable, file) = self.environment();
        let output = command
            .env(variable, file)
            .output()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs it"));
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            said.push_str(&String::from_utf8_lossy(&output.stderr));
            panic!("{command:?}: {said}");
        }
        said
    }
}
