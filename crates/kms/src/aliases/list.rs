//! ListAliases.

use std::sync::Arc;

use ambient::Timestamp;
use kms_api::{AliasArn, AliasName, request, response};

use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::{Failure, at_most};
use crate::keys::Forms;
use crate::state::page;
use crate::state::record::AliasRecord;

/// Aliases on a page, unless told otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// Aliases on a page, at most.
const MAX_LIMIT: u32 = 100;
const LISTING: &str = "aliases";

pub(crate) async fn list_aliases(
    call: &mut Call<'_>,
    request: request::ListAliases,
) -> Result<response::ListAliases, Failure> {
    let limit = at_most(MAX_LIMIT, request.limit.unwrap_or(DEFAULT_LIMIT))?;
    let _allowed = call.authorize("ListAliases", &Resource::Any, &Extras::default())?;
    let target = match &request.key_id {
        Some(key_id) => {
            let key = call.find(key_id, Forms::Key)?.key;
            if key.record.realm != call.realm {
                return Err(call.hidden().into());
            }
            Some(key.record.id.to_string())
        }
        None => None,
    };
    let position = page::position(LISTING, request.marker.as_deref())?;
    let model = call.kms.state().read();
    let aliases = model
        .contents(&call.realm)
        .into_iter()
        .flat_map(|contents| page::after(&contents.aliases, position.as_deref()))
        .map(|(_, alias)| alias)
        .filter(|alias| target.as_ref().is_none_or(|target| alias.target == *target));
    let page = page::page(LISTING, aliases, limit, |alias| alias.name.as_str());
    let entries: Option<Vec<_>> = page.items.into_iter().map(entry).collect();
    Ok(response::ListAliases {
        aliases: entries.ok_or_else(|| Failure::internal("an alias without a name"))?,
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}

fn entry(alias: &Arc<AliasRecord>) -> Option<response::AliasListEntry> {
    let name: AliasName = alias.name.parse().ok()?;
    let realm = &alias.realm;
    Some(response::AliasListEntry {
        alias_arn: AliasArn::new(realm.region.clone(), realm.account, name.clone()),
        alias_name: name,
        target_key_id: alias.target.parse().ok(),
        creation_date: Some(Timestamp::from_micros(alias.created)),
        last_updated_date: Some(Timestamp::from_micros(alias.updated)),
    })
}
