//! Who makes the IV, as the profile says: imitated by the shim over SoftHSM's AES-GCM.

use pkcs11::TokenError;
use pkcs11_shim::Iv;

use crate::kit::{object, scene, secret};

fn profile(iv: &str) -> String {
    format!(
        "product = 'x'\ntried = 'x'\nread = []\niv = {iv}\ngcm-parameters = 'with-iv-bits'\nmax-message = 100\n"
    )
}

scene! {
    async fn each_source_of_the_iv_round_trips(scene) {
        for (text, imitation, len) in [
            ("{ caller = 12 }", Iv::AsIs, 12),
            ("{ caller = 16 }", Iv::AsIs, 16),
            ("{ token-appends = 16 }", Iv::Appended, 16),
            ("{ token-appends = 12 }", Iv::Appended, 12),
            ("{ token-fills-zeroed = 12 }", Iv::Filled, 12),
        ] {
            scene.shim.imitate(imitation);
            let token = scene.token_with(&profile(text)).await;
            let key = token.generate(object(text)).await.unwrap();
            let tried = token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
            let second = token.encrypt(&key, secret(b""), b"").await.unwrap();
            let (first, opened) = (tried.sealed, tried.opened);
            assert_eq!((opened.expose(), first.iv.len()), (b"plain".as_slice(), len), "{text}");
            assert_ne!(first.iv, second.iv, "{text}");
            assert_eq!(token.decrypt(&key, second, b"").await.unwrap().expose(), b"");
            token.probe().await.unwrap();
        }
    }
}

scene! {
    async fn a_token_that_does_not_make_the_iv_it_should_is_refused(scene) {
        let token = scene.token_with(&profile("{ token-fills-zeroed = 12 }")).await;
        let key = token.generate(object("k")).await.unwrap();
        scene.shim.imitate(Iv::LeftZero);
        assert!(matches!(
            token.encrypt(&key, secret(b"x"), b"").await,
            Err(TokenError::BadOutput(_))
        ));
        scene.shim.imitate(Iv::Appended);
        let appends = scene.token_with(&profile("{ token-appends = 16 }")).await;
        scene.shim.imitate(Iv::AsIs);
        // SoftHSM without an IV refuses, and is not asked for another way.
        assert!(appends.encrypt(&key, secret(b"x"), b"").await.is_err());
    }
}
