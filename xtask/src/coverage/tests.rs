//! The chore on a model of two operations.

use super::*;
use crate::compiled_tests::CompiledTest;

const MODEL: &str = r#"{
  "operations": {
    "Encrypt": {
      "supported": true,
      "input": [{ "name": "KeyId", "shape": "KeyIdType", "required": true }],
      "errors": ["NotFoundException", "KMSInternalException"],
      "cases": [
        { "member": "KeyId", "what": "2048 characters", "allowed": true },
        { "member": "KeyId", "what": "a | b", "allowed": false }
      ]
    },
    "Sign": { "supported": false, "input": [], "errors": ["NotFoundException"], "cases": [] }
  },
  "shapes": { "KeyIdType": { "type": "string", "min": 1, "max": 2048 } },
  "errors": []
}"#;

const REASON: &str = "[[reason]]\ntext = \"A fault of ours.\"\nerrors = [\"KMSInternalException\"]\n";

fn tests(names: &[&str]) -> Vec<CompiledTest> {
    let common = [evidence::CONSTRAINTS, evidence::STATES];
    names
        .iter()
        .chain(&common)
        .map(|name| CompiledTest::new("kms", &format!("module::{name}"), false))
        .collect()
}

fn gaps_with(names: &[&str], reasons: &str) -> Vec<String> {
    let model = Model::parse(MODEL).unwrap();
    let unproduced = Unproduced::parse(reasons, &model).unwrap();
    gaps(
        &model,
        &Evidence::collect(&model, &tests(names)).unwrap(),
        &unproduced,
    )
}

const ALL: [&str; 3] = [
    "kms_works_encrypt",
    "kms_refused_sign",
    "kms_err_encrypt_not_found_exception",
];

#[test]
fn what_no_test_shows_is_a_gap() {
    assert_eq!(gaps_with(&ALL, REASON), Vec::<String>::new());
    for (index, name) in ALL.iter().enumerate() {
        let mut some = ALL.to_vec();
        some.remove(index);
        assert_eq!(gaps_with(&some, REASON), [format!("no test {name}")]);
    }
    let none = gaps_with(&ALL, "reason = []");
    assert_eq!(none, ["no test kms_err_encrypt_kms_internal_exception"]);
}

#[test]
fn a_reason_that_a_test_disproves_is_a_gap() {
    let mut names = ALL.to_vec();
    names.push("kms_err_encrypt_kms_internal_exception");
    assert_eq!(gaps_with(&names, REASON).len(), 1);
}

#[test]
fn names_that_mean_nothing_and_reasons_for_nothing_are_refused() {
    let model = Model::parse(MODEL).unwrap();
    for name in ["kms_works_sign", "kms_err_encrypt_tag_exception", "kms_refused_x"] {
        assert!(Evidence::collect(&model, &tests(&[name])).is_err(), "{name}");
    }
    assert!(Evidence::collect(&model, &tests(&["kms_else"])).is_ok());
    assert!(Unproduced::parse("[[reason]]\ntext = \"t\"\nerrors = [\"TagException\"]\n", &model).is_err());
    assert!(Unproduced::parse(&format!("{REASON}operations = [\"Sign\"]\n"), &model).is_err());
    assert!(Unproduced::parse(&format!("{REASON}operations = [\"X\"]\n"), &model).is_err());
}

#[test]
fn an_ignored_test_is_no_evidence() {
    let model = Model::parse(MODEL).unwrap();
    let ignored = CompiledTest::new("kms", "module::kms_works_encrypt", true);
    assert!(Evidence::collect(&model, &[ignored]).is_err());
    let other = CompiledTest::new("seal", "module::make", true);
    assert!(Evidence::collect(&model, &[other]).is_ok());
}

#[test]
fn the_page_names_tests_reasons_and_bounds() {
    let model = Model::parse(MODEL).unwrap();
    let unproduced = Unproduced::parse(REASON, &model).unwrap();
    let evidence = Evidence::collect(&model, &tests(&ALL)).unwrap();
    let page = page::render(&model, &evidence, &unproduced);
    for line in [
        "Works: kms: `kms_works_encrypt`.",
        "Left out, and refused as AWS refuses: kms: `kms_refused_sign`.",
        "| NotFoundException | kms: `kms_err_encrypt_not_found_exception` |",
        "| KMSInternalException | – (reason 1) |",
        "| KeyId | KeyIdType: string, 1–2048, required | 2048 characters | a \\| b |",
        "1. A fault of ours.",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}
