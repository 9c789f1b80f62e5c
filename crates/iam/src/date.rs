//! Dates of conditions: the W3C profile of ISO 8601, or seconds since the epoch.

use crate::decimal::Decimal;

/// Reads `2026-11-22`, `2026-11-22T12:30Z`, `2026-11-22T12:30:15.5+01:00`, `1795348800`.
///
/// A bare year is refused: four digits could as well be seconds.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    if text.len() > 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Decimal::parse(text);
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let days = days(date)?;
    let (seconds, nanoseconds) = match time {
        Some(time) => time_of_day(time)?,
        None => (0, 0),
    };
    Some(Decimal::seconds(days * 86_400 + seconds, nanoseconds))
}

/// Writes seconds since the epoch as `2026-11-22T12:30:15Z`.
pub(crate) fn to_text(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since 1970-01-01 of `YYYY-MM` or `YYYY-MM-DD`.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = parts.next().map_or(Some(1), |day| digits(day, 2))?;
    let valid =
        parts.next().is_none() && (1..=12).contains(&month) && (1..=month_days(year, month)).contains(&day);
    valid.then(|| days_from_civil(year, month, day))
}

const fn month_days(year: i64, month: i64) -> i64 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts in eras of 400 years of 146,097 days that begin on 1 March, so that a leap day is the last
/// day of its year.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
}

/// The opposite of [`days_from_civil`].
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Seconds since midnight UTC, and nanoseconds, of `hh:mmZ`, `hh:mm:ss+hh:mm`, `hh:mm:ss.fffZ`.
fn time_of_day(time: &str) -> Option<(i64, u32)> {
    let (time, offset) = if let Some(time) = time.strip_suffix(['Z', 'z']) {
        (time, 0)
    } else {
        let at = time.rfind(['+', '-'])?;
        let (time, offset) = time.split_at(at);
        (time, offset_seconds(offset)?)
    };
    let mut parts = time.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let (second, nanoseconds) = parts.next().map_or(Some((0, 0)), second_and_fraction)?;
    let valid = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    valid.then_some((hour * 3_600 + minute * 60 + second - offset, nanoseconds))
}

fn second_and_fraction(text: &str) -> Option<(i64, u32)> {
    let Some((second, fraction)) = text.split_once('.') else {
        return Some((digits(text, 2)?, 0));
    };
    let scale = 9_usize.checked_sub(fraction.len())?;
    let nanoseconds = digits(fraction, fraction.len())? * 10_i64.pow(u32::try_from(scale).ok()?);
    Some((digits(second, 2)?, u32::try_from(nanoseconds).ok()?))
}

fn offset_seconds(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+')?),
    };
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 3_600 + minute * 60))
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let valid = length > 0 && text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { text.parse().ok() } else { None }
}
