//! AssumeRole: the role's trust policy and the caller's own policies decide.

use std::sync::Arc;
use std::time::Duration;

use iam::{AccessRequest, Context, Policy, PolicyKind, ResourcePolicy, Target, decide, keys};
use serde_json::{Value, json};

use super::parameters::AssumeRole;
use super::{Left, STS_NAMESPACE, StsError, metadata};
use crate::Origin;
use crate::front::Front;
use crate::front::query::Parameters;
use crate::front::signature::Signed;
use crate::front::xml::Xml;
use crate::identity::{Caller, CallerKind, Credentials, Identities, NewSession, NewSessionError, Role};
use crate::trail::event_time;

/// A session of a role that another role's session assumes lasts no longer.
const LONGEST_CHAINED: Duration = Duration::from_secs(3_600);

/// What AssumeRole answers.
pub(super) struct Assumed {
    credentials: Credentials,
    expiration: String,
    arn: String,
    assumed_role_id: String,
    packed_percent: usize,
    source_identity: Option<String>,
}

impl Front {
    pub(super) fn assume_role(
        &self,
        signed: &Signed,
        parameters: &Parameters,
        origin: &Origin,
        left: &mut Left,
    ) -> Result<Assumed, StsError> {
        let request = AssumeRole::read(parameters)?;
        left.parameters = shown(&request);
        let caller = &*signed.caller;
        if caller.is_root() {
            let message = "Roles may not be assumed by root accounts.";
            return Err(StsError::new(403, "AccessDenied", message));
        }
        let identities = self.kms.identities();
        let carried = carried(caller, &request)?;
        let role = self.authorize(signed, &request, &carried, origin, &identities)?;
        left.notes.resource(&Arc::from(role.arn.as_str()), role.account);
        check_duration(&request, caller, role)?;
        if let Some(policy) = request.policy {
            Policy::parse(policy, PolicyKind::Session)
                .map_err(|error| StsError::new(400, "MalformedPolicyDocument", error.to_string()))?;
        }
        let named_policies = named_policies(&request, role, &identities)?;
        let now = self.kms.clock().now();
        let expires_at = now.saturating_add(request.duration);
        let session = NewSession {
            role,
            name: request.session_name,
            issued_at: now,
            expires_at,
            inline_policy: request.policy,
            named_policies,
            tags: carried.tags,
            transitive_tag_keys: carried.transitive_tag_keys,
            source_identity: carried.source_identity.clone(),
        };
        let created = self.sessions.create(self.kms.random(), session);
        let (credentials, packed_percent) = created.map_err(|error| match error {
            NewSessionError::TooLarge(_) => StsError::new(400, "PackedPolicyTooLarge", error.to_string()),
            NewSessionError::Failed => StsError::new(500, "InternalFailure", "The request failed"),
        })?;
        let assumed = Assumed {
            expiration: event_time(expires_at),
            arn: format!(
                "arn:aws:sts::{}:assumed-role/{}/{}",
                role.account, role.name, request.session_name
            ),
            assumed_role_id: format!("{}:{}", role.principal_id, request.session_name),
            packed_percent,
            source_identity: carried.source_identity,
            credentials,
        };
        left.elements = assumed.shown();
        Ok(assumed)
    }

    /// The role, if the caller may assume it. Whether there is such a role shows to nobody else.
    fn authorize<'i>(
        &self,
        signed: &Signed,
        request: &AssumeRole<'_>,
        carried: &Carried,
        origin: &Origin,
        identities: &'i Identities,
    ) -> Result<&'i Role, StsError> {
        let caller = &*signed.caller;
        let role = identities.role(request.role_arn).map(|role| &**role);
        let mut context = caller.context(origin, &signed.region, self.kms.clock().now());
        add_request(&mut context, request, carried);
        let mut actions = vec!["sts:AssumeRole"];
        if !request.tags.is_empty() {
            actions.push("sts:TagSession");
        }
        if request.source_identity.is_some() {
            actions.push("sts:SetSourceIdentity");
        }
        let account = request.role_arn.split(':').nth(4).unwrap_or_default();
        let policies = caller.policies();
        for action in actions {
            let asked = AccessRequest {
                principal: &caller.principal,
                action,
                target: Target {
                    arn: request.role_arn,
                    account,
                },
                context: &context,
                new_grant: None,
            };
            let levels = [policies.service_control()];
            let mut inputs = policies.inputs(&levels);
            inputs.resource_policy = match role {
                Some(role) => ResourcePolicy::Policy(&role.trust_policy),
                None => ResourcePolicy::NoSuchResource,
            };
            if let Err(denial) = decide(&asked, &inputs).into_result() {
                tracing::debug!(reason = ?denial.reason, action, "denied");
                return Err(not_authorized(caller, action, request.role_arn));
            }
        }
        role.ok_or_else(|| not_authorized(caller, "sts:AssumeRole", request.role_arn))
    }
}

fn not_authorized(caller: &Caller, action: &str, role_arn: &str) -> StsError {
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {role_arn}",
        caller.arn
    );
    StsError::new(403, "AccessDenied", message)
}

/// Tags and source identity of the new session: what goes on from the caller's session, and what is
/// asked for.
struct Carried {
    tags: std::collections::BTreeMap<String, String>,
    transitive_tag_keys: Vec<String>,
    source_identity: Option<String>,
}

/// What went on from an earlier session cannot be changed (IAM User Guide, *Pass session tags*,
/// *Monitor and control actions taken with assumed roles*).
fn carried(caller: &Caller, request: &AssumeRole<'_>) -> Result<Carried, StsError> {
    let mut tags = request.tags.clone();
    let mut transitive_tag_keys = request.transitive_tag_keys.clone();
    let mut source_identity = request.source_identity.map(str::to_owned);
    if let Some(session) = &caller.session {
        for key in &session.transitive_tag_keys {
            let Some(value) = caller.tags.get(key) else {
                continue;
            };
            if request.tags.keys().any(|asked| asked.eq_ignore_ascii_case(key)) {
                let message = format!("The tag {key} is transitive and cannot be set again");
                return Err(StsError::new(400, "InvalidParameterValue", message));
            }
            tags.insert(key.clone(), value.clone());
            transitive_tag_keys.push(key.clone());
        }
        if let Some(kept) = &session.source_identity {
            if source_identity.as_ref().is_some_and(|asked| asked != kept) {
                let message = "The source identity of a session cannot be changed";
                return Err(StsError::new(403, "AccessDenied", message));
            }
            source_identity = Some(kept.clone());
        }
    }
    Ok(Carried {
        tags,
        transitive_tag_keys,
        source_identity,
    })
}

fn add_request<'c>(context: &mut Context<'c>, request: &AssumeRole<'c>, carried: &'c Carried) {
    context
        .text(keys::ROLE_SESSION_NAME, request.session_name)
        .request_tags(
            carried
                .tags
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        )
        .list(
            keys::TRANSITIVE_TAG_KEYS,
            carried.transitive_tag_keys.iter().map(String::as_str),
        );
    if let Some(id) = request.external_id {
        context.text(keys::EXTERNAL_ID, id);
    }
    if let Some(source) = &carried.source_identity {
        context.other("sts:SourceIdentity", [source.clone()]);
    }
}

fn check_duration(request: &AssumeRole<'_>, caller: &Caller, role: &Role) -> Result<(), StsError> {
    if matches!(caller.kind, CallerKind::Role { .. }) && request.duration > LONGEST_CHAINED {
        return Err(StsError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if request.duration > role.max_session_duration {
        return Err(StsError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// `PolicyArns` name policies of the role's account: all of `[policies]` are.
fn named_policies(
    request: &AssumeRole<'_>,
    role: &Role,
    identities: &Identities,
) -> Result<Vec<String>, StsError> {
    let prefix = format!("arn:aws:iam::{}:policy/", role.account);
    let named = request.policy_arns.iter().map(|arn| {
        let name = arn
            .strip_prefix(&prefix)
            .filter(|name| identities.policy(name).is_some());
        name.map(str::to_owned)
            .ok_or_else(|| StsError::validation("A policy that PolicyArns names does not exist"))
    });
    named.collect()
}

/// `requestParameters` of the record.
fn shown(request: &AssumeRole<'_>) -> Value {
    let mut shown = json!({"roleArn": request.role_arn, "roleSessionName": request.session_name});
    let Some(members) = shown.as_object_mut() else {
        return shown;
    };
    let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    if request.duration_given {
        add("durationSeconds", request.duration.as_secs().into());
    }
    for (name, text) in [
        ("externalId", request.external_id),
        ("sourceIdentity", request.source_identity),
        ("policy", request.policy),
    ] {
        if let Some(text) = text {
            add(name, text.into());
        }
    }
    if !request.policy_arns.is_empty() {
        let arns = request
            .policy_arns
            .iter()
            .map(|arn| json!({"arn": arn}))
            .collect();
        add("policyArns", arns);
    }
    if !request.tags.is_empty() {
        let tags = request
            .tags
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        add("tags", tags);
    }
    if !request.transitive_tag_keys.is_empty() {
        add("transitiveTagKeys", request.transitive_tag_keys.as_slice().into());
    }
    shown
}

impl Assumed {
    /// `responseElements` of the record: neither secret nor token.
    fn shown(&self) -> Value {
        json!({
            "credentials": {
                "accessKeyId": self.credentials.access_key_id,
                "expiration": self.expiration,
            },
            "assumedRoleUser": {"assumedRoleId": self.assumed_role_id, "arn": self.arn},
        })
    }

    pub(super) fn into_xml(self, request_id: &str) -> String {
        let credentials = &self.credentials;
        // Base64 is ASCII.
        let secret = std::str::from_utf8(credentials.secret_access_key.expose()).unwrap_or_default();
        Xml::default().root("AssumeRoleResponse", STS_NAMESPACE, |xml| {
            xml.element("AssumeRoleResult", |xml| {
                if let Some(source) = &self.source_identity {
                    xml.text("SourceIdentity", source);
                }
                xml.element("AssumedRoleUser", |xml| {
                    xml.text("AssumedRoleId", &self.assumed_role_id)
                        .text("Arn", &self.arn);
                })
                .element("Credentials", |xml| {
                    xml.text("AccessKeyId", &credentials.access_key_id)
                        .text("SecretAccessKey", secret)
                        .text("SessionToken", &credentials.session_token)
                        .text("Expiration", &self.expiration);
                })
                .text("PackedPolicySize", &self.packed_percent.to_string());
            });
            metadata(xml, request_id);
        })
    }
}
