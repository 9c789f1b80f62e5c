//! AWS STS (API version 2011-06-15): who am I, and who may I become. AWS Query protocol.

mod assume_role;
mod parameters;

use serde_json::Value;

use super::Front;
use super::answer::{Answer, STS_NAMESPACE};
use super::query::Parameters;
use super::record::Recorded;
use super::refusal::Refusal;
use super::signature::Signed;
use super::xml::Xml;
use crate::Origin;
use crate::trail::{Notes, Service};

const VERSION: &str = "2011-06-15";

/// An error of STS: HTTP status, code, message.
#[derive(Debug)]
struct StsError {
    status: u16,
    code: &'static str,
    message: String,
}

impl StsError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }
}

/// What an action leaves for its record.
#[derive(Default)]
struct Left {
    parameters: Value,
    elements: Value,
    notes: Notes,
}

impl Front {
    /// Answers a verified request.
    pub(super) fn sts(
        &self,
        signed: &Signed,
        parameters: &Parameters,
        origin: &Origin,
        request_id: &str,
    ) -> Result<Answer, Refusal> {
        let action = parameters.get("Action").unwrap_or_default();
        let version = parameters.get("Version").unwrap_or_default();
        let mut left = Left::default();
        let (name, result) = match action {
            "GetCallerIdentity" if version == VERSION => {
                ("GetCallerIdentity", Ok(caller_identity(signed, request_id)))
            }
            "AssumeRole" if version == VERSION => {
                let result = self.assume_role(signed, parameters, origin, &mut left);
                ("AssumeRole", result.map(|assumed| assumed.into_xml(request_id)))
            }
            _ => {
                let message = format!(
                    "Could not find operation {} for version {}",
                    cut(action),
                    cut(version)
                );
                return Err(Refusal::UnknownOperation(message));
            }
        };
        let error = result.as_ref().err();
        let call = Recorded {
            service: Service::Sts,
            name,
            error: error.map(|error| (error.code, error.message.as_str())),
            parameters: left.parameters,
            elements: left.elements,
            notes: left.notes,
        };
        self.record(signed, origin, request_id, &call);
        Ok(match result {
            Ok(xml) => Answer::xml(200, xml),
            Err(error) => Answer::query_error(error.status, error.code, &error.message, request_id),
        })
    }
}

/// GetCallerIdentity needs no permission: whoever can sign learns nothing that they could not know.
fn caller_identity(signed: &Signed, request_id: &str) -> String {
    let caller = &signed.caller;
    Xml::default().root("GetCallerIdentityResponse", STS_NAMESPACE, |xml| {
        xml.element("GetCallerIdentityResult", |xml| {
            xml.text("Arn", &caller.arn)
                .text("UserId", &caller.principal_id)
                .text("Account", &caller.account.to_string());
        });
        metadata(xml, request_id);
    })
}

fn metadata(xml: &mut Xml, request_id: &str) {
    xml.element("ResponseMetadata", |xml| {
        xml.text("RequestId", request_id);
    });
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(64)).unwrap_or(text)
}
