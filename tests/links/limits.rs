//! What does not flow, and who is told.

use serde_json::json;
use syndarix::domain::mirror::Side;

use crate::world::{LIB, Pair, SHOP, World};

on_every_pair! {
    nothing_goes_from_a_private_place_to_a_public_one,
    nothing_comes_from_a_private_place_to_a_public_one,
    a_command_in_the_linked_repository_is_answered_once,
    a_command_is_answered_where_nothing_is_copied,
    inward_alone_leaves_the_other_side_as_it_is,
    an_issue_that_is_deleted_leaves_its_copy_alone,
}

async fn nothing_goes_from_a_private_place_to_a_public_one(pair: Pair) {
    let w = World::linked(pair, "outward = true").await;
    w.forge(Side::Here).set_private(SHOP, true).unwrap();
    let issue = w.alice().opens("Secret", "x").await;
    w.alice().labels(issue, "mirror/outward").await;
    w.syncs().await;
    assert_eq!(w.count(Side::There).await, 0);
    shows!(w.page(Side::Here, issue).await, @r"
    [open] mirror/outward
    # Secret (alice)
    x
    --- syndarix
    This issue is not copied to `partner/lib`: more people see that repository than this one, and nothing goes from a more private to a more public place. Take the label `mirror/outward` off, or ask whoever configured the link.

    <marker>
    ");
    w.is_silent().await;
    assert_eq!(w.recorded("link.refused").await, 1);

    // It is asked for each time: the same issue goes out when both are private, and stops when one is opened.
    w.forge(Side::There).set_private(LIB, true).unwrap();
    w.alice().comments(issue, "One").await;
    w.polls().await;
    assert_eq!(w.count(Side::There).await, 1);
    w.forge(Side::There).set_private(LIB, false).unwrap();
    w.alice().comments(issue, "Two").await;
    w.syncs().await;
    let page = w.page(Side::There, 1).await;
    assert!(page.contains("> One") && !page.contains("Two"), "{page}");
    w.is_silent().await;
}

async fn nothing_comes_from_a_private_place_to_a_public_one(pair: Pair) {
    let w = World::linked(pair, "").await;
    w.forge(Side::There).set_private(LIB, true).unwrap();
    w.carol().opens("Secret", "x").await;
    w.syncs().await;
    assert_eq!(w.count(Side::Here).await, 0);
    w.is_silent().await;
}

async fn a_command_in_the_linked_repository_is_answered_once(pair: Pair) {
    let w = World::linked(pair, "").await;
    let there = w.carol().opens("Rounding is off", "x").await;
    w.carol().comments(there, "/syndarix plan").await;
    w.syncs().await;
    w.dave().comments(there, "@syndarix plan").await;
    w.syncs().await;
    shows!(w.page(Side::There, there).await, @r"
    [open]
    # Rounding is off (carol)
    x
    --- carol
    /syndarix plan
    --- syndarix
    Commands are not heard here. Give them in [acme/shop](<http://home/acme/shop>), where the project lives.

    <marker>
    --- dave
    @syndarix plan
    ");
    w.is_silent().await;
}

async fn a_command_is_answered_where_nothing_is_copied(pair: Pair) {
    let w = World::linked(pair, "inward = false").await;
    let there = w.carol().opens("Rounding is off", "x").await;
    w.carol().comments(there, "/syndarix plan").await;
    w.syncs().await;
    let page = w.page(Side::There, there).await;
    assert!(
        page.contains("Commands are not heard here. Give them in [acme/shop](<http://home/acme/shop>), where the project lives."),
        "{page}"
    );
    assert_eq!(w.count(Side::Here).await, 0);
    w.is_silent().await;
}

async fn inward_alone_leaves_the_other_side_as_it_is(pair: Pair) {
    let w = World::linked(pair, "").await;
    let there = w.carol().opens("Rounding is off", "Three items.").await;
    w.syncs().await;
    let before = w.page(Side::There, there).await;
    w.alice().changes(1, json!({"title": "Ours", "state": "closed"})).await;
    w.alice().comments(1, "Between us.").await;
    w.alice().labels(1, "mirror/outward").await;
    w.syncs().await;
    assert_eq!(w.page(Side::There, there).await, before);
    assert_eq!(w.recorded("link.conflict").await, 0);
    w.is_silent().await;
}

async fn an_issue_that_is_deleted_leaves_its_copy_alone(pair: Pair) {
    let w = World::linked(pair, "").await;
    let there = w.carol().opens("Rounding is off", "Three items.").await;
    w.syncs().await;
    w.forge(Side::There).set_permission(LIB, "dave", syndarix::sandbox::Permission::Admin).unwrap();
    w.dave().does(reqwest::Method::DELETE, &format!("issues/{there}"), serde_json::Value::Null).await;
    w.alice().comments(1, "Where is it?").await;
    w.syncs().await;
    assert_eq!(w.recorded("link.issue-gone").await, 1);
    assert!(w.page(Side::Here, 1).await.starts_with("[open]\n"));
    w.is_silent().await;
}

#[tokio::test]
async fn an_issue_that_becomes_confidential_rests() {
    let w = World::linked(Pair::GITEA_AND_GITLAB, "").await;
    let there = w.carol().opens("Rounding is off", "x").await;
    w.syncs().await;
    let open = w.page(Side::Here, 1).await;
    w.carol().is_confidential(there, true).await;
    w.carol().changes(there, json!({"title": "Whose card it was"})).await;
    w.dave().comments(there, "Hers.").await;
    w.syncs().await;
    w.polls().await;
    assert_eq!(w.page(Side::Here, 1).await, open, "nothing of it is copied");
    w.carol().is_confidential(there, false).await;
    w.syncs().await;
    w.polls().await;
    assert!(w.page(Side::Here, 1).await.contains("Whose card it was"), "{}", w.page(Side::Here, 1).await);
}
