//! The whole demo, killed without warning and started again.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use syndarix::base::Clock;
use tokio::process::{Child, Command};

use crate::record::Books;
use crate::say;

const KILLS: usize = 15;
/// Every kill comes at most so many milliseconds after its start.
const LATEST: u64 = 2_500;
/// A start that is left alone ends within this time.
const PATIENCE: Duration = Duration::from_secs(150);

/// Kills demos at moments that follow from a seed until so many were killed, lets the last one end, and checks every story.
pub async fn kill_at_random() {
    let seed = 0x5eed_u64;
    let started = Clock::System.now();
    let (mut dice, mut kills, mut stories) = (seed, 0, 0);
    while kills < KILLS {
        let dir = tempfile::tempdir().unwrap();
        let mut here = 0;
        loop {
            let moment = roll(&mut dice) % LATEST;
            let alone = roll(&mut dice).is_multiple_of(2);
            let limit = (kills < KILLS).then_some(Duration::from_millis(moment));
            match start(dir.path(), limit, alone).await {
                Ok(None) => {
                    here += 1;
                    kills += 1;
                }
                Ok(Some(answer)) => {
                    check(dir.path(), &answer, here)
                        .await
                        .unwrap_or_else(|error| panic!("seed {seed:#x}, after {here} kills: {error:#}\n{answer}"));
                    stories += 1;
                    break;
                }
                Err(error) => panic!("seed {seed:#x}, after {here} kills: {error:#}"),
            }
        }
    }
    let seconds = (Clock::System.now().0 - started.0) as f64 / 1e6;
    say(&format!("kill -9 of the demo: {kills} kills over {stories} stories in {seconds:.0} s (seed {seed:#x})"));
}

/// xorshift64: the same seed gives the same moments.
fn roll(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice
}

/// Starts the demo. `None`: it was killed in time, `alone` without its bot. Else its last line.
async fn start(dir: &Path, limit: Option<Duration>, alone: bool) -> Result<Option<Value>> {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_syndarix"));
    demo.args(["demo", "--json", "--data"]).arg(dir).env_remove("FAILPOINTS");
    let child = demo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true).spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id().context("a process has an id")?)?).context("a process has an id")?;
    let output = child_output(child);
    tokio::pin!(output);
    if let Some(limit) = limit {
        match tokio::time::timeout(limit, &mut output).await {
            Ok(done) => return answer(done?).map(Some),
            Err(_) => {
                if alone {
                    kill_process(pid, Signal::KILL)?
                } else {
                    kill_process_group(pid, Signal::KILL)?
                }
                // Its pipes stay open as long as a bot that was left alone holds them.
                let _ = tokio::time::timeout(Duration::from_millis(10), output).await;
                return Ok(None);
            }
        }
    }
    let done = tokio::time::timeout(PATIENCE, output).await.context("the demo did not end")??;
    answer(done).map(Some)
}

async fn child_output(child: Child) -> Result<std::process::Output> {
    Ok(child.wait_with_output().await?)
}

fn answer(output: std::process::Output) -> Result<Value> {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let last = out.lines().last().unwrap_or_default();
    let answer: Value = serde_json::from_str(last).with_context(|| format!("{}\n{out}\n{err}", output.status))?;
    ensure!(answer["ok"] == true && output.status.success(), "{}\n{out}\n{err}", output.status);
    Ok(answer)
}

/// What the sweep checks of the bot's books, and what the demo itself counted.
async fn check(dir: &Path, answer: &Value, kills: usize) -> Result<()> {
    let books = Books::open(dir, "acme/shop").await?;
    books.audit(dir, kills).await?;
    books.close().await;
    let expected = serde_json::json!({"commits": 4, "comments": 5, "pull": 2, "merged": true});
    let got = serde_json::json!({"commits": answer["commits"], "comments": answer["comments"], "pull": answer["pull"]["number"], "merged": answer["pull"]["merged"]});
    ensure!(got == expected, "expected {expected}, got {got}");
    Ok(())
}
