//! Faults to order.

use std::time::Duration;

use super::error::{Code, Refusal};
use super::message::{ClearFaults, Fault, NewFault};
use crate::{FaultKind, FaultView, Kms, NoSuchKeyStore, UnknownFault};

/// A longer one was hardly meant: a week.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) fn list(kms: &Kms) -> Vec<Fault> {
    kms.faults().iter().map(shown).collect()
}

pub(super) fn set(kms: &Kms, new: &NewFault) -> Result<Vec<Fault>, Refusal> {
    let fault: FaultKind = new.fault.parse()?;
    let lasting = new.milliseconds.map(Duration::from_millis);
    if lasting.is_some_and(|lasting| lasting.is_zero() || lasting > LONGEST) {
        return Err(Refusal::new(
            Code::Invalid,
            "a fault lasts more than 0 s and at most 7 days",
        ));
    }
    kms.order_fault(&new.custom_key_store, fault, lasting)?;
    Ok(list(kms))
}

pub(super) fn clear(kms: &Kms, which: &ClearFaults) -> Result<Vec<Fault>, Refusal> {
    match &which.custom_key_store {
        Some(store) => kms.clear_fault(store)?,
        None => {
            for fault in kms.faults() {
                kms.clear_fault(&fault.custom_key_store_id)?;
            }
        }
    }
    Ok(list(kms))
}

fn shown(view: &FaultView) -> Fault {
    Fault {
        custom_key_store_id: view.custom_key_store_id.clone(),
        custom_key_store_name: view.custom_key_store_name.clone(),
        fault: view.fault.to_string(),
        milliseconds_left: view
            .left
            .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
    }
}

impl From<UnknownFault> for Refusal {
    fn from(error: UnknownFault) -> Self {
        Self::new(Code::Invalid, error.to_string())
    }
}

impl From<NoSuchKeyStore> for Refusal {
    fn from(error: NoSuchKeyStore) -> Self {
        Self::new(Code::NotFound, error.to_string())
            .next("`strongroom kms status` shows the custom key stores")
    }
}
