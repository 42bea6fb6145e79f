//! Two people change the same thing at about the same time.

use reqwest::Method;
use serde_json::json;
use syndarix::domain::mirror::Side;
use syndarix::sandbox::Permission;

use crate::world::{Pair, SHOP, World};

on_every_pair! {
    the_later_edit_holds_and_the_other_is_shown_once,
    a_draw_goes_to_the_primary,
    an_edited_copy_follows_its_original_again,
    an_exclusive_scope_keeps_the_later_label,
}

/// A pair of issues that flows both ways.
async fn let_out(w: &World) -> (i64, i64) {
    let there = w.carol().opens("Rounding is off", "Three items.").await;
    w.syncs().await;
    w.alice().labels(1, "mirror/outward").await;
    w.syncs().await;
    (1, there)
}

async fn the_later_edit_holds_and_the_other_is_shown_once(pair: Pair) {
    let w = World::linked(pair, "outward = true").await;
    let (here, there) = let_out(&w).await;
    w.alice().changes(here, json!({"title": "Alice's title"})).await;
    w.carol().changes(there, json!({"title": "Carol's title"})).await;
    w.syncs().await;
    shows!(w.page(Side::Here, here).await, @r"
    [open] mirror/outward
    # Carol's title (syndarix)
    **carol** opened this as [partner/lib#1](<http://hub/partner/lib/issues/1>):

    Three items.

    <marker>
    --- syndarix
    The title of this issue was changed here by `alice` and on [partner/lib#1](<http://hub/partner/lib/issues/1>) by `carol`. The change there is the later one. What was here before:

    > Alice's title

    Change the title once more to have yours.

    <marker>
    ");
    assert!(w.page(Side::There, there).await.contains("# Carol's title"));
    w.is_silent().await;
    assert_eq!(w.recorded("link.conflict").await, 1);

    w.carol().changes(there, json!({"body": "Carol's text"})).await;
    w.alice().changes(here, json!({"body": "Alice's text"})).await;
    w.syncs().await;
    assert!(w.page(Side::There, there).await.contains("Alice's text"));
    let page = w.page(Side::There, there).await;
    assert_eq!(page.matches("What was here before:").count(), 1, "{page}");
    w.is_silent().await;
}

async fn a_draw_goes_to_the_primary(pair: Pair) {
    for (primary, title) in [("this", "Alice's title"), ("linked", "Carol's title")] {
        let w = World::linked(pair, &format!("outward = true\nprimary = \"{primary}\"")).await;
        let (here, there) = let_out(&w).await;
        w.clock.advance(60_000);
        w.alice().does_now(Method::PATCH, &format!("issues/{here}"), json!({"title": "Alice's title"})).await;
        w.carol().does_now(Method::PATCH, &format!("issues/{there}"), json!({"title": "Carol's title"})).await;
        w.syncs().await;
        for (side, number) in [(Side::Here, here), (Side::There, there)] {
            assert!(w.page(side, number).await.contains(&format!("# {title}")), "{primary}: {}", w.page(side, number).await);
        }
        assert_eq!(w.recorded("link.conflict").await, 1);
        w.is_silent().await;
    }
}

async fn an_edited_copy_follows_its_original_again(pair: Pair) {
    let w = World::linked(pair, "").await;
    let there = w.carol().opens("Rounding is off", "Three items.").await;
    w.carol().comments(there, "The original.").await;
    w.syncs().await;
    let copy = w.get(Side::Here, "issues/1/comments").await[0]["id"].as_i64().unwrap();
    w.forge(Side::Here).set_permission(SHOP, "alice", Permission::Admin).unwrap();
    w.alice().edits(copy, "Something else").await;
    w.syncs().await;
    shows!(w.page(Side::Here, 1).await, @r"
    [open]
    # Rounding is off (syndarix)
    **carol** opened this as [partner/lib#1](<http://hub/partner/lib/issues/1>):

    Three items.

    <marker>
    --- syndarix
    **carol** wrote on [partner/lib#1](<http://hub/partner/lib/issues/1#issuecomment-1>):

    > The original.

    <marker>
    --- syndarix
    A comment here is the copy of one on [partner/lib#1](<http://hub/partner/lib/issues/1>) and follows it, so an edit of the copy by `alice` was taken back. It said:

    > Something else

    <marker>
    ");
    w.is_silent().await;
    // A copy that somebody takes away stays away.
    w.alice().deletes(copy).await;
    w.syncs().await;
    w.is_silent().await;
    assert!(!w.page(Side::Here, 1).await.contains("> The original."));
}

async fn an_exclusive_scope_keeps_the_later_label(pair: Pair) {
    let w = World::linked(pair, "outward = true").await;
    let (here, there) = let_out(&w).await;
    w.alice().labels(here, "priority/low").await;
    w.carol().labels(there, "priority/high").await;
    w.syncs().await;
    assert!(w.page(Side::Here, here).await.starts_with("[open] mirror/outward, priority/high\n"), "{}", w.page(Side::Here, here).await);
    assert!(w.page(Side::There, there).await.starts_with("[open] priority/high\n"), "{}", w.page(Side::There, there).await);
    w.is_silent().await;
}
