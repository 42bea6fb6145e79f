//! What was gathered before deciding. The caller looks these up; deciding looks at nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::{Nano, Time};
use crate::domain::agent::Purpose;
use crate::domain::approval::{GateFacts, Person};
use crate::domain::forge::{Issue, LabelChange, Pull, Repo, Sha, User};
use crate::domain::guard::{GuardFacts, GuardLimits};

use super::effect::StartRun;
use super::inform::Inform;
use super::label::Autonomy;

/// The project's rules, merged from configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub autonomy: Autonomy,
    pub one_person_team: bool,
    /// Logins that count as writers where the bot may not ask the forge.
    pub writers: Vec<String>,
    /// Other bots that are listened to.
    pub listed_bots: Vec<String>,
    pub keep_plan: bool,
    pub soft_budget: Option<Nano>,
    pub hard_budget: Option<Nano>,
    /// Most review rounds before a person is asked.
    pub max_review_rounds: u32,
    /// Most tries to turn a red CI green.
    pub max_ci_fixes: u32,
    /// How much may happen before a person has to look.
    pub limits: GuardLimits,
    /// Logins of programs, beside those that a forge marks as such.
    pub bots: Vec<String>,
    /// Logins of people who are never taken for programs, however quickly they answer.
    pub people: Vec<String>,
    /// Most stories at work at once in the project; 0: as many as there are.
    pub max_stories: u32,
    /// The loosest level that a maintainer may set by command.
    pub ceiling: Autonomy,
    /// The most that a story may be allowed by command; none: whatever a maintainer says.
    pub most_budget: Option<Nano>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            autonomy: Autonomy::default(),
            one_person_team: false,
            writers: Vec::new(),
            listed_bots: Vec::new(),
            keep_plan: false,
            soft_budget: None,
            hard_budget: None,
            max_review_rounds: 3,
            max_ci_fixes: 3,
            limits: GuardLimits::default(),
            bots: Vec::new(),
            people: Vec::new(),
            max_stories: 0,
            ceiling: Autonomy::default(),
            most_budget: None,
        }
    }
}

/// Which agent would do what: type and instance name.
pub type Crew = BTreeMap<Purpose, (String, String)>;

/// The outcome of the run that an intent is about, already checked against its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    pub started: StartRun,
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEnd {
    Outcome {
        outcome: Box<crate::domain::agent::Outcome>,
        /// New tip, when the run committed something.
        head: Option<Sha>,
        /// Number of commits made, without the removal of the plan file.
        commits: u32,
        /// What was changed, for the pull request's text: paths.
        paths: Vec<String>,
        /// Unified diff, clipped; gathered when a person has to see it before it is pushed.
        diff: Option<String>,
    },
    /// It gave up, hit a cap or failed; a sentence.
    GaveUp {
        why: String,
        limit: Option<Limit>,
    },
    Asks {
        question: String,
    },
}

/// A limit of money that ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The budget's hard limit.
    Hard,
    /// The plan's estimate.
    Estimate,
}

/// The engineer's newest finished run, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkFacts {
    pub summary: String,
    pub notes: String,
    pub paths: Vec<String>,
    pub commits: u32,
}

/// What a turn may look at.
#[derive(Clone, Debug)]
pub struct Facts {
    pub now: Time,
    pub bot: User,
    pub repo: Repo,
    pub policy: Policy,
    pub crew: Crew,
    /// The sender of the intent with live permission.
    pub actor: Option<Person>,
    /// The issue as it is now.
    pub issue: Option<Issue>,
    /// The story's pull request as it is now.
    pub pull: Option<Pull>,
    /// The gate's view, when there is an open pull request past its plan.
    pub gate: Option<GateFacts>,
    /// A change of labels by the bot itself is ordered or under way: what the forge shows may be half of it.
    pub labels_pending: bool,
    /// Labels now, and those the bot last confirmed, per number.
    pub labels: BTreeMap<i64, LabelFacts>,
    pub run: Option<RunFacts>,
    /// What the comment's author was shown: checkpoint versions in comments written before this one. `None`: not looked up.
    pub shown: Option<BTreeSet<String>>,
    /// Branches that exist for this issue already.
    pub branches: BTreeSet<String>,
    pub spent: Nano,
    /// Acceptance criteria in force, in the product owner's words.
    pub criteria: Vec<String>,
    /// What the engineer says was done, and the paths it touched.
    pub work: Option<WorkFacts>,
    /// How the engineer resolved the newest conflicts with the base branch, in its words.
    pub resolution: Option<String>,
    /// Entries of the record so far and its head, for the report.
    pub record: Option<(i64, String)>,
    /// Version of this program.
    pub version: String,
    /// What the address of a pull request's page is before its number.
    pub pulls_url: String,
    /// What the guard rails say.
    pub guard: GuardFacts,
    /// How many stories are at work in the project.
    pub places: PlaceFacts,
    /// Where the open question stands, when a comment may answer it.
    pub asked: Asked,
    /// What the commands that inform and set look at; empty where none was typed.
    pub inform: Inform,
}

/// The places of a project, seen by one story.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceFacts {
    /// Most stories at work at once; 0: as many as there are.
    pub most: u32,
    /// Places that other stories hold.
    pub taken: u32,
    /// Stories that wait and came before this one.
    pub ahead: u32,
}

impl PlaceFacts {
    /// True when this story may begin.
    pub fn is_free(&self) -> bool {
        self.most == 0 || self.taken.saturating_add(self.ahead) < self.most
    }
}

/// The comment with the open question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// It is ordered and not written yet.
    Pending,
    /// The comment's id.
    As(i64),
}

/// Labels of an issue or pull request: now, and as last confirmed by the bot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelFacts {
    pub now: BTreeSet<String>,
    pub confirmed: BTreeSet<String>,
    /// Newest first.
    pub changes: Vec<LabelChange>,
    /// People in `changes` with live permissions.
    pub people: Vec<Person>,
}
