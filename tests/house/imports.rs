//! Who may look at whom. The table is the rule; the test reads every path in the source that begins at the crate's root.

use crate::source::{File, code_of, sources};

/// Each room with the rooms it may name. Everybody may name the own room. A room of two parts is a part that is kept apart from its parent.
const ROOMS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("lib", &[]),
    (
        "cli",
        &[
            "app", "web", "mcp", "engine", "sandbox", "store", "forge", "llm", "git", "tool", "notify", "archive", "bus", "tree", "config",
            "domain", "base",
        ],
    ),
    (
        "app",
        &[
            "web",
            "mcp",
            "engine",
            "store",
            "forge",
            "forge::gitea",
            "forge::github",
            "forge::gitlab",
            "llm",
            "llm::anthropic",
            "llm::openai",
            "llm::ollama",
            "llm::scripted",
            "git",
            "tool",
            "notify",
            "archive",
            "bus",
            "tree",
            "config",
            "domain",
            "base",
        ],
    ),
    ("web", &["store", "forge", "llm", "git", "tool", "notify", "archive", "bus", "tree", "config", "domain", "base"]),
    ("mcp", &["store", "llm", "git", "tool", "bus", "tree", "config", "domain", "base"]),
    ("engine", &["store", "forge", "llm", "git", "tool", "notify", "archive", "bus", "tree", "config", "domain", "base"]),
    ("store", &["domain", "base"]),
    ("forge", &["domain", "base"]),
    ("forge::gitea", &["forge", "domain", "base"]),
    ("forge::github", &["forge", "domain", "base"]),
    ("forge::gitlab", &["forge", "domain", "base"]),
    ("llm", &["llm::anthropic", "llm::openai", "llm::ollama", "llm::scripted", "domain", "base"]),
    ("llm::anthropic", &["llm", "domain", "base"]),
    ("llm::openai", &["llm", "domain", "base"]),
    ("llm::ollama", &["llm", "domain", "base"]),
    ("llm::scripted", &["llm", "domain", "base"]),
    ("git", &["tree", "domain", "base"]),
    ("tool", &["tree", "domain", "base"]),
    ("notify", &["domain", "base"]),
    ("archive", &["domain", "base"]),
    ("bus", &["domain", "base"]),
    ("tree", &["domain", "base"]),
    ("config", &["domain", "base"]),
    ("domain", &["base"]),
    ("base", &[]),
    // Its wire is its own: a struct shared with a driver would hide a mistake that both make.
    ("sandbox", &["git", "domain", "base"]),
];

/// Words that only some rooms say, with the reason.
const ONLY: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["store"], "all SQL lives in one room"),
    ("git2", &["git"], "all Git objects are handled in one room"),
    ("axum", &["web", "mcp", "sandbox"], "only what is served speaks HTTP"),
];

/// Words that the pure rooms never say: no IO, no tasks, no clock.
const IMPURE: &[&str] =
    &["tokio", "reqwest", "async", "std::fs", "std::io", "std::net", "std::process", "std::env", "std::thread", "std::time::Instant"];

/// The longest entry of the table that a path from the crate's root lies in.
fn room_of(path: &[String]) -> Option<&'static str> {
    let whole = path.join("::");
    let inside = |room: &str| whole == room || whole.strip_prefix(room).is_some_and(|rest| rest.starts_with("::"));
    ROOMS.iter().map(|(room, _)| *room).filter(|room| inside(room)).max_by_key(|room| room.len())
}

fn may_look_at(room: &str) -> &'static [&'static str] {
    ROOMS.iter().find(|(name, _)| *name == room).map_or(&[], |(_, seen)| seen)
}

/// The module that a file holds, as the parts of its path.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    path.split('/').filter(|part| *part != "mod").map(str::to_owned).collect()
}

/// Every path in the code that begins at the crate's root, spelled out, with its line.
fn rooted_paths(code: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let words = words(code);
    let mut found = Vec::new();
    for at in 0..words.len() {
        let follows_path = at > 0 && words[at - 1].1 == "::";
        let begins = words.get(at + 1).is_some_and(|next| next.1 == "::") && !follows_path;
        let (line, word) = words[at];
        let (climbed, mut next) = match word {
            "crate" | "syndarix" if begins => (module.len(), at + 2),
            "super" if begins => climb(&words, at),
            _ => continue,
        };
        if climbed >= module.len() {
            branch(&words, &mut next, &[], &mut |path| found.push((line, path)));
        }
    }
    found
}

/// How many levels `super::super::…` goes up, and where the rest begins.
fn climb(words: &[(usize, &str)], from: usize) -> (usize, usize) {
    let levels = words[from..].chunks(2).take_while(|pair| pair.len() == 2 && pair[0].1 == "super" && pair[1].1 == "::").count();
    (levels, from + 2 * levels)
}

/// Follows `a::{b, c::{d}}` from `at` and hands over each complete path.
fn branch(words: &[(usize, &str)], at: &mut usize, before: &[String], hand_over: &mut dyn FnMut(Vec<String>)) {
    let mut path = before.to_vec();
    while let Some((_, word)) = words.get(*at) {
        *at += 1;
        if *word == "{" {
            while words.get(*at).is_some_and(|(_, word)| *word != "}") {
                branch(words, at, &path, hand_over);
                if words.get(*at).is_some_and(|(_, word)| *word == ",") {
                    *at += 1;
                }
            }
            *at += 1;
            return;
        }
        if !matches!(*word, "self" | "*") {
            path.push((*word).to_owned());
        }
        if words.get(*at).is_some_and(|(_, word)| *word == "::") {
            *at += 1;
            continue;
        }
        if words.get(*at).is_some_and(|(_, word)| *word == "as") {
            *at += 2;
        }
        break;
    }
    hand_over(path);
}

/// Names and signs of the code with their lines; `::` is one sign.
fn words(code: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            let length = match c {
                _ if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                _ => c.len_utf8(),
            };
            if !c.is_whitespace() {
                words.push((number + 1, &rest[..length]));
            }
            rest = &rest[length..];
        }
    }
    words
}

fn violations(file: &File) -> Vec<String> {
    let module = module_of(&file.path);
    let Some(room) = room_of(&module) else {
        return vec![format!("{}: is in no room of the table in tests/house/imports.rs", file.path)];
    };
    let code = code_of(&file.text);
    let strange = rooted_paths(&code, &module).into_iter().filter_map(|(line, path)| {
        let seen = room_of(&path)?;
        let allowed = seen == room || may_look_at(room).contains(&seen);
        (!allowed).then(|| format!("{}:{line}: `{room}` may not look at `{seen}` ({})", file.path, path.join("::")))
    });
    strange.chain(spoken(file, room, &code)).collect()
}

/// Words said in a room that should not say them.
fn spoken(file: &File, room: &str, code: &str) -> Vec<String> {
    let top = room.split("::").next().unwrap_or(room);
    let words = words(code);
    let says = |phrase: &str| {
        let phrase: Vec<&str> = phrase.split("::").collect();
        let names: Vec<&(usize, &str)> = words.iter().filter(|(_, word)| *word != "::").collect();
        names.windows(phrase.len()).find(|window| window.iter().map(|(_, word)| *word).eq(phrase.iter().copied())).map(|window| window[0].0)
    };
    let foreign = ONLY.iter().filter(|(_, rooms, _)| !rooms.contains(&top));
    let foreign = foreign.filter_map(|(word, rooms, why)| Some((says(word)?, format!("only {} says `{word}`: {why}", rooms.join(", ")))));
    let impure = IMPURE
        .iter()
        .filter(|_| top == "domain")
        .filter_map(|word| Some((says(word)?, format!("`domain` is pure and does not say `{word}`"))));
    foreign.chain(impure).map(|(line, why)| format!("{}:{line}: {why}", file.path)).collect()
}

#[test]
fn rooms_look_down_only() {
    let found: Vec<String> = sources().iter().filter(|file| !file.is_test()).flat_map(violations).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_table_names_only_rooms_and_has_no_circle() {
    for (room, seen) in ROOMS {
        for other in *seen {
            assert!(ROOMS.iter().any(|(name, _)| name == other), "{room} looks at {other}, which is not in the table");
            let parts_of_one = room.split("::").next() == other.split("::").next();
            assert!(parts_of_one || !may_look_at(other).contains(room), "{room} and {other} look at each other");
        }
    }
}

#[test]
fn forbidden_looks_are_seen_however_they_are_written() {
    let rows = [
        ("src/domain/x.rs", "use crate::store::Store;", "`domain` may not look at `store`"),
        ("src/domain/x.rs", "use crate::{base::Time, store::{Store, tx::Tx}};", "store::tx::Tx"),
        ("src/domain/x/y.rs", "fn f() { super::super::super::engine::run() }", "`engine`"),
        ("src/domain/x.rs", "let x = crate::git::open();", "`git`"),
        (
            "src/engine/x.rs",
            "use crate::{\n    base::Time,\n    forge::{self, gitea::Gitea as G},\n};",
            ":1: `engine` may not look at `forge::gitea`",
        ),
        ("src/engine/x.rs", "use crate::web;", "`web`"),
        ("src/cli/x.rs", "use crate::forge::gitea;", "`forge::gitea`"),
        ("src/cli/x.rs", "use crate::llm::anthropic::Anthropic;", "`llm::anthropic`"),
        ("src/sandbox/x.rs", "use crate::forge::ForgeError;", "`forge`"),
        ("src/sandbox/x.rs", "use crate::store::Store;", "`store`"),
        ("src/store/x.rs", "use crate::git::Mirror;", "`git`"),
        ("src/tool/x.rs", "use crate::git::Mirror;", "`git`"),
        ("src/forge/mod.rs", "pub use crate::forge::gitea::Gitea;", "`forge::gitea`"),
        ("src/main.rs", "use syndarix::app::App;", "`main` may not look at `app`"),
        ("src/attic/x.rs", "", "in no room"),
        ("src/engine/x.rs", "use sqlx::Row;", "only store says `sqlx`"),
        ("src/tool/x.rs", "fn f(x: git2::Oid) {}", "only git says `git2`"),
        ("src/engine/x.rs", "use axum::Router;", "says `axum`"),
        ("src/domain/x.rs", "pub async fn f() {}", "is pure"),
        ("src/domain/x.rs", "use std::fs::read;", "`std::fs`"),
    ];
    for (path, text, wanted) in rows {
        let found = violations(&File { path: path.into(), text: text.into() });
        assert!(found.iter().any(|line| line.contains(wanted)), "{path}: {text}: {found:?}");
    }
}

#[test]
fn allowed_looks_are_left_alone() {
    let rows = [
        ("src/app.rs", "use crate::forge::gitea::Gitea; use crate::llm::{anthropic, Provider}; use super::engine;"),
        ("src/forge/gitea/read.rs", "use crate::forge::{ForgeError, Result}; use super::client; use crate::domain::forge::*;"),
        ("src/domain/x.rs", "//! crate::store\n#[cfg(test)]\nmod tests { use crate::store::X; use std::fs; }"),
        (
            "src/domain/x/y.rs",
            "use super::super::z; use crate::base::{Time, ids::{self, RunId}}; macro_rules! m { () => { $crate::base::x() } }",
        ),
        ("src/git/x.rs", "use crate::tree::Tree; let t = \"crate::store\"; // crate::engine"),
    ];
    for (path, text) in rows {
        let found = violations(&File { path: path.into(), text: text.into() });
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}
