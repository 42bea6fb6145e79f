//! The pages under `docs/` name tests and other pages that exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source::{File, repository_files};

/// A page whose every word in code marks that looks like the name of a test must be one.
const NAMES_TESTS: &[&str] = &["docs/faults.md"];

/// Words in code marks, as `this`.
fn marked(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Names of tests have several words; settings and paths are written otherwise.
fn is_like_a_test(word: &str) -> bool {
    word.matches('_').count() >= 2 && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The functions that stand in the tests.
fn functions(files: &[File]) -> BTreeSet<&str> {
    let sources = files.iter().filter(|file| file.path.starts_with("tests/") && file.path.ends_with(".rs"));
    let lines = sources.flat_map(|file| file.text.lines());
    lines.filter_map(|line| line.split_once("fn ")?.1.split('(').next()).collect()
}

/// Pages beside `page` that its links name and that are not there.
fn dead_links(page: &File) -> Vec<String> {
    let here = Path::new(&page.path).parent().expect("a page lies in a folder");
    let targets = page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    let paths = local.map(|target| target.split('#').next().unwrap_or(target));
    paths
        .filter(|path| !Path::new(env!("CARGO_MANIFEST_DIR")).join(here).join(path).exists())
        .map(|path| format!("{}: {path}", page.path))
        .collect()
}

#[test]
fn tests_that_pages_name_exist() {
    let Some(files) = repository_files() else {
        println!("left out: the names of tests in the documentation, since this is not a Git checkout");
        return;
    };
    let functions = functions(&files);
    for path in NAMES_TESTS {
        let page = files.iter().find(|file| file.path == *path).unwrap_or_else(|| panic!("{path} is missing"));
        let named: Vec<&str> = marked(&page.text).filter(|word| is_like_a_test(word)).collect();
        assert!(named.len() > 10, "{path} names tests");
        let missing: Vec<&&str> = named.iter().filter(|name| !functions.contains(**name)).collect();
        assert!(missing.is_empty(), "{path} names tests that do not exist: {missing:#?}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let Some(files) = repository_files() else {
        println!("left out: the links between pages, since this is not a Git checkout");
        return;
    };
    let pages = files.iter().filter(|file| file.path.ends_with(".md") && !file.path.starts_with("tests/"));
    let dead: Vec<String> = pages.flat_map(dead_links).collect();
    assert!(dead.is_empty(), "\n{}\n", dead.join("\n"));
}

#[test]
fn a_missing_test_and_a_dead_link_are_noticed() {
    let page = File {
        path: "docs/x.md".into(),
        text: "`a_test_of_ours` and [here](nowhere.md), `SOME_NAME`, [there](https://example.org)".into(),
    };
    assert_eq!(marked(&page.text).filter(|word| is_like_a_test(word)).collect::<Vec<_>>(), ["a_test_of_ours"]);
    assert_eq!(dead_links(&page), ["docs/x.md: nowhere.md"]);
}
