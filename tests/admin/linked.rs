//! A project that is linked to a repository on another forge: what `syndarix onboard` makes for it there, and what `syndarix doctor` misses.

use reqwest::Method;
use serde_json::Value;
use syndarix::sandbox::{Permission, Sandbox, SandboxConfig};

use crate::doctor::has;
use crate::program::{Answer, client};
use crate::world::{REPO, World};

const LIB: &str = "partner/lib";
const HOOK: &str = "partner/lib, linked, web hook";

/// The project on its forge, linked to a repository on another one that speaks as GitHub.
struct Linked {
    world: World,
    hub: Sandbox,
    token: String,
}

impl Linked {
    async fn open() -> Linked {
        let world = World::open().await;
        let hub = Sandbox::start(SandboxConfig::new(world.path("hub"))).await.unwrap();
        let token = hub.ensure_user("syndarix-bot", true, false).unwrap();
        hub.ensure_user("partner", false, false).unwrap();
        hub.ensure_repo("partner", "lib", None, None).await.unwrap();
        hub.set_permission(LIB, "syndarix-bot", Permission::Admin).unwrap();
        let project = format!("forge = \"home\"\nrepo = \"{REPO}\"\n\n[link]\nforge = \"hub\"\nrepo = \"{LIB}\"\noutward = true\n");
        std::fs::create_dir_all(world.path("bot-config/projects")).unwrap();
        std::fs::write(world.path("bot-config/projects/shop.toml"), project).unwrap();
        world.change("projects = [", "bot_config = \"bot-config\"\nprojects = [");
        let block = format!(
            "[[forges]]\nid = \"hub\"\nkind = \"github\"\nurl = {:?}\ntoken = {token:?}\nhook_secret = \"hub-secret-canary\"\n\n[timings]",
            hub.url()
        );
        world.change("[timings]", &block);
        Linked { world, hub, token }
    }

    /// The hooks of the linked repository and the labels of the project.
    async fn seen(&self) -> (Vec<Value>, Vec<String>) {
        let get = async |url: String, token: &str| {
            let answer = client().request(Method::GET, url).header("authorization", format!("token {token}")).header("user-agent", "test");
            answer.send().await.unwrap().json::<Vec<Value>>().await.unwrap()
        };
        let hooks = get(format!("{}/api/v3/repos/{LIB}/hooks", self.hub.url()), &self.token).await;
        let labels = get(format!("{}/api/v1/repos/{REPO}/labels?limit=100", self.world.sandbox.url()), &self.world.token).await;
        (hooks, labels.into_iter().filter_map(|label| Some(label["name"].as_str()?.to_owned())).collect())
    }

    async fn onboard(&self, more: &[&str]) -> Answer {
        let args = [&["onboard", "home", REPO, "--no-audit", "--json"], more].concat();
        self.world.run(&args).await
    }

    async fn doctor(&self) -> Answer {
        self.world.run(&["doctor", "--json", "--no-delivery"]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_linked_repository_gets_its_hook_and_the_project_its_label_once() {
    let linked = Linked::open().await;
    let about = format!("{LIB}, linked to {REPO}");
    let before = linked.doctor().await;
    has(&before, &format!("{about}, outward label"), "fails", "nobody can let an issue out", "syndarix onboard home acme/shop");
    has(&before, &format!("{about}, web hook"), "note", "found by looking, minutes later", "syndarix onboard home acme/shop");

    let dry = linked.onboard(&["--dry-run"]).await;
    has(&dry, HOOK, "would", "would be made", "");
    has(&dry, "outward label", "would", "`mirror/outward` would be made", "");
    let (hooks, labels) = linked.seen().await;
    assert!(hooks.is_empty() && !labels.iter().any(|label| label == "mirror/outward"), "a dry run changes nothing");

    let first = linked.onboard(&[]).await;
    assert_eq!(first.code, 0, "{first:#?}");
    has(&first, HOOK, "made", "with the secret of the settings", "");
    has(&first, "outward label", "made", "copied to partner/lib", "");
    let (hooks, labels) = linked.seen().await;
    assert_eq!(hooks.len(), 1, "{hooks:?}");
    assert!(hooks[0]["config"]["url"].as_str().unwrap().ends_with("/hooks/hub"), "{hooks:?}");
    assert_eq!(labels.iter().filter(|label| *label == "mirror/outward").count(), 1);

    let second = linked.onboard(&[]).await;
    has(&second, HOOK, "ok", "it is there", "");
    has(&second, "outward label", "ok", "is there", "");
    assert_eq!(linked.seen().await, (hooks, labels), "the second time changes nothing");
    assert!(!second.out.contains("canary") && !second.out.contains(&linked.token));

    let after = linked.doctor().await;
    has(&after, &format!("{about}, web hook"), "ok", "it goes to", "");
    assert!(!after.out.contains("outward label"), "{}", after.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_hook_may_be_made_looking_does_it() {
    let linked = Linked::open().await;
    linked.hub.set_permission(LIB, "syndarix-bot", Permission::Write).unwrap();
    let got = linked.onboard(&[]).await;
    assert_eq!(got.code, 0, "{got:#?}");
    has(&got, HOOK, "note", "polling does it then", "with the hook secret of `hub`");
    assert_eq!(linked.onboard(&["--dry-run"]).await.code, 0);

    linked.world.sandbox.set_permission(REPO, "syndarix-bot", Permission::Admin).unwrap();
    linked.hub.set_private(LIB, true).unwrap();
    linked.hub.set_permission(LIB, "syndarix-bot", Permission::None).unwrap();
    let gone = linked.onboard(&[]).await;
    assert_eq!(gone.code, 1, "{gone:#?}");
    has(&gone, HOOK, "fails", "partner/lib is not there", "check the name in [link]");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_linked_repository_itself_is_not_onboarded() {
    let linked = Linked::open().await;
    let got = linked.world.run(&["onboard", "hub", "Partner/Lib"]).await;
    assert_eq!(got.code, 2, "{got:#?}");
    assert!(got.err.contains("is linked to the project acme/shop and is none itself; `syndarix onboard home acme/shop`"), "{got:#?}");
    assert!(linked.seen().await.0.is_empty());
}
