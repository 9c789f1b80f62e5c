//! What was committed is there after the process died without a word.

use store::Value;

use crate::{INSERT, count, open};

/// The files as they are on disk at this moment, without the process that wrote them.
fn files_now(from: &std::path::Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for name in ["db", "db-wal"] {
        std::fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    to
}

#[tokio::test]
async fn a_commit_is_in_the_files_when_it_returns() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    for number in 1..=5_i64 {
        let id = format!("thing {number}");
        let mut transaction = store.begin().await.unwrap();
        let values = [(&id).into(), number.into(), Value::Null];
        transaction.execute(INSERT, &values).await.unwrap();
        let before = files_now(directory.path());
        assert_eq!(count(&open(before.path()).await).await, number);
        transaction.commit().await.unwrap();
        let after = files_now(directory.path());
        assert_eq!(count(&open(after.path()).await).await, number + 1);
    }
}

#[tokio::test]
async fn what_was_deleted_is_not_in_the_file_once_it_is_closed() {
    const SECRET: &[u8] = b"what a retired root had sealed";
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    let values = ["thing".into(), 1_i64.into(), SECRET.into()];
    transaction.execute(INSERT, &values).await.unwrap();
    transaction.commit().await.unwrap();
    let holds = || {
        let bytes = std::fs::read(directory.path().join("db")).unwrap();
        bytes.windows(SECRET.len()).any(|window| window == SECRET)
    };
    store.close().await;
    assert!(holds());

    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    let id = ["thing".into()];
    let deleted = transaction.execute("DELETE FROM thing WHERE id = $1", &id).await;
    assert_eq!(deleted.unwrap(), 1);
    transaction.commit().await.unwrap();
    store.close().await;
    assert!(!holds());
}

#[tokio::test]
async fn the_writer_syncs_at_every_commit() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    let settings = [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1)];
    for (pragma, expected) in settings {
        let row = transaction.query_one(pragma, &[]).await.unwrap().unwrap();
        assert_eq!(row.int(0).unwrap(), expected, "{pragma}");
    }
    let mode = transaction.query_one("PRAGMA journal_mode", &[]).await.unwrap();
    assert_eq!(mode.unwrap().text(0).unwrap(), "wal");
}
