//! Promise 8: what any released version encrypted decrypts in every later one, from a database
//! that the released version wrote. A file under `golden/` never changes; a new format gets a
//! directory of its own.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crypto::{Key256, hex, unhex};
use key_manager::framing::Format;
use key_manager::{CiphertextMetadata, EncryptOutput, Iv, KeyId, KeyManagerProvider};
use seal::{KeyFile, roots};
use store::{Migrations, Store};

use super::{World, aad, decrypt, encrypt, leak, open_store};
use crate::MIGRATIONS;
use crate::format1::Version;

const DATABASE: &str = include_str!("golden/v1/database.sql");
const SEAL_KEY: &str = include_str!("golden/v1/seal.key");
const CIPHERTEXTS: &str = include_str!("golden/v1/ciphertexts.txt");
const FORMAT_1: &str = include_str!("golden/v1/format-1.txt");

/// One line: key id or key bytes, AAD (`-` if absent), plaintext, IV, ciphertext, tag, metadata.
struct Vector {
    key: String,
    aad: Option<Vec<u8>>,
    plaintext: Vec<u8>,
    encrypted: EncryptOutput,
}

impl Vector {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(' ').collect();
        let [key, aad, plaintext, iv, ciphertext, tag, metadata] = fields[..] else {
            panic!("{line}");
        };
        let bytes = |text: &str| unhex(text.trim_start_matches('=')).unwrap();
        Self {
            key: key.to_owned(),
            aad: (aad != "-").then(|| bytes(aad)),
            plaintext: bytes(plaintext),
            encrypted: EncryptOutput {
                ciphertext: bytes(ciphertext),
                iv: Iv::from_slice(&bytes(iv)).unwrap(),
                tag: bytes(tag).try_into().unwrap(),
                metadata: CiphertextMetadata::from_slice(&bytes(metadata)).unwrap(),
            },
        }
    }

    /// `=` before what may be empty, so that a line always has seven words.
    fn line(key: &str, aad: Option<&[u8]>, plaintext: &[u8], encrypted: &EncryptOutput) -> String {
        let aad = aad.map_or("-".to_owned(), |aad| format!("={}", hex(aad)));
        format!(
            "{key} {aad} ={} {} ={} {} {}\n",
            hex(plaintext),
            hex(encrypted.iv.as_bytes()),
            hex(&encrypted.ciphertext),
            hex(&encrypted.tag),
            hex(encrypted.metadata.as_bytes()),
        )
    }
}

#[tokio::test]
async fn a_database_of_version_1_opens_and_its_ciphertexts_decrypt() {
    let directory = tempfile::tempdir().unwrap();
    let seal_path = directory.path().join("seal.key");
    fs::write(&seal_path, SEAL_KEY).unwrap();
    fs::set_permissions(&seal_path, fs::Permissions::from_mode(0o600)).unwrap();
    // As the released version made it: with the tables of its time.
    let tables = Migrations {
        steps: &MIGRATIONS.steps[..1],
        ..MIGRATIONS
    };
    let path = directory.path().join("db");
    let store = Store::open(&path, &[roots::MIGRATIONS, tables]).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    for statement in DATABASE.lines() {
        assert_eq!(transaction.execute(statement, &[]).await.unwrap(), 1);
    }
    transaction.commit().await.unwrap();
    store.close().await;
    let store = open_store(path).await;
    let mut world = World::new().await;
    world.store = store;
    world.seal = KeyFile::open(&seal_path).unwrap();
    let (provider, opened) = world.reopened().await;
    assert!(provider.refused().is_empty());
    assert!(opened[0].lifecycle.refused().is_empty());
    assert_eq!(CIPHERTEXTS.lines().count(), 9);
    for vector in CIPHERTEXTS.lines().map(Vector::parse) {
        let key = KeyId::parse(&vector.key).unwrap();
        let plaintext = decrypt(&opened[0], &key, &vector.encrypted, vector.aad.as_deref()).await;
        assert_eq!(plaintext.unwrap(), vector.plaintext);
    }
}

#[test]
fn ciphertexts_of_format_1_decrypt_under_their_key_bytes() {
    assert_eq!(FORMAT_1.lines().count(), 9);
    for vector in FORMAT_1.lines().map(Vector::parse) {
        let key = Key256::from_slice(&unhex(&vector.key).unwrap()).unwrap();
        let Format::One { tag, extension } = Format::of(&vector.encrypted.metadata) else {
            panic!("not format 1");
        };
        let version = Version::new(tag, &key);
        let data = aad(vector.aad.as_deref());
        let plaintext = version
            .decrypt(extension, vector.encrypted.as_ref(), data)
            .unwrap();
        assert_eq!(plaintext.expose(), vector.plaintext);
    }
}

const MESSAGES: [(Option<&[u8]>, &[u8]); 3] = [
    (None, b""),
    (Some(b""), b"Hello World!"),
    (Some(b"project=nile,department=marketing"), &[0xa5; 100]),
];

/// Made the files; makes them again only where there are none.
#[tokio::test]
#[ignore = "writes a new set of golden files"]
async fn make() {
    let target = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("src/tests/golden/new");
    fs::create_dir(&target).unwrap();
    let world = World::new().await;
    let (opened, first) = world.hsm().await;
    let mut ciphertexts = String::new();
    let second = world.new_key("second");
    opened.lifecycle.create(second.clone()).await.unwrap();
    for (round, key) in [&first, &second.id, &first].into_iter().enumerate() {
        if round == 2 {
            opened.lifecycle.rotate(first.clone()).await.unwrap();
        }
        for (aad, plaintext) in MESSAGES {
            let encrypted = encrypt(&opened, key, plaintext, aad).await.unwrap();
            ciphertexts += &Vector::line(key.as_str(), aad, plaintext, &encrypted);
        }
    }
    fs::write(target.join("ciphertexts.txt"), ciphertexts).unwrap();
    fs::write(target.join("format-1.txt"), format_1(&world)).unwrap();
    fs::copy(world.path("seal.key"), target.join("seal.key")).unwrap();
    fs::write(target.join("database.sql"), dump(&world).await).unwrap();
}

fn format_1(world: &World) -> String {
    let mut lines = String::new();
    for key in [[0; 32], [0x5a; 32], std::array::from_fn(|i| i as u8)] {
        let tag = key_manager::VersionTag([key[0], 1, 2, 3]);
        let version = Version::new(tag, &Key256::from_slice(&key).unwrap());
        for (data, plaintext) in MESSAGES {
            let encrypted = version.encrypt(world.random.as_ref(), plaintext, aad(data));
            lines += &Vector::line(&hex(&key), data, plaintext, &encrypted.unwrap());
        }
    }
    lines
}

async fn dump(world: &World) -> String {
    let generation = world.store.generation().await.unwrap();
    let mut lines = format!("UPDATE store_generation SET generation = {generation} WHERE id = 1;\n");
    for (table, columns) in [
        ("seal_root", 6),
        ("virtual_hsm", 8),
        ("virtual_hsm_key", 11),
        ("virtual_hsm_key_version", 7),
    ] {
        let select = leak(format!("SELECT * FROM {table}"));
        for row in world.store.query(select, &[]).await.unwrap() {
            let values: Vec<String> = (0..columns).map(|column| literal(&row, column)).collect();
            writeln!(lines, "INSERT INTO {table} VALUES ({});", values.join(", ")).unwrap();
        }
    }
    lines
}

fn literal(row: &store::Row, column: usize) -> String {
    if let Ok(number) = row.int(column) {
        return number.to_string();
    }
    match row.text(column) {
        // Line feeds (of the manifest) as hexadecimal, so that one statement stays one line.
        Ok(text) if text.contains('\n') => format!("CAST(X'{}' AS TEXT)", hex(text.as_bytes())),
        Ok(text) => format!("'{text}'"),
        Err(_) => format!("X'{}'", hex(row.blob(column).unwrap())),
    }
}
