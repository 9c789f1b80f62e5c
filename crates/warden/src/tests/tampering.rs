//! A database edited by hand grants nothing: the row is refused, and the alarm says which.

use std::collections::BTreeSet;

use key_manager::KeyUsage;
use store::Row;

use super::{Running, World, admin, binding, credential, key_store, leak, open_store};
use crate::view::AlarmView;
use crate::{KeyState, NewBinding, NewCredential, NewKeyStore};

/// Everything that can be switched off is switched off somewhere, everything that can be narrowed
/// is narrow somewhere.
async fn scene() -> World {
    let world = World::furnished().await;
    let running = world.start().await;
    let (warden, by) = (&running.warden, &admin());
    let narrow = NewKeyStore {
        region: Some("eu-west-1".to_owned()),
        listeners: Some(vec!["inner".to_owned()]),
        common_names: Some(vec!["kms".to_owned()]),
        ..key_store("narrow")
    };
    warden.create_key_store(by, narrow).await.unwrap();
    for name in ["second", "off"] {
        warden.create_key(by, "hsm", name, KeyUsage::BOTH).await.unwrap();
    }
    let listed = NewBinding {
        principals: Some(vec!["arn:aws:iam::1:*".to_owned()]),
        foreign_keys: Some(vec!["arn:aws:kms:*".to_owned()]),
        ..binding("listed", "second")
    };
    warden.bind(by, "narrow", listed).await.unwrap();
    warden
        .bind(by, "narrow", binding("shut", "second"))
        .await
        .unwrap();
    warden.bind(by, "narrow", binding("off", "off")).await.unwrap();
    let brief = NewCredential {
        expires: Some(ambient::Timestamp::from_secs(super::START + 60)),
        ..credential("AKIABRIEF")
    };
    warden.add_credential(by, "narrow", brief).await.unwrap();
    warden
        .add_credential(by, "narrow", credential("AKIAOLD"))
        .await
        .unwrap();
    warden.create_key_store(by, key_store("closed")).await.unwrap();
    warden.bind(by, "closed", binding("ext", "first")).await.unwrap();
    warden
        .add_credential(by, "closed", credential("AKIACLOSED"))
        .await
        .unwrap();
    running.warden.note_use(
        &running.caller().credential,
        ambient::Timestamp::from_secs(super::START),
    );
    running.stop().await;
    world
}

/// Switches off what `scene` has made to be switched off.
async fn switch_off(world: &World) {
    let running = world.start().await;
    let (warden, by) = (&running.warden, &admin());
    warden.block(by, "narrow", Some("shut"), "test").await.unwrap();
    warden.block(by, "closed", None, "test").await.unwrap();
    warden.retire_credential(by, "narrow", "AKIAOLD").await.unwrap();
    warden.set_key_state(by, "off", KeyState::Disabled).await.unwrap();
    running.stop().await;
}

/// Every way in: who can do what with which secret.
fn grants(running: &Running) -> BTreeSet<String> {
    let directory = running.warden.directory();
    let mut grants = BTreeSet::new();
    if directory.standing() == crate::Standing::RecoveryPending {
        return grants;
    }
    for store in directory.key_stores().filter(|store| !store.is_blocked()) {
        let way = format!(
            "{} {} {:?} {:?} {:?}",
            store.id, store.path_prefix, store.region, store.listeners, store.common_names
        );
        for credential in store.credentials() {
            let secret = crypto::hex(credential.secret.expose());
            for binding in store
                .bindings
                .values()
                .filter(|binding| binding.blocked.is_none())
            {
                let Ok(key) = binding.describe() else { continue };
                if key.state == KeyState::Enabled {
                    grants.insert(format!(
                        "{way} {} {secret} {:?} {} {} {:?} {:?}",
                        credential.access_key_id,
                        credential.expires,
                        binding.external_key_id,
                        binding.key,
                        binding.principals,
                        binding.foreign_keys
                    ));
                }
            }
        }
    }
    grants
}

struct Found {
    grants: BTreeSet<String>,
    alarms: Vec<AlarmView>,
}

async fn open(world: &World) -> Found {
    let running = world.start().await;
    let found = Found {
        grants: grants(&running),
        alarms: running.warden.status().alarms,
    };
    running.stop().await;
    found
}

/// Nothing more is granted than before, and an alarm names the row.
fn check(before: &Found, after: &Found, place: &str, what: &str) {
    let more: Vec<_> = after.grants.difference(&before.grants).collect();
    assert_eq!(more, [""; 0], "{what}");
    let named = after.alarms.iter().any(|alarm| alarm.place == place);
    assert!(named, "{what}: {place} not in {:?}", after.alarms);
}

/// What somebody might write instead, as SQL.
fn edits(row: &Row, column: usize) -> Vec<String> {
    if let Ok(Some(number)) = row.opt_int(column) {
        return ["NULL", "'x'", "0", "-1"]
            .map(str::to_owned)
            .into_iter()
            .chain([(number + 1).to_string(), (number - 1).to_string()])
            .collect();
    }
    if let Ok(Some(text)) = row.opt_text(column) {
        return vec![
            "NULL".to_owned(),
            "''".to_owned(),
            "7".to_owned(),
            "'[]'".to_owned(),
            format!("'{text}x'"),
            format!(
                "'{}'",
                text.to_uppercase().to_lowercase().replace(['a', '1'], "b")
            ),
        ];
    }
    if let Ok(Some(bytes)) = row.opt_blob(column) {
        let flipped = |at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            format!("X'{}'", crypto::hex(&bytes))
        };
        return vec![
            "X''".to_owned(),
            flipped(0),
            flipped(bytes.len() - 1),
            "'x'".to_owned(),
        ];
    }
    ["''", "'x'", "'[]'", "1", "9000000000000000000"]
        .map(str::to_owned)
        .to_vec()
}

/// One row of each table: its condition, and its place in an alarm.
async fn targets(world: &World) -> Vec<(&'static str, String, String)> {
    let running = world.start().await;
    let narrow = running.warden.key_store("narrow").await.unwrap().id;
    let closed = running.warden.key_store("closed").await.unwrap().id;
    running.stop().await;
    let place = |table: &str, row: &str| format!("table {table}, row {row}");
    let mut targets = Vec::new();
    for id in [&narrow, &closed] {
        let store = "warden_key_store";
        targets.push((store, format!("id = '{id}'"), place(store, id)));
    }
    for external in ["listed", "shut"] {
        let table = "warden_binding";
        let condition = format!("external_key_id = '{external}'");
        targets.push((table, condition, place(table, &format!("{narrow}/{external}"))));
    }
    for id in ["AKIABRIEF", "AKIAOLD"] {
        let table = "warden_credential";
        targets.push((table, format!("access_key_id = '{id}'"), place(table, id)));
    }
    for table in ["warden_manifest", "warden_mark"] {
        targets.push((table, "id = 1".to_owned(), place(table, "1")));
    }
    targets
}

/// Edits a copy; `None` if the database did not let us, or nothing has changed.
async fn edited(world: &World, sql: &str) -> Option<World> {
    let copy = world.copy();
    let store = open_store(&copy.database).await;
    let mut transaction = store.begin().await.unwrap();
    let rows = transaction.execute(leak(sql.to_owned()), &[]).await;
    let let_us = rows.is_ok_and(|rows| rows == 1);
    transaction.commit().await.unwrap();
    store.close().await;
    let_us.then_some(copy)
}

#[tokio::test]
async fn every_column_edited_in_every_way_grants_nothing_and_is_named() {
    let world = scene().await;
    switch_off(&world).await;
    let before = open(&world).await;
    assert!(
        before.alarms.is_empty() && before.grants.len() == 2,
        "{:?}",
        before.grants
    );
    let mut done = BTreeSet::new();
    let mut columns_in_all = BTreeSet::new();
    for (table, condition, place) in targets(&world).await {
        let store = open_store(&world.database).await;
        let sql = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = store.query(leak(sql), &[]).await.unwrap();
        let row = format!("SELECT * FROM {table} WHERE {condition}");
        let row = store.query_one(leak(row), &[]).await.unwrap().unwrap();
        store.close().await;
        for (number, column) in columns.iter().enumerate() {
            let column = column.text(0).unwrap();
            columns_in_all.insert(format!("{table}.{column}"));
            for value in edits(&row, number) {
                let what = format!("{table} {condition}: {column} = {value}");
                let differs = format!("{column} IS NOT {value}");
                let sql = format!("UPDATE {table} SET {column} = {value} WHERE {condition} AND {differs}");
                let Some(copy) = edited(&world, &sql).await else {
                    continue;
                };
                done.insert(format!("{table}.{column}"));
                let after = open(&copy).await;
                if column == "last_use" {
                    assert_eq!((&after.grants, &after.alarms), (&before.grants, &before.alarms));
                } else {
                    check(&before, &after, &place, &what);
                }
            }
        }
    }
    assert_eq!(done, columns_in_all, "every column was edited at least once");
}

#[tokio::test]
async fn deleted_rows_are_named() {
    let world = scene().await;
    switch_off(&world).await;
    let before = open(&world).await;
    for (table, condition, place) in targets(&world).await {
        let sql = format!("DELETE FROM {table} WHERE {condition}");
        let copy = edited(&world, &sql).await.unwrap();
        check(&before, &open(&copy).await, &place, &sql);
    }
}

#[tokio::test]
async fn an_earlier_version_of_a_row_is_refused() {
    let world = scene().await;
    let earlier = world.copy();
    switch_off(&world).await;
    let before = open(&world).await;
    for (table, place) in [
        ("warden_key_store", "closed"),
        ("warden_binding", "shut"),
        ("warden_credential", "AKIAOLD"),
        ("warden_manifest", "1"),
    ] {
        let copy = world.copy();
        copy.put_back(&earlier, &[table]).await;
        let after = open(&copy).await;
        let more: Vec<_> = after.grants.difference(&before.grants).collect();
        assert_eq!(more, [""; 0], "{table}");
        // An older manifest calls the newer rows stale, and the store is older than its log.
        if table == "warden_manifest" {
            assert!(after.grants.is_empty());
            assert!(after.alarms.len() >= 3, "{:?}", after.alarms);
            continue;
        }
        let stale: Vec<_> = after
            .alarms
            .iter()
            .filter(|alarm| alarm.problem.contains("an earlier version"))
            .collect();
        assert_eq!(stale.len(), 1, "{place}: {:?}", after.alarms);
        assert!(stale[0].place.contains(table), "{place}: {stale:?}");
    }
    // All of them together are an older store.
    let copy = world.copy();
    let tables = [
        "warden_key_store",
        "warden_binding",
        "warden_credential",
        "warden_manifest",
    ];
    copy.put_back(&earlier, &tables).await;
    assert!(open(&copy).await.grants.is_empty());
}

#[tokio::test]
async fn a_key_enabled_in_its_key_managers_own_tables_stays_disabled() {
    let world = scene().await;
    let earlier = world.copy();
    switch_off(&world).await;
    let before = open(&world).await;
    let tables = ["virtual_hsm", "virtual_hsm_key", "virtual_hsm_key_version"];
    let copy = world.copy();
    copy.put_back(&earlier, &tables).await;
    let running = copy.start().await;
    let key = running.warden.key("off").unwrap();
    assert_eq!(key.state, "disabled");
    let place = format!("key manager {}, key {}", key.key_manager, key.id);
    let after = Found {
        grants: grants(&running),
        alarms: running.warden.status().alarms,
    };
    check(&before, &after, &place, "older virtual HSM");
    // Whoever may, enables it for good; or disables it for good.
    let (warden, by) = (&running.warden, &admin());
    for (state, text) in [(KeyState::Enabled, "enabled"), (KeyState::Disabled, "disabled")] {
        let view = warden.set_key_state(by, "off", state).await.unwrap();
        assert_eq!(view.state, text);
        assert_eq!(running.warden.status().alarms, []);
    }
    running.stop().await;
    assert_eq!(open(&copy).await.alarms, []);
    // One row alone, the key manager notices by itself.
    let copy = world.copy();
    let rows = earlier.dump("virtual_hsm_key").await;
    let row = rows.iter().find(|row| row.contains("'off'")).unwrap();
    copy.edit("DELETE FROM virtual_hsm_key_version WHERE key_id IN (SELECT id FROM virtual_hsm_key WHERE name = 'off')")
        .await;
    copy.edit("DELETE FROM virtual_hsm_key WHERE name = 'off'").await;
    copy.edit(row).await;
    let after = open(&copy).await;
    assert!(after.grants.is_subset(&before.grants));
    assert!(after.alarms.iter().any(|alarm| alarm.place.contains(&key.id)));
}

#[tokio::test]
async fn exchanged_and_forged_rows_are_named() {
    let world = scene().await;
    switch_off(&world).await;
    let before = open(&world).await;
    let columns = "key_id, manager, principals, foreign_keys, blocked, created, generation, tag";
    let main = "(SELECT id FROM warden_key_store WHERE name = 'main')";
    let cases = [
        // Under the listed id, the contents of the unlisted one.
        (
            "warden_binding",
            "listed",
            format!(
                "UPDATE warden_binding SET ({columns}) = (SELECT {columns} FROM warden_binding \
                 WHERE external_key_id = 'ext' AND key_store = {main}) WHERE external_key_id = 'listed'"
            ),
        ),
        // A binding carried into another key store.
        (
            "warden_binding",
            "off",
            format!(
                "INSERT INTO warden_binding SELECT {main}, external_key_id, {columns} FROM warden_binding \
                 WHERE external_key_id = 'off'"
            ),
        ),
        // A credential carried into another key store.
        (
            "warden_credential",
            "AKIACLOSED",
            format!("UPDATE warden_credential SET key_store = {main} WHERE access_key_id = 'AKIACLOSED'"),
        ),
        // A second key store with everything of a blocked one.
        (
            "warden_key_store",
            "ks-forged",
            "INSERT INTO warden_key_store SELECT 'ks-forged', 'forged', '/forged', region, listeners, \
             common_names, NULL, created, generation, tag FROM warden_key_store WHERE name = 'closed'"
                .to_owned(),
        ),
        // A secret of one credential under the id of another.
        (
            "warden_credential",
            "AKIAMAIN",
            "UPDATE warden_credential SET secret = (SELECT secret FROM warden_credential \
             WHERE access_key_id = 'AKIAOLD') WHERE access_key_id = 'AKIAMAIN'"
                .to_owned(),
        ),
    ];
    for (table, row, sql) in cases {
        let copy = edited(&world, &sql).await.unwrap_or_else(|| panic!("{sql}"));
        let after = open(&copy).await;
        assert!(after.grants.is_subset(&before.grants), "{sql}");
        let named = after
            .alarms
            .iter()
            .any(|alarm| alarm.place.contains(table) && alarm.place.contains(row));
        assert!(named, "{sql}: {:?}", after.alarms);
    }
}

/// Edited while the server runs: the row is no base for a change, and the next reading refuses it.
#[tokio::test]
async fn an_edited_row_is_no_base_for_a_change() {
    let world = World::furnished().await;
    let running = world.start().await;
    world.edit("UPDATE warden_binding SET principals = '[]'").await;
    let refused = running.warden.block(&admin(), "main", Some("ext"), "test").await;
    assert!(matches!(refused, Err(crate::ManageError::NotFound { .. })));
    assert!(running.serves().await.is_err());
    assert_eq!(running.warden.status().alarms.len(), 1);
    // Nor does a new binding take the place of a forged or removed one.
    world.edit("DELETE FROM warden_binding").await;
    let taken = running
        .warden
        .bind(&admin(), "main", binding("ext", "first"))
        .await;
    assert!(matches!(taken, Err(crate::ManageError::Exists { .. })));
    world
        .edit(
            "INSERT INTO warden_binding SELECT id, 'forged', 'k', 'm', NULL, NULL, NULL, 1, 1, X'00' \
             FROM warden_key_store",
        )
        .await;
    let conflict = running
        .warden
        .bind(&admin(), "main", binding("forged", "first"))
        .await;
    assert!(matches!(conflict, Err(crate::ManageError::Store(_))));
    running.stop().await;
}
