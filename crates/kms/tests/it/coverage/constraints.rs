//! Every constraint of every member of every operation, at its bound and one past it.

use kms_api::{ErrorName, Operation};
use testkit::kms_values;

use super::scene::Scene;

/// One past a bound is a `ValidationException` that names the member and no other; at the bound the
/// member is not named, whatever else the endpoint has to say of the request.
#[tokio::test]
async fn kms_constraints_at_every_bound() {
    let scene = Scene::new().await;
    for operation in Operation::ALL {
        for case in kms_values::cases(*operation) {
            let error = scene.try_call(*operation, case.body.clone()).await.err();
            let message = error
                .as_ref()
                .and_then(|error| error.message())
                .unwrap_or_default();
            let named =
                |path: &str| message.contains(&format!(" at '{path}' failed to satisfy constraint: "));
            if let Some(path) = &case.broken {
                assert!(named(path), "{case}: {message}");
                let name = error.as_ref().map(|error| error.name());
                assert_eq!(name, Some(ErrorName::ValidationException), "{case}");
            } else {
                let path = kms_values::lower_camel(case.member);
                assert!(!message.contains(&format!(" at '{path}")), "{case}: {message}");
                let name = error.as_ref().map(|error| error.name());
                assert_ne!(name, Some(ErrorName::SerializationException), "{case}: {message}");
            }
        }
    }
}
