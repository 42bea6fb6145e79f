//! Every `<name>.json` in `github/` holds an event name and a body; `<name>.golden.json` beside it holds what it means. `UPDATE_GOLDEN=1`
//! rewrites the golden files: read the difference before committing it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::{EventKind, Parsed};
use syndarix::forge::Forge;
use syndarix::forge::github::{GitHubConfig, GitHubForge, Login, Pace};

/// The events of `docs/forges.md` with the actions that tell them apart; those without an action have an empty one.
const EVENTS: &[(&str, &[&str])] = &[
    (
        "issues",
        &[
            "opened",
            "edited",
            "closed",
            "reopened",
            "deleted",
            "transferred",
            "assigned",
            "unassigned",
            "labeled",
            "unlabeled",
            "milestoned",
            "demilestoned",
            "locked",
            "unlocked",
            "pinned",
            "unpinned",
            "typed",
        ],
    ),
    ("issue_comment", &["created", "edited", "deleted"]),
    (
        "pull_request",
        &[
            "opened",
            "edited",
            "closed",
            "reopened",
            "synchronize",
            "labeled",
            "unlabeled",
            "assigned",
            "unassigned",
            "milestoned",
            "demilestoned",
            "ready_for_review",
            "converted_to_draft",
            "review_requested",
            "review_request_removed",
            "auto_merge_enabled",
            "auto_merge_disabled",
            "enqueued",
            "dequeued",
            "locked",
            "unlocked",
        ],
    ),
    ("pull_request_review", &["submitted", "edited", "dismissed"]),
    ("pull_request_review_comment", &["created", "edited", "deleted"]),
    ("pull_request_review_thread", &["resolved", "unresolved"]),
    ("push", &[""]),
    ("create", &[""]),
    ("delete", &[""]),
    ("status", &[""]),
    ("check_run", &["created", "completed", "rerequested", "requested_action"]),
    ("check_suite", &["completed", "requested", "rerequested"]),
    ("workflow_run", &["requested", "in_progress", "completed"]),
    ("repository", &["created", "deleted", "renamed", "transferred", "archived", "unarchived", "privatized", "publicized", "edited"]),
    ("release", &["published", "deleted"]),
    ("installation", &["created", "deleted", "suspend"]),
    ("installation_repositories", &["added", "removed"]),
    ("ping", &[""]),
];

fn forge() -> GitHubForge {
    let login = Login::Token(SecretString::from("unused-token".to_owned()));
    GitHubForge::new(GitHubConfig { base_url: "https://github.com".to_owned(), login, pace: Pace::default() }).unwrap()
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The deliveries: file, event and body.
fn inputs() -> Vec<(PathBuf, String, Value)> {
    let files = json_files(&root().join("tests/wire/github"));
    let inputs = files.into_iter().filter(|path| !path.to_string_lossy().ends_with(".golden.json"));
    inputs
        .map(|path| {
            let mut given = read(&path);
            let event = given["event"].as_str().unwrap().to_owned();
            (path, event, given["body"].take())
        })
        .collect()
}

fn is_error(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with("error-")
}

#[test]
fn deliveries_mean_what_their_golden_files_say() {
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites golden files")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    let (forge, inputs, mut wrong) = (forge(), inputs(), Vec::new());
    assert!(inputs.len() > 120, "only {} deliveries found", inputs.len());
    for (input, event, body) in inputs {
        let meaning = match forge.parse(&event, body.to_string().as_bytes()) {
            Ok(parsed) => serde_json::to_value(parsed).unwrap(),
            Err(sentence) => json!({"error": sentence}),
        };
        assert_eq!(meaning.get("error").is_some(), is_error(&input), "{}: {meaning:#}", input.display());
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
    let known: BTreeSet<(&str, &str)> = inputs
        .iter()
        .filter(|(path, ..)| !is_error(path))
        .map(|(_, event, body)| (event.as_str(), body["action"].as_str().unwrap_or_default()))
        .collect();
    let pairs = EVENTS.iter().flat_map(|(event, actions)| actions.iter().map(move |action| (*event, *action)));
    let missing: Vec<_> = pairs.filter(|pair| !known.contains(pair)).collect();
    assert!(missing.is_empty(), "no golden pair for {missing:?}");
}

#[test]
fn what_is_not_followed_says_why() {
    let forge = forge();
    for (path, event, body) in inputs() {
        if let Ok(Parsed::Ignored(reason)) = forge.parse(&event, body.to_string().as_bytes()) {
            assert!(reason.len() > 15 && reason.contains(' '), "{}: {reason}", path.display());
        }
    }
}

/// What a parsed delivery of somebody else has to hold.
fn sound(forge: &GitHubForge, event: &str, body: &Value, place: &str) -> bool {
    match forge.parse(event, body.to_string().as_bytes()) {
        Err(sentence) => panic!("{place} as {event}: {sentence}"),
        Ok(Parsed::Ignored(_)) => false,
        Ok(Parsed::Event(read)) => {
            assert!(read.repo.id > 0 && read.repo.path.contains('/'), "{place}");
            match read.kind {
                EventKind::Pull { pull, .. } | EventKind::Review { pull, .. } => {
                    assert!(pull.head.sha.0.len() >= 40 && !pull.head.branch.is_empty() && pull.number > 0, "{place}");
                }
                EventKind::Issue { issue, .. } => assert!(issue.number > 0 && !issue.title.is_empty(), "{place}"),
                EventKind::Ci { sha, .. } => assert!(sha.0.len() >= 40, "{place}"),
                EventKind::Push { after, branch, .. } => assert!(after.0.len() >= 40 && !branch.is_empty(), "{place}"),
                _ => {}
            }
            true
        }
    }
}

#[test]
fn the_published_examples_are_read() {
    let file = root().join("target/npm/node_modules/@octokit/webhooks-examples/api.github.com/index.json");
    if !file.is_file() {
        println!("skipped: the published examples of deliveries are not here; scripts/fetch-github installs them below target/npm");
        return;
    }
    let (forge, all) = (forge(), read(&file));
    let mut read: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for entry in all.as_array().unwrap() {
        let event = entry["name"].as_str().unwrap();
        for (at, example) in entry["examples"].as_array().unwrap().iter().enumerate() {
            let counts = read.entry(event).or_default();
            counts.0 += 1;
            counts.1 += usize::from(sound(&forge, event, example, &format!("example {at} of {event}")));
        }
    }
    let (examples, events) = read.values().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    println!("{examples} published examples of {} events read, {events} of them followed", read.len());
    assert!(examples > 300 && events > 60, "{read:?}");
    for event in ["issues", "issue_comment", "pull_request", "pull_request_review", "push", "status", "check_run", "workflow_run"] {
        assert!(read.get(event).is_some_and(|(_, events)| *events > 0), "none of {event} is followed: {read:?}");
    }
}

/// The event that a captured body without headers came with.
fn event_of(name: &str, body: &Value) -> &'static str {
    let has = |key: &str| body.get(key).is_some_and(|value| !value.is_null());
    match () {
        () if has("zen") => "ping",
        () if has("check_run") => "check_run",
        () if has("check_suite") => "check_suite",
        () if has("deployment_status") => "deployment_status",
        () if has("deployment") => "deployment",
        () if has("review") => "pull_request_review",
        () if has("pull_request") && has("comment") => "pull_request_review_comment",
        () if has("comment") => "issue_comment",
        () if has("pull_request") => "pull_request",
        () if has("issue") => "issues",
        () if has("release") => "release",
        () if has("forkee") => "fork",
        () if has("repositories_added") || has("repositories_removed") => "installation_repositories",
        () if has("installation") && !has("repository") => "installation",
        () if has("label") => "label",
        () if has("context") && has("sha") => "status",
        () if has("ref_type") => {
            if name.contains("delete") {
                "delete"
            } else {
                "create"
            }
        }
        () if has("after") => "push",
        () if has("action") => "repository",
        () => "unknown",
    }
}

#[test]
fn captured_deliveries_are_read() {
    let data = root().join("../shared/data/payloads");
    if !data.is_dir() {
        println!("skipped: no captured deliveries at ../shared/data/payloads");
        return;
    }
    let (forge, mut files, mut events) = (forge(), 0, 0);
    for folder in ["go-scm/github", "woodpecker/github"].map(|folder| data.join(folder)) {
        if !folder.is_dir() {
            continue;
        }
        for path in json_files(&folder) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let body = read(&path);
            let event = event_of(&name, &body);
            // Answers of the interface lie among the deliveries.
            if event == "unknown" {
                continue;
            }
            files += 1;
            events += usize::from(sound(&forge, event, &body, &path.display().to_string()));
        }
    }
    println!("{files} captured deliveries read, {events} of them followed");
    assert!(events > 15, "only {events} of {files} followed");
}
