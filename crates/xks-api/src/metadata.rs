//! `requestMetadata`: what KMS says about the call that led to a request (XKS specification,
//! "API operations" and appendix B).

use std::borrow::Cow;

use serde::Deserialize;

use crate::error::{ErrorName, XksError};
use crate::json::{Member, Value};
use crate::limits::MAX_METADATA_CHARS;
use crate::uri::Operation;
use crate::wire::{Faults, Text, faults, present};

/// What KMS reports. Claims, not proven facts: all that is known is that whoever signed the request
/// says so.
///
/// Only presence, type and length (2,048 characters) are checked. The values may hold any Unicode
/// text, control characters included, and may be empty: the specification forbids validating
/// `kmsRequestId` and rejecting unknown operations, and asks for no more elsewhere (XKS-MD-01,
/// XKS-GEN-08, XKS-GEN-10). Members that an operation does not define are kept if they are known
/// ones (AWS's test client sends `kmsKeyArn` to GetKeyMetadata) and skipped otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestMetadata<'a> {
    /// Who called KMS: an ARN, a service principal such as `ec2.amazonaws.com`, or `AWS Internal`.
    /// Always there, save on GetHealthStatus.
    pub aws_principal_arn: Option<Cow<'a, str>>,
    /// The VPC that the call came from.
    pub aws_source_vpc: Option<Cow<'a, str>>,
    /// The VPC endpoint that the call came through.
    pub aws_source_vpce: Option<Cow<'a, str>>,
    /// The KMS key. Always there on Encrypt and Decrypt.
    pub kms_key_arn: Option<Cow<'a, str>>,
    /// The KMS operation that led here; may be one that nobody has heard of yet.
    pub kms_operation: Cow<'a, str>,
    /// KMS's id for the call, as in CloudTrail. Opaque, and not unique.
    pub kms_request_id: Cow<'a, str>,
    /// The AWS service that called KMS on the customer's behalf.
    pub kms_via_service: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawMetadata<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    aws_principal_arn: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    aws_source_vpc: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    aws_source_vpce: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    kms_key_arn: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    kms_operation: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    kms_request_id: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    kms_via_service: Option<Text<'a>>,
}

static METADATA: Faults = faults!("requestMetadata");
static PRINCIPAL: Faults = faults!("awsPrincipalArn");
static VPC: Faults = faults!("awsSourceVpc");
static VPCE: Faults = faults!("awsSourceVpce");
static KEY: Faults = faults!("kmsKeyArn");
static OPERATION: Faults = faults!("kmsOperation");
static REQUEST_ID: Faults = faults!("kmsRequestId");
static VIA_SERVICE: Faults = faults!("kmsViaService");

impl<'a> RequestMetadata<'a> {
    /// Checks what `operation` requires.
    pub(crate) fn from_raw(raw: Option<RawMetadata<'a>>, operation: Operation) -> Result<Self, XksError> {
        let raw = raw.ok_or_else(|| METADATA.missing())?;
        let principal = operation != Operation::GetHealthStatus;
        let key = matches!(operation, Operation::Encrypt | Operation::Decrypt);
        Ok(Self {
            aws_principal_arn: required_if(principal, raw.aws_principal_arn, &PRINCIPAL)?,
            aws_source_vpc: bounded(raw.aws_source_vpc, &VPC)?,
            aws_source_vpce: bounded(raw.aws_source_vpce, &VPCE)?,
            kms_key_arn: required_if(key, raw.kms_key_arn, &KEY)?,
            kms_operation: bounded(raw.kms_operation, &OPERATION)?.ok_or_else(|| OPERATION.missing())?,
            kms_request_id: bounded(raw.kms_request_id, &REQUEST_ID)?.ok_or_else(|| REQUEST_ID.missing())?,
            kms_via_service: bounded(raw.kms_via_service, &VIA_SERVICE)?,
        })
    }

    /// The same, independent of the request's body.
    pub fn into_owned(self) -> RequestMetadata<'static> {
        let own = |text: Option<Cow<'a, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        RequestMetadata {
            aws_principal_arn: own(self.aws_principal_arn),
            aws_source_vpc: own(self.aws_source_vpc),
            aws_source_vpce: own(self.aws_source_vpce),
            kms_key_arn: own(self.kms_key_arn),
            kms_operation: Cow::Owned(self.kms_operation.into_owned()),
            kms_request_id: Cow::Owned(self.kms_request_id.into_owned()),
            kms_via_service: own(self.kms_via_service),
        }
    }

    /// The members of the JSON object, in alphabetical order.
    pub(crate) fn members(&self) -> [Option<Member<'_>>; 7] {
        fn text<'t>(name: &'static str, value: Option<&'t Cow<'_, str>>) -> Option<Member<'t>> {
            value.map(|value| (name, Value::Text(value)))
        }
        [
            text("awsPrincipalArn", self.aws_principal_arn.as_ref()),
            text("awsSourceVpc", self.aws_source_vpc.as_ref()),
            text("awsSourceVpce", self.aws_source_vpce.as_ref()),
            text("kmsKeyArn", self.kms_key_arn.as_ref()),
            text("kmsOperation", Some(&self.kms_operation)),
            text("kmsRequestId", Some(&self.kms_request_id)),
            text("kmsViaService", self.kms_via_service.as_ref()),
        ]
    }
}

fn required_if<'a>(
    required: bool,
    text: Option<Text<'a>>,
    faults: &Faults,
) -> Result<Option<Cow<'a, str>>, XksError> {
    if required && text.is_none() {
        return Err(faults.missing());
    }
    bounded(text, faults)
}

fn bounded<'a>(text: Option<Text<'a>>, faults: &Faults) -> Result<Option<Cow<'a, str>>, XksError> {
    let Some(text) = text else { return Ok(None) };
    let value = text.as_str();
    // Only a text with more bytes than that can have more characters.
    if value.len() > MAX_METADATA_CHARS && value.chars().count() > MAX_METADATA_CHARS {
        return Err(faults.size(ErrorName::ValidationException));
    }
    Ok(Some(text.into_cow()))
}
