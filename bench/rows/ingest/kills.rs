//! The server is killed again and again under load. What it had acknowledged must be there, and everything once, repetitions included.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use syndarix::base::Clock;
use syndarix::store::{Ask, DeliveryFilter, Held, Store, WorkKind};

use super::Server;
use crate::data::{Database, Kind};
use crate::load::Hooks;
use crate::report::Report;
use crate::rng::Rng;

const KILLS: usize = 50;

pub async fn row(report: &mut Report, kind: Kind) {
    let word = kind.word();
    let database = Database::new(kind).await;
    let hooks = Arc::new(Hooks::new());
    let mut rng = Rng::new(&format!("kills/{word}"));
    let (mut acknowledged, mut open) = (BTreeSet::new(), Vec::new());
    for _ in 0..KILLS {
        let server = Server::start(&database.url, "ours");
        let port = server.port;
        // A sender that got no answer tries the same delivery again, as a person does who presses the button.
        let again = hooks.again(port, std::mem::take(&mut open)).await;
        acknowledged.extend(again.stored);
        open.extend(again.unanswered);
        let sending = tokio::spawn({
            let hooks = hooks.clone();
            async move { hooks.send(port, 16, Duration::from_secs(20)).await }
        });
        tokio::time::sleep(Duration::from_millis(u64::try_from(rng.from(20, 200)).unwrap())).await;
        drop(server);
        let leg = sending.await.unwrap();
        acknowledged.extend(leg.stored);
        open.extend(leg.unanswered);
    }
    let server = Server::start(&database.url, "ours");
    let last = hooks.again(server.port, open).await;
    assert!(last.unanswered.is_empty());
    acknowledged.extend(last.stored);
    drop(server);
    let store = Store::open(&database.url.parse().unwrap(), Clock::System).await.unwrap();
    let there = store.list_deliveries(&DeliveryFilter::default(), i64::MAX).await.unwrap();
    let ids: BTreeSet<&str> = there.iter().map(|delivery| delivery.delivery_id.as_str()).collect();
    let lost = acknowledged.iter().filter(|id| !ids.contains(id.as_str())).count();
    let doubled = there.len() - ids.len();
    // Each is to be read once: as many items of work as deliveries.
    let unread = read_all(&store).await;
    store.close().await;
    database.remove().await;
    let words = format!("{} acknowledged, {lost} lost, {doubled} doubled, {} to be read {unread} times", acknowledged.len(), there.len());
    report.line(format!("{word}, {KILLS} times kill -9"), format!("{lost} lost"), words);
    report.aim(format!("{word}: nothing lost and nothing doubled over {KILLS} kills"), lost == 0 && doubled == 0 && unread == there.len());
}

/// Takes and ends all that is to be read; how many items there were.
async fn read_all(store: &Store) -> usize {
    let (held, mut done, mut count) = (Held::new(), Vec::new(), 0);
    let ask =
        Ask { kinds: &[WorkKind::Intake], owner: "bench", lease: Duration::from_secs(600), most: 500, most_of_share: 500, held: &held };
    loop {
        done = store.exchange(&done, &ask).await.unwrap().claims;
        if done.is_empty() {
            return count;
        }
        count += done.len();
    }
}
