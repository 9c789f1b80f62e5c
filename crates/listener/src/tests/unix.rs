//! Unix sockets: mode, peer, stale files.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use ambient::SystemClock;
use tokio::net::UnixStream;

use super::kit::*;
use crate::*;

fn at(path: PathBuf) -> ListenerConfig {
    ListenerConfig::new("admin", Address::Unix(path))
}

#[tokio::test]
async fn the_peers_uid_is_handed_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    let served = serve(&at(path.clone()));
    assert_eq!(served.control.local_addr(), &Bound::Unix(path.clone()));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let answer = ask(&mut stream, &post("/", "")).await.unwrap();
    let uid = std::fs::metadata(&path).unwrap().uid();
    let pid = std::process::id();
    assert!(
        answer.body.contains(&format!("peer=Unix {{ uid: {uid}, ")),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains(&format!("pid: Some({pid})")),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn the_mode_is_as_configured_and_the_file_goes_with_the_listener() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    for mode in [0o600, 0o660, 0o666] {
        let mut config = at(path.clone());
        config.socket_mode = mode;
        let listener = Listener::bind(&config, Arc::new(SystemClock)).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode
        );
        drop(listener);
        assert!(!path.exists());
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_living_socket_is_not_stolen_and_a_dead_one_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    let served = serve(&at(path.clone()));
    let refused = Listener::bind(&at(path.clone()), Arc::new(SystemClock));
    assert!(matches!(refused, Err(BindError::SocketInUse(found)) if found == path));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);
    served.control.shutdown(std::time::Duration::ZERO).await;
    assert!(!path.exists());

    // A socket whose server was killed: the file stays, nobody listens.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    serve(&at(path.clone()));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);
}

#[tokio::test]
async fn another_kind_of_file_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    std::fs::write(&path, "precious").unwrap();
    let refused = Listener::bind(&at(path.clone()), Arc::new(SystemClock));
    assert!(matches!(refused, Err(BindError::NotASocket(found)) if found == path));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_socket_that_took_our_place_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    let listener = Listener::bind(&at(path.clone()), Arc::new(SystemClock)).unwrap();
    std::fs::remove_file(&path).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
    drop(other);
}
