//! The key file: made once, and read only if nobody else can.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ambient::{FailingRandom, SeededRandom};
use crypto::{Fields, Key256};
use seal::{KeyFile, KeyFileError, Seal};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seal.key");
    (directory, path)
}

fn create(path: &Path) -> KeyFile {
    KeyFile::create(path, &SeededRandom::new(1)).unwrap()
}

fn refusal(path: &Path) -> KeyFileError {
    KeyFile::open(path).map(drop).unwrap_err()
}

#[tokio::test]
async fn what_was_created_opens_and_reveals() {
    let (_directory, path) = place();
    let created = create(&path);
    let text = fs::read_to_string(&path).unwrap();
    let prefix = format!("strongroom-seal-key-1:{}:", created.key_id());
    assert!(text.starts_with(&prefix));
    assert_eq!(text.len(), prefix.len() + 65);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let opened = KeyFile::open(&path).unwrap();
    assert_eq!(opened.key_id(), created.key_id());
    let context = Fields::new("root");
    let root = Key256::from_slice(&[7; 32]).unwrap();
    let protected = created
        .protect(&SeededRandom::new(2), &context, &root)
        .await
        .unwrap();
    assert_eq!(
        opened.reveal(&context, &protected).await.unwrap().expose(),
        root.expose()
    );
    assert!(opened.reveal(&Fields::new("other"), &protected).await.is_err());
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let (_directory, path) = place();
    create(&path);
    let before = fs::read(&path).unwrap();
    let again = KeyFile::create(&path, &SeededRandom::new(2)).map(drop);
    assert!(matches!(again, Err(KeyFileError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn nothing_is_created_without_randomness() {
    let (_directory, path) = place();
    assert!(KeyFile::create(&path, &FailingRandom).is_err());
    assert!(!path.exists());
    assert!(matches!(refusal(&path), KeyFileError::Missing(_)));
    assert!(refusal(&path).to_string().contains("strongroom init"));
}

#[test]
fn any_right_of_group_or_others_is_refused() {
    let (_directory, path) = place();
    create(&path);
    for bit in 0..6 {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600 | 1 << bit)).unwrap();
        let error = refusal(&path);
        assert!(matches!(error, KeyFileError::Exposed { .. }), "{bit}");
        assert!(error.to_string().contains("chmod 600"));
    }
    for fine in [0o400, 0o600, 0o700] {
        fs::set_permissions(&path, fs::Permissions::from_mode(fine)).unwrap();
        assert!(KeyFile::open(&path).is_ok());
    }
}

#[test]
fn links_directories_and_pipes_are_refused() {
    let (directory, path) = place();
    create(&path);
    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(refusal(&link), KeyFileError::NotPlain(_)));
    assert!(matches!(refusal(directory.path()), KeyFileError::NotPlain(_)));
    let pipe = directory.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(matches!(refusal(&pipe), KeyFileError::NotPlain(_)));
}

#[test]
fn a_file_of_another_owner_is_refused() {
    let (_directory, path) = place();
    create(&path);
    // Only root can give a file away; elsewhere this cannot be shown.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(4711), None).unwrap();
        let error = refusal(&path);
        assert!(matches!(
            error,
            KeyFileError::WrongOwner {
                owner: 4711,
                ours: 0,
                ..
            }
        ));
        assert!(error.to_string().contains("chown"));
    }
}

#[test]
fn any_other_text_is_refused() {
    let (_directory, path) = place();
    create(&path);
    let good = fs::read(&path).unwrap();
    let mut bad: Vec<Vec<u8>> = vec![
        Vec::new(),
        good[..good.len() - 1].to_vec(),
        [&good[..], b"\n"].concat(),
        [b"\xef\xbb\xbf", &good[..]].concat(),
        good.to_ascii_uppercase(),
        vec![0; good.len()],
        vec![b'x'; 1 << 20],
    ];
    for at in [0, 22, 38, 39, good.len() - 1] {
        let mut changed = good.clone();
        changed[at] = b'g';
        bad.push(changed);
    }
    for text in bad {
        fs::write(&path, &text).unwrap();
        let error = refusal(&path);
        assert!(matches!(error, KeyFileError::Malformed(_)), "{text:?}");
        // The key is not in the error.
        let key = String::from_utf8_lossy(&good[39..103]).into_owned();
        assert!(!format!("{error} {error:?}").contains(&key));
    }
}
