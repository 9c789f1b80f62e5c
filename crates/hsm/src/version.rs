//! A key version at work, and how it stands on each token.

use std::sync::{Mutex, MutexGuard, PoisonError};

use key_manager::{CiphertextMetadata, KeyId};
use pkcs11::{KeyObject, Proof};
use tokio::sync::Mutex as AsyncMutex;

use crate::counter::Counter;
use crate::rows::VersionRow;
use crate::rows::version::{PROOF_PLAINTEXT, proof_aad};

/// A version with its state in memory, which outlives changes of the rows around it.
pub(crate) struct Version {
    pub(crate) key: KeyId,
    pub(crate) row: VersionRow,
    pub(crate) counter: Counter,
    /// One for each token, in the configuration's order.
    places: Box<[Place]>,
}

/// How a version stands on one token.
#[derive(Default)]
pub(crate) struct Place {
    standing: Mutex<Standing>,
    /// Held by the one who proves.
    pub(crate) proving: AsyncMutex<()>,
}

/// Judgements hold for one epoch of the token: from its return to its next loss.
#[derive(Clone, Default)]
pub(crate) enum Standing {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// The object is there, and it is the key.
    Ready { epoch: u64, object: KeyObject },
    /// It cannot be used there.
    Unfit { epoch: u64, why: String },
}

impl Version {
    pub(crate) fn new(key: KeyId, row: VersionRow, reserved: u64, tokens: usize) -> Self {
        Self {
            key,
            row,
            counter: Counter::new(reserved),
            places: std::iter::repeat_with(Place::default).take(tokens).collect(),
        }
    }

    pub(crate) fn place(&self, token: usize) -> Option<&Place> {
        self.places.get(token)
    }

    /// What shows that an object is this version's.
    pub(crate) fn proof(&self) -> Option<Proof> {
        Some(Proof {
            sealed: self.row.sealed_proof()?,
            aad: proof_aad(&self.key, self.row.tag),
            plaintext: PROOF_PLAINTEXT.to_vec(),
        })
    }

    /// The metadata that its ciphertexts carry.
    pub(crate) fn metadata(&self) -> CiphertextMetadata {
        self.row
            .legacy
            .unwrap_or_else(|| key_manager::framing::Format::two(self.row.tag))
    }
}

impl Place {
    /// The object, if it was proved in this epoch.
    pub(crate) fn ready(&self, epoch: u64) -> Option<KeyObject> {
        match &*self.lock() {
            Standing::Ready { epoch: of, object } if *of == epoch => Some(object.clone()),
            _ => None,
        }
    }

    /// Why it cannot be used in this epoch, if that is known.
    pub(crate) fn unfit(&self, epoch: u64) -> Option<String> {
        match &*self.lock() {
            Standing::Unfit { epoch: of, why } if *of == epoch => Some(why.clone()),
            _ => None,
        }
    }

    pub(crate) fn set(&self, standing: Standing) {
        *self.lock() = standing;
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
