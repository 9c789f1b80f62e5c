//! How often a key object encrypts. With a random IV of 12 bytes one key bears 2^32 messages (NIST
//! SP 800-38D, section 8.3), and the HSM keeps no count.
//!
//! Numbers are reserved in the key's row, a block at a time, before they are used; a restart goes on
//! behind the block. So no crash makes the count too small, and one encryption in 2^20 waits for the
//! database.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kms_api::{ErrorName, KmsError};

use crate::call::Call;
use crate::error::Failure;
use crate::state::Key;
use crate::state::record::KeyRecord;

/// Encryptions under one key object.
const MOST: u64 = 1 << 32;
/// From here on the log warns, once for each block.
const WARN: u64 = 1 << 31;
/// Encryptions that are reserved at once.
const BLOCK: u64 = 1 << 20;

impl Call<'_> {
    /// Counts one encryption before it is made.
    pub(super) async fn count_encryption(&self, key: &Key) -> Result<(), Failure> {
        let number = key.encryptions.fetch_add(1, Ordering::Relaxed);
        if number >= MOST {
            // So that nobody who goes on asking counts to the end of the numbers.
            key.encryptions.store(MOST, Ordering::Relaxed);
            return Err(exhausted(key).into());
        }
        if number < key.record.encryptions {
            return Ok(());
        }
        let mut edit = self.kms.state().edit().await;
        let current = self
            .kms
            .state()
            .read()
            .key(key.record.id.as_str())
            .map(Arc::clone);
        let current = current.ok_or_else(|| Failure::internal("a key that encrypts was deleted"))?;
        // Others may have reserved meanwhile.
        if number < current.record.encryptions {
            return Ok(());
        }
        let reserved = (number / BLOCK + 1).saturating_mul(BLOCK).min(MOST);
        if reserved > WARN {
            tracing::warn!(
                key = %key.arn,
                encryptions = number,
                "the key object of a KMS key has encrypted more than half of what it may: make a new KMS key"
            );
        }
        edit.put_key(KeyRecord {
            encryptions: reserved,
            ..KeyRecord::clone(&current.record)
        });
        Ok(edit.commit().await?)
    }
}

fn exhausted(key: &Key) -> KmsError {
    KmsError::new(
        ErrorName::KmsInvalidStateException,
        format!(
            "{} has encrypted as often as a key in an HSM may. It still decrypts; use a new KMS key to encrypt.",
            key.arn
        ),
    )
}
