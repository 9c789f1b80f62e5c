//! Paths of requests.

use xks_api::uri::{self, Resource};

/// A path that is accepted is exactly what it says: written out again it is the same bytes, in
/// the permitted characters and lengths (XKS-URI-01, -03, -04).
pub fn uris(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(target) = uri::parse_path(raw) else { return };
    assert_eq!(target.to_string(), raw);
    assert!(raw.len() <= uri::MAX_URI_CHARS, "too long: {raw}");
    let uri_path = format!("{}{}", target.prefix, uri::BASE_PATH);
    assert!(
        uri_path.len() <= uri::MAX_URI_PATH_CHARS,
        "prefix too long: {raw}"
    );
    assert!(
        uri_path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte)),
        "prefix outside its grammar: {raw}"
    );
    if let Resource::Key { external_key_id, .. } = target.resource {
        assert!(
            (1..=128).contains(&external_key_id.len()),
            "id of a wrong length: {raw}"
        );
        assert!(
            external_key_id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
            "id outside its grammar: {raw}"
        );
    }
}
