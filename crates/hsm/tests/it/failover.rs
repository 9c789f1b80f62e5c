//! Tokens that go away, hang, slow down and come back, with a second one beside them.

use std::time::Duration;

use cryptoki::object::{Attribute, ObjectClass};
use hsm::{HsmConfig, Hsms};
use key_manager::{EncryptWith, HealthStatus, KeyId, KeyManagerError, KeyManagerProvider, Opened};

use crate::kit::{Scene, decrypt, encrypt, scene, serve, until};

const KEY: [u8; 32] = [7; 32];
const SAME: EncryptWith = EncryptWith::SameObject { count_from: 0 };

/// One key on both tokens, adopted.
pub(crate) async fn two(scene: &Scene, more: &str) -> (Hsms, Opened, KeyId, HsmConfig) {
    for token in ["a", "b"] {
        scene.import(token, "shared", &KEY, &[]);
    }
    let config = scene.config(&["a", "b"], more);
    let (hsms, opened) = scene.create(config.clone()).await;
    let adopted = scene.adopted("shared", None, SAME);
    let id = adopted.key.id.clone();
    opened.lifecycle.adopt(adopted).await.unwrap();
    (hsms, opened, id, config)
}

pub(crate) fn status(opened: &Opened, token: usize) -> HealthStatus {
    opened.manager.instances()[token].status
}

/// Requests without end, until told; how many were served.
async fn load(opened: Opened, key: KeyId, mut stop: tokio::sync::oneshot::Receiver<()>) -> usize {
    let mut served = 0;
    while stop.try_recv().is_err() {
        let requests = [(); 4].map(|()| serve(&opened, &key));
        let [a, b, c, d] = requests;
        let (a, b, c, d) = tokio::join!(a, b, c, d);
        for result in [a, b, c, d] {
            result.unwrap();
        }
        served += 4;
    }
    served
}

/// Serves under load while `disturb` runs; fails if one request fails.
pub(crate) async fn under_load(opened: &Opened, key: &KeyId, disturb: impl Future<Output = ()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let requests = tokio::spawn(load(opened.clone(), key.clone(), stopped));
    disturb.await;
    stop.send(()).unwrap();
    assert!(requests.await.unwrap() > 0);
}

scene! {
    async fn a_token_that_is_taken_away_and_brought_back_costs_no_request(scene) {
        let (hsms, opened, key, _) = two(&scene, "").await;
        let before = encrypt(&opened, &key, b"before").await.unwrap();
        under_load(&opened, &key, async {
            for _ in 0..2 {
                for (index, token) in ["a", "b"].into_iter().enumerate() {
                    scene.hsm.take_away(token);
                    until("the token is out", || status(&opened, index) == HealthStatus::Unavailable).await;
                    assert!(opened.manager.instances()[index].detail.is_some(), "it says why");
                    opened.manager.probe().await.unwrap();
                    scene.hsm.bring_back(token);
                    until("the token is back", || status(&opened, index) == HealthStatus::Active).await;
                    let calls = scene.shim(token).calls("C_Decrypt");
                    // It serves requests again, not only probes.
                    until("it has work", || scene.shim(token).calls("C_Decrypt") > calls + 20).await;
                }
            }
        })
        .await;
        assert_eq!(decrypt(&opened, &key, &before).await.unwrap(), b"before");
        hsms.close().await;
    }
}

scene! {
    async fn sessions_closed_behind_our_back_cost_no_request(scene) {
        let (hsms, opened, key, _) = two(&scene, "").await;
        under_load(&opened, &key, async {
            for token in ["a", "b", "a"] {
                let before = scene.shim(token).calls("C_OpenSession");
                scene.shim(token).close_sessions();
                until("sessions are opened again", || scene.shim(token).calls("C_OpenSession") > before).await;
            }
        })
        .await;
        hsms.close().await;
    }
}

scene! {
    async fn every_code_that_speaks_against_the_token_costs_no_request(scene) {
        let (hsms, opened, key, _) = two(&scene, "").await;
        // CKR_DEVICE_ERROR, CKR_TOKEN_NOT_PRESENT, CKR_GENERAL_ERROR, CKR_HOST_MEMORY, CKR_SESSION_COUNT,
        // CKR_FUNCTION_FAILED, CKR_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN.
        for code in [0x30, 0xE0, 0x05, 0x02, 0xB1, 0x06, 0x60, 0x101] {
            for function in ["C_EncryptInit", "C_Encrypt", "C_DecryptInit"] {
                scene.shim("a").fail(function, code, 8);
                for _ in 0..8 {
                    serve(&opened, &key).await.unwrap();
                }
                scene.shim("a").fail(function, code, 0);
            }
        }
        until("both serve", || (0..2).all(|index| status(&opened, index) == HealthStatus::Active)).await;
        hsms.close().await;
    }
}

scene! {
    async fn a_token_that_hangs_leaves_within_one_request(scene) {
        let (hsms, opened, key, _) = two(&scene, "deadline = \"2s\"").await;
        let hanging = scene.shim("a");
        hanging.hang("C_Encrypt");
        while status(&opened, 0) != HealthStatus::Unavailable {
            let requests = [(); 4].map(|()| serve(&opened, &key));
            let [a, b, c, d] = requests;
            let (a, b, c, d) = tokio::join!(a, b, c, d);
            for result in [a, b, c, d] {
                result.unwrap();
            }
        }
        assert!(hanging.hanging() > 0);
        assert_eq!(status(&opened, 1), HealthStatus::Active);
        // What waited for it waits no more.
        let calls = hanging.calls("C_EncryptInit");
        serve(&opened, &key).await.unwrap();
        assert!(hanging.calls("C_EncryptInit") <= calls + 1);
        hanging.release();
        until("it is back", || status(&opened, 0) == HealthStatus::Active).await;
        hsms.close().await;
    }
}

scene! {
    async fn a_slow_token_is_avoided(scene) {
        let (hsms, opened, key, _) = two(&scene, "").await;
        for function in ["C_Encrypt", "C_Decrypt"] {
            scene.shim("a").slow(function, Duration::from_millis(200));
        }
        // One of the first goes there.
        for _ in 0..4 {
            serve(&opened, &key).await.unwrap();
        }
        let before = scene.shim("b").calls("C_Encrypt");
        for _ in 0..100 {
            serve(&opened, &key).await.unwrap();
        }
        let served = scene.shim("b").calls("C_Encrypt") - before;
        assert!(served >= 80, "{served} of 100");
        hsms.close().await;
    }
}

scene! {
    async fn with_one_token_a_hiccup_costs_one_request_and_no_more(scene) {
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let key = crate::kit::create_key(&opened, scene.new_key("k")).await;
        serve(&opened, &key).await.unwrap();
        scene.shim("a").fail("C_EncryptInit", 0x30, 1);
        let failed = serve(&opened, &key).await;
        if let Err(error) = failed {
            assert!(error.to_string().contains("token a"), "{error}");
        }
        // Before any probe.
        serve(&opened, &key).await.unwrap();
        hsms.close().await;
    }
}

scene! {
    async fn tokens_that_are_away_at_the_start_are_connected_when_they_come(scene) {
        let (hsms, _opened, key, config) = two(&scene, "").await;
        hsms.close().await;
        scene.hsm.take_away("a");
        scene.hsm.take_away("b");
        let (hsms, opened) = scene.reopen(config).await;
        let failed = serve(&opened, &key).await.unwrap_err();
        assert!(matches!(&failed, KeyManagerError::Unavailable(why) if why.contains("token ")), "{failed}");
        assert!(opened.manager.probe().await.is_err());
        assert_eq!([status(&opened, 0), status(&opened, 1)], [HealthStatus::Unavailable; 2]);
        scene.hsm.bring_back("b");
        until("b is there", || status(&opened, 1) == HealthStatus::Active).await;
        serve(&opened, &key).await.unwrap();
        opened.manager.probe().await.unwrap();
        scene.hsm.bring_back("a");
        until("a is there", || status(&opened, 0) == HealthStatus::Active).await;
        hsms.close().await;
    }
}

scene! {
    /// Its name is right and its bytes are not: what it says of ciphertexts is not believed.
    async fn an_object_that_was_replaced_while_the_token_was_away_is_not_used(scene) {
        let (hsms, opened, key, config) = two(&scene, "").await;
        let before = encrypt(&opened, &key, b"before").await.unwrap();
        hsms.close().await;
        replace(&scene, "a", &[8; 32]);
        let (hsms, opened) = scene.reopen(config).await;
        // Not even when it is the first to be asked.
        for _ in 0..10 {
            serve(&opened, &key).await.unwrap();
            assert_eq!(decrypt(&opened, &key, &before).await.unwrap(), b"before");
        }
        // The token itself is well, and serves other keys.
        assert_eq!([status(&opened, 0), status(&opened, 1)], [HealthStatus::Active; 2]);
        scene.hsm.take_away("b");
        until("b is out", || {
            let probe = scene.shim("b").calls("C_EncryptInit");
            probe > 0 && status(&opened, 1) == HealthStatus::Unavailable
        })
        .await;
        let failed = decrypt(&opened, &key, &before).await.unwrap_err();
        assert!(matches!(&failed, KeyManagerError::Unavailable(_)), "{failed}");
        hsms.close().await;
    }
}

fn replace(scene: &Scene, token: &str, value: &[u8]) {
    let session = scene.beside(token);
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(b"shared".to_vec()),
    ];
    let object = session.find_objects(&template).unwrap()[0];
    session.destroy_object(object).unwrap();
    scene.import(token, "shared", value, &[]);
}

scene! {
    async fn a_refused_pin_is_presented_again_only_when_its_file_changes(scene) {
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let key = crate::kit::create_key(&opened, scene.new_key("k")).await;
        hsms.close().await;
        let right = std::fs::read(scene.hsm.pin_file()).unwrap();
        std::fs::write(scene.hsm.pin_file(), "99999999").unwrap();
        let before = scene.shim("a").calls("C_Login");
        let (hsms, opened) = scene.reopen(scene.config(&["a"], "")).await;
        for _ in 0..3 {
            let failed = serve(&opened, &key).await.unwrap_err();
            assert!(failed.to_string().contains("PIN"), "{failed}");
            assert!(opened.manager.probe().await.is_err());
        }
        assert_eq!(scene.shim("a").calls("C_Login"), before + 1);
        assert_eq!(status(&opened, 0), HealthStatus::Unavailable);
        std::fs::write(scene.hsm.pin_file(), right).unwrap();
        opened.manager.probe().await.unwrap();
        serve(&opened, &key).await.unwrap();
        hsms.close().await;
    }
}

scene! {
    async fn no_search_and_no_login_in_steady_state(scene) {
        let (hsms, opened, key, _) = two(&scene, "").await;
        for _ in 0..8 {
            serve(&opened, &key).await.unwrap();
        }
        let count = |function: &str| scene.shim("a").calls(function) + scene.shim("b").calls(function);
        let before = ["C_FindObjectsInit", "C_GetAttributeValue", "C_Login"].map(count);
        for _ in 0..50 {
            serve(&opened, &key).await.unwrap();
        }
        assert_eq!(["C_FindObjectsInit", "C_GetAttributeValue", "C_Login"].map(count), before);
        hsms.close().await;
    }
}

scene! {
    async fn a_section_that_is_not_configured_opens_as_unavailable(scene) {
        let (hsms, _opened, key, config) = two(&scene, "").await;
        hsms.close().await;
        let other = HsmConfig { name: "other".to_owned(), ..config };
        let (hsms, opened) = scene.reopen(other).await;
        assert!(hsms.refused().is_empty());
        assert_eq!(opened.manager.instances()[0].status, HealthStatus::Unavailable);
        assert!(opened.manager.describe(&key).is_ok());
        let failed = encrypt(&opened, &key, b"x").await.unwrap_err();
        assert!(failed.to_string().contains("[[hsm]]"), "{failed}");
        assert!(opened.manager.probe().await.is_err());
        hsms.close().await;
    }
}

scene! {
    async fn a_module_that_is_missing_at_the_start_is_loaded_when_it_comes(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let key = crate::kit::create_key(&opened, scene.new_key("k")).await;
        hsms.close().await;
        let mut later = config;
        let module = scene.hsm.path().join("later.so");
        later.tokens[0].module = Some(module.clone());
        let (hsms, opened) = scene.reopen(later).await;
        let failed = serve(&opened, &key).await.unwrap_err();
        assert!(failed.to_string().contains("later.so"), "{failed}");
        assert_eq!(status(&opened, 0), HealthStatus::Unavailable);
        pkcs11_shim::install(scene.hsm.path(), "later", &scene.hsm.path().join("real-a.so")).unwrap();
        until("it is connected", || status(&opened, 0) == HealthStatus::Active).await;
        serve(&opened, &key).await.unwrap();
        hsms.close().await;
    }
}

scene! {
    /// Two nodes that made it at one time.
    async fn two_keys_for_probes_are_none_and_cost_nothing(scene) {
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let key = crate::kit::create_key(&opened, scene.new_key("k")).await;
        let label = format!("strongroom {} a", opened.description.id);
        hsms.close().await;
        let id = scene.beside("a");
        let probes = [Attribute::Label(label.clone().into_bytes())];
        let canary = id.find_objects(&probes).unwrap()[0];
        let told = id.get_attributes(canary, &[cryptoki::object::AttributeType::Id]).unwrap();
        scene.import("a", &label, &[1; 32], &told);
        drop(id);
        let (hsms, opened) = scene.reopen(scene.config(&["a"], "")).await;
        opened.manager.probe().await.unwrap();
        serve(&opened, &key).await.unwrap();
        assert_eq!(status(&opened, 0), HealthStatus::Active);
        hsms.close().await;
    }
}
