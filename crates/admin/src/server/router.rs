//! Which path is which operation.

use http::Method;

use super::call::{Call, Reply};
use super::{bindings, blocks, credentials, key_managers, key_stores, keys, recovery, roots, status};
use crate::error::{ErrorCode, Refusal};

pub(super) async fn route(call: &Call<'_>, method: &Method, path: &str) -> Result<Reply, Refusal> {
    let segments: Vec<&str> = path.strip_prefix("/v1/").unwrap_or_default().split('/').collect();
    let get = method == Method::GET;
    if !get && method != Method::POST {
        return Err(wrong_method(method));
    }
    match (get, segments.as_slice()) {
        (true, ["status"]) => status::show(call),
        (true, ["key-managers"]) => key_managers::list(call),
        (false, ["key-managers"]) => key_managers::create(call).await,
        (true, ["key-managers", manager, "keys"]) => keys::list(call, Some(manager)),
        (true, ["keys"]) => keys::list(call, None),
        (false, ["keys"]) => keys::create(call).await,
        (true, ["keys", key]) => keys::show(call, key),
        (false, ["keys", key, "enable"]) => keys::enable(call, key).await,
        (false, ["keys", key, "disable"]) => keys::disable(call, key).await,
        (false, ["keys", key, "rotate"]) => keys::rotate(call, key).await,
        (false, ["keys", key, "schedule-deletion"]) => keys::schedule_deletion(call, key).await,
        (false, ["keys", key, "cancel-deletion"]) => keys::cancel_deletion(call, key).await,
        (false, ["key-managers", manager, "adopt"]) => keys::adopt(call, manager).await,
        (true, ["key-stores"]) => key_stores::list(call).await,
        (false, ["key-stores"]) => key_stores::create(call).await,
        (true, ["key-stores", store]) => key_stores::show(call, store).await,
        (false, ["key-stores", store, "bindings"]) => bindings::create(call, store).await,
        (false, ["key-stores", store, "block"]) => blocks::block(call, store).await,
        (false, ["key-stores", store, "unblock"]) => blocks::unblock(call, store).await,
        (true, ["key-stores", store, "credentials"]) => credentials::list(call, store).await,
        (false, ["key-stores", store, "credentials"]) => credentials::add(call, store).await,
        (false, ["key-stores", store, "credentials", id, "retire"]) => {
            credentials::retire(call, store, id).await
        }
        (false, ["key-managers", manager, "rotate-kek"]) => key_managers::rotate_kek(call, manager).await,
        (true, ["roots"]) => roots::list(call).await,
        (false, ["roots", "rotate"]) => roots::rotate(call).await,
        (false, ["roots", root, "retire"]) => roots::retire(call, root).await,
        (false, ["seal", "change"]) => roots::change_seal(call).await,
        (false, ["recovery", "acknowledge"]) => recovery::acknowledge(call).await,
        _ => Err(unknown(method, path)),
    }
}

fn wrong_method(method: &Method) -> Refusal {
    Refusal::new(
        ErrorCode::MethodNotAllowed,
        format!("{method} is not used by this API"),
    )
    .next("read with GET, act with POST")
}

fn unknown(method: &Method, path: &str) -> Refusal {
    Refusal::new(
        ErrorCode::NotFound,
        format!("there is no operation {method} {path}"),
    )
    .next("use a `strongroom` command of the server's own release")
}
