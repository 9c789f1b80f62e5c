//! The periodic look at every connected key store's proxy (`KmsHealthCheck`). It feeds the metrics
//! and changes no connection state: at AWS too a broken proxy leaves its key store `CONNECTED`.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::Kms;
use crate::kms::WeakKms;
use crate::metrics::Purpose;

/// Proxies asked at once.
const AT_ONCE: usize = 16;

/// Runs until the endpoint is gone.
pub(super) async fn run(kms: WeakKms, interval: std::time::Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(kms) = kms.upgrade() else { return };
        kms.check_health().await;
    }
}

impl Kms {
    /// Asks the proxy of each connected key store once.
    pub(crate) async fn check_health(&self) {
        let connected: Vec<String> = self
            .state()
            .read()
            .custom_key_stores()
            .filter(|store| store.is_connected() && store.record.proxy().is_some())
            .map(|store| store.record.id.clone())
            .collect();
        stream::iter(connected)
            .for_each_concurrent(AT_ONCE, |id| async move {
                let Ok(request_id) = crate::id::uuid(self.random()) else {
                    return;
                };
                let client = self.key_stores().runtime(&id).client();
                // What failed is in the metrics and in the log.
                let _ = self
                    .probe(&id, client.as_deref(), Purpose::HealthCheck, &request_id)
                    .await;
            })
            .await;
    }
}
