//! Pages of listings: ordered, stable while things come and go, with opaque markers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a marker begins with inside: its kind, so that no listing takes another one's.
const VERSION: &str = "1";
/// The longest marker (`MarkerType`).
const MAX_MARKER: usize = 1024;

/// A marker that this listing did not give (`InvalidMarkerException`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadMarker;

/// One page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// There is more: where the next page goes on.
    pub(crate) next_marker: Option<String>,
}

/// Takes at most `limit` items and, if there are more, makes a marker from the last one's `name`.
pub(crate) fn page<T>(
    listing: &str,
    items: impl Iterator<Item = T>,
    limit: u32,
    name: impl Fn(&T) -> &str,
) -> Page<T> {
    let mut items = items.fuse();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page: Vec<T> = items.by_ref().take(limit).collect();
    let more = items.next().is_some();
    let next_marker = page
        .last()
        .filter(|_| more)
        .map(|last| marker(listing, name(last)));
    Page {
        items: page,
        next_marker,
    }
}

/// The name that a marker of this listing stands for.
pub(crate) fn position(listing: &str, marker: Option<&str>) -> Result<Option<String>, BadMarker> {
    let Some(marker) = marker else { return Ok(None) };
    if marker.len() > MAX_MARKER {
        return Err(BadMarker);
    }
    let bytes = URL_SAFE_NO_PAD.decode(marker).map_err(|_| BadMarker)?;
    let text = String::from_utf8(bytes).map_err(|_| BadMarker)?;
    let name = text
        .strip_prefix(VERSION)
        .and_then(|rest| rest.strip_prefix(' '))
        .and_then(|rest| rest.strip_prefix(listing))
        .and_then(|rest| rest.strip_prefix(' '));
    name.map(|name| Some(name.to_owned())).ok_or(BadMarker)
}

fn marker(listing: &str, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{VERSION} {listing} {name}"))
}

/// The entries behind `position`, in order.
pub(crate) fn after<'a, V>(
    map: &'a BTreeMap<String, V>,
    position: Option<&str>,
) -> impl Iterator<Item = (&'a String, &'a V)> {
    map.range::<str, _>((start(position), Bound::Unbounded))
}

/// The names behind `position`, in order.
pub(crate) fn names_after<'a>(
    set: &'a BTreeSet<String>,
    position: Option<&str>,
) -> impl Iterator<Item = &'a String> {
    set.range::<str, _>((start(position), Bound::Unbounded))
}

fn start(position: Option<&str>) -> Bound<&str> {
    position.map_or(Bound::Unbounded, Bound::Excluded)
}
