//! The parameters of a request. GitLab takes them from the query, from a form and from JSON alike, and reads `"1"` as 1.

use serde_json::{Map, Value};

/// All parameters together; those of the body win.
#[derive(Clone, Debug, Default)]
pub struct Params(Map<String, Value>);

impl Params {
    /// From fields that are read already.
    pub fn of(fields: Map<String, Value>) -> Params {
        Params(fields)
    }

    /// Reads query and body; an error says what the body lacks to be JSON.
    pub fn read(query: &str, content_type: &str, body: &[u8]) -> Result<Params, String> {
        let mut params = Params::default();
        params.pairs(query);
        let body = body.trim_ascii();
        if content_type.starts_with("application/x-www-form-urlencoded") {
            params.pairs(&String::from_utf8_lossy(body));
        } else if !body.is_empty() {
            match serde_json::from_slice(body) {
                Ok(Value::Object(more)) => params.0.extend(more),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(params)
    }

    /// `a=1&b[]=2&c[d]=3`
    fn pairs(&mut self, text: &str) {
        let Ok(url) = reqwest::Url::parse(&format!("http://localhost/?{text}")) else { return };
        for (name, value) in url.query_pairs() {
            let value = Value::from(value.into_owned());
            match name.split_once('[') {
                None => drop(self.0.insert(name.into_owned(), value)),
                Some((list, "]")) => {
                    if let Value::Array(items) = self.0.entry(list).or_insert_with(|| Value::Array(Vec::new())) {
                        items.push(value);
                    }
                }
                Some((object, field)) => {
                    if let Value::Object(fields) = self.0.entry(object).or_insert_with(|| Value::Object(Map::new())) {
                        fields.insert(field.trim_end_matches(']').to_owned(), value);
                    }
                }
            }
        }
    }

    /// The parameters below one that is an object.
    pub fn object(&self, name: &str) -> Option<Params> {
        self.0.get(name)?.as_object().map(|fields| Params(fields.clone()))
    }

    /// Whatever it is.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Objects in a list.
    pub fn objects(&self, name: &str) -> Vec<Params> {
        let items = self.0.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_object).map(|fields| Params(fields.clone())).collect()
    }

    /// True when it is named, even as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// As text.
    pub fn text(&self, name: &str) -> Option<String> {
        word(self.0.get(name)?)
    }

    /// As text that is not empty.
    pub fn some(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// As a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// As yes or no.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.text(name)?.as_str() {
            "true" | "1" | "t" | "yes" | "on" => Some(true),
            "false" | "0" | "f" | "no" | "off" | "" => Some(false),
            _ => None,
        }
    }

    /// As a list: an array, or a text with commas. Empty entries are dropped.
    pub fn words(&self, name: &str) -> Option<Vec<String>> {
        let words: Vec<String> = match self.0.get(name)? {
            Value::Array(items) => items.iter().filter_map(word).collect(),
            other => word(other).unwrap_or_default().split(',').map(str::to_owned).collect(),
        };
        Some(words.into_iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect())
    }

    /// As a list of numbers; a single number counts as one. Zeros, which stand for nobody, are dropped.
    pub fn numbers(&self, name: &str) -> Option<Vec<i64>> {
        Some(self.words(name)?.iter().filter_map(|word| word.parse().ok()).filter(|number| *number != 0).collect())
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Params;

    #[test]
    fn parameters_are_found_wherever_they_stand() {
        let form =
            Params::read("labels=a,%20b&page=2", "application/x-www-form-urlencoded", b"ids[]=1&ids[]=2&position[new_line]=3&on=true");
        let form = form.unwrap();
        assert_eq!(form.words("labels").unwrap(), ["a", "b"]);
        assert_eq!((form.number("page"), form.flag("on"), form.numbers("ids")), (Some(2), Some(true), Some(vec![1, 2])));
        assert_eq!(form.object("position").unwrap().number("new_line"), Some(3));
        let json = Params::read("a=1", "application/json", br#"{"labels": ["x", "y"], "n": 5, "none": null}"#).unwrap();
        assert_eq!(json.words("labels").unwrap(), ["x", "y"]);
        assert_eq!((json.text("n").as_deref(), json.text("none"), json.has("none")), (Some("5"), None, true));
        assert!(Params::read("", "application/json", b"{").is_err());
    }
}
