//! Files that are unsafe, damaged or full.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use store::{Store, StoreError, Value};

use crate::{INSERT, TABLES, count, open};

async fn error(path: &Path) -> StoreError {
    Store::open(path, &[TABLES]).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let _store = open(directory.path()).await;
    let mut files = 0;
    for file in fs::read_dir(directory.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().mode();
        assert_eq!(mode & 0o7777, 0o600);
        files += 1;
    }
    assert!(files >= 2, "the database and its log");
}

#[tokio::test]
async fn a_file_that_others_can_open_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    open(directory.path()).await.close().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = error(&path).await;
    assert!(matches!(refused, StoreError::Unsafe { .. }));
    assert!(refused.to_string().contains("chmod 600"));
}

#[tokio::test]
async fn links_and_directories_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path()).await.close().await;
    let link = directory.path().join("link");
    symlink(directory.path().join("db"), &link).unwrap();
    assert!(matches!(error(&link).await, StoreError::Unsafe { .. }));
    assert!(matches!(error(directory.path()).await, StoreError::Unsafe { .. }));
    let nowhere = directory.path().join("no/such/db");
    assert!(matches!(error(&nowhere).await, StoreError::Io { .. }));
}

#[tokio::test]
async fn what_is_no_database_is_called_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    fs::write(&path, vec![b'x'; 10_000]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(error(&path).await, StoreError::Corrupt { .. }));
}

#[tokio::test]
async fn a_damaged_page_is_found_when_opening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    for number in 0..200_i64 {
        let id = format!("thing {number}");
        let values = [(&id).into(), number.into(), Value::Blob(&[7; 200])];
        transaction.execute(INSERT, &values).await.unwrap();
    }
    transaction.commit().await.unwrap();
    store.close().await;
    let mut bytes = fs::read(&path).unwrap();
    let start = bytes.len() / 2 / 4096 * 4096;
    bytes[start..start + 4096].fill(0xee);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(error(&path).await, StoreError::Corrupt { .. }));
}

#[tokio::test]
async fn a_full_disk_is_called_so_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    // SQLite's own limit on pages gives the same error as a disk without space.
    transaction
        .query("PRAGMA max_page_count = 20", &[])
        .await
        .unwrap();
    let big = vec![1; 1 << 20];
    let values = ["big".into(), Value::Null, (&big).into()];
    let full = transaction.execute(INSERT, &values).await;
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    drop(transaction);
    assert_eq!(count(&store).await, 1);
    let mut transaction = store.begin().await.unwrap();
    let values = ["small".into(), Value::Null, Value::Null];
    transaction.execute(INSERT, &values).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn nobody_waits_without_a_bound() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let _writer = store.begin().await.unwrap();
    let mut readers = Vec::new();
    for _ in 0..4 {
        readers.push(store.read().await.unwrap());
    }
    // From here on waiting takes no time: the clock jumps to the next limit.
    tokio::time::pause();
    assert!(matches!(store.begin().await.map(drop), Err(StoreError::Busy)));
    assert!(matches!(store.read().await.map(drop), Err(StoreError::Busy)));
    let ping = store.ping(Duration::from_secs(1)).await;
    assert!(matches!(ping, Err(StoreError::TimedOut)));
    readers.clear();
    tokio::time::resume();
    store.ping(Duration::from_secs(60)).await.unwrap();
}
