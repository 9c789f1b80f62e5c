//! The seal in an HSM: unattended start, the start without it, its loss and return, the change to it and
//! from it, on SoftHSM in a worker process.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use http::StatusCode;
use pkcs11_shim::Orders;
use rustix::process::Signal;
use serde_json::Value;
use testkit::hsm::{PIN, Product, SoftwareHsm};

use crate::support::node::{Node, Running};
use crate::support::process::Process;
use crate::support::xks::{Access, Connection};
use crate::support::{command, text};

/// A node whose seal is in SoftHSM, behind the shim.
struct Sealed {
    node: Node,
    hsm: SoftwareHsm,
    module: PathBuf,
    shim: Orders,
}

impl Sealed {
    /// `init` was run. `seal` goes into `[seal.hsm]`.
    fn new(seal: &str) -> Self {
        let sealed = Self::configured(seal);
        let made = sealed.run(&["init", "--config", sealed.config_file().to_str().unwrap()]);
        assert!(made.contains("key object strongroom-seal-"), "{made}");
        assert!(made.contains("Back up the HSM"), "{made}");
        assert!(!sealed.node.path("data/seal.key").exists());
        sealed
    }

    fn configured(seal: &str) -> Self {
        let hsm = SoftwareHsm::new(Product::SoftHsm, &["a", "b"]);
        let module = pkcs11_shim::install(hsm.path(), "shim", &Product::SoftHsm.module()).unwrap();
        let sealed = Self {
            node: Node::without_data(),
            shim: Orders::of(&module).unwrap(),
            module,
            hsm,
        };
        sealed.configure(&sealed.section(seal, &["a"]));
        sealed
    }

    /// `[seal.hsm]` with these tokens.
    fn section(&self, more: &str, tokens: &[&str]) -> String {
        let mut section = format!(
            "[seal.hsm]\nmodule = {:?}\nprofile = \"softhsm\"\n{more}\n",
            self.module
        );
        for token in tokens {
            let pin = self.hsm.pin_file();
            section +=
                &format!("[[seal.hsm.tokens]]\nname = {token:?}\nlabel = {token:?}\npin_file = {pin:?}\n");
        }
        section
    }

    fn configure(&self, seal: &str) {
        let health = "[[listeners.health]]\nname = \"probes\"\naddress = \"127.0.0.1:0\"\n\
                      danger_plain_http = true\n";
        let config = self.node.config("admin", "");
        self.node.configure(&format!("{config}\n{health}\n{seal}"));
    }

    fn config_file(&self) -> PathBuf {
        self.node.path("config.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        let (variable, file) = self.hsm.environment();
        command.env(variable, file);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn serve_command(&self) -> Command {
        self.command(&["serve", "--config", self.config_file().to_str().unwrap()])
    }

    fn serve(&self) -> Running {
        Node::running(self.serve_command())
    }

    /// A start that finds itself sealed; the doors are open.
    fn serve_sealed(&self) -> (Running, Doors, String) {
        let process = Process::spawn(self.serve_command());
        let lines = process.wait_for(|line| line.starts_with("sealed: "));
        let door = |kind: &str| -> SocketAddr {
            let prefix = format!("listening: {kind} ");
            let line = lines.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap();
            line.rsplit_once(" on ").unwrap().1.parse().unwrap()
        };
        let (address, health) = (door("xks"), door("health"));
        assert!(!lines.iter().any(|line| line == "ready"));
        let reason = lines.last().unwrap().clone();
        (Running { process, address }, Doors { health }, reason)
    }

    fn refusal(&self, arguments: &[&str]) -> Value {
        let arguments = self.node.arguments(arguments);
        let output = self
            .command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        serde_json::from_slice(&output.stderr).unwrap()
    }

    /// All tokens, as a running SoftHSM notices.
    fn take_away(&self) {
        fs::rename(self.hsm.tokens(), self.hsm.path().join("all-away")).unwrap();
    }

    fn bring_back(&self) {
        fs::rename(self.hsm.path().join("all-away"), self.hsm.tokens()).unwrap();
    }
}

struct Doors {
    health: SocketAddr,
}

impl Doors {
    /// Status and body of `GET /readyz`, where the reasons are given.
    fn ready(&self) -> (String, Value) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.health).unwrap();
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: probes\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().to_owned();
        (status, serde_json::from_str(body).unwrap())
    }
}

/// The first answer that was not too late: this machine may do much else.
async fn encrypt(access: &Access) -> (StatusCode, String) {
    loop {
        let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
        let (status, answer) = connection.encrypt(access, "one").await.unwrap();
        let error = answer.pointer("/errorName").and_then(Value::as_str);
        if ![StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
            return (status, error.unwrap_or_default().to_owned());
        }
    }
}

/// What everybody is answered while it is sealed.
fn sealed_answer() -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, "InvalidStateException".to_owned())
}

fn served() -> (StatusCode, String) {
    (StatusCode::OK, String::new())
}

/// Asks again until the answer is this one; the test's own limit ends it otherwise.
async fn until(access: &Access, expected: (StatusCode, String)) {
    while encrypt(access).await != expected {
        tokio::task::yield_now().await;
    }
}

fn stop(mut server: Running) {
    server.process.signal(Signal::TERM);
    assert!(server.process.wait_for_end().success());
}

fn kill(mut server: Running) {
    server.process.signal(Signal::KILL);
    server.process.wait_for_end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unattended_start_unseals_by_itself() {
    let sealed = Sealed::new("");
    let server = sealed.serve();
    let mut access = sealed.node.populate(server.address);
    assert_eq!(encrypt(&access).await, served());
    let status = sealed.node.json(&["status"]);
    assert_eq!(text(&status, "/seal/kind"), "hsm");
    assert_eq!(text(&status, "/seal/state"), "unsealed");
    assert_eq!(text(&status, "/seal/tokens/0/name"), "a");
    let roots = sealed.node.json(&["root", "list"]);
    assert_eq!(text(&roots, "/roots/0/seal_kind"), "hsm");
    assert_eq!(text(&roots, "/roots/0/seal_id"), text(&status, "/seal/id"));
    // Its roots are rotated and its seal is changed as any.
    let rotated = sealed.node.json(&["root", "rotate"]);
    sealed
        .node
        .json(&["root", "retire", text(&rotated, "/roots/1/id")]);
    let changed = sealed.node.json(&["seal", "change"]);
    assert_eq!(text(&changed, "/kind"), "hsm");
    assert!(text(&changed, "/place").contains(text(&changed, "/id")));
    assert!(text(&changed, "/previous").contains(text(&status, "/seal/id")));
    stop(server);
    let server = sealed.serve();
    access.address = server.address;
    assert_eq!(encrypt(&access).await, served());
    let status = sealed.node.json(&["status"]);
    assert_eq!(text(&status, "/seal/id"), text(&changed, "/id"));
    stop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_token_is_sealed_until_it_is_there() {
    let away = |sealed: &Sealed| sealed.hsm.take_away("a");
    let back = |sealed: &Sealed| sealed.hsm.bring_back("a");
    sealed_until_it_is_there("the token is gone: connect it", away, back).await;
}

/// SoftHSM does not even start then.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_a_module_that_works_is_sealed_until_it_does() {
    sealed_until_it_is_there(
        "the PKCS#11 module cannot be used",
        Sealed::take_away,
        Sealed::bring_back,
    )
    .await;
}

async fn sealed_until_it_is_there(problem: &str, away: impl Fn(&Sealed), back: impl Fn(&Sealed)) {
    let sealed = Sealed::new("");
    let server = sealed.serve();
    let mut access = sealed.node.populate(server.address);
    stop(server);
    away(&sealed);
    let (server, doors, reason) = sealed.serve_sealed();
    access.address = server.address;
    assert!(reason.contains(problem), "{reason}");
    // Before authentication: a credential that is none is answered the same.
    let mut stranger = access.clone();
    stranger.secret = "another".to_owned();
    for caller in [&access, &stranger] {
        assert_eq!(encrypt(caller).await, sealed_answer());
    }
    let (status, body) = doors.ready();
    assert_eq!(status, "503");
    assert!(text(&body, "/reasons/0").starts_with("sealed: token a"), "{body}");
    let status = sealed.node.json(&["status"]);
    assert_eq!(status.pointer("/ready"), Some(&Value::Bool(false)));
    assert_eq!(text(&status, "/seal/state"), "sealed");
    assert_eq!(text(&status, "/seal/kind"), "hsm");
    assert!(text(&status, "/seal/reason").contains(problem));
    assert!(status.pointer("/node/listeners/0").is_some());
    for refused in [
        &["root", "list"][..],
        &["key", "list"],
        &["seal", "change", "--to", "key-file"],
    ] {
        let refusal = sealed.refusal(refused);
        assert_eq!(text(&refusal, "/error"), "sealed");
        assert!(text(&refusal, "/message").contains(problem));
        assert!(text(&refusal, "/next").contains("strongroom status"));
    }
    back(&sealed);
    server.process.wait_for(|line| line == "ready");
    assert_eq!(encrypt(&access).await, served());
    assert_eq!(doors.ready().0, "200");
    sealed.node.json(&["root", "list"]);
    stop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_hsm_can_be_stopped() {
    let sealed = Sealed::new("");
    sealed.take_away();
    let (server, _, _) = sealed.serve_sealed();
    stop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_seals_itself_when_the_hsm_is_gone_and_comes_back() {
    let sealed = Sealed::new("loss_after = \"300ms\"");
    let server = sealed.serve();
    let access = sealed.node.populate(server.address);
    for _ in 0..2 {
        assert_eq!(encrypt(&access).await, served());
        sealed.take_away();
        until(&access, sealed_answer()).await;
        let status = sealed.node.json(&["status"]);
        assert_eq!(text(&status, "/seal/state"), "sealed");
        assert_eq!(text(&sealed.refusal(&["key", "list"]), "/error"), "sealed");
        sealed.bring_back();
        until(&access, served()).await;
    }
    stop(server);
    let verified = sealed.node.json(&["audit", "verify"]);
    assert_eq!(verified.pointer("/verified"), Some(&Value::Bool(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_to_keep_its_keys_does() {
    let sealed = Sealed::new("loss_after = \"300ms\"\non_loss = \"keep\"");
    let server = sealed.serve();
    let access = sealed.node.populate(server.address);
    sealed.take_away();
    let problem = || {
        let status = sealed.node.json(&["status"]);
        status.pointer("/seal/tokens/0/problem").cloned()
    };
    while problem().is_none() {}
    // Ten more probes fail.
    let before = sealed.shim.calls("C_GetSlotList");
    while sealed.shim.calls("C_GetSlotList") < before + 10 {
        assert_ne!(encrypt(&access).await, sealed_answer());
    }
    until(&access, served()).await;
    stop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_presented_once() {
    let sealed = Sealed::new("");
    let server = sealed.serve();
    let mut access = sealed.node.populate(server.address);
    stop(server);
    fs::write(sealed.hsm.pin_file(), "00000000").unwrap();
    let before = sealed.shim.calls("C_Login");
    let (server, _, reason) = sealed.serve_sealed();
    access.address = server.address;
    assert!(
        reason.contains("was refused, and is not presented again"),
        "{reason}"
    );
    // Until it has tried again a few times: each try logs nothing new, so the store is what tells.
    assert_eq!(encrypt(&access).await, sealed_answer());
    fs::write(sealed.hsm.pin_file(), "11111111").unwrap();
    while sealed.shim.calls("C_Login") < before + 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(encrypt(&access).await, sealed_answer());
    assert_eq!(sealed.shim.calls("C_Login"), before + 2);
    fs::write(sealed.hsm.pin_file(), PIN).unwrap();
    server.process.wait_for(|line| line == "ready");
    assert_eq!(encrypt(&access).await, served());
    assert_eq!(sealed.shim.calls("C_Login"), before + 3);
    stop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_root_is_refused_by_name() {
    let sealed = Sealed::new("");
    let path = sealed.node.path("data/store.db");
    let store = store::Store::open(&path, strongroom::server::MIGRATIONS)
        .await
        .unwrap();
    let row = store
        .query_one("SELECT protected FROM seal_root", &[])
        .await
        .unwrap();
    let mut protected = row.unwrap().blob(0).unwrap().to_vec();
    *protected.last_mut().unwrap() ^= 1;
    let mut transaction = store.begin().await.unwrap();
    transaction
        .execute("UPDATE seal_root SET protected = $1", &[(&protected).into()])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    store.close().await;
    let output = sealed.serve_command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("seal_root") && said.contains("restore the row"),
        "{said}"
    );
}

/// From a key file to the HSM and back, each cut off at another instant, and each finished or undone by
/// the next start.
#[tokio::test(flavor = "multi_thread")]
async fn the_kind_of_seal_is_changed_under_kill_9() {
    let sealed = Sealed::configured("");
    let file = sealed.node.path("data/seal.key");
    let hsm = sealed.section("", &["a", "b"]);
    let both = hsm.replacen(
        "[seal.hsm]",
        &format!("[seal]\nkey_file = {file:?}\n[seal.hsm]"),
        1,
    );
    sealed.configure("");
    sealed.run(&["init", "--config", sealed.config_file().to_str().unwrap()]);
    // Nothing but a key file is configured.
    let server = sealed.serve();
    let mut access = sealed.node.populate(server.address);
    let refused = sealed.refusal(&["seal", "change", "--to", "hsm"]);
    assert_eq!(text(&refused, "/error"), "invalid");
    assert!(text(&refused, "/message").contains("name it in [seal]"));
    kill(server);

    sealed.configure(&both);
    let kind = || text(&sealed.node.json(&["root", "list"]), "/roots/0/seal_kind").to_owned();
    for round in 0..8 {
        let server = sealed.serve();
        access.address = server.address;
        assert_eq!(encrypt(&access).await, served(), "{round}");
        let to = if kind() == "hsm" { "key-file" } else { "hsm" };
        let arguments = sealed.node.arguments(&["seal", "change", "--to", to]);
        let act = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            command(&arguments).output().unwrap()
        });
        // So long does the act have.
        for _ in 0..round * 2 {
            assert_eq!(encrypt(&access).await, served());
        }
        kill(server);
        act.await.unwrap();
    }
    let server = sealed.serve();
    access.address = server.address;
    sealed.node.json(&["seal", "change", "--to", "hsm"]);
    assert_eq!(kind(), "hsm");
    stop(server);

    // The key file is not asked for any more, and a start with it alone says what is missing.
    sealed.configure("");
    let output = sealed.serve_command().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the store is sealed by the hsm"), "{said}");
    assert!(said.contains("no seal of the kind hsm is configured"), "{said}");
    sealed.configure(&hsm);
    let server = sealed.serve();
    access.address = server.address;
    assert_eq!(encrypt(&access).await, served());
    let status = sealed.node.json(&["status"]);
    assert_eq!(status.pointer("/warden/alarms"), Some(&Value::Array(vec![])));
    stop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_with_both_kinds_is_refused_and_check_remarks_it() {
    let sealed = Sealed::configured("");
    let file = sealed.node.path("data/seal.key");
    let both = format!("[seal]\nkey_file = {file:?}\n{}", sealed.section("", &["a"]));
    sealed.configure(&both);
    let config = sealed.config_file().display().to_string();
    let output = sealed.command(&["init", "--config", &config]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("leave one of them"), "{said}");
    let said = sealed.run(&["config", "check", &config]);
    assert!(said.contains("[seal] names a key file and an HSM"), "{said}");
}
