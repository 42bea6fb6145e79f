//! Every call of the main story fails once, in every way: the story must end like the undisturbed one.

use syndarix::base::Clock;
use syndarix::config::Env;
use tokio::task::JoinSet;

use super::answers::smooth;
use super::proxy::Seen;
use super::rules::{Fault, Rule, roll};
use super::say;
use super::stage::{difference, main_story, through_a_proxy};

/// How many stories go at the same time.
const AT_ONCE: usize = 3;
/// No story of the sample begins later than this many seconds after the first.
const SAMPLE: i64 = 60;

/// The seed of this run.
pub fn seed() -> u64 {
    Env::process().get("SYNDARIX_FAULT_SEED").and_then(|text| text.parse().ok()).unwrap_or(20_260_803)
}

fn ways(call: &Seen) -> Vec<Fault> {
    let mut ways =
        vec![Fault::DropBefore, Fault::DropAfter, Fault::Reset, Fault::CutAt(0), Fault::CutAt(7), Fault::BrokenGzip, Fault::Html];
    ways.extend([500, 502, 503, 504, 408].map(Fault::Status));
    // Git waits for minutes, and takes a redirect for a renamed repository, about which a person is asked.
    if !call.path.contains(".git/") {
        ways.extend([Fault::Stall, Fault::StallAfter]);
        ways.extend([301, 307].map(|status| Fault::Redirect(status, "http://127.0.0.1:9/elsewhere".into())));
        ways.push(Fault::Limited(429, vec![("retry-after", "30".into())], "slow down"));
        ways.push(Fault::Limited(403, vec![], "You have exceeded a secondary rate limit"));
    }
    if call.is_write() {
        ways.extend([500, 502, 504].map(Fault::StatusAfter));
    }
    ways
}

/// Plays the story with one fault; gives its page and what was called.
async fn play(rule: Option<Rule>) -> (String, Vec<Seen>) {
    let mut told = (String::new(), Vec::new());
    through_a_proxy(smooth(), async |w, proxy| {
        let before = proxy.seen().len();
        proxy.plays(rule);
        told = (main_story(w).await, proxy.seen().split_off(before));
    })
    .await;
    told
}

/// The same on a thread of its own; a failed expectation comes back as its words.
fn played(rule: Option<Rule>) -> Result<(String, Vec<Seen>), String> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Box::pin(play(rule)))
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).map_err(|panic| match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(panic) => panic.downcast::<&str>().map_or_else(|_| "it panicked".into(), |words| (*words).to_owned()),
    })
}

#[tokio::test]
async fn a_story_in_which_any_one_call_fails_once_ends_like_the_undisturbed_one() {
    let all = Env::process().get("SYNDARIX_FAULTS") == Some("full");
    let started = Clock::System.now();
    let (want, calls) = tokio::task::spawn_blocking(|| played(None)).await.unwrap().expect("the undisturbed story");
    let mut trials: Vec<(usize, Fault)> =
        calls.iter().enumerate().flat_map(|(n, call)| ways(call).into_iter().map(move |fault| (n, fault))).collect();
    let total = trials.len();
    let mut dice = seed();
    trials.sort_by_cached_key(|_| roll(&mut dice));
    let (mut playing, mut failures, mut done, mut missed) = (JoinSet::new(), Vec::new(), 0, 0);
    loop {
        let late = (Clock::System.now().0 - started.0) / 1_000_000 > SAMPLE;
        while playing.len() < AT_ONCE
            && (all || !late)
            && failures.len() < 8
            && let Some((n, fault)) = trials.pop()
        {
            let call = calls.get(n).map(|call| format!("{} {}", call.method, call.path)).unwrap_or_default();
            let name = format!("call {n} ({call}): {}", fault.name());
            playing.spawn_blocking(move || (name, played(Some(Rule::nth(n, fault)))));
        }
        let Some(ended) = playing.join_next().await else { break };
        done += 1;
        match ended.unwrap() {
            (name, Err(words)) => failures.push(format!("{name}: {words}")),
            (name, Ok((got, seen))) => {
                missed += usize::from(!seen.iter().any(|seen| seen.fault.is_some()));
                if got != want {
                    failures.push(format!("{name}:\n{}", difference(&want, &got)));
                }
            }
        }
    }
    let seconds = (Clock::System.now().0 - started.0) as f64 / 1e6;
    say(&format!(
        "{} calls, {total} ways to fail: {done} stories in {seconds:.0} s (seed {}), {missed} ended before their call",
        calls.len(),
        seed()
    ));
    if !trials.is_empty() {
        say(&format!("left out: {} of {total} faults; SYNDARIX_FAULTS=full plays all", trials.len()));
    }
    assert!(failures.is_empty(), "{} of {done} stories went wrong:\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(done > missed, "no fault was met");
}
