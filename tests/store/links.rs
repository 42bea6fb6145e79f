//! Pairs of issues and comments, and what is to be compared.

use serde_json::json;
use syndarix::store::MirrorComment;

use crate::world::{START, World};

const LINK: &str = "hub/77";

pub async fn a_pair_is_found_from_either_side(world: &World) {
    let (project, _) = world.story().await;
    let other = world.project("rival/shop").await;
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(tx.begin_mirror(LINK, "there", 12, START).await.unwrap());
    assert!(!tx.begin_mirror(LINK, "there", 12, START).await.unwrap(), "begun once");
    assert_eq!(tx.mirror(LINK, "there", 12).await.unwrap().unwrap().copy, None);
    tx.put_mirror(LINK, "there", 12, 42, &json!({"a": 1})).await.unwrap();
    let row = tx.mirror(LINK, "here", 42).await.unwrap().unwrap();
    assert_eq!((row.origin.as_str(), row.number, row.copy, row.base), ("there", 12, Some(42), json!({"a": 1})));
    for (link, side, number) in [(LINK, "there", 42), (LINK, "here", 12), ("hub/78", "there", 12)] {
        assert_eq!(tx.mirror(link, side, number).await.unwrap(), None, "{link} {side} {number}");
    }
    tx.put_link(LINK, &json!({"seen": 1})).await.unwrap();
    tx.put_link(LINK, &json!({"seen": 2})).await.unwrap();
    assert_eq!(tx.link(LINK).await.unwrap(), Some(json!({"seen": 2})));
    tx.commit().await.unwrap();
    let mut tx = world.store.begin(other).await.unwrap();
    assert_eq!(tx.mirror(LINK, "here", 42).await.unwrap(), None, "another project sees none of it");
    assert_eq!(tx.link(LINK).await.unwrap(), None);
}

pub async fn comments_are_pairs_as_well(world: &World) {
    let (project, _) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let row = |id, copy| MirrorComment { id, copy, said: "a".into(), written: "b".into() };
    tx.put_mirror_comment(LINK, "there", 12, &row(5, Some(6))).await.unwrap();
    tx.put_mirror_comment(LINK, "there", 12, &row(7, Some(8))).await.unwrap();
    tx.put_mirror_comment(LINK, "there", 12, &row(5, None)).await.unwrap();
    tx.drop_mirror_comment(LINK, "there", 12, 7).await.unwrap();
    assert_eq!(tx.mirror_comments(LINK, "there", 12).await.unwrap(), [row(5, None)]);
    assert_eq!(tx.mirror_comments(LINK, "here", 12).await.unwrap(), []);
}

pub async fn a_reason_that_comes_during_a_comparison_is_kept(world: &World) {
    let (project, _) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    tx.mirror_is_due(LINK, "there", 12, Some("alice")).await.unwrap();
    tx.mirror_is_due(LINK, "here", 3, None).await.unwrap();
    let due = tx.mirrors_due(LINK, 10).await.unwrap();
    assert_eq!(due.len(), 2);
    let first = due.iter().find(|due| due.number == 12).unwrap().clone();
    tx.mirror_is_due(LINK, "there", 12, None).await.unwrap();
    tx.mirror_is_done(LINK, &first).await.unwrap();
    tx.mirror_has_failed(LINK, &due.iter().find(|due| due.number == 3).unwrap().clone()).await.unwrap();
    let left = tx.mirrors_due(LINK, 10).await.unwrap();
    let shown: Vec<_> = left.iter().map(|due| (due.number, due.count, due.tries, due.who.as_deref())).collect();
    assert_eq!(shown, [(12, 2, 0, Some("alice")), (3, 1, 1, None)]);
    tx.mirror_is_done(LINK, &left[0]).await.unwrap();
    assert_eq!(tx.mirrors_due(LINK, 10).await.unwrap().len(), 1);
}
