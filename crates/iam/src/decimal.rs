//! Exact decimal numbers: what numeric conditions and dates compare.

/// A number in units of 10⁻⁹, so that comparisons are exact (unlike with floating point).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decimal(i128);

const UNIT: i128 = 1_000_000_000;
const FRACTION_DIGITS: usize = 9;
const WHOLE_DIGITS: usize = 18;

impl Decimal {
    pub(crate) const fn whole(value: i64) -> Self {
        Self(value as i128 * UNIT)
    }

    /// Seconds and nanoseconds below a second.
    pub(crate) const fn seconds(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds as i128 * UNIT + nanoseconds as i128)
    }

    /// Reads `-12`, `3.25`: at most 18 digits before the point and 9 after it, no exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let whole = number(whole, WHOLE_DIGITS)?;
        let scale = FRACTION_DIGITS.checked_sub(fraction.len())?;
        let fraction = number(fraction, FRACTION_DIGITS)? * 10_i128.pow(u32::try_from(scale).ok()?);
        let value = whole * UNIT + fraction;
        Some(Self(if negative { -value } else { value }))
    }

    /// The shortest text that reads the same.
    pub(crate) fn to_text(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / UNIT, self.0.abs() % UNIT);
        if fraction == 0 {
            return format!("{sign}{whole}");
        }
        let text = format!("{sign}{whole}.{fraction:09}");
        text.trim_end_matches('0').to_owned()
    }
}

fn number(digits: &str, most: usize) -> Option<i128> {
    let fits = (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok() } else { None }
}
