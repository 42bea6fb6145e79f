//! Every `<name>.json` in `gitea/` and `forgejo/` holds an event name and a body; `<name>.golden.json` beside it holds what it means. `forgejo/` holds only what
//! differs there. `UPDATE_GOLDEN=1` rewrites the golden files: read the difference before committing it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::{EventKind, ForgeKind, Parsed};
use syndarix::forge::Forge;
use syndarix::forge::Timeouts;
use syndarix::forge::gitea::{GiteaConfig, GiteaForge};

/// The events of `docs/forges.md` by their precise names, with the actions that tell them apart; those without an action have an empty one.
const GITEA: &[(&str, &[&str])] = &[
    ("issues", &["opened", "edited", "closed", "reopened", "deleted"]),
    ("issue_assign", &["assigned", "unassigned"]),
    ("issue_label", &["label_updated", "label_cleared"]),
    ("issue_milestone", &["milestoned", "demilestoned"]),
    ("issue_comment", &["created", "edited", "deleted"]),
    ("pull_request_comment", &["created", "edited", "deleted"]),
    ("pull_request", &["opened", "edited", "closed", "reopened", "deleted"]),
    ("pull_request_sync", &["synchronized"]),
    ("pull_request_assign", &["assigned", "unassigned"]),
    ("pull_request_label", &["label_updated", "label_cleared"]),
    ("pull_request_milestone", &["milestoned", "demilestoned"]),
    ("pull_request_review_request", &["review_requested", "review_request_removed"]),
    ("pull_request_review_approved", &["reviewed"]),
    ("pull_request_review_rejected", &["reviewed"]),
    ("pull_request_review_comment", &["reviewed"]),
    ("push", &[""]),
    ("create", &[""]),
    ("delete", &[""]),
    ("status", &[""]),
    ("workflow_run", &["requested", "in_progress", "completed"]),
    ("workflow_job", &["queued", "waiting", "in_progress", "completed"]),
    ("repository", &["created", "deleted"]),
    ("release", &["published", "updated", "deleted"]),
    ("fork", &[""]),
    ("wiki", &["created", "edited", "deleted"]),
    ("package", &["created", "deleted"]),
    ("schedule", &["schedule"]),
    // Names of families, which stand for the precise name where that is missing.
    ("pull_request_approved", &["reviewed"]),
    ("pull_request_rejected", &["reviewed"]),
    ("pull_request_comment", &["reviewed"]),
    ("pull_request", &["review_requested"]),
    // Commit statuses of 1.23 come without a name.
    ("", &[""]),
];

/// What Forgejo sends in another form, or sends alone.
const FORGEJO: &[(&str, &[&str])] = &[
    ("create", &[""]),
    ("delete", &[""]),
    ("issue_label", &["label_updated"]),
    ("pull_request", &["opened"]),
    ("pull_request_sync", &["synchronized"]),
    ("pull_request_review_approved", &["reviewed"]),
    ("action_run_success", &["success"]),
    ("action_run_failure", &["failure"]),
    ("action_run_recover", &["recover"]),
];

fn forge(kind: ForgeKind) -> GiteaForge {
    GiteaForge::new(GiteaConfig {
        base_url: "https://git.example".to_owned(),
        token: SecretString::from("unused-token".to_owned()),
        timeouts: Timeouts::default(),
        kind,
    })
    .unwrap()
}

/// The deliveries of a folder: file, event and body.
fn inputs(folder: &str) -> Vec<(PathBuf, String, Value)> {
    let files = json_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(folder));
    let inputs = files.into_iter().filter(|path| !path.to_string_lossy().ends_with(".golden.json"));
    inputs
        .map(|path| {
            let mut given = read(&path);
            let event = given["event"].as_str().unwrap().to_owned();
            (path, event, given["body"].take())
        })
        .collect()
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

#[test]
fn deliveries_mean_what_their_golden_files_say() {
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites golden files")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    let mut wrong = Vec::new();
    for (folder, kind, least) in [("gitea", ForgeKind::Gitea, 100), ("forgejo", ForgeKind::Forgejo, 10)] {
        let forge = forge(kind);
        let inputs = inputs(folder);
        assert!(inputs.len() > least, "only {} deliveries found", inputs.len());
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
    }
    assert!(wrong.is_empty(), "differ from their golden files:\n{}", wrong.join("\n"));
}

#[test]
fn every_event_of_the_forges_has_its_pair() {
    for (folder, events) in [("gitea", GITEA), ("forgejo", FORGEJO)] {
        let inputs = inputs(folder);
        let known: BTreeSet<(&str, &str)> = inputs
            .iter()
            .filter(|(path, ..)| !path.file_name().unwrap().to_string_lossy().starts_with("error-"))
            .map(|(_, event, body)| (event.as_str(), body["action"].as_str().unwrap_or_default()))
            .collect();
        let missing: Vec<_> = events
            .iter()
            .flat_map(|(event, actions)| actions.iter().map(move |action| (*event, *action)))
            .filter(|pair| !known.contains(pair))
            .collect();
        assert!(missing.is_empty(), "{folder}: no golden pair for {missing:?}");
    }
}

#[test]
fn what_is_not_followed_says_why() {
    let forge = forge(ForgeKind::Gitea);
    for (path, event, body) in inputs("gitea").into_iter().chain(inputs("forgejo")) {
        if let Ok(Parsed::Ignored(reason)) = forge.parse(&event, body.to_string().as_bytes()) {
            assert!(reason.len() > 15 && reason.contains(' '), "{}: {reason}", path.display());
        }
    }
}

/// The event type that a captured body without headers came with.
fn event_of(body: &Value) -> &'static str {
    let action = body["action"].as_str().unwrap_or_default();
    let has = |key: &str| body.get(key).is_some_and(|value| !value.is_null());
    if has("release") {
        "release"
    } else if has("comment") {
        if body["issue"]["pull_request"].is_object() { "pull_request_comment" } else { "issue_comment" }
    } else if has("review") {
        match body["review"]["type"].as_str().unwrap_or_default() {
            "pull_request_review_approved" => "pull_request_review_approved",
            "pull_request_review_rejected" => "pull_request_review_rejected",
            _ => "pull_request_review_comment",
        }
    } else if has("pull_request") {
        match action {
            "synchronized" => "pull_request_sync",
            "assigned" | "unassigned" => "pull_request_assign",
            "label_updated" | "label_cleared" => "pull_request_label",
            "milestoned" | "demilestoned" => "pull_request_milestone",
            "review_requested" => "pull_request_review_request",
            _ => "pull_request",
        }
    } else if has("issue") {
        "issues"
    } else if has("pusher_type") {
        "delete"
    } else if has("ref_type") {
        "create"
    } else {
        "push"
    }
}

/// One of the captured files is an answer of the API, a pull request; it is read as the content of a delivery.
fn as_delivery(body: Value) -> Value {
    if body.get("repository").is_some() {
        return body;
    }
    assert!(body["base"]["repo"].is_object(), "neither a delivery nor a pull request: {body}");
    json!({"action": "opened", "repository": body["base"]["repo"], "sender": body["user"], "pull_request": body})
}

#[test]
fn captured_deliveries_of_real_servers_are_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/payloads");
    if !data.is_dir() {
        println!("skipped: no captured deliveries at ../shared/data/payloads");
        return;
    }
    let forge = forge(ForgeKind::Gitea);
    let (mut events, mut files) = (0, 0);
    for folder in ["go-scm/gitea", "woodpecker/gitea", "woodpecker/forgejo"] {
        for path in json_files(&data.join(folder)) {
            files += 1;
            let body = as_delivery(read(&path));
            let event = event_of(&body);
            let parsed =
                forge.parse(event, body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{} as {event}: {error}", path.display()));
            match parsed {
                Parsed::Ignored(reason) => {
                    let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
                    assert!(["release", "tag"].iter().any(|word| name.contains(word)), "{name} ignored: {reason}");
                }
                Parsed::Event(event) => {
                    events += 1;
                    assert!(event.repo.id > 0 && event.repo.path.contains('/'), "{}", path.display());
                    assert!(event.actor.is_some(), "{} has no actor", path.display());
                    if let EventKind::Pull { pull, .. } | EventKind::Review { pull, .. } = event.kind {
                        assert!(pull.head.sha.0.len() >= 40 && !pull.head.branch.is_empty(), "{}", path.display());
                    }
                }
            }
        }
    }
    println!("{files} captured deliveries read, {events} of them events");
    assert!(events > 50, "only {events} events read");
}
