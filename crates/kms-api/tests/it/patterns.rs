//! The matchers of the model's regular expressions against a regular expression engine.

use kms_api::schema::pattern;
use proptest::prelude::*;
use proptest::string::string_regex;
use regex::Regex;

/// The expression in the engine's syntax: ASCII classes, Java's line terminators, the whole text.
fn translated(text: &str) -> String {
    let text = text
        .replace(r"[\w]", "[0-9A-Za-z_]")
        .replace(r"\w", "0-9A-Za-z_")
        .replace(r"\d", "[0-9]")
        .replace(r"\s", r"\t\n\x0b\x0c\r ")
        .replace(":.+$", r":[^\n\r\u{85}\u{2028}\u{2029}]+$")
        .replace("0-9-_.", r"0-9_.\-")
        .replace(r"\/", "/")
        .replace(r"\u00", r"\x");
    text.replace(['^', '$'], "").replace("[\\n\\r", "[^\\n\\r")
}

fn engine(text: &str) -> Regex {
    Regex::new(&format!("^(?:{})$", translated(text))).unwrap()
}

/// A character of a matching text replaced, inserted or removed.
#[derive(Clone, Debug)]
enum Change {
    None,
    Replace(usize, char),
    Insert(usize, char),
    Remove(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let special = prop::sample::select(
        "-_/.:@aZ0729+=, \n\r\t\u{b}\u{85}\u{2028}é٣☃"
            .chars()
            .collect::<Vec<_>>(),
    );
    let place = 0_usize..40;
    prop_oneof![
        Just(Change::None),
        (place.clone(), special.clone()).prop_map(|(at, c)| Change::Replace(at, c)),
        (place.clone(), special).prop_map(|(at, c)| Change::Insert(at, c)),
        place.prop_map(Change::Remove),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    match *change {
        Change::Replace(at, c) if at < chars.len() => chars[at] = c,
        Change::Insert(at, c) => chars.insert(at.min(chars.len()), c),
        Change::Remove(at) if at < chars.len() => drop(chars.remove(at)),
        _ => {}
    }
    chars.into_iter().collect()
}

fn matching_text() -> impl Strategy<Value = (usize, String)> {
    (0..pattern::ALL.len()).prop_flat_map(|index| {
        let text = string_regex(&translated(pattern::ALL[index].as_str())).unwrap();
        (Just(index), text)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_matchers_agree_with_a_regular_expression_engine((index, text) in matching_text(), change in change()) {
        let pattern = pattern::ALL[index];
        prop_assert!(pattern.matches(&text), "{pattern:?} does not match {text:?}");
        let text = changed(&text, &change);
        prop_assert_eq!(pattern.matches(&text), engine(pattern.as_str()).is_match(&text), "{:?} on {:?}", pattern, text);
    }
}

#[test]
fn the_empty_text_matches_the_marker_alone() {
    for pattern in pattern::ALL {
        assert_eq!(
            pattern.matches(""),
            std::ptr::eq(*pattern, &raw const pattern::LATIN),
            "{pattern:?}"
        );
    }
}
