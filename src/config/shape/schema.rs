//! JSON schemas of the files, for editors.

use serde_json::{Map, Value, json};

use super::{File, Key, Kind, limits, notes_of};

/// The schema of one kind of file, draft 7, which editors of TOML read.
pub fn schema(file: &File) -> Value {
    let mut top = object(file, "", file.keys);
    if let Value::Object(fields) = &mut top {
        fields.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        fields.insert("title".to_owned(), json!(file.place));
        fields.insert("description".to_owned(), json!(file.about));
    }
    top
}

fn object(file: &File, path: &str, keys: &[Key]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        let mut value = of_kind(file, &path, &key.kind);
        if let Value::Object(fields) = &mut value {
            fields.insert("description".to_owned(), json!(notes_of(file, &path, key)));
            if let Some(standard) = key.standard.and_then(toml_value) {
                fields.insert("default".to_owned(), standard);
            }
        }
        properties.insert(key.name.to_owned(), value);
    }
    let needed: Vec<&str> = keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
    json!({"type": "object", "properties": properties, "required": needed, "additionalProperties": false})
}

fn of_kind(file: &File, path: &str, kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path | Kind::Secret => json!({"type": "string"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Whole(least) => json!({"type": "integer", "minimum": least}),
        Kind::Amount => json!({"type": "number", "minimum": 0, "maximum": 1_000_000}),
        Kind::Word(words) => json!({"type": "string", "enum": words}),
        Kind::List(of) => json!({"type": "array", "items": of_kind(file, path, of)}),
        Kind::Table(keys) => object(file, path, keys),
        Kind::Tables(keys) => json!({"type": "array", "items": object(file, path, keys)}),
        Kind::Map(of) => json!({"type": "object", "additionalProperties": of_kind(file, path, of)}),
        Kind::Limits => {
            let note = |name: &str| notes_of(file, &format!("{path}.{name}"), &Key::new("", Kind::Whole(1)));
            let properties: Map<String, Value> = limits()
                .iter()
                .map(|name| ((*name).to_owned(), json!({"type": "integer", "minimum": 1, "description": note(name)})))
                .collect();
            json!({"type": "object", "properties": properties, "additionalProperties": false})
        }
    }
}

fn toml_value(text: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
