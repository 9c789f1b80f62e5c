//! Principals by their ARNs, for those who ask about them.

use std::sync::Arc;

use iam::Principal;

use super::{Caller, CallerKind, Identities, Role};

/// The name of the session that a role's ARN stands for.
const SESSION: &str = "explain";

impl Identities {
    /// The caller that a root user, user, role or role session would be, by its ARN. It has no access
    /// key, and of a session nothing that AssumeRole would have been given.
    pub fn caller(&self, arn: &str) -> Option<Arc<Caller>> {
        if let Some(caller) = self.callers.get(arn) {
            return Some(Arc::clone(caller));
        }
        if let Some(role) = self.roles.get(arn) {
            return role.session(SESSION);
        }
        let (named, session) = arn.rsplit_once('/')?;
        let role = self.roles.values().find(|role| role.session_prefix() == named)?;
        role.session(session)
    }
}

impl Role {
    fn session_prefix(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}", self.account, self.name)
    }

    fn session(&self, name: &str) -> Option<Arc<Caller>> {
        let principal = Principal::role_session(&self.arn, name).ok()?;
        Some(Arc::new(Caller {
            account: self.account,
            organization: self.organization.clone(),
            arn: principal.arn().to_owned(),
            principal,
            principal_id: format!("{}:{name}", self.principal_id),
            access_key_id: String::new(),
            kind: CallerKind::Role {
                role_arn: self.arn.clone(),
                role_name: self.name.clone(),
                role_id: self.principal_id.clone(),
                session_name: name.to_owned(),
            },
            tags: Arc::clone(&self.tags),
            permissions: Arc::clone(&self.permissions),
            session: None,
            via_service: None,
        }))
    }
}
