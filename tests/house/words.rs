//! How files are kept: short, opened by a line that says what they are for, and silent about the machines they were made on.

use crate::source::{File, repository_files, sources};

/// More lines than this is a question: what are the two things here?
const MOST_LINES: usize = 600;

/// Places that mean something on one machine only, each in two parts, so that this file does not name them itself.
const MACHINE_WORDS: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/home", "/"),
    ("pypi", ".org"),
    ("python", "hosted.org"),
    ("npmjs", ".org"),
    ("index.crates", ".io"),
    ("static.crates", ".io"),
    ("art", "ifactory"),
    ("index", "-url"),
    ("extra-in", "dex"),
];

/// Written by tools, not by people.
const GENERATED: &[&str] = &["Cargo.lock"];

/// Lines of a file that name a machine's own place.
fn machine_words(file: &File) -> Vec<String> {
    let words: Vec<String> = MACHINE_WORDS.iter().map(|(head, tail)| format!("{head}{tail}")).collect();
    let names = |line: &str, word: &str| {
        line.match_indices(word)
            .any(|(at, _)| !word.starts_with('/') || !line[..at].ends_with(|c: char| c.is_alphanumeric() || "/}._-".contains(c)))
    };
    let hits = file.text.lines().enumerate().filter_map(|(number, line)| {
        let word = words.iter().find(|word| names(line, word))?;
        Some(format!("{}:{}: `{word}`", file.path, number + 1))
    });
    hits.collect()
}

#[test]
fn no_file_names_a_machine() {
    let Some(files) = repository_files() else {
        println!("left out: the search for names of machines, since this is not a Git checkout");
        return;
    };
    let found: Vec<String> = files.iter().filter(|file| !GENERATED.contains(&file.path.as_str())).flat_map(machine_words).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn names_of_machines_are_told_from_paths_of_an_interface() {
    let hits = |text: &str| machine_words(&File { path: "x".into(), text: text.into() }).len();
    let path = MACHINE_WORDS[0].0.to_owned() + MACHINE_WORDS[0].1;
    assert_eq!(hits(&format!("cd {path}x")), 1);
    assert_eq!(hits(&format!("\"{path}x\"")), 1);
    assert_eq!(hits(&format!("https://example.org/api{path}x")), 0);
    assert_eq!(hits(&format!("see https://{}{}/p", MACHINE_WORDS[3].0, MACHINE_WORDS[3].1)), 1);
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|file| (&file.path, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "longer than {MOST_LINES} lines, to be taken apart:\n{}\n", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let mute = |file: &File| !file.is_test() && file.path != "src/main.rs" && !file.text.starts_with("//! ");
    let silent: Vec<String> = sources().into_iter().filter(mute).map(|file| file.path).collect();
    assert!(silent.is_empty(), "these files do not begin with a `//! ` line: {silent:?}");
}
