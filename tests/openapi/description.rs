//! The published description of Forgejo's API (Swagger 2.0), as far as it judges one exchange.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::recorder::Exchange;

/// How to get the file.
pub const FETCH: &str = "cargo fetch --manifest-path tests/openapi/description/Cargo.toml";

pub struct Description(Value);

/// The description, or why it is not here.
pub fn published() -> Result<Description, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/description/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path"])
        .arg(manifest)
        .output()
        .map_err(|error| error.to_string())?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| format!("run `{FETCH}` once"))?;
    let package = metadata["packages"].as_array().and_then(|all| all.iter().find(|package| package["name"] == "forgejo-api"));
    let place = package.and_then(|package| package["manifest_path"].as_str()).map(PathBuf::from).ok_or("the crate is not listed")?;
    let text = std::fs::read(place.with_file_name("swagger.v1.json")).map_err(|error| format!("{error}; run `{FETCH}` once"))?;
    Ok(Description(serde_json::from_slice(&text).map_err(|error| error.to_string())?))
}

impl Description {
    /// Takes these fields for described, by definition and name. One that is described meanwhile is a mistake in the list.
    pub fn knowing(mut self, fields: &[(&str, &str, &str)]) -> Description {
        for (definition, field, _) in fields {
            let properties = self.0["definitions"][definition]["properties"].as_object_mut().expect("a described object");
            assert!(properties.insert((*field).to_owned(), json!({})).is_none(), "{definition}.{field} is described now");
        }
        self
    }

    /// What in this exchange is not as described; one sentence each, without what differs from run to run.
    pub fn complaints(&self, exchange: &Exchange) -> Vec<String> {
        let Some((template, operation)) = self.operation(&exchange.method, &exchange.path) else {
            return vec![format!("{} {}: not described", exchange.method, exchange.path)];
        };
        let name = format!("{} {template}", exchange.method);
        let mut found = Vec::new();
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
        for (key, _) in &exchange.query {
            if !parameters.iter().any(|parameter| parameter["in"] == "query" && parameter["name"] == key.as_str()) {
                found.push(format!("{name}: no query parameter `{key}`"));
            }
        }
        let body = parameters.iter().find(|parameter| parameter["in"] == "body");
        match (body, &exchange.body) {
            (Some(described), Some(sent)) => self.judge(&described["schema"], sent, Side::Request, &format!("{name}: request"), &mut found),
            (None, Some(_)) => found.push(format!("{name}: takes no body")),
            (Some(described), None) if described["required"] == true => found.push(format!("{name}: needs a body")),
            _ => {}
        }
        let response = &operation["responses"][exchange.status.to_string()];
        let response = match response["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            Some(shared) => &self.0["responses"][shared],
            None => response,
        };
        match (response, &exchange.answer) {
            (Value::Null, _) => found.push(format!("{name}: no answer {} is described", exchange.status)),
            (described, Some(answer)) if described["schema"].is_object() => {
                self.judge(&described["schema"], answer, Side::Answer, &format!("{name}: answer"), &mut found);
            }
            _ => {}
        }
        found
    }

    /// The operation whose path fits with the most literal parts.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let method = method.to_lowercase();
        let fits = self.0["paths"].as_object()?.iter().filter_map(|(template, item)| {
            let operation = item.get(&method)?;
            Some((literal_parts(template, path)?, template.as_str(), operation))
        });
        fits.max_by_key(|(literal, ..)| *literal).map(|(_, template, operation)| (template, operation))
    }

    fn judge(&self, schema: &Value, instance: &Value, side: Side, at: &str, found: &mut Vec<String>) {
        let definitions: Map<String, Value> =
            self.0["definitions"].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), strict(value))).collect();
        let whole = json!({ "definitions": definitions, "allOf": [schema] });
        let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&whole).expect("a readable schema");
        // The server writes `null` for what is absent, which Swagger 2 cannot say.
        let instance = if side == Side::Answer { without_nulls(instance) } else { instance.clone() };
        for error in validator.iter_errors(&instance) {
            let part = |part: &str| if part.parse::<u64>().is_ok() { "*".to_owned() } else { part.to_owned() };
            let place: Vec<String> = error.instance_path().to_string().split('/').map(part).collect();
            // The sentence begins with the value itself, which differs from run to run.
            let sentence = error.masked().to_string();
            found.push(format!("{at}{}: {sentence}", place.join("/")));
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Request,
    Answer,
}

/// Objects hold nothing that is not described.
fn strict(schema: &Value) -> Value {
    let mut strict = schema.clone();
    if let Value::Object(fields) = &mut strict
        && fields.contains_key("properties")
    {
        fields.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    strict
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// How many parts of the path stand literally in the template; `None`: it does not fit. A branch's name may hold slashes.
fn literal_parts(template: &str, path: &str) -> Option<usize> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let open_end = wanted.last() == Some(&"{branch}");
    if given.len() < wanted.len() || (given.len() > wanted.len() && !open_end) {
        return None;
    }
    let mut literal = 0;
    for (part, value) in wanted.iter().zip(&given) {
        match part.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            // Such as `{index}.{diffType}`.
            Some((_, after)) if !after.is_empty() && !value.contains('.') => return None,
            Some(_) => {}
            None if part == value => literal += 1,
            None => return None,
        }
    }
    Some(literal)
}
