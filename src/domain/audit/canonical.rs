//! The one way to write a JSON value into the record: the subset of RFC 8785 in which every language's encoder agrees.
//! Keys are ASCII and sorted, there is no white space, numbers are integers that fit a double exactly, texts are UTF-8 with the short escapes.

use serde_json::Value;

/// The largest integer that every JSON reader keeps exactly, 2^53 - 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
/// How deep objects and arrays may nest, counting the line itself as 1.
pub const MAX_DEPTH: usize = 10;
/// The longest text in bytes. Longer ones are somebody's prose and belong into the record by hash only.
pub const MAX_TEXT: usize = 1_024;
/// The longest key in bytes.
pub const MAX_KEY: usize = 64;

/// The canonical bytes of a value, or a sentence about what cannot be written.
pub fn encode(value: &Value) -> Result<String, String> {
    let mut out = String::with_capacity(256);
    write(value, 1, &mut out)?;
    Ok(out)
}

fn write(value: &Value, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH && (value.is_array() || value.is_object()) {
        return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_integer(number, out)?,
        Value::String(text) => write_text(text, out)?,
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(at, out);
                write(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                check_key(key)?;
                separate(at, out);
                out.extend(["\"", key, "\":"]);
                write(member, depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn separate(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

fn write_integer(number: &serde_json::Number, out: &mut String) -> Result<(), String> {
    let magnitude = match (number.as_u64(), number.as_i64()) {
        (Some(positive), _) => positive,
        (None, Some(negative)) => negative.unsigned_abs(),
        (None, None) => return Err(format!("the number {number} is not an integer; money and fractions are written as text")),
    };
    if magnitude > MAX_INTEGER {
        return Err(format!("the number {number} is beyond 2^53 - 1; write it as text"));
    }
    out.push_str(&number.to_string());
    Ok(())
}

/// Keys need no escape: anything that would is refused.
fn check_key(key: &str) -> Result<(), String> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(plain) {
        return Err(format!("the key {key:?} is not 1 to {MAX_KEY} printable ASCII characters without quote and backslash"));
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) -> Result<(), String> {
    if text.len() > MAX_TEXT {
        return Err(format!("a text is longer than {MAX_TEXT} bytes; record its hash instead"));
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_have_one_spelling() {
        let rows = [
            (json!({"b": 1, "a": [true, null, "x"]}), r#"{"a":[true,null,"x"],"b":1}"#),
            (json!({"B": -1, "a": {}}), r#"{"B":-1,"a":{}}"#),
            (json!("q\" b\\ n\n r\r t\t \u{8}\u{c}\u{1f}\u{7f}é\u{2028}"), "\"q\\\" b\\\\ n\\n r\\r t\\t \\b\\f\\u001f\u{7f}é\u{2028}\""),
            (json!(9_007_199_254_740_991_u64), "9007199254740991"),
        ];
        for (value, line) in rows {
            assert_eq!(encode(&value).as_deref(), Ok(line));
        }
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        let deep = (0..MAX_DEPTH).fold(json!([]), |inner, _| json!([inner]));
        let rows = [
            (json!(0.5), "not an integer"),
            (json!(1.0), "not an integer"),
            (json!(9_007_199_254_740_992_u64), "2^53"),
            (json!(-9_007_199_254_740_992_i64), "2^53"),
            (json!({"ä": 1}), "ASCII"),
            (json!({"": 1}), "ASCII"),
            (json!({"a\"b": 1}), "ASCII"),
            (json!({"k".repeat(65): 1}), "ASCII"),
            (json!("x".repeat(MAX_TEXT + 1)), "hash"),
            (deep, "deeper"),
        ];
        for (value, why) in rows {
            let refused = encode(&value).expect_err(&value.to_string());
            assert!(refused.contains(why), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_short_text_reads_back(text in "\\PC{0,80}|[\\x00-\\x{7f}]{0,80}") {
            let line = encode(&json!({ "t": text })).expect("short");
            let back: Value = serde_json::from_str(&line).expect("JSON");
            prop_assert_eq!(encode(&back), Ok(line.clone()));
            prop_assert_eq!(&back["t"], &json!(text));
        }
    }
}
