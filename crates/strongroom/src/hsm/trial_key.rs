//! Keys that a command makes in a token to try it, and their end.

use ambient::{Clock, Random};
use pkcs11::{KeyObject, NewObject, ObjectSelector, Token, TokenError, Usage};

/// What the labels of trial keys begin with, before the time of their making and a random number.
const PREFIX: &str = "strongroom-trial";
/// A trial key older than this is a leftover: no command runs so long.
const LEFTOVER_SECONDS: u64 = 2 * 3600;

/// The name of the keys of one run, the same on every token.
#[derive(Clone)]
pub(crate) struct TrialKey {
    label: String,
    id: Vec<u8>,
}

impl TrialKey {
    pub(crate) fn new(clock: &dyn Clock, random: &dyn Random) -> anyhow::Result<Self> {
        let mut id = vec![0; 16];
        random.fill(&mut id)?;
        let number: String = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            label: format!("{PREFIX}-{}-{number}", clock.now().as_secs()),
            id,
        })
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// To be made.
    pub(crate) fn object(&self, wrappable: bool) -> NewObject {
        NewObject {
            label: self.label.clone(),
            id: self.id.clone(),
            wrappable,
            usage: Usage::Messages,
        }
    }

    /// To be found.
    pub(crate) fn selector(&self) -> Option<ObjectSelector> {
        ObjectSelector::label(&self.label)
    }

    /// Removes the key from a token, if it is there: a call that did not answer may have made it.
    pub(crate) async fn remove(&self, token: &Token) -> Result<(), TokenError> {
        let Some(selector) = self.selector() else {
            return Ok(());
        };
        match token.find(&selector).await {
            Ok(key) => token.destroy(&key).await,
            Err(TokenError::ObjectGone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether a key was left behind by a run that was killed.
pub(crate) fn is_leftover(key: &KeyObject, clock: &dyn Clock) -> bool {
    made(&key.label()).is_some_and(|made| {
        let age = clock.now().as_secs().saturating_sub(made);
        age > LEFTOVER_SECONDS
    })
}

/// When the trial key of this label was made, in seconds since 1970.
fn made(label: &str) -> Option<u64> {
    let (time, number) = label.strip_prefix(PREFIX)?.strip_prefix('-')?.split_once('-')?;
    let is_ours = number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| time.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_labels_tell_a_time() {
        assert_eq!(made("strongroom-trial-1700000000-0a1b2c3d"), Some(1_700_000_000));
        for other in [
            "strongroom-trial-",
            "strongroom-trial-1700000000-0a1b2c3",
            "strongroom-trial-x-0a1b2c3d",
            "strongroom-trial-1700000000-payments",
            "payments",
        ] {
            assert_eq!(made(other), None, "{other}");
        }
    }
}
