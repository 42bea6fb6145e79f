//! The command line of a comment: `/syndarix plan` at the start of a line.
//!
//! One table, [`COMMANDS`], gives the parser, the help, the permissions, the documentation page and the tests. A new command is one file, one line in the
//! table and one variant of [`Command`].
//!
//! Where a line counts: Markdown is parsed first. Code, links, headings, tables, quotes, list items, struck text, footnotes and the inside of HTML elements are
//! never commands; nor is anything after a mail signature. A line that starts with the bot's name but that Markdown joins to the block above (a quote without
//! an empty line after it) is not run either, and its author is told why.

use serde::{Deserialize, Serialize};

pub mod approve;
pub mod assign;
pub mod audit;
pub mod autonomy;
pub mod budget;
pub mod cancel;
mod choice;
mod comment;
pub mod config;
mod disguise;
mod docs;
mod error;
pub mod explain;
pub mod fix;
pub mod help;
mod html;
pub mod label;
pub mod pause;
pub mod ping;
pub mod plan;
pub mod rebase;
pub mod reject;
pub mod resume;
pub mod retry;
pub mod review;
pub mod revise;
mod scan;
mod spec;
pub mod start;
pub mod status;
pub mod test;
pub mod whoami;
mod words;

pub use choice::Choice;
pub use comment::{Line, MAX_COMMANDS, MAX_COMMENT, ParseContext, ParsedComment, Verdict, new_commands, parse};
pub use docs::docs_page;
pub use error::CommandError;
pub use scan::Block;
pub(in crate::domain) use spec::slips;
pub use spec::{ArgSpec, COMMANDS, CommandSpec, NOT_YET, OptionSpec, OptionValue, Place, Where, Who, find};
pub use words::{Args, MAX_TEXT};

use crate::base::Nano;
use crate::domain::agent::Purpose;
use crate::domain::forge::Role;
use crate::domain::workflow::label::Autonomy;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    Help {
        /// A verb of [`COMMANDS`].
        verb: Option<String>,
    },
    Ping,
    Whoami,
    Status,
    Plan {
        focus: Option<String>,
    },
    Revise {
        text: Option<String>,
    },
    Approve {
        /// The beginning of a plan hash or head commit, in lower case; `None`: the version shown last.
        hash: Option<String>,
    },
    Reject {
        text: Option<String>,
    },
    Cancel,
    Pause {
        /// The whole project.
        all: bool,
    },
    Resume {
        /// The whole project.
        all: bool,
    },
    Retry,
    Rebase,
    Start,
    Fix {
        text: Option<String>,
    },
    Review,
    Test,
    Config,
    Explain {
        /// How many of the last things.
        last: u32,
    },
    Audit,
    Label {
        /// False: nothing but the verb was typed.
        sync: bool,
    },
    Autonomy {
        level: Choice<Autonomy>,
        /// For new stories of the whole project.
        project: bool,
    },
    Budget {
        amount: Choice<Nano>,
        /// The soft limit instead of the hard one.
        soft: bool,
        /// For all stories of the project together.
        project: bool,
    },
    Assign {
        /// A type, a name, or `type/name`; `None`: only list them.
        agent: Option<String>,
        /// Only this step; `None`: all that the agent is able to do.
        step: Option<Purpose>,
    },
}

impl Command {
    /// Its line in the table.
    pub fn spec(&self) -> &'static CommandSpec {
        match self {
            Command::Help { .. } => &help::SPEC,
            Command::Ping => &ping::SPEC,
            Command::Whoami => &whoami::SPEC,
            Command::Status => &status::SPEC,
            Command::Plan { .. } => &plan::SPEC,
            Command::Revise { .. } => &revise::SPEC,
            Command::Approve { .. } => &approve::SPEC,
            Command::Reject { .. } => &reject::SPEC,
            Command::Cancel => &cancel::SPEC,
            Command::Pause { .. } => &pause::SPEC,
            Command::Resume { .. } => &resume::SPEC,
            Command::Retry => &retry::SPEC,
            Command::Rebase => &rebase::SPEC,
            Command::Start => &start::SPEC,
            Command::Fix { .. } => &fix::SPEC,
            Command::Review => &review::SPEC,
            Command::Test => &test::SPEC,
            Command::Config => &config::SPEC,
            Command::Explain { .. } => &explain::SPEC,
            Command::Audit => &audit::SPEC,
            Command::Label { .. } => &label::SPEC,
            Command::Autonomy { .. } => &autonomy::SPEC,
            Command::Budget { .. } => &budget::SPEC,
            Command::Assign { .. } => &assign::SPEC,
        }
    }

    /// The permission that this very command asks for, its options included.
    pub fn least_role(&self) -> Role {
        let least = self.spec().who.least();
        match self {
            Command::Pause { all: true } | Command::Resume { all: true } => pause::ALL.who.map_or(least, |role| role.max(least)),
            command if command.spec().who == Who::Setting && command.changes() => Role::Maintainer,
            _ => least,
        }
    }

    /// Changes anything but the answer it gives. Showing a setting is no reason to hold back or to be held back.
    pub fn changes(&self) -> bool {
        match self {
            Command::Autonomy { level, .. } => level.sets(),
            Command::Budget { amount, .. } => amount.sets(),
            Command::Label { sync } => *sync,
            Command::Assign { agent, .. } => agent.is_some(),
            _ => self.spec().side_effects,
        }
    }
}
