//! A block or a disabled key is in force for every answer not yet released.

use std::sync::Arc;

use policy::Denial;

use super::scripted::{Does, Script};
use super::{Running, World, admin, kind};
use crate::{EncryptOutput, Failure, FailureKind, KeyState};

/// An encryption that is held in the key manager.
async fn under_way(
    world: &World,
    running: &Arc<Running>,
) -> tokio::task::JoinHandle<Result<EncryptOutput, Failure>> {
    Script::set(&world.script.encrypt, Does::Wait);
    let task = {
        let running = running.clone();
        tokio::spawn(async move { running.encrypt(&running.caller()).await })
    };
    world.script.arrived.notified().await;
    Script::set(&world.script.encrypt, Does::Work);
    task
}

fn denial(result: Result<EncryptOutput, Failure>) -> Denial {
    match kind(result) {
        FailureKind::Denied(denial) => denial,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_block_is_in_force_for_an_answer_not_yet_released_and_after_a_restart() {
    for (external, expected) in [
        (None, Denial::KeyStoreBlocked),
        (Some("ext"), Denial::BindingBlocked),
    ] {
        let world = World::furnished().await;
        let running = Arc::new(world.start().await);
        let task = under_way(&world, &running).await;
        let early = running.caller();
        running
            .warden
            .block(&admin(), "main", external, "a test")
            .await
            .unwrap();
        world.script.go.notify_one();
        assert_eq!(denial(task.await.unwrap()), expected);
        // Authenticated before the block, asked after it.
        world.script.take_calls();
        assert_eq!(denial(running.encrypt(&early).await), expected);
        assert!(world.script.take_calls().is_empty());
        let described = running.warden.describe(&early, "ext");
        assert!(matches!(kind(described), FailureKind::Denied(denial) if denial == expected));
        assert_eq!(running.warden.health(&early).is_err(), external.is_none());
        running.warden.shutdown().await;

        let running = world.start().await;
        assert_eq!(denial(running.encrypt(&running.caller()).await), expected);
        let view = running.warden.unblock(&admin(), "main", external).await.unwrap();
        assert_eq!((view.blocked, view.bindings[0].blocked.clone()), (None, None));
        assert!(running.encrypt(&running.caller()).await.is_ok());
        running.stop().await;
    }
}

#[tokio::test]
async fn a_disabled_key_is_in_force_for_an_answer_not_yet_released_and_after_a_restart() {
    let world = World::furnished().await;
    let running = Arc::new(world.start().await);
    let task = under_way(&world, &running).await;
    let disabled = running
        .warden
        .set_key_state(&admin(), "first", KeyState::Disabled)
        .await
        .unwrap();
    assert_eq!(disabled.state, "disabled");
    world.script.go.notify_one();
    assert_eq!(denial(task.await.unwrap()), Denial::KeyDisabled);
    let described = running.warden.describe(&running.caller(), "ext");
    assert_eq!(
        described.map_err(|failure| failure.kind).unwrap().state,
        KeyState::Disabled
    );
    running.warden.shutdown().await;

    let running = world.start().await;
    assert_eq!(
        denial(running.encrypt(&running.caller()).await),
        Denial::KeyDisabled
    );
    let enabled = running
        .warden
        .set_key_state(&admin(), "first", KeyState::Enabled)
        .await
        .unwrap();
    assert_eq!(enabled.state, "enabled");
    assert!(running.encrypt(&running.caller()).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn a_block_tells_nothing_of_keys_and_holds_other_key_stores_up_nowhere() {
    let world = World::furnished().await;
    let running = world.start().await;
    running
        .warden
        .create_key_store(&admin(), super::key_store("other"))
        .await
        .unwrap();
    running
        .warden
        .bind(&admin(), "other", super::binding("ext", "first"))
        .await
        .unwrap();
    running
        .warden
        .add_credential(&admin(), "other", super::credential("AKIAOTHER"))
        .await
        .unwrap();
    running
        .warden
        .block(&admin(), "main", None, "a test")
        .await
        .unwrap();
    let caller = running.caller();
    for external in ["ext", "unknown"] {
        assert_eq!(
            denial(running.encrypt_as(&caller, external).await),
            Denial::KeyStoreBlocked
        );
    }
    let other = running.caller_of("other", "AKIAOTHER");
    assert!(running.encrypt(&other).await.is_ok());
    for bad in ["", &"r".repeat(513)] {
        let refused = running.warden.block(&admin(), "main", None, bad).await;
        assert!(matches!(refused, Err(crate::ManageError::Invalid(_))));
    }
    running.stop().await;
}

/// The keyring goes with the warden: nobody else keeps it.
#[tokio::test]
async fn a_seal_is_in_force_for_an_answer_not_yet_released_whatever_is_published_meanwhile() {
    let world = World::furnished().await;
    let running = Arc::new(world.start().await);
    let task = under_way(&world, &running).await;
    let early = running.caller();
    running.warden.seal();
    // An act that was under way publishes what it did.
    running
        .warden
        .block(&admin(), "main", Some("ext"), "a test")
        .await
        .unwrap();
    world.script.go.notify_one();
    assert!(matches!(kind(task.await.unwrap()), FailureKind::Sealed));
    world.script.take_calls();
    assert!(matches!(kind(running.encrypt(&early).await), FailureKind::Sealed));
    assert!(world.script.take_calls().is_empty());
    assert!(matches!(
        kind(running.warden.describe(&early, "ext")),
        FailureKind::Sealed
    ));
    assert!(matches!(kind(running.warden.health(&early)), FailureKind::Sealed));
    assert_eq!(running.warden.status().standing, "sealed");
    running.warden.shutdown().await;
    drop(early);
    let warden = Arc::downgrade(&running.warden);
    drop(running);
    assert_eq!(warden.strong_count(), 0);
    // The act is there at the next start, and nothing was lost.
    let running = world.start().await;
    assert!(running.warden.status().alarms.is_empty());
    running.stop().await;
}
