//! Every crash point at every count.

use std::collections::BTreeMap;
use std::fmt::Write;

use syndarix::base::Clock;
use syndarix::config::Env;
use tokio::task::JoinSet;

use crate::page::difference;
use crate::say;
use crate::world::{Ending, Kill, play};

const POINTS: [&str; 4] = ["commit-before", "commit-after", "effect-before", "effect-after"];
/// By default every so-manieth count of a point is visited, so that the sweep fits into a test run.
const STRIDE: usize = 16;
/// How many stories go at the same time.
const AT_ONCE: usize = 3;

/// What is swept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breadth {
    Each(usize),
    Nested,
}

/// How far a point is.
struct Row {
    next: usize,
    hits: usize,
    /// The first count at which it was not hit any more.
    end: Option<usize>,
}

/// Plays the story once undisturbed, then with a crash at every point and count, and compares.
pub async fn sweep() {
    let env = Env::process();
    let breadth = match env.get("SYNDARIX_SWEEP") {
        Some(place) if place.contains(':') => return one(place).await,
        Some("full") => Breadth::Each(1),
        Some("nested") => Breadth::Nested,
        Some(stride) => Breadth::Each(stride.parse().unwrap_or_else(|_| panic!("SYNDARIX_SWEEP={stride} is neither a place nor a stride"))),
        _ => Breadth::Each(STRIDE),
    };
    let started = Clock::System.now();
    let want = play(&[]).await.unwrap_or_else(|error| panic!("the undisturbed story failed: {error:#}"));
    let mut failures = Vec::new();
    let mut rows: BTreeMap<&str, Row> =
        POINTS.iter().enumerate().map(|(at, point)| (*point, Row { next: first(breadth, at), hits: 0, end: None })).collect();
    let mut playing = JoinSet::new();
    let mut stories = 1;
    loop {
        while playing.len() < AT_ONCE
            && let Some(kills) = next(&mut rows, breadth)
        {
            stories += 1;
            playing.spawn_blocking(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let ending = runtime.block_on(play(&kills));
                (kills, ending)
            });
        }
        let Some(done) = playing.join_next().await else { break };
        let (kills, ending) = done.unwrap();
        let row = rows.get_mut(kills[0].point).unwrap();
        match ending {
            Ok(ending) if ending.kills == 0 => row.end = Some(row.end.map_or(kills[0].count, |end| end.min(kills[0].count))),
            Ok(ending) => {
                row.hits += 1;
                failures.extend(compare(&kills, &want, &ending));
            }
            Err(error) => {
                row.hits += 1;
                failures.push(format!("{}: {error:#}", name(&kills)));
            }
        }
        if failures.len() >= 12 {
            rows.values_mut().for_each(|row| row.end = Some(0));
        }
    }
    let seconds = (Clock::System.now().0 - started.0) as f64 / 1e6;
    let what = match breadth {
        Breadth::Each(1) => "every count".to_owned(),
        Breadth::Each(stride) => format!("each {stride}th count; SYNDARIX_SWEEP=full visits all"),
        Breadth::Nested => "each count with a second kill during recovery".to_owned(),
    };
    let hits: Vec<String> = rows.iter().map(|(point, row)| format!("{point} {}", row.hits)).collect();
    say(&format!(
        "crash sweep ({what}): {stories} stories in {seconds:.0} s, {:.2} s each; kills: {}",
        seconds / f64::from(stories),
        hits.join(", ")
    ));
    assert!(failures.is_empty(), "{} stories did not end as the undisturbed one:\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(rows.values().all(|row| row.hits > 0), "a point was never hit: {hits:?}");
}

/// One place again and again, to look into a failure: `effect-after:6`, or `effect-after:6,commit-before:2` for two kills.
async fn one(place: &str) {
    let kills: Vec<Kill> =
        place.split(',').map(|kill| read_kill(kill).unwrap_or_else(|| panic!("`{kill}` is no crash point with a count"))).collect();
    let want = play(&[]).await.unwrap_or_else(|error| panic!("the undisturbed story failed: {error:#}"));
    for time in 1..=10 {
        let got = play(&kills).await.unwrap_or_else(|error| panic!("time {time}, {}: {error:#}", name(&kills)));
        if let Some(different) = compare(&kills, &want, &got) {
            panic!("time {time}: {different}");
        }
    }
}

fn read_kill(text: &str) -> Option<Kill> {
    let (point, count) = text.split_once(':')?;
    Some(Kill { point: POINTS.into_iter().find(|known| *known == point)?, count: count.parse().ok()? })
}

/// Where a point begins: each elsewhere, so that a sparse sweep does not visit the same moments four times.
fn first(breadth: Breadth, at: usize) -> usize {
    match breadth {
        Breadth::Each(stride) => at * stride / POINTS.len(),
        Breadth::Nested => at,
    }
}

fn next(rows: &mut BTreeMap<&str, Row>, breadth: Breadth) -> Option<Vec<Kill>> {
    let (point, row) = rows.iter_mut().filter(|(_, row)| row.end.is_none()).min_by_key(|(_, row)| row.next)?;
    let point = POINTS.into_iter().find(|known| known == point)?;
    let count = row.next;
    let mut kills = vec![Kill { point, count }];
    match breadth {
        Breadth::Each(stride) => row.next += stride,
        Breadth::Nested => {
            row.next += POINTS.len();
            // The second kill comes soon after the start, and at another point each time.
            kills.push(Kill { point: POINTS[(count / POINTS.len()) % POINTS.len()], count: (count * 7) % 5 });
        }
    }
    Some(kills)
}

fn name(kills: &[Kill]) -> String {
    let names: Vec<String> = kills.iter().map(|kill| format!("{} after {}", kill.point, kill.count)).collect();
    names.join(", then ")
}

fn compare(kills: &[Kill], want: &Ending, got: &Ending) -> Option<String> {
    let mut out = String::new();
    if want.seen.pages != got.seen.pages {
        let _ = write!(out, "the pages differ:\n{}", difference(&want.seen.pages, &got.seen.pages));
    }
    if want.seen.counts != got.seen.counts {
        let _ = writeln!(out, "the counts differ:\n-{:?}\n+{:?}", want.seen.counts, got.seen.counts);
    }
    if want.seen.commits != got.seen.commits {
        let _ = writeln!(out, "the commits differ:\n{}", difference(&want.seen.commits.join("\n"), &got.seen.commits.join("\n")));
    }
    if want.booked.runs != got.booked.runs {
        let _ = writeln!(out, "the runs differ:\n{}", difference(&want.booked.runs.join("\n"), &got.booked.runs.join("\n")));
    }
    (!out.is_empty()).then(|| format!("{}: {out}", name(kills)))
}
