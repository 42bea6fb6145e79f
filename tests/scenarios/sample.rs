//! Which cases of a large set are tried: all of them with `SYNDARIX_TEST_ALL_ORDERS=1`, else a sample by a seed, and a line that says
//! what was left out.

use std::io::Write;

/// The seed of samples: the same cases on every machine, unless `SYNDARIX_TEST_SEED` says otherwise.
const SEED: u64 = 7;

/// So many of the cases, evenly chosen, in their order.
pub fn of<T: Clone>(what: &str, cases: &[T], most: usize) -> Vec<T> {
    if cases.len() <= most || variable("SYNDARIX_TEST_ALL_ORDERS").is_some_and(|value| value == "1") {
        return cases.to_vec();
    }
    let seed = variable("SYNDARIX_TEST_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|&at| mix(seed ^ (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    order.truncate(most);
    order.sort_unstable();
    let left = cases.len() - most;
    // Straight to the terminal: the test harness would swallow a printed line.
    let _ = writeln!(std::io::stderr(), "left out: {left} of {} {what} (SYNDARIX_TEST_ALL_ORDERS=1 tries them all)", cases.len());
    order.into_iter().map(|at| cases[at].clone()).collect()
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
    std::env::var(name).ok()
}

/// The finalizer of SplitMix64.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Every order of these numbers.
pub fn orders(numbers: &[usize]) -> Vec<Vec<usize>> {
    if numbers.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in numbers.iter().enumerate() {
        let mut rest = numbers.to_vec();
        rest.remove(at);
        all.extend(orders(&rest).into_iter().map(|order| [vec![*first], order].concat()));
    }
    all
}
