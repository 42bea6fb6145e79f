//! A process that is asked to stop while an agent's model thinks and thinks: it ends in time, and its work goes on elsewhere at once.

use std::time::Duration;

use rustix::process::Signal;
use syndarix::base::Clock;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::database::Database;
use crate::fleet::{Fleet, Instance, PATIENCE, connect, owner_of, run_under_way};
use crate::{TURN, say};

/// How long a stopping process ends what is under way, in seconds; a run is cut off after five sixths of it.
const DRAIN: u64 = 6;
/// A lease that nobody waits for in these tests, in seconds.
const NEVER: &str = "900";

/// A model that takes requests and never answers. Tells how many it has.
struct Hanging {
    url: String,
    asked: watch::Receiver<usize>,
    _server: tokio::task::JoinSet<()>,
}

impl Hanging {
    async fn start() -> Hanging {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = watch::channel(0);
        let accept = async move {
            let mut open = Vec::new();
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                // Whoever connected has something to say, and is never answered.
                let mut first = [0; 1];
                if stream.read_exact(&mut first).await.is_ok() {
                    tell.send_modify(|count| *count += 1);
                    open.push(stream);
                }
            }
        };
        Hanging { url, asked, _server: tokio::task::JoinSet::from_iter([accept]) }
    }

    async fn has_asked(&mut self, times: usize) {
        tokio::time::timeout(PATIENCE, self.asked.wait_for(|count| *count >= times)).await.expect("an agent asks the model").unwrap();
    }
}

impl Fleet {
    /// From now on instances ask this model, which never answers.
    fn hang_on(&mut self, model: &Hanging) {
        self.model = Some(model.url.clone());
        self.variables = vec![("SYNDARIX_TIMINGS_RUN_LEASE_SECONDS", NEVER.into()), ("SYNDARIX_TIMINGS_DRAIN_SECONDS", DRAIN.to_string())];
    }

    /// From now on instances answer from the script.
    fn go_on(&mut self) {
        self.model = None;
    }
}

/// Sends signals and gives the exit code with the seconds that it took.
async fn ended(instance: Instance, signals: &[Signal]) -> (Option<i32>, f64) {
    let begun = Clock::System.now();
    for (at, signal) in signals.iter().enumerate() {
        if at > 0 {
            // Two signals of one kind that are not told apart would be one.
            let stopping = async {
                let http = reqwest::Client::builder().build().unwrap();
                while http.get(format!("{}/readyz", instance.url)).send().await.is_ok_and(|answer| answer.status() == 200) {}
            };
            tokio::time::timeout(Duration::from_secs(20), stopping).await.expect("it says that it is stopping");
        }
        instance.signal(*signal);
    }
    let code = instance.exit_code().await;
    (code, (Clock::System.now().0 - begun.0) as f64 / 1e6)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopping_instance_has_under_way_goes_on_elsewhere_without_waiting_for_its_lease() {
    let _turn = TURN.lock().await;
    let Some(database) = Database::fresh("hand-over at a graceful stop").await else { return };
    let mut model = Hanging::start().await;
    let mut fleet = Fleet::open(&database.url(), 1, 1).await.unwrap();
    fleet.hang_on(&model);
    fleet.start("a").await.unwrap();
    let people = crate::fleet::beside(fleet.people_at_work());
    model.has_asked(1).await;
    let mut connection = connect(&database.url()).await;
    let (run, owner) = run_under_way(&mut connection).await.expect("a run is under way");
    fleet.go_on();
    fleet.start("b").await.unwrap();
    let (code, seconds) = ended(fleet.instances.remove(0), &[Signal::TERM]).await;
    say(&format!("graceful stop with a hanging model: {seconds:.1} s of {DRAIN} s"));
    assert!(code == Some(0) && seconds < DRAIN as f64 + 3.0, "{code:?} after {seconds:.1} s\n{}", fleet.messages("a"));
    assert_ne!(owner_of(&mut connection, run).await, Some(owner), "its lease is handed over");
    for played in people.join_all().await {
        played.unwrap();
    }
    fleet.ends_well(1).await.unwrap();
    fleet.stop().await;
    database.drop().await;
}

/// A story whose only process is stopped by these signals while the model hangs, and started again. Gives exit code and seconds.
async fn stopped_and_started_again(signals: &[Signal]) -> (Option<i32>, f64, String) {
    let mut model = Hanging::start().await;
    let mut fleet = Fleet::open("", 1, 1).await.unwrap();
    fleet.hang_on(&model);
    fleet.start("a").await.unwrap();
    let people = crate::fleet::beside(fleet.people_at_work());
    model.has_asked(1).await;
    let (code, seconds) = ended(fleet.instances.remove(0), signals).await;
    let messages = fleet.messages("a");
    fleet.go_on();
    fleet.start("a").await.unwrap();
    for played in people.join_all().await {
        played.unwrap();
    }
    fleet.ends_well(1).await.unwrap();
    fleet.stop().await;
    (code, seconds, messages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopping_process_has_under_way_goes_on_at_the_next_start() {
    let _turn = TURN.lock().await;
    let (code, seconds, messages) = stopped_and_started_again(&[Signal::TERM]).await;
    assert!(code == Some(0) && seconds < DRAIN as f64 + 3.0, "{code:?} after {seconds:.1} s\n{messages}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_at_once_and_hands_over_all_the_same() {
    let _turn = TURN.lock().await;
    let (code, seconds, messages) = stopped_and_started_again(&[Signal::TERM, Signal::INT]).await;
    say(&format!("stop at once after a second signal: {seconds:.1} s"));
    assert!(code == Some(1) && seconds < DRAIN as f64 * 5.0 / 6.0, "{code:?} after {seconds:.1} s\n{messages}");
    assert!(messages.contains("handed over work that did not end in time"), "{messages}");
}
