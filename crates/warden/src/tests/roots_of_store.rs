//! Root keys, key-encryption keys and the seal, changed while requests are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use seal::{KeyFile, SealFile};
use store::StoreError;

use super::{Running, World, actor, admin, binding};
use crate::view::RootsView;
use crate::{ManageError, Role, Standing};

impl Running {
    /// Waits until nothing more is being sealed anew.
    pub(super) async fn resealed(&self) -> RootsView {
        while self.warden.resealing.is_running() {
            tokio::task::yield_now().await;
        }
        self.warden.roots().await.unwrap()
    }

    /// Rotates the root to the end; returns the older root's id.
    async fn rotated(&self) -> String {
        let older = self.warden.roots().await.unwrap().roots.remove(0).id;
        self.warden.rotate_root(&admin()).await.unwrap();
        self.resealed().await;
        older
    }
}

fn rows_under(view: &RootsView, id: &str) -> u64 {
    let root = view.roots.iter().find(|root| root.id == id).unwrap();
    root.dependents.iter().map(|rows| rows.rows).sum()
}

/// More rows than two portions take.
async fn crowded() -> World {
    let world = World::furnished().await;
    let running = world.start().await;
    for number in 0..7 {
        let new = binding(&format!("ext-{number}"), "first");
        running.warden.bind(&admin(), "main", new).await.unwrap();
    }
    running.stop().await;
    world
}

#[tokio::test]
async fn no_request_fails_while_everything_is_changed_under_it() {
    let world = crowded().await;
    let running = Arc::new(world.start().await);
    let before = running.encrypt(&running.caller()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (running, stop) = (running.clone(), stop.clone());
            tokio::spawn(async move {
                let mut served = 0;
                while !stop.load(Ordering::SeqCst) {
                    let caller = running.caller();
                    let output = running.encrypt(&caller).await.unwrap();
                    assert_eq!(running.decrypt(&caller, &output).await.unwrap(), b"plaintext");
                    served += 1;
                }
                served
            })
        })
        .collect();
    for _ in 0..3 {
        let older = running.rotated().await;
        running.warden.change_seal(&admin(), None).await.unwrap();
        running
            .warden
            .rotate_key_encryption_key(&admin(), "hsm")
            .await
            .unwrap();
        running.warden.retire_root(&admin(), &older).await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    let roots = running.warden.roots().await.unwrap().roots;
    assert_eq!((roots.len(), roots[0].number, roots[0].current), (1, 4, true));
    Arc::into_inner(running).unwrap().stop().await;
    let running = world.start().await;
    assert_eq!(running.warden.status().alarms, []);
    let opened = running.decrypt(&running.caller(), &before).await.unwrap();
    assert_eq!(opened, b"plaintext");
    running.serves().await.unwrap();
    running.stop().await;
}

/// The database as it lies there before, between and after all portions, each started from.
#[tokio::test]
async fn a_rotation_cut_off_anywhere_goes_on_at_the_next_start() {
    let world = crowded().await;
    let running = world.start().await;
    let output = running.encrypt(&running.caller()).await.unwrap();
    let older = running.warden.roots().await.unwrap().roots.remove(0).id;
    running.quiet().await;
    let (mut copies, mut left) = (Vec::new(), Vec::new());
    let warden = running.warden.clone();
    let rotation = tokio::spawn(async move { warden.rotate_root(&admin()).await });
    while !rotation.is_finished() || running.warden.resealing.is_running() {
        // Nobody writes while the files are copied.
        let held = running.store.begin().await.unwrap();
        copies.push(world.copy());
        left.push(rows_under(&running.warden.roots().await.unwrap(), &older));
        drop(held);
        tokio::task::yield_now().await;
    }
    rotation.await.unwrap().unwrap();
    running.stop().await;
    left.dedup();
    assert!(left.len() > 3, "in portions: {left:?}");
    for copy in copies {
        let running = copy.start().await;
        let view = running.resealed().await;
        assert_eq!(running.warden.status().standing, "serving");
        if view.roots.len() == 2 {
            assert_eq!(rows_under(&view, &older), 0);
            running.warden.retire_root(&admin(), &older).await.unwrap();
        }
        running.stop().await;
        let running = copy.start().await;
        assert_eq!(running.warden.status().alarms, []);
        assert_eq!(
            running.decrypt(&running.caller(), &output).await.unwrap(),
            b"plaintext"
        );
        running.stop().await;
    }
}

#[tokio::test]
async fn a_root_is_retired_only_when_nothing_needs_it() {
    let world = World::furnished().await;
    let running = world.start().await;
    let older = running.warden.roots().await.unwrap().roots.remove(0).id;
    let current = running.warden.retire_root(&admin(), &older).await;
    assert!(matches!(current, Err(ManageError::Invalid(why)) if why.contains("current")));
    for unknown in ["0000000000000000", "nonsense", ""] {
        let refused = running.warden.retire_root(&admin(), unknown).await;
        assert!(matches!(refused, Err(ManageError::NotFound { .. })), "{unknown}");
    }
    running.stop().await;

    // A row that somebody edited is not sealed anew: it would be ours then.
    world
        .edit("UPDATE warden_binding SET key_id = key_id || 'x'")
        .await;
    let running = world.start().await;
    assert_eq!(running.rotated().await, older);
    let refused = running.warden.retire_root(&admin(), &older).await;
    let Err(ManageError::RootInUse { root, by }) = refused else {
        panic!("retired");
    };
    assert_eq!(root, older);
    assert!(by.contains("1 row of warden_binding"), "{by}");
    assert!(!by.contains("virtual_hsm"), "{by}");
    running.stop().await;

    world
        .edit("UPDATE warden_binding SET key_id = substr(key_id, 1, length(key_id) - 1)")
        .await;
    let running = world.start().await;
    running.resealed().await;
    running.warden.retire_root(&admin(), &older).await.unwrap();
    running.serves().await.unwrap();
    running.stop().await;
    let results: Vec<_> = world
        .records_of("outcome")
        .iter()
        .map(|record| record["result"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(results.iter().filter(|result| *result == "not-done").count(), 3);
}

#[tokio::test]
async fn every_table_that_depends_on_a_root_is_listed() {
    let world = World::furnished().await;
    let running = world.start().await;
    let roots = running.warden.roots().await.unwrap().roots;
    let tables: Vec<_> = roots[0]
        .dependents
        .iter()
        .map(|rows| (rows.table.as_str(), rows.rows))
        .collect();
    assert_eq!(
        tables,
        [
            ("virtual_hsm", 1),
            ("virtual_hsm_key", 2),
            ("warden_binding", 1),
            ("warden_credential", 1),
            ("warden_key_store", 1),
            ("warden_manifest", 1),
            ("warden_mark", 1),
        ]
    );
    running.stop().await;
    // Whatever has a tag is in that list.
    let store = super::open_store(&world.database).await;
    let sql = "SELECT DISTINCT m.name FROM sqlite_master m, pragma_table_info(m.name) c \
               WHERE m.type = 'table' AND c.name = 'tag' ORDER BY m.name";
    let rows = store.query(sql, &[]).await.unwrap();
    let tagged: Vec<_> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(tagged, tables.iter().map(|(table, _)| *table).collect::<Vec<_>>());
    store.close().await;
}

#[tokio::test]
async fn after_retirement_rows_of_an_older_backup_open_nothing() {
    let mut world = World::furnished().await;
    let backup = world.copy();
    let running = world.start().await;
    let older = running.rotated().await;
    running.stop().await;
    // With the older root still there a row of the same content is as good as ours.
    let between = world.copy();
    between.put_back(&backup, &["warden_credential"]).await;
    let running = between.start().await;
    running.serves().await.unwrap();
    running.stop().await;

    let running = world.start().await;
    running.warden.retire_root(&admin(), &older).await.unwrap();
    running.stop().await;
    let after = world.copy();
    after.put_back(&backup, &["warden_credential"]).await;
    let running = after.start().await;
    assert!(running.serves().await.is_err());
    let alarms = running.warden.status().alarms;
    assert!(
        alarms.iter().any(|alarm| alarm.problem.contains(&older)),
        "{alarms:?}"
    );
    running.stop().await;

    // A whole backup brings its root along, and is seen by the log.
    world.put_database_back(&backup);
    let running = world.start().await;
    assert_eq!(running.warden.directory().standing(), Standing::RecoveryPending);
    running.stop().await;
}

#[tokio::test]
async fn after_a_change_of_seal_only_older_backups_need_the_older_key() {
    let mut world = World::furnished().await;
    let backup = world.copy();
    let running = world.start().await;
    let made = running.warden.change_seal(&admin(), None).await.unwrap();
    assert_eq!(made.place, world.seal.display().to_string());
    running.stop().await;
    let running = world.start().await;
    running.serves().await.unwrap();
    running.stop().await;
    // The backup finds its key beside the new one, for as long as it is kept.
    let current = world.database.clone();
    world.put_database_back(&backup);
    let running = world.start().await;
    assert_eq!(running.warden.directory().standing(), Standing::RecoveryPending);
    running.stop().await;
    assert_eq!(
        KeyFile::open(&world.seal).unwrap().key_id().to_string(),
        id_of(&made.previous)
    );
    // That a start on the backup came in between, the log still says.
    world.database = current;
    let running = world.start().await;
    running.warden.acknowledge_recovery(&admin()).await.unwrap();
    running.serves().await.unwrap();
    running.stop().await;
    // With the key destroyed the backup is lost.
    std::fs::remove_file(&made.previous).unwrap();
    let opened = SealFile::open(&world.seal, Some(&id_of(&made.previous))).unwrap();
    let store = super::open_store(&backup.database).await;
    let mut snapshot = store.read().await.unwrap();
    let refused = seal::roots::load(&mut snapshot, &*seal::SealSource::current(&opened)).await;
    assert!(matches!(refused, Err(seal::RootsError::WrongSeal { .. })));
}

/// The id at the end of an older key file's name.
fn id_of(previous: &str) -> String {
    previous.rsplit_once(".old-").unwrap().1.to_owned()
}

#[tokio::test]
async fn a_seal_whose_file_cannot_be_made_changes_nothing() {
    let world = World::furnished().await;
    let running = world.start().await;
    let fresh = std::path::PathBuf::from(format!("{}.new", world.seal.display()));
    std::fs::create_dir(&fresh).unwrap();
    let failed = running.warden.change_seal(&admin(), None).await;
    assert!(matches!(failed, Err(ManageError::Seal(_))));
    std::fs::remove_dir(&fresh).unwrap();
    running.warden.change_seal(&admin(), None).await.unwrap();
    running.stop().await;
    world.start().await.stop().await;
}

#[tokio::test]
async fn administrators_alone_may() {
    let world = World::furnished().await;
    let running = world.start().await;
    let warden = &running.warden;
    let root = warden.roots().await.unwrap().roots.remove(0).id;
    for role in [Role::Auditor, Role::Operator, Role::KeyCustodian] {
        let by = actor(role);
        let refused = [
            warden.rotate_root(&by).await.map(drop),
            warden.retire_root(&by, &root).await.map(drop),
            warden.change_seal(&by, None).await.map(drop),
            warden.rotate_key_encryption_key(&by, "hsm").await.map(drop),
        ];
        for refused in refused {
            assert!(matches!(refused, Err(ManageError::NotPermitted { .. })));
        }
    }
    assert_eq!(warden.roots().await.unwrap().roots.len(), 1);
    running.stop().await;
}

/// A store that fails while it goes on: nothing is lost, and it is tried again.
#[tokio::test]
async fn a_store_that_fails_leaves_the_rest_for_later() {
    let world = crowded().await;
    let running = world.start().await;
    running.warden.rotate_root(&admin()).await.unwrap();
    running.store.close().await;
    while running.warden.resealing.is_running() {
        tokio::task::yield_now().await;
    }
    let closed = running.store.begin().await.map(drop);
    assert!(matches!(closed, Err(StoreError::Closed)), "{closed:?}");
    running.stop().await;
    let running = world.start().await;
    let view = running.resealed().await;
    assert!(view.roots[1].dependents.is_empty());
    running.stop().await;
}

/// A manifest that somebody put back is not tagged under the new root: retirement would not end it.
#[tokio::test]
async fn an_older_manifest_put_back_meanwhile_is_not_made_ours() {
    let world = World::furnished().await;
    let before = world.copy();
    let running = world.start().await;
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    let tables = ["warden_manifest", "warden_key_store"];
    let statements: Vec<_> = {
        let mut all = Vec::new();
        for table in tables {
            all.push(format!("DELETE FROM {table}"));
            all.extend(before.dump(table).await);
        }
        all
    };
    let older = running.warden.roots().await.unwrap().roots.remove(0).id;
    running.warden.rotate_root(&admin()).await.unwrap();
    running.resealed().await;
    for sql in statements {
        let mut transaction = running.store.begin().await.unwrap();
        transaction.execute(super::leak(sql), &[]).await.unwrap();
        transaction.commit().await.unwrap();
    }
    running.warden.start_resealing();
    let view = running.resealed().await;
    assert!(running.warden.resealing.has_failed());
    assert!(rows_under(&view, &older) >= 2);
    assert!(running.warden.retire_root(&admin(), &older).await.is_err());
    running.stop().await;
}
