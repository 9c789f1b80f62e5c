//! Ciphertexts of other products, made by an independent AES-GCM under the bytes of an adopted key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use key_manager::{
    CiphertextMetadata, EncryptOutput, EncryptWith, Framing, Iv, KeyId, KeyManagerError, Legacy, Opened,
};

use crate::kit::{Scene, aad, decrypt, encrypt, scene};

const KEY: [u8; 32] = *b"the key that another product had";
const IV: [u8; 12] = *b"twelve bytes";

fn metadata(bytes: &[u8]) -> CiphertextMetadata {
    CiphertextMetadata::from_slice(bytes).unwrap()
}

/// AES-256-GCM with this AAD, whatever was framed into it.
fn seal(framed: &[u8], plaintext: &[u8], metadata: CiphertextMetadata) -> EncryptOutput {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    let mut text = plaintext.to_vec();
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(IV), Aad::from(framed), &mut text);
    EncryptOutput {
        ciphertext: text,
        iv: Iv::Twelve(IV),
        tag: tag.unwrap().as_ref().try_into().unwrap(),
        metadata,
    }
}

/// What AWS's sample authenticates, written down anew: the length of the AAD, the hash of an AAD that is
/// there, the length of the metadata, the metadata.
fn as_the_sample(aad: Option<&[u8]>, metadata: &[u8]) -> Vec<u8> {
    let mut framed = Vec::new();
    framed.extend_from_slice(
        &u16::try_from(aad.unwrap_or_default().len())
            .unwrap()
            .to_be_bytes(),
    );
    if let Some(aad) = aad {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, aad);
        framed.extend_from_slice(digest.as_ref());
    }
    framed.push(u8::try_from(metadata.len()).unwrap());
    framed.extend_from_slice(metadata);
    framed
}

async fn adopt(scene: &Scene, opened: &Opened, token_label: &str, legacy: Legacy) -> KeyId {
    scene.import("a", token_label, &KEY, &[]);
    let adopted = scene.adopted(token_label, Some(legacy), EncryptWith::NewObject);
    let id = adopted.key.id.clone();
    opened.lifecycle.adopt(adopted).await.unwrap();
    id
}

async fn open(
    opened: &Opened,
    key: &KeyId,
    output: &EncryptOutput,
    data: Option<&[u8]>,
) -> Result<Vec<u8>, KeyManagerError> {
    let plaintext = opened.manager.decrypt(key, output.as_ref(), aad(data)).await?;
    Ok(plaintext.expose().to_vec())
}

const AADS: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"project=nile"), Some(&[0xA5; 8192])];

scene! {
    async fn what_the_sample_proxy_encrypted_decrypts(scene) {
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        for (number, written) in [&b""[..], b"key_version=1"].into_iter().enumerate() {
            let legacy = Legacy { framing: Framing::AwsSample, metadata: metadata(written) };
            let key = adopt(&scene, &opened, &format!("sample-{number}"), legacy).await;
            for data in AADS {
                for plaintext in [&b""[..], b"plaintext", &[7; 4096]] {
                    let output = seal(&as_the_sample(data, written), plaintext, metadata(written));
                    assert_eq!(open(&opened, &key, &output, data).await.unwrap(), plaintext);
                    // An AAD that is absent and one that is empty are two.
                    let other = if data.is_none() { Some(&b""[..]) } else { None };
                    let refused = open(&opened, &key, &output, other).await;
                    assert!(matches!(refused, Err(KeyManagerError::NotAuthentic)));
                }
            }
            // Other metadata is not this version's, and nothing else is tried.
            for wrong in [&b"key_version=2"[..], b"k", &[2, 0, 0, 0, 0], &[1; 17]] {
                let output = seal(&as_the_sample(None, wrong), b"plaintext", metadata(wrong));
                let refused = open(&opened, &key, &output, None).await;
                assert!(matches!(refused, Err(KeyManagerError::NotAuthentic)), "{wrong:?}");
            }
            // New ciphertexts are format 2, under another object.
            let new = encrypt(&opened, &key, b"new").await.unwrap();
            assert_eq!(new.metadata.as_bytes().len(), 5);
            assert_eq!(decrypt(&opened, &key, &new).await.unwrap(), b"new");
        }
        hsms.close().await;
    }
}

scene! {
    async fn the_other_framings_decrypt_as_named(scene) {
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let legacy = Legacy { framing: Framing::Spec, metadata: metadata(b"v1") };
        let key = adopt(&scene, &opened, "spec", legacy).await;
        let framed = [&[0, 3][..], b"aad", &[2], b"v1"].concat();
        let output = seal(&framed, b"plaintext", metadata(b"v1"));
        assert_eq!(open(&opened, &key, &output, Some(b"aad")).await.unwrap(), b"plaintext");
        let legacy = Legacy { framing: Framing::Raw, metadata: metadata(b"") };
        let key = adopt(&scene, &opened, "raw", legacy).await;
        let output = seal(b"aad", b"plaintext", metadata(b""));
        assert_eq!(open(&opened, &key, &output, Some(b"aad")).await.unwrap(), b"plaintext");
        let output = seal(b"", b"plaintext", metadata(b""));
        assert_eq!(open(&opened, &key, &output, None).await.unwrap(), b"plaintext");
        hsms.close().await;
    }
}

scene! {
    /// What a version over known bytes encrypts is AES-256-GCM over framing `spec`, by another's hand.
    async fn format_2_is_what_the_documents_say(scene) {
        scene.import("a", "known", &KEY, &[]);
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let adopted = scene.adopted("known", None, EncryptWith::SameObject { count_from: 0 });
        let id = adopted.key.id.clone();
        let described = opened.lifecycle.adopt(adopted).await.unwrap();
        let output = encrypt(&opened, &id, b"plaintext").await.unwrap();
        let tag = described.versions[0].tag.0;
        assert_eq!(output.metadata.as_bytes(), [&[2][..], &tag].concat());
        let Iv::Twelve(iv) = output.iv else { panic!("{:?}", output.iv) };
        let framed = [&[0, 3][..], b"aad", &[5, 2], &tag].concat();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
        let mut text = [&output.ciphertext[..], &output.tag].concat();
        let opened_text = key.open_in_place(Nonce::assume_unique_for_key(iv), Aad::from(framed), &mut text).unwrap();
        assert_eq!(opened_text, b"plaintext");
        hsms.close().await;
    }
}
