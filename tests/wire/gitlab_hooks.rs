//! Every `<name>.json` in `gitlab/` holds an event name and a body; `<name>.golden.json` beside it holds what it means. `UPDATE_GOLDEN=1`
//! rewrites the golden files: read the difference before committing it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::{EventKind, PULL_OFFSET, Parsed};
use syndarix::forge::gitlab::{GitLabConfig, GitLabForge};
use syndarix::forge::{Forge, Timeouts};

/// What a body is about, with the actions that tell deliveries apart; those without an action have an empty one.
const EVENTS: &[(&str, &[&str])] = &[
    ("issue", &["open", "close", "reopen", "update"]),
    ("work_item", &["open"]),
    ("note", &["create", "update"]),
    ("merge_request", &["open", "close", "reopen", "update", "merge", "approval", "approved", "unapproval", "unapproved"]),
    ("push", &[""]),
    ("tag_push", &[""]),
    ("pipeline", &[""]),
    ("build", &[""]),
    ("emoji", &[""]),
    ("release", &["create"]),
];

fn forge() -> GitLabForge {
    let token = SecretString::from("unused-token".to_owned());
    GitLabForge::new(GitLabConfig { base_url: "https://gitlab.example".to_owned(), token, timeouts: Timeouts::default(), bearer: false })
        .unwrap()
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn inputs() -> Vec<(PathBuf, String, Value)> {
    let files = json_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/gitlab"));
    let given = files.into_iter().filter(|path| !path.to_string_lossy().ends_with(".golden.json"));
    given
        .map(|path| {
            let mut given = read(&path);
            let event = given["event"].as_str().unwrap().to_owned();
            (path, event, given["body"].take())
        })
        .collect()
}

#[test]
fn deliveries_mean_what_their_golden_files_say() {
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites golden files")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    let (forge, inputs, mut wrong) = (forge(), inputs(), Vec::new());
    assert!(inputs.len() > 35, "only {} deliveries found", inputs.len());
    for (input, event, body) in inputs {
        let meaning = match forge.parse(&event, body.to_string().as_bytes()) {
            Ok(parsed) => serde_json::to_value(parsed).unwrap(),
            Err(sentence) => json!({"error": sentence}),
        };
        let is_error = input.file_name().unwrap().to_string_lossy().starts_with("error-");
        assert_eq!(meaning.get("error").is_some(), is_error, "{}: {meaning:#}", input.display());
        let golden = input.with_extension("golden.json");
        if update {
            std::fs::write(&golden, format!("{meaning:#}\n")).unwrap();
        } else if !golden.exists() || read(&golden) != meaning {
            wrong.push(format!("{}: {meaning:#}", input.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(wrong.is_empty(), "differ from their golden files:\n{}", wrong.join("\n"));
}

#[test]
fn every_event_has_its_pair() {
    let inputs = inputs();
    let action = |body: &Value| {
        let of = |value: &Value| value["action"].as_str().map(str::to_owned);
        of(&body["object_attributes"]).or_else(|| of(body)).unwrap_or_default()
    };
    let known: BTreeSet<(String, String)> =
        inputs.iter().map(|(_, _, body)| (body["object_kind"].as_str().unwrap_or_default().to_owned(), action(body))).collect();
    let wanted = EVENTS.iter().flat_map(|(kind, actions)| actions.iter().map(|action| ((*kind).to_owned(), (*action).to_owned())));
    let missing: Vec<_> = wanted.filter(|pair| !known.contains(pair)).collect();
    assert!(missing.is_empty(), "no golden pair for {missing:?}");
}

#[test]
fn what_is_confidential_is_never_an_event() {
    let forge = forge();
    for (path, event, body) in inputs() {
        let Ok(parsed) = forge.parse(&event, body.to_string().as_bytes()) else { continue };
        let mut secret = body.clone();
        let hides = match secret["object_kind"].as_str() {
            Some("note") => "internal",
            Some("issue") => "confidential",
            _ => continue,
        };
        secret["object_attributes"][hides] = json!(true);
        let hidden = forge.parse(&event, secret.to_string().as_bytes()).unwrap();
        assert!(matches!(hidden, Parsed::Ignored(_)), "{}: {parsed:?} became {hidden:?}", path.display());
    }
}

#[test]
fn captured_deliveries_of_real_servers_are_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/payloads");
    if !data.is_dir() {
        println!("skipped: no captured deliveries at ../shared/data/payloads");
        return;
    }
    let forge = forge();
    let (mut events, mut files) = (0, 0);
    for folder in ["go-scm/gitlab", "woodpecker/gitlab"] {
        for path in json_files(&data.join(folder)) {
            files += 1;
            let body = std::fs::read(&path).unwrap();
            let parsed = forge.parse("", &body).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            match parsed {
                Parsed::Ignored(reason) => {
                    let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
                    let known = ["release", "tag", "updated", "withoutchanges", "unsupportedaction"];
                    assert!(known.iter().any(|word| name.contains(word)), "{name} ignored: {reason}");
                }
                Parsed::Event(event) => {
                    events += 1;
                    assert!(event.repo.id > 0 && event.repo.path.contains('/'), "{}", path.display());
                    if let EventKind::Pull { pull, .. } | EventKind::Review { pull, .. } = event.kind {
                        assert!(pull.number > PULL_OFFSET && pull.head.sha.0.len() >= 40, "{}", path.display());
                        assert!(!pull.head.branch.is_empty(), "{}", path.display());
                    }
                }
            }
        }
    }
    println!("{files} captured deliveries read, {events} of them events");
    assert!(events > 25, "only {events} events read");
}
