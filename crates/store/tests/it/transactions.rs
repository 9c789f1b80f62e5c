//! Values, transactions, generation.

use std::time::Duration;

use store::{StoreError, Value};

use crate::{INSERT, count, open};

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    let text = "ä'; DROP TABLE thing; --\0";
    for (id, number, bytes) in [
        (text, Value::Int(i64::MIN), Value::Blob(&[0, 255])),
        ("", Value::Null, Value::Null),
        ("max", u64::MAX.into(), Value::Blob(&[])),
    ] {
        let touched = transaction.execute(INSERT, &[id.into(), number, bytes]).await;
        assert_eq!(touched.unwrap(), 1);
    }
    transaction.commit().await.unwrap();
    let sql = "SELECT id, number, bytes FROM thing WHERE id <> $1 ORDER BY number";
    let rows = store.query(sql, &["first".into()]).await.unwrap();
    let [null, least, most] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(least.text(0).unwrap(), text);
    assert_eq!(least.int(1).unwrap(), i64::MIN);
    assert_eq!(least.blob(2).unwrap(), [0, 255]);
    assert_eq!(least.array::<2>(2).unwrap(), [0, 255]);
    assert!(least.unsigned(1).is_err() && least.array::<3>(2).is_err());
    assert_eq!(null.text(0).unwrap(), "");
    assert_eq!(null.opt_int(1).unwrap(), None);
    assert_eq!(null.opt_blob(2).unwrap(), None);
    assert!(null.int(1).is_err() && null.blob(2).is_err());
    assert_eq!(most.int(1).unwrap(), i64::MAX);
    assert_eq!(most.blob(2).unwrap(), b"");
}

#[tokio::test]
async fn a_column_of_another_type_is_an_error_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let sql = "SELECT 1, 'text', x'00', 1.5, NULL";
    let row = store.query_one(sql, &[]).await.unwrap().unwrap();
    assert_eq!(row.int(0).unwrap(), 1);
    assert!(row.boolean(0).unwrap());
    assert_eq!(row.text(1).unwrap(), "text");
    assert_eq!(row.blob(2).unwrap(), [0]);
    for wrong in [
        row.int(1).map(drop),
        row.text(0).map(drop),
        row.blob(1).map(drop),
        row.text(2).map(drop),
        row.int(3).map(drop),
        row.opt_text(3).map(drop),
        row.int(4).map(drop),
        row.int(5).map(drop),
    ] {
        assert!(matches!(wrong, Err(StoreError::Column { .. })));
    }
}

#[tokio::test]
async fn a_dropped_transaction_never_happened() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    let values = ["gone".into(), Value::Null, Value::Null];
    transaction.execute(INSERT, &values).await.unwrap();
    transaction.bump_generation().await.unwrap();
    drop(transaction);
    assert_eq!(count(&store).await, 1);
    assert_eq!(store.generation().await.unwrap(), 0);
    // And the next writer is not held up.
    let mut transaction = store.begin().await.unwrap();
    transaction.execute(INSERT, &values).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn a_transaction_sees_its_own_writes_and_others_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    let values = ["new".into(), Value::Null, Value::Null];
    transaction.execute(INSERT, &values).await.unwrap();
    let mut snapshot = store.read().await.unwrap();
    let inside = transaction.query(crate::COUNT, &[]).await.unwrap();
    assert_eq!(inside[0].int(0).unwrap(), 2);
    assert_eq!(count(&store).await, 1);
    let seen = snapshot.query_one(crate::COUNT, &[]).await.unwrap().unwrap();
    assert_eq!(seen.int(0).unwrap(), 1);
    transaction.commit().await.unwrap();
    assert_eq!(count(&store).await, 2);
    let still = snapshot.query_one(crate::COUNT, &[]).await.unwrap().unwrap();
    assert_eq!(still.int(0).unwrap(), 1, "a snapshot stands still");
}

#[tokio::test]
async fn the_generation_counts_administrative_transactions() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    for expected in 1..=3 {
        let mut transaction = store.begin().await.unwrap();
        assert_eq!(transaction.bump_generation().await.unwrap(), expected);
        assert_eq!(transaction.generation().await.unwrap(), expected);
        transaction.commit().await.unwrap();
        assert_eq!(store.generation().await.unwrap(), expected);
    }
    store.close().await;
    assert_eq!(open(directory.path()).await.generation().await.unwrap(), 3);
}

#[tokio::test]
async fn readers_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let written = store.query("DELETE FROM thing", &[]).await;
    assert!(written.is_err());
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn constraints_hold() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let mut transaction = store.begin().await.unwrap();
    let twice = transaction
        .execute(INSERT, &["first".into(), Value::Null, Value::Null])
        .await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })));
    let orphan = "INSERT INTO part (id, thing) VALUES (1, 'nothing')";
    let orphan = transaction.execute(orphan, &[]).await;
    assert!(matches!(orphan, Err(StoreError::Conflict { .. })));
    // A refused statement leaves the transaction usable.
    let values = ["other".into(), Value::Null, Value::Null];
    transaction.execute(INSERT, &values).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn ping_reads_and_ends_with_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let limit = Duration::from_secs(5);
    store.ping(limit).await.unwrap();
    store.close().await;
    assert!(matches!(store.ping(limit).await, Err(StoreError::Closed)));
    assert!(matches!(store.begin().await.map(drop), Err(StoreError::Closed)));
}
