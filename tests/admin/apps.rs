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
    println!("{first:#?}{second:#?}{sound:#?}");
    assert_eq!(serving.stop().await, Some(0));
}
