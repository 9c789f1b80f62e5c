//! The warden over a real store, a real keyring, real virtual HSMs and a real log on a simulated
//! disk. Only the key managers' outermost edge can be scripted (`scripted.rs`).

mod blocks;
mod credentials;
mod deadlines;
mod deletion;
mod health;
mod records;
mod recovery;
mod refusals;
mod roots_of_store;
mod round_trip;
mod scripted;
mod settling;
mod sql;
mod tampering;
mod tenancy;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ambient::{Clock, CountingRandom, ManualClock, Moment, SeededRandom, Timestamp};
use audit::{Log, LogConfig, Medium, Reader, SpareState};
use crypto::SecretBytes;
use key_manager::KeyUsage;
use seal::{KeyFile, SealFile, SealSource, roots};
use serde_json::Value as Json;
use store::Store;
use tempfile::TempDir;
use testkit::disk::SimulatedDisk;
use virtual_hsm::VirtualHsms;

use self::scripted::{Script, Scripted};
use crate::{
    Actor, Caller, EncryptOutput, Evidence, Failure, FailureKind, NewBinding, NewCredential, NewKeyStore,
    Parts, Role, Settings, StartError, Warden,
};

const START: u64 = 1_800_000_000;
const SECRET: &[u8] = b"a secret of forty-three characters or so...";

/// Everything that outlives a process: database, log, seal; and what a test turns.
struct World {
    directory: Arc<TempDir>,
    database: PathBuf,
    disk: SimulatedDisk,
    /// The seal's key file.
    seal: PathBuf,
    random: Arc<CountingRandom<SeededRandom>>,
    clock: Arc<ManualClock>,
    script: Arc<Script>,
    settings: Settings,
    log: LogConfig,
}

/// A process.
struct Running {
    warden: Arc<Warden>,
    store: Store,
    clock: Arc<ManualClock>,
}

fn admin() -> Actor {
    actor(Role::Admin)
}

fn actor(role: Role) -> Actor {
    Actor {
        name: format!("the {role}"),
        uid: 1000,
        role,
    }
}

fn key_store(name: &str) -> NewKeyStore {
    NewKeyStore {
        name: name.to_owned(),
        path_prefix: format!("/{name}"),
        region: None,
        listeners: None,
        common_names: None,
    }
}

fn binding(external_key_id: &str, key: &str) -> NewBinding {
    NewBinding {
        external_key_id: external_key_id.to_owned(),
        key: key.to_owned(),
        principals: None,
        foreign_keys: None,
    }
}

fn credential(access_key_id: &str) -> NewCredential {
    NewCredential {
        access_key_id: access_key_id.to_owned(),
        secret: SecretBytes::from(SECRET.to_vec()),
        expires: None,
    }
}

/// The store takes constants only.
fn leak(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}

async fn open_store(path: &Path) -> Store {
    let all = [roots::MIGRATIONS, virtual_hsm::MIGRATIONS, crate::MIGRATIONS];
    Store::open(path, &all).await.unwrap()
}

/// The seal's key file, and those beside it, under another name.
fn copy_of_seal(path: &Path, number: u32) -> PathBuf {
    let name = path.file_name().unwrap().to_str().unwrap();
    let copy = path.with_file_name(format!("copy-{number}.key"));
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let other = entry.unwrap().path();
        let end = other.file_name().unwrap().to_str().unwrap().strip_prefix(name);
        if let Some(end) = end.filter(|end| end.is_empty() || end.starts_with(['.'])) {
            std::fs::copy(&other, format!("{}{end}", copy.display())).unwrap();
        }
    }
    copy
}

impl World {
    async fn new() -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let random = Arc::new(CountingRandom::new(SeededRandom::new(42)));
        let seal_path = directory.path().join("seal.key");
        let seal = KeyFile::create(&seal_path, random.as_ref()).unwrap();
        let database = directory.path().join("db");
        let store = open_store(&database).await;
        let now = Timestamp::from_secs(START);
        let mut transaction = store.begin().await.unwrap();
        roots::create_first(&mut transaction, &seal, random.as_ref(), now)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        store.close().await;
        let day = Duration::from_hours(24);
        Self {
            directory,
            database,
            disk: SimulatedDisk::new(),
            seal: seal_path,
            random,
            clock: Arc::new(ManualClock::at(now)),
            script: Arc::default(),
            // Whatever happens by itself, the tests make happen.
            settings: Settings {
                probe_interval: day,
                last_use_interval: day,
                refusal_interval: day,
                deletion_interval: day,
                ..Settings::default()
            },
            log: LogConfig {
                segment_bytes: 256 << 10,
                max_pending_bytes: 192 << 10,
                ..LogConfig::default()
            },
        }
    }

    /// The same, and a key store `main` with an external key `ext` on the key `first`, and one
    /// credential `AKIAMAIN`; stopped in order.
    async fn furnished() -> Self {
        let world = Self::new().await;
        let running = world.start().await;
        running.furnish().await;
        running.stop().await;
        world
    }

    async fn try_start(&self) -> Result<Running, StartError> {
        let store = open_store(&self.database).await;
        let mut snapshot = store.read().await.unwrap();
        let all = roots::list(&mut snapshot).await.unwrap();
        let seal = Arc::new(SealFile::open(&self.seal, Some(&all[0].seal_id)).unwrap());
        let keyring = Arc::new(roots::load(&mut snapshot, &*seal.current()).await.unwrap());
        seal.settle().await.unwrap();
        drop(snapshot);
        let medium = Arc::new(self.disk.clone());
        let (log, _) = Log::open(medium.clone(), self.clock.clone(), self.random.as_ref(), self.log).unwrap();
        let hsms = VirtualHsms::new(
            store.clone(),
            keyring.clone(),
            self.random.clone(),
            self.clock.clone(),
        );
        let warden = Warden::start(Parts {
            store: store.clone(),
            keyring,
            seal,
            sealed: vec![Arc::new(hsms.clone())],
            log,
            medium,
            providers: vec![Arc::new(Scripted::new(hsms, self.script.clone()))],
            clock: self.clock.clone(),
            random: self.random.clone(),
            settings: self.settings.clone(),
        });
        Ok(Running {
            warden: warden.await?,
            store,
            clock: self.clock.clone(),
        })
    }

    async fn start(&self) -> Running {
        self.try_start().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Everything as it lies there now, for a process of its own.
    fn with_disk(&self, disk: SimulatedDisk) -> Self {
        static COPIES: AtomicU32 = AtomicU32::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let database = self.directory.path().join(format!("copy-{number}"));
        let side = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
        for end in ["", "-wal"] {
            let from = side(&self.database, end);
            if from.exists() {
                std::fs::copy(from, side(&database, end)).unwrap();
            }
        }
        Self {
            directory: self.directory.clone(),
            database,
            disk,
            seal: copy_of_seal(&self.seal, number),
            random: self.random.clone(),
            clock: self.clock.clone(),
            script: Arc::default(),
            settings: self.settings.clone(),
            log: self.log,
        }
    }

    fn copy(&self) -> Self {
        self.with_disk(self.disk.copy())
    }

    /// The power goes: what the next start finds.
    fn crash(&self, seed: u64) -> Self {
        self.with_disk(self.disk.crash(seed))
    }

    /// Another's copy of the database in place of ours; the log stays.
    fn put_database_back(&mut self, older: &Self) {
        self.database = older.with_disk(SimulatedDisk::new()).database;
    }

    /// Edits the database by other means than Strongroom.
    async fn edit(&self, sql: &str) -> u64 {
        let store = open_store(&self.database).await;
        let mut transaction = store.begin().await.unwrap();
        let rows = transaction.execute(leak(sql.to_owned()), &[]).await.unwrap();
        transaction.commit().await.unwrap();
        store.close().await;
        rows
    }

    /// Statements that make a table's rows anew, as they are now.
    async fn dump(&self, table: &str) -> Vec<String> {
        let store = open_store(&self.database).await;
        let columns = leak(format!("SELECT name FROM pragma_table_info('{table}')"));
        let columns: Vec<_> = store
            .query(columns, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| format!("quote({})", row.text(0).unwrap()))
            .collect();
        let values = columns.join(" || ',' || ");
        let sql = format!("SELECT 'INSERT INTO {table} VALUES (' || {values} || ')' FROM {table}");
        let rows = store.query(leak(sql), &[]).await.unwrap();
        store.close().await;
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    /// Puts another copy's rows in place of ours. Tables that refer to others come after them.
    async fn put_back(&self, from: &Self, tables: &[&str]) {
        for table in tables.iter().rev() {
            self.edit(&format!("DELETE FROM {table}")).await;
        }
        for table in tables {
            for row in from.dump(table).await {
                assert_eq!(self.edit(&row).await, 1);
            }
        }
    }

    /// All records, oldest first.
    fn records(&self) -> Vec<Json> {
        let mut reader = Reader::open(Arc::new(self.disk.clone()), 0).unwrap();
        std::iter::from_fn(|| reader.next_record().unwrap())
            .map(|record| serde_json::from_slice(&record.payload).unwrap())
            .collect()
    }

    /// All records of one type.
    fn records_of(&self, kind: &str) -> Vec<Json> {
        let mut records = self.records();
        records.retain(|record| record["type"] == kind);
        records
    }

    /// The segment that the log writes: these logs are too short for a second one.
    fn segment(&self) -> String {
        let mut names = self.disk.list().unwrap();
        names.retain(|name| audit::format::segment_number(name).is_some());
        names.sort();
        names.remove(0)
    }
}

impl Running {
    async fn furnish(&self) {
        let warden = &self.warden;
        warden
            .create_key_manager(&admin(), "virtual-hsm", "hsm")
            .await
            .unwrap();
        warden
            .create_key(&admin(), "hsm", "first", KeyUsage::BOTH)
            .await
            .unwrap();
        warden
            .create_key_store(&admin(), key_store("main"))
            .await
            .unwrap();
        warden
            .bind(&admin(), "main", binding("ext", "first"))
            .await
            .unwrap();
        warden
            .add_credential(&admin(), "main", credential("AKIAMAIN"))
            .await
            .unwrap();
    }

    /// From now on the disk is written and synced for new records alone.
    async fn quiet(&self) {
        let busy = || {
            let state = self.warden.clerk.log.state();
            state.spare != SpareState::Ready || state.pending_records > 0 || state.syncing_for.is_some()
        };
        while busy() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the log knows that its disk fails.
    async fn failing(&self) {
        while self.warden.readiness().ready {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.warden.shutdown().await;
    }

    /// A caller with an hour's time.
    fn caller(&self) -> Caller {
        self.caller_of("main", "AKIAMAIN")
    }

    fn caller_of(&self, name: &str, access_key_id: &str) -> Caller {
        let directory = self.warden.directory();
        let key_store = directory.find_key_store(name).unwrap().clone();
        let credential = key_store
            .credential(access_key_id, self.clock.now())
            .unwrap()
            .clone();
        Caller {
            key_store,
            credential,
            deadline: self.clock.moment().saturating_add(Duration::from_hours(1)),
            evidence: Evidence::default(),
        }
    }

    /// A caller with little time.
    fn caller_until(&self, deadline: Moment) -> Caller {
        Caller {
            deadline,
            ..self.caller()
        }
    }

    async fn encrypt(&self, caller: &Caller) -> Result<EncryptOutput, Failure> {
        self.encrypt_as(caller, "ext").await
    }

    async fn encrypt_as(&self, caller: &Caller, external_key: &str) -> Result<EncryptOutput, Failure> {
        let plaintext = SecretBytes::from(b"plaintext".to_vec());
        let released = self
            .warden
            .encrypt(caller, external_key, plaintext, Some(b"aad"), |_| ())
            .await?;
        Ok(released.into_answer().0)
    }

    async fn decrypt(&self, caller: &Caller, output: &EncryptOutput) -> Result<Vec<u8>, Failure> {
        let released = self
            .warden
            .decrypt(caller, "ext", output.as_ref(), Some(b"aad"))
            .await?;
        Ok(released.into_answer().expose().to_vec())
    }

    /// Whether `main` can still encrypt with `ext`, asked as a front would ask.
    async fn serves(&self) -> Result<(), String> {
        let directory = self.warden.directory();
        let key_store = directory.key_store("/main").ok_or("no such key store")?.clone();
        let credential = key_store.credential("AKIAMAIN", self.clock.now());
        let credential = credential.ok_or("no such credential")?.clone();
        if credential.secret.expose() != SECRET {
            return Err("another secret".to_owned());
        }
        let caller = Caller {
            key_store,
            credential,
            deadline: self.clock.moment().saturating_add(Duration::from_hours(1)),
            evidence: Evidence::default(),
        };
        let encrypted = self.encrypt(&caller).await;
        encrypted.map(drop).map_err(|failure| failure.to_string())
    }
}

/// The kind of a failure, where the answer has no `Debug`.
fn kind<T>(result: Result<T, Failure>) -> FailureKind {
    match result {
        Ok(_) => panic!("it was answered"),
        Err(failure) => failure.kind,
    }
}
