//! Every `gitea/<name>.json` holds an event name and a body; `gitea/<name>.golden.json` holds what it means. `UPDATE_GOLDEN=1` rewrites the golden files: read the difference before committing it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::{EventKind, ForgeKind, Parsed};
use syndarix::forge::Forge;
use syndarix::forge::gitea::{GiteaConfig, GiteaForge, Timeouts};

fn forge() -> GiteaForge {
    GiteaForge::new(GiteaConfig {
        base_url: "https://git.example".to_owned(),
        token: SecretString::from("unused-token".to_owned()),
        timeouts: Timeouts::default(),
        kind: ForgeKind::Gitea,
    })
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

#[test]
fn deliveries_mean_what_their_golden_files_say() {
    let forge = forge();
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites golden files")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/gitea");
    let inputs: Vec<PathBuf> = json_files(&folder).into_iter().filter(|path| !path.to_string_lossy().ends_with(".golden.json")).collect();
    assert!(inputs.len() > 50, "only {} deliveries found", inputs.len());
    let mut wrong = Vec::new();
    for input in inputs {
        let given = read(&input);
        let meaning = match forge.parse(given["event"].as_str().unwrap(), given["body"].to_string().as_bytes()) {
            Ok(parsed) => serde_json::to_value(parsed).unwrap(),
            Err(sentence) => json!({"error": sentence}),
        };
        let golden = input.with_extension("golden.json");
        if update {
            std::fs::write(&golden, format!("{meaning:#}\n")).unwrap();
        } else if !golden.exists() || read(&golden) != meaning {
            wrong.push(format!("{}: {meaning:#}", input.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(wrong.is_empty(), "differ from their golden files:\n{}", wrong.join("\n"));
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

#[test]
fn captured_deliveries_of_real_servers_are_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/payloads");
    if !data.is_dir() {
        println!("skipped: no captured deliveries at ../shared/data/payloads");
        return;
    }
    let forge = forge();
    let mut events = 0;
    for folder in ["go-scm/gitea", "woodpecker/gitea", "woodpecker/forgejo"] {
        for path in json_files(&data.join(folder)) {
            let body = read(&path);
            if body.get("repository").is_none() {
                println!("not a delivery: {}", path.display());
                continue;
            }
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
    assert!(events > 50, "only {events} events read");
}
