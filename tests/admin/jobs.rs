//! `syndarix jobs`.

use crate::world::{REPO, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_with_its_reason_and_can_be_hurried() {
    let world = World::open().await;
    let early = world.run(&["jobs", "list"]).await;
    assert!(early.code == 2 && early.err.contains("there is no database"), "{early:#?}");
    let serving = world.serve(&[("SYNDARIX_TIMINGS_POLL_QUICK_SECONDS", "600"), ("SYNDARIX_TIMINGS_POLL_SECONDS", "600")]).await;
    let mut found = None;
    for _ in 0..100 {
        let list = world.run(&["jobs", "list", "--json", "--kind", "look", "--project", REPO]).await;
        assert_eq!(list.code, 0, "{list:#?}");
        let json = list.json();
        found = json["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|job| job["under_way"] == false && job["why"].as_str().is_some_and(|why| why.starts_with("looks at the forge again")))
            .cloned();
        if found.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let job = found.expect("the forge is looked at again later");
    assert_eq!(job["project"], REPO);
    let text = world.run(&["jobs", "list"]).await;
    assert!(text.out.contains("look") && text.out.contains("looks at the forge again in"), "{text:#?}");
    let retried = world.run(&["jobs", "retry", job["id"].as_str().unwrap()]).await;
    assert!(retried.code <= 1, "{retried:#?}");
    let none = world.run(&["jobs", "retry", "00000000-0000-0000-0000-00000000abcd"]).await;
    assert!(none.code == 2 && none.err.contains("there is no job"), "{none:#?}");
    let stranger = world.run(&["jobs", "list", "--project", "acme/nothing"]).await;
    assert!(stranger.code == 2 && stranger.err.contains("there are: acme/shop"), "{stranger:#?}");
    assert_eq!(serving.stop().await, Some(0));
}
