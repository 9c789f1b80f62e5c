//! New seals: of objects that are made or adopted, to and from key files, cut off anywhere.

use hsm_seal::KIND;
use seal::{KeyFile, SealKind, SealSource, SealSourceError, SealingKeyId, Seals, roots};

use crate::kit::{NOW, Scene, exists, scene};

/// The store's side of a change: every root under the new seal.
async fn seal_the_store(scene: &Scene, old: &Seals, new: &dyn seal::Seal) {
    let store = scene.store().await;
    let mut transaction = store.begin().await.unwrap();
    roots::change_seal(&mut transaction, &*old.current(), new, &*scene.random)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn named_by_the_store(scene: &Scene) -> (String, String) {
    let store = scene.store().await;
    let roots = roots::list(&mut store.read().await.unwrap()).await.unwrap();
    assert!(roots.iter().all(|root| root.seal_id == roots[0].seal_id));
    (roots[0].seal_kind.clone(), roots[0].seal_id.clone())
}

/// As after a kill: nothing but the store, the files and the HSM is left.
async fn opens_after_a_kill(scene: &Scene, kind: &str, id: SealingKeyId, root: SealingKeyId) {
    assert_eq!(named_by_the_store(scene).await, (kind.to_owned(), id.to_string()));
    let tokens = scene.fresh(&["a", "b"]);
    let seals = scene.seals(&tokens).await;
    assert_eq!(seals.current().id(), id);
    let keyring = scene.load(&seals).await.unwrap();
    assert!(keyring.ids().any(|known| known == root));
    tokens.close().await;
}

scene! {
    async fn a_change_from_kind_to_kind_may_be_cut_off_anywhere(scene) {
        let tokens = scene.fresh(&["a", "b"]);
        let root = scene.init(&tokens).await;
        let mut before = scene.seals(&tokens).await.current().id();
        let mut kind = KIND;
        for to in [KeyFile::KIND, KIND, KIND, KeyFile::KIND, KeyFile::KIND] {
            for cut_off_after in 1..=3 {
                let seals = scene.seals(&tokens).await;
                scene.load(&seals).await.unwrap();
                let id = scene.id();
                let new = seals.prepare(Some(to), id, &scene.random).await.unwrap();
                if cut_off_after == 1 {
                    opens_after_a_kill(scene, kind, before, root).await;
                    continue;
                }
                seal_the_store(scene, &seals, &*new).await;
                if cut_off_after == 3 {
                    let replaced = seals.replace().await.unwrap();
                    assert_eq!(seals.current().id(), id);
                    assert_ne!(replaced.place, replaced.previous);
                }
                opens_after_a_kill(scene, to, id, root).await;
                (kind, before) = (to, id);
            }
        }
        tokens.close().await;
    }
}

scene! {
    async fn roots_are_rotated_under_it(scene) {
        let tokens = scene.fresh(&["a", "b"]);
        let first = scene.init(&tokens).await;
        let seals = scene.seals(&tokens).await;
        scene.load(&seals).await.unwrap();
        let store = scene.store().await;
        let id = scene.id();
        let mut transaction = store.begin().await.unwrap();
        roots::rotate(&mut transaction, &*seals.current(), &*scene.random, NOW, id)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        tokens.close().await;
        for one in ["a", "b"] {
            let tokens = scene.fresh(&[one]);
            let keyring = scene.load(&scene.seals(&tokens).await).await.unwrap();
            assert_eq!(keyring.ids().collect::<Vec<_>>(), [id, first]);
            tokens.close().await;
        }
    }
}

scene! {
    async fn a_new_seal_needs_every_token_and_makes_nothing_without(scene) {
        let tokens = scene.fresh(&["a"]);
        let mut config = scene.config(&["a", "b"], "");
        config.tokens[1].label = Some("gone".to_owned());
        let of_two = scene.tokens(config);
        let made = hsm_seal::HsmSeals::new(of_two.clone()).make(scene.id(), &scene.random).await;
        let said = made.map(drop).unwrap_err().to_string();
        assert!(said.contains("token b") && said.contains("needs every token"), "{said}");
        let listed = scene.hsm.pkcs11_tool("a", &["--list-objects"]);
        assert!(!listed.contains("strongroom-seal"), "{listed}");
        tokens.close().await;
        of_two.close().await;
    }
}

scene! {
    /// What is made can neither be taken out nor be shown.
    async fn a_wrapping_key_never_leaves(scene) {
        let tokens = scene.fresh(&["a", "b"]);
        scene.init(&tokens).await;
        tokens.close().await;
        for token in ["a", "b"] {
            let (label, _) = scene.wrapping_key(token).await;
            let listed = scene.hsm.pkcs11_tool(token, &["--list-objects", "--type", "secrkey"]);
            let ours: Vec<&str> = listed.split("Secret Key Object").filter(|o| o.contains(&label)).collect();
            assert_eq!(ours.len(), 1, "{listed}");
            assert!(ours[0].contains("never extractable") && ours[0].contains("sensitive"), "{listed}");
        }
        assert!(!exists(&scene.key_file()));
    }
}

scene! {
    async fn an_existing_object_is_adopted_if_it_is_fit(scene) {
        scene.hsm.make_key("a", "ours", "0a0b");
        let adopt = |more: &str| {
            let tokens = scene.tokens(scene.config(&["a"], more));
            async move {
                let made = hsm_seal::HsmSeals::new(tokens.clone()).make(scene.id(), &scene.random).await;
                tokens.close().await;
                made.map(|source| source.place())
            }
        };
        for named in [r#"{ label = "ours" }"#, r#"{ id = "0a0b" }"#, r#"{ label = "ours", id = "0a0b" }"#] {
            adopt(&format!("object = {named}")).await.unwrap();
        }
        let place = adopt(r#"object = { label = "ours" }"#).await.unwrap();
        assert!(place.contains("key object ours on the token"), "{place}");
        let missing = adopt(r#"object = { label = "none" }"#).await;
        assert!(matches!(missing, Err(SealSourceError::Hsm(why)) if why.contains("no such key object")));
        scene.hsm.pkcs11_tool("a", &["--keygen", "--key-type", "AES:16", "--label", "short", "--id", "01"]);
        let short = adopt(r#"object = { label = "short" }"#).await;
        assert!(matches!(short, Err(SealSourceError::Hsm(why)) if why.contains("16 bytes")));
        scene.hsm.make_key("a", "ours", "0c");
        let two = adopt(r#"object = { label = "ours" }"#).await;
        assert!(matches!(two, Err(SealSourceError::Hsm(why)) if why.contains("more than one")));
        // What was adopted by its id reveals, whatever the configuration names later.
        let tokens = scene.tokens(scene.config(&["a"], r#"object = { id = "0a0b" }"#));
        scene.init(&tokens).await;
        tokens.close().await;
        let tokens = scene.fresh(&["a"]);
        assert_eq!(scene.refusal(&tokens).await, "");
        tokens.close().await;
    }
}
