//! The corpus of every fuzz target and mutations of it, on stable Rust, in every test run (SEC-17).
#![allow(missing_docs, reason = "a test")]

use std::{fs, path::PathBuf};

use platecam_fuzz::{TARGETS, target};

/// Mutations of the corpus for each target.
const MUTATIONS: u64 = 600;

/// A small generator (xorshift64*) whose seed is printed: the same inputs on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }
}

/// Values that parsers trip over.
const SPICE: &[&[u8]] = &[
    b"\0",
    b"\xff\xff\xff\xff",
    b"-1",
    b"99999999999999999999",
    b"%00",
    b"../",
    b"&#x0;",
    b"<!DOCTYPE a [<!ENTITY b \"c\">]>",
    b"\r\n\r\n",
    b"\"",
    b"{\"a\":[[[[",
    "\u{202e}\u{1F697}".as_bytes(),
];

fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(6) {
            0 if !bytes.is_empty() => {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1 << random.below(8);
            }
            1 => bytes.truncate(at),
            2 => {
                let spice = SPICE[random.below(SPICE.len())];
                bytes.splice(at..at, spice.iter().copied());
            }
            3 => {
                let end = (at + random.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + random.below(64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece.iter().copied().cycle().take(piece.len() * 3));
            }
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let tail = other[random.below(other.len() + 1)..].to_vec();
                bytes.truncate(at);
                bytes.extend(tail);
            }
        }
    }
    bytes
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no corpus");
    files.iter().map(|f| fs::read(f).unwrap()).collect()
}

/// Runs one target; a panic names the input.
fn replay(name: &str) {
    let corpus = corpus(name);
    let seed = 0x5EED_0000 + name.bytes().map(u64::from).sum::<u64>();
    println!(
        "{name}: {} inputs, {MUTATIONS} mutations, seed {seed:#x}",
        corpus.len()
    );
    let (mut target, mut random) = (target(name), Random(seed));
    let mutations = (0..MUTATIONS).map(|_| mutate(&mut random, &corpus));
    for input in corpus.iter().cloned().chain(mutations) {
        let shown = format!("{name}: {:?}", String::from_utf8_lossy(&input));
        let guard = Shown(&shown);
        target.run(&input);
        std::mem::forget(guard);
    }
}

/// Prints the input when the target panics.
struct Shown<'a>(&'a str);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("the input was {}", self.0);
    }
}

macro_rules! targets {
    ($($name:ident),+) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })+

        #[test]
        fn every_target_is_replayed() {
            let here = [$(stringify!($name)),+];
            let all: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, here);
        }
    };
}

targets!(
    back_channel,
    broker,
    certificate,
    cgi,
    challenge,
    config,
    crl,
    ddns,
    digest,
    discovery,
    filters,
    http,
    lines,
    names,
    package,
    pkcs12,
    rtsp,
    security,
    signed_video,
    soap,
    tunnel,
    wav
);
