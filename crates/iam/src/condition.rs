//! Conditions: what must hold of a request for a statement to apply (IAM User Guide, *Condition
//! operators*, *Conditions with multiple context keys or values*).

mod operator;
mod test;

use crate::context::{Context, Value};
use crate::keys::NOT_IN_KEY_POLICIES;
use crate::policy::{Effect, PolicyKind};

pub(crate) use operator::Operator;
pub(crate) use test::{InvalidValue, Test};

/// One operator applied to one key.
#[derive(Debug)]
pub(crate) struct Condition {
    operator: Operator,
    /// In lower case.
    key: Box<str>,
    /// As written.
    written_key: Box<str>,
    /// Policies of this kind do not see the key: it is absent whatever the request.
    unseen: bool,
    test: Test,
}

/// How the values of the request count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// The key has one value.
    One,
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

impl Condition {
    pub(crate) fn new(operator: Operator, key: &str, test: Test, kind: PolicyKind) -> Self {
        let lower = key.to_lowercase();
        Self {
            operator,
            unseen: kind == PolicyKind::Key && NOT_IN_KEY_POLICIES.contains(&lower.as_str()),
            key: lower.into(),
            written_key: key.into(),
            test,
        }
    }

    pub(crate) fn operator(&self) -> &Operator {
        &self.operator
    }

    pub(crate) fn written_key(&self) -> &str {
        &self.written_key
    }

    /// Whether the condition holds. The effect of its statement matters in one case only, see
    /// [`Value::Several`].
    pub(crate) fn holds(&self, context: &Context<'_>, effect: Effect) -> bool {
        let value = if self.unseen { None } else { context.get(&self.key) };
        if let Test::Null(absent) = &self.test {
            return absent.contains(&value.is_none());
        }
        let Some(value) = value else {
            return self.holds_without_value();
        };
        let holds = |scalar| self.test.holds(scalar, context);
        match (value, self.operator.quantifier) {
            (Value::One(scalar), _) => holds(scalar),
            (Value::Many(values), Quantifier::Any) => values.iter().any(holds),
            (Value::Many(values), Quantifier::All) => values.iter().all(holds),
            // A multivalued key needs a set operator; without one nothing matches.
            (Value::Many(_), Quantifier::One) => false,
            // Names that differ in case only are one condition key. Which value counts is not
            // documented, so an allow wants all of them and a deny is content with one: nobody gains
            // by sending a second spelling.
            (Value::Several(values), _) => match effect {
                Effect::Allow => values.iter().all(holds),
                Effect::Deny => values.iter().any(holds),
            },
        }
    }

    fn holds_without_value(&self) -> bool {
        match self.operator.quantifier {
            Quantifier::All => true,
            Quantifier::Any => self.operator.if_exists,
            Quantifier::One => self.operator.if_exists || self.test.is_negated(),
        }
    }
}
