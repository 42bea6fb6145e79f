//! A GitHub App in place of a token: the same commands, and what differs is said.

use crate::doctor::{doctor, has, ollama};
use crate::world::{REPO, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_app_sets_itself_up_and_is_found_sound() {
    let world = World::open_as_app(true).await;
    let serving = world.serve(&[]).await;
    let first = world.run(&["onboard", "home", REPO, "--protect", "--json"]).await;
    assert_eq!(first.code, 0, "{first:#?}");
    let second = world.run(&["onboard", "home", REPO, "--protect"]).await;
    assert!(second.code == 0 && second.out.ends_with("Nothing was changed: everything was there already.\n"), "{second:#?}");
    let sound = doctor(&world, &ollama(), &[]).await;
    assert_eq!(sound.code, 0, "{sound:#?}");
    for what in ["forge home", "version", "clock", "rights", "web hook", "delivery", "labels", "own branches", "protection"] {
        has(&sound, what, "ok", "", "");
    }
    let said = format!("{first:?}{second:?}{sound:?}");
    assert!(!said.contains("PRIVATE KEY") && !said.contains("ghs_"), "{said}");
    assert_eq!(serving.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_may_not_do_is_asked_of_whoever_installs_it() {
    let world = World::open_as_app(false).await;
    let poor = world.run(&["onboard", "home", REPO, "--protect"]).await;
    assert!(poor.code == 1 && poor.out.contains("install the App syndarix in acme/shop, with the permissions"), "{poor:#?}");

    let world = World::open_as_app(true).await;
    world.sandbox.ensure_repo("acme", "syndarix-audit", None, None).await.unwrap();
    world.sandbox.set_private("acme/syndarix-audit", true).unwrap();
    let hidden = world.run(&["onboard", "home", REPO]).await;
    let fix = "it is there, out of sight of @syndarix[bot]: install the App syndarix in acme/syndarix-audit";
    assert!(hidden.code == 1 && hidden.out.contains(fix), "{hidden:#?}");
}
