//! The AWS Query protocol's request: `Action=AssumeRole&Version=2011-06-15&…`, form-encoded.
//!
//! Strict where it costs nobody: UTF-8, whole percent escapes, no parameter twice.

use std::collections::BTreeMap;

/// How many parameters one request may have: 50 tags are 100, and room for the rest.
pub const MAX_PARAMETERS: usize = 256;
/// The longest name, in bytes: `PolicyArns.member.10.arn` has 24.
pub const MAX_NAME_BYTES: usize = 128;
/// The longest form that is looked at, in bytes.
pub const MAX_FORM_BYTES: usize = 65_536;

/// The parameters of one request, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

/// Not a form that the Query protocol has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedForm {
    /// Longer than [`MAX_FORM_BYTES`].
    #[error("the form is longer than {MAX_FORM_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_PARAMETERS`], or a name longer than [`MAX_NAME_BYTES`].
    #[error("the form has too many parameters, or one with too long a name")]
    TooMany,
    /// A broken percent escape, or bytes that are not UTF-8.
    #[error("the form is not URL-encoded UTF-8")]
    Encoding,
    /// A name that occurs twice.
    #[error("a parameter occurs twice")]
    Duplicate,
}

impl Parameters {
    /// Parses a form. Takes any bytes.
    pub fn parse(form: &[u8]) -> Result<Self, MalformedForm> {
        if form.len() > MAX_FORM_BYTES {
            return Err(MalformedForm::TooLong);
        }
        let mut parameters = BTreeMap::new();
        for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at_checked(at).unwrap_or((pair, b""));
            let name = decode(name)?;
            let value = decode(value.strip_prefix(b"=").unwrap_or(value))?;
            if parameters.len() >= MAX_PARAMETERS || name.len() > MAX_NAME_BYTES {
                return Err(MalformedForm::TooMany);
            }
            if parameters.insert(name, value).is_some() {
                return Err(MalformedForm::Duplicate);
            }
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The elements of a list of strings: `name.member.1`, `name.member.2`, … in the order of their
    /// numbers; ends at the first number that is missing, as AWS's parsers do.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.members(name, "")
    }

    /// One field of the elements of a list of structures: `name.member.1.field`, ….
    pub fn fields(&self, name: &str, field: &str) -> Vec<&str> {
        self.members(name, &format!(".{field}"))
    }

    fn members(&self, name: &str, suffix: &str) -> Vec<&str> {
        (1..=MAX_PARAMETERS)
            .map_while(|number| self.get(&format!("{name}.member.{number}{suffix}")))
            .collect()
    }
}

fn decode(text: &[u8]) -> Result<String, MalformedForm> {
    let nibble = |digit: Option<&u8>| digit.and_then(|digit| char::from(*digit).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (nibble(bytes.next()), nibble(bytes.next()));
                high.zip(low)
                    .and_then(|(high, low)| u8::try_from(high << 4 | low).ok())
                    .ok_or(MalformedForm::Encoding)?
            }
            byte => *byte,
        });
    }
    String::from_utf8(out).map_err(|_| MalformedForm::Encoding)
}
