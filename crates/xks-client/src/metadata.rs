//! Request metadata as AWS KMS fills it (XKS specification, "API operations"; which member goes with
//! which operation: the project's conformance list, section 3).

use std::borrow::Cow;

use xks_api::metadata::RequestMetadata;

/// The call to KMS that leads to requests to a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'c> {
    /// Who called: an ARN, or a service principal such as `ec2.amazonaws.com`.
    pub principal: &'c str,
    /// The VPC that the call came from, if it came through a VPC endpoint and may be told: on
    /// cryptographic operations only if the caller is in the key owner's account.
    pub source_vpc: Option<&'c str>,
    /// The VPC endpoint, likewise.
    pub source_vpce: Option<&'c str>,
    /// The AWS service that called for the customer, in short: `ebs`.
    pub via_service: Option<&'c str>,
    /// KMS's operation, e.g. `GenerateDataKey`.
    pub operation: &'c str,
    /// The id of the call, the same as in CloudTrail.
    pub request_id: &'c str,
}

impl<'c> Origin<'c> {
    /// For GetHealthStatus: operation and request id, nothing of the caller.
    pub fn for_health(operation: &'c str, request_id: &'c str) -> RequestMetadata<'c> {
        RequestMetadata {
            aws_principal_arn: None,
            aws_source_vpc: None,
            aws_source_vpce: None,
            kms_key_arn: None,
            kms_operation: Cow::Borrowed(operation),
            kms_request_id: Cow::Borrowed(request_id),
            kms_via_service: None,
        }
    }

    /// For GetKeyMetadata: there is no KMS key yet, and no service in between is named.
    pub fn for_key_metadata(&self) -> RequestMetadata<'c> {
        RequestMetadata {
            aws_principal_arn: Some(Cow::Borrowed(self.principal)),
            aws_source_vpc: self.source_vpc.map(Cow::Borrowed),
            aws_source_vpce: self.source_vpce.map(Cow::Borrowed),
            ..Self::for_health(self.operation, self.request_id)
        }
    }

    /// For Encrypt and Decrypt under this KMS key.
    pub fn for_crypto(&self, kms_key_arn: &'c str) -> RequestMetadata<'c> {
        RequestMetadata {
            kms_key_arn: Some(Cow::Borrowed(kms_key_arn)),
            kms_via_service: self.via_service.map(Cow::Borrowed),
            ..self.for_key_metadata()
        }
    }
}
