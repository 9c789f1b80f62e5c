//! KMS keys: creation, description, states, deletion by the clock, rotation.

mod lookup;
mod states;

pub(crate) use lookup::{Forms, Found};
pub(crate) use states::{Admitted, refusal, state_of, wrong_origin};
