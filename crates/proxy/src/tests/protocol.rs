//! What holds for all four operations: methods, paths, metadata, content type.

use http::{HeaderValue, Method};
use serde_json::{Value, json};

use super::world::{
    HOST, KMS_KEY, PREFIX, PRINCIPAL, World, encrypt_body, every_operation, health_body, metadata_body,
};

/// The four URIs, with a body for each.
fn operations() -> [(&'static str, Value); 4] {
    [
        ("/keys/both/metadata", metadata_body()),
        ("/keys/both/encrypt", encrypt_body(b"x", None)),
        ("/keys/both/decrypt", encrypt_body(b"x", None)),
        ("/health", health_body()),
    ]
}

#[tokio::test]
async fn xks_gen_01_every_answer_is_json() {
    let world = World::new().await;
    for (path, body) in every_operation(&world).await {
        let reply = world.ask(path, &body).await;
        reply.is_success();
        assert!(reply.json().is_object());
        let reply = world.ask(path, &json!({})).await;
        reply.is_error("ValidationException");
    }
}

#[tokio::test]
async fn xks_gen_01_a_request_needs_no_content_type_and_may_have_any() {
    let world = World::new().await;
    for content_type in ["application/json", "text/plain", "application/x-amz-json-1.1"] {
        let mut request = world.request("/health", &health_body());
        request
            .headers
            .insert("content-type", HeaderValue::from_static(content_type));
        world.send(&request).await.is_success();
    }
    world.ask("/health", &health_body()).await.is_success();
}

#[tokio::test]
async fn xks_gen_03_all_four_operations_are_implemented() {
    let world = World::new().await;
    for (path, body) in every_operation(&world).await {
        world.ask(path, &body).await.is_success();
    }
}

#[tokio::test]
async fn xks_gen_04_get_on_the_four_uris_is_405_signed_or_not() {
    let world = World::new().await;
    for (path, body) in operations() {
        for method in [
            Method::GET,
            Method::PUT,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
        ] {
            let mut request = world.request(path, &body);
            request.method = method;
            request.body.clear();
            world.sign(&mut request);
            let signed = world.send(&request).await;
            request.headers.remove("authorization");
            let unsigned = world.send(&request).await;
            for reply in [signed, unsigned] {
                assert_eq!(reply.status, 405, "{} {path}", request.method);
                assert_eq!(reply.headers["allow"], "POST");
                assert_eq!(reply.headers["content-type"], "application/json");
                assert!(reply.json().get("errorName").is_none());
            }
        }
    }
}

#[tokio::test]
async fn xks_gen_05_arns_of_2048_characters_are_accepted_everywhere() {
    let world = World::new().await;
    let arn = |n: usize| format!("arn:aws:iam::111122223333:role/{}", "r".repeat(n - 31));
    assert_eq!(arn(2048).len(), 2048);
    for (path, mut body) in every_operation(&world).await {
        for member in [
            "awsPrincipalArn",
            "awsSourceVpc",
            "awsSourceVpce",
            "kmsKeyArn",
            "kmsOperation",
            "kmsRequestId",
            "kmsViaService",
        ] {
            body["requestMetadata"][member] = arn(2048).into();
        }
        world.ask(path, &body).await.is_success();
        body["requestMetadata"]["awsPrincipalArn"] = arn(2049).into();
        world.ask(path, &body).await.is_error("ValidationException");
    }
}

#[tokio::test]
async fn xks_gen_05_principals_need_not_be_arns() {
    let world = World::new().await;
    for principal in ["ec2.amazonaws.com", "AWS Internal", PRINCIPAL] {
        let mut body = encrypt_body(b"x", None);
        body["requestMetadata"]["awsPrincipalArn"] = principal.into();
        world.ask("/keys/both/encrypt", &body).await.is_success();
    }
}

#[tokio::test]
async fn xks_gen_08_an_unknown_kms_operation_is_not_invalid() {
    let world = World::new().await;
    for (path, mut body) in every_operation(&world).await {
        for operation in ["GenerateDataKeyPairOfTheFuture", "", "\u{0}\n\u{1f511}"] {
            body["requestMetadata"]["kmsOperation"] = operation.into();
            world.ask(path, &body).await.is_success();
        }
    }
}

#[tokio::test]
async fn xks_gen_09_unknown_members_are_tolerated() {
    let world = World::new().await;
    for (path, mut body) in every_operation(&world).await {
        body["requestMetadata"]["nitroEnclaveImageSha384"] = json!({"deep": [1, null, {"er": true}]});
        body["fromTheFuture"] = json!(["x"]);
        world.ask(path, &body).await.is_success();
    }
}

#[tokio::test]
async fn xks_md_01_the_request_id_is_opaque() {
    let world = World::new().await;
    for (path, mut body) in every_operation(&world).await {
        for id in [
            "",
            "not a uuid",
            "\u{1f511}\n",
            "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
        ] {
            body["requestMetadata"]["kmsRequestId"] = id.into();
            world.ask(path, &body).await.is_success();
        }
    }
}

#[tokio::test]
async fn a_missing_required_metadata_member_is_invalid() {
    let world = World::new().await;
    let required: [(usize, &[&str]); 4] = [
        (0, &["awsPrincipalArn", "kmsOperation", "kmsRequestId"]),
        (
            1,
            &["awsPrincipalArn", "kmsKeyArn", "kmsOperation", "kmsRequestId"],
        ),
        (
            2,
            &["awsPrincipalArn", "kmsKeyArn", "kmsOperation", "kmsRequestId"],
        ),
        (3, &["kmsOperation", "kmsRequestId"]),
    ];
    let operations = every_operation(&world).await;
    for (index, members) in required {
        let (path, body) = &operations[index];
        for member in members {
            let mut body = body.clone();
            body["requestMetadata"].as_object_mut().unwrap().remove(*member);
            world.ask(path, &body).await.is_error("ValidationException");
        }
        let mut body = body.clone();
        body.as_object_mut().unwrap().remove("requestMetadata");
        world.ask(path, &body).await.is_error("ValidationException");
    }
}

#[tokio::test]
async fn xks_uri_01_a_path_prefix_is_taken_to_its_full_length() {
    let world = World::new().await;
    let prefix = format!("/{}", "p".repeat(116));
    world.key_store("long", &prefix).await;
    let credential = super::world::TestCredential::numbered(1);
    world.add_credential("long", &credential).await;
    let mut request = world.request("/health", &health_body());
    request.path = format!("{prefix}/kms/xks/v1/health");
    request.sign(&credential, super::world::REGION, world_now(&world));
    world.send(&request).await.is_success();
    // One more than 128 characters, or another character, is no path of this API.
    for prefix in [format!("{prefix}p"), "/main%20".to_owned(), "/ma.in".to_owned()] {
        request.path = format!("{prefix}/kms/xks/v1/health");
        request.sign(&credential, super::world::REGION, world_now(&world));
        world.send(&request).await.is_error("InvalidUriPathException");
    }
}

#[tokio::test]
async fn xks_uri_03_a_uri_of_256_characters_is_taken_and_no_longer_one() {
    let world = World::new().await;
    let path = |id: usize| format!("/keys/{}/metadata", "k".repeat(id));
    let rest = 256 - "https://".len() - HOST.len() - PREFIX.len() - "/kms/xks/v1".len();
    let fits = rest - path(0).len();
    assert!(
        fits > 128,
        "with this host the external key id's own limit comes first"
    );
    let mut request = world.request(&path(128), &metadata_body());
    let host = "h".repeat(256 - "https://".len() - request.path.len());
    request.headers.insert("host", host.parse().unwrap());
    world.sign(&mut request);
    world.send(&request).await.is_error("KeyNotFoundException");
    request
        .headers
        .insert("host", format!("{host}h").parse().unwrap());
    world.sign(&mut request);
    world.send(&request).await.is_error("InvalidUriPathException");
}

#[tokio::test]
async fn xks_uri_04_an_external_key_id_has_at_most_128_characters() {
    let world = World::new().await;
    let longest = "A-z.0_9".repeat(18) + "kk";
    assert_eq!(longest.len(), 128);
    world.bind("main", &longest, "both", None).await;
    let path = |id: &str| format!("/keys/{id}/metadata");
    world.ask(&path(&longest), &metadata_body()).await.is_success();
    for id in [
        longest + "k",
        String::new(),
        "a%41".to_owned(),
        "a/b".to_owned(),
        "a:b".to_owned(),
    ] {
        let reply = world.ask(&path(&id), &metadata_body()).await;
        reply.is_error("InvalidUriPathException");
    }
}

#[tokio::test]
async fn xks_uri_05_an_external_key_id_leads_to_exactly_one_key() {
    let world = World::new().await;
    world
        .warden
        .create_key(
            &super::world::admin(),
            "hsm",
            "other",
            "encrypt,decrypt".parse().unwrap(),
        )
        .await
        .unwrap();
    world.key_store("second", "/second").await;
    let credential = super::world::TestCredential::numbered(1);
    world.add_credential("second", &credential).await;
    world.bind("second", "both", "other", None).await;
    // The same id in two key stores is two keys: what one encrypts the other does not decrypt.
    let encrypted = world.encrypt(b"mine", None).await;
    world.decrypt(&encrypted).await.is_success();
    let mut request = world.request("/keys/both/decrypt", &encrypted.body());
    request.path = "/second/kms/xks/v1/keys/both/decrypt".to_owned();
    request.sign(&credential, super::world::REGION, world_now(&world));
    world.send(&request).await.is_error("InvalidCiphertextException");
    // A second binding of one id within a key store is refused.
    let again = warden::NewBinding {
        external_key_id: "both".to_owned(),
        key: "other".to_owned(),
        principals: None,
        foreign_keys: None,
    };
    assert!(
        world
            .warden
            .bind(&super::world::admin(), "main", again)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn xks_uri_08_another_path_prefix_is_another_or_no_key_store() {
    let world = World::new().await;
    let mut request = world.request("/health", &health_body());
    for prefix in ["", "/Main", "/main/", "//main", "/main/x", "/mai", "/main%2f"] {
        request.path = format!("{prefix}/kms/xks/v1/health");
        world.sign(&mut request);
        world.send(&request).await.is_error("InvalidUriPathException");
    }
}

#[tokio::test]
async fn a_path_that_is_none_of_the_api_is_refused() {
    let world = World::new().await;
    for path in [
        "",
        "/",
        "/health/",
        "/Health",
        "/keys",
        "/keys/both",
        "/keys/both/Encrypt",
        "/keys/both/sign",
    ] {
        world
            .ask(path, &health_body())
            .await
            .is_error("InvalidUriPathException");
    }
    let mut request = world.request("/health", &health_body());
    request.query = "a=b".to_owned();
    world.sign(&mut request);
    world.send(&request).await.is_error("InvalidUriPathException");
}

#[tokio::test]
async fn a_body_that_is_no_request_is_invalid() {
    let world = World::new().await;
    let bodies: [&[u8]; 7] = [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"{\"requestMetadata\":{},\"requestMetadata\":{}}",
        b"{\"requestMetadata\":\"text\"}",
    ];
    for (path, _) in operations() {
        for body in bodies {
            let mut request = world.request(path, &json!({}));
            request.body = body.to_vec();
            world.sign(&mut request);
            world.send(&request).await.is_error("ValidationException");
        }
    }
    // An array of the members' values is no object, though serde would take it.
    let mut request = world.request("/health", &json!({}));
    request.body = br#"[{"kmsOperation":"x","kmsRequestId":"y"}]"#.to_vec();
    world.sign(&mut request);
    world.send(&request).await.is_error("ValidationException");
}

#[tokio::test]
async fn a_key_arn_is_no_condition_unless_the_binding_makes_it_one() {
    let world = World::new().await;
    let new = warden::NewBinding {
        external_key_id: "mine".to_owned(),
        key: "both".to_owned(),
        principals: None,
        foreign_keys: Some(vec![KMS_KEY.to_owned()]),
    };
    world
        .warden
        .bind(&super::world::admin(), "main", new)
        .await
        .unwrap();
    let mut body = encrypt_body(b"x", None);
    world.ask("/keys/mine/encrypt", &body).await.is_success();
    body["requestMetadata"]["kmsKeyArn"] = "arn:aws:kms:eu-central-1:999999999999:key/x".into();
    world
        .ask("/keys/mine/encrypt", &body)
        .await
        .is_error("AccessDeniedException");
    world.ask("/keys/both/encrypt", &body).await.is_success();
}

fn world_now(world: &World) -> ambient::Timestamp {
    ambient::Clock::now(&*world.clock)
}
