//! Grants.

use ambient::Timestamp;

use super::{responses, structures};
use crate::json::{Output, ToJson, write_object};
use crate::request::GrantConstraints;
use crate::{GrantOperation, KeyArn};

impl ToJson for GrantConstraints {
    fn write(&self, out: &mut Output) {
        write_object(out, |object| {
            object.member("EncryptionContextSubset", &self.encryption_context_subset);
            object.member("EncryptionContextEquals", &self.encryption_context_equals);
            object.member("SourceArn", &self.source_arn);
        });
    }
}

structures! {
    /// A grant in a listing.
    GrantListEntry {
        /// The key.
        key_id: KeyArn = "KeyId",
        /// The grant's id.
        grant_id: String = "GrantId",
        /// Its name, if it was given one.
        name: Option<String> = "Name",
        /// When it was made.
        creation_date: Timestamp = "CreationDate",
        /// Who may use the key.
        grantee_principal: Option<String> = "GranteePrincipal",
        /// Who may retire the grant.
        retiring_principal: Option<String> = "RetiringPrincipal",
        /// The account that made it.
        issuing_account: String = "IssuingAccount",
        /// What the grantee may do.
        operations: Vec<GrantOperation> = "Operations",
        /// What the encryption context of a request must have.
        constraints: Option<GrantConstraints> = "Constraints",
        /// An AWS service that may use the key.
        grantee_service_principal: Option<String> = "GranteeServicePrincipal",
        /// An AWS service that may retire the grant.
        retiring_service_principal: Option<String> = "RetiringServicePrincipal",
    }
}

responses! {
    /// See [`request::CreateGrant`](crate::request::CreateGrant).
    CreateGrant {
        /// Lets the grantee use the grant before it is known everywhere.
        grant_token: String = "GrantToken",
        /// The grant's id.
        grant_id: String = "GrantId",
    }

    /// See [`request::ListGrants`](crate::request::ListGrants) and
    /// [`request::ListRetirableGrants`](crate::request::ListRetirableGrants).
    ListGrants {
        /// A page of grants.
        grants: Vec<GrantListEntry> = "Grants",
        /// Where the next page begins, if this one is truncated.
        next_marker: Option<String> = "NextMarker",
        /// Whether there is another page.
        truncated: bool = "Truncated",
    }
}
