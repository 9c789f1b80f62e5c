//! The migration runner refuses what it does not know.

use std::path::Path;

use store::{Migration, Migrations, Store, StoreError};

use crate::{TABLES, count, open};

async fn opened(directory: &Path, migrations: &[Migrations]) -> Result<Store, StoreError> {
    Store::open(&directory.join("db"), migrations).await
}

const fn more(steps: &'static [Migration]) -> Migrations {
    Migrations { owner: "test", steps }
}

#[tokio::test]
async fn steps_run_once() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let store = open(directory.path()).await;
        assert_eq!(count(&store).await, 1);
        store.close().await;
    }
}

#[tokio::test]
async fn a_later_release_adds_steps_and_owners() {
    const STEPS: [Migration; 3] = [
        TABLES.steps[0],
        TABLES.steps[1],
        Migration {
            version: 3,
            name: "second thing",
            sql: "INSERT INTO thing (id) VALUES ('second')",
        },
    ];
    const OTHER: Migrations = Migrations {
        owner: "other",
        steps: &[Migration {
            version: 1,
            name: "others",
            sql: "CREATE TABLE other (id BIGINT PRIMARY KEY)",
        }],
    };
    let directory = tempfile::tempdir().unwrap();
    open(directory.path()).await.close().await;
    let store = opened(directory.path(), &[more(&STEPS), OTHER]).await.unwrap();
    assert_eq!(count(&store).await, 2);
    assert!(store.query("SELECT * FROM other", &[]).await.unwrap().is_empty());
    store.close().await;
    // Back to the older release: both are refused.
    let older = opened(directory.path(), &[more(&STEPS)]).await.map(drop);
    assert!(matches!(older, Err(StoreError::Newer { ref owner, .. }) if owner == "other"));
    let older = opened(directory.path(), &[TABLES, OTHER]).await.map(drop);
    assert!(matches!(
        older,
        Err(StoreError::Newer {
            found: 3,
            known: 2,
            ..
        })
    ));
}

#[tokio::test]
async fn an_edited_step_is_refused() {
    const EDITED: [Migration; 2] = [
        TABLES.steps[0],
        Migration {
            version: 2,
            name: "first thing",
            sql: "INSERT INTO thing (id, number) VALUES ('first', 2)",
        },
    ];
    let directory = tempfile::tempdir().unwrap();
    open(directory.path()).await.close().await;
    let edited = opened(directory.path(), &[more(&EDITED)]).await.map(drop);
    assert!(matches!(
        edited,
        Err(StoreError::MigrationChanged {
            owner: "test",
            version: 2
        })
    ));
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    const BROKEN: [Migration; 3] = [
        TABLES.steps[0],
        TABLES.steps[1],
        Migration {
            version: 3,
            name: "broken",
            sql: "INSERT INTO thing (id) VALUES ('half'); INSERT INTO nowhere VALUES (1)",
        },
    ];
    let directory = tempfile::tempdir().unwrap();
    assert!(opened(directory.path(), &[more(&BROKEN)]).await.is_err());
    let store = open(directory.path()).await;
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn two_processes_that_start_at_once_migrate_once() {
    let directory = tempfile::tempdir().unwrap();
    let tables = [TABLES];
    let (a, b) = tokio::join!(
        opened(directory.path(), &tables),
        opened(directory.path(), &tables)
    );
    assert_eq!(count(&a.unwrap()).await, 1);
    assert_eq!(count(&b.unwrap()).await, 1);
}
