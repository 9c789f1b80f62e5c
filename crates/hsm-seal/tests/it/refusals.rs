//! Altered rows, other objects, other HSMs: each is refused by a name of its own.

use crypto::{Fields, Key256};
use seal::SealKind;
use seal::roots::RevealFailed;

use crate::kit::scene;

scene! {
    async fn no_bit_of_what_is_protected_may_change(scene) {
        let tokens = scene.fresh(&["a"]);
        let made = hsm_seal::HsmSeals::new(tokens.clone())
            .make(scene.id(), &scene.random)
            .await
            .unwrap();
        let (seal, context) = (made.current(), Fields::new("root"));
        let root = Key256::generate(&*scene.random).unwrap();
        let protected = seal.protect(&*scene.random, &context, &root).await.unwrap();
        assert_eq!(seal.reveal(&context, &protected).await.unwrap().expose(), root.expose());
        let other = Fields::new("another root");
        assert_eq!(seal.reveal(&other, &protected).await.err(), Some(RevealFailed::NotAuthentic));
        for byte in 0..protected.len() {
            let mut altered = protected.clone();
            altered[byte] ^= 1 << (byte % 8);
            assert!(seal.reveal(&context, &altered).await.is_err(), "{byte}");
        }
        // The root's own bytes are the last 48: the key being the right one, it is the row that is not.
        for byte in protected.len() - 48..protected.len() {
            let mut altered = protected.clone();
            altered[byte] ^= 1;
            let refused = seal.reveal(&context, &altered).await.err();
            assert_eq!(refused, Some(RevealFailed::NotAuthentic), "{byte}");
        }
        tokens.close().await;
    }
}

scene! {
    async fn an_altered_row_is_named_and_a_part_of_another_token_does_not_excuse_it(scene) {
        let tokens = scene.fresh(&["a", "b"]);
        scene.init(&tokens).await;
        let mut protected = scene.protected().await;
        // In the first part: the second is as it was.
        let middle = protected.len() / 2 - 4;
        protected[middle] ^= 1;
        scene.set_protected(&protected).await;
        let said = scene.refusal(&tokens).await;
        assert!(said.contains("table seal_root") && said.contains("restore the row"), "{said}");
        tokens.close().await;
    }
}

scene! {
    async fn another_object_of_the_same_name_is_not_taken_for_it(scene) {
        let tokens = scene.fresh(&["a"]);
        scene.init(&tokens).await;
        tokens.close().await;
        let (label, id) = scene.wrapping_key("a").await;
        scene.hsm.pkcs11_tool("a", &["--delete-object", "--type", "secrkey", "--label", &label]);
        let tokens = scene.fresh(&["a"]);
        let said = scene.refusal(&tokens).await;
        assert!(said.contains("has no wrapping key of the seal") && said.contains(&label), "{said}");
        scene.hsm.make_key("a", &label, &id);
        scene.wait();
        let said = scene.refusal(&tokens).await;
        let expected = format!("its key object {label} is not the one that sealed this store");
        assert!(said.contains(&expected), "{said}");
        scene.hsm.make_key("a", &label, &id);
        scene.wait();
        let said = scene.refusal(&tokens).await;
        assert!(said.contains("more than one key object"), "{said}");
        tokens.close().await;
    }
}

scene! {
    async fn another_hsm_is_told_apart(scene) {
        let tokens = scene.fresh(&["a"]);
        scene.init(&tokens).await;
        tokens.close().await;
        let mut config = scene.config(&["a"], "");
        config.tokens[0].label = Some("b".to_owned());
        let tokens = scene.tokens(config);
        let said = scene.refusal(&tokens).await;
        assert!(said.contains("has no wrapping key of the seal"), "{said}");
        assert!(said.contains("connect that HSM, or restore the object"), "{said}");
        tokens.close().await;
    }
}
