//! The file of accounts, users, roles and access keys.

use kms::identity::Identities;

/// A text is taken or refused; a refusal points into the text, is short, and the same each time.
pub fn identities(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Identities::parse(text) {
        Ok(identities) => {
            for account in identities.accounts() {
                assert!(identities.has_account(account));
                assert!(identities.has_principal(&account.to_string()));
                assert!(identities.has_principal(&format!("arn:aws:iam::{account}:root")));
            }
        }
        Err(error) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&error.line));
            assert!((1..=text.chars().count() + 1).contains(&error.column));
            assert!(error.problem.len() <= 512);
            assert_eq!(Identities::parse(text).err(), Some(error));
        }
    }
}
