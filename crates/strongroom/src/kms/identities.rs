//! The identities file: one account with one user, to begin with.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ambient::Random;
use anyhow::{Context, anyhow};
use crypto::SecretBytes;
use serde::Deserialize;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// The account of examples in AWS's documents.
const ACCOUNT: &str = "111122223333";
/// What access key ids and secrets are made of.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A user who may do everything, and their access key.
#[derive(ZeroizeOnDrop)]
pub(crate) struct FirstUser {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl FirstUser {
    /// With a fresh access key: 80 bits of chance in its id, 200 in its secret.
    pub(crate) fn generate(name: &str, random: &dyn Random) -> anyhow::Result<Self> {
        let id = base32(&random.bytes::<16>()?);
        Ok(Self {
            name: name.to_owned(),
            account: ACCOUNT.to_owned(),
            access_key_id: format!("AKIA{id}"),
            secret_access_key: base32(&random.bytes::<40>()?),
        })
    }
}

fn base32(random: &[u8]) -> String {
    let letter = |byte: &u8| char::from(BASE32.get(usize::from(byte & 31)).copied().unwrap_or(b'A'));
    random.iter().map(letter).collect()
}

/// The file's text: an account, a policy that allows everything, and the user.
pub(crate) fn file(user: &FirstUser) -> SecretBytes {
    let mut text = Zeroizing::new(String::with_capacity(2048));
    // Writing to a String does not fail, and this one is long enough never to be moved.
    let _ = write!(
        text,
        r#"# Who may call the KMS endpoint. Reload it with `strongroom kms reload`.

[policies]
everything = '''{{"Version": "2012-10-17", "Statement": [
    {{"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}}]}}'''

[[accounts]]
id = "{account}"

[[accounts.users]]
name = "{name}"
policies = ["everything"]
access_keys = [{{ id = "{id}", secret = "{secret}" }}]

# A role, for `aws sts assume-role`:
# [[accounts.roles]]
# name = "Payroll"
# trust_policy = '''{{"Version": "2012-10-17", "Statement": [
#     {{"Effect": "Allow", "Principal": {{"AWS": "{account}"}}, "Action": "sts:AssumeRole"}}]}}'''
# policies = ["everything"]
"#,
        account = user.account,
        name = user.name,
        id = user.access_key_id,
        secret = user.secret_access_key,
    );
    SecretBytes::new(text.as_bytes().to_vec())
}

/// Of the file, what `dev` looks for again.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    id: String,
    #[serde(default)]
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    name: String,
    #[serde(default)]
    access_keys: Vec<AccessKey>,
}

#[derive(Deserialize, ZeroizeOnDrop)]
struct AccessKey {
    id: String,
    secret: String,
}

impl FirstUser {
    /// The user of this name as the file declares them, in whatever account, with their first key.
    pub(crate) fn read(path: &Path, name: &str) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = Zeroizing::new(fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?);
        // Its own message could show a line with a secret.
        let file: File = toml::from_str(&text).map_err(|_| anyhow!("{shown} is no identities file"))?;
        let users = file.accounts.iter().flat_map(|account| {
            let users = account.users.iter();
            users.map(move |user| (account, user))
        });
        let mut named = users.filter(|(_, user)| user.name == name);
        let found = named.find_map(|(account, user)| Some((account, user.access_keys.first()?)));
        let (account, key) =
            found.with_context(|| format!("{shown} has no user {name:?} with an access key"))?;
        Ok(Self {
            name: name.to_owned(),
            account: account.id.clone(),
            access_key_id: key.id.clone(),
            secret_access_key: key.secret.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::SeededRandom;
    use kms::identity::IdentitySource;

    #[test]
    fn the_first_user_is_read_by_the_endpoint_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identities.toml");
        let user = FirstUser::generate("dev", &SeededRandom::new(1)).unwrap();
        crate::data_dir::write_private(&path, file(&user).expose()).unwrap();
        let identities = IdentitySource::open(&path).unwrap().current();
        assert!(identities.has_principal("arn:aws:iam::111122223333:user/dev"));
        assert!(identities.policy("everything").is_some());

        let again = FirstUser::read(&path, "dev").unwrap();
        assert_eq!(again.access_key_id, user.access_key_id);
        assert_eq!(again.secret_access_key, user.secret_access_key);
        assert_eq!((user.access_key_id.len(), user.secret_access_key.len()), (20, 40));
        assert!(FirstUser::read(&path, "nobody").is_err());

        // What is commented out works once it is not.
        let text = fs::read_to_string(&path).unwrap();
        let (first, role) = text.split_at(text.find("# [[accounts.roles]]").unwrap());
        let role: Vec<_> = role
            .lines()
            .map(|line| line.trim_start_matches("# ").trim_start_matches('#'))
            .collect();
        fs::write(&path, format!("{first}{}\n", role.join("\n"))).unwrap();
        let identities = IdentitySource::open(&path).unwrap().current();
        assert!(
            identities
                .role("arn:aws:iam::111122223333:role/Payroll")
                .is_some()
        );
    }
}
