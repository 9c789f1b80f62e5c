//! AWS policy documents.

use std::net::{IpAddr, Ipv4Addr};

use iam::{
    AccessRequest, Context, Inputs, NamedPolicy, Policy, PolicyKind, Principal, ResourcePolicy, Target,
};

/// A document is read the same by each kind of policy that takes it, none longer than its kind may
/// be; whatever it says, a decision comes out, an explanation comes to the same decision, and nobody of
/// another account is let in by a key policy alone.
pub fn policies(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for kind in [
        PolicyKind::Key,
        PolicyKind::Identity,
        PolicyKind::Boundary,
        PolicyKind::Session,
        PolicyKind::ServiceControl,
        PolicyKind::Trust,
        PolicyKind::VpcEndpoint,
    ] {
        let Ok(policy) = Policy::parse(text, kind) else {
            continue;
        };
        assert!(
            text.chars()
                .filter(|character| !character.is_whitespace())
                .count()
                <= kind.max_chars(),
            "too long for {kind:?}"
        );
        decisions(&policy);
    }
}

fn decisions(policy: &Policy) {
    for arn in [
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::444455556666:user/eve",
    ] {
        let Ok(principal) = Principal::parse(arn) else {
            unreachable!("a user's ARN")
        };
        let mut context = Context::new();
        context
            .principal(&principal)
            .now(1_795_348_800)
            .address(iam::keys::SOURCE_IP, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .encryption_context([("app", "x"), ("App", "y")]);
        let named = [NamedPolicy { name: "p", policy }];
        let mut inputs = Inputs::default();
        if policy.kind().names_principals() {
            inputs.resource_policy = ResourcePolicy::Policy(policy);
        } else {
            inputs.identity_policies = &named;
        }
        let request = AccessRequest {
            principal: &principal,
            action: "kms:Encrypt",
            target: Target {
                arn: "arn:aws:kms:us-east-1:111122223333:key/k",
                account: "111122223333",
            },
            context: &context,
            new_grant: None,
        };
        let decision = iam::decide(&request, &inputs);
        assert_eq!(iam::explain(&request, &inputs).decision, decision);
        let foreign = principal.account() != request.target.account;
        assert!(
            !(foreign && policy.kind().names_principals() && decision.is_allowed()),
            "let in: {decision:?}"
        );
    }
}
