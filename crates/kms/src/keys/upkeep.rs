//! What happens to keys by the clock: deletion when the waiting period is over, automatic rotation;
//! and writing down what they were used for last.

use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use kms_api::KmsError;

use super::events;
use super::rotation::{is_due, rotate};
use crate::Kms;
use crate::error::Failure;
use crate::state::Key;
use crate::state::record::RotationKind;

/// How often the clock is looked at. Requests look by themselves whether a waiting period is over.
const INTERVAL: Duration = Duration::from_secs(60);

impl Kms {
    /// Does what is due, again and again, until the future is dropped. What fails is logged and tried
    /// again the next time.
    pub async fn run_upkeep(&self) {
        loop {
            if let Err(error) = self.upkeep().await {
                tracing::error!(%error, "upkeep of KMS keys failed");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Does what is due now: deletes keys, rotates them, writes down last uses. What fails keeps
    /// nothing else from being done.
    pub async fn upkeep(&self) -> Result<(), KmsError> {
        let now = self.clock().now();
        let deleted = self.delete_keys(now).await;
        let rotated = self.rotate_keys(now).await;
        let written = self.state().write_usage().await.map_err(Failure::internal);
        Ok(deleted.and(rotated).and(written.map(drop))?)
    }

    async fn delete_keys(&self, now: Timestamp) -> Result<(), Failure> {
        let over = |key: &Key| key.record.deletion.is_some_and(|at| at <= now.as_micros());
        for key in self.keys_where(over) {
            // The key object first: nobody can use or keep the key any more, and should the process end
            // here, the next upkeep finds the KMS key still there.
            let more = self.delete_from_cluster(&key).await;
            let mut edit = self.state().edit().await;
            // Somebody may have been here before.
            if self.current(&key).is_some_and(|key| over(&key)) {
                edit.delete_key(key.record.id.as_str());
                edit.commit().await?;
                events::deleted(self, &key, more, now);
            }
        }
        Ok(())
    }

    async fn rotate_keys(&self, now: Timestamp) -> Result<(), Failure> {
        for key in self.keys_where(|key| is_due(key, now)) {
            let mut edit = self.state().edit().await;
            if let Some(key) = self.current(&key).filter(|key| is_due(key, now)) {
                rotate(&mut edit, &key, RotationKind::Automatic, now, self.random())?;
                edit.commit().await?;
                events::rotated(self, &key, RotationKind::Automatic, now);
            }
        }
        Ok(())
    }

    fn keys_where(&self, wanted: impl Fn(&Key) -> bool) -> Vec<Arc<Key>> {
        let model = self.state().read();
        model.keys().filter(|key| wanted(key)).map(Arc::clone).collect()
    }

    fn current(&self, key: &Key) -> Option<Arc<Key>> {
        self.state().read().key(key.record.id.as_str()).map(Arc::clone)
    }
}
