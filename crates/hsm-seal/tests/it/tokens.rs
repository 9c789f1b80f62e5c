//! Tokens that are there, away, back, or refuse their PIN.

use testkit::hsm::{PIN, Product};

use crate::kit::{self, Scene, scene};

async fn a_start_reveals_what_init_protected(scene: &Scene) {
    let tokens = scene.fresh(&["a", "b"]);
    let root = scene.init(&tokens).await;
    tokens.close().await;
    let tokens = scene.fresh(&["a", "b"]);
    let seals = scene.seals(&tokens).await;
    assert_eq!(scene.load(&seals).await.unwrap().current_id(), root);
    assert!(tokens.report().iter().all(|token| token.problem.is_none()));
    let current = seal::SealSource::current(&seals);
    current.probe().await.unwrap();
    tokens.close().await;
}

#[test]
fn a_start_reveals_what_init_protected_on_softhsm() {
    let path = concat!(module_path!(), "::a_start_reveals_what_init_protected_on_softhsm");
    kit::alone(path, Product::SoftHsm, async |scene| {
        a_start_reveals_what_init_protected(scene).await;
    });
}

#[test]
fn a_start_reveals_what_init_protected_on_kryoptic() {
    let path = concat!(
        module_path!(),
        "::a_start_reveals_what_init_protected_on_kryoptic"
    );
    kit::alone(path, Product::Kryoptic, async |scene| {
        a_start_reveals_what_init_protected(scene).await;
    });
}

scene! {
    /// What a root costs a wrapping key: its check and the root when they are made; a start and a probe
    /// encrypt nothing.
    async fn few_encryptions(scene) {
        let tokens = scene.fresh(&["a"]);
        scene.init(&tokens).await;
        let before = scene.shim.calls("C_EncryptInit");
        let seals = scene.seals(&tokens).await;
        scene.load(&seals).await.unwrap();
        let current = seal::SealSource::current(&seals);
        for _ in 0..5 {
            current.probe().await.unwrap();
        }
        assert_eq!(scene.shim.calls("C_EncryptInit"), before);
        tokens.close().await;
    }
}

scene! {
    async fn either_token_is_enough(scene) {
        let tokens = scene.fresh(&["a", "b"]);
        scene.init(&tokens).await;
        tokens.close().await;
        for one in ["a", "b"] {
            let tokens = scene.fresh(&[one]);
            assert_eq!(scene.refusal(&tokens).await, "");
            tokens.close().await;
        }
        // One that the module does not have.
        let mut config = scene.config(&["a", "b"], "");
        config.tokens[0].label = Some("gone".to_owned());
        let tokens = scene.tokens(config);
        assert_eq!(scene.refusal(&tokens).await, "");
        let report = tokens.report();
        assert!(report[0].problem.as_ref().unwrap().contains("token a: the token is gone"));
        assert_eq!(report[1].problem, None);
        // A probe is satisfied with one, and says what is wrong with the other; a new root is not.
        let seals = scene.seals(&tokens).await;
        scene.load(&seals).await.unwrap();
        let current = seal::SealSource::current(&seals);
        current.probe().await.unwrap();
        let root = crypto::Key256::generate(&*scene.random).unwrap();
        let context = crypto::Fields::new("root");
        let refused = current.protect(&*scene.random, &context, &root).await;
        assert!(refused.unwrap_err().to_string().contains("token a"));
        tokens.close().await;
    }
}

scene! {
    async fn tokens_that_come_back_are_found_again(scene) {
        let tokens = scene.fresh(&["a", "b"]);
        scene.init(&tokens).await;
        let seals = scene.seals(&tokens).await;
        scene.load(&seals).await.unwrap();
        let current = seal::SealSource::current(&seals);
        for _ in 0..2 {
            scene.take_all_away();
            let said = scene.refusal(&tokens).await;
            for expected in ["the seal is not available", "token a: the token is gone: connect it", "token b"] {
                assert!(said.contains(expected), "{said}");
            }
            assert!(current.probe().await.is_err());
            assert!(tokens.report().iter().all(|token| token.problem.is_some()));
            scene.bring_all_back();
            assert_eq!(scene.refusal(&tokens).await, "");
            current.probe().await.unwrap();
            assert!(tokens.report().iter().all(|token| token.problem.is_none()));
        }
        tokens.close().await;
    }
}

scene! {
    async fn a_refused_pin_is_presented_once_however_often_a_start_is_tried(scene) {
        let tokens = scene.fresh(&["a"]);
        scene.init(&tokens).await;
        tokens.close().await;
        scene.write_pin("11111111");
        let tokens = scene.fresh(&["a"]);
        let before = scene.shim.calls("C_Login");
        for _ in 0..5 {
            let said = scene.refusal(&tokens).await;
            assert!(said.contains("was refused, and is not presented again"), "{said}");
            assert!(said.contains(scene.hsm.pin_file().to_str().unwrap()), "{said}");
            assert!(!said.contains("11111111"));
            scene.wait();
        }
        assert_eq!(scene.shim.calls("C_Login"), before + 1);
        // The file written again with the same content is the same PIN; another one is tried, once.
        scene.write_pin("11111111\n");
        assert!(scene.refusal(&tokens).await.contains("not presented again"));
        assert_eq!(scene.shim.calls("C_Login"), before + 1);
        scene.write_pin("22222222");
        for _ in 0..5 {
            assert!(scene.refusal(&tokens).await.contains("not presented again"));
        }
        assert_eq!(scene.shim.calls("C_Login"), before + 2);
        scene.write_pin(PIN);
        assert_eq!(scene.refusal(&tokens).await, "");
        tokens.close().await;
    }
}

/// `CKF_USER_PIN_FINAL_TRY`.
const FINAL_TRY: u64 = 0x0002_0000;

scene! {
    /// Somebody used up the tries, and the file has a wrong PIN: it is mended before the last try is lost.
    async fn the_last_try_is_left_to_people_and_the_file_is_read_again(scene) {
        let tokens = scene.fresh(&["a"]);
        scene.init(&tokens).await;
        tokens.close().await;
        scene.write_pin("11111111");
        scene.shim.token_flags(FINAL_TRY);
        let tokens = scene.fresh(&["a"]);
        let before = scene.shim.calls("C_Login");
        for pin in ["11111111", "11111111", PIN, PIN] {
            scene.write_pin(pin);
            let said = scene.refusal(&tokens).await;
            assert!(said.contains("log in once with the vendor's own tool"), "{said}");
            scene.wait();
        }
        assert_eq!(scene.shim.calls("C_Login"), before);
        // Somebody logged in.
        scene.shim.token_flags(0);
        assert_eq!(scene.refusal(&tokens).await, "");
        assert_eq!(scene.shim.calls("C_Login"), before + 1);
        tokens.close().await;
    }
}

scene! {
    async fn what_stands_in_the_way_is_named(scene) {
        let tokens = scene.fresh(&["a"]);
        scene.init(&tokens).await;
        tokens.close().await;
        std::fs::remove_file(scene.hsm.pin_file()).unwrap();
        let tokens = scene.fresh(&["a"]);
        let said = scene.refusal(&tokens).await;
        assert!(said.contains("token a") && said.contains("cannot read the PIN file"), "{said}");
        let mut config = scene.config(&["a"], "");
        config.module = scene.hsm.path().join("none.so");
        scene.write_pin(PIN);
        std::fs::set_permissions(
            scene.hsm.pin_file(),
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )
        .unwrap();
        let said = scene.refusal(&scene.tokens(config)).await;
        assert!(said.contains("none.so"), "{said}");
        // No server has to start anew once that is mended.
        assert_eq!(scene.refusal(&tokens).await, "");
        tokens.close().await;
    }
}
