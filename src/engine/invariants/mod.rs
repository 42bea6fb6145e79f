//! What must hold whenever nothing is under way: arithmetic over the store and the forge that changes neither. A violation is a sentence
//! for whoever runs the system; it names what contradicts what.
//!
//! The order of one look at a project: the books in one snapshot, then the forge. On a system that is at work, what is under way shows up
//! as violations; ask [`quiet`] first.

mod books;
mod commands;
mod doubles;
mod history;
mod money;
mod record;
mod secrets;
mod state;
mod warrant;

use std::fmt;

use crate::base::Nano;
use crate::base::ids::ProjectId;
use crate::store::{DeliveryFilter, DeliveryState, Project, Store};

use super::{Engine, Result};

pub use books::{Books, Seen};
pub use history::{differences, history};

/// The rules, as they are numbered everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Nothing is under way: no due work, no lease, no unread delivery.
    Quiet,
    /// I1: every command that was taken has one end, and its writer an answer.
    CommandsEnd,
    /// I2: nothing stands on the forge twice.
    NoDoubles,
    /// I3: no two holders of a lease wrote the same thing.
    OneHolder,
    /// I4: the chain holds, and it and the journal have the same entries.
    RecordIsWhole,
    /// I5: nobody spent more than allowed, and all books agree on how much.
    MoneyAddsUp,
    /// I6: what the books say is what the forge shows.
    StateIsShown,
    /// I7: nothing was done without somebody who may have wanted it.
    NothingUnasked,
    /// I8: no secret stands anywhere.
    NoSecret,
    /// I9: nothing of one project stands in another.
    ProjectsApart,
    /// I10: no story stands still without saying what it waits for.
    NobodyIgnored,
    /// I11: the same course gives the same history.
    SameHistory,
}

impl Invariant {
    /// The number it goes by, such as `I4`.
    pub fn number(self) -> &'static str {
        match self {
            Invariant::Quiet => "quiet",
            Invariant::CommandsEnd => "I1",
            Invariant::NoDoubles => "I2",
            Invariant::OneHolder => "I3",
            Invariant::RecordIsWhole => "I4",
            Invariant::MoneyAddsUp => "I5",
            Invariant::StateIsShown => "I6",
            Invariant::NothingUnasked => "I7",
            Invariant::NoSecret => "I8",
            Invariant::ProjectsApart => "I9",
            Invariant::NobodyIgnored => "I10",
            Invariant::SameHistory => "I11",
        }
    }
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: Invariant,
    /// What contradicts what. Holds no secret and no text of a person.
    pub sentence: String,
}

impl Violation {
    pub(crate) fn new(invariant: Invariant, sentence: impl Into<String>) -> Violation {
        Violation { invariant, sentence: sentence.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant.number(), self.sentence)
    }
}

/// What only the caller knows.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Secrets that must stand nowhere, each with a name to call it by.
    pub secrets: Vec<(String, Vec<u8>)>,
    /// Texts that belong to one project and must stand in no other.
    pub own_texts: Vec<(ProjectId, Vec<u8>)>,
    /// Texts beside store and forge that must hold no secret, such as a log, each with its name.
    pub texts: Vec<(String, Vec<u8>)>,
    /// How many calls the providers of models counted, over all projects and since the beginning.
    pub model_calls: Option<u64>,
}

/// Whether nothing is under way. What is found is told, as everywhere here.
pub async fn quiet(store: &Store) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    let work = store.quiet().await?;
    if work.due + work.leased + work.later > 0 {
        violations.push(Violation::new(
            Invariant::Quiet,
            format!("{} pieces of work are due, {} under way, {} put off", work.due, work.leased, work.later),
        ));
    }
    let unread = DeliveryFilter { state: Some(DeliveryState::Received), ..DeliveryFilter::default() };
    let unread = store.list_deliveries(&unread, 1_000).await?.len();
    if unread > 0 {
        violations.push(Violation::new(Invariant::Quiet, format!("{unread} deliveries are not read")));
    }
    Ok(violations)
}

/// Checks what the books of one project alone can tell, with no forge at hand. `hard`: the most a story of it may cost.
pub async fn check_books(store: &Store, project: &Project, hard: Nano) -> Result<Vec<Violation>> {
    let (books, seen) = (Books::read(store, project).await?, Seen::default());
    let parts = [
        commands::check(&books),
        doubles::check(&books, &seen),
        record::check(&books),
        money::check(&books, hard),
        state::check(&books, &seen),
    ];
    Ok(parts.into_iter().flatten().chain(warrant::check(&books, &seen, 0)).collect())
}

/// Checks every project. Asks the forges, but changes nothing there.
pub async fn check(engine: &Engine, known: &Known) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    let mut model_calls = 0;
    for project in engine.store.projects().await? {
        if project.id == Store::SYSTEM {
            continue;
        }
        let site = engine.site_of(project.id).await?;
        let books = Books::read(&engine.store, &project).await?;
        let seen = Seen::look(engine, &site, &books).await?;
        violations.extend(commands::check(&books));
        violations.extend(doubles::check(&books, &seen));
        violations.extend(record::check(&books));
        violations.extend(record::published(engine, &site, &books).await?);
        violations.extend(money::check(&books, site.rules.limits.hard));
        violations.extend(state::check(&books, &seen));
        violations.extend(warrant::check(&books, &seen, site.connection.bot.id));
        violations.extend(secrets::check(engine, &books, &seen, known).await?);
        model_calls += money::calls(&books);
    }
    violations.extend(secrets::texts(known));
    violations.extend(secrets::files(engine).await?);
    if let Some(counted) = known.model_calls.filter(|counted| *counted != model_calls) {
        let sentence = format!("the providers counted {counted} calls of models, the books {model_calls}");
        violations.push(Violation::new(Invariant::MoneyAddsUp, sentence));
    }
    Ok(violations)
}
