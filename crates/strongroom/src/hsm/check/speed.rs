//! How fast the token is, held against the deadline.

use std::time::Duration;

use pkcs11::KeyObject;

use super::{Check, Live};
use crate::hsm::load::{Kind, Load, round};
use crate::hsm::steps::Failure;

/// Long enough for a hundred operations of a slow HSM.
const TIME: Duration = Duration::from_secs(2);

impl Check {
    /// Encrypts, with the trial decryption, as many at a time as there are sessions.
    pub(super) async fn speed(&mut self, live: &Live<'_>, key: &KeyObject) -> anyhow::Result<()> {
        self.steps.trying("speed", 0.8);
        let load = Load {
            token: &live.token,
            key,
            clock: &self.clock,
            stop: &self.stop,
            kind: Kind::Encrypt,
            size: 1024,
            concurrency: live.hsm.sessions,
            time: TIME,
        };
        let measured = match load.run().await {
            Ok(measured) => measured,
            Err(error) => {
                self.stop.look()?;
                let fix = "the token fails under load: try fewer sessions";
                return self
                    .steps
                    .failed("deadline", Failure::new(error.to_string(), fix));
            }
        };
        let deadline = live.hsm.deadline;
        let text = format!(
            "{:.0} encryptions/s with {} sessions; p50 {}, p99 {}; the deadline is {}",
            measured.rate,
            live.hsm.sessions,
            round(measured.p50),
            round(measured.p99),
            round(deadline),
        );
        if measured.p99 > deadline {
            let fix = "fewer sessions answer sooner (`strongroom hsm bench` shows with how many); KMS waits 250 ms in all";
            self.steps.failed("deadline", Failure::new(text, fix))
        } else if measured.p99 * 2 > deadline {
            let fix = "that is close: a second token in [[hsm.tokens]], or fewer sessions";
            self.steps.note("deadline", Failure::new(text, fix))
        } else {
            self.steps.ok("deadline", text)
        }
    }
}
