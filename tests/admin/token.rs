//! `syndarix token`, and what a token is good for where it is shown.

use crate::program::client;
use crate::world::{REPO, World};

/// What a token looks like; the same pattern is for scanners.
fn is_token(text: &str) -> bool {
    text.len() == 92 && text.strip_prefix("sdx_").is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_issued_listed_and_revoked() {
    let world = World::open().await;
    let early = world.run(&["token", "list"]).await;
    assert!(early.code == 2 && early.err.contains("there is no database"), "{early:#?}");
    let serving = world.serve(&[("SYNDARIX_METRICS_NEED_TOKEN", "true")]).await;
    let none = world.run(&["token", "list"]).await;
    assert!(none.code == 0 && none.out.contains("There is no token"), "{none:#?}");

    let issued = world.run(&["token", "issue", "--name", "grafana", "--scope", "metrics"]).await;
    let token = issued.out.trim().to_owned();
    assert!(issued.code == 0 && is_token(&token), "the token stands alone on standard output: {issued:#?}");
    assert!(issued.err.contains("shown this once") && !issued.err.contains(&token), "{}", issued.err);
    let again = world.run(&["token", "issue", "--name", "grafana", "--scope", "metrics"]).await;
    assert!(again.code == 2 && again.err.contains("there is a token `grafana` already"), "{again:#?}");
    let bound =
        world.run(&["token", "issue", "--name", "ci", "--scope", "jobs:read", "--project", REPO, "--expires", "12h", "--json"]).await;
    let row = bound.json();
    assert!(is_token(row["token"].as_str().unwrap()) && row["scopes"][0] == "jobs:read", "{row}");
    for (name, args, said) in [
        ("x", ["--scope", "metrics", "--project", REPO], "is for tokens of all projects"),
        ("x", ["--scope", "jobs:read", "--project", "acme/none"], "there is no project `acme/none`; there are: acme/shop"),
        ("x", ["--scope", "jobs:write", "--expires", "1d"], "is not one of: metrics, projects:read"),
        ("x", ["--scope", "jobs:read", "--expires", "soon"], "write it as 90d, 12h or never"),
        ("a b", ["--scope", "jobs:read", "--expires", "1d"], "a name has 1 to 64"),
    ] {
        let args: Vec<&str> = ["token", "issue", "--name", name].into_iter().chain(args).collect();
        let refused = world.run(&args).await;
        assert!(refused.code == 2 && refused.err.contains(said), "{said}: {refused:#?}");
    }

    let ask = async |token: Option<&str>| {
        let mut request = client().get(format!("{}/metrics", serving.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("bearer {token}"));
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = ask(None).await;
    assert!(status == 401 && text.contains("token-needed"), "{status} {text}");
    let (status, text) = ask(Some(&token)).await;
    assert!(status == 200 && text.contains("syndarix_build_info"), "{status} {text}");
    let (status, text) = ask(row["token"].as_str()).await;
    assert!(status == 403 && text.contains("--scope metrics"), "{status} {text}");

    let list = world.run(&["token", "list"]).await;
    assert!(
        list.out.contains("grafana  metrics  all projects  last used about ") && list.out.contains("ci  jobs:read  acme/shop  "),
        "{list:#?}"
    );
    let gone = world.run(&["token", "revoke", "grafana"]).await;
    assert!(gone.code == 0 && gone.out.contains("good for nothing any more"), "{gone:#?}");
    let (status, text) = ask(Some(&token)).await;
    assert!(status == 401 && text.contains("was revoked at"), "{status} {text}");
    let twice = world.run(&["token", "revoke", "grafana"]).await;
    assert!(twice.code == 0 && twice.out.contains("was revoked before, at "), "{twice:#?}");
    let unknown = world.run(&["token", "revoke", "nobody"]).await;
    assert!(unknown.code == 2 && unknown.err.contains("there is no token `nobody`"), "{unknown:#?}");
    assert!(!world.run(&["token", "list"]).await.out.contains("grafana"));
    let all = world.run(&["token", "list", "--all", "--json"]).await;
    assert!(all.json()["tokens"].as_array().unwrap().iter().any(|row| row["name"] == "grafana" && row["state"] == "revoked"), "{all:#?}");
    assert_eq!(serving.stop().await, Some(0));

    let secret = &token[36..84];
    assert!(!world.log().contains(secret) && !all.out.contains(secret), "the secret is shown once and nowhere else");
    let kept = std::fs::read(world.path("data/syndarix.db")).unwrap();
    assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "the secret stands in the database");
}
