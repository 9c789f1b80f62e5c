//! Every constraint of every member of every operation, at its bound and one past it.

use kms_api::{ErrorName, Operation};
use serde_json::{Value, json};
use testkit::kms_values;

use super::scene::{GRANTEE, Scene};

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
            } else if !is_narrower(*operation, case.member, case.body.get(case.member)) {
                let path = kms_values::lower_camel(case.member);
                assert!(!message.contains(&format!(" at '{path}")), "{case}: {message}");
                let name = error.as_ref().map(|error| error.name());
                assert_ne!(name, Some(ErrorName::SerializationException), "{case}: {message}");
            }
        }
    }
}

/// Listings whose operation takes smaller pages than the type of the member, and how large.
const PAGES: [(Operation, u64); 4] = [
    (Operation::ListAliases, 100),
    (Operation::ListGrants, 100),
    (Operation::ListRetirableGrants, 100),
    (Operation::ListResourceTags, 50),
];

/// Whether the operation's documentation is narrower than the model.
fn is_narrower(operation: Operation, member: &str, value: Option<&Value>) -> bool {
    let most = PAGES
        .iter()
        .find(|(its, _)| *its == operation)
        .map(|(_, most)| *most);
    member == "Limit" && value.and_then(Value::as_u64) > most && most.is_some()
}

/// The narrower bounds are exact as well.
#[tokio::test]
async fn pages_have_bounds_of_their_own() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    for (operation, most) in PAGES {
        let mut body = subject.request(operation);
        if operation == Operation::ListRetirableGrants {
            body = json!({ "RetiringPrincipal": GRANTEE });
        }
        body["Limit"] = json!(most);
        scene.call(operation, body.clone()).await;
        body["Limit"] = json!(most + 1);
        let error = scene
            .refused(operation, ErrorName::ValidationException, body)
            .await;
        assert!(error.to_string().contains("'limit'"), "{error}");
    }
}
