//! Protecting a branch of GitLab that is protected already: in place where the edition can, and never without a rule.

use std::time::Duration;

use serde_json::{Value, json};
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::RepoRef;
use syndarix::forge::gitlab::{GitLabConfig, GitLabForge};
use syndarix::forge::{Forge, Timeouts};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const RULES: &str = "/api/v4/projects/42/protected_branches";

fn rule(push: i64) -> Value {
    let level = |id: i64, level: i64| json!([{"id": id, "access_level": level, "user_id": null, "group_id": null}]);
    json!({"id": 7, "name": "main", "push_access_levels": level(70, push), "merge_access_levels": level(71, 30), "allow_force_push": false})
}

/// What a server with a rule for `main` is asked in all, when it answers PATCH so.
async fn asked(before: i64, patch: ResponseTemplate) -> Vec<String> {
    let server = MockServer::start().await;
    let on = |verb: &str, at: &str, answer: ResponseTemplate| Mock::given(method(verb)).and(path(at)).respond_with(answer);
    let taken = ResponseTemplate::new(409).set_body_json(json!({"message": "Protected branch 'main' already exists"}));
    on("POST", RULES, taken).up_to_n_times(1).mount(&server).await;
    on("POST", RULES, ResponseTemplate::new(201).set_body_json(rule(0))).mount(&server).await;
    on("GET", RULES, ResponseTemplate::new(200).set_body_json(json!([rule(before)]))).mount(&server).await;
    on("PATCH", &format!("{RULES}/main"), patch).mount(&server).await;
    Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(3), backoff: Duration::from_millis(1) };
    let token = SecretString::from("glpat-canary".to_owned());
    let forge = GitLabForge::new(GitLabConfig { base_url: server.uri(), token, timeouts, bearer: false }).unwrap();
    forge.protect_branch(&RepoRef { id: 42, path: "acme/shop".to_owned() }, "main", 0).await.unwrap();
    let line = |request: &wiremock::Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let tail = request.url.path().trim_start_matches(RULES).to_owned();
        match body.get("allowed_to_push").or(body.get("name")) {
            Some(what) => format!("{}{tail} {what}", request.method),
            None => format!("{}{tail}", request.method),
        }
    };
    server.received_requests().await.unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn the_paid_editions_change_the_rule_in_place() {
    let got = asked(40, ResponseTemplate::new(200).set_body_json(rule(0))).await;
    let patch = r#"PATCH/main [{"_destroy":true,"id":70},{"access_level":0}]"#;
    assert_eq!(got, ["POST \"main\"", "GET", patch]);
}

#[tokio::test]
async fn a_rule_that_is_strict_already_is_left_alone() {
    assert_eq!(asked(0, ResponseTemplate::new(500)).await, ["POST \"main\"", "GET"]);
}

#[tokio::test]
async fn elsewhere_a_pattern_stands_in_while_the_rule_is_made_anew() {
    let steps = ["POST \"mai*n\"", "DELETE/main", "POST \"main\"", "DELETE/mai*n"];
    // The free edition leaves who may push; servers before 15.6 know no PATCH.
    for patch in [ResponseTemplate::new(200).set_body_json(rule(40)), ResponseTemplate::new(404), ResponseTemplate::new(405)] {
        let got = asked(40, patch).await;
        assert_eq!(got[3..], steps, "{got:?}");
    }
}
