//! `/api/v1`, route by route: who is let in, what is seen, and that the description says what is answered.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use syndarix::domain::access::token::Scope;
use syndarix::sandbox::Permission;
use syndarix::web::api::{Method, ROUTES, Route, document};

use crate::program::client;
use crate::world::{REPO, SECRET, Serving, World};

const OTHER: &str = "rival/vault";

/// Two projects with a story each, served.
struct Stage {
    world: World,
    serving: Serving,
    own: Ids,
    foreign: Ids,
}

/// What belongs to one project.
#[derive(Debug)]
struct Ids {
    project: String,
    delivery: String,
    job: String,
}

struct Answer {
    status: u16,
    kind: String,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Stage {
    async fn open() -> Stage {
        let world = World::open().await;
        world.change("projects = [\"acme/shop\"]", "projects = [\"acme/shop\", \"rival/vault\"]");
        world.sandbox.ensure_user("rival", false, false).unwrap();
        world.sandbox.ensure_repo("rival", "vault", None, None).await.unwrap();
        world.sandbox.set_permission(OTHER, "syndarix-bot", Permission::Admin).unwrap();
        let ann = world.sandbox.ensure_user("ann", false, false).unwrap();
        let serving = world.serve(&[("SYNDARIX_LOG", "trace"), ("SYNDARIX_TIMINGS_POLL_QUICK_SECONDS", "600")]).await;
        for repo in [REPO, OTHER] {
            world.sandbox.set_permission(repo, "ann", Permission::Write).unwrap();
            world.sandbox.ensure_hook(Some(repo), &format!("{}/hooks/home", serving.url), SECRET).unwrap();
            for (path, body) in
                [("/issues", json!({"title": "one", "body": ""})), ("/issues/1/comments", json!({"body": "/syndarix plan"}))]
            {
                let request = client().post(format!("{}/api/v1/repos/{repo}{path}", world.sandbox.url()));
                let made = request.header("authorization", format!("token {ann}")).json(&body).send().await.unwrap();
                assert!(made.status().is_success());
            }
        }
        let none = || Ids { project: String::new(), delivery: String::new(), job: String::new() };
        let mut stage = Stage { world, serving, own: none(), foreign: none() };
        let all = stage.token("setup", &[], &[]).await;
        (stage.own, stage.foreign) = (stage.ids(&all, REPO).await, stage.ids(&all, OTHER).await);
        stage
    }

    /// Issues a token; no scopes: every one that fits.
    async fn token(&self, name: &str, scopes: &[Scope], projects: &[&str]) -> String {
        let fits = |scope: &Scope| projects.is_empty() || scope.fits_projects();
        let all: Vec<Scope> = Scope::ALL.iter().map(|(scope, ..)| *scope).filter(fits).collect();
        let scopes = if scopes.is_empty() { &all } else { scopes };
        let mut args = vec!["token", "issue", "--json", "--name", name];
        scopes.iter().for_each(|scope| args.extend(["--scope", scope.word()]));
        projects.iter().for_each(|path| args.extend(["--project", path]));
        let issued = self.world.run(&args).await;
        assert_eq!(issued.code, 0, "{issued:#?}");
        issued.json()["token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: Method, path: &str, token: Option<&str>) -> Answer {
        let url = format!("{}{path}", self.serving.url);
        let mut request = match method {
            Method::Get => client().get(url),
            Method::Post => client().post(url),
        };
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let kind = headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        Answer { status, kind, headers, text: answer.text().await.unwrap() }
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::Get, path, Some(token)).await
    }

    /// Waits until the project has everything that is asked for.
    async fn ids(&self, token: &str, path: &str) -> Ids {
        for _ in 0..300 {
            let first = |answer: &Value, fits: &dyn Fn(&Value) -> bool| {
                answer["data"].as_array().unwrap().iter().find(|one| fits(one)).map(|one| one["id"].as_str().unwrap().to_owned())
            };
            let projects = self.get("/api/v1/projects", token).await.json();
            let project = first(&projects, &|one| one["path"] == path && one["stories"].as_i64() >= Some(1));
            let deliveries = self.get("/api/v1/deliveries?state=done", token).await.json();
            let delivery = first(&deliveries, &|one| one["project"] == path);
            let jobs = self.get("/api/v1/jobs?kind=look", token).await.json();
            let job = first(&jobs, &|one| one["project"] == path && one["under_way"] == false);
            if let (Some(project), Some(delivery), Some(job)) = (project, delivery, job) {
                return Ids { project, delivery, job };
            }
            // Asking is bounded for each token.
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        panic!("{path} was not taken up: {}", self.world.log());
    }
}

/// The address of a route for something of this project. A route that is not named here has not been thought about.
fn address(route: &Route, ids: &Ids) -> String {
    let id = match route.path {
        "/api/v1/projects" | "/api/v1/jobs" | "/api/v1/deliveries" | "/api/v1/audit/state" => "",
        "/api/v1/projects/{id}/stories" => &ids.project,
        "/api/v1/jobs/{id}/retry" => &ids.job,
        "/api/v1/deliveries/{id}" | "/api/v1/deliveries/{id}/replay" => &ids.delivery,
        other => panic!("say here what {other} shows of a project"),
    };
    route.path.replace("{id}", id)
}

/// Ids of things that never were.
fn nothing() -> Ids {
    Ids {
        project: "prj_00000000000040008000000000000001".into(),
        delivery: "del_00000000000040008000000000000001".into(),
        job: "00000000-0000-4000-8000-000000000001".into(),
    }
}

/// The description's schema of an answer.
fn schema(document: &Value, route: &Route, status: u16) -> jsonschema::Validator {
    let method = if route.method == Method::Get { "get" } else { "post" };
    let answer = &document["paths"][route.path][method]["responses"][status.to_string()];
    let (_, content) =
        answer["content"].as_object().unwrap_or_else(|| panic!("{} {status} is not described", route.path)).iter().next().unwrap();
    let mut schema = content["schema"].clone();
    schema["components"] = document["components"].clone();
    jsonschema::validator_for(&schema).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_its_scope_keeps_to_projects_and_answers_as_described() {
    let stage = Stage::open().await;
    let bound = stage.token("bound", &[], &[REPO]).await;
    let document = stage.ask(Method::Get, "/api/v1/openapi.json", None).await.json();
    assert_eq!(document, syndarix::web::api::document(), "what is served is the table's own");
    for (number, route) in ROUTES.iter().enumerate() {
        let (own, path) = (address(route, &stage.own), route.path);
        let open = stage.ask(route.method, &own, None).await;
        assert_eq!((open.status, open.kind.as_str()), (401, "application/problem+json"), "{path}");
        assert!(open.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{path}");

        let others: Vec<Scope> = Scope::ALL.iter().map(|(scope, ..)| *scope).filter(|scope| *scope != route.scope).collect();
        let poor = stage.token(&format!("poor-{number}"), &others, &[]).await;
        let refused = stage.ask(route.method, &own, Some(&poor)).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.text);
        assert_eq!(refused.json()["scope"], route.scope.word());
        assert!(refused.text.contains(&format!("--scope {}", route.scope)), "{}", refused.text);
        assert!(schema(&document, route, 403).is_valid(&refused.json()), "{}", refused.text);

        let answer = stage.ask(route.method, &own, Some(&bound)).await;
        assert_eq!(answer.status, route.status, "{path}: {}", answer.text);
        let faults: Vec<String> =
            schema(&document, route, route.status).iter_errors(&answer.json()).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{path}: {faults:#?}\n{}", answer.text);
        for theirs in [OTHER, &stage.foreign.project, &stage.foreign.delivery, &stage.foreign.job] {
            assert!(!answer.text.contains(theirs), "{path} shows {theirs}: {}", answer.text);
        }
        if route.list && !path.contains("{id}") {
            assert!(answer.text.contains(REPO), "{path} shows what is one's own: {}", answer.text);
        }

        if path.contains("{id}") {
            let foreign = stage.ask(route.method, &address(route, &stage.foreign), Some(&bound)).await;
            let none = stage.ask(route.method, &address(route, &nothing()), Some(&bound)).await;
            assert_eq!((foreign.status, &foreign.text), (404, &none.text), "{path}: what is foreign and what is not there look the same");
            assert!(schema(&document, route, 404).is_valid(&foreign.json()), "{}", foreign.text);
            let odd = stage.ask(route.method, &route.path.replace("{id}", "..%2f'%22"), Some(&bound)).await;
            assert_eq!(odd.status, 404, "{path}");
        }
        if route.params.iter().any(|param| param.name == "project") {
            let foreign = stage.ask(route.method, &format!("{own}?project={}", stage.foreign.project), Some(&bound)).await;
            let none = stage.ask(route.method, &format!("{own}?project={}", nothing().project), Some(&bound)).await;
            assert_eq!((foreign.json(), foreign.status), (json!({"data": [], "next": null}), 200));
            assert_eq!(none.text, foreign.text);
        }
        let wrong = stage.ask(route.method, &format!("{own}?lmit=1"), Some(&bound)).await;
        assert!(wrong.status == 400 && wrong.text.contains("there is no parameter `lmit`"), "{path}: {}", wrong.text);
        let other = if route.method == Method::Get { Method::Post } else { Method::Get };
        let method = stage.ask(other, &own, Some(&bound)).await;
        assert_eq!((method.status, method.kind.as_str()), (405, "application/problem+json"), "{path}");
        // Asking is bounded for each token.
        tokio::time::sleep(Duration::from_millis(1_000)).await;
    }
    let log = stage.world.log();
    assert!(log.contains("a delivery is read again by request") && log.contains("a job is tried again by request"), "acts are logged");
    assert!(!log.contains(&bound[36..]) && !log.contains(&bound[..84]), "a token stands in the log");
    assert_eq!(stage.serving.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_page_by_page_and_odd_requests_are_refused_in_words() {
    let stage = Stage::open().await;
    let token = stage.token("reader", &[], &[]).await;
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = stage.get(&format!("/api/v1/projects?limit=1{next}"), &token).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen, [REPO, OTHER]);
    let states = stage.get("/api/v1/audit/state?limit=2", &token).await.json();
    let last = stage.get(&format!("/api/v1/audit/state?limit=2&cursor={}", states["next"].as_str().unwrap()), &token).await.json();
    assert_eq!(
        (last["data"][0]["chain"].as_str(), &last["next"]),
        (Some("system"), &Value::Null),
        "the system's chain comes after the projects"
    );
    let mut sealed = last["data"][0].clone();
    for _ in 0..100 {
        if sealed["unsealed"] == 0 && sealed["entries"].as_i64() >= Some(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        sealed = stage.get("/api/v1/audit/state", &token).await.json()["data"].as_array().unwrap().last().unwrap().clone();
    }
    assert!(sealed["head"].is_string() && sealed["unsealed"] == 0, "what is done with tokens is in the system's chain: {sealed}");
    let stories = stage.get(&format!("/api/v1/projects/{}/stories", stage.own.project), &token).await.json();
    assert_eq!((stories["data"][0]["number"].as_i64(), stories["data"].as_array().unwrap().len()), (Some(1), 1));
    let body = stage.get(&format!("/api/v1/deliveries/{}", stage.own.delivery), &token).await.json();
    assert!(body["data"]["body"].as_str().unwrap().contains("acme/shop"), "{body}");

    for (path, said) in [
        ("/api/v1/jobs?limit=0", "from 1 to 200"),
        ("/api/v1/jobs?limit=201", "from 1 to 200"),
        ("/api/v1/jobs?limit=1&limit=2", "is given twice"),
        ("/api/v1/jobs?kind=looks", "is one of: intake"),
        ("/api/v1/jobs?cursor=%00", "not what a page before gave"),
        ("/api/v1/jobs?cursor=YWJj", "not what a page before gave"),
        ("/api/v1/jobs?project=acme/shop", "prj_"),
        ("/api/v1/deliveries?state=lost", "is one of: unread"),
    ] {
        let answer = stage.get(path, &token).await;
        assert!(answer.status == 400 && answer.json()["detail"].as_str().unwrap().contains(said), "{path}: {}", answer.text);
    }
    for path in ["/api/v1/nothing", "/api/v2/jobs", "/api/v1/jobs/", "/api/v1/deliveries/x/y/z"] {
        let answer = stage.get(path, &token).await;
        assert_eq!((answer.status, answer.kind.as_str()), (404, "application/problem+json"), "{path}");
    }

    let mut cut = token.clone();
    cut.truncate(91);
    for (header, said) in [
        (format!("Bearer {cut}"), "no token of Syndarix"),
        (format!("token {token}"), "send `Authorization: Bearer"),
        ("Basic c2R4Og==".to_owned(), "send `Authorization: Bearer"),
        (format!("Bearer {}", syndarix::domain::access::token::Token::mint().text()), "was never issued here"),
    ] {
        let request = client().get(format!("{}/api/v1/jobs", stage.serving.url)).header("authorization", header);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401);
        assert!(answer.text().await.unwrap().contains(said), "{said}");
    }
    let twice = client().get(format!("{}/api/v1/jobs", stage.serving.url)).bearer_auth(&token).bearer_auth(&token);
    let answer = twice.send().await.unwrap();
    assert!(answer.status().as_u16() == 401 && answer.text().await.unwrap().contains("more than one Authorization header"));
    let in_address = stage.ask(Method::Get, &format!("/api/v1/jobs?access_token={token}"), None).await;
    assert_eq!(in_address.status, 401);

    let (eager, patient) = (stage.token("eager", &[], &[]).await, stage.token("patient", &[], &[]).await);
    let answers = join_all((0..150).map(|_| stage.get("/api/v1/projects", &eager))).await;
    let late = answers.iter().find(|answer| answer.status == 429).expect("somebody asks too often");
    assert!(late.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1 && late.text.contains("`eager`"), "{}", late.text);
    assert!(answers.iter().filter(|answer| answer.status == 200).count() >= 60);
    assert_eq!(stage.get("/api/v1/projects", &patient).await.status, 200, "nobody pays for others");
    let log = stage.world.log();
    for token in [&token, &eager, &patient] {
        assert!(!log.contains(&token[36..84]), "a token stands in the log");
    }
    assert_eq!(stage.serving.stop().await, Some(0));
}

#[test]
fn the_description_names_every_route_once_and_nothing_else() {
    let document = document();
    let described: usize = document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, ROUTES.len());
    assert_eq!(document["openapi"], "3.1.0");
    let mut names: Vec<&str> = Vec::new();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            names.push(operation["operationId"].as_str().unwrap());
            assert!(
                operation["security"][0]["token"][0].is_string() && operation["summary"].as_str().unwrap().ends_with('.'),
                "{operation}"
            );
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    // Every scope but that of the numbers is asked for by a route: none is made for what is not there.
    for (scope, ..) in Scope::ALL {
        assert!(*scope == Scope::Metrics || ROUTES.iter().any(|route| route.scope == *scope), "{scope}");
    }
}

/// Routes below `/api/` are made of the table and in no other way.
#[test]
fn no_route_of_the_interface_is_made_beside_the_table() {
    let mut found = Vec::new();
    let mut folders = vec![crate::program::root().join("src/web")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(text.matches(".route(\"/api/").map(|_| path.file_name().unwrap().to_owned()));
        }
    }
    assert_eq!(found.len(), 2, "the description and what is not there: {found:?}");
}
