//! What tokens cost, in exact integers.

use serde::{Deserialize, Serialize};

use crate::base::Nano;
use crate::domain::agent::message::{ChatRequest, Part, Usage};

/// Prices of one model, each in nano-USD per million tokens ($3 per million is `Nano(3_000_000_000)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub input: Nano,
    pub output: Nano,
    pub cache_write: Nano,
    pub cache_read: Nano,
    /// Some providers charge every token of a request more once its prompt passes a length.
    pub long: Option<LongPrompt>,
}

/// The prices that hold for a whole request whose prompt is longer than `over` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongPrompt {
    /// Prompt tokens, cached ones included, above which these prices hold.
    pub over: u64,
    pub input: Nano,
    pub output: Nano,
    pub cache_write: Nano,
    pub cache_read: Nano,
}

impl Price {
    /// The price of something that costs nothing, such as a model on one's own machine.
    pub const FREE: Price = Price { input: Nano(0), output: Nano(0), cache_write: Nano(0), cache_read: Nano(0), long: None };

    /// True when no number of tokens costs anything.
    pub fn is_free(&self) -> bool {
        *self == Price::FREE
    }

    /// Input, output, cache write and cache read for a prompt of this many tokens.
    fn rates(&self, prompt: u64) -> [Nano; 4] {
        match &self.long {
            Some(long) if prompt > long.over => [long.input, long.output, long.cache_write, long.cache_read],
            _ => [self.input, self.output, self.cache_write, self.cache_read],
        }
    }

    /// The most that one call can cost: every prompt token at the dearest way to send it, and the whole allowance of output.
    pub fn at_most(&self, prompt: u64, max_output: u64) -> Nano {
        let [input, output, write, _] = self.rates(prompt);
        per_million(&[(prompt, input.max(write)), (max_output, output)])
    }
}

/// What a call cost. The sum is rounded up once, to a whole nano-USD, so that no number of small calls adds up to less than the bill.
pub fn cost(price: &Price, usage: &Usage) -> Nano {
    let prompt = usage.input.saturating_add(usage.cache_write).saturating_add(usage.cache_read);
    let [input, output, write, read] = price.rates(prompt);
    per_million(&[(usage.input, input), (usage.output, output), (usage.cache_write, write), (usage.cache_read, read)])
}

fn per_million(rows: &[(u64, Nano)]) -> Nano {
    let sum: i128 = rows.iter().map(|&(tokens, rate)| i128::from(tokens) * i128::from(rate.0)).fold(0, i128::saturating_add);
    let nano = sum.div_euclid(1_000_000) + i128::from(sum.rem_euclid(1_000_000) != 0);
    Nano(i64::try_from(nano).unwrap_or(i64::MAX))
}

/// Tokens that a request will at most have as its prompt, before any provider has counted them. Providers tokenise differently and not all
/// publish how: 3.5 ASCII characters a token holds for prose and code, every other character counts as two tokens.
pub fn estimate_tokens(request: &ChatRequest) -> u64 {
    let tools = request
        .tools
        .iter()
        .map(|tool| text_tokens(&tool.name) + text_tokens(&tool.description) + text_tokens(&tool.schema.to_string()) + 20);
    let parts = request.messages.iter().flat_map(|message| &message.parts).map(|part| 10 + part_tokens(part));
    text_tokens(&request.system) + tools.sum::<u64>() + parts.sum::<u64>() + 500
}

fn part_tokens(part: &Part) -> u64 {
    match part {
        Part::Text { text } => text_tokens(text),
        Part::ToolCall { id, name, arguments } => text_tokens(id) + text_tokens(name) + text_tokens(&arguments.to_string()),
        Part::ToolResult { id, name, content, .. } => text_tokens(id) + text_tokens(name) + text_tokens(content),
    }
}

fn text_tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let other = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    (ascii * 2).div_ceil(7) + other * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price {
            input: Nano::from_usd(3.0),
            output: Nano::from_usd(15.0),
            cache_write: Nano::from_usd(3.75),
            cache_read: Nano::from_usd(0.3),
            long: None,
        }
    }

    #[test]
    fn tokens_are_paid_exactly_and_rounded_up() {
        let rows = [
            (Usage::default(), 0),
            (Usage { input: 1, ..Usage::default() }, 3_000),
            (Usage { input: 10, output: 5, cache_write: 4, cache_read: 100 }, 30_000 + 75_000 + 15_000 + 30_000),
            (Usage { output: 1_000_000, ..Usage::default() }, 15_000_000_000),
        ];
        for (usage, nano) in rows {
            assert_eq!(cost(&price(), &usage), Nano(nano), "{usage:?}");
        }
        let tiny = Price { input: Nano(1), ..Price::FREE };
        assert_eq!(cost(&tiny, &Usage { input: 1, ..Usage::default() }), Nano(1), "a millionth of a nano-USD is still charged");
        assert_eq!(cost(&price(), &Usage { output: u64::MAX, ..Usage::default() }), Nano(i64::MAX), "no overflow");
        assert_eq!(cost(&Price::FREE, &Usage { input: 7, output: 7, ..Usage::default() }), Nano::ZERO);
    }

    #[test]
    fn a_long_prompt_changes_every_rate() {
        let long =
            LongPrompt { over: 100, input: Nano(5_000_000), output: Nano(10_000_000), cache_write: Nano(0), cache_read: Nano(1_000_000) };
        let price = Price { input: Nano(1_000_000), output: Nano(2_000_000), long: Some(long), ..Price::FREE };
        assert_eq!(cost(&price, &Usage { input: 100, output: 1, ..Usage::default() }), Nano(102));
        assert_eq!(cost(&price, &Usage { input: 1, cache_read: 100, output: 1, ..Usage::default() }), Nano(5 + 100 + 10));
        assert_eq!(price.at_most(101, 1), Nano(515));
    }

    #[test]
    fn the_most_is_never_below_the_cost() {
        for (input, write, read, output) in [(100, 0, 0, 50), (0, 100, 0, 50), (30, 30, 40, 1), (0, 0, 100, 0)] {
            let usage = Usage { input, output, cache_write: write, cache_read: read };
            assert!(price().at_most(100, 50) >= cost(&price(), &usage), "{usage:?}");
        }
    }

    #[test]
    fn text_counts_by_script() {
        assert_eq!(text_tokens("1234567"), 2);
        assert_eq!(text_tokens("12345678"), 3);
        assert_eq!(text_tokens("日本"), 4);
    }
}
