//! Grants.

use super::{requests, structures};
use crate::{EncryptionContext, GrantOperation, RequestedKey};

requests! {
    /// Adds a grant to a KMS key.
    CreateGrant -> CreateGrant {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// Who may use the key. Either this or the service principal must be there.
        grantee_principal: Option<String> = "GranteePrincipal",
        /// Who may retire the grant.
        retiring_principal: Option<String> = "RetiringPrincipal",
        /// What the grantee may do.
        operations: Vec<GrantOperation> = "Operations",
        /// What the encryption context of a request must have.
        constraints: Option<GrantConstraints> = "Constraints",
        /// At most 10.
        grant_tokens: Vec<String> = "GrantTokens",
        /// Makes the request idempotent: 1 to 256 characters.
        name: Option<String> = "Name",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
        /// An AWS service that may use the key.
        grantee_service_principal: Option<String> = "GranteeServicePrincipal",
        /// An AWS service that may retire the grant.
        retiring_service_principal: Option<String> = "RetiringServicePrincipal",
    }

    /// Lists the grants of a KMS key.
    ListGrants -> ListGrants {
        /// The most grants on one page: the model allows 1 to 1000, the operation 100.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// Only this one.
        grant_id: Option<String> = "GrantId",
        /// Only those of this grantee.
        grantee_principal: Option<String> = "GranteePrincipal",
        /// Only those of this AWS service.
        grantee_service_principal: Option<String> = "GranteeServicePrincipal",
    }

    /// Lists the grants that a principal may retire.
    ListRetirableGrants -> ListGrants {
        /// The most grants on one page: the model allows 1 to 1000, the operation 100.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
        /// The principal. Either this or the service principal must be there.
        retiring_principal: Option<String> = "RetiringPrincipal",
        /// The AWS service.
        retiring_service_principal: Option<String> = "RetiringServicePrincipal",
    }

    /// Removes a grant, by those who may retire it. Either the token is there, or key and grant id.
    RetireGrant -> Nothing {
        /// The grant, by a token.
        grant_token: Option<String> = "GrantToken",
        /// The key's ARN.
        key_id: Option<RequestedKey> = "KeyId",
        /// The grant's id: 1 to 128 characters.
        grant_id: Option<String> = "GrantId",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
    }

    /// Removes a grant, by administrators of the key.
    RevokeGrant -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// The grant's id: 1 to 128 characters.
        grant_id: String = "GrantId",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
    }
}

structures! {
    /// When a grant allows anything.
    #[derive(Clone, Debug, PartialEq, Eq)]
    GrantConstraints {
        /// The request's encryption context must contain these pairs.
        encryption_context_subset: Option<EncryptionContext> = "EncryptionContextSubset",
        /// The request's encryption context must be these pairs.
        encryption_context_equals: Option<EncryptionContext> = "EncryptionContextEquals",
        /// The request must come on behalf of this resource.
        source_arn: Option<String> = "SourceArn",
    }
}
