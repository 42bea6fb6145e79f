//! `/metrics`: numbers for Prometheus, in its text format. Labels are words of this program, hooks and projects; there are at most
//! [`MOST_PROJECTS`] of the latter, so that no number of stories, people or branches makes more series.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::WebState;
use super::auth::Caller;
use crate::base::Time;
use crate::config::standing::Followed;
use crate::domain::access::token::Scope;
use crate::store::{Project, ProjectLoad, Store, StoreError};

/// Projects with series of their own; the rest is counted in `syndarix_projects` alone.
pub const MOST_PROJECTS: usize = 200;
/// Numbers younger than this are given again, so that nobody can keep the database busy by asking.
const FRESH: Duration = Duration::from_secs(1);

/// The last answer.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Option<(Instant, String)>>>);

/// `GET /metrics`.
pub async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> Response {
    if state.metrics_need_token
        && let Err(problem) = Caller::of(&state, &headers).await.and_then(|caller| caller.need(Scope::Metrics))
    {
        return problem.into_response();
    }
    let mut kept = state.metrics.0.lock().await;
    if let Some((at, text)) = kept.as_ref()
        && at.elapsed() < FRESH
    {
        return page(text.clone());
    }
    match gather(&state).await {
        Ok(text) => {
            *kept = Some((Instant::now(), text.clone()));
            page(text)
        }
        Err(error) => {
            tracing::warn!("no metrics: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

fn page(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn gather(state: &WebState) -> Result<String, StoreError> {
    let mut out = Families::default();
    out.add("syndarix_build_info", "gauge", "Always 1; the label says the version.", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    if state.traces.are_on() {
        out.add(
            "syndarix_spans_lost_total",
            "counter",
            "Spans of traces that the collector did not get since the start.",
            &[],
            state.traces.lost(),
        );
    }
    if let Some(team) = &state.team {
        followed(&mut out, &team.get());
    }
    for (forge, end) in state.endings.all() {
        let help = "When the bot's token on the forge stops to work, in seconds since 1970.";
        out.add("syndarix_forge_token_end_seconds", "gauge", help, &[("forge", forge.as_str())], end.seconds());
    }
    work(&mut out, &state.store, state.clock.now()).await?;
    for load in state.store.inbox_load().await? {
        let labels = [("hook", load.hook.as_str()), ("state", load.state.as_str())];
        out.add("syndarix_deliveries", "gauge", "Deliveries that are kept, by what became of them.", &labels, load.count);
    }
    for (name, hook) in state.hooks.iter() {
        let (help, labels) = ("Deliveries refused for their signature since the start.", [("hook", name.as_str())]);
        out.add("syndarix_deliveries_refused_total", "counter", help, &labels, hook.refused());
        for (outcome, count) in hook.forge.calls() {
            let labels = [("forge", name.as_str()), ("outcome", outcome)];
            out.add(
                "syndarix_forge_calls_total",
                "counter",
                "Requests to the forge since the start, by what came of them.",
                &labels,
                count,
            );
        }
    }
    let projects = state.store.projects().await?;
    out.add("syndarix_projects", "gauge", "Repositories that are known.", &[], projects.len());
    for project in projects.iter().take(MOST_PROJECTS) {
        let load = state.store.project_load(project.id).await?;
        of_project(&mut out, project, &load);
        for (run_state, count) in state.store.runs_load(project.id).await? {
            let labels = [("forge", project.forge.as_str()), ("project", project.path.as_str()), ("state", run_state.as_str())];
            out.add("syndarix_runs", "gauge", "Runs of agents, by state.", &labels, count);
        }
    }
    Ok(out.text())
}

fn followed(out: &mut Families, team: &Followed) {
    if let Some(commit) = &team.in_force {
        let help = "Always 1; the label says which commit of the configuration is in force.";
        out.add("syndarix_config_info", "gauge", help, &[("commit", commit.as_str())], 1);
    }
    let help = "Mistakes that keep the newest commit of the configuration from being used.";
    out.add("syndarix_config_mistakes", "gauge", help, &[], team.refused.as_ref().map_or(0, |(_, mistakes)| mistakes.len()));
    let help = "1 while the repository of the configuration cannot be asked.";
    out.add("syndarix_config_unreachable", "gauge", help, &[], u8::from(team.unreachable.is_some()));
}

async fn work(out: &mut Families, store: &Store, now: Time) -> Result<(), StoreError> {
    for load in store.work_load().await? {
        let kind = load.kind.as_str();
        for (state, count) in [("leased", load.leased), ("lapsed", load.lapsed), ("due", load.due), ("later", load.later)] {
            let help = "Items of work: under a lease, under one that ran out, due, or for later.";
            out.add("syndarix_work", "gauge", help, &[("kind", kind), ("state", state)], count);
        }
        let waited = load.oldest.map_or(0, |oldest| (now.0 - oldest.0).max(0));
        let help = "How long the oldest item that is due has waited.";
        out.add("syndarix_work_oldest_seconds", "gauge", help, &[("kind", kind)], Decimal(waited, 6));
    }
    Ok(())
}

fn of_project(out: &mut Families, project: &Project, load: &ProjectLoad) {
    let labels = [("forge", project.forge.as_str()), ("project", project.path.as_str())];
    let mut gauge = |name: &'static str, help: &'static str, value: i64| out.add(name, "gauge", help, &labels, value);
    gauge("syndarix_stories", "Issues and pull requests under care.", load.stories);
    gauge("syndarix_intents_waiting", "What people and events asked for that is not decided yet.", load.intents_waiting);
    gauge("syndarix_effects_waiting", "What is decided and not done on the forge yet.", load.effects_waiting);
    gauge("syndarix_record_unsealed", "Entries of the journal without a place in the chain.", load.unsealed);
    gauge("syndarix_record_unpushed", "Lines of the chain that the audit repository lacks.", (load.sealed - load.pushed).max(0));
    let mut counter =
        |name: &'static str, help: &'static str, value: &dyn std::fmt::Display| out.add(name, "counter", help, &labels, value);
    counter("syndarix_record_lines_total", "Lines of the chain.", &load.sealed);
    counter("syndarix_model_calls_total", "Calls of models that money was reserved for.", &load.model_calls);
    counter("syndarix_model_cost_usd_total", "What models have cost, in US dollars.", &Decimal(load.spent.0, 9));
    out.add("syndarix_model_reserved_usd", "gauge", "Reserved for calls under way, in US dollars.", &labels, Decimal(load.reserved.0, 9));
}

/// An integer with a decimal point so many digits from its end.
struct Decimal(i64, usize);

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = 10_i64.pow(u32::try_from(self.1).unwrap_or(0));
        write!(f, "{}.{:0width$}", self.0 / unit, self.0 % unit, width = self.1)
    }
}

/// Series grouped by their name, as the format wants it.
#[derive(Default)]
struct Families(BTreeMap<&'static str, (String, String)>);

impl Families {
    fn add(&mut self, name: &'static str, kind: &str, help: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let (_, lines) = self.0.entry(name).or_insert_with(|| (format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"), String::new()));
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        // Writing to a text cannot fail.
        let _ = writeln!(lines, "{name}{labels} {value}");
    }

    fn text(self) -> String {
        self.0.into_values().map(|(head, lines)| head + &lines).collect()
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_stand_under_their_name_and_values_are_escaped() {
        let mut out = Families::default();
        out.add("b", "gauge", "B.", &[("project", "a\"b\\c\nd")], 1);
        out.add("a", "counter", "A.", &[], Decimal(1_500_000_001, 9));
        out.add("b", "gauge", "B.", &[], 2);
        let want = "# HELP a A.\n# TYPE a counter\na 1.500000001\n# HELP b B.\n# TYPE b gauge\nb{project=\"a\\\"b\\\\c\\nd\"} 1\nb 2\n";
        assert_eq!(out.text(), want);
    }
}
