//! What flows, with whose name, and that it comes to rest.

use serde_json::json;
use syndarix::domain::mirror::Side;

use crate::world::{Pair, World};

on_every_pair! {
    what_happens_there_comes_here_with_its_authors,
    looking_alone_arrives_at_the_same,
    an_issue_goes_out_with_the_label_only,
    a_copied_issue_is_an_ordinary_one_for_people_here,
    labels_that_steer_do_not_come_from_there,
}

on_other_homes! {
    what_happens_there_comes_here_with_its_authors,
    an_issue_goes_out_with_the_label_only,
}

/// One conversation in the linked repository; what the project shows at the end.
async fn conversation(w: &World) -> (i64, i64) {
    let there = w.carol().opens("Rounding is off", "Three items, @alice.\n\n/syndarix plan\n\nFixes #1").await;
    w.syncs().await;
    let first = w.dave().comments(there, "I see it, too.").await;
    let second = w.carol().comments(there, "Never mind").await;
    w.carol().labels(there, "bug").await;
    w.syncs().await;
    w.dave().edits(first, "I see it, too: 0.1 + 0.2.").await;
    w.carol().deletes(second).await;
    w.carol().changes(there, json!({"title": "Rounding is off by one", "body": "Four items."})).await;
    w.syncs().await;
    if w.get(Side::Here, "issues/1").await["title"].is_null() {
        panic!("nothing came");
    }
    (1, there)
}

async fn what_happens_there_comes_here_with_its_authors(pair: Pair) {
    let w = World::linked(pair, "").await;
    let (here, there) = conversation(&w).await;
    shows!(w.page(Side::Here, here).await, @r"
    [open] bug
    # Rounding is off by one (syndarix)
    **carol** opened this as [partner/lib#1](<http://hub/partner/lib/issues/1>):

    Four items.

    <marker>
    --- syndarix
    **dave** wrote on [partner/lib#1](<http://hub/partner/lib/issues/1#issuecomment-1>):

    > I see it, too: 0.1 + 0.2.

    <marker>
    ");
    w.is_silent().await;
    w.carol().changes(there, json!({"state": "closed"})).await;
    w.carol().unlabels(there, "bug").await;
    w.syncs().await;
    assert!(w.page(Side::Here, here).await.starts_with("[closed]\n"), "{}", w.page(Side::Here, here).await);
    w.carol().changes(there, json!({"state": "open"})).await;
    w.syncs().await;
    assert!(w.page(Side::Here, here).await.starts_with("[open]\n"));
    w.is_silent().await;
    assert_eq!((w.count(Side::Here).await, w.count(Side::There).await), (1, 1));
    assert_eq!((w.recorded("link.made").await, w.recorded("link.issue-copied").await, w.recorded("link.conflict").await), (1, 1, 0));
}

async fn looking_alone_arrives_at_the_same(pair: Pair) {
    let hooked = World::linked(pair, "").await;
    let (here, _) = conversation(&hooked).await;
    let want = hooked.page(Side::Here, here).await;
    drop(hooked);
    let polled = World::polled(pair, "").await;
    let (here, _) = conversation(&polled).await;
    assert_eq!(polled.page(Side::Here, here).await, want);
    polled.is_silent().await;
}

async fn an_issue_goes_out_with_the_label_only(pair: Pair) {
    let w = World::linked(pair, "outward = true").await;
    let (quiet, loud) = (w.alice().opens("Ours alone", "x").await, w.alice().opens("For all", "See @carol.").await);
    w.alice().comments(loud, "Said before.").await;
    w.syncs().await;
    assert_eq!(w.count(Side::There).await, 0);
    w.alice().labels(loud, "mirror/outward").await;
    w.alice().labels(loud, "bug").await;
    w.syncs().await;
    shows!(w.page(Side::There, 1).await, @r"
    [open] bug
    # For all (syndarix)
    **alice** opened this as [acme/shop#2](<http://home/acme/shop/issues/2>):

    See `@carol`.

    <marker>
    --- syndarix
    **alice** wrote on [acme/shop#2](<http://home/acme/shop/issues/2#issuecomment-1>):

    > Said before.

    <marker>
    ");
    w.dave().comments(1, "Thanks!").await;
    w.carol().labels(1, "ui").await;
    w.alice().changes(loud, json!({"state": "closed"})).await;
    w.syncs().await;
    shows!(w.page(Side::Here, loud).await, @r"
    [closed] bug, mirror/outward, ui
    # For all (alice)
    See @carol.
    --- alice
    Said before.
    --- syndarix
    **dave** wrote on [partner/lib#1](<http://hub/partner/lib/issues/1#issuecomment-3>):

    > Thanks!

    <marker>
    ");
    assert!(w.page(Side::There, 1).await.starts_with("[closed] bug, ui\n"), "{}", w.page(Side::There, 1).await);
    w.is_silent().await;
    // Taken off, the label stops what would go out; what comes in still comes.
    w.alice().unlabels(loud, "mirror/outward").await;
    w.alice().comments(loud, "Between us.").await;
    w.dave().comments(1, "Still here?").await;
    w.syncs().await;
    assert!(!w.page(Side::There, 1).await.contains("Between us"));
    assert!(w.page(Side::Here, loud).await.contains("Still here?"));
    assert_eq!((w.count(Side::Here).await, w.count(Side::There).await), (2, 1));
    assert!(!w.page(Side::Here, quiet).await.contains("mirror"));
    w.is_silent().await;
}

async fn a_copied_issue_is_an_ordinary_one_for_people_here(pair: Pair) {
    let w = World::linked(pair, "").await;
    let there = w.carol().opens("Rounding is off", "Three items.").await;
    w.carol().comments(there, "/syndarix plan").await;
    w.syncs().await;
    let page = w.page(Side::Here, 1).await;
    assert!(page.contains("/syndarix plan") && !page.contains("### Syndarix"), "a copied command never runs: {page}");
    w.alice().comments(1, "/syndarix plan").await;
    w.syncs().await;
    assert!(w.page(Side::Here, 1).await.contains("### Syndarix"), "{}", w.page(Side::Here, 1).await);
    let page = w.page(Side::There, there).await;
    assert!(!page.contains("### Syndarix") && !page.contains("story/"), "{page}");
    w.is_silent().await;
}

async fn labels_that_steer_do_not_come_from_there(pair: Pair) {
    let w = World::linked(pair, "outward = true").await;
    let there = w.carol().opens("Sneaky", "x").await;
    for label in ["story/analysis", "autonomy/autonomous", "syndarix/waiting", "mirror/outward", "bug"] {
        w.carol().labels(there, label).await;
    }
    w.syncs().await;
    assert!(w.page(Side::Here, 1).await.starts_with("[open] bug\n"), "{}", w.page(Side::Here, 1).await);
    w.is_silent().await;
}
