//! What the program is built from: licences that may be shipped under MIT, and one library for each job where two would clash.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::source::root;

/// Licences that ask for no more than a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Libraries that must not be built, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("ring", "a second crypto library; ask for the aws-lc-rs feature of whatever brings it"),
    ("openssl-sys", "the build must not need OpenSSL; ask for rustls"),
    ("native-tls", "the build must not need the system's TLS; ask for rustls"),
    ("rsa", "it leaks keys through timing (RUSTSEC-2023-0071)"),
    ("aws-lc-fips-sys", "a second build of the crypto library"),
];

/// Libraries that must be there in one version only, since values of two versions do not fit together.
const SINGLE: &[&str] = &["aws-lc-rs", "aws-lc-sys", "axum", "hyper", "reqwest", "rustls", "sqlx-core", "tokio"];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Name and version of everything that is built here with all features. `cargo metadata` also lists optional libraries that no feature turns on.
fn built() -> Vec<(String, String)> {
    let listing =
        cargo(&["tree", "--locked", "--offline", "--all-features", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}"]);
    let mut libraries: Vec<_> = listing
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or(rest).to_owned()))
        .collect();
    libraries.sort();
    libraries.dedup();
    assert!(libraries.len() > 100, "the list is complete");
    libraries
}

/// Licences as the libraries declare them, by name and version.
fn licences() -> BTreeMap<(String, String), String> {
    let host = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let host = String::from_utf8(host.stdout).expect("UTF-8");
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked", "--offline", "--all-features", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let text = |package: &Value, field: &str| package[field].as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages.iter().map(|package| ((text(package, "name"), text(package, "version")), text(package, "license"))).collect()
}

/// Whether an SPDX expression can be met with allowed licences. The old `/` means OR.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let allowed = either(&words, &mut at);
    allowed && at == words.len()
}

fn either(words: &[&str], at: &mut usize) -> bool {
    let mut allowed = both(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        allowed |= both(words, at);
    }
    allowed
}

fn both(words: &[&str], at: &mut usize) -> bool {
    let mut allowed = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        allowed &= one(words, at);
    }
    allowed
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let allowed = either(words, at);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return allowed && closed;
    }
    if words.get(*at) != Some(&"WITH") {
        return ALLOWED.contains(word);
    }
    let exception = words.get(*at + 1).copied().unwrap_or_default();
    *at += 2;
    ALLOWED.contains(&format!("{word} WITH {exception}").as_str())
}

#[test]
fn every_licence_is_allowed() {
    let licences = licences();
    let refused: Vec<String> = built()
        .into_iter()
        .map(|library| (licences.get(&library).cloned().unwrap_or_default(), library))
        .filter(|(licence, _)| !is_allowed(licence))
        .map(|(licence, (name, version))| format!("{name} {version}: `{licence}`"))
        .collect();
    assert!(refused.is_empty(), "not on the list of licences in tests/house/libraries.rs:\n{}\n", refused.join("\n"));
}

#[test]
fn no_second_library_for_the_same_job() {
    let built = built();
    for (banned, why) in BANNED {
        assert!(!built.iter().any(|(name, _)| name == banned), "{banned} is built: {why}. `cargo tree -i {banned}` shows who asks for it");
    }
    for single in SINGLE {
        let versions: Vec<&str> = built.iter().filter(|(name, _)| name == single).map(|(_, version)| version.as_str()).collect();
        assert!(versions.len() == 1, "{single} is built in these versions: {versions:?}");
    }
}

#[test]
fn licence_expressions_are_read_as_meant() {
    let rows = [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("MIT OR GPL-3.0-only AND LGPL-3.0", true),
        ("(GPL-3.0-only OR MIT) AND Unicode-3.0", true),
        ("(GPL-3.0-only OR MIT) AND AGPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-2.0 WITH GCC-exception-2.0", false),
        ("", false),
        ("MIT MIT", false),
        ("(MIT", false),
    ];
    for (expression, allowed) in rows {
        assert_eq!(is_allowed(expression), allowed, "{expression}");
    }
}
