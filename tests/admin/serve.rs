//! A serving process, watched from outside.

use std::time::Duration;

use syndarix::base::{Clock, Time};
use syndarix::sandbox::{Permission, Skin};

use crate::program::client;
use crate::world::{REPO, SECRET, World};

#[tokio::test(flavor = "multi_thread")]
async fn numbers_health_and_log_of_a_serving_process() {
    let world = World::open().await;
    let ann = world.sandbox.ensure_user("ann", false, false).unwrap();
    world.sandbox.set_permission(REPO, "ann", Permission::Write).unwrap();
    let serving =
        world.serve(&[("SYNDARIX_LOG_FORMAT", "json"), ("SYNDARIX_LOG", "trace"), ("SYNDARIX_OPENAI_API_KEY", "model-key-canary")]).await;
    world.sandbox.ensure_hook(Some(REPO), &format!("{}/hooks/home", serving.url), SECRET).unwrap();
    let http = client();
    let api = format!("{}/api/v1/repos/{REPO}", world.sandbox.url());
    let post = |path: String, body: serde_json::Value| {
        http.post(format!("{api}{path}")).header("authorization", format!("token {ann}")).json(&body).send()
    };
    assert!(post("/issues".into(), serde_json::json!({"title": "one", "body": ""})).await.unwrap().status().is_success());
    assert!(post("/issues/1/comments".into(), serde_json::json!({"body": "/syndarix ping"})).await.unwrap().status().is_success());
    let forged = http.post(format!("{}/hooks/home", serving.url)).header("x-gitea-signature", "00").body("{}").send().await.unwrap();
    assert_eq!(forged.status().as_u16(), 401);

    assert_eq!(serving.page("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(serving.page("/readyz").await, (200, "ready\n".to_owned()));
    let wanted = [
        "syndarix_deliveries{hook=\"home\",state=\"routed\"}",
        "syndarix_deliveries_refused_total{hook=\"home\"} 1",
        "syndarix_forge_calls_total{forge=\"home\",outcome=\"ok\"}",
        "syndarix_record_lines_total{forge=\"home\",project=\"acme/shop\"}",
        "syndarix_model_cost_usd_total{forge=\"home\",project=\"acme/shop\"} 0.000000000",
        "syndarix_work_oldest_seconds{kind=\"look\"}",
        "syndarix_projects 1",
    ];
    let mut text = String::new();
    for _ in 0..60 {
        text = serving.page("/metrics").await.1;
        if wanted.iter().all(|want| text.contains(want)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for want in wanted {
        assert!(text.contains(want), "{want}\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }

    assert_eq!(serving.stop().await, Some(0));
    let log = world.log();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(
        lines.iter().any(|line| line["level"] == "WARN" && line["message"].as_str().is_some_and(|text| text.contains("signature"))),
        "{log}"
    );
    for secret in [SECRET, world.token.as_str(), "model-key-canary"] {
        assert!(!log.contains(secret), "a secret stands in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ready_is_said_in_words() {
    let world = World::open().await;
    let serving = world.serve(&[]).await;
    // The file goes, as on a disk that was taken away: the directory is asked by its path.
    std::fs::rename(world.path("data"), world.path("elsewhere")).unwrap();
    let (status, text) = serving.page("/readyz").await;
    std::fs::rename(world.path("elsewhere"), world.path("data")).unwrap();
    assert!(status == 503 && text.starts_with("not ready: ") && text.contains("the data directory cannot be reached"), "{text}");
    assert_eq!(serving.page("/readyz").await.0, 200);
    assert_eq!(serving.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_soon_is_told_by_the_serving_process() {
    let world = World::open_as(Skin::GitLab).await;
    let day = Clock::System.now().plus_millis(5 * 86_400_000).rfc3339()[..10].to_owned();
    world.sandbox.end_token("syndarix-bot", &day).unwrap();
    let serving = world.serve(&[]).await;
    let warning = format!("the token for the forge `home` ends on {day}, in 4 days; make a new token");
    let mut page = (0, String::new());
    for _ in 0..60 {
        page = serving.page("/readyz").await;
        if page.1.contains(&warning) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(page.0 == 200 && page.1.starts_with("ready\nnote: ") && page.1.contains(&warning), "{page:?}");
    let end = Time::parse(&format!("{day}T00:00:00Z")).unwrap().seconds();
    let numbers = serving.page("/metrics").await.1;
    assert!(numbers.contains(&format!("syndarix_forge_token_end_seconds{{forge=\"home\"}} {end}\n")), "{numbers}");
    assert!(world.log().contains(&warning), "{}", world.log());
    assert_eq!(serving.stop().await, Some(0));
}
