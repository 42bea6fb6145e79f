//! Traces over OTLP: off unless asked for, whole for a story, and never in the way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use serde_json::{Value, json};
use syndarix::sandbox::Permission;

use crate::program::client;
use crate::world::{REPO, SECRET, Serving, World};

type Bodies = Arc<Mutex<Vec<Value>>>;

async fn collect(State(bodies): State<Bodies>, uri: Uri, headers: HeaderMap, body: String) -> &'static str {
    assert_eq!((uri.path(), headers["content-type"].to_str().unwrap()), ("/v1/traces", "application/json"));
    bodies.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    "{}"
}

/// Comments on a new issue, as a writer.
async fn say(world: &World, serving: &Serving, text: &str) {
    let ann = world.sandbox.ensure_user("ann-canary", false, false).unwrap();
    world.sandbox.set_permission(REPO, "ann-canary", Permission::Write).unwrap();
    world.sandbox.ensure_hook(Some(REPO), &format!("{}/hooks/home", serving.url), SECRET).unwrap();
    for (path, body) in
        [("/issues", json!({"title": "title-canary", "body": "body-canary"})), ("/issues/1/comments", json!({"body": text}))]
    {
        let request = client().post(format!("{}/api/v1/repos/{REPO}{path}", world.sandbox.url()));
        assert!(request.header("authorization", format!("token {ann}")).json(&body).send().await.unwrap().status().is_success());
    }
}

fn spans(bodies: &Bodies) -> Vec<Value> {
    let all = bodies.lock().unwrap();
    let of = |body: &Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    all.iter().flat_map(of).collect()
}

fn named<'a>(spans: &'a [Value], name: &str) -> Vec<&'a Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

fn ids<'a>(spans: &[&'a Value], key: &str) -> BTreeSet<&'a str> {
    spans.iter().map(|span| span[key].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spans_of_a_story_come_together_and_hold_no_texts() {
    let world = World::open().await;
    let bodies = Bodies::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(collect).with_state(bodies.clone());
    let _server = tokio::task::JoinSet::from_iter([async move { axum::serve(listener, routes).await.unwrap() }]);
    let serving = world.serve(&[("SYNDARIX_OTLP_ENDPOINT", &endpoint)]).await;
    say(&world, &serving, "/syndarix plan focus-canary").await;
    let wanted = ["delivery", "intake", "turn", "perform", "effect", "run", "model call", "look", "seal"];
    for _ in 0..300 {
        let all = spans(&bodies);
        if wanted.iter().all(|name| !named(&all, name).is_empty()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(serving.stop().await, Some(0));
    let all = spans(&bodies);
    for name in wanted {
        assert!(!named(&all, name).is_empty(), "no span `{name}`: {:?}", ids(&all.iter().collect::<Vec<_>>(), "name"));
    }

    // From the delivery to the story, and everything of the story in one trace.
    // What looking found did not arrive.
    let came = |span: &&Value| span["parentSpanId"] != "" && span["links"].as_array().is_some_and(|links| !links.is_empty());
    let plan = named(&all, "intake").into_iter().find(came).unwrap_or_else(|| panic!("{:#?}", named(&all, "intake")));
    let arrival = named(&all, "delivery").into_iter().find(|span| span["spanId"] == plan["parentSpanId"]).unwrap();
    assert_eq!(arrival["traceId"], plan["traceId"], "the reading stands under the arrival");
    let story = plan["links"][0]["traceId"].as_str().unwrap();
    for name in ["turn", "perform", "effect", "run", "model call"] {
        assert!(named(&all, name).iter().any(|span| span["traceId"] == story), "{name} is not in the story's trace");
    }
    for (part, above) in [("effect", "perform"), ("model call", "run")] {
        let parents = ids(&named(&all, above), "spanId");
        assert!(
            named(&all, part).iter().all(|span| parents.contains(span["parentSpanId"].as_str().unwrap())),
            "{part} stands under {above}"
        );
    }
    let failed = named(&all, "model call")[0];
    assert_eq!(failed["status"], json!({"code": 2, "message": "failed"}), "the script has no answer");
    let mut seen = BTreeSet::new();
    for span in &all {
        let hex =
            |key: &str, length: usize| span[key].as_str().is_some_and(|id| id.len() == length && id.chars().all(|c| c.is_ascii_hexdigit()));
        assert!(hex("traceId", 32) && hex("spanId", 16), "{span}");
        let nanos = |key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
        assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"));
        assert!(seen.insert(span["spanId"].as_str().unwrap()), "a span was told twice: {span}");
    }
    let text = format!("{:?}", bodies.lock().unwrap());
    for canary in ["canary", REPO, &world.token, "acme"] {
        assert!(!text.contains(canary), "{canary} stands in a span");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_nobody_up() {
    let world = World::open().await;
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    let serving = world.serve(&[("SYNDARIX_OTLP_ENDPOINT", &endpoint)]).await;
    say(&world, &serving, "/syndarix ping").await;
    let lost = |text: &str| text.lines().find_map(|line| line.strip_prefix("syndarix_spans_lost_total ")?.parse::<u64>().ok());
    let mut text = String::new();
    for _ in 0..150 {
        text = serving.page("/metrics").await.1;
        if text.contains("state=\"routed\"") && lost(&text) > Some(0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(text.contains("state=\"routed\"") && lost(&text) > Some(0), "{text}");
    assert_eq!(serving.stop().await, Some(0));
    assert!(world.log().contains("the collector of traces took no spans"));

    let off = world.serve(&[]).await;
    assert!(!off.page("/metrics").await.1.contains("spans_lost"), "off unless asked for");
    assert_eq!(off.stop().await, Some(0));
}
