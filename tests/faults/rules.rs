//! What goes wrong, and when.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::http::Request;

/// One thing that goes wrong with a call.
#[derive(Clone)]
pub enum Fault {
    /// The answer comes late.
    Delay(Duration),
    /// The connection ends before anything is passed on.
    DropBefore,
    /// The call is passed on, and its answer is lost.
    DropAfter,
    /// The call is passed on, and only so many bytes of the answer's body come back.
    CutAt(usize),
    /// The connection is reset before anything is passed on.
    Reset,
    /// Taken, and never answered.
    Stall,
    /// Passed on, and never answered.
    StallAfter,
    /// This status in place of an answer; nothing is passed on.
    Status(u16),
    /// Passed on, and this status comes back all the same.
    StatusAfter(u16),
    /// A refusal with these headers and this message, as limits of the rate are told.
    Limited(u16, Vec<(&'static str, String)>, &'static str),
    /// A login page in place of JSON; nothing is passed on.
    Html,
    /// Passed on, and the answer says gzip and is none.
    BrokenGzip,
    /// Sent elsewhere with this status; nothing is passed on.
    Redirect(u16, String),
    /// This answer in place of the real one; nothing is passed on.
    Instead(Vec<u8>),
    /// Somebody acts, then the call is passed on.
    Hook(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// A short name for messages.
    pub fn name(&self) -> String {
        match self {
            Fault::Delay(by) => format!("delay of {by:?}"),
            Fault::DropBefore => "dropped before".into(),
            Fault::DropAfter => "answer lost".into(),
            Fault::CutAt(n) => format!("cut at byte {n}"),
            Fault::Reset => "reset".into(),
            Fault::Stall => "stall".into(),
            Fault::StallAfter => "applied, then stall".into(),
            Fault::Status(status) => status.to_string(),
            Fault::StatusAfter(status) => format!("applied, then {status}"),
            Fault::Limited(status, headers, _) => {
                format!("limit {status} {}", headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" "))
            }
            Fault::Html => "a page of HTML".into(),
            Fault::BrokenGzip => "broken gzip".into(),
            Fault::Redirect(status, _) => format!("redirect {status}"),
            Fault::Instead(_) => "another answer".into(),
            Fault::Hook(_) => "somebody acts".into(),
        }
    }
}

/// Which calls meet a fault. A rule counts the calls that fit it by itself.
#[derive(Clone)]
pub struct Rule {
    method: Option<&'static str>,
    /// Part of the path.
    path: String,
    /// Which fitting call is the first to fail, from 0, and how many do.
    first: usize,
    times: usize,
    /// Only the first time that a call of this method, path and body comes; the ones that came.
    fresh: Option<BTreeSet<(String, String, Vec<u8>)>>,
    writes_only: bool,
    /// In a thousand, with the state of the dice.
    chance: Option<(u64, u64)>,
    pub fault: Fault,
    fitted: usize,
}

impl Rule {
    /// Every call.
    pub fn every(fault: Fault) -> Rule {
        Rule {
            method: None,
            path: String::new(),
            first: 0,
            times: usize::MAX,
            fresh: None,
            writes_only: false,
            chance: None,
            fault,
            fitted: 0,
        }
    }

    /// Only one call of all, counted from 0.
    pub fn nth(n: usize, fault: Fault) -> Rule {
        Rule { first: n, times: 1, ..Rule::every(fault) }
    }

    /// Only calls of this method whose path holds this text.
    pub fn on(self, method: &'static str, path: &str) -> Rule {
        Rule { method: Some(method), path: path.into(), ..self }
    }

    /// Only the first time that the very same call comes.
    pub fn once_each(self) -> Rule {
        Rule { fresh: Some(BTreeSet::new()), ..self }
    }

    /// Only calls that change something.
    pub fn on_writes(self) -> Rule {
        Rule { writes_only: true, ..self }
    }

    /// Only this many fitting calls.
    pub fn times(self, times: usize) -> Rule {
        Rule { times, ..self }
    }

    /// Only so many calls in a thousand, by dice that begin with this seed.
    pub fn chance(self, per_mille: u64, seed: u64) -> Rule {
        Rule { chance: Some((per_mille, seed.max(1))), ..self }
    }

    /// Whether this call meets the fault; counts it.
    pub fn meets(&mut self, request: &Request) -> bool {
        if self.method.is_some_and(|method| method != request.method) || !request.path.contains(&self.path) {
            return false;
        }
        if self.writes_only && !is_write(&request.method, &request.path) {
            return false;
        }
        if let Some(fresh) = &mut self.fresh
            && !fresh.insert((request.method.clone(), request.path.clone(), request.body.clone()))
        {
            return false;
        }
        if let Some((per_mille, dice)) = &mut self.chance
            && roll(dice) % 1_000 >= *per_mille
        {
            return false;
        }
        let at = self.fitted;
        self.fitted += 1;
        at >= self.first && at - self.first < self.times
    }
}

/// Whether a call changes something. Git asks for what to fetch by POST.
pub fn is_write(method: &str, path: &str) -> bool {
    method != "GET" && !path.contains("git-upload-pack")
}

/// xorshift64: the same seed gives the same numbers.
pub fn roll(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice
}
