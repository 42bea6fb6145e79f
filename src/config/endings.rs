//! When the tokens of the forges end, for those who ask: the log, the health page, the metrics, `doctor`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::base::Time;

/// How many days ahead of its end a token is worth a warning.
pub const WARN_DAYS: i64 = 14;

/// The ends that are known, by forge. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Endings(Arc<RwLock<BTreeMap<String, Time>>>);

impl Endings {
    /// What a forge said last about the end of the bot's token; `None`: it has none.
    pub fn set(&self, forge: &str, end: Option<Time>) {
        let mut ends = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match end {
            Some(end) => drop(ends.insert(forge.to_owned(), end)),
            None => drop(ends.remove(forge)),
        }
    }

    /// All that are known.
    pub fn all(&self) -> Vec<(String, Time)> {
        let ends = self.0.read().unwrap_or_else(PoisonError::into_inner);
        ends.iter().map(|(forge, end)| (forge.clone(), *end)).collect()
    }

    /// A sentence for each token that ends soon or has ended.
    pub fn warnings(&self, now: Time) -> Vec<String> {
        self.all().into_iter().filter_map(|(forge, end)| warning(&forge, end, now)).collect()
    }
}

/// Whole days until then; negative: it has been.
pub fn days(end: Time, now: Time) -> i64 {
    (end.seconds() - now.seconds()).div_euclid(86_400)
}

fn warning(forge: &str, end: Time, now: Time) -> Option<String> {
    let (day, left) = (end.rfc3339()[..10].to_owned(), days(end, now));
    let fix = "make a new token for the bot's account, put it in place of this one, and start the program again";
    match left {
        ..0 => Some(format!("the token for the forge `{forge}` ended on {day}, and nothing works there; {fix}")),
        0..WARN_DAYS => {
            let noun = if left == 1 { "day" } else { "days" };
            Some(format!("the token for the forge `{forge}` ends on {day}, in {left} {noun}; {fix}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_soon_or_has_ended_is_worth_a_sentence() {
        let now = Time(1_800_000_000_000_000);
        let endings = Endings::default();
        for (left, want) in [(15, ""), (14, ""), (13, "in 13 days"), (1, "in 1 day;"), (0, "in 0 days"), (-1, "nothing works there")] {
            endings.set("home", Some(now.plus_millis(left * 86_400_000)));
            assert_eq!(endings.warnings(now).first().is_some_and(|text| text.contains(want)), !want.is_empty(), "{left}");
        }
        endings.set("home", None);
        assert!(endings.all().is_empty());
    }
}
