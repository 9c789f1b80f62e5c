//! Each error that the model lists for an operation and that can come of a request, produced.

mod aliases;
mod cloudhsm;
mod cryptography;
mod custom_key_stores;
mod faults;
mod grants;
mod keys;
mod policies;
mod references;
mod rotation;
mod tags;

/// Declares tests: each calls an operation with a body that must be refused with the error. The body
/// may prepare what it needs with the scene, which is an endpoint of the test's own.
macro_rules! errors {
    ($($name:ident($scene:ident): $operation:ident, $error:ident, $body:expr;)+) => {
        $(#[tokio::test]
        async fn $name() {
            let $scene = &$crate::coverage::scene::Scene::new().await;
            let body: ::serde_json::Value = $body;
            $scene.refused(::kms_api::Operation::$operation, ::kms_api::ErrorName::$error, body).await;
        })+
    };
}
use errors;
