//! `X-Amz-Date`: `YYYYMMDD'T'HHMMSS'Z'`, UTC (XKS-AUTH-05).

use ambient::Timestamp;

/// The text and what it means. Years 1970 to 9999; no leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AmzDate {
    text: [u8; 16],
    at: Timestamp,
}

impl AmzDate {
    /// Strict: 16 bytes and a date that exists.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; 16] = text.try_into().ok()?;
        let [
            y1,
            y2,
            y3,
            y4,
            mo1,
            mo2,
            d1,
            d2,
            b'T',
            h1,
            h2,
            mi1,
            mi2,
            s1,
            s2,
            b'Z',
        ] = text
        else {
            return None;
        };
        let year = number(&[y1, y2, y3, y4])?;
        let (month, day) = (number(&[mo1, mo2])?, number(&[d1, d2])?);
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[mi1, mi2])?, number(&[s1, s2])?);
        if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_since_epoch(year, month, day);
        let at = Timestamp::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second);
        // A day that its month does not have comes back as a day of the next month.
        let (_, back_month, back_day, ..) = at.civil();
        ((u64::from(back_month), u64::from(back_day)) == (month, day)).then_some(Self { text, at })
    }

    /// The second that `now` lies in; `None` after the year 9999.
    pub(crate) fn of(now: Timestamp) -> Option<Self> {
        let (year, month, day, hour, minute, second) = now.civil();
        Self::parse(format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z").as_bytes())
    }

    /// The 16 bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.text
    }

    /// `YYYYMMDD`, as the credential scope has it.
    pub(crate) fn day(&self) -> [u8; 8] {
        // Unwrap safety: 16 bytes have a first chunk of 8.
        self.text.first_chunk().copied().unwrap_or_default()
    }

    /// The instant.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }
}

/// Reads the value of `X-Amz-Date`: `None` unless it is exactly `YYYYMMDD'T'HHMMSS'Z'` and exists.
/// For services that tell a client whether its date was malformed, stale or early.
pub fn parse_date(text: &[u8]) -> Option<Timestamp> {
    AmzDate::parse(text).map(|date| date.at())
}

/// A decimal number of ASCII digits alone.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(digit - b'0'))
    })
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, year 1970 or later.
/// Days-from-civil after Howard Hinnant's public-domain description.
fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn xks_auth_05_known_dates_parse() {
        for (text, secs) in [
            ("19700101T000000Z", 0),
            ("20150830T123600Z", 1_440_938_160),
            ("20240229T235959Z", 1_709_251_199),
            ("99991231T235959Z", 253_402_300_799),
        ] {
            let date = AmzDate::parse(text.as_bytes()).unwrap();
            assert_eq!(date.at(), Timestamp::from_secs(secs));
            assert_eq!(date.as_bytes(), text.as_bytes());
            assert_eq!(&date.day(), &text.as_bytes()[..8]);
            assert_eq!(AmzDate::of(date.at()), Some(date));
            assert_eq!(parse_date(text.as_bytes()), Some(date.at()));
        }
    }

    #[test]
    fn xks_auth_05_anything_else_is_refused() {
        for text in [
            "",
            "20240515T120000",
            "20240515T120000z",
            "20240515t120000Z",
            "20240515 120000Z",
            "20240515T120000ZZ",
            " 20240515T12000Z",
            "2024-05-15T12:00Z",
            "20230229T000000Z",
            "20240431T000000Z",
            "20240015T000000Z",
            "20241315T000000Z",
            "20240500T000000Z",
            "20240532T000000Z",
            "20240515T240000Z",
            "20240515T126000Z",
            "20240515T120060Z",
            "19691231T235959Z",
            "+0240515T120000Z",
        ] {
            assert_eq!(AmzDate::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_second_round_trips(secs in 0_u64..253_402_300_800) {
            let at = Timestamp::from_secs(secs);
            prop_assert_eq!(AmzDate::of(at).unwrap().at(), at);
        }
    }
}
