//! Telling the hooks: signed, in parallel, in no promised order, once. What is under way when the process ends is lost.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::history::{History, Try};
use super::skin;
use super::state::{Hook, Skin};
use super::told::Told;
use super::world::{World, matches_pattern};
use crate::base::{Clock, Time};

/// How long a receiver has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one of the other protocols has.
const LONGER_PATIENCE: Duration = Duration::from_secs(10);
/// How many finished deliveries are remembered.
const REMEMBERED: usize = 1000;

/// How deliveries misbehave, for tests. The default is what a real forge does: parallel and unordered.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// How many deliveries are under way at the same time; 1 sends one after the other.
    pub workers: usize,
    /// Shuffles the deliveries of one act by this seed; `None` keeps the order.
    pub shuffle: Option<u64>,
    /// Loses one delivery in so many, chosen by the seed; 0 loses none.
    pub lose_one_in: u64,
    /// Sends one delivery in so many a second time under the same id; 0 repeats none.
    pub repeat_one_in: u64,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        DeliveryConfig { workers: 4, shuffle: Some(1), lose_one_in: 0, repeat_one_in: 0 }
    }
}

/// A message that a skin has made: names of the event and the body.
#[derive(Clone, Debug)]
pub struct Message {
    /// Family of the event.
    pub event: &'static str,
    /// The precise kind, by which hooks subscribe.
    pub event_type: &'static str,
    /// The branch it is about, for hooks with a branch filter.
    pub branch: Option<String>,
    pub body: Vec<u8>,
}

/// One delivery on its way to one hook.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub id: String,
    pub hook: Hook,
    pub message: Message,
    dice: u64,
    /// Sent once more because somebody asked for it.
    pub again: bool,
}

impl Outgoing {
    /// Counts all deliveries of the forge.
    pub fn number(&self) -> u64 {
        self.dice
    }
}

/// A finished delivery.
#[derive(Clone, Debug, Serialize)]
pub struct Delivered {
    pub id: String,
    pub hook: i64,
    pub event: &'static str,
    pub event_type: &'static str,
    /// Status code of the receiver; absent when there was no answer.
    pub status: Option<u16>,
    pub ms: u64,
    pub error: String,
}

/// Makes the deliveries for what has happened: the payload is a snapshot of this moment.
pub fn prepare(world: &mut World, root: &str, told: &[Told]) -> Vec<Outgoing> {
    let mut outgoing = Vec::new();
    for one in told {
        let hooks: Vec<Hook> =
            world.hooks.all().filter(|hook| hook.active && hook.repo.is_none_or(|repo| repo == one.repo)).cloned().collect();
        for skin in Skin::ALL {
            let mut listeners = hooks.iter().filter(|hook| hook.skin == skin).peekable();
            let messages = if listeners.peek().is_some() { skin.messages(world, root, one, told) } else { Vec::new() };
            let mut events: HashMap<usize, String> = HashMap::new();
            for hook in listeners {
                for (index, message) in messages.iter().enumerate().filter(|(_, message)| wants(hook, message)) {
                    let mut delivery = addressed(world, hook.clone(), message.clone());
                    if skin == Skin::GitHub {
                        // There the id is that of the event, whoever is told.
                        delivery.id = events.entry(index).or_insert(delivery.id).clone();
                    }
                    outgoing.push(delivery);
                }
            }
        }
    }
    outgoing
}

/// One message for one hook, with a new delivery id.
pub fn addressed(world: &mut World, hook: Hook, message: Message) -> Outgoing {
    let number = world.next_id("delivery");
    let digest: [u8; 32] = Sha256::digest(format!("{}:{number}", world.instance())).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
    let message = skin::addressed(world, &hook, message);
    Outgoing { id, hook, message, dice: number.unsigned_abs(), again: false }
}

/// The same delivery once more, under the same id, to the hook as it is now.
pub fn once_more(world: &mut World, hook: Hook, one: &Outgoing) -> Outgoing {
    let dice = world.next_id("delivery").unsigned_abs();
    Outgoing { hook, dice, again: true, ..one.clone() }
}

fn wants(hook: &Hook, message: &Message) -> bool {
    let subscribed = hook.events.contains("*") || hook.events.contains(message.event_type);
    let branch = message.branch.as_deref().is_none_or(|branch| hook.branches.is_empty() || matches_pattern(&hook.branches, branch));
    subscribed && branch
}

/// What was sent, with the status code of the receiver if it answered.
pub type Sent = (Outgoing, Option<u16>);

/// The queue of deliveries.
pub struct Deliveries {
    config: DeliveryConfig,
    client: reqwest::Client,
    tracker: TaskTracker,
    stop: CancellationToken,
    gate: Arc<Semaphore>,
    under_way: watch::Sender<usize>,
    log: Arc<Mutex<VecDeque<Delivered>>>,
    sent: Arc<Mutex<VecDeque<Sent>>>,
    /// What was sent, for those who can ask for it again.
    pub history: Arc<History>,
    /// Tells the moment to those who sign it.
    pub clock: Clock,
    /// Address of the forge.
    pub root: String,
    /// The receivers are not among the hosts that the forge may call.
    pub forbidden: Arc<AtomicBool>,
}

impl Deliveries {
    /// A queue with its own HTTP client. The stop token ends everything under way.
    pub fn new(config: DeliveryConfig, stop: CancellationToken) -> reqwest::Result<Deliveries> {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("Go-http-client/1.1")
            .build()?;
        let gate = Arc::new(Semaphore::new(config.workers.max(1)));
        let (under_way, _) = watch::channel(0);
        Ok(Deliveries {
            config,
            client,
            tracker: TaskTracker::new(),
            stop,
            gate,
            under_way,
            log: Arc::default(),
            sent: Arc::default(),
            history: Arc::default(),
            clock: Clock::System,
            root: String::new(),
            forbidden: Arc::default(),
        })
    }

    /// Puts deliveries on their way.
    pub fn send(&self, mut outgoing: Vec<Outgoing>) {
        if let Some(seed) = self.config.shuffle {
            outgoing.sort_by_key(|one| mix(seed ^ one.dice));
        }
        for one in outgoing {
            if self.forbidden.load(Ordering::Relaxed) {
                self.lost(one);
                continue;
            }
            let dice = mix(self.config.shuffle.unwrap_or(0).wrapping_add(one.dice).rotate_left(17));
            let hit = |one_in: u64| one_in > 0 && dice.is_multiple_of(one_in);
            if hit(self.config.lose_one_in) && !one.again {
                self.lost(one);
                continue;
            }
            if hit(self.config.repeat_one_in) {
                self.start(one.clone());
            }
            self.start(one);
        }
    }

    /// A forge that keeps account of its deliveries knows of those that did not arrive.
    fn lost(&self, outgoing: Outgoing) {
        let error = "failed to connect to host".to_owned();
        self.history.add(Try { outgoing, at: self.clock.now(), ms: 0, status: None, error });
    }

    fn start(&self, one: Outgoing) {
        self.under_way.send_modify(|count| *count += 1);
        let done = Done(self.under_way.clone());
        let (client, gate, log, stop) = (self.client.clone(), self.gate.clone(), self.log.clone(), self.stop.clone());
        let (sent, clock, root) = (self.sent.clone(), self.clock.clone(), self.root.clone());
        let history = self.history.clone();
        self.tracker.spawn(async move {
            let _done = done;
            let work = async {
                let Ok(_turn) = gate.acquire().await else { return };
                let at = clock.now();
                let finished = post(&client, &one, at, &root).await;
                let (ms, status, error) = (finished.ms, finished.status, finished.error.clone());
                history.add(Try { outgoing: one.clone(), at, ms, status, error });
                remember(&mut sent.lock().unwrap_or_else(PoisonError::into_inner), (one, finished.status));
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                remember(&mut log, finished);
            };
            stop.run_until_cancelled(work).await;
        });
    }

    /// Waits until no delivery is under way.
    pub async fn settled(&self) {
        // The sender lives in self, so the wait cannot fail.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    /// How many deliveries are under way.
    pub fn under_way(&self) -> usize {
        *self.under_way.borrow()
    }

    /// The finished deliveries, oldest first.
    pub fn log(&self) -> Vec<Delivered> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What was sent to a hook, oldest first, with the status code of the receiver.
    pub fn sent_to(&self, hook: i64) -> Vec<Sent> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter().filter(|(one, _)| one.hook.id == hook).cloned().collect()
    }

    /// Waits for the tasks to end; call after the stop token is cancelled.
    pub async fn close(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Counts down even when the task is thrown away.
struct Done(watch::Sender<usize>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// HMAC-SHA256 of the body in lower-case hex; empty without a secret.
pub fn signature(secret: &str, body: &[u8]) -> String {
    if secret.is_empty() {
        return String::new();
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn remember<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() == REMEMBERED {
        list.pop_front();
    }
    list.push_back(one);
}

async fn post(client: &reqwest::Client, one: &Outgoing, at: Time, root: &str) -> Delivered {
    let Outgoing { id, hook, message, .. } = one;
    let content_type = if hook.form { "application/x-www-form-urlencoded" } else { "application/json" };
    let mut request = client.post(&hook.url).header("Content-Type", content_type);
    if hook.skin != Skin::Gitea {
        request = request.timeout(LONGER_PATIENCE);
    }
    for (name, value) in skin::headers(hook, id, message, at, root) {
        request = request.header(name, value);
    }
    if !hook.authorization.is_empty() {
        request = request.header("Authorization", &hook.authorization);
    }
    let start = tokio::time::Instant::now();
    let answer = request.body(message.body.clone()).send().await;
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match answer {
        Ok(answer) => (Some(answer.status().as_u16()), String::new()),
        Err(error) => (None, error.without_url().to_string()),
    };
    Delivered { id: id.clone(), hook: hook.id, event: message.event, event_type: message.event_type, status, ms, error }
}

/// A fixed scramble of a number (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn signatures_match_the_published_vectors() {
        let rows = [
            ("It's a Secret to Everybody", "Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
            ("s3cret", r#"{"action":"opened"}"#, "3ef76f8f67c2839504b3534592c6f42cabaa13dca21ed349ad19be2f2124b158"),
            ("", "anything", ""),
        ];
        for (secret, body, want) in rows {
            assert_eq!(signature(secret, body.as_bytes()), want, "{secret}");
        }
    }
}
