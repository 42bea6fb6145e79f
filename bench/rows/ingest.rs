//! Row a: a web hook is checked, deduplicated, committed and answered. Controls: the same server without the store, and the plainest
//! durable thing that answers a web hook: one table, many inserts in one commit.

mod control;
mod kills;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use syndarix::base::Clock;
use syndarix::base::secret::SecretString;
use syndarix::domain::forge::ForgeKind;
use syndarix::forge::Timeouts;
use syndarix::forge::gitea::{GiteaConfig, GiteaForge};
use syndarix::store::Store;
use syndarix::web::{self, Hook, WebState};

use crate::data::{Database, Kind};
use crate::load::{Hooks, Leg, SECRET};
use crate::report::{Report, median, percentile};

const CONNECTIONS: usize = 64;
const LEG: Duration = Duration::from_millis(2_500);
/// There and back again, three times.
const ORDER: [&str; 6] = ["bare", "control", "ours", "ours", "control", "bare"];

pub async fn row(short: bool) -> Report {
    let mut report = Report::new("a", short);
    for kind in Kind::BOTH {
        rates(&mut report, kind, if short { LEG / 8 } else { LEG }).await;
        kills::row(&mut report, kind).await;
    }
    report
}

async fn rates(report: &mut Report, kind: Kind, leg: Duration) {
    let word = kind.word();
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    let mut millis = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..3 {
        for how in ORDER {
            let database = Database::new(kind).await;
            let server = Server::start(&database.url, how);
            let hooks = Arc::new(Hooks::new());
            // The first moments go to opening connections and preparing statements.
            hooks.send(server.port, CONNECTIONS, Duration::from_millis(300)).await;
            let Leg { per_second, millis: took, unanswered, .. } = hooks.send(server.port, CONNECTIONS, leg).await;
            assert!(unanswered.is_empty(), "{how} left {} requests unanswered", unanswered.len());
            drop(server);
            database.remove().await;
            let at = ["bare", "control", "ours"].iter().position(|name| *name == how).unwrap();
            rates[at].push(per_second);
            millis[at].extend(took);
        }
    }
    report.steady(&format!("{word}_bare"), &rates[0]);
    report.steady(&format!("{word}_group_commit"), &rates[1]);
    let names = ["control: signature only, nothing kept", "control: one table, group commit", "Syndarix"];
    let [bare, control, ours] = rates.map(|mut rates| median(&mut rates));
    let mut tails = [0.0; 3];
    for (at, rate) in [bare, control, ours].into_iter().enumerate() {
        tails[at] = percentile(&mut millis[at], 99.0);
        report.line(
            format!("{word}, {}", names[at]),
            format!("{rate:.0}/s"),
            format!("p50 {:.2} ms, p99 {:.2} ms", median(&mut millis[at]), tails[at]),
        );
    }
    report.control(&format!("{word}_bare_per_s"), bare);
    report.control(&format!("{word}_group_commit_per_s"), control);
    report.ratio(&format!("{word}_vs_group_commit"), ours / control);
    report.ratio(&format!("{word}_vs_bare"), ours / bare);
    report.ratio(&format!("{word}_p99_vs_group_commit"), tails[2] / tails[1]);
    report.aim(format!("{word}: at least 0.9 of the group-commit control ({:.2})", ours / control), ours / control >= 0.9);
}

/// A server in a process of its own; killed when dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    pub fn start(url: &str, how: &str) -> Server {
        let mut child =
            Command::new(std::env::current_exe().unwrap()).args(["serve-ingest", url, how]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        Server { child, port: line.trim().parse().expect("the server did not start") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL: nothing is flushed on the way out.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The process behind [`Server`]: prints its port and serves until killed.
pub async fn serve(url: &str, how: &str) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = match how {
        "ours" => ours(url).await,
        "control" => control::group_commit(url).await,
        _ => control::bare(),
    };
    println!("{port}");
    use axum::serve::ListenerExt;
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}

/// What the product serves, with its store and without workers: reading the inbox is not part of answering.
async fn ours(url: &str) -> axum::Router {
    let store = Store::open(&url.parse().unwrap(), Clock::System).await.unwrap();
    let config = GiteaConfig {
        base_url: "http://127.0.0.1:1/".into(),
        token: SecretString::from("not used"),
        timeouts: Timeouts::default(),
        kind: ForgeKind::Gitea,
    };
    let forge = Arc::new(GiteaForge::new(config).unwrap());
    let hook = Hook::new(forge, SecretString::from(SECRET));
    web::router(WebState {
        store,
        clock: Clock::System,
        hooks: Arc::new([("gitea".to_owned(), hook)].into()),
        data_dir: std::env::temp_dir(),
        stopping: tokio_util::sync::CancellationToken::new(),
        team: None,
        endings: syndarix::config::endings::Endings::default(),
        metrics: web::Kept::default(),
        metrics_need_token: false,
        pace: web::Pace::default(),
        redactor: syndarix::base::secret::Redactor::default(),
        traces: syndarix::base::trace::Traces::default(),
    })
}
