//! The exchange of a key file, cut off anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use ambient::SeededRandom;
use seal::{KeyFile, KeyFileError, SealFile, SealSource, SealingKeyId};
use tempfile::TempDir;

struct Place {
    directory: TempDir,
    random: SeededRandom,
    path: PathBuf,
    first: String,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let random = SeededRandom::new(3);
        let path = directory.path().join("seal.key");
        let first = KeyFile::create(&path, &random).unwrap().key_id().to_string();
        Self {
            directory,
            random,
            path,
            first,
        }
    }

    fn open(&self, wanted: &str) -> Result<SealFile, KeyFileError> {
        SealFile::open(&self.path, Some(wanted))
    }

    fn prepare(&self, source: &SealFile) -> String {
        let id = SealingKeyId::generate(&self.random).unwrap();
        let made = source.prepare(id, &self.random).unwrap();
        assert_eq!(made.id(), id);
        id.to_string()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn id_in(path: &Path) -> String {
    KeyFile::open(path).unwrap().key_id().to_string()
}

fn in_force(source: &SealFile) -> String {
    source.current().id().to_string()
}

#[test]
fn the_new_key_takes_the_old_ones_place_and_the_old_one_is_kept() {
    let place = Place::new();
    let source = place.open(&place.first).unwrap();
    let second = place.prepare(&source);
    assert_eq!(in_force(&source), place.first);
    let replaced = source.replace().unwrap();
    assert_eq!(in_force(&source), second);
    assert_eq!(replaced.place, place.path.display().to_string());
    assert_eq!(id_in(Path::new(&replaced.previous)), place.first);
    assert_eq!(id_in(&place.path), second);
    assert_eq!(
        place.names(),
        ["seal.key", &format!("seal.key.old-{}", place.first)]
    );
}

#[test]
fn a_change_cut_off_before_the_store_knows_it_keeps_the_old_key() {
    let place = Place::new();
    let left_over = place.prepare(&place.open(&place.first).unwrap());
    let source = place.open(&place.first).unwrap();
    assert_eq!(in_force(&source), place.first);
    assert!(!source.settle().unwrap());
    // The next change keeps what was left over: nobody can know here that nothing needs it.
    let next = place.prepare(&source);
    source.replace().unwrap();
    assert_eq!(id_in(&place.path), next);
    let kept = place.directory.path().join(format!("seal.key.old-{left_over}"));
    assert_eq!(id_in(&kept), left_over);
}

#[test]
fn a_change_cut_off_after_the_store_knows_it_is_finished_at_the_next_start() {
    let place = Place::new();
    let second = place.prepare(&place.open(&place.first).unwrap());
    let source = place.open(&second).unwrap();
    assert_eq!(in_force(&source), second);
    // Not before the roots were opened with it.
    assert_eq!(id_in(&place.path), place.first);
    assert!(source.settle().unwrap());
    assert_eq!(id_in(&place.path), second);
    assert!(!place.open(&second).unwrap().settle().unwrap());
    // A backup from before finds its key, and the newer one is kept too.
    let backup = place.open(&place.first).unwrap();
    assert!(backup.settle().unwrap());
    assert_eq!(id_in(&place.path), place.first);
    assert_eq!(in_force(&place.open(&second).unwrap()), second);
}

#[test]
fn a_key_that_is_nowhere_is_not_replaced_by_another() {
    let place = Place::new();
    place.prepare(&place.open(&place.first).unwrap());
    // The roots will say that this is the wrong one.
    assert_eq!(in_force(&place.open("0000000000000000").unwrap()), place.first);
    fs::remove_file(&place.path).unwrap();
    let missing = place.open(&place.first).map(drop);
    assert!(matches!(missing, Err(KeyFileError::Missing(path)) if path == place.path));
}
