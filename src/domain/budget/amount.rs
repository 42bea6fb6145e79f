//! Amounts of money as people type them, read strictly: a budget that was misread costs more than a question.

use crate::base::Nano;

/// The largest amount that is taken: what is above it is a slip.
const MOST_USD: i64 = 1_000_000;
/// Digits after the point; more are finer than any price.
const MOST_DECIMALS: usize = 6;

/// Reads `2.50`, `$2.50` or `2.5 USD`. The error says what is wrong, in a part of a sentence.
pub fn read_amount(text: &str) -> Result<Nano, String> {
    let text = text.trim();
    if let Some(sign) = text.chars().find(|c| matches!(c, '€' | '£' | '¥' | '₹')) {
        return Err(format!("it is in {sign}, and budgets are in US dollars"));
    }
    let number = without_unit(text);
    if number.starts_with(['-', '\u{2212}', '\u{2013}']) {
        return Err("a budget is never negative".into());
    }
    if number.contains(',') {
        return Err(of_comma(number));
    }
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return Err("write it in US dollars with a point before the cents, such as `2.50`".into());
    }
    if decimals.len() > MOST_DECIMALS {
        return Err(format!("it has more than {MOST_DECIMALS} digits after the point"));
    }
    let too_much = || format!("it is more than ${MOST_USD}, so it is probably a slip");
    let whole: i64 = whole.parse().map_err(|_| too_much())?;
    let part: i64 = format!("{decimals:0<9}").parse().map_err(|_| too_much())?;
    if whole > MOST_USD || (whole == MOST_USD && part > 0) {
        return Err(too_much());
    }
    Ok(Nano(whole * 1_000_000_000 + part))
}

fn without_unit(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let head = ["us$", "usd", "$"].into_iter().find(|unit| lower.starts_with(unit)).map_or(0, str::len);
    let rest = &text[head..];
    let lower = &lower[head..];
    let tail = ["usd", "$"].into_iter().find(|unit| head == 0 && lower.ends_with(unit)).map_or(0, str::len);
    rest[..rest.len() - tail].trim()
}

/// A comma before two digits is a point in half of the world, and before three it is a thousand in the other half.
fn of_comma(number: &str) -> String {
    let meant = number.replace(',', ".");
    match number.split(',').collect::<Vec<_>>()[..] {
        [_, cents] if cents.len() <= 2 && read_amount(&meant).is_ok() => format!("write the cents behind a point: `{meant}`"),
        _ => "a comma can mean thousands or cents; write it without one, such as `1000` or `2.50`".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_people_type_them() {
        let rows = [
            ("2.50", 2_500_000_000),
            ("$2.50", 2_500_000_000),
            ("2.5", 2_500_000_000),
            ("US$ 3", 3_000_000_000),
            ("3 USD", 3_000_000_000),
            ("usd 0.000001", 1_000),
            ("0", 0),
            ("007", 7_000_000_000),
            ("1000000", 1_000_000_000_000_000),
        ];
        for (typed, nano) in rows {
            assert_eq!(read_amount(typed), Ok(Nano(nano)), "{typed}");
        }
    }

    #[test]
    fn what_is_not_clear_is_not_guessed() {
        let rows = [
            ("2,50", "write the cents behind a point: `2.50`"),
            ("1,000", "a comma can mean"),
            ("1,000.50", "a comma can mean"),
            ("€5", "it is in €"),
            ("5 £", "it is in £"),
            ("-1", "never negative"),
            ("\u{2212}1", "never negative"),
            ("1e3", "with a point before the cents"),
            ("five", "with a point before the cents"),
            ("", "with a point before the cents"),
            (".", "with a point before the cents"),
            ("2.", "with a point before the cents"),
            ("1.2.3", "with a point before the cents"),
            ("$$5", "with a point before the cents"),
            ("0x10", "with a point before the cents"),
            ("NaN", "with a point before the cents"),
            ("inf", "with a point before the cents"),
            ("\u{0663}", "with a point before the cents"),
            ("0.0000001", "more than 6 digits"),
            ("1000000.01", "more than $1000000"),
            ("99999999999999999999999", "more than $1000000"),
        ];
        for (typed, why) in rows {
            let said = read_amount(typed).expect_err(typed);
            assert!(said.contains(why), "{typed}: {said}");
        }
    }
}
