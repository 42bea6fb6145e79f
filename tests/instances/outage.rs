//! The database goes away under running stories and comes back.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use syndarix::base::Clock;

use crate::database::{Database, Server, run};
use crate::fleet::{Fleet, SECRET};
use crate::{TURN, say};

/// xorshift64: the same seed gives the same moments.
fn roll(dice: &mut u64, below: u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice % below
}

/// A delivery that says nothing, rightly signed. Gives the answer's status and how long it took, in seconds.
async fn knock(url: &str, id: &str) -> (u16, f64) {
    let body = "{\"action\":\"nothing\"}";
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
    let begun = Clock::System.now();
    let request = http.post(format!("{url}/hooks/sandbox")).header("x-gitea-event", "issues").header("x-gitea-delivery", id);
    let answer = request.header("x-gitea-signature", signature).body(body).send().await.unwrap();
    (answer.status().as_u16(), (Clock::System.now().0 - begun.0) as f64 / 1e6)
}

async fn ready(url: &str) -> u16 {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
    http.get(format!("{url}/readyz")).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_again_and_again_loses_nothing() {
    let _turn = TURN.lock().await;
    let Some(mut server) = Server::start("the killed database").await else { return };
    let mut fleet = Fleet::open(&server.url(), 5, 1).await.unwrap();
    for name in ["a", "b"] {
        fleet.start(name).await.unwrap();
    }
    let first = fleet.instances[0].url.clone();
    assert_eq!((knock(&first, "before").await.0, ready(&first).await), (202, 200));
    server.kill().await;
    let (status, seconds) = knock(&first, "while-away").await;
    assert_eq!((status, ready(&first).await), (503, 503));
    assert!(seconds < 5.0, "a forge waits 5 s for the answer; it came after {seconds:.1} s");
    server.restart().await;
    assert_eq!((ready(&first).await, knock(&first, "after").await.0), (200, 202));

    let seed = 0x5eed_u64;
    let (mut dice, mut kills) = (seed, 1);
    let people = fleet.people_at_work();
    tokio::pin!(people);
    let played = loop {
        let calm = Duration::from_millis(1_500 + roll(&mut dice, 3_000));
        tokio::select! {
            played = &mut people => break played,
            () = tokio::time::sleep(calm), if kills < 7 => {
                server.kill().await;
                tokio::time::sleep(Duration::from_millis(roll(&mut dice, 2_000))).await;
                server.restart().await;
                kills += 1;
            }
        }
    };
    played.map_err(|error| error.context(fleet.last_messages())).unwrap();
    fleet.ends_well(kills).await.unwrap_or_else(|error| panic!("seed {seed:#x}, {kills} kills: {error:?}"));
    let kept = fleet.keeps_what_it_acknowledged().await.unwrap();
    assert_eq!(ready(&first).await, 200);
    let refused = fleet.relay.refused();
    say(&format!(
        "database killed {kills} times under 5 stories (seed {seed:#x}): {kept} acknowledged deliveries all there, {refused} refused"
    ));
    fleet.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_and_a_pool_of_two_lose_nothing() {
    let _turn = TURN.lock().await;
    let Some(database) = Database::fresh("cut connections").await else { return };
    let url = database.url();
    let glue = if url.contains('?') { '&' } else { '?' };
    let mut fleet = Fleet::open(&format!("{url}{glue}max_connections=2"), 3, 1).await.unwrap();
    for name in ["a", "b"] {
        fleet.start(name).await.unwrap();
    }
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let (mut dice, mut cuts) = (7_u64, 0);
    let people = fleet.people_at_work();
    tokio::pin!(people);
    let played = loop {
        let calm = Duration::from_millis(100 + roll(&mut dice, 500));
        tokio::select! {
            played = &mut people => break played,
            () = tokio::time::sleep(calm), if cuts < 40 => {
                run(&url, cut).await.unwrap();
                cuts += 1;
            }
        }
    };
    played.map_err(|error| error.context(fleet.last_messages())).unwrap();
    fleet.database = url;
    fleet.ends_well(cuts).await.unwrap();
    let kept = fleet.keeps_what_it_acknowledged().await.unwrap();
    say(&format!("all connections cut {cuts} times under 3 stories with pools of two: {kept} acknowledged deliveries all there"));
    fleet.stop().await;
    database.drop().await;
}
