//! Forms of the Query protocol.

use kms::front::query::{MAX_FORM_BYTES, MAX_NAME_BYTES, MAX_PARAMETERS, MalformedForm, Parameters};

#[test]
fn a_form_is_read_as_clients_write_it() {
    let form = b"Action=AssumeRole&Version=2011-06-15&RoleSessionName=a%40b+c&Tags.member.1.Key=k&Tags.member.1.Value=%C3%A9&X&";
    let parameters = Parameters::parse(form).unwrap();
    assert_eq!(parameters.get("Action"), Some("AssumeRole"));
    assert_eq!(parameters.get("RoleSessionName"), Some("a@b c"));
    assert_eq!(parameters.fields("Tags", "Key"), ["k"]);
    assert_eq!(parameters.fields("Tags", "Value"), ["é"]);
    assert_eq!(parameters.get("X"), Some(""));
    assert_eq!(parameters.get("Y"), None);
}

#[test]
fn a_list_ends_at_the_first_gap_and_keeps_its_order() {
    let form: String = (1..=11).map(|n| format!("L.member.{n}=v{n}&")).collect();
    let parameters = Parameters::parse(form.as_bytes()).unwrap();
    assert_eq!(parameters.list("L").len(), 11);
    assert_eq!(parameters.list("L")[10], "v11");
    let gap = Parameters::parse(b"L.member.1=a&L.member.3=c").unwrap();
    assert_eq!(gap.list("L"), ["a"]);
}

#[test]
fn what_is_no_form_is_refused() {
    for form in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"%=1"] {
        assert_eq!(Parameters::parse(form), Err(MalformedForm::Encoding));
    }
    assert_eq!(Parameters::parse(b"a=1&a=2"), Err(MalformedForm::Duplicate));
    assert_eq!(Parameters::parse(b"a=1&%61=2"), Err(MalformedForm::Duplicate));
}

#[test]
fn limits_hold_at_their_exact_values() {
    let many = |count: usize| (0..count).map(|n| format!("p{n}=&")).collect::<String>();
    assert!(Parameters::parse(many(MAX_PARAMETERS).as_bytes()).is_ok());
    let one_more = Parameters::parse(many(MAX_PARAMETERS + 1).as_bytes());
    assert_eq!(one_more, Err(MalformedForm::TooMany));
    assert!(Parameters::parse(&[b'n'; MAX_NAME_BYTES]).is_ok());
    assert_eq!(
        Parameters::parse(&[b'n'; MAX_NAME_BYTES + 1]),
        Err(MalformedForm::TooMany)
    );
    let long = |len: usize| [b"a=".to_vec(), vec![b'x'; len - 2]].concat();
    assert!(Parameters::parse(&long(MAX_FORM_BYTES)).is_ok());
    let one_more = Parameters::parse(&long(MAX_FORM_BYTES + 1));
    assert_eq!(one_more, Err(MalformedForm::TooLong));
}
