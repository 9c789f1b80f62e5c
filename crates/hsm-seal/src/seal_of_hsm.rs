//! Root keys under the wrapping keys of tokens.

use std::sync::{Mutex, PoisonError};

use ambient::Random;
use crypto::{Fields, Key256, SecretBytes};
use pkcs11::{KeyObject, Token, TokenError};
use seal::roots::{ProtectFailed, RevealFailed};
use seal::{Boxed, Seal, SealingKeyId};

use crate::KIND;
use crate::part::{self, CHECK, Part, WrappingKey};
use crate::tokens::{HsmTokens, NamedToken, Problem};

/// The seal of one id: a wrapping key on each token.
pub(crate) struct HsmSeal {
    id: SealingKeyId,
    tokens: HsmTokens,
    /// From when it was made, or as the store had them last.
    keys: Mutex<Vec<WrappingKey>>,
}

/// What came of a wrapping key on a token.
enum Held {
    /// It is there, and is the one that made the check.
    Proven(KeyObject),
    /// There is no object of its name.
    Missing,
    /// There is one, and it is another.
    Another,
}

impl HsmSeal {
    /// The seal of this id, whose wrapping keys are known already or come with what it is to reveal.
    pub(crate) const fn new(id: SealingKeyId, tokens: HsmTokens, keys: Vec<WrappingKey>) -> Self {
        Self {
            id,
            tokens,
            keys: Mutex::new(keys),
        }
    }

    pub(crate) fn keys(&self) -> Vec<WrappingKey> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first of `keys` that the token has, proven by its check.
    async fn find(
        &self,
        named: &NamedToken,
        keys: &[WrappingKey],
    ) -> Result<(Token, KeyObject, usize), Problem> {
        let token = self.tokens.open(named).await?;
        let mut other = None;
        for (index, key) in keys.iter().enumerate() {
            match self.held(named, &token, key).await? {
                Held::Proven(object) => return Ok((token, object, index)),
                Held::Another => other = Some(key),
                Held::Missing => {}
            }
        }
        let info = match token.info().await {
            Ok(info) => info,
            Err(error) => return Err(named.failed(&error).await),
        };
        let (name, id, serial) = (named.name(), self.id, info.serial);
        Err(match (other, keys.first()) {
            (Some(key), _) => format!(
                "token {name} (serial {serial}): its key object {} is not the one that sealed this store: put the \
                 right one back from the HSM's backup",
                key.name()
            ),
            (None, Some(key)) => format!(
                "token {name} (serial {serial}) has no wrapping key of the seal {id}, such as {} of the token with \
                 serial {}: connect that HSM, or restore the object from its backup",
                key.name(),
                key.serial
            ),
            (None, None) => format!("token {name}: the wrapping keys of the seal {id} are not known yet"),
        })
    }

    async fn held(&self, named: &NamedToken, token: &Token, key: &WrappingKey) -> Result<Held, Problem> {
        let Some(selector) = key.selector() else {
            return Ok(Held::Missing);
        };
        let object = match token.find(&selector).await {
            Ok(object) => object,
            Err(TokenError::ObjectGone) => return Ok(Held::Missing),
            Err(error @ (TokenError::Ambiguous | TokenError::Unsuitable(_))) => {
                let (name, object) = (named.name(), key.name());
                return Err(format!("token {name}, key object {object}: {error}"));
            }
            Err(error) => return Err(named.failed(&error).await),
        };
        let aad = key.own_check_aad(self.id);
        match token.decrypt(&object, key.check.clone(), aad.as_bytes()).await {
            Ok(check) if check.expose() == CHECK => Ok(Held::Proven(object)),
            Ok(_) | Err(TokenError::NotAuthentic) => Ok(Held::Another),
            Err(TokenError::ObjectGone) => Ok(Held::Missing),
            Err(error) => Err(named.failed(&error).await),
        }
    }

    async fn protect_on(
        &self,
        named: &NamedToken,
        keys: &[WrappingKey],
        context: &Fields,
        root: &Key256,
    ) -> Result<Part, Problem> {
        let (token, object, index) = self.find(named, keys).await?;
        let Some(key) = keys.get(index) else {
            return Err(format!("token {}: its wrapping key is gone", named.name()));
        };
        let plaintext = SecretBytes::new(root.expose().to_vec());
        let aad = key.root_aad(self.id, context);
        match token.encrypt_and_try(&object, plaintext, aad.as_bytes()).await {
            // What arrived is what was tried, and that gave the root back.
            Ok(tried)
                if tried.sealed.digest() == tried.digest
                    && crypto::constant_time_eq(tried.opened.expose(), root.expose()) =>
            {
                Ok(Part {
                    key: key.clone(),
                    root: tried.sealed,
                })
            }
            Ok(_) => Err(format!(
                "token {}: what it encrypted did not come back the same",
                named.name()
            )),
            Err(error) => Err(named.failed(&error).await),
        }
    }

    async fn protect(&self, context: &Fields, root: &Key256) -> Result<Vec<u8>, ProtectFailed> {
        let keys = self.keys();
        let mut parts = Vec::with_capacity(self.tokens.all().len());
        for named in self.tokens.all() {
            let part = self.protect_on(named, &keys, context, root).await;
            // A root that one of the tokens could not open would be missed when it is needed.
            parts.push(named.note(part).map_err(ProtectFailed::Unavailable)?);
        }
        part::write(self.id, &parts)
            .ok_or_else(|| ProtectFailed::Unavailable("a key object's name is too long".to_owned()))
    }

    async fn reveal(&self, context: &Fields, protected: &[u8]) -> Result<Key256, RevealFailed> {
        let parts = part::read(self.id, protected).ok_or(RevealFailed::NotAuthentic)?;
        let keys: Vec<WrappingKey> = parts.iter().map(|part| part.key.clone()).collect();
        let mut problems = Vec::new();
        for named in self.tokens.all() {
            let found = self.find(named, &keys).await;
            let (token, object, index) = match named.note(found) {
                Ok(found) => found,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            let part = parts.get(index).ok_or(RevealFailed::NotAuthentic)?;
            let aad = part.key.root_aad(self.id, context);
            match token.decrypt(&object, part.root.clone(), aad.as_bytes()).await {
                Ok(root) => {
                    *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
                    return Key256::from_slice(root.expose()).ok_or(RevealFailed::NotAuthentic);
                }
                // The key is the right one, so it is the row that is not.
                Err(TokenError::NotAuthentic) => return Err(RevealFailed::NotAuthentic),
                Err(error) => {
                    let problem = named.failed(&error).await;
                    problems.extend(named.note(Err::<(), _>(problem)).err());
                }
            }
        }
        Err(RevealFailed::Unavailable(problems.join("; ")))
    }

    /// Every token is asked, so that `status` tells of each. One that is busy is there.
    async fn probe(&self) -> Result<(), RevealFailed> {
        let keys = self.keys();
        let mut problems = Vec::new();
        for named in self.tokens.all() {
            let found = self.find(named, &keys).await.map(drop);
            problems.extend(named.note(found).err());
        }
        if problems.len() < self.tokens.all().len() {
            return Ok(());
        }
        Err(RevealFailed::Unavailable(problems.join("; ")))
    }
}

impl Seal for HsmSeal {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn id(&self) -> SealingKeyId {
        self.id
    }

    fn protect<'a>(
        &'a self,
        _random: &'a dyn Random,
        context: &'a Fields,
        root: &'a Key256,
    ) -> Boxed<'a, Result<Vec<u8>, ProtectFailed>> {
        Box::pin(self.protect(context, root))
    }

    fn reveal<'a>(
        &'a self,
        context: &'a Fields,
        protected: &'a [u8],
    ) -> Boxed<'a, Result<Key256, RevealFailed>> {
        Box::pin(self.reveal(context, protected))
    }

    fn probe(&self) -> Boxed<'_, Result<(), RevealFailed>> {
        Box::pin(self.probe())
    }
}
