//! Parameters: each is declared, and what is not is refused, so that a mistyped one does not silently ask for everything.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Route;
use crate::web::problem::Problem;

/// Items of a page where nobody says otherwise.
const USUAL: usize = 50;
/// Most items of a page.
pub(super) const MOST: usize = 200;

/// A parameter of the query.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub about: &'static str,
    /// The only words it takes; empty: any text.
    pub words: &'static [&'static str],
}

pub(super) const PROJECT: Param = Param { name: "project", about: "Only of this project, by its id.", words: &[] };
pub(super) const KIND: Param = Param {
    name: "kind",
    about: "Only of this kind.",
    words: &["intake", "turn", "perform", "run", "timer", "seal", "push_audit", "look"],
};
pub(super) const STATE: Param = Param { name: "state", about: "Only in this state.", words: &["unread", "done", "ignored", "failed"] };
const PAGE: [Param; 2] = [
    Param { name: "limit", about: "At most this many items, 1 to 200.", words: &[] },
    Param { name: "cursor", about: "`next` of the page before.", words: &[] },
];

/// The parameters of a request.
pub struct Asked {
    pub limit: usize,
    /// Where the last page ended.
    pub after: Option<String>,
    given: Vec<(String, String)>,
}

impl Asked {
    /// Reads a query as this route declares it.
    pub(super) fn read(query: &str, route: &Route) -> Result<Asked, Problem> {
        let known = declared(route);
        let given: Vec<(String, String)> =
            pairs(query).ok_or_else(|| Problem::bad_request("the query cannot be read: it is not percent-encoded text"))?;
        for (at, (name, value)) in given.iter().enumerate() {
            let Some(param) = known.iter().find(|param| param.name == name) else {
                let names: Vec<&str> = known.iter().map(|param| param.name).collect();
                let takes =
                    if names.is_empty() { "this address takes none".to_owned() } else { format!("there are: {}", names.join(", ")) };
                return Err(Problem::bad_request(format!("there is no parameter `{name}` here; {takes}")));
            };
            if given[..at].iter().any(|(other, _)| other == name) {
                return Err(Problem::bad_request(format!("the parameter `{name}` is given twice")));
            }
            if !param.words.is_empty() && !param.words.contains(&value.as_str()) {
                return Err(Problem::bad_request(format!("`{name}` is one of: {}", param.words.join(", "))));
            }
        }
        let mut asked = Asked { limit: USUAL, after: None, given };
        if let Some(text) = asked.get("limit") {
            let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
            asked.limit = limit.ok_or_else(|| Problem::bad_request(format!("`limit` is a whole number from 1 to {MOST}")))?;
        }
        if let Some(text) = asked.get("cursor") {
            let read = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            asked.after = Some(read.ok_or_else(bad_cursor)?);
        }
        Ok(asked)
    }

    /// A parameter, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Where the last page ended, as its parts.
    pub fn place<T>(&self, read: impl Fn(&[&str]) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(after) = &self.after else { return Ok(None) };
        let parts: Vec<&str> = after.split(' ').collect();
        read(&parts).map(Some).ok_or_else(bad_cursor)
    }

    /// How many to look for: one more than are shown tells whether there is another page.
    pub fn look_for(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(0) + 1
    }
}

fn bad_cursor() -> Problem {
    Problem::bad_request("`cursor` is not what a page before gave as `next`; leave it out to begin anew")
}

/// The place as it is given to callers.
pub(super) fn cursor(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// Every parameter that a route takes.
pub(super) fn declared(route: &Route) -> Vec<Param> {
    route.params.iter().chain(PAGE.iter().filter(|_| route.list)).copied().collect()
}

/// A parameter for the description.
pub(super) fn described(param: &Param) -> Value {
    let schema = match (param.name, param.words) {
        ("limit", _) => json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}),
        (_, []) => json!({"type": "string"}),
        (_, words) => json!({"type": "string", "enum": words}),
    };
    json!({"name": param.name, "in": "query", "required": false, "description": param.about, "schema": schema})
}

fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).ok()?;
    Some(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DeliveryState, WorkKind};

    #[test]
    fn the_words_are_those_of_the_store() {
        let kinds: Vec<&str> = WorkKind::ALL.iter().chain([&WorkKind::Look]).map(|kind| kind.as_str()).collect();
        assert_eq!(KIND.words, kinds);
        let all = [DeliveryState::Received, DeliveryState::Routed, DeliveryState::Ignored, DeliveryState::Failed];
        assert_eq!(STATE.words, all.map(crate::web::api::deliveries::word));
    }
}
