//! What is known of a request: condition keys and their values.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::date;
use crate::decimal::Decimal;
use crate::keys::{self, AddressKey, BoolKey, DateKey, ListKey, NumberKey, TextKey};
use crate::principal::{Principal, PrincipalKind};

/// The condition keys of one request. Setting a key again replaces its value.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// Sorted by name, which is in lower case.
    entries: Vec<Entry<'a>>,
    encryption_context: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Clone, Debug)]
struct Entry<'a> {
    name: Cow<'a, str>,
    value: Value<'a>,
}

/// The value of a key, as conditions meet it.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    One(Scalar<'a>),
    /// Of a multivalued key.
    Many(Vec<Scalar<'a>>),
    /// Of a single-valued key that the request holds several times, in names that differ in case only.
    Several(Vec<Scalar<'a>>),
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Number(Decimal),
    /// Seconds since the epoch.
    Date(i64),
    Address(IpAddr),
}

impl<'a> Context<'a> {
    /// A request of which nothing is known.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            encryption_context: Vec::new(),
        }
    }

    /// Sets a text.
    pub fn text(&mut self, key: TextKey, value: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set(key.0.into(), Value::One(Scalar::Text(value.into())))
    }

    /// Sets a truth value.
    pub fn boolean(&mut self, key: BoolKey, value: bool) -> &mut Self {
        self.set(key.0.into(), Value::One(Scalar::Bool(value)))
    }

    /// Sets a whole number.
    pub fn number(&mut self, key: NumberKey, value: i64) -> &mut Self {
        self.set(key.0.into(), Value::One(Scalar::Number(Decimal::whole(value))))
    }

    /// Sets a date, in seconds since the epoch.
    pub fn date(&mut self, key: DateKey, seconds: i64) -> &mut Self {
        self.set(key.0.into(), Value::One(Scalar::Date(seconds)))
    }

    /// Sets an IP address.
    pub fn address(&mut self, key: AddressKey, value: IpAddr) -> &mut Self {
        self.set(key.0.into(), Value::One(Scalar::Address(value)))
    }

    /// Sets the values of a multivalued key. None at all is the same as an absent key.
    pub fn list<V: Into<Cow<'a, str>>>(
        &mut self,
        key: ListKey,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let values = values
            .into_iter()
            .map(|value| Scalar::Text(value.into()))
            .collect();
        self.set(key.0.into(), Value::Many(values))
    }

    /// Sets `aws:CurrentTime` and `aws:EpochTime`, seconds since the epoch.
    pub fn now(&mut self, seconds: i64) -> &mut Self {
        self.date(keys::CURRENT_TIME, seconds)
            .date(keys::EPOCH_TIME, seconds)
    }

    /// Sets what follows from who calls: `aws:PrincipalArn`, `aws:PrincipalAccount`,
    /// `aws:PrincipalType`, `aws:username`, `kms:CallerAccount`.
    pub fn principal(&mut self, principal: &'a Principal) -> &mut Self {
        if principal.kind() == PrincipalKind::Service {
            self.boolean(keys::PRINCIPAL_IS_AWS_SERVICE, true);
            return self.text(keys::PRINCIPAL_SERVICE_NAME, principal.arn());
        }
        if let Some(name) = principal.user_name() {
            self.text(keys::USER_NAME, name);
        }
        self.text(keys::PRINCIPAL_ARN, principal.principal_arn())
            .text(keys::PRINCIPAL_ACCOUNT, principal.account())
            .text(keys::CALLER_ACCOUNT, principal.account())
            .text(keys::PRINCIPAL_TYPE, principal.kind().as_str())
            .boolean(keys::PRINCIPAL_IS_AWS_SERVICE, false)
    }

    /// Sets the encryption context: `kms:EncryptionContext:<key>` and `kms:EncryptionContextKeys`, and
    /// what grants' constraints are compared with.
    pub fn encryption_context<P>(&mut self, pairs: impl IntoIterator<Item = (P, P)>) -> &mut Self
    where
        P: Into<Cow<'a, str>>,
    {
        self.encryption_context = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let pairs = self.encryption_context.clone();
        self.list(
            keys::ENCRYPTION_CONTEXT_KEYS,
            pairs.iter().map(|(key, _)| key.clone()),
        );
        self.family(keys::ENCRYPTION_CONTEXT, pairs)
    }

    /// Sets `kms:EncryptionContext:<key>` and `kms:EncryptionContextKeys` alone, as CreateGrant has
    /// them: from the new grant's constraint, with no encryption context in the request.
    pub fn constraint_context<P>(&mut self, pairs: impl IntoIterator<Item = (P, P)>) -> &mut Self
    where
        P: Into<Cow<'a, str>>,
    {
        self.encryption_context(pairs);
        self.encryption_context.clear();
        self
    }

    /// Sets `aws:PrincipalTag/<key>`.
    pub fn principal_tags<P>(&mut self, tags: impl IntoIterator<Item = (P, P)>) -> &mut Self
    where
        P: Into<Cow<'a, str>>,
    {
        self.family(keys::PRINCIPAL_TAG, tags)
    }

    /// Sets `aws:ResourceTag/<key>`.
    pub fn resource_tags<P>(&mut self, tags: impl IntoIterator<Item = (P, P)>) -> &mut Self
    where
        P: Into<Cow<'a, str>>,
    {
        self.family(keys::RESOURCE_TAG, tags)
    }

    /// Sets `aws:RequestTag/<key>` and `aws:TagKeys`.
    pub fn request_tags<P>(&mut self, tags: impl IntoIterator<Item = (P, P)>) -> &mut Self
    where
        P: Into<Cow<'a, str>>,
    {
        let tags: Vec<(Cow<'a, str>, Cow<'a, str>)> = tags
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        self.list(keys::TAG_KEYS, tags.iter().map(|(key, _)| key.clone()));
        self.family(keys::REQUEST_TAG, tags)
    }

    /// Sets any key by its name, for tools in which somebody types a context. One value makes the key
    /// single-valued, unless it is known as multivalued.
    pub fn other(&mut self, name: &str, values: impl IntoIterator<Item = String>) -> &mut Self {
        let name = name.to_lowercase();
        let mut values: Vec<_> = values
            .into_iter()
            .map(|value| Scalar::Text(value.into()))
            .collect();
        let multivalued = [
            keys::CALLED_VIA,
            keys::TAG_KEYS,
            keys::TRANSITIVE_TAG_KEYS,
            keys::ENCRYPTION_CONTEXT_KEYS,
            keys::GRANT_OPERATIONS,
            keys::RESOURCE_ALIASES,
        ];
        let value = if values.len() == 1 && multivalued.iter().all(|key| key.0 != name) {
            values.pop().map_or(Value::Many(Vec::new()), Value::One)
        } else {
            Value::Many(values)
        };
        self.set(name.into(), value)
    }

    /// The value of a key whose name is in lower case; an empty list of values is none.
    pub(crate) fn get(&self, name: &str) -> Option<&Value<'a>> {
        let at = self
            .entries
            .binary_search_by(|entry| (*entry.name).cmp(name))
            .ok()?;
        let value = &self.entries.get(at)?.value;
        (!matches!(value, Value::Many(values) if values.is_empty())).then_some(value)
    }

    /// The text that a policy variable stands for: single-valued keys only.
    pub(crate) fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.get(name)? {
            Value::One(scalar) => Some(scalar.to_text()),
            Value::Many(_) | Value::Several(_) => None,
        }
    }

    /// The pairs as the request has them, in the case that they have.
    pub(crate) fn encryption_context_pairs(&self) -> &[(Cow<'a, str>, Cow<'a, str>)] {
        &self.encryption_context
    }

    /// Sets a family of keys at once. Names that differ in case only become one key with several values.
    fn family<P>(&mut self, prefix: &str, pairs: impl IntoIterator<Item = (P, P)>) -> &mut Self
    where
        P: Into<Cow<'a, str>>,
    {
        self.entries.retain(|entry| !entry.name.starts_with(prefix));
        self.entries.extend(pairs.into_iter().map(|(key, value)| Entry {
            name: format!("{prefix}{}", key.into().to_lowercase()).into(),
            value: Value::One(Scalar::Text(value.into())),
        }));
        self.entries.sort_by(|left, right| left.name.cmp(&right.name));
        self.entries.dedup_by(|later, earlier| {
            let same = later.name == earlier.name;
            if let (true, Value::One(value)) = (same, &later.value) {
                earlier.value.push(value.clone());
            }
            same
        });
        self
    }

    fn set(&mut self, name: Cow<'a, str>, value: Value<'a>) -> &mut Self {
        match self.entries.binary_search_by(|entry| entry.name.cmp(&name)) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.value = value;
                }
            }
            Err(at) => self.entries.insert(at, Entry { name, value }),
        }
        self
    }
}

impl<'a> Value<'a> {
    fn push(&mut self, scalar: Scalar<'a>) {
        match self {
            Self::One(first) => *self = Self::Several(vec![first.clone(), scalar]),
            Self::Many(values) | Self::Several(values) => values.push(scalar),
        }
    }
}

impl Scalar<'_> {
    /// The value as text, as string conditions and policy variables see it.
    pub(crate) fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Number(number) => Cow::Owned(number.to_text()),
            Self::Date(seconds) => Cow::Owned(date::to_text(*seconds)),
            Self::Address(address) => Cow::Owned(address.to_string()),
        }
    }
}
