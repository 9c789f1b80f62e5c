//! What a worker process has, and how it ends.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pkcs11::worker::wire::{FromWorker, Inbox, Outgoing, Setup, ToWorker};
use pkcs11::{Profile, Requirements, TokenError, TokenSelector};

use super::{config, program, until};
use crate::kit::{Scene, object, scene, scene_on_softhsm};

/// A worker without a supervisor.
fn start(stdin: Stdio) -> Child {
    let command = program();
    Command::new(command.program)
        .args(command.arguments)
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn connected() -> (Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (start(Stdio::from(OwnedFd::from(theirs))), ours)
}

fn setup(scene: &Scene) -> Vec<u8> {
    let mut frames = Outgoing::new();
    ToWorker::Setup(Box::new(Setup {
        module: scene.module.clone(),
        token: TokenSelector::Label("one".to_owned()),
        profile: Profile::named("softhsm").unwrap().source().to_owned(),
        requirements: Requirements::STRICT,
        sessions: 2,
        queue: 16,
        deadline: Duration::from_secs(20),
    }))
    .encode(&mut frames)
    .unwrap();
    frames.bytes().to_vec()
}

fn hear(socket: &mut UnixStream, inbox: &mut Inbox) -> Option<FromWorker> {
    loop {
        if let Some(frame) = inbox.frame().unwrap() {
            return Some(FromWorker::decode(frame).unwrap());
        }
        match socket.read(inbox.room()).unwrap() {
            0 => return None,
            count => inbox.filled(count),
        }
    }
}

scene! {
    async fn no_secret_is_in_its_arguments_and_environment_and_no_file_is_open(scene) {
        let token = scene.open(config(&scene)).await;
        token.generate(object("k")).await.unwrap();
        let process = format!("/proc/{}", scene.shim.process().unwrap());
        let read = |name: &str| fs::read(format!("{process}/{name}")).unwrap();
        let (arguments, environment) = (read("cmdline"), read("environ"));
        let pin = testkit::hsm::PIN.as_bytes();
        for all in [&arguments, &environment] {
            assert!(!all.windows(pin.len()).any(|window| window == pin));
        }
        let known = ["HOME", "LD_LIBRARY_PATH", "SOFTHSM2_CONF", "KRYOPTIC_CONF", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];
        for variable in environment.split(|byte| *byte == 0).filter(|variable| !variable.is_empty()) {
            let name = std::str::from_utf8(variable).unwrap().split('=').next().unwrap();
            assert!(known.contains(&name), "{name}");
        }
        let limits = String::from_utf8(read("limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        let open = |name: &str| fs::read_link(format!("{process}/fd/{name}")).unwrap();
        assert_eq!(open("0").to_str(), Some("/dev/null"));
        assert_eq!(open("1").to_str(), Some("/dev/null"));
        let sockets = fs::read_dir(format!("{process}/fd"))
            .unwrap()
            .map(|entry| fs::read_link(entry.unwrap().path()).unwrap())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count();
        // Two names for the one to its server, three for the pair that its runtime hears signals by.
        assert_eq!(sockets, 5);
    }
}

scene! {
    async fn it_ends_when_the_token_is_closed_or_dropped(scene) {
        for drop_it in [false, true] {
            let token = scene.open(config(&scene)).await;
            token.generate(object(&format!("{drop_it}"))).await.unwrap();
            let process = format!("/proc/{}", scene.shim.process().unwrap());
            if drop_it {
                drop(token);
            } else {
                token.close().await;
                assert!(!fs::exists(&process).unwrap());
            }
            until(async || (!fs::exists(&process).unwrap()).then_some(())).await;
        }
    }
}

scene_on_softhsm! {
    async fn it_ends_when_its_server_is_gone(scene) {
        let (mut worker, mut socket) = connected();
        socket.write_all(&setup(&scene)).unwrap();
        let mut inbox = Inbox::new();
        assert!(matches!(hear(&mut socket, &mut inbox), Some(FromWorker::Ready)));
        // A session opens, and wants a PIN that nobody gives it.
        let mut frames = Outgoing::new();
        ToWorker::Call { number: 1, call: pkcs11::Call::Probe }.encode(&mut frames).unwrap();
        ToWorker::Ping.encode(&mut frames).unwrap();
        socket.write_all(frames.bytes()).unwrap();
        let (mut wants, mut pongs) = (0, 0);
        while wants + pongs < 2 {
            match hear(&mut socket, &mut inbox) {
                Some(FromWorker::WantPin) => wants += 1,
                Some(FromWorker::Pong) => pongs += 1,
                _ => panic!("neither a wish for a PIN nor a sign of life"),
            }
        }
        assert_eq!((wants, pongs), (1, 1));
        drop(socket);
        worker.wait().unwrap();
    }
}

scene_on_softhsm! {
    async fn a_server_that_says_nonsense_is_left(scene) {
        let good = setup(&scene);
        let cases: [&[u8]; 5] = [
            // Longer than any frame.
            &[0, 0x20, 0, 1],
            &[0xff; 4],
            // No message; a message out of place; another version.
            &[0, 0, 0, 1, 99],
            &[0, 0, 0, 1, 4],
            &[0, 0, 0, 3, 1, 0, 2],
        ];
        for bytes in cases {
            let (mut worker, mut socket) = connected();
            socket.write_all(bytes).unwrap();
            assert!(!worker.wait().unwrap().success(), "{bytes:?}");
        }
        // A second setup.
        let (mut worker, mut socket) = connected();
        socket.write_all(&good).unwrap();
        let mut inbox = Inbox::new();
        assert!(matches!(hear(&mut socket, &mut inbox), Some(FromWorker::Ready)));
        socket.write_all(&good).unwrap();
        assert!(hear(&mut socket, &mut inbox).is_none());
        assert!(!worker.wait().unwrap().success());
        // Nobody's worker.
        assert!(!start(Stdio::null()).wait().unwrap().success());
    }
}

scene_on_softhsm! {
    /// A profile of somebody's own that names no variable.
    async fn a_module_gets_the_variables_that_are_named(scene) {
        let text = Profile::named("softhsm").unwrap().source().replace("environment", "read2");
        let text: String = text.lines().filter(|line| !line.starts_with("read2")).fold(
            String::new(),
            |text, line| text + line + "\n",
        );
        let profile = Profile::parse(&text).unwrap();
        assert!(profile.environment().is_empty());
        for (names, there) in [(vec![], false), (vec!["SOFTHSM2_CONF".into()], true)] {
            let mut command = program();
            command.environment = names;
            let mut config = config(&scene);
            config.profile = profile.clone();
            config.isolation = pkcs11::Isolation::Worker(command);
            let random = std::sync::Arc::new(ambient::SystemRandom);
            let opened = pkcs11::Token::open(config, scene.clock.clone(), random).await;
            match opened {
                Ok(token) => {
                    assert!(there);
                    token.close().await;
                }
                Err(error) => {
                    assert!(!there, "{error}");
                    let gone = pkcs11::OpenError::Token(TokenError::TokenGone);
                    assert!(error == gone || matches!(error, pkcs11::OpenError::Module(_)), "{error}");
                }
            }
        }
    }
}
