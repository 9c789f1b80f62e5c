//! From the file to [`Identities`]: everything is checked, and every error says where.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use iam::{Policy, PolicyKind, Principal};
use kms_api::AccountId;
use toml::Spanned;

use super::caller::{Caller, CallerKind, Permissions};
use super::checks::{is_name, most, organization, principal, principal_arn, tags, via_service};
use super::file;
use super::problem::{Checked, IdentityFileError, Problem, without_values};
use super::{AccessKey, Account, AttachedPolicy, Identities, Role, limits};

impl Identities {
    /// Reads the text of a file: whole, or not at all.
    pub fn parse(text: &str) -> Result<Self, IdentityFileError> {
        let file: file::File = toml::from_str(text).map_err(|error| {
            // The message alone: with its snippet the error would show lines that may hold secrets.
            let problem = Problem(error.span().unwrap_or_default(), without_values(error.message()));
            problem.in_text(text)
        })?;
        Reader::new(&file)
            .and_then(|reader| reader.read(file))
            .map_err(|problem| problem.in_text(text))
    }
}

struct Reader {
    /// Texts of `[policies]`, by name. Parsed where they are used, as what they are used for.
    policies: BTreeMap<String, Spanned<String>>,
    /// What was parsed of them already.
    parsed: HashMap<(String, &'static str), Arc<Policy>>,
    identities: Identities,
}

/// Whose access keys are being read.
struct Owner {
    account: AccountId,
    organization: Option<String>,
    arn: String,
    principal: Principal,
    principal_id: String,
    kind: CallerKind,
    tags: Arc<BTreeMap<String, String>>,
    permissions: Arc<Permissions>,
}

impl Owner {
    /// The caller that this is, by one of its access keys.
    fn caller(&self, access_key_id: String, via_service: Option<String>) -> Caller {
        Caller {
            account: self.account,
            organization: self.organization.clone(),
            arn: self.arn.clone(),
            principal: self.principal.clone(),
            principal_id: self.principal_id.clone(),
            access_key_id,
            kind: self.kind.clone(),
            tags: Arc::clone(&self.tags),
            permissions: Arc::clone(&self.permissions),
            session: None,
            via_service,
        }
    }
}

impl Reader {
    fn new(file: &file::File) -> Checked<Self> {
        if let Some((name, text)) = file.policies.iter().find(|(name, _)| !is_name(name, 128)) {
            return Err(Problem::at(
                text,
                format!("{name:?} is no name of a policy: letters, digits and +=,.@_-"),
            ));
        }
        Ok(Self {
            policies: file.policies.clone(),
            parsed: HashMap::new(),
            identities: Identities::default(),
        })
    }

    fn read(mut self, file: file::File) -> Checked<Identities> {
        for (count, account) in file.accounts.into_iter().enumerate() {
            if count >= limits::ACCOUNTS {
                return Err(Problem::at(
                    &account.id,
                    format!("more than {} accounts", limits::ACCOUNTS),
                ));
            }
            self.account(account)?;
        }
        let named = self.policies.keys().cloned().collect::<Vec<_>>();
        for name in named {
            // What nobody uses must be right too, and may be named by AssumeRole.
            let text = Spanned::new(0..0, name.clone());
            let policy = self.policy(&text, PolicyKind::Identity, "identity")?;
            self.identities.policies.insert(name.into(), policy);
        }
        Ok(self.identities)
    }

    fn account(&mut self, account: file::Account) -> Checked<()> {
        let id: AccountId = account
            .id
            .get_ref()
            .parse()
            .map_err(|_| Problem::at(&account.id, "an account id has 12 digits"))?;
        if self.identities.has_account(id) {
            return Err(Problem::at(&account.id, format!("account {id} occurs twice")));
        }
        most(&account.id, "users", account.users.len(), limits::USERS)?;
        most(&account.id, "roles", account.roles.len(), limits::ROLES)?;
        let scps = &account.service_control_policies;
        most(
            &account.id,
            "service control policies",
            scps.len(),
            limits::POLICIES,
        )?;
        let scps = self.policies(scps, PolicyKind::ServiceControl, "service control")?;
        let organization = account.organization.map(organization).transpose()?;
        let shared = Arc::new(Account {
            service_control_policies: scps,
            organization: organization.clone(),
        });
        self.identities.accounts.insert(id, Arc::clone(&shared));
        let root = Owner {
            account: id,
            organization,
            principal: principal(&account.id, &format!("arn:aws:iam::{id}:root"))?,
            arn: format!("arn:aws:iam::{id}:root"),
            principal_id: id.to_string(),
            kind: CallerKind::Root,
            tags: Arc::default(),
            permissions: Arc::new(Permissions {
                identity: Vec::new(),
                boundary: None,
                service_control: shared.service_control_policies.clone(),
            }),
        };
        self.access_keys(&root, &account.id, account.root.access_keys)?;
        for user in account.users {
            self.user(id, &shared, user)?;
        }
        for role in account.roles {
            self.role(id, &shared, &role)?;
        }
        Ok(())
    }

    fn user(&mut self, account: AccountId, shared: &Account, user: file::User) -> Checked<()> {
        let arn = principal_arn(account, "user", &user.name, user.path.as_ref())?;
        let principal_id = super::ids::principal_id("AIDA", &arn);
        self.announce(account, "user", &user.name, (&arn, &principal_id))?;
        let owner = Owner {
            account,
            organization: shared.organization.clone(),
            principal_id,
            principal: principal(&user.name, &arn)?,
            kind: CallerKind::User {
                name: user.name.get_ref().clone(),
            },
            tags: tags(&user.name, &user.tags)?,
            permissions: self.permissions(
                &user.name,
                &user.policies,
                user.permissions_boundary.as_ref(),
                shared,
            )?,
            arn,
        };
        self.access_keys(&owner, &user.name, user.access_keys)
    }

    fn role(&mut self, account: AccountId, shared: &Account, role: &file::Role) -> Checked<()> {
        let arn = principal_arn(account, "role", &role.name, role.path.as_ref())?;
        let principal_id = super::ids::principal_id("AROA", &arn);
        self.announce(account, "role", &role.name, (&arn, &principal_id))?;
        let sessions = format!("arn:aws:sts::{account}:assumed-role/{}", role.name.get_ref());
        self.identities.sessions.insert(sessions.into());
        let longest = role.max_session_duration;
        if longest < limits::SHORTEST_MAX_SESSION || longest > limits::LONGEST_SESSION {
            return Err(Problem::at(&role.name, "max_session_duration is from 1h to 12h"));
        }
        let trust_policy = self.policy(&role.trust_policy, PolicyKind::Trust, "trust")?;
        let permissions = self.permissions(
            &role.name,
            &role.policies,
            role.permissions_boundary.as_ref(),
            shared,
        )?;
        let role = Role {
            account,
            organization: shared.organization.clone(),
            name: role.name.get_ref().clone(),
            principal_id,
            trust_policy: trust_policy.policy,
            max_session_duration: longest,
            tags: tags(&role.name, &role.tags)?,
            permissions,
            since: 0,
            arn: arn.clone(),
        };
        self.identities.roles.insert(arn.into(), Arc::new(role));
        Ok(())
    }

    /// Makes a principal known, so that policies may name it.
    fn announce(
        &mut self,
        account: AccountId,
        kind: &str,
        name: &Spanned<String>,
        (arn, principal_id): (&str, &str),
    ) -> Checked<()> {
        // IAM's names are unique without regard to case and path, and so are ours.
        let key = format!("{account}/{kind}/{}", name.get_ref()).to_ascii_lowercase();
        if !self.identities.names.insert(key.into()) {
            return Err(Problem::at(
                name,
                format!(
                    "account {account} has two {kind}s of the name {:?}",
                    name.get_ref()
                ),
            ));
        }
        self.identities.principals.insert(arn.into(), principal_id.into());
        Ok(())
    }

    fn access_keys(
        &mut self,
        owner: &Owner,
        place: &Spanned<String>,
        keys: Vec<file::AccessKey>,
    ) -> Checked<()> {
        most(place, "access keys", keys.len(), limits::ACCESS_KEYS)?;
        let caller = owner.caller(String::new(), None);
        self.identities
            .callers
            .insert(owner.arn.as_str().into(), Arc::new(caller));
        for key in keys {
            let id = key.id.get_ref().clone();
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if !(16..=128).contains(&id.len()) || !id.bytes().all(word) {
                return Err(Problem::at(
                    &key.id,
                    "an access key id has 16 to 128 letters, digits and _",
                ));
            }
            if id.starts_with(super::sessions::PREFIX) {
                return Err(Problem::at(
                    &key.id,
                    "access key ids that begin with ASIA are those of AssumeRole",
                ));
            }
            let via_service = key.via_service.map(via_service).transpose()?;
            let caller = owner.caller(id.clone(), via_service);
            let entry = AccessKey {
                secret: Arc::new(key.secret.0),
                caller: Arc::new(caller),
                active: key.active,
            };
            if self.identities.access_keys.insert(id.into(), entry).is_some() {
                return Err(Problem::at(&key.id, "this access key id occurs twice"));
            }
        }
        Ok(())
    }

    fn permissions(
        &mut self,
        place: &Spanned<String>,
        policies: &[Spanned<String>],
        boundary: Option<&Spanned<String>>,
        shared: &Account,
    ) -> Checked<Arc<Permissions>> {
        most(place, "policies", policies.len(), limits::POLICIES)?;
        Ok(Arc::new(Permissions {
            identity: self.policies(policies, PolicyKind::Identity, "identity")?,
            boundary: match boundary {
                Some(boundary) => Some(self.policy(boundary, PolicyKind::Boundary, "boundary")?),
                None => None,
            },
            service_control: shared.service_control_policies.clone(),
        }))
    }

    fn policies(
        &mut self,
        texts: &[Spanned<String>],
        kind: PolicyKind,
        shown: &'static str,
    ) -> Checked<Vec<AttachedPolicy>> {
        texts.iter().map(|text| self.policy(text, kind, shown)).collect()
    }

    /// A policy by its name or in place.
    fn policy(
        &mut self,
        text: &Spanned<String>,
        kind: PolicyKind,
        shown: &'static str,
    ) -> Checked<AttachedPolicy> {
        let given = text.get_ref();
        let refused = |place: &Spanned<String>, error: &dyn std::fmt::Display| {
            Problem::at(place, format!("this is no {shown} policy: {error}"))
        };
        if given.trim_start().starts_with('{') {
            let policy = Policy::parse(given, kind).map_err(|error| refused(text, &error))?;
            return Ok(AttachedPolicy {
                name: "inline".to_owned(),
                policy: Arc::new(policy),
            });
        }
        if let Some(policy) = self.parsed.get(&(given.clone(), shown)) {
            return Ok(AttachedPolicy {
                name: given.clone(),
                policy: Arc::clone(policy),
            });
        }
        let named = self.policies.get(given).ok_or_else(|| {
            Problem::at(
                text,
                format!("[policies] has no {given:?}, and this is no JSON object"),
            )
        })?;
        let policy = Policy::parse(named.get_ref(), kind).map_err(|error| refused(named, &error))?;
        let policy = Arc::new(policy);
        self.parsed.insert((given.clone(), shown), Arc::clone(&policy));
        Ok(AttachedPolicy {
            name: given.clone(),
            policy,
        })
    }
}
