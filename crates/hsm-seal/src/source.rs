//! Where the seals of an HSM come from: wrapping keys that are made, or that exist.

use std::sync::{Arc, Mutex, PoisonError};

use ambient::Random;
use crypto::SecretBytes;
use pkcs11::{KeyObject, NewObject, ObjectSelector, Token, Usage};
use seal::{Boxed, Replaced, Seal, SealKind, SealSource, SealSourceError, SealingKeyId};

use crate::KIND;
use crate::config::ObjectConfig;
use crate::part::{CHECK, WrappingKey};
use crate::seal_of_hsm::HsmSeal;
use crate::tokens::{HsmTokens, NamedToken, Problem};

/// Seals whose keys are in the tokens of an HSM.
pub struct HsmSeals(HsmTokens);

impl HsmSeals {
    /// In these tokens.
    pub const fn new(tokens: HsmTokens) -> Self {
        Self(tokens)
    }
}

impl SealKind for HsmSeals {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// Asks nothing of the tokens yet.
    fn open<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>> {
        Box::pin(async move {
            let id = SealingKeyId::from_hex(id)
                .ok_or_else(|| SealSourceError::Hsm("the store names no seal that can be one".to_owned()))?;
            let seal = HsmSeal::new(id, self.0.clone(), Vec::new());
            Ok(Arc::new(HsmSource::new(self.0.clone(), seal)) as _)
        })
    }

    fn make<'a>(
        &'a self,
        id: SealingKeyId,
        _random: &'a Arc<dyn Random>,
    ) -> Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>> {
        Box::pin(async move {
            let seal = make(&self.0, id).await.map_err(SealSourceError::Hsm)?;
            Ok(Arc::new(HsmSource::new(self.0.clone(), seal)) as _)
        })
    }
}

struct HsmSource {
    tokens: HsmTokens,
    seals: Mutex<InForce>,
}

struct InForce {
    current: Arc<HsmSeal>,
    prepared: Option<Arc<HsmSeal>>,
}

impl HsmSource {
    fn new(tokens: HsmTokens, current: HsmSeal) -> Self {
        let seals = Mutex::new(InForce {
            current: Arc::new(current),
            prepared: None,
        });
        Self { tokens, seals }
    }

    fn in_force(&self) -> Arc<HsmSeal> {
        let seals = self.seals.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&seals.current)
    }
}

impl SealSource for HsmSource {
    fn current(&self) -> Arc<dyn Seal> {
        self.in_force()
    }

    fn place(&self) -> String {
        place(&self.in_force())
    }

    /// An object is where it was made.
    fn settle(&self) -> Boxed<'_, Result<bool, SealSourceError>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn prepare<'a>(
        &'a self,
        kind: Option<&'a str>,
        id: SealingKeyId,
        _random: &'a Arc<dyn Random>,
    ) -> Boxed<'a, Result<Arc<dyn Seal>, SealSourceError>> {
        Box::pin(async move {
            if let Some(other) = kind.filter(|kind| *kind != KIND) {
                return Err(SealSourceError::NotConfigured(other.to_owned()));
            }
            let made = Arc::new(make(&self.tokens, id).await.map_err(SealSourceError::Hsm)?);
            let mut seals = self.seals.lock().unwrap_or_else(PoisonError::into_inner);
            seals.prepared = Some(Arc::clone(&made));
            Ok(made as _)
        })
    }

    fn replace(&self) -> Boxed<'_, Result<Replaced, SealSourceError>> {
        let (now, before) = {
            let mut seals = self.seals.lock().unwrap_or_else(PoisonError::into_inner);
            let before = Arc::clone(&seals.current);
            if let Some(prepared) = seals.prepared.take() {
                seals.current = prepared;
            }
            (Arc::clone(&seals.current), before)
        };
        let replaced = Replaced {
            place: place(&now),
            previous: place(&before),
        };
        Box::pin(std::future::ready(Ok(replaced)))
    }
}

/// Where the wrapping keys are, for people.
fn place(seal: &HsmSeal) -> String {
    let keys = seal.keys();
    if keys.is_empty() {
        return format!("the HSM, seal {}", seal.id());
    }
    let named = |key: &WrappingKey| format!("key object {} on the token {}", key.name(), key.serial);
    keys.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// A wrapping key on every token. What was made before a failure stays there: a store may be sealed
/// with it for all that one can know.
async fn make(tokens: &HsmTokens, id: SealingKeyId) -> Result<HsmSeal, Problem> {
    // All of them are asked before anything is made on one.
    for named in tokens.all() {
        let ready = is_ready(tokens, named).await;
        named.note(ready).map_err(|problem| {
            format!("{problem}; a new seal needs every token: bring it back, or take it out of [seal.hsm]")
        })?;
    }
    let mut keys = Vec::with_capacity(tokens.all().len());
    for named in tokens.all() {
        let key = make_on(tokens, named, id).await;
        keys.push(named.note(key)?);
    }
    Ok(HsmSeal::new(id, tokens.clone(), keys))
}

async fn is_ready(tokens: &HsmTokens, named: &NamedToken) -> Result<(), Problem> {
    let token = tokens.open(named).await?;
    match token.probe().await {
        Ok(()) => Ok(()),
        Err(error) => Err(named.failed(&error).await),
    }
}

async fn make_on(tokens: &HsmTokens, named: &NamedToken, id: SealingKeyId) -> Result<WrappingKey, Problem> {
    let token = tokens.open(named).await?;
    let existing = tokens.config().object().map_err(|error| error.to_string())?;
    let (object, label, object_id) = match (&existing, &tokens.config().object) {
        (Some(selector), Some(config)) => {
            let object = adopt(named, &token, selector).await?;
            let ObjectConfig { label, id } = config;
            let object_id = id.as_deref().and_then(crypto::unhex);
            (
                object,
                label.clone().unwrap_or_default(),
                object_id.unwrap_or_default(),
            )
        }
        _ => {
            let label = format!("strongroom-seal-{id}-{}", named.name());
            let object_id = [id.as_bytes().as_slice(), named.name().as_bytes()].concat();
            let new = NewObject {
                label: label.clone(),
                id: object_id.clone(),
                wrappable: false,
                usage: Usage::Messages,
            };
            let made = token.generate(new).await;
            match made {
                Ok(object) => (object, label, object_id),
                Err(error) => return Err(named.failed(&error).await),
            }
        }
    };
    let info = match token.info().await {
        Ok(info) => info,
        Err(error) => return Err(named.failed(&error).await),
    };
    let aad = WrappingKey::check_aad(id, &label, &object_id, &info.serial);
    let check = SecretBytes::new(CHECK.to_vec());
    match token.encrypt_and_try(&object, check, aad.as_bytes()).await {
        Ok(tried) if tried.sealed.digest() == tried.digest && tried.opened.expose() == CHECK => {
            Ok(WrappingKey {
                label,
                id: object_id,
                serial: info.serial,
                check: tried.sealed,
            })
        }
        Ok(_) => Err(format!(
            "token {}: what it encrypted did not come back the same",
            named.name()
        )),
        Err(error) => Err(named.failed(&error).await),
    }
}

/// An object that an administrator made. The token has held it to the strict requirements already.
async fn adopt(named: &NamedToken, token: &Token, selector: &ObjectSelector) -> Result<KeyObject, Problem> {
    match token.find(selector).await {
        Ok(object) if object.can_encrypt() && object.can_decrypt() => Ok(object),
        Ok(_) => Err(format!(
            "token {}: the key object of seal.hsm.object may not both encrypt and decrypt: set CKA_ENCRYPT and \
             CKA_DECRYPT, or name another",
            named.name()
        )),
        Err(error) => Err(format!(
            "the key object of seal.hsm.object: {}",
            named.failed(&error).await
        )),
    }
}
