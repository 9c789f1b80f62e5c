//! CloudTrail records, and lines in the request log, of the calls to STS and CloudTrail itself.

use serde_json::Value;

use super::Front;
use super::signature::Signed;
use crate::Origin;
use crate::trail::{ApiCall, Notes, Service, TlsDetails};

/// What is particular to one such call.
pub(super) struct Recorded<'a> {
    pub(super) service: Service,
    pub(super) name: &'a str,
    pub(super) error: Option<(&'a str, &'a str)>,
    pub(super) parameters: Value,
    pub(super) elements: Value,
    pub(super) notes: Notes,
}

impl Front {
    pub(super) fn record(&self, signed: &Signed, origin: &Origin, request_id: &str, call: &Recorded<'_>) {
        let kms = &self.kms;
        tracing::info!(
            target: crate::LOG_TARGET,
            requestId = request_id,
            operation = call.name,
            outcome = if call.error.is_none() { "success" } else { "failure" },
            error = call.error.map(|(name, _)| name),
            principal = signed.caller.arn,
            access_key_id = signed.caller.access_key_id,
            region = signed.region.as_str(),
            peer = origin.source_ip.map(tracing::field::display),
        );
        // A record is worth more than its id: without randomness it has the request's.
        let event_id = crate::id::uuid(kms.random()).unwrap_or_else(|_| request_id.to_owned());
        let address = origin.source_ip.map(|address| address.to_string());
        kms.trail().api_call(&ApiCall {
            service: call.service,
            name: call.name,
            region: signed.region.as_str(),
            at: kms.clock().now(),
            identity: &signed.caller.user_identity(),
            account: signed.caller.account,
            principal_id: &signed.caller.principal_id,
            source: address.as_deref().unwrap_or("AWS Internal"),
            user_agent: origin.user_agent.as_deref().unwrap_or_default(),
            error: call.error,
            request_parameters: call.parameters.clone(),
            response_elements: call.elements.clone(),
            notes: &call.notes,
            event_id: &event_id,
            request_id,
            // Both services' calls that we have change nothing that is kept.
            read_only: true,
            tls: origin.tls.as_ref().map(|(version, suite)| TlsDetails {
                tls_version: version,
                cipher_suite: suite,
                client_provided_host_header: origin.host.as_deref().unwrap_or_default(),
            }),
        });
    }
}
