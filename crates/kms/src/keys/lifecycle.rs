//! EnableKey, DisableKey, ScheduleKeyDeletion, CancelKeyDeletion.

use ambient::Timestamp;
use kms_api::{ErrorName, KeyState, RequestedKey, request, response};

use super::{Admitted, Forms, Found, days_after};
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::Edit;

/// The waiting period, in days, unless told otherwise.
const DEFAULT_WINDOW: u32 = 30;
/// The waiting periods that there are, in days. The API's model has wider bounds.
const WINDOWS: std::ops::RangeInclusive<u32> = 7..=30;

pub(crate) async fn enable_key(
    call: &mut Call<'_>,
    request: request::EnableKey,
) -> Result<response::Nothing, Failure> {
    let (edit, admitted) = change(call, &request.key_id, "EnableKey", &Extras::default()).await?;
    set_enabled(edit, &admitted, true).await
}

pub(crate) async fn disable_key(
    call: &mut Call<'_>,
    request: request::DisableKey,
) -> Result<response::Nothing, Failure> {
    let (edit, admitted) = change(call, &request.key_id, "DisableKey", &Extras::default()).await?;
    set_enabled(edit, &admitted, false).await
}

async fn set_enabled(
    mut edit: Edit,
    admitted: &Admitted,
    enabled: bool,
) -> Result<response::Nothing, Failure> {
    let mut record = admitted.record();
    if record.enabled != enabled {
        record.enabled = enabled;
        edit.put_key(record);
        edit.commit().await?;
    }
    Ok(response::Nothing)
}

pub(crate) async fn schedule_key_deletion(
    call: &mut Call<'_>,
    request: request::ScheduleKeyDeletion,
) -> Result<response::ScheduleKeyDeletion, Failure> {
    let days = request.pending_window_in_days.unwrap_or(DEFAULT_WINDOW);
    if !WINDOWS.contains(&days) {
        let message = format!("PendingWindowInDays must be from 7 to 30, and is {days}");
        return Err(Failure::new(ErrorName::ValidationException, message));
    }
    let extras = Extras {
        conditions: vec![(
            "kms:ScheduleKeyDeletionPendingWindowInDays",
            vec![days.to_string()],
        )],
        ..Extras::default()
    };
    let (mut edit, admitted) = change(call, &request.key_id, "ScheduleKeyDeletion", &extras).await?;
    let mut record = admitted.record();
    let deletion = days_after(call.now, days);
    record.deletion = Some(deletion);
    // A deletion that is cancelled leaves the key disabled.
    record.enabled = false;
    edit.put_key(record);
    edit.commit().await?;
    Ok(response::ScheduleKeyDeletion {
        key_id: admitted.key.name.clone(),
        deletion_date: Timestamp::from_micros(deletion),
        key_state: KeyState::PendingDeletion,
        pending_window_in_days: days,
    })
}

pub(crate) async fn cancel_key_deletion(
    call: &mut Call<'_>,
    request: request::CancelKeyDeletion,
) -> Result<response::CancelKeyDeletion, Failure> {
    let (mut edit, admitted) = change(call, &request.key_id, "CancelKeyDeletion", &Extras::default()).await?;
    let mut record = admitted.record();
    record.deletion = None;
    edit.put_key(record);
    edit.commit().await?;
    Ok(response::CancelKeyDeletion {
        key_id: admitted.key.name.clone(),
    })
}

/// Finds a key by id or ARN, asks whether the caller may do this to it, and begins the change.
pub(super) async fn change(
    call: &mut Call<'_>,
    key_id: &RequestedKey,
    action: &'static str,
    extras: &Extras<'_>,
) -> Result<(Edit, Admitted), Failure> {
    let Found { key, .. } = call.find(key_id, Forms::Key)?;
    let authorized = call.authorize(action, &Resource::Key(&key), extras)?;
    call.admit_change(authorized).await
}
