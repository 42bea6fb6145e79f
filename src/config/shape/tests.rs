use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::schema::schema;
use super::*;
use crate::config::{ConfigErrors, Env, Settings, Team, embedded, repository};

/// What the program itself says about a text in place of a file.
fn complaints(file: &File, text: &str) -> Vec<String> {
    let errors: Option<ConfigErrors> = match file.name {
        "settings" => Settings::read(&Env::default(), "settings", text).err(),
        "repository" => {
            return match repository::read(text) {
                Ok(file) => file.mistakes.iter().map(ToString::to_string).collect(),
                Err(errors) => errors.iter().map(ToString::to_string).collect(),
            };
        }
        name => {
            let path = match name {
                "agents" | "projects" => format!("{name}/x.toml"),
                name => format!("{name}.toml"),
            };
            let mut files: BTreeMap<String, String> =
                embedded::BOT_CONFIG.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
            files.insert(path, text.to_owned());
            Team::read(&files).err()
        }
    };
    errors.map(|errors| errors.0.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Every table of a file with the head under which it stands.
fn tables(keys: &'static [Key], head: &str, found: &mut Vec<(String, &'static [Key])>) {
    found.push((head.to_owned(), keys));
    let path = head.trim_matches(['[', ']', '\n']);
    for key in keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match key.kind {
            Kind::Table(keys) => tables(keys, &format!("[{path}]\n"), found),
            Kind::Tables(keys) => tables(keys, &format!("[[{path}]]\n"), found),
            Kind::Map(Kind::Table(keys)) => tables(keys, &format!("[{path}.x]\n"), found),
            _ => {}
        }
    }
}

#[test]
fn the_table_has_the_keys_that_the_program_reads() {
    for file in FILES {
        let mut all = Vec::new();
        tables(file.keys, "", &mut all);
        for (head, keys) in all {
            let complaints = complaints(file, &format!("{head}qqqqqqqq = 1\n"));
            let unknown = complaints
                .iter()
                .find(|line| line.contains("unknown key `qqqqqqqq`, expected"))
                .unwrap_or_else(|| panic!("{}: {head}: {complaints:#?}", file.name));
            let mut read = quoted(unknown);
            read.remove("qqqqqqqq");
            assert_eq!(read, keys.iter().map(|key| key.name).collect(), "{} {head}", file.name);
        }
    }
}

#[test]
fn every_key_is_explained() {
    fn look(file: &File, keys: &[Key], path: &str) {
        for key in keys {
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            assert!(!notes_of(file, &path, key).is_empty(), "{}: {path}", file.name);
            match key.kind {
                Kind::Table(keys) | Kind::Tables(keys) => look(file, keys, &path),
                Kind::Map(Kind::Table(keys)) => look(file, keys, &path),
                Kind::Limits => {
                    for name in limits() {
                        assert!(!notes_of(file, &format!("{path}.{name}"), &Key::new("", Kind::Whole(1))).is_empty(), "{name}");
                    }
                }
                _ => {}
            }
        }
    }
    FILES.iter().for_each(|file| look(file, file.keys, ""));
}

#[test]
fn the_shipped_files_fit_their_schemas() {
    for (name, text) in embedded::BOT_CONFIG {
        let file = of_team_file(name).unwrap_or_else(|| panic!("{name}"));
        let table: toml::Table = toml::from_str(text).unwrap();
        let validator = jsonschema::validator_for(&schema(file)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&serde_json::to_value(table).unwrap()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        assert_eq!(faults(name, text, file.keys), [], "{name}");
    }
    let wrong: Value = serde_json::json!({"defaults": {"autonomy": "milestones", "limits": {"story_run": 3}, "hard_usd": -1}});
    let validator = jsonschema::validator_for(&schema(named("policy").unwrap())).unwrap();
    assert_eq!(validator.iter_errors(&wrong).count(), 3);
}

#[test]
fn the_written_settings_file_is_read_as_nothing_and_as_everything() {
    let text = settings_file(&[], None);
    let nothing = Settings::read(&Env::default(), "s.toml", &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(nothing.data_dir.display().to_string(), "data");
    let awake = |line: &str| {
        let bare = line.strip_prefix("# ")?;
        let key = bare.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        (key || (bare.starts_with('[') && bare.ends_with(']'))).then(|| bare.to_owned())
    };
    // What stands in another's place is left out: directories of the team, a token.
    let instead = ["key_file = ", "config_repo = ", "config_path = ", "app_id = ", "private_key = "];
    let all: Vec<String> = text
        .lines()
        .filter(|line| !instead.iter().any(|key| line.contains(key)))
        .map(|line| awake(line).unwrap_or_else(|| line.to_owned()))
        .collect();
    let everything = Settings::read(&Env::default(), "s.toml", &all.join("\n")).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((everything.forges.len(), everything.projects.patterns().len()), (1, 1));
    assert!(text.lines().all(|line| line.chars().count() <= 140), "lines stay readable");
}

#[test]
fn every_mistake_of_a_shape_is_found_at_once() {
    let text = "lisen = \"x\"\ndata_dir = 5\nlog_format = \"jsn\"\n[[forges]]\nid = \"home\"\nkind = \"gitae\"\n[timings]\npoll_second = 3\npoll_quick_seconds = -1\n[zebra]\n";
    let errors = complaints(named("settings").unwrap(), text);
    let wanted = [
        "settings:1:1: unknown key `lisen`",
        "settings:2:12: ",
        "settings:3:14: unknown variant `jsn`",
        "settings:4:1: missing key `url`",
        "settings:6:8: unknown variant `gitae`, expected one of `gitea`, `forgejo`, `github`, `gitlab`; did you mean `gitea`?",
        "settings:8:1: unknown key `poll_second`; did you mean `poll_seconds`?",
        "settings:9:22: ",
        "settings:10:2: unknown key `zebra`",
    ];
    for (got, want) in errors.iter().zip(wanted) {
        assert!(got.starts_with(want), "{got}\nwanted {want}\n{errors:#?}");
    }
    assert_eq!(errors.len(), wanted.len(), "{errors:#?}");
    let broken = complaints(named("settings").unwrap(), "listen = \nlog = \"info\ndata = 1\n");
    assert!(broken.len() >= 2, "{broken:#?}");
}
