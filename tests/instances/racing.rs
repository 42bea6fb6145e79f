//! Several instances that all hear everything at once.

use crate::database::Database;
use crate::fleet::{Fleet, reference};
use crate::{TURN, page, say};

/// Two, then five instances on one lane. Every delivery comes five times at once to each of them, under one id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_race_on_one_story_do_everything_once() {
    let _turn = TURN.lock().await;
    let Some(alone) = Database::fresh("racing instances").await else { return };
    let want = reference(&alone.url()).await.unwrap();
    alone.drop().await;
    for count in [2, 5] {
        let database = Database::fresh("racing instances").await.unwrap();
        let mut fleet = Fleet::open(&database.url(), 1, 5).await.unwrap();
        for number in 0..count {
            fleet.start(&format!("i{number}")).await.unwrap();
        }
        fleet.play().await.unwrap();
        let seen = fleet.ends_well(0).await.unwrap().remove(0);
        assert_eq!(seen.pages, want.pages, "{}", page::difference(&want.pages, &seen.pages));
        assert_eq!((seen.counts, seen.commits), (want.counts, want.commits.clone()));
        let kept = fleet.keeps_what_it_acknowledged().await.unwrap();
        say(&format!("{count} instances on one story: {kept} deliveries, each {} times at once, one story", 5 * count));
        fleet.stop().await;
        database.drop().await;
    }
}
