//! One key store does not reach another's keys; roles hold through the methods.

use std::sync::Arc;

use foldhash::HashMap;
use key_manager::KeyUsage;
use policy::Denial;
use proptest::prelude::*;

use super::deletion::WEEK;
use super::{World, actor, admin, binding, credential, key_store, kind};
use crate::{
    Actor, Caller, Directory, Evidence, FailureKind, KeyState, ManageError, NewBinding, Role, Warden,
};

#[tokio::test]
async fn a_key_bound_in_one_key_store_is_not_reachable_from_another() {
    let world = World::furnished().await;
    let running = world.start().await;
    let warden = &running.warden;
    warden
        .create_key_store(&admin(), key_store("other"))
        .await
        .unwrap();
    warden
        .add_credential(&admin(), "other", credential("AKIAOTHER"))
        .await
        .unwrap();
    let other = running.caller_of("other", "AKIAOTHER");
    assert!(matches!(
        kind(running.encrypt(&other).await),
        FailureKind::UnknownExternalKey
    ));
    assert!(matches!(
        kind(warden.describe(&other, "ext")),
        FailureKind::UnknownExternalKey
    ));
    // The same external key id on a key of its own is another key.
    warden
        .create_key(&admin(), "hsm", "second", KeyUsage::BOTH)
        .await
        .unwrap();
    warden
        .bind(&admin(), "other", binding("ext", "second"))
        .await
        .unwrap();
    let output = running.encrypt(&running.caller()).await.unwrap();
    assert!(matches!(
        kind(running.decrypt(&other, &output).await),
        FailureKind::NotAuthentic
    ));
    // A credential opens one key store.
    let directory = warden.directory();
    let main = directory.key_store("/main").unwrap();
    assert!(
        main.credential("AKIAOTHER", ambient::Timestamp::from_secs(0))
            .is_none()
    );
    running.stop().await;
}

#[tokio::test]
async fn usage_and_callers_are_held() {
    let world = World::furnished().await;
    let running = world.start().await;
    let warden = &running.warden;
    for (name, usage) in [("enc", "encrypt"), ("dec", "decrypt"), ("none", "none")] {
        warden
            .create_key(&admin(), "hsm", name, usage.parse().unwrap())
            .await
            .unwrap();
        warden.bind(&admin(), "main", binding(name, name)).await.unwrap();
    }
    let narrow = NewBinding {
        principals: Some(vec!["arn:aws:iam::1:*".to_owned()]),
        ..binding("narrow", "first")
    };
    warden.bind(&admin(), "main", narrow).await.unwrap();
    let caller = running.caller();
    assert!(running.encrypt_as(&caller, "enc").await.is_ok());
    for name in ["dec", "none"] {
        let refused = kind(running.encrypt_as(&caller, name).await);
        assert!(matches!(refused, FailureKind::Denied(Denial::Usage)), "{name}");
    }
    assert!(matches!(
        kind(running.encrypt_as(&caller, "narrow").await),
        FailureKind::Denied(Denial::Principal)
    ));
    let known = Caller {
        evidence: Evidence {
            principal: Some("arn:aws:iam::1:role/app".into()),
            ..Evidence::default()
        },
        ..caller
    };
    assert!(running.encrypt_as(&known, "narrow").await.is_ok());
    running.stop().await;
}

/// Does every kind of change once; returns who was refused, by the name of the act.
async fn try_all(warden: &Arc<Warden>, actor: &Actor) -> Vec<(&'static str, bool)> {
    fn refused<T>(done: &Result<T, ManageError>) -> bool {
        matches!(done, Err(ManageError::NotPermitted { .. }))
    }
    let (a, name) = (actor, actor.role.as_str());
    let ext = &format!("ext-{name}");
    vec![
        (
            "create-key-manager",
            refused(&warden.create_key_manager(a, "virtual-hsm", name).await),
        ),
        (
            "create-key",
            refused(&warden.create_key(a, "hsm", name, KeyUsage::BOTH).await),
        ),
        (
            "set-key-state",
            refused(&warden.set_key_state(a, "first", KeyState::Disabled).await),
        ),
        ("rotate-key", refused(&warden.rotate_key(a, "first").await)),
        (
            "schedule-key-deletion",
            refused(&warden.schedule_key_deletion(a, "first", WEEK).await),
        ),
        (
            "cancel-key-deletion",
            refused(&warden.cancel_key_deletion(a, "first").await),
        ),
        (
            "adopt-key",
            refused(&warden.adopt_key(a, "hsm", super::deletion::object(name)).await),
        ),
        (
            "create-key-store",
            refused(&warden.create_key_store(a, key_store(name)).await),
        ),
        (
            "bind",
            refused(&warden.bind(a, "main", binding(ext, "first")).await),
        ),
        ("block", refused(&warden.block(a, "main", None, "test").await)),
        ("unblock", refused(&warden.unblock(a, "main", None).await)),
        (
            "add-credential",
            refused(
                &warden
                    .add_credential(a, "main", credential(&name.to_uppercase()))
                    .await,
            ),
        ),
        (
            "retire-credential",
            refused(&warden.retire_credential(a, "main", "AKIAMAIN").await),
        ),
        (
            "acknowledge-recovery",
            refused(&warden.acknowledge_recovery(a).await),
        ),
    ]
}

#[tokio::test]
async fn what_a_role_may_not_do_is_recorded_and_changes_nothing() {
    for role in Role::ALL {
        let world = World::furnished().await;
        let before = world.records().len();
        let running = world.start().await;
        let generation = running.warden.directory().generation();
        let tried = try_all(&running.warden, &actor(role)).await;
        let refused: Vec<_> = tried
            .iter()
            .filter(|(_, refused)| *refused)
            .map(|(act, _)| *act)
            .collect();
        let made = 14 - refused.len() as u64;
        if made == 0 {
            assert_eq!(running.warden.directory().generation(), generation);
            assert_eq!(running.serves().await, Ok(()));
        }
        running.stop().await;
        let records = world.records().split_off(before);
        let intents: Vec<_> = records
            .iter()
            .filter(|record| record["type"] == "intent")
            .collect();
        assert_eq!(intents.len(), 14, "{role}");
        for intent in intents {
            let outcome = records
                .iter()
                .find(|record| record["type"] == "outcome" && record["change_id"] == intent["change_id"])
                .unwrap();
            let act = intent["change"]["act"].as_str().unwrap();
            let is_refused = refused.contains(&act);
            // There is nothing to acknowledge, and a virtual HSM has no objects.
            let fails = is_refused || matches!(act, "acknowledge-recovery" | "adopt-key");
            assert_eq!(outcome["result"] == "not-done", fails, "{role} {act}");
            if is_refused {
                assert_eq!(outcome["error"], format!("the role {role} may not do this"));
                assert_eq!(outcome["generation"], intent["generation"]);
            }
        }
        let expected: &[&str] = match role {
            Role::Auditor => &[
                "create-key-manager",
                "create-key",
                "set-key-state",
                "rotate-key",
                "schedule-key-deletion",
                "cancel-key-deletion",
                "adopt-key",
                "create-key-store",
                "bind",
                "block",
                "unblock",
                "add-credential",
                "retire-credential",
                "acknowledge-recovery",
            ],
            Role::Operator => &[
                "create-key-manager",
                "create-key",
                "set-key-state",
                "rotate-key",
                "schedule-key-deletion",
                "cancel-key-deletion",
                "adopt-key",
                "create-key-store",
                "bind",
                "unblock",
                "add-credential",
                "retire-credential",
                "acknowledge-recovery",
            ],
            Role::KeyCustodian => &[
                "create-key-store",
                "add-credential",
                "retire-credential",
                "acknowledge-recovery",
            ],
            Role::Admin => &[],
        };
        assert_eq!(refused, expected, "{role}");
    }
}

#[tokio::test]
async fn names_that_look_like_ids_are_refused() {
    let world = World::furnished().await;
    let running = world.start().await;
    let warden = &running.warden;
    let store = warden.key_store("main").await.unwrap().id;
    let taken = warden.create_key_store(&admin(), key_store(&store)).await;
    assert!(matches!(taken, Err(ManageError::Invalid(_))));
    let manager = warden.key_managers()[0].id.clone();
    let taken = warden.create_key_manager(&admin(), "virtual-hsm", &manager).await;
    assert!(matches!(taken, Err(ManageError::Invalid(_))));
    let key = warden.key("first").unwrap().id;
    let taken = warden.create_key(&admin(), "hsm", &key, KeyUsage::BOTH).await;
    assert!(matches!(taken, Err(ManageError::Invalid(_))));
    assert!(warden.create_key_store(&admin(), key_store("ks-1")).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn a_change_too_large_for_its_record_is_refused_as_such() {
    let world = World::furnished().await;
    let running = world.start().await;
    let long = |count: usize| Some(vec!["a".repeat(2048); count]);
    let new = NewBinding {
        principals: long(32),
        foreign_keys: long(32),
        ..binding("large", "first")
    };
    let refused = running.warden.bind(&admin(), "main", new).await;
    assert!(matches!(refused, Err(ManageError::Invalid(_))));
    let new = NewBinding {
        principals: long(15),
        foreign_keys: long(15),
        ..binding("large", "first")
    };
    assert!(running.warden.bind(&admin(), "main", new).await.is_ok());
    running.stop().await;
}

fn directory_of(prefixes: &[String]) -> Directory {
    let mut by_prefix = HashMap::default();
    for prefix in prefixes {
        let store = crate::KeyStore {
            id: crate::KeyStoreId::from_row(prefix),
            name: key_manager::Name::parse("x").unwrap(),
            path_prefix: prefix.as_str().into(),
            region: None,
            listeners: None,
            common_names: None,
            created: ambient::Timestamp::from_secs(0),
            blocked: None,
            credentials: HashMap::default(),
            bindings: HashMap::default(),
            load: Arc::default(),
        };
        by_prefix.insert(store.path_prefix.clone(), Arc::new(store));
    }
    Directory {
        by_prefix,
        ..Directory::default()
    }
}

proptest! {
    #[test]
    fn xks_uri_08_path_prefixes_match_exactly(
        prefixes in prop::collection::btree_set("(/[aA%2f.]{1,3}){0,3}/?", 1..8),
        asked in "(/[aA%2f.]{1,3}){0,3}/?",
    ) {
        let prefixes: Vec<_> = prefixes.into_iter().collect();
        let directory = directory_of(&prefixes);
        let ask = |prefix: &str| directory.key_store(prefix).map(|store| store.path_prefix.to_string());
        for prefix in &prefixes {
            prop_assert_eq!(ask(prefix), Some(prefix.clone()));
        }
        prop_assert_eq!(ask(&asked), prefixes.contains(&asked).then(|| asked.clone()));
    }
}
