//! The fuzz targets' entries, fed on every build with their seeds, the golden deliveries and bounded seeded mutations of both.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken promise shall panic")]

#[path = "../../fuzz/src/lib.rs"]
mod entry;
#[path = "../edits/rng.rs"]
mod rng;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rng::Rng;
use serde_json::Value;

/// Mutations of each seed.
const TRIES: usize = 60;
/// Longest that one input may take, far above what any needs, so that a busy machine passes.
const PATIENCE: Duration = Duration::from_secs(20);

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let seeds: Vec<Vec<u8>> = files(&format!("fuzz/seeds/{target}")).iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(seeds.len() >= 4, "{target} has seeds");
    seeds
}

/// The golden deliveries in the form that the target takes.
fn golden() -> Vec<(String, Value)> {
    let paths = files("tests/wire/gitea").into_iter().chain(files("tests/wire/forgejo"));
    let inputs = paths.filter(|path| !path.to_string_lossy().ends_with(".golden.json"));
    inputs
        .map(|path| {
            let mut given: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            (given["event"].as_str().unwrap().to_owned(), given["body"].take())
        })
        .collect()
}

/// Some bytes changed, cut out, doubled, or taken from elsewhere in the input.
fn mutated(rng: &mut Rng, seed: &[u8]) -> Vec<u8> {
    const ODD: &[&[u8]] = &[
        b"\0",
        b"\xff",
        b"null",
        b"{",
        b"]",
        b"\"",
        b"-1",
        b"9223372036854775808",
        b"```\n",
        b"> ",
        b"<!--",
        b"\r\n",
        "\u{202e}".as_bytes(),
        b"\n\n",
    ];
    let mut data = seed.to_vec();
    for _ in 0..rng.from(1, 4) {
        let at = rng.from(0, data.len());
        let end = (at + rng.from(0, 12)).min(data.len());
        match rng.from(0, 4) {
            0 if at < data.len() => data[at] ^= 1 << rng.from(0, 7),
            1 => drop(data.drain(at..end)),
            2 => {
                let part = data[at..end].to_vec();
                let to = rng.from(0, data.len());
                data.splice(to..to, part);
            }
            3 => data.truncate(end),
            _ => drop(data.splice(at..at, rng.pick(ODD).iter().copied())),
        }
    }
    data
}

/// A value of the body replaced by one of another kind, or left out.
fn reshaped(rng: &mut Rng, value: &mut Value, depth: usize) {
    let odd = [
        Value::Null,
        Value::from(-1),
        Value::from(1.5),
        Value::from(""),
        Value::from("x".repeat(3_000)),
        Value::Array(vec![]),
        Value::Bool(true),
    ];
    let inner: Vec<&mut Value> = match value {
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    if inner.is_empty() || depth == 0 || rng.chance(20) {
        *value = rng.pick(&odd).clone();
        return;
    }
    let at = rng.from(0, inner.len() - 1);
    if let Some(chosen) = inner.into_iter().nth(at) {
        reshaped(rng, chosen, depth - 1);
    }
}

#[expect(clippy::disallowed_methods, reason = "a hang is what is looked for here")]
fn feed(target: fn(&[u8]), name: &str, data: &[u8]) {
    let begun = SystemTime::now();
    let outcome = std::panic::catch_unwind(|| target(data));
    assert!(outcome.is_ok(), "{name} breaks a promise for {:?}", String::from_utf8_lossy(data));
    let took = begun.elapsed().unwrap_or_default();
    assert!(took < PATIENCE, "{name} took {took:?} for {:?}", String::from_utf8_lossy(data));
}

fn play(target: fn(&[u8]), name: &str) {
    for (number, seed) in seeds(name).iter().enumerate() {
        feed(target, name, seed);
        let mut rng = Rng::new(&format!("{name}/{number}"));
        for _ in 0..TRIES {
            feed(target, name, &mutated(&mut rng, seed));
        }
    }
}

#[test]
fn signatures() {
    play(entry::signature, "signature");
}

#[test]
fn payloads() {
    play(entry::payload, "payload");
}

#[test]
fn comments() {
    play(entry::comment, "comment");
}

#[test]
fn patches() {
    play(entry::patch, "patch");
}

#[test]
fn golden_deliveries_of_another_shape() {
    for (number, (event, body)) in golden().into_iter().enumerate() {
        let mut rng = Rng::new(&format!("golden/{number}"));
        for _ in 0..TRIES {
            let mut other = body.clone();
            for _ in 0..rng.from(1, 3) {
                reshaped(&mut rng, &mut other, 5);
            }
            feed(entry::payload, "payload", format!("{event}\n{other}").as_bytes());
        }
        feed(entry::payload, "payload", format!("{event}\n{body}").as_bytes());
    }
}
