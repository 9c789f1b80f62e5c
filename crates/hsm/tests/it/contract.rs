//! What every key manager promises, on each module.

use key_manager::{HealthStatus, KeyId, contract};
use testkit::hsm::Product;

use crate::kit::{Scene, alone};

async fn holds(scene: Scene, more: &str) {
    let (hsms, opened) = scene.create(scene.config(&["a"], more)).await;
    let ids = [(), ()].map(|()| KeyId::generate(scene.random.as_ref()).unwrap());
    contract::check(opened.manager.as_ref(), opened.lifecycle.as_ref(), ids)
        .await
        .unwrap();
    let instances = opened.manager.instances();
    assert_eq!(
        (instances[0].id.as_str(), instances[0].status),
        ("main/a", HealthStatus::Active)
    );
    assert!(instances[0].model.contains(", firmware "), "{instances:?}");
    hsms.close().await;
}

#[test]
fn on_softhsm_in_process() {
    let path = concat!(module_path!(), "::on_softhsm_in_process");
    alone(path, Product::SoftHsm, async |scene| {
        holds(scene, "isolation = \"in-process\"").await;
    });
}

#[test]
fn on_kryoptic_in_process() {
    let path = concat!(module_path!(), "::on_kryoptic_in_process");
    alone(path, Product::Kryoptic, async |scene| {
        holds(scene, "isolation = \"in-process\"").await;
    });
}

#[test]
fn on_softhsm_in_a_worker() {
    let path = concat!(module_path!(), "::on_softhsm_in_a_worker");
    alone(path, Product::SoftHsm, async |scene| {
        holds(scene, "isolation = \"worker\"").await;
    });
}

#[test]
fn on_kryoptic_in_a_worker() {
    let path = concat!(module_path!(), "::on_kryoptic_in_a_worker");
    alone(path, Product::Kryoptic, async |scene| {
        holds(scene, "isolation = \"worker\"").await;
    });
}
