//! Every request that the GitHub driver makes, judged by GitHub's published description of its interface: the path, the parameters and the
//! body. The answers are made up here.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use syndarix::base::Time;
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::*;
use syndarix::forge::github::{App, GitHubConfig, GitHubForge, Login, Pace};
use syndarix::forge::{Forge, NewFile, NewHook, NewPull, PullPatch, ReactionTarget, Window};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// One object that is everything at once, so that every answer can be read.
fn everything() -> Value {
    let user = json!({"id": 7, "login": "alice"});
    let side = json!({"ref": "syndarix/1-page", "sha": "c2c2", "repo": {"id": 42, "full_name": "acme/shop"}});
    json!({
        "id": 42, "full_name": "acme/shop", "default_branch": "main", "size": 0, "number": 1, "title": "T", "state": "open", "draft": true,
        "node_id": "PR_1", "user": user, "login": "alice", "slug": "syndarix", "permission": "write", "head": side, "base": side, "protected": true,
        "object": {"sha": "b1b1"}, "token": "ghs_made_up_token_1234", "expires_at": "2099-01-01T00:00:00Z", "repositories": [],
        "config": {"url": "https://bot.example", "content_type": "json"}, "restrictions": {"users": [user]},
        "required_pull_request_reviews": {"required_approving_review_count": 1}, "data": {}, "mergeable": true,
    })
}

async fn every_call(forge: &GitHubForge) {
    let repo = RepoRef { id: 42, path: "acme/shop".to_owned() };
    let alice = forge.whoami().await.unwrap();
    forge.version().await.unwrap();
    forge.facts().await.unwrap();
    forge.repo(&repo).await.unwrap();
    forge.role(&repo, &User { id: 7, login: "alice".to_owned() }).await.unwrap();
    forge.issue(&repo, 1).await.unwrap();
    forge.comments(&repo, 1).await.unwrap();
    forge.comment(&repo, 1, 42).await.unwrap();
    forge.label_changes(&repo, 1).await.unwrap();
    let label = LabelSpec { name: "story/design".into(), color: "#00AABB".into(), description: "D".into(), exclusive: true };
    forge.labels(&repo).await.unwrap();
    forge.ensure_labels(&repo, &[label]).await.unwrap();
    let _ = forge.change_labels(&repo, 1, &["story/design".into()], &[]).await;
    forge.change_labels(&repo, 1, &[], &["story/design".into()]).await.unwrap();
    forge.create_comment(&repo, 1, "Hello").await.unwrap();
    forge.edit_comment(&repo, 1, 42, "Hello again").await.unwrap();
    forge.delete_comment(&repo, 1, 42).await.unwrap();
    forge.react(&repo, ReactionTarget::Comment { number: 1, id: 42 }, "eyes").await.unwrap();
    forge.react(&repo, ReactionTarget::Issue(1), "+1").await.unwrap();
    forge.set_issue_state(&repo, 1, State::Closed).await.unwrap();
    let since = Time(1_000_000_000_000_000);
    for until in [None, Some(Time(2_000_000_000_000_000))] {
        forge.issues_touched(&repo, &Window { since, until, at_most: 100 }).await.unwrap();
        forge.comments_touched(&repo, &Window { since, until, at_most: 100 }).await.unwrap();
    }
    forge.branch_head(&repo, "syndarix/1-page").await.unwrap();
    forge.repos(None).await.unwrap();
    forge.repos(Some("acme")).await.unwrap();
    let new = NewPull { title: "T".into(), body: "B".into(), head: "syndarix/1-page".into(), base: "main".into(), draft: true };
    forge.create_pull(&repo, &new).await.unwrap();
    let patch = PullPatch { title: Some("T2".into()), body: Some("B".into()), state: Some(State::Closed), draft: Some(false) };
    forge.edit_pull(&repo, 1, &patch).await.unwrap();
    forge.pull(&repo, 1).await.unwrap();
    forge.pulls_of_branch(&repo, "syndarix/1-page").await.unwrap();
    forge.pull_commits(&repo, 1).await.unwrap();
    forge.reviews(&repo, 1).await.unwrap();
    forge.review_comments(&repo, 1, 42).await.unwrap();
    let sha = Sha("c2c2".into());
    let line = NewReviewComment { path: "new.md".into(), line: 1, body: "Say more.".into() };
    forge.post_review(&repo, 1, &sha, "A remark", &[line]).await.unwrap();
    forge.ci(&repo, &sha).await.unwrap();
    let status = CiStatus { context: "syndarix/gate".into(), state: CiState::Skipped, description: "ok".into(), url: String::new() };
    forge.post_status(&repo, &sha, &status).await.unwrap();
    forge.delete_branch(&repo, "syndarix/2-spare").await.unwrap();
    forge.hooks(&repo).await.unwrap();
    let hook = NewHook { url: "https://bot.example/hooks/gh".into(), secret: SecretString::from("s3cret".to_owned()) };
    forge.create_hook(&repo, &hook).await.unwrap();
    forge.test_hook(&repo, 42).await.unwrap();
    forge.delete_hook(&repo, 42).await.unwrap();
    let _ = forge.redeliver_failed(&repo, 42, since).await;
    forge.branch_rules(&repo, "release/1").await.unwrap();
    forge.rule_for_name(&repo, "syndarix/1-any").await.unwrap();
    forge.protect_branch(&repo, "main", 1).await.unwrap();
    forge.create_repo(&alice.login, "audit").await.unwrap();
    forge.create_repo("acme", "audit").await.unwrap();
    forge.has_file(&repo, "main", ".syndarix.toml").await.unwrap();
    let (content, message) = ("x".to_owned(), "m".to_owned());
    let file = NewFile { path: "docs/a.md".into(), content, message, base: "main".into(), branch: "syndarix/x".into() };
    forge.commit_file(&repo, &file).await.unwrap();
}

struct Description(Value);

impl Description {
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|reference| self.0.pointer(reference.trim_start_matches('#'))) {
            Some(found) => found,
            None => value,
        }
    }

    /// A schema as JSON Schema: references filled in, `nullable` said as a type, objects closed.
    fn plain(&self, schema: &Value, depth: usize) -> Value {
        let Value::Object(fields) = self.resolved(schema) else { return schema.clone() };
        assert!(depth < 20, "a schema without end");
        let mut plain = Map::new();
        for (key, value) in fields.iter().filter(|(key, _)| !["example", "examples", "nullable", "description"].contains(&key.as_str())) {
            let value = match value {
                Value::Object(named) if key == "properties" => {
                    Value::Object(named.iter().map(|(name, schema)| (name.clone(), self.plain(schema, depth + 1))).collect())
                }
                Value::Object(_) => self.plain(value, depth + 1),
                Value::Array(all) => {
                    Value::Array(all.iter().map(|one| if one.is_object() { self.plain(one, depth + 1) } else { one.clone() }).collect())
                }
                other => other.clone(),
            };
            plain.insert(key.clone(), value);
        }
        if plain.contains_key("properties") {
            plain.entry("additionalProperties").or_insert(Value::Bool(false));
        }
        let plain = Value::Object(plain);
        if fields.get("nullable") == Some(&Value::Bool(true)) { json!({"anyOf": [{"type": "null"}, plain]}) } else { plain }
    }

    /// The operation whose path fits with the most literal parts. Names of branches and paths of files may hold slashes.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let given: Vec<&str> = path.split('/').collect();
        let fits = self.0["paths"].as_object()?.iter().filter_map(|(template, item)| {
            let wanted: Vec<&str> = template.split('/').collect();
            let open = wanted.iter().position(|part| ["{ref}", "{branch}", "{path}", "{basehead}"].contains(part));
            let longer = given.len().checked_sub(wanted.len()).filter(|more| *more == 0 || open.is_some())?;
            let mut literal = 0;
            for (at, part) in wanted.iter().enumerate() {
                let place = if open.is_some_and(|open| at > open) { at + longer } else { at };
                match part.starts_with('{') {
                    true => {}
                    false if *part == given[place] => literal += 1,
                    false => return None,
                }
            }
            Some((literal, template.as_str(), item.get(method.to_lowercase())?))
        });
        fits.max_by_key(|(literal, ..)| *literal).map(|(_, template, operation)| (template, operation))
    }

    fn complaints(&self, request: &Request) -> Vec<String> {
        let path = request.url.path().strip_prefix("/api/v3").unwrap();
        let Some((template, operation)) = self.operation(request.method.as_str(), path) else {
            return vec![format!("{} {path}: not described", request.method)];
        };
        let name = format!("{} {template}", request.method);
        let mut found = Vec::new();
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().map(|one| self.resolved(one)).collect();
        for (key, value) in request.url.query_pairs() {
            match parameters.iter().find(|parameter| parameter["in"] == "query" && parameter["name"] == *key) {
                None => found.push(format!("{name}: no query parameter `{key}`")),
                Some(parameter) => {
                    let words = parameter["schema"]["enum"].as_array();
                    if words.is_some_and(|words| !words.iter().any(|word| *word == *value)) {
                        found.push(format!("{name}: `{key}` cannot be `{value}`"));
                    }
                }
            }
        }
        let described = &operation["requestBody"]["content"]["application/json"]["schema"];
        match (described, serde_json::from_slice::<Value>(&request.body).ok()) {
            (Value::Null, None) => {}
            (Value::Null, Some(_)) => found.push(format!("{name}: takes no body")),
            (_, None) if operation["requestBody"]["required"] == true => found.push(format!("{name}: needs a body")),
            (_, None) => {}
            (schema, Some(body)) => {
                let plain = self.plain(schema, 0);
                let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&plain).unwrap();
                found.extend(validator.iter_errors(&body).map(|error| format!("{name}: {}: {error}", error.instance_path())));
            }
        }
        found
    }
}

#[tokio::test]
async fn requests_are_as_published() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/npm/openapi/api.github.com.json");
    let Ok(text) = std::fs::read(&file) else {
        println!("skipped: the published description of GitHub's interface is not here; scripts/fetch-github fetches it to target/npm");
        return;
    };
    let description = Description(serde_json::from_slice(&text).unwrap());
    let server = MockServer::start().await;
    let rest = |request: &Request| match request.url.path() {
        path if path.ends_with("/installations") => {
            ResponseTemplate::new(200).set_body_json(json!([{"id": 77, "account": {"login": "acme"}}]))
        }
        path if path.contains("/rules/branches/") => ResponseTemplate::new(200).set_body_json(json!([{"type": "update", "ruleset_id": 3}])),
        path if path.ends_with("/deliveries") => {
            let failed = json!([{"id": 8, "guid": "g", "status_code": 502, "delivered_at": "2099-01-01T00:00:00Z"}]);
            ResponseTemplate::new(200).set_body_json(failed)
        }
        path if path.ends_with("/issues/1/labels") && request.method.as_str() == "GET" => {
            ResponseTemplate::new(200).set_body_json(json!([{"name": "story/design"}]))
        }
        _ => ResponseTemplate::new(200).set_body_json(everything()),
    };
    Mock::given(any()).respond_with(rest).mount(&server).await;
    let pace = Pace { writes_apart: Duration::ZERO, ..Pace::default() };
    let key = SecretString::from(include_str!("app-key.pem").to_owned());
    for login in [Login::Token(SecretString::from("made-up-token".to_owned())), Login::App(App { id: 1, private_key: key })] {
        every_call(&GitHubForge::new(GitHubConfig { base_url: server.uri(), login, pace }).unwrap()).await;
    }
    let requests = server.received_requests().await.unwrap();
    let rest: Vec<&Request> = requests.iter().filter(|request| request.url.path() != "/api/graphql").collect();
    let mut complaints: Vec<String> = rest.iter().flat_map(|request| description.complaints(request)).collect();
    complaints.sort();
    complaints.dedup();
    assert!(complaints.is_empty(), "{} requests, not as published:\n{complaints:#?}", rest.len());
    println!("{} requests are as published; {} more went to GraphQL", rest.len(), requests.len() - rest.len());
    assert!(rest.len() > 120);
}
