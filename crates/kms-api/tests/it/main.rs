//! The AWS KMS API's types, through what the crate offers to others.

#[cfg(test)]
mod document;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod model;
#[cfg(test)]
mod names;
#[cfg(test)]
mod patterns;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod validation;
