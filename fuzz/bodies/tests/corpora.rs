//! Replays `fuzz/corpus`: what the fuzzer found worth keeping stays tried.

use std::fs;
use std::path::Path;

use talkpath_fuzz_bodies::{MACHINES, PARSERS};

#[test]
fn every_seed_of_every_target_keeps_its_promises() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (name, run) in PARSERS.iter().chain(MACHINES) {
        let seeds = fs::read_dir(corpus.join(name)).unwrap_or_else(|error| {
            panic!("target {name} has no corpus: {error}");
        });
        let mut tried = 0;
        for seed in seeds {
            let path = seed.expect("a directory can be read").path();
            let bytes = fs::read(&path).expect("a seed can be read");
            println!("{}", path.display());
            run(&bytes);
            tried += 1;
        }
        assert!(tried > 0, "target {name} has no seeds");
    }
}

/// A body without a target would never be fuzzed.
#[test]
fn every_body_has_its_target_and_every_target_its_body() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz_targets");
    let files = fs::read_dir(folder).expect("there are targets");
    let mut targets: Vec<String> = files
        .map(|file| file.expect("a directory can be read").file_name())
        .map(|name| name.to_string_lossy().replace(".rs", ""))
        .collect();
    targets.sort();
    let mut bodies: Vec<&str> = PARSERS
        .iter()
        .chain(MACHINES)
        .map(|(name, _)| *name)
        .collect();
    bodies.sort_unstable();
    assert_eq!(targets, bodies);
}

/// Random bytes reach less than the fuzzer, but every operation of a script.
#[test]
fn random_scripts_keep_their_promises() {
    for (name, run) in PARSERS.iter().chain(MACHINES) {
        println!("{name}");
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..ROUNDS {
            let mut bytes = vec![0; round % 200];
            for byte in &mut bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            run(&bytes);
        }
    }
}

const ROUNDS: usize = 300;
