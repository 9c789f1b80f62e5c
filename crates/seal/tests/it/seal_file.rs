//! The exchange of a key file, cut off anywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::{Random, SeededRandom};
use seal::{
    KeyFile, KeyFileError, SealFile, SealFiles, SealKind, SealSource, SealSourceError, SealingKeyId, Seals,
};
use tempfile::TempDir;

struct Place {
    directory: TempDir,
    random: Arc<dyn Random>,
    path: PathBuf,
    first: String,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(3));
        let path = directory.path().join("seal.key");
        let first = KeyFile::create(&path, &*random).unwrap().key_id().to_string();
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

    async fn prepare(&self, source: &dyn SealSource) -> String {
        let id = SealingKeyId::generate(&*self.random).unwrap();
        let made = source.prepare(None, id, &self.random).await.unwrap();
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

fn in_force(source: &dyn SealSource) -> String {
    source.current().id().to_string()
}

#[tokio::test]
async fn the_new_key_takes_the_old_ones_place_and_the_old_one_is_kept() {
    let place = Place::new();
    let source = place.open(&place.first).unwrap();
    let second = place.prepare(&source).await;
    assert_eq!(in_force(&source), place.first);
    let replaced = source.replace().await.unwrap();
    assert_eq!(in_force(&source), second);
    assert_eq!(replaced.place, place.path.display().to_string());
    assert_eq!(id_in(Path::new(&replaced.previous)), place.first);
    assert_eq!(id_in(&place.path), second);
    assert_eq!(
        place.names(),
        ["seal.key", &format!("seal.key.old-{}", place.first)]
    );
}

#[tokio::test]
async fn a_change_cut_off_before_the_store_knows_it_keeps_the_old_key() {
    let place = Place::new();
    let left_over = place.prepare(&place.open(&place.first).unwrap()).await;
    let source = place.open(&place.first).unwrap();
    assert_eq!(in_force(&source), place.first);
    assert!(!source.settle().await.unwrap());
    // The next change keeps what was left over: nobody can know here that nothing needs it.
    let next = place.prepare(&source).await;
    source.replace().await.unwrap();
    assert_eq!(id_in(&place.path), next);
    let kept = place.directory.path().join(format!("seal.key.old-{left_over}"));
    assert_eq!(id_in(&kept), left_over);
}

#[tokio::test]
async fn a_change_cut_off_after_the_store_knows_it_is_finished_at_the_next_start() {
    let place = Place::new();
    let second = place.prepare(&place.open(&place.first).unwrap()).await;
    let source = place.open(&second).unwrap();
    assert_eq!(in_force(&source), second);
    // Not before the roots were opened with it.
    assert_eq!(id_in(&place.path), place.first);
    assert!(source.settle().await.unwrap());
    assert_eq!(id_in(&place.path), second);
    assert!(!place.open(&second).unwrap().settle().await.unwrap());
    // A backup from before finds its key, and the newer one is kept too.
    let backup = place.open(&place.first).unwrap();
    assert!(backup.settle().await.unwrap());
    assert_eq!(id_in(&place.path), place.first);
    assert_eq!(in_force(&place.open(&second).unwrap()), second);
}

#[tokio::test]
async fn a_key_that_is_nowhere_is_not_replaced_by_another() {
    let place = Place::new();
    place.prepare(&place.open(&place.first).unwrap()).await;
    // The roots will say that this is the wrong one.
    assert_eq!(in_force(&place.open("0000000000000000").unwrap()), place.first);
    fs::remove_file(&place.path).unwrap();
    let missing = place.open(&place.first).map(drop);
    assert!(matches!(missing, Err(KeyFileError::Missing(path)) if path == place.path));
}

/// A kind of seal beside key files, so that there is one to change to: key files of another place.
struct Elsewhere(SealFiles);

impl SealKind for Elsewhere {
    fn kind(&self) -> &'static str {
        "elsewhere"
    }

    fn open<'a>(&'a self, id: &'a str) -> seal::Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>> {
        self.0.open(id)
    }

    fn make<'a>(
        &'a self,
        id: SealingKeyId,
        random: &'a Arc<dyn Random>,
    ) -> seal::Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>> {
        self.0.make(id, random)
    }
}

impl Place {
    fn kinds(&self) -> Vec<Arc<dyn SealKind>> {
        let other = self.directory.path().join("other.key");
        vec![
            Arc::new(SealFiles::at(self.path.clone())),
            Arc::new(Elsewhere(SealFiles::at(other))),
        ]
    }
}

#[tokio::test]
async fn a_seal_of_another_kind_is_made_where_that_is_placed() {
    let place = Place::new();
    let seals = Seals::open(place.kinds(), KeyFile::KIND, &place.first)
        .await
        .unwrap();
    let id = SealingKeyId::generate(&*place.random).unwrap();
    let made = seals.prepare(Some("elsewhere"), id, &place.random).await.unwrap();
    // Until the store was sealed with it, the old one is in force, here and for the next start.
    assert_eq!(in_force(&seals), place.first);
    assert_eq!(made.id(), id);
    let other = place.directory.path().join("other.key");
    assert_eq!(place.names(), ["other.key.new", "seal.key"]);
    let replaced = seals.replace().await.unwrap();
    assert_eq!(in_force(&seals), id.to_string());
    assert_eq!(replaced.place, other.display().to_string());
    assert_eq!(replaced.previous, place.path.display().to_string());
    assert_eq!(id_in(&other), id.to_string());
    assert_eq!(id_in(&place.path), place.first);
}

#[tokio::test]
async fn a_change_of_kind_that_was_given_up_is_not_finished_by_the_next_one() {
    let place = Place::new();
    let seals = Seals::open(place.kinds(), KeyFile::KIND, &place.first)
        .await
        .unwrap();
    let id = || SealingKeyId::generate(&*place.random).unwrap();
    seals
        .prepare(Some("elsewhere"), id(), &place.random)
        .await
        .unwrap();
    let same = place.prepare(&seals).await;
    seals.replace().await.unwrap();
    assert_eq!(in_force(&seals), same);
    assert_eq!(id_in(&place.path), same);
}

#[tokio::test]
async fn a_kind_that_is_not_configured_is_refused() {
    let place = Place::new();
    let none = Seals::open(place.kinds(), "hsm", &place.first).await.map(drop);
    assert!(matches!(none, Err(SealSourceError::NotConfigured(kind)) if kind == "hsm"));
    let seals = Seals::open(place.kinds(), KeyFile::KIND, &place.first)
        .await
        .unwrap();
    let source = place.open(&place.first).unwrap();
    let id = SealingKeyId::generate(&*place.random).unwrap();
    let sources: [&dyn SealSource; 2] = [&seals, &source];
    for source in sources {
        let refused = source.prepare(Some("hsm"), id, &place.random).await.map(drop);
        assert!(matches!(refused, Err(SealSourceError::NotConfigured(kind)) if kind == "hsm"));
    }
    assert_eq!(place.names(), ["seal.key"]);
}
