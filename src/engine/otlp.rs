//! Sends spans to a collector: OTLP over HTTP in its JSON encoding, in batches, from a task of its own. A collector that is slow or away
//! costs spans and nothing else.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::base::trace::{Attr, Span, Traces};

/// How long spans gather.
const GATHER: Duration = Duration::from_secs(1);
/// Most spans of one request.
const BATCH: usize = 512;
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where spans are sent.
pub struct Exporter {
    url: String,
    http: reqwest::Client,
    traces: Traces,
    spans: Receiver<Span>,
    /// Name of this process among others.
    instance: String,
    failures: u64,
}

impl Exporter {
    /// `endpoint`: the collector's address, with or without `/v1/traces`.
    pub fn new(endpoint: &str, instance: &str, traces: Traces, spans: Receiver<Span>) -> Result<Exporter, String> {
        let http = reqwest::Client::builder().connect_timeout(PATIENCE).timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let http = http.build().map_err(|error| error.to_string())?;
        let base = endpoint.trim_end_matches('/');
        let url = if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") };
        Ok(Exporter { url, http, traces, spans, instance: instance.to_owned(), failures: 0 })
    }

    /// Sends until told to stop, and then once more what is there.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! { () = tokio::time::sleep(GATHER) => {}, () = stop.cancelled() => {} }
            // After a batch that was not taken the next waits for its turn: a collector that is away holds nobody up at the end either.
            while self.send_some().await == Some(BATCH) {}
        }
    }

    /// Sends at most a batch and says how many spans it held; `None`: the collector did not take it.
    async fn send_some(&mut self) -> Option<usize> {
        let spans: Vec<Span> = self.spans.try_iter().take(BATCH).collect();
        if spans.is_empty() {
            return Some(0);
        }
        let body = request(&self.instance, &spans).to_string();
        let sent = self.http.post(&self.url).header("content-type", "application/json").body(body).send().await;
        let why = match sent {
            Ok(answer) if answer.status().is_success() => {
                self.failures = 0;
                return Some(spans.len());
            }
            Ok(answer) => format!("it answered with status {}", answer.status().as_u16()),
            Err(error) => error.without_url().to_string(),
        };
        self.traces.lose(spans.len() as u64);
        self.failures += 1;
        // A collector that is away for a day is not worth a line each second.
        if self.failures.is_power_of_two() {
            tracing::warn!(
                failures = self.failures,
                spans = spans.len(),
                "the collector of traces took no spans, and they are dropped: {why}"
            );
        }
        None
    }
}

/// The body of a request.
fn request(instance: &str, spans: &[Span]) -> Value {
    let resource = attributes(&[
        ("service.name", Attr::Word("syndarix")),
        ("service.version", Attr::Word(env!("CARGO_PKG_VERSION"))),
        ("service.instance.id", Attr::Id(instance.to_owned())),
    ]);
    let scope = json!({"name": "syndarix"});
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": spans}]}]})
}

/// Ids are hexadecimal and 64-bit numbers are texts, as the encoding asks.
fn span(span: &Span) -> Value {
    let nanos = |time: crate::base::Time| (i128::from(time.0) * 1_000).to_string();
    let links: Vec<Value> =
        span.links.iter().map(|(trace, id)| json!({"traceId": trace.simple().to_string(), "spanId": format!("{:016x}", id.0)})).collect();
    json!({
        "traceId": span.trace.simple().to_string(),
        "spanId": format!("{:016x}", span.id.0),
        "parentSpanId": span.parent.map(|id| format!("{:016x}", id.0)).unwrap_or_default(),
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": nanos(span.begun),
        "endTimeUnixNano": nanos(span.ended.max(span.begun)),
        "attributes": attributes(&span.attributes),
        "links": links,
        "status": match span.failed { Some(how) => json!({"code": 2, "message": how}), None => json!({}) },
    })
}

fn attributes(all: &[(&'static str, Attr)]) -> Vec<Value> {
    let one = |(key, value): &(&'static str, Attr)| {
        let value = match value {
            Attr::Word(word) => json!({"stringValue": word}),
            Attr::Id(text) | Attr::Name(text) => json!({"stringValue": text}),
            Attr::Count(number) => json!({"intValue": number.to_string()}),
        };
        json!({"key": key, "value": value})
    };
    all.iter().map(one).collect()
}

/// Where the collector is, and what goes there; nothing when no address is set.
pub fn connect(endpoint: Option<&str>, instance: &str) -> Result<(Traces, Option<Exporter>), String> {
    let Some(endpoint) = endpoint else { return Ok((Traces::default(), None)) };
    let (traces, spans) = Traces::to_somebody();
    let exporter = Exporter::new(endpoint, instance, traces.clone(), spans)?;
    Ok((traces, Some(exporter)))
}
