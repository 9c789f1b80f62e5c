//! Forms of the AWS Query protocol.

use kms::front::query::{MAX_FORM_BYTES, MAX_PARAMETERS, MalformedForm, Parameters};

/// What is read can be found again, lists end at their first gap, and limits hold.
pub fn query_forms(data: &[u8]) {
    let parameters = match Parameters::parse(data) {
        Ok(parameters) => parameters,
        Err(MalformedForm::TooLong) => return assert!(data.len() > MAX_FORM_BYTES),
        Err(_) => return,
    };
    assert!(data.len() <= MAX_FORM_BYTES);
    for name in ["Tags", "PolicyArns", "TransitiveTagKeys"] {
        let list = parameters.list(name);
        assert!(list.len() <= MAX_PARAMETERS);
        for (number, value) in (1..).zip(&list) {
            assert_eq!(parameters.get(&format!("{name}.member.{number}")), Some(*value));
        }
        assert_eq!(parameters.get(&format!("{name}.member.{}", list.len() + 1)), None);
        let fields = parameters.fields(name, "Key");
        assert_eq!(
            parameters.get(&format!("{name}.member.{}.Key", fields.len() + 1)),
            None
        );
    }
    // The same parameters in the opposite order are the same.
    let mut pairs: Vec<&[u8]> = data.split(|byte| *byte == b'&').collect();
    pairs.reverse();
    assert_eq!(Parameters::parse(&pairs.join(&b'&')), Ok(parameters));
}
