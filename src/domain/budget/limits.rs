//! May the next call be paid for: go, go cheaper, stop.

use serde::{Deserialize, Serialize};

use crate::base::Nano;

/// The limits of one purse, such as a story's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From here on a cheaper model is used, and that is said.
    pub soft: Nano,
    /// Nothing is bought past this.
    pub hard: Nano,
}

/// What [`judge`] says about the next call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
pub enum Verdict {
    Go,
    /// The soft limit is reached: take the cheaper group. The text says why.
    GoCheaper(String),
    /// The hard limit would be passed. A sentence for the issue, with the way out.
    Stop(String),
}

const OWN: &str = "The budget";
/// Who can raise a story's limit, and how.
pub const RAISE: &str = "A maintainer can raise it with `/syndarix budget set <amount>`.";
/// Who can raise the project's limit, and how.
pub const RAISE_PROJECT: &str = "A maintainer can raise it with `/syndarix budget set <amount> --project`.";

/// Judges a call of at most `amount`, given what is spent and what other calls in flight have reserved. A call that costs nothing always goes.
pub fn judge(spent: Nano, reserved: Nano, amount: Nano, limits: &Limits) -> Verdict {
    judge_of(OWN, spent, reserved, amount, limits)
}

/// The same for a purse with a name, which begins the sentence of a stop.
pub(super) fn judge_of(purse: &str, spent: Nano, reserved: Nano, amount: Nano, limits: &Limits) -> Verdict {
    if amount.0 <= 0 {
        return Verdict::Go;
    }
    let committed = spent + reserved;
    let after = committed + amount;
    if after > limits.hard {
        return Verdict::Stop(stop_sentence(purse, spent, reserved, amount, limits));
    }
    if after > limits.soft {
        return Verdict::GoCheaper(format!(
            "{committed} of the soft limit of {} is spent or reserved, so a cheaper model goes on.",
            limits.soft
        ));
    }
    Verdict::Go
}

fn stop_sentence(purse: &str, spent: Nano, reserved: Nano, amount: Nano, limits: &Limits) -> String {
    let in_flight = if reserved.0 > 0 { format!(" and {reserved} reserved by calls that are running") } else { String::new() };
    format!(
        "{purse} of {} does not cover the next model call: {spent} is spent{in_flight}, and the call may cost up to {amount}. {}",
        limits.hard,
        if purse == OWN { RAISE } else { RAISE_PROJECT }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_verdicts() {
        let limits = Limits { soft: Nano(50), hard: Nano(100) };
        let rows = [
            ((0, 0, 50), "go"),
            ((50, 0, 1), "cheaper"),
            ((10, 30, 11), "cheaper"),
            ((50, 0, 50), "cheaper"),
            ((50, 0, 51), "stop"),
            ((10, 80, 11), "stop"),
            ((100, 0, 1), "stop"),
            ((500, 0, 0), "go"),
            ((i64::MAX, i64::MAX, 1), "stop"),
        ];
        for ((spent, reserved, amount), want) in rows {
            let got = match judge(Nano(spent), Nano(reserved), Nano(amount), &limits) {
                Verdict::Go => "go",
                Verdict::GoCheaper(_) => "cheaper",
                Verdict::Stop(_) => "stop",
            };
            assert_eq!(got, want, "{spent} {reserved} {amount}");
        }
    }

    #[test]
    fn a_stop_names_the_way_out() {
        let limits = Limits { soft: Nano::from_usd(1.0), hard: Nano::from_usd(2.0) };
        let Verdict::Stop(sentence) = judge(Nano::from_usd(1.9), Nano::from_usd(0.05), Nano::from_usd(0.1), &limits) else {
            panic!("goes on")
        };
        for word in ["$2.00", "$1.90", "$0.05", "$0.10", "`/syndarix budget set <amount>`"] {
            assert!(sentence.contains(word), "{word} in {sentence}");
        }
    }
}
