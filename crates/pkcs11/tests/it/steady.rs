//! What a token is asked in steady state.

use crate::kit::{make, named, scene, secret};

scene! {
    /// Searching cost others a tenth of their speed with 100 keys; here it happens once a key.
    /// `cargo xtask test --full` tries 10,000, too.
    async fn no_search_in_steady_state_with_1_and_with_1000_keys(scene) {
        let full = std::env::var_os("STRONGROOM_FULL").is_some_and(|full| full == "1");
        let counts = [1, 1000, 10_000];
        let token = scene.token().await;
        let beside = scene.beside();
        make(&beside, "k0", 32, false);
        let mut made = 1;
        for keys in counts.into_iter().filter(|keys| full || *keys <= 1000) {
            for number in made..keys {
                make(&beside, &format!("k{number}"), 32, false);
            }
            made = keys;
            let key = token.find(&named(&format!("k{}", keys - 1))).await.unwrap();
            let searches = scene.shim.calls("C_FindObjectsInit");
            let found = scene.shim.calls("C_FindObjects");
            let reads = scene.shim.calls("C_GetAttributeValue");
            let logins = scene.shim.calls("C_Login");
            let encryptions = scene.shim.calls("C_EncryptInit");
            for _ in 0..20 {
                let sealed = token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap().sealed;
                token.decrypt(&key, sealed, b"aad").await.unwrap();
            }
            assert_eq!(scene.shim.calls("C_FindObjectsInit"), searches, "{keys} keys");
            assert_eq!(scene.shim.calls("C_FindObjects"), found, "{keys} keys");
            assert_eq!(scene.shim.calls("C_GetAttributeValue"), reads, "{keys} keys");
            assert_eq!(scene.shim.calls("C_Login"), logins, "{keys} keys");
            assert_eq!(scene.shim.calls("C_EncryptInit"), encryptions + 20, "{keys} keys");
        }
        assert!(scene.shim.sessions() <= 3);
    }
}
