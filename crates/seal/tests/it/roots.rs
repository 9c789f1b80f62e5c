//! Root keys in the database.

use ambient::{SeededRandom, Timestamp};
use crypto::Fields;
use seal::roots::{self, MIGRATIONS};
use seal::{KeyFile, Keyring, RootsError, Seal, SealingKeyId};
use store::{Store, Transaction};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct World {
    directory: TempDir,
    random: SeededRandom,
    store: Store,
    seal: KeyFile,
}

impl World {
    /// A store without a root.
    async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let random = SeededRandom::new(7);
        let seal = KeyFile::create(&directory.path().join("seal.key"), &random).unwrap();
        let store = Store::open(&directory.path().join("db"), &[MIGRATIONS])
            .await
            .unwrap();
        Self {
            directory,
            random,
            store,
            seal,
        }
    }

    async fn new() -> Self {
        let world = Self::empty().await;
        let mut transaction = world.begin().await;
        roots::create_first(&mut transaction, &world.seal, &world.random, NOW)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        world
    }

    async fn begin(&self) -> Transaction {
        self.store.begin().await.unwrap()
    }

    async fn load(&self, seal: &dyn Seal) -> Result<Keyring, RootsError> {
        roots::load(&mut self.store.read().await.unwrap(), seal).await
    }

    async fn rotate(&self) {
        let mut transaction = self.begin().await;
        let id = SealingKeyId::generate(&self.random).unwrap();
        roots::rotate(&mut transaction, &self.seal, &self.random, NOW, id)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    fn other_seal(&self) -> KeyFile {
        KeyFile::create(&self.directory.path().join("other.key"), &self.random).unwrap()
    }
}

fn context() -> Fields {
    Fields::new("row")
}

#[tokio::test]
async fn the_first_root_is_made_once_and_loads_again() {
    let world = World::empty().await;
    let none = world.load(&world.seal).await.map(drop).unwrap_err();
    assert!(matches!(none, RootsError::NotInitialised));
    let mut transaction = world.begin().await;
    let made = roots::create_first(&mut transaction, &world.seal, &world.random, NOW)
        .await
        .unwrap();
    let again = roots::create_first(&mut transaction, &world.seal, &world.random, NOW).await;
    assert!(matches!(again.map(drop), Err(RootsError::AlreadyInitialised)));
    transaction.commit().await.unwrap();
    let loaded = world.load(&world.seal).await.unwrap();
    let envelope = made.seal(&world.random, &context(), b"x").unwrap();
    assert_eq!(loaded.open(&context(), &envelope).unwrap().expose(), b"x");
    let listed = roots::list(&mut world.store.read().await.unwrap()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].number, listed[0].created_at), (1, NOW));
    assert_eq!(listed[0].seal_kind, "key-file");
}

#[tokio::test]
async fn after_a_rotation_the_new_root_seals_and_the_old_one_opens() {
    let world = World::new().await;
    let before = world.load(&world.seal).await.unwrap();
    let envelope = before.seal(&world.random, &context(), b"old").unwrap();
    world.rotate().await;
    let after = world.load(&world.seal).await.unwrap();
    assert_ne!(after.current_id(), before.current_id());
    assert_eq!(after.ids().count(), 2);
    assert_eq!(after.open(&context(), &envelope).unwrap().expose(), b"old");
    assert!(after.is_outdated(&envelope));

    let mut transaction = world.begin().await;
    let current = roots::retire(&mut transaction, after.current_id()).await;
    assert!(matches!(current, Err(RootsError::NotRetirable(_))));
    roots::retire(&mut transaction, before.current_id())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let last = world.load(&world.seal).await.unwrap();
    assert_eq!(last.current_id(), after.current_id());
    assert!(last.open(&context(), &envelope).is_err());
}

#[tokio::test]
async fn after_a_change_of_seal_only_the_new_one_opens() {
    let world = World::new().await;
    world.rotate().await;
    let before: Vec<_> = world.load(&world.seal).await.unwrap().ids().collect();
    let other = world.other_seal();
    let wrong = world.load(&other).await.map(drop).unwrap_err();
    assert!(matches!(wrong, RootsError::WrongSeal { .. }));
    let mut transaction = world.begin().await;
    let swapped = roots::change_seal(&mut transaction, &other, &world.seal, &world.random).await;
    assert!(matches!(swapped, Err(RootsError::WrongSeal { .. })));
    roots::change_seal(&mut transaction, &world.seal, &other, &world.random)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let after: Vec<_> = world.load(&other).await.unwrap().ids().collect();
    assert_eq!(before, after);
    let old = world.load(&world.seal).await.map(drop).unwrap_err();
    assert!(matches!(old, RootsError::WrongSeal { .. }));
}

#[tokio::test]
async fn every_column_edited_by_hand_is_refused() {
    for edit in [
        "UPDATE seal_root SET id = '0000000000000000' WHERE number = 1",
        "UPDATE seal_root SET id = upper(id) || ' '",
        "UPDATE seal_root SET number = 9 WHERE number = 1",
        "UPDATE seal_root SET number = -1 WHERE number = 1",
        "UPDATE seal_root SET created_at = created_at + 1 WHERE number = 1",
        "UPDATE seal_root SET created_at = 'x' WHERE number = 1",
        "UPDATE seal_root SET seal_kind = 'passphrase' WHERE number = 2",
        "UPDATE seal_root SET seal_id = '0000000000000000' WHERE number = 2",
        "UPDATE seal_root SET protected = (SELECT protected FROM seal_root WHERE number = 2) WHERE number = 1",
        "UPDATE seal_root SET protected = x'00' WHERE number = 1",
        "UPDATE seal_root SET protected = 'text' WHERE number = 1",
    ] {
        let world = World::new().await;
        world.rotate().await;
        let mut transaction = world.begin().await;
        assert!(transaction.execute(edit, &[]).await.unwrap() >= 1, "{edit}");
        transaction.commit().await.unwrap();
        let error = world.load(&world.seal).await.map(drop).unwrap_err();
        match error {
            RootsError::Refused(refused) => assert_eq!(refused.table, "seal_root", "{edit}"),
            RootsError::WrongSeal { .. } => assert!(edit.contains("seal_kind") || edit.contains("seal_id")),
            error => panic!("{edit}: {error}"),
        }
        let mut transaction = world.begin().await;
        let id = SealingKeyId::generate(&world.random).unwrap();
        let rotated = roots::rotate(&mut transaction, &world.seal, &world.random, NOW, id).await;
        assert!(rotated.is_err(), "no new root beside a refused one");
    }
}

#[tokio::test]
async fn a_root_is_stored_as_an_envelope_alone() {
    let world = World::new().await;
    let sql = "SELECT id, number, created_at, seal_kind, seal_id, protected FROM seal_root";
    let row = world.store.query_one(sql, &[]).await.unwrap().unwrap();
    // The protected root is an envelope: 32 encrypted bytes and 49 around them.
    assert_eq!(row.blob(5).unwrap().len(), 32 + 49);
}
