//! Spans of what the engine does: one for each piece of work under a lease, and below it one for each effect and each call of a model.
//! What is handed in lies on the heap, since futures within futures would not fit on the stack of a thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::base::Clock;
use crate::base::ids::SubjectId;
use crate::base::trace::{Attr, Span, SpanId, Traces};
use crate::store::{Claim, WorkKind};

use super::{Engine, EngineError};

tokio::task_local! {
    static OPEN: Open;
}

/// A span that goes on.
#[derive(Clone)]
struct Open(Arc<Mutex<Span>>);

/// Hands the span over however its work ends: dropped unfinished, it was cut off.
struct Ending<'a> {
    open: Open,
    traces: &'a Traces,
    clock: &'a Clock,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut span = self.open.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        span.ended = self.clock.now();
        self.traces.tell(span);
    }
}

fn with(change: impl FnOnce(&mut Span)) {
    // Where nobody wants spans there is none.
    let _ = OPEN.try_with(|open| change(&mut open.0.lock().unwrap_or_else(PoisonError::into_inner)));
}

/// Says something of the span that goes on.
pub fn tell(key: &'static str, value: Attr) {
    with(|span| span.attributes.push((key, value)));
}

/// The span that goes on has to do with this story.
pub fn concerns(subject: SubjectId) {
    with(|span| {
        let link = (subject.0, SpanId::named(&format!("story/{}", subject.0.simple())));
        if !span.links.contains(&link) {
            span.links.push(link);
        }
    });
}

/// The span that goes on stands under another one of its trace.
pub fn stands_under(parent: SpanId) {
    with(|span| span.parent = Some(parent));
}

/// Does a part of the work that goes on, as a span of its own below it.
pub async fn part<T, E>(
    engine: &Engine,
    name: &'static str,
    key: &str,
    work: Pin<Box<impl Future<Output = Result<T, E>>>>,
) -> Result<T, E> {
    let above = OPEN.try_with(|open| {
        let span = open.0.lock().unwrap_or_else(PoisonError::into_inner);
        (span.trace, span.id)
    });
    let Ok((trace, parent)) = above else { return work.await };
    let id = SpanId::named(&format!("{:016x}/{name}/{key}", parent.0));
    spanned(engine, name, trace, id, Some(parent), |_| "failed", work).await
}

/// Handles a claim as a span. A story is one trace, and so is a delivery until it is read.
pub(super) async fn of_claim(engine: &Engine, claim: &Claim, work: Pin<Box<impl Future<Output = super::Result<()>>>>) -> super::Result<()> {
    if !engine.traces.are_on() {
        return work.await;
    }
    let (name, trace) = match claim.kind {
        WorkKind::Intake => ("intake", claim.id),
        WorkKind::Turn => ("turn", claim.id),
        WorkKind::Perform => ("perform", claim.id),
        WorkKind::Run => ("run", claim.lane.map_or(claim.id, |lane| lane.0)),
        WorkKind::Timer => ("timer", claim.lane.map_or(claim.id, |lane| lane.0)),
        // What a project does for itself: a trace for each time.
        WorkKind::Seal => ("seal", own(claim)),
        WorkKind::PushAudit => ("push_audit", own(claim)),
        WorkKind::Look => ("look", own(claim)),
    };
    let id = SpanId::named(&format!("{name}/{}/{}", claim.id.simple(), claim.epoch));
    let told = Box::pin(async {
        tell("attempts", Attr::Count(claim.attempts));
        if let Some(project) = claim.project {
            tell("project.id", Attr::Id(project.to_string()));
        }
        match claim.kind {
            WorkKind::Intake => tell("delivery.id", Attr::Id(crate::base::ids::DeliveryId(claim.id).to_string())),
            WorkKind::Run => tell("run.id", Attr::Id(crate::base::ids::RunId(claim.id).to_string())),
            _ => {}
        }
        if matches!(claim.kind, WorkKind::Turn | WorkKind::Perform | WorkKind::Run | WorkKind::Timer) {
            tell("subject.id", Attr::Id(SubjectId(trace).to_string()));
        }
        work.await
    });
    spanned(engine, name, trace, id, None, how, told).await
}

fn own(claim: &Claim) -> Uuid {
    let name = crate::base::ids::EntryId::named(&format!("{}/{}/{}", claim.kind, claim.id, claim.epoch));
    name.0
}

/// Why work did not end well, in a word.
fn how(error: &EngineError) -> &'static str {
    match error {
        error if error.is_race() => "lost the lease",
        error if error.is_transient() => "put off",
        _ => "failed",
    }
}

async fn spanned<T, E>(
    engine: &Engine,
    name: &'static str,
    trace: Uuid,
    id: SpanId,
    parent: Option<SpanId>,
    how: impl FnOnce(&E) -> &'static str,
    work: Pin<Box<impl Future<Output = Result<T, E>>>>,
) -> Result<T, E> {
    let begun = engine.clock.now();
    let span = Span { trace, id, parent, links: Vec::new(), name, begun, ended: begun, failed: Some("cut off"), attributes: Vec::new() };
    let open = Open(Arc::new(Mutex::new(span)));
    let _ending = Ending { open: open.clone(), traces: &engine.traces, clock: &engine.clock };
    let ended = OPEN.scope(open.clone(), work).await;
    open.0.lock().unwrap_or_else(PoisonError::into_inner).failed = ended.as_ref().err().map(how);
    ended
}
