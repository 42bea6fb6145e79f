//! What took how long, as spans for whoever collects traces. Their ids follow from those of deliveries, stories and leases, so that what
//! one process began and another went on with comes together without anything being handed along. A span holds ids, words of this
//! program, names from the configuration and numbers; no text of a person, a model or a forge fits into it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use uuid::Uuid;

use crate::base::Time;
use crate::base::text::sha256_hex;

/// Spans that wait to be sent at most; more are dropped and counted.
const WAITING: usize = 8_192;

/// Identifies a span within its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId(pub u64);

impl SpanId {
    /// The id that belongs to a name: whoever knows what a span is of knows its id. Never zero, which means none.
    pub fn named(name: &str) -> SpanId {
        let digits = &sha256_hex(name)[..16];
        SpanId(u64::from_str_radix(digits, 16).unwrap_or(1).max(1))
    }
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attr {
    /// A word of this program.
    Word(&'static str),
    /// An id, as it is printed.
    Id(String),
    /// A name that the administrator gave, such as that of a model or a forge.
    Name(String),
    /// A number.
    Count(i64),
}

/// Something that took some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The story's or the delivery's own id.
    pub trace: Uuid,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    /// Other traces that it has to do with.
    pub links: Vec<(Uuid, SpanId)>,
    pub name: &'static str,
    pub begun: Time,
    pub ended: Time,
    /// How it ended, in a word, when not well.
    pub failed: Option<&'static str>,
    pub attributes: Vec<(&'static str, Attr)>,
}

/// Where spans go. Handing one over takes no time and never fails.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    sender: Option<SyncSender<Span>>,
    lost: Arc<AtomicU64>,
}

impl Traces {
    /// Spans go to whoever holds the other end. Without this, [`Traces::default`], they go nowhere.
    pub fn to_somebody() -> (Traces, Receiver<Span>) {
        let (sender, receiver) = sync_channel(WAITING);
        (Traces { sender: Some(sender), lost: Arc::default() }, receiver)
    }

    /// Whether anybody wants spans.
    pub fn are_on(&self) -> bool {
        self.sender.is_some()
    }

    /// Hands a span over, or drops it where too many wait.
    pub fn tell(&self, span: Span) {
        let Some(sender) = &self.sender else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = sender.try_send(span) {
            self.lose(1);
        }
    }

    /// Counts spans that nobody got.
    pub fn lose(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    /// How many spans nobody got since the start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The span of a delivery's arrival, under which its reading stands.
pub fn arrival(delivery: Uuid) -> SpanId {
    SpanId::named(&format!("arrival/{}", delivery.simple()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_spans_are_counted_and_nobody_waits() {
        let span = Span {
            trace: Uuid::nil(),
            id: SpanId::named("x"),
            parent: None,
            links: Vec::new(),
            name: "x",
            begun: Time(1),
            ended: Time(2),
            failed: None,
            attributes: Vec::new(),
        };
        let (traces, held) = Traces::to_somebody();
        for _ in 0..WAITING + 3 {
            traces.tell(span.clone());
        }
        assert_eq!(traces.lost(), 3);
        drop(held);
        traces.tell(span.clone());
        assert_eq!(traces.lost(), 4);
        Traces::default().tell(span);
        assert_eq!(SpanId::named("x"), SpanId::named("x"));
        assert_ne!(SpanId::named("x"), SpanId::named("y"));
    }
}
