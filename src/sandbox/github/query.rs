//! Reading a GraphQL document: one operation with fields, arguments, variables and inline fragments. Named fragments and directives are refused.

use serde_json::{Map, Value};

/// What a document asks for.
#[derive(Debug, PartialEq)]
pub struct Operation {
    pub is_mutation: bool,
    pub fields: Vec<Field>,
}

/// A field, or an inline fragment, whose name then is `... on <type>`.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// The name it has in the answer.
    pub shown: String,
    pub name: String,
    pub arguments: Map<String, Value>,
    pub inside: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(i64),
    Variable(String),
    Mark(char),
    Spread,
}

/// How deep selections may be nested.
const DEEPEST: usize = 20;

/// Reads a document with its variables.
pub fn read(document: &str, variables: &Map<String, Value>) -> Result<Operation, String> {
    let tokens = tokens(document)?;
    let mut reader = Reader { tokens, at: 0, variables };
    let is_mutation = match reader.peek() {
        Some(Token::Mark('{')) => false,
        Some(Token::Name(word)) if word == "query" || word == "mutation" => {
            let is_mutation = word == "mutation";
            reader.at += 1;
            if matches!(reader.peek(), Some(Token::Name(_))) {
                reader.at += 1;
            }
            reader.skip_declarations()?;
            is_mutation
        }
        other => return Err(format!("Expected one of query, mutation, {{, actual: {other:?}")),
    };
    let fields = reader.selection(0)?;
    match reader.peek() {
        None => Ok(Operation { is_mutation, fields }),
        Some(other) => Err(format!("Unexpected {other:?} behind the operation; the sandbox reads one operation without named fragments")),
    }
}

fn tokens(document: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = document.trim_start_matches(skipped);
    while let Some(first) = rest.chars().next() {
        let name = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let end = end_of_text(rest).ok_or("a text does not end")?;
                let text = serde_json::from_str(&rest[..end]).map_err(|_| "a text is not well formed")?;
                tokens.push(Token::Text(text));
                end
            }
            '$' => {
                let end = 1 + name(&rest[1..]);
                tokens.push(Token::Variable(rest[1..end].to_owned()));
                end
            }
            '.' if rest.starts_with("...") => {
                tokens.push(Token::Spread);
                3
            }
            '-' | '0'..='9' => {
                let end = 1 + rest[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - 1);
                tokens.push(Token::Number(rest[..end].parse().map_err(|_| format!("`{}` is not a whole number", &rest[..end]))?));
                end
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let end = name(rest);
                tokens.push(Token::Name(rest[..end].to_owned()));
                end
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '!' | '=' | '@' => {
                tokens.push(Token::Mark(first));
                1
            }
            other => return Err(format!("unexpected character `{other}`")),
        };
        rest = rest[length..].trim_start_matches(skipped);
    }
    Ok(tokens)
}

/// Commas mean nothing in GraphQL.
fn skipped(c: char) -> bool {
    c.is_whitespace() || c == ',' || c == '\u{feff}'
}

fn end_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some(at + 1),
            '\n' => return None,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}

struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    variables: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("unexpected end of the document")?;
        self.at += 1;
        Ok(token)
    }

    fn is(&mut self, mark: char) -> bool {
        let is = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(is);
        is
    }

    fn name(&mut self) -> Result<String, String> {
        match self.take()? {
            Token::Name(name) => Ok(name),
            other => Err(format!("expected a name, actual: {other:?}")),
        }
    }

    /// The types of the variables: what they hold is checked where it is used.
    fn skip_declarations(&mut self) -> Result<(), String> {
        if self.is('(') {
            while self.take()? != Token::Mark(')') {}
        }
        Ok(())
    }

    fn selection(&mut self, depth: usize) -> Result<Vec<Field>, String> {
        if depth > DEEPEST {
            return Err("the query is nested too deeply".to_owned());
        }
        if !self.is('{') {
            return Err(format!("expected {{, actual: {:?}", self.peek()));
        }
        let mut fields = Vec::new();
        while !self.is('}') {
            fields.push(self.field(depth)?);
        }
        if fields.is_empty() { Err("a selection is empty".to_owned()) } else { Ok(fields) }
    }

    fn field(&mut self, depth: usize) -> Result<Field, String> {
        if self.peek() == Some(&Token::Spread) {
            self.at += 1;
            if self.name()? != "on" {
                return Err("the sandbox reads no named fragments; write the fields out".to_owned());
            }
            let name = format!("... on {}", self.name()?);
            return Ok(Field { shown: String::new(), name, arguments: Map::new(), inside: self.selection(depth + 1)? });
        }
        let first = self.name()?;
        let (shown, name) = if self.is(':') { (first, self.name()?) } else { (first.clone(), first) };
        let mut arguments = Map::new();
        if self.is('(') {
            while !self.is(')') {
                let name = self.name()?;
                if !self.is(':') {
                    return Err(format!("expected : behind the argument `{name}`"));
                }
                let value = self.value(depth)?;
                arguments.insert(name, value);
            }
        }
        let inside = if self.peek() == Some(&Token::Mark('{')) { self.selection(depth + 1)? } else { Vec::new() };
        Ok(Field { shown, name, arguments, inside })
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("the query is nested too deeply".to_owned());
        }
        Ok(match self.take()? {
            Token::Variable(name) => self.variables.get(&name).cloned().unwrap_or_default(),
            Token::Text(text) => text.into(),
            Token::Number(number) => number.into(),
            Token::Name(word) => match word.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                "null" => Value::Null,
                _ => word.into(),
            },
            Token::Mark('[') => {
                let mut list = Vec::new();
                while !self.is(']') {
                    list.push(self.value(depth + 1)?);
                }
                list.into()
            }
            Token::Mark('{') => {
                let mut object = Map::new();
                while !self.is('}') {
                    let name = self.name()?;
                    if !self.is(':') {
                        return Err(format!("expected : behind the field `{name}`"));
                    }
                    let value = self.value(depth + 1)?;
                    object.insert(name, value);
                }
                object.into()
            }
            other => return Err(format!("expected a value, actual: {other:?}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_mutation_with_variables_and_one_without_read_the_same() {
        let with = "mutation Ready($id: ID!, $list: [Int!] = [1]) { done: markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
        let without = "mutation{done:markPullRequestReadyForReview(input:{pullRequestId:\"PR_1\"}){pullRequest{isDraft}}} # end";
        let read = |text| read(text, &variables(json!({"id": "PR_1"}))).unwrap();
        assert_eq!(read(with), read(without));
        let operation = read(with);
        assert!(operation.is_mutation);
        assert_eq!(
            (operation.fields[0].shown.as_str(), &operation.fields[0].arguments["input"]),
            ("done", &json!({"pullRequestId": "PR_1"}))
        );
    }

    #[test]
    fn fragments_with_a_type_are_fields() {
        let operation = read("{ node(id: \"x\\\"y\") { __typename ... on PullRequest { id, isDraft } } }", &Map::new()).unwrap();
        assert_eq!(operation.fields[0].arguments["id"], "x\"y");
        assert_eq!(operation.fields[0].inside[1].name, "... on PullRequest");
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_a_sentence() {
        let deep = format!("{}{}", "{a".repeat(50), "}".repeat(50));
        for text in [
            "",
            "{",
            "{}",
            "{ a(",
            "{ a(b) }",
            "subscription { a }",
            "{ ...F }",
            "{ a } fragment F on X { b }",
            "{ a(b: \"",
            "{ é }",
            &deep,
            "{a(b:-)}",
        ] {
            assert!(read(text, &Map::new()).is_err(), "{text}");
        }
    }
}
