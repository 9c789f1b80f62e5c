//! Objects that exist, taken over as they are.

use cryptoki::object::Attribute;
use key_manager::{CiphertextMetadata, EncryptWith, Framing, KeyManagerError, Legacy, ObjectName};

use crate::kit::{Scene, counted, scene, serve};

const SAME: EncryptWith = EncryptWith::SameObject {
    count_from: EncryptWith::USUAL_COUNT,
};
fn sample() -> Legacy {
    Legacy {
        framing: Framing::AwsSample,
        metadata: CiphertextMetadata::default(),
    }
}

async fn refused(scene: &Scene, opened: &key_manager::Opened, label: &str, says: &str) {
    let result = opened.lifecycle.adopt(scene.adopted(label, None, SAME)).await;
    let told = |why: &String| why.contains(says);
    assert!(
        matches!(&result, Err(KeyManagerError::NotSuitable(why)) if told(why)),
        "{label}: {result:?}"
    );
    assert!(opened.lifecycle.list().is_empty());
}

scene! {
    async fn what_cannot_be_used_is_refused_with_the_reason(scene) {
        scene.import("a", "twice", &[1; 32], &[]);
        scene.import("a", "twice", &[2; 32], &[]);
        scene.import("a", "short", &[3; 16], &[]);
        scene.import("a", "extractable", &[4; 32], &[Attribute::Extractable(true)]);
        scene.import("a", "shown", &[5; 32], &[Attribute::Sensitive(false)]);
        scene.import("a", "idle", &[6; 32], &[Attribute::Encrypt(false)]);
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        refused(&scene, &opened, "none", "there is no such key object").await;
        refused(&scene, &opened, "twice", "more than one").await;
        refused(&scene, &opened, "short", "16 bytes").await;
        refused(&scene, &opened, "extractable", "it is extractable").await;
        refused(&scene, &opened, "shown", "not sensitive").await;
        refused(&scene, &opened, "idle", "does not do AES-GCM").await;
        refused(&scene, &opened, "", "label or its id").await;
        hsms.close().await;
        let config = scene.config(&["a"], "danger_allow_extractable = true\nallow_short_keys = true");
        let (hsms, opened) = scene.reopen(config).await;
        for label in ["short", "extractable", "shown"] {
            let adopted = scene.adopted(label, None, SAME);
            let id = adopted.key.id.clone();
            opened.lifecycle.adopt(adopted).await.unwrap();
            serve(&opened, &id).await.unwrap();
        }
        hsms.close().await;
    }
}

scene! {
    async fn the_same_object_encrypts_and_is_counted_from_what_is_said(scene) {
        scene.import("a", "old", &[1; 32], &[]);
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let adopted = scene.adopted("old", Some(sample()), SAME);
        let key = adopted.key.id.clone();
        let description = opened.lifecycle.adopt(adopted.clone()).await.unwrap();
        // Two proofs were made with it.
        assert_eq!(counted(&description), EncryptWith::USUAL_COUNT + 2);
        assert_eq!(description.versions.len(), 2);
        assert_eq!(description.versions[1].framing, Framing::AwsSample);
        assert_eq!(description.versions[1].legacy, Some(CiphertextMetadata::default()));
        assert_eq!(description.versions[1].encryptions, None);
        serve(&opened, &key).await.unwrap();
        assert!(matches!(opened.lifecycle.adopt(adopted).await, Err(KeyManagerError::KeyExists)));
        // Found by its id, it is the same object.
        let mut again = scene.adopted("old", None, SAME);
        again.object = ObjectName { label: None, id: Some(crypto::sha256(&[b"old"])[..8].to_vec()) };
        let taken = opened.lifecycle.adopt(again).await;
        assert!(matches!(&taken, Err(KeyManagerError::NotSuitable(why)) if why.contains(key.as_str())), "{taken:?}");
        assert_eq!(scene.objects("a", None), 2);
        hsms.close().await;
    }
}

scene! {
    async fn a_new_object_encrypts_and_the_old_one_decrypts_alone(scene) {
        scene.import("a", "old", &[1; 32], &[]);
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let adopted = scene.adopted("old", Some(sample()), EncryptWith::NewObject);
        let key = adopted.key.id.clone();
        let description = opened.lifecycle.adopt(adopted).await.unwrap();
        assert_eq!(counted(&description), 1);
        assert_ne!(description.versions[0].object, description.versions[1].object);
        serve(&opened, &key).await.unwrap();
        assert_eq!(scene.objects("a", None), 3);
        opened.lifecycle.rotate(key.clone()).await.unwrap();
        serve(&opened, &key).await.unwrap();
        hsms.close().await;
    }
}

scene! {
    async fn contradictions_are_refused(scene) {
        scene.import("a", "old", &[1; 32], &[]);
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let metadata = |bytes: &[u8]| CiphertextMetadata::from_slice(bytes).unwrap();
        let legacy = |framing, bytes: &[u8]| Some(Legacy { framing, metadata: metadata(bytes) });
        let cases = [
            (None, EncryptWith::NewObject),
            (legacy(Framing::Raw, b"m"), EncryptWith::NewObject),
            (legacy(Framing::Raw, b""), SAME),
            (legacy(Framing::Spec, &[2, 1, 1, 1, 1]), SAME),
            (legacy(Framing::Spec, &[1; 17]), EncryptWith::NewObject),
            (None, EncryptWith::SameObject { count_from: (1 << 32) + 1 }),
        ];
        for (legacy, encrypt_with) in cases {
            let result = opened.lifecycle.adopt(scene.adopted("old", legacy, encrypt_with)).await;
            assert!(matches!(result, Err(KeyManagerError::NotSuitable(_))), "{legacy:?} {encrypt_with:?}");
        }
        assert!(opened.lifecycle.list().is_empty());
        hsms.close().await;
    }
}

scene! {
    async fn objects_of_one_name_and_different_bytes_are_no_key(scene) {
        scene.import("a", "shared", &[1; 32], &[]);
        scene.import("b", "shared", &[2; 32], &[]);
        let (hsms, opened) = scene.create(scene.config(&["a", "b"], "")).await;
        refused(&scene, &opened, "shared", "token b: its key object is another key").await;
        scene.import("a", "alone", &[1; 32], &[]);
        refused(&scene, &opened, "alone", "token b: there is no such key object").await;
        hsms.close().await;
    }
}
