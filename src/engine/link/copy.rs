//! Making the copy of an issue.

use serde_json::json;

use crate::domain::forge::{Issue, State};
use crate::domain::marker;
use crate::domain::mirror::words::{self, Source};
use crate::domain::mirror::{Agreed, Base, Side, Text, Vector, digest};
use crate::forge::{ForgeError, Window};

use super::super::Result;
use super::compare::Kept;
use super::{Allowed, Link};

/// How far before the moment at which it was begun a copy is looked for, in milliseconds: the forge's clock is not ours.
const SLACK: i64 = 60 * 60 * 1000;

impl Link<'_> {
    /// What stands on this side of an issue that was written here or is a copy: title and text as both sides are to agree upon.
    pub(super) fn texts(&self, side: Side, issue: &Issue, is_copy: bool) -> (Text, Text) {
        let own = if is_copy { words::unframed(&issue.body) } else { issue.body.clone() };
        let title = Text { own: issue.title.clone(), carried: words::title(&issue.title) };
        (title, Text { carried: words::body(&own, &self.links(side)), own })
    }

    /// The whole text of the copy of an issue.
    pub(super) fn framed(&self, origin: Side, issue: &Issue, carried: &str) -> String {
        let ((place, url), links) = (self.place(origin, issue.number), self.links(origin));
        let source = Source { login: &issue.author.login, place: &place, url: &url, links: &links };
        words::framed(&source, carried, &words::mark(&self.engine.marker_key, &self.object(origin, issue.number)))
    }

    /// An issue that belongs to no pair yet. Gives the number of the copy when one was made.
    pub(super) async fn consider(&self, side: Side, number: i64, begun: bool) -> Result<Option<i64>> {
        let issue = match self.forge(side).issue(&self.repo(side), number).await {
            Ok(issue) => issue,
            Err(ForgeError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if issue.is_pull || issue.confidential {
            return Ok(None);
        }
        if let Some(object) = self.copied(side, issue.author.id, &issue.body) {
            self.stray(side, &issue, &object).await?;
            return Ok(None);
        }
        let allowed = self.allowed().await?;
        if side == Side::There && !begun {
            self.answer(number, None).await?;
        }
        let may = match side {
            Side::There => allowed.inward,
            Side::Here => self.is_let_out(&issue, allowed).await?,
        };
        // Two installations that mirror each other's copies would never end.
        let is_foreign_copy = marker::find_all(&issue.body).any(|marker| marker.kind == words::MARKER);
        if !may || is_foreign_copy || (issue.state == State::Closed && !begun) {
            return Ok(None);
        }
        Ok(Some(self.make(side, &issue, begun).await?))
    }

    /// Whether an issue of the project may go out; who would have it go out and may not is told why.
    pub(super) async fn is_let_out(&self, issue: &Issue, allowed: Allowed) -> Result<bool> {
        let labelled = issue.labels.contains(&self.config.outward_label);
        if labelled && allowed.exposes {
            self.refuse(issue.number).await?;
        }
        Ok(labelled && allowed.outward)
    }

    /// A copy that nobody waits for: the one of a try that was given up as lost. It is closed, so that people do not write in it.
    async fn stray(&self, side: Side, issue: &Issue, object: &str) -> Result<()> {
        let origin = side.other();
        let prefix = self.object(origin, 0);
        let of = object.strip_prefix(prefix.trim_end_matches('0')).and_then(|number| number.parse::<i64>().ok());
        let Some(of) = of else { return Ok(()) };
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let row = tx.mirror(&self.key, origin.word(), of).await?;
        tx.rollback().await?;
        let is_double = row.is_some_and(|row| row.copy.is_some_and(|copy| copy != issue.number));
        if is_double && issue.state == State::Open {
            self.engine.outside(self.forge(side).set_issue_state(&self.repo(side), issue.number, State::Closed)).await?;
            let mut tx = self.begin().await?;
            self.note(&mut tx, "link.double-closed", json!({"side": side, "issue": issue.number, "of": of})).await?;
            self.engine.commit(tx).await?;
        }
        Ok(())
    }

    /// Makes the copy, or finds the one that was made before nobody could note it any more.
    async fn make(&self, origin: Side, issue: &Issue, begun: bool) -> Result<i64> {
        let (to, (title, body)) = (origin.other(), self.texts(origin, issue, false));
        let mut tx = self.begin().await?;
        tx.begin_mirror(&self.key, origin.word(), issue.number, self.engine.clock.now()).await?;
        self.engine.commit(tx).await?;
        let found = if begun { self.made(origin, issue.number).await? } else { None };
        let copy = match found {
            Some(copy) => copy,
            None => {
                self.engine.hold(self.claim, self.patience()).await?;
                let text = self.framed(origin, issue, &body.carried);
                self.engine.outside(self.forge(to).create_issue(&self.repo(to), &title.carried, &text)).await?.number
            }
        };
        let agreed = |text: &Text| {
            let (own, carried) = (digest(&text.own), digest(&text.carried));
            let (here, there) = if origin == Side::Here { (own, carried) } else { (carried, own) };
            Some(Agreed { here, there, vector: Vector::default().after(origin, true) })
        };
        let state = Agreed { here: State::Open, there: State::Open, vector: Vector::default().after(origin, true) };
        let base = Base { title: agreed(&title), body: agreed(&body), state: Some(state), ..Base::default() };
        let kept = Kept { base, ..Kept::default() };
        let mut tx = self.begin().await?;
        tx.put_mirror(&self.key, origin.word(), issue.number, copy, &serde_json::to_value(&kept)?).await?;
        self.note(&mut tx, "link.issue-copied", json!({"origin": origin, "issue": issue.number, "copy": copy})).await?;
        self.engine.commit(tx).await?;
        Ok(copy)
    }

    /// The copy that carries the marker, as far back as it can have been made.
    async fn made(&self, origin: Side, number: i64) -> Result<Option<i64>> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let row = tx.mirror(&self.key, origin.word(), number).await?;
        tx.rollback().await?;
        let Some(row) = row else { return Ok(None) };
        let (to, object) = (origin.other(), self.object(origin, number));
        let window = Window { since: row.begun_at.plus_millis(-SLACK), until: None, at_most: usize::MAX };
        let touched = self.forge(to).issues_touched(&self.repo(to), &window).await?.items;
        let ours = touched.iter().filter(|issue| self.copied(to, issue.author.id, &issue.body).as_ref() == Some(&object));
        Ok(ours.map(|issue| issue.number).min())
    }
}

/// The number of the comment that this object is a copy of, where it stands on this issue.
pub(super) fn comment_of(object: &str, issue: &str) -> Option<i64> {
    object.strip_prefix(issue)?.strip_prefix(':')?.parse().ok()
}
