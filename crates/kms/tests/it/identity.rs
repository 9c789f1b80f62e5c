//! The declared file of identities.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use kms::identity::{Identities, IdentityFileError, IdentitySource, IdentitySourceError};

const GOOD: &str = r#"
[[accounts]]
id = "111122223333"

[[accounts.users]]
name = "alice"
access_keys = [{ id = "AKIAALICEALICEALICE1", secret = "alicealicealicealice" }]

[[accounts.roles]]
name = "Payroll"
path = "/teams/"
trust_policy = '''{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}'''
"#;

fn refused(text: &str) -> IdentityFileError {
    match Identities::parse(text) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error,
    }
}

#[test]
fn principals_are_those_that_are_declared() {
    let identities = Identities::parse(GOOD).unwrap();
    for known in [
        "111122223333",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:role/teams/Payroll",
        "arn:aws:sts::111122223333:assumed-role/Payroll/anything",
    ] {
        assert!(identities.has_principal(known), "{known}");
    }
    for unknown in [
        "444455556666",
        "arn:aws:iam::444455556666:root",
        "arn:aws:iam::111122223333:user/bob",
        "arn:aws:iam::111122223333:user/Alice",
        "arn:aws:iam::111122223333:role/Payroll",
        "arn:aws:sts::111122223333:assumed-role/Payroll/",
        "arn:aws:sts::111122223333:assumed-role/teams/Payroll",
        "",
        "*",
    ] {
        assert!(!identities.has_principal(unknown), "{unknown}");
    }
    let id = identities
        .unique_id("arn:aws:iam::111122223333:role/teams/Payroll")
        .unwrap();
    assert!(id.starts_with("AROA") && id.len() == 21);
    // The same after a restart.
    let again = Identities::parse(GOOD).unwrap();
    assert_eq!(
        again.unique_id("arn:aws:iam::111122223333:role/teams/Payroll"),
        Some(id)
    );
}

#[test]
fn an_error_says_line_and_column_and_no_secret() {
    let unknown = GOOD.replace("path =", "pfad =");
    let error = refused(&unknown);
    assert_eq!((error.line, error.column), (11, 1));
    assert!(error.problem.contains("unknown field `pfad`"), "{error}");
    let short = GOOD.replace("secret = \"alicealicealicealice\"", "secret = \"hush\"");
    let error = refused(&short);
    assert_eq!(error.line, 7);
    assert!(!error.to_string().contains("hush"), "{error}");
    let misplaced = GOOD.replace(
        "secret = \"alicealicealicealice\"",
        "secret = \"alicealicealicealice\", active = \"hush-hush\"",
    );
    let error = refused(&misplaced);
    assert_eq!(error.problem, "invalid type: string, expected a boolean");
    let long = GOOD.replace(
        "id = \"111122223333\"",
        &format!(
            "id = \"111122223333\"\nservice_control_policies = [\"{}\"]",
            "x".repeat(5_000)
        ),
    );
    assert!(refused(&long).problem.len() <= 512);
    let not_closed = GOOD.replace("alicealicealicealice\"", "alicealicealicealice");
    let error = refused(&not_closed);
    assert!(!error.to_string().contains("alicealice"), "{error}");
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    let change = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    for (text, line, part) in [
        (change("111122223333", "11112222333"), 3, "12 digits"),
        (
            change("name = \"alice\"", "name = \"al ice\""),
            6,
            "1 to 64 letters",
        ),
        (change("AKIAALICEALICEALICE1", "AKIA"), 7, "16 to 128"),
        (change("AKIAALICEALICEALICE1", "ASIAALICEALICEALICE1"), 7, "ASIA"),
        (change("\"/teams/\"", "\"teams\""), 11, "begins and ends with /"),
        (change("\"sts:AssumeRole\"", "7"), 12, "no trust policy"),
        (change("'''{", "'''nobody{"), 12, "[policies] has no"),
        (
            change("path =", "max_session_duration = \"30m\"\npath ="),
            10,
            "1h to 12h",
        ),
        (
            change(
                "name = \"alice\"",
                "name = \"alice\"\ntags = { \"aws:x\" = \"y\" }",
            ),
            7,
            "tag",
        ),
        (
            change("name = \"alice\"", "name = \"alice\"\npolicies = [\"none\"]"),
            7,
            "[policies] has no \"none\"",
        ),
        (
            change(
                "secret = \"alicealicealicealice\"",
                "secret = \"alicealicealicealice\", via_service = \"S3\"",
            ),
            7,
            "service",
        ),
        (
            format!("{GOOD}\n[[accounts]]\nid = \"111122223333\"\n"),
            15,
            "occurs twice",
        ),
        (
            format!("{GOOD}\n[[accounts.users]]\nname = \"ALICE\"\n"),
            15,
            "two users",
        ),
        (
            format!(
                "{GOOD}\n[[accounts.users]]\nname = \"b\"\naccess_keys = [{{ id = \"AKIAALICEALICEALICE1\", secret = \"bbbbbbbbbbbbbbbb\" }}]\n"
            ),
            16,
            "occurs twice",
        ),
        (
            format!("[policies]\nx = '''{{\"Statement\": []'''\n{GOOD}"),
            2,
            "no identity policy",
        ),
    ] {
        let error = refused(&text);
        assert!(error.problem.contains(part), "{error}");
        assert_eq!(error.line, line, "{error}\n{text}");
    }
}

#[test]
fn limits_hold_at_their_exact_values() {
    let users = |count: usize| {
        let users: String = (0..count)
            .map(|n| format!("[[accounts.users]]\nname = \"u{n}\"\n"))
            .collect();
        format!("[[accounts]]\nid = \"111122223333\"\n{users}")
    };
    assert!(Identities::parse(&users(kms::identity::limits::USERS)).is_ok());
    assert!(
        refused(&users(kms::identity::limits::USERS + 1))
            .problem
            .contains("5001 users")
    );
    let keys = |count: usize| {
        let key = |n: usize| format!("{{ id = \"AKIA000000000000{n:04}\", secret = \"ssssssssssssssss\" }}");
        let keys: Vec<String> = (0..count).map(key).collect();
        format!(
            "[[accounts]]\nid = \"111122223333\"\n[accounts.root]\naccess_keys = [{}]\n",
            keys.join(", ")
        )
    };
    assert!(Identities::parse(&keys(kms::identity::limits::ACCESS_KEYS)).is_ok());
    assert!(
        refused(&keys(kms::identity::limits::ACCESS_KEYS + 1))
            .problem
            .contains("17 access keys")
    );
}

#[test]
fn the_file_is_its_owners_alone_and_a_reload_takes_all_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("identities.toml");
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    assert!(matches!(
        IdentitySource::open(&file),
        Err(IdentitySourceError::Io { .. })
    ));
    std::fs::write(&file, GOOD).unwrap();
    for exposed in [0o640, 0o604, 0o660, 0o601] {
        mode(exposed);
        let error = IdentitySource::open(&file).err().unwrap();
        assert!(matches!(error, IdentitySourceError::Exposed { .. }), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    mode(0o600);
    let link = directory.path().join("link.toml");
    symlink(&file, &link).unwrap();
    assert!(matches!(
        IdentitySource::open(&link),
        Err(IdentitySourceError::NotPlain(_))
    ));
    assert!(matches!(
        IdentitySource::open(directory.path()),
        Err(IdentitySourceError::NotPlain(_))
    ));

    let source = IdentitySource::open(&file).unwrap();
    std::fs::write(&file, format!("{GOOD}\nnonsense")).unwrap();
    let error = source.reload().err().unwrap();
    assert!(matches!(&error, IdentitySourceError::Content { .. }), "{error}");
    assert!(source.current().has_principal("111122223333"));
    std::fs::write(&file, GOOD.replace("111122223333", "444455556666")).unwrap();
    source.reload().unwrap();
    assert!(!source.current().has_principal("111122223333"));
    assert!(source.current().has_principal("444455556666"));
    let large = format!(
        "{GOOD}\n#{}",
        "x".repeat(kms::identity::limits::FILE_BYTES as usize)
    );
    std::fs::write(&file, large).unwrap();
    assert!(matches!(source.reload(), Err(IdentitySourceError::TooLarge(_))));
}
