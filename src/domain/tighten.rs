//! What a repository may say about itself: it may make the rules that its administrator set tighter, never looser. A line that would loosen
//! is refused with a sentence, and the others hold.

use std::collections::BTreeMap;

use crate::base::Nano;
use crate::domain::budget::Limits;
use crate::domain::guard::GuardLimits;
use crate::domain::workflow::label::Autonomy;

/// The rules of a project as far as a repository may tighten them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub autonomy: Autonomy,
    /// The loosest level that a maintainer may set by command.
    pub ceiling: Autonomy,
    pub one_person_team: bool,
    /// Logins that count as writers where the bot may not ask the forge.
    pub writers: Vec<String>,
    /// Logins of other bots that may give commands.
    pub listed_bots: Vec<String>,
    /// Logins of programs.
    pub bots: Vec<String>,
    pub budget: Limits,
    /// Paths that agents change only with a person's approval.
    pub protected: Vec<String>,
    pub fix_tries: u32,
    /// Most stories at work at once; 0: as many as there are.
    pub max_stories: u32,
    pub limits: GuardLimits,
    /// Issues of the linked repository come here.
    pub inward: bool,
    /// Issues with the label go there.
    pub outward: bool,
}

/// What a repository wishes; what it leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    pub autonomy: Option<Autonomy>,
    pub autonomy_ceiling: Option<Autonomy>,
    pub one_person_team: Option<bool>,
    pub writers: Option<Vec<String>>,
    pub listed_bots: Option<Vec<String>>,
    /// Added to those that are known.
    pub bots: Option<Vec<String>>,
    pub soft_usd: Option<Nano>,
    pub hard_usd: Option<Nano>,
    /// Added to those that are protected.
    pub protected_paths: Option<Vec<String>>,
    pub fix_tries: Option<u32>,
    pub max_stories: Option<u32>,
    pub limits: BTreeMap<String, i64>,
    pub inward: Option<bool>,
    pub outward: Option<bool>,
}

/// A line that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its key, such as `limits.story_runs`.
    pub key: String,
    /// Why, and what holds instead.
    pub why: String,
}

/// What came of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tightened {
    pub bounds: Bounds,
    /// The keys that hold by the repository's wish.
    pub taken: Vec<String>,
    pub refused: Vec<Refusal>,
}

/// Lays a wish over the rules. Whatever it says, the result is nowhere looser than `base`.
pub fn tighten(base: &Bounds, wish: &Wish) -> Tightened {
    let mut turn = Turn { taken: Vec::new(), refused: Vec::new() };
    let mut bounds = base.clone();
    turn.level("autonomy", &mut bounds.autonomy, wish.autonomy);
    // A level that a repository sets is its ceiling as well, as it is in the administrator's own files.
    bounds.ceiling = if bounds.autonomy == base.autonomy { base.ceiling } else { base.ceiling.min(bounds.autonomy) };
    turn.ceiling(base.ceiling, bounds.autonomy, &mut bounds.ceiling, wish.autonomy_ceiling);
    turn.flag("one_person_team", &mut bounds.one_person_team, wish.one_person_team);
    turn.fewer("writers", &mut bounds.writers, wish.writers.as_deref());
    turn.fewer("listed_bots", &mut bounds.listed_bots, wish.listed_bots.as_deref());
    turn.more("bots", &mut bounds.bots, wish.bots.as_deref());
    turn.amount("hard_usd", &mut bounds.budget.hard, wish.hard_usd);
    turn.amount("soft_usd", &mut bounds.budget.soft, wish.soft_usd);
    bounds.budget.soft = bounds.budget.soft.min(bounds.budget.hard);
    turn.more("protected_paths", &mut bounds.protected, wish.protected_paths.as_deref());
    turn.count("fix_tries", &mut bounds.fix_tries, wish.fix_tries, false);
    turn.count("max_stories", &mut bounds.max_stories, wish.max_stories, true);
    for (key, value) in &wish.limits {
        turn.limit(key, &mut bounds.limits, *value);
    }
    turn.flag("link.inward", &mut bounds.inward, wish.inward);
    turn.flag("link.outward", &mut bounds.outward, wish.outward);
    Tightened { bounds, taken: turn.taken, refused: turn.refused }
}

struct Turn {
    taken: Vec<String>,
    refused: Vec<Refusal>,
}

impl Turn {
    fn take(&mut self, key: &str) {
        self.taken.push(key.to_owned());
    }

    fn refuse(&mut self, key: &str, wished: &str, holds: &str) {
        let why =
            format!("`{key}` = {wished} would loosen what the administrator set ({holds}), which a repository may not; {holds} stays");
        self.refused.push(Refusal { key: key.to_owned(), why });
    }

    fn level(&mut self, key: &str, holds: &mut Autonomy, wished: Option<Autonomy>) {
        match wished {
            Some(wished) if wished > *holds => self.refuse(key, wished.word(), holds.word()),
            Some(wished) => {
                *holds = wished;
                self.take(key);
            }
            None => {}
        }
    }

    fn ceiling(&mut self, base: Autonomy, autonomy: Autonomy, holds: &mut Autonomy, wished: Option<Autonomy>) {
        let key = "autonomy_ceiling";
        match wished {
            Some(wished) if wished > base => self.refuse(key, wished.word(), base.word()),
            Some(wished) if wished < autonomy => {
                let why = format!("`{key}` = {} is tighter than `autonomy` ({}), which is always allowed", wished.word(), autonomy.word());
                self.refused.push(Refusal { key: key.to_owned(), why });
            }
            Some(wished) => {
                *holds = wished;
                self.take(key);
            }
            None => {}
        }
    }

    fn flag(&mut self, key: &str, holds: &mut bool, wished: Option<bool>) {
        match wished {
            Some(true) if !*holds => self.refuse(key, "true", "false"),
            Some(wished) => {
                *holds = wished;
                self.take(key);
            }
            None => {}
        }
    }

    fn amount(&mut self, key: &str, holds: &mut Nano, wished: Option<Nano>) {
        match wished {
            Some(wished) if wished > *holds => self.refuse(key, &wished.to_string(), &holds.to_string()),
            Some(wished) => {
                *holds = wished;
                self.take(key);
            }
            None => {}
        }
    }

    /// `endless`: zero stands for no limit.
    fn count(&mut self, key: &str, holds: &mut u32, wished: Option<u32>, endless: bool) {
        let size = |count: u32| if endless && count == 0 { u64::from(u32::MAX) + 1 } else { u64::from(count) };
        match wished {
            Some(wished) if size(wished) > size(*holds) => self.refuse(key, &wished.to_string(), &holds.to_string()),
            Some(wished) => {
                *holds = wished;
                self.take(key);
            }
            None => {}
        }
    }

    fn limit(&mut self, name: &str, limits: &mut GuardLimits, wished: i64) {
        let (key, holds) = (format!("limits.{name}"), limits.get(name));
        if holds > 0 && wished > holds {
            return self.refuse(&key, &wished.to_string(), &holds.to_string());
        }
        match limits.set(name, wished) {
            Ok(()) => self.take(&key),
            Err(why) => self.refused.push(Refusal { key, why }),
        }
    }

    /// A list that may only get shorter.
    fn fewer(&mut self, key: &str, holds: &mut Vec<String>, wished: Option<&[String]>) {
        let Some(wished) = wished else { return };
        let (known, strange): (Vec<&String>, Vec<&String>) = wished.iter().partition(|login| holds.contains(login));
        for login in strange {
            let why = format!(
                "`{login}` in `{key}` is not on the administrator's list, and a repository may only make that shorter; it is left out"
            );
            self.refused.push(Refusal { key: key.to_owned(), why });
        }
        *holds = known.into_iter().cloned().collect();
        self.take(key);
    }

    /// A list that only gets longer.
    fn more(&mut self, key: &str, holds: &mut Vec<String>, wished: Option<&[String]>) {
        let Some(wished) = wished else { return };
        for item in wished {
            if !holds.contains(item) {
                holds.push(item.clone());
            }
        }
        self.take(key);
    }
}

impl Bounds {
    /// The first thing in which this allows what the other does not; `None`: it is nowhere looser.
    pub fn looser_than(&self, other: &Bounds) -> Option<&'static str> {
        let endless = |count: u32| if count == 0 { u64::MAX } else { u64::from(count) };
        let within = |own: &[String], others: &[String]| own.iter().all(|item| others.contains(item));
        let rules = [
            ("autonomy", self.autonomy <= other.autonomy),
            ("autonomy_ceiling", self.ceiling <= other.ceiling),
            ("one_person_team", !self.one_person_team || other.one_person_team),
            ("writers", within(&self.writers, &other.writers)),
            ("listed_bots", within(&self.listed_bots, &other.listed_bots)),
            ("bots", within(&other.bots, &self.bots)),
            ("soft_usd", self.budget.soft <= other.budget.soft),
            ("hard_usd", self.budget.hard <= other.budget.hard),
            ("protected_paths", within(&other.protected, &self.protected)),
            ("fix_tries", self.fix_tries <= other.fix_tries),
            ("max_stories", endless(self.max_stories) <= endless(other.max_stories)),
            ("link.inward", !self.inward || other.inward),
            ("link.outward", !self.outward || other.outward),
            ("limits", GuardLimits::keys().all(|key| self.limits.get(key) <= other.limits.get(key))),
        ];
        rules.into_iter().find_map(|(key, holds)| (!holds).then_some(key))
    }
}

#[cfg(test)]
mod tests;
