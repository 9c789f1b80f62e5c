//! Replays every seed, and mutations of it, on any toolchain. The mutations are the same in every
//! run, so a failure can be repeated.

#[cfg(test)]
mod mutate;
#[cfg(test)]
mod seeds;

use std::fs;

use ambient::SeededRandom;
use fuzz::TARGETS;
use seeds::{directory, package, seeds};

/// Mutations of each seed; all targets together take a few seconds in a debug build.
const MUTATIONS: u32 = 3_000;

#[test]
fn every_seed_and_its_mutations_keep_the_promises() {
    for target in TARGETS {
        let seeds = seeds(target);
        for (number, (name, seed)) in seeds.iter().enumerate() {
            // Shown only if the test fails: the last line names the seed.
            println!("{}/{name}", target.name);
            (target.run)(seed);
            let random = SeededRandom::new(number as u64);
            for _ in 0..MUTATIONS {
                let other = &seeds[mutate::below(&random, seeds.len())].1;
                (target.run)(&mutate::mutate(seed, other, &random));
            }
        }
    }
}

#[test]
fn the_envelope_among_the_seeds_opens() {
    let seed = fs::read(directory(&TARGETS[4]).join("sealed")).unwrap();
    assert_eq!(seed, fuzz::sealed());
}

#[test]
fn the_signed_request_among_the_seeds_verifies() {
    // `sigv4_headers` checks what verifies; that something does is checked here.
    let seed = fs::read(directory(&TARGETS[0]).join("signed")).unwrap();
    assert!(fuzz::verifies(&seed));
}

#[test]
fn the_frames_among_the_seeds_are_those_of_this_version() {
    let target = TARGETS
        .iter()
        .find(|target| target.name == "worker_frames")
        .unwrap();
    for (name, frames) in fuzz::samples() {
        assert_eq!(fs::read(directory(target).join(name)).unwrap(), frames, "{name}");
    }
    // The one that is written by hand is a call.
    let encrypt = fs::read(directory(target).join("encrypt")).unwrap();
    assert!(pkcs11::worker::wire::ToWorker::decode(&encrypt[4..]).is_ok());
}

#[test]
fn every_target_has_a_libfuzzer_binary() {
    let manifest = fs::read_to_string(package().join("libfuzzer/Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{}\"", target.name)),
            "{}",
            target.name
        );
    }
}
