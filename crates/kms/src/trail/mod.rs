//! CloudTrail records: one for each call, allowed or not, as JSON lines in files that rotate; and
//! LookupEvents over them.

mod notes;

pub(crate) use notes::Notes;
