//! The tests of `iam`, in one binary.

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod data;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scenario;
