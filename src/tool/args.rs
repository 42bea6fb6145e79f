//! Looking at arguments before any tool sees them.

use jsonschema::Validator;
use serde_json::Value;

use crate::base::json::strict;

use super::registry;

/// Most bytes of text in the arguments of one call.
const MOST_BYTES: usize = 2 << 20;
/// Deepest nesting of arguments.
const MOST_DEPTH: usize = 64;
/// Most values in the arguments of one call.
const MOST_VALUES: usize = 50_000;

/// Arguments that may be used.
pub(super) enum Args {
    /// As they came.
    Borrowed,
    /// Out of a text that turned out to be JSON.
    Parsed(Value),
}

/// Accepts an object of bounded size, or a text that holds one; a sentence otherwise.
pub(super) fn read(args: &Value) -> Result<Args, String> {
    bounded(args)?;
    match args {
        Value::Object(_) => Ok(Args::Borrowed),
        Value::Null => Ok(Args::Parsed(Value::Object(serde_json::Map::new()))),
        Value::String(text) => match strict(text) {
            Ok(value @ Value::Object(_)) => bounded(&value).map(|()| Args::Parsed(value)),
            Ok(_) => Err("the arguments must be a JSON object.".to_owned()),
            Err(error) => {
                Err(format!("the arguments are not JSON ({error}). Send one JSON object; escape quotes and line ends inside texts."))
            }
        },
        _ => Err("the arguments must be a JSON object.".to_owned()),
    }
}

/// Walks with a list of its own instead of the call stack, which deep nesting would exhaust.
fn bounded(args: &Value) -> Result<(), String> {
    let mut waiting = vec![(args, 1usize)];
    let (mut bytes, mut values) = (0usize, 0usize);
    while let Some((value, depth)) = waiting.pop() {
        values += 1;
        if depth > MOST_DEPTH {
            return Err(format!("the arguments are nested deeper than {MOST_DEPTH} levels."));
        }
        match value {
            Value::String(text) => bytes += text.len(),
            Value::Array(items) => waiting.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => {
                bytes += fields.keys().map(String::len).sum::<usize>();
                waiting.extend(fields.values().map(|field| (field, depth + 1)));
            }
            _ => {}
        }
        if bytes > MOST_BYTES {
            return Err(format!("the arguments hold more than {} MiB of text. Send smaller parts.", MOST_BYTES >> 20));
        }
        if values + waiting.len() > MOST_VALUES {
            return Err(format!("the arguments hold more than {MOST_VALUES} values."));
        }
    }
    Ok(())
}

/// What does not fit the schema, one line per problem, each with the name of the field.
pub(super) fn problems(validator: &Validator, args: &Value) -> Vec<String> {
    validator
        .iter_errors(args)
        .take(12)
        .map(|error| {
            let place = error.instance_path().to_string();
            let field =
                if place.is_empty() { "the whole".to_owned() } else { format!("`{}`", place.trim_start_matches('/').replace('/', ".")) };
            let text: String = error.to_string();
            let text = if text.chars().count() > 300 { error.masked().to_string().chars().take(300).collect() } else { text };
            format!("{field}: {text}")
        })
        .collect()
}

/// The answer to a name that is no tool.
pub(super) fn unknown_tool(allowed: &[String], name: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let known: Vec<&str> = registry().iter().map(|tool| tool.name()).filter(|tool| allowed.iter().any(|name| name == tool)).collect();
    let short: String = name.chars().take(60).collect();
    let close = similar::get_close_matches(short.as_str(), &known, 1, 0.5);
    let hint = close.first().map_or_else(String::new, |name| format!(" Did you mean `{name}`?"));
    format!("There is no tool `{shown}`.{hint} The tools are: {}.", known.join(", "))
}
