//! An instance that is killed, and one that is only stopped and comes back as a zombie.

use std::time::Duration;

use rustix::process::Signal;
use syndarix::base::Clock;

use crate::database::Database;
use crate::fleet::{Fleet, LEASE, PATIENCE, connect, owner_of, reference, run_under_way};
use crate::{TURN, page, say};

/// Stops whichever instance is in the middle of an agent's run. Gives its place, the run, and its name in leases.
async fn catch(fleet: &Fleet, database: &str) -> (usize, uuid::Uuid, String) {
    let mut connection = connect(database).await;
    let caught = async {
        loop {
            let Some((run, owner)) = run_under_way(&mut connection).await else {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            };
            let at = fleet.instances.iter().position(|one| owner.starts_with(&format!("{}-", one.pid.as_raw_nonzero()))).unwrap();
            fleet.instances[at].signal(Signal::STOP);
            // It may have ended the run just before.
            if owner_of(&mut connection, run).await.as_deref() == Some(owner.as_str()) {
                return (at, run, owner);
            }
            fleet.instances[at].signal(Signal::CONT);
        }
    };
    tokio::time::timeout(PATIENCE, caught).await.expect("an agent works some time")
}

/// Waits until another instance has the run, or has finished it; gives the seconds.
async fn taken_over(database: &str, run: uuid::Uuid, owner: &str) -> f64 {
    let mut connection = connect(database).await;
    let begun = Clock::System.now();
    let taken = async {
        while owner_of(&mut connection, run).await.as_deref() == Some(owner) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.expect("another instance takes the run over");
    (Clock::System.now().0 - begun.0) as f64 / 1e6
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_elsewhere_when_its_instance_is_killed() {
    let _turn = TURN.lock().await;
    let Some(database) = Database::fresh("hand-over after kill -9").await else { return };
    let mut fleet = Fleet::open(&database.url(), 1, 1).await.unwrap();
    for name in ["a", "b"] {
        fleet.start(name).await.unwrap();
    }
    let url = database.url();
    let disturb = async {
        let (at, run, owner) = catch(&fleet, &url).await;
        fleet.instances[at].signal(Signal::KILL);
        let seconds = taken_over(&url, run, &owner).await;
        say(&format!("hand-over of a run after kill -9: {seconds:.1} s with a lease of {LEASE} s"));
        assert!(seconds <= LEASE as f64 + 2.0, "{seconds:.1} s");
    };
    let (played, ()) = tokio::join!(fleet.play(), disturb);
    played.unwrap();
    fleet.ends_well(1).await.unwrap();
    fleet.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_instance_that_comes_back_writes_nothing() {
    let _turn = TURN.lock().await;
    let Some(alone) = Database::fresh("fencing of a stopped instance").await else { return };
    let want = reference(&alone.url()).await.unwrap();
    alone.drop().await;
    let database = Database::fresh("fencing of a stopped instance").await.unwrap();
    let mut fleet = Fleet::open(&database.url(), 1, 1).await.unwrap();
    for name in ["a", "b"] {
        fleet.start(name).await.unwrap();
    }
    let url = database.url();
    let disturb = async {
        let (at, run, owner) = catch(&fleet, &url).await;
        let seconds = taken_over(&url, run, &owner).await;
        fleet.instances[at].signal(Signal::CONT);
        say(&format!("a stopped instance lost its run after {seconds:.1} s and went on as a zombie"));
        at
    };
    let (played, zombie) = tokio::join!(fleet.play(), disturb);
    played.unwrap();
    let seen = fleet.ends_well(1).await.unwrap().remove(0);
    // The stopped instance may have held the record, which then has no place to name yet.
    let pages = |pages: &str| pages.replace("- Record: some entries\n", "");
    assert_eq!(pages(&seen.pages), pages(&want.pages), "{}", page::difference(&want.pages, &seen.pages));
    assert_eq!((seen.counts, seen.commits), (want.counts, want.commits));
    let messages = fleet.messages(&fleet.instances[zombie].name);
    assert!(messages.contains("given up: the lease on this work is gone"), "the zombie never noticed:\n{messages}");
    fleet.stop().await;
    database.drop().await;
}
