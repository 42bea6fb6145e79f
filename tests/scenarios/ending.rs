//! How every scenario ends: nothing is left undone, nothing was done twice, the record holds, and nobody else was touched.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use syndarix::base::ids::ProjectId;
use syndarix::domain::audit::verify::Scope;
use syndarix::domain::audit::verify_files;
use syndarix::domain::marker;
use syndarix::domain::workflow::Story;
use syndarix::domain::workflow::label::Label;
use syndarix::engine::invariants::{self, Known, Violation};
use syndarix::engine::{agent_run, perform, turn};
use syndarix::git::read_repo_at;
use syndarix::store::{DeliveryFilter, DeliveryState, Store, SubjectRow};

use super::account;
use super::world::{CANARY, HOOK_SECRET, IDLE, PROVIDER_KEY, REPO, World};

impl World {
    /// Ends the scenario with everything that must hold after any of them.
    pub async fn end(&self) {
        self.settle().await;
        self.every_answer_was_used_once();
        self.comes_to_rest().await;
    }

    /// The same without asking whether everything that was scripted came to pass.
    pub async fn comes_to_rest(&self) {
        self.publishes().await;
        self.nothing_is_left_undone().await;
        self.invariants_hold().await;
        let stories = self.stories().await;
        self.the_record_holds(&stories).await;
        self.nobody_else_was_touched().await;
        for (_, story) in stories.iter().filter(|(_, story)| story.round > 0) {
            self.labels_tell_the_truth(story).await;
        }
        self.nothing_was_said_or_done_twice(&stories).await;
    }

    /// What the system's own checker finds.
    pub async fn violations(&self) -> Vec<Violation> {
        let secret = |name: &str, text: String| (name.to_owned(), text.into_bytes());
        let secrets = vec![
            secret("the forge token", account::secret(&self.sandbox)),
            secret("the hook's secret", HOOK_SECRET.into()),
            secret("the provider's key", PROVIDER_KEY.into()),
        ];
        let own_texts = vec![(self.project(IDLE).await, CANARY.into())];
        let known = Known { secrets, own_texts, ..Known::default() };
        let mut violations = invariants::quiet(self.store()).await.unwrap();
        violations.extend(Box::pin(invariants::check(&self.app.engine, &known)).await.unwrap());
        violations
    }

    async fn invariants_hold(&self) {
        let violations = self.violations().await;
        assert!(violations.is_empty(), "{}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }

    pub fn store(&self) -> &Store {
        &self.app.engine.store
    }

    pub async fn project(&self, path: &str) -> ProjectId {
        self.store().projects().await.unwrap().into_iter().find(|project| project.path == path).unwrap().id
    }

    async fn nothing_is_left_undone(&self) {
        let quiet = self.store().quiet().await.unwrap();
        assert_eq!((quiet.due, quiet.leased, quiet.later), (0, 0, 0), "work is left: {quiet:?}");
        for state in [DeliveryState::Received, DeliveryState::Failed] {
            let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
            let left: Vec<_> =
                self.store().list_deliveries(&filter, 10).await.unwrap().into_iter().map(|one| (one.event, one.note)).collect();
            assert!(left.is_empty(), "deliveries are {state:?}: {left:?}");
        }
        let refused: Vec<_> = self.sandbox.deliveries().into_iter().filter(|one| one.status != Some(202)).collect();
        assert!(refused.is_empty(), "deliveries were not taken: {refused:?}");
    }

    fn every_answer_was_used_once(&self) {
        let log = &self.model.log;
        assert_eq!(log.unscripted(), Vec::<String>::new(), "calls without an answer");
        assert_eq!(log.unused(&self.script), Vec::<String>::new(), "answers that nobody asked for");
        assert_eq!(log.doubled(), Vec::<String>::new(), "calls made twice");
        assert!(!self.model.still_waits(), "nobody was interrupted");
    }

    /// The stories of the project, folded from the journal, with the numbers by which the program knows things.
    pub async fn stories(&self) -> Vec<(SubjectRow, Story)> {
        let mut tx = self.store().begin_read(self.project(REPO).await).await.unwrap();
        let mut stories = Vec::new();
        for subject in tx.subjects("story").await.unwrap() {
            let story = turn::fold(subject.number, &tx.events(turn::SUBJECT, subject.id.0).await.unwrap()).unwrap();
            stories.push((subject, story));
        }
        tx.rollback().await.unwrap();
        stories
    }

    /// The story of this issue, with the numbers that people use.
    pub async fn story(&self, issue: i64) -> Story {
        let own = self.own(issue);
        let mut story = self.stories().await.into_iter().map(|(_, story)| story).find(|story| story.issue == own).unwrap();
        story.issue = issue;
        if let Some(pull) = &mut story.pull {
            pull.number = self.shared(pull.number);
        }
        story
    }

    /// Number of journal rows of the project, over all streams.
    async fn journal_rows(&self, project: ProjectId, stories: &[(SubjectRow, Story)]) -> usize {
        let mut tx = self.store().begin_read(project).await.unwrap();
        let mut subjects: Vec<SubjectRow> = stories.iter().map(|(subject, _)| subject.clone()).collect();
        subjects.extend(tx.subjects("pull").await.unwrap());
        let mut rows = tx.events(turn::NOTES, project.0).await.unwrap().len();
        for subject in subjects {
            for stream in [turn::SUBJECT, turn::NOTES, perform::EFFECTS] {
                rows += tx.events(stream, subject.id.0).await.unwrap().len();
            }
            for run in tx.runs(subject.id).await.unwrap() {
                rows += tx.events(agent_run::RUNS, run.id.0).await.unwrap().len();
            }
        }
        tx.rollback().await.unwrap();
        rows
    }

    async fn the_record_holds(&self, stories: &[(SubjectRow, Story)]) {
        let project = self.project(REPO).await;
        let rows = self.journal_rows(project, stories).await;
        let chain = self.store().chain(project, 0, 100_000).await.unwrap();
        assert_eq!(chain.len(), rows, "every journal row is one entry of the chain");
        if rows == 0 {
            return;
        }
        let repo = self.data.join("record").join(format!("{project}.git"));
        let report = verify_files(read_repo_at(&repo, None).unwrap(), Scope::default());
        assert!(report.holds(), "the record does not hold: {report:?}");
        assert_eq!(report.entries(), u64::try_from(rows).unwrap(), "the audit repository holds every entry");
    }

    /// Another project has a person's comment in it, and nothing of ours.
    async fn nobody_else_was_touched(&self) {
        let project = self.project(IDLE).await;
        assert!(self.store().chain_head(project).await.unwrap().is_none(), "the idle project has a record");
        let mut tx = self.store().begin_read(project).await.unwrap();
        for kind in ["story", "pull"] {
            assert!(tx.subjects(kind).await.unwrap().is_empty(), "the idle project has a {kind}");
        }
        tx.rollback().await.unwrap();
        let page = self.sandbox.page(IDLE, 1).unwrap();
        assert!(page.contains(CANARY) && !page.contains("syndarix"), "{page}");
        assert_eq!(self.sandbox.counts(IDLE).unwrap().branches, 1);
    }

    async fn labels_tell_the_truth(&self, story: &Story) {
        let (issue, pull) = story.labels();
        self.labels_are(self.shared(story.issue), &issue).await;
        if let Some(of) = &story.pull {
            self.labels_are(self.shared(of.number), &pull).await;
        }
    }

    async fn labels_are(&self, number: i64, wanted: &BTreeSet<String>) {
        let labels = self.get(&format!("issues/{number}/labels")).await;
        let plain = |label: &Value| self.plain_label(label["name"].as_str().unwrap());
        let names = labels.as_array().unwrap().iter().map(plain);
        let is_kept = |name: &String| {
            wanted.contains(name) || Label::parse(name).is_some_and(|label| label.is_kept_by_bot() || matches!(label, Label::Autonomy(_)))
        };
        let kept: BTreeSet<String> = names.filter(is_kept).collect();
        assert_eq!(&kept, wanted, "labels of #{number}");
    }

    async fn nothing_was_said_or_done_twice(&self, stories: &[(SubjectRow, Story)]) {
        let mut markers: BTreeMap<String, usize> = BTreeMap::new();
        let mut numbers: Vec<i64> = stories.iter().map(|(_, story)| self.shared(story.issue)).collect();
        numbers.extend(self.sandbox.pull_numbers(REPO).unwrap());
        for number in numbers {
            for comment in self.bots(&format!("issues/{number}/comments?limit=50")).await {
                let body = comment["body"].as_str().unwrap();
                let marker = marker::find(body).unwrap_or_else(|| panic!("a comment without a marker: {body}"));
                *markers.entry(marker.object).or_default() += 1;
            }
        }
        let doubled: Vec<_> = markers.iter().filter(|(_, count)| **count > 1).collect();
        assert!(doubled.is_empty(), "said twice: {doubled:?}");
        for (_, story) in stories {
            let status = usize::from(story.round > 0);
            assert_eq!(
                markers.get(&format!("{}.status", story.issue)).copied().unwrap_or(0),
                status,
                "status comments on #{}",
                story.issue
            );
        }
        self.pulls_and_reviews_are_single().await;
    }

    async fn pulls_and_reviews_are_single(&self) {
        let mut branches = BTreeSet::new();
        for pull in self.get("pulls?state=all&limit=50").await.as_array().unwrap() {
            assert!(branches.insert(pull["head"]["ref"].clone().to_string()), "two pull requests for {}", pull["head"]["ref"]);
            let mut reviews = BTreeSet::new();
            for review in self.bots(&format!("pulls/{}/reviews?limit=50", pull["number"])).await {
                assert!(review["state"] == json!("COMMENT"), "the bot only comments: {review}");
                assert!(reviews.insert((review["commit_id"].to_string(), review["body"].to_string())), "a review was posted twice");
            }
        }
        // The main branch and one branch for each pull request.
        assert_eq!(self.sandbox.counts(REPO).unwrap().branches, 1 + branches.len(), "branches without a pull request");
    }

    /// What the bot wrote, of a list.
    async fn bots(&self, path: &str) -> Vec<Value> {
        let list = self.get(path).await;
        list.as_array().unwrap().iter().filter(|one| one["user"]["login"] == account::login()).cloned().collect()
    }
}
