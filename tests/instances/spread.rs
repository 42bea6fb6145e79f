//! Work spreads over instances.

use syndarix::base::Clock;

use crate::database::Database;
use crate::fleet::Fleet;
use crate::{TURN, say};

const STORIES: usize = 30;

/// All deliveries come to the first of three instances; the others hear of the work and take their part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_share_thirty_stories() {
    let _turn = TURN.lock().await;
    let Some(database) = Database::fresh("work spread over instances").await else { return };
    let mut fleet = Fleet::open(&database.url(), STORIES, 1).await.unwrap();
    let names = ["a", "b", "c"];
    for name in names {
        fleet.start(name).await.unwrap();
    }
    fleet.relay.keep_only_first_target();
    let begun = Clock::System.now();
    fleet.play().await.unwrap();
    let minutes = (Clock::System.now().0 - begun.0) as f64 / 60e6;
    fleet.ends_well(0).await.unwrap();
    let part = |name: &str, kind: &str| {
        let taken = format!("work.kind={kind} ");
        fleet.messages(name).lines().filter(|line| line.contains("taken up") && line.contains(&taken)).count()
    };
    for kind in ["run", "turn", "perform"] {
        let parts = names.map(|name| part(name, kind));
        let all: usize = parts.iter().sum();
        say(&format!("{STORIES} stories over three instances: {kind} {parts:?}"));
        assert!(all >= STORIES && parts.iter().all(|part| part * 10 >= all), "{kind}: {parts:?}");
    }
    say(&format!("{STORIES} stories over three instances in {minutes:.1} minutes, {:.0} a minute", STORIES as f64 / minutes));
    fleet.stop().await;
    database.drop().await;
}
