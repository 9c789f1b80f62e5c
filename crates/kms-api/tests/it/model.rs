//! The model: that it is whole, and that the typed requests are its.

use std::collections::BTreeSet;

use kms_api::request::{self, Request};
use kms_api::schema::{Kind, SHAPES};
use kms_api::{ErrorName, Operation};

#[test]
fn there_are_56_operations_found_by_their_targets() {
    assert_eq!(Operation::ALL.len(), 56);
    for operation in Operation::ALL {
        assert_eq!(Operation::from_target(&operation.target()), Some(*operation));
        assert!(operation.schema().errors.iter().all(|name| name.is_modelled()));
    }
    for target in [
        "",
        "Encrypt",
        "TrentService.",
        "TrentService.encrypt",
        "trentservice.Encrypt",
        "TrentService.Encrypt ",
    ] {
        assert_eq!(Operation::from_target(target), None, "{target}");
    }
}

#[test]
fn every_modelled_error_belongs_to_an_operation() {
    for name in ErrorName::ALL.iter().filter(|name| name.is_modelled()) {
        let found = Operation::ALL
            .iter()
            .any(|operation| operation.schema().errors.contains(name));
        assert!(found, "{name}");
    }
}

#[test]
fn bounds_are_in_order_and_shapes_have_different_names() {
    let names: BTreeSet<&str> = SHAPES.iter().map(|shape| shape.name).collect();
    assert_eq!(names.len(), SHAPES.len());
    for shape in SHAPES {
        let length = match &shape.kind {
            Kind::Text { length, .. } | Kind::List(_, length) => *length,
            Kind::Blob(length) | Kind::Integer(length) => Some(*length),
            _ => None,
        };
        assert!(
            length.is_none_or(|length| length.min <= length.max),
            "{}",
            shape.name
        );
    }
}

#[test]
fn typed_requests_have_every_member_of_the_model() {
    fn check<R: Request>(seen: &mut Vec<Operation>) {
        let model: Vec<&str> = R::OPERATION
            .schema()
            .input
            .iter()
            .map(|member| member.name)
            .collect();
        assert_eq!(R::MEMBERS, model, "{}", R::OPERATION);
        seen.push(R::OPERATION);
    }
    macro_rules! check_all {
        ($($name:ident),+ $(,)?) => {{
            let mut seen = Vec::new();
            $(check::<request::$name>(&mut seen);)+
            seen
        }};
    }
    let seen = kms_api::for_each_request!(check_all);
    assert_eq!(seen, request::SUPPORTED);
    assert_eq!(seen.len(), 41);
}
