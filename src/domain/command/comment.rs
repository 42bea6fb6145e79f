//! A comment as commands: which of its lines are addressed to the bot, and what becomes of each.

use std::collections::HashMap;

use crate::domain::forge::content_key;
use crate::domain::refusal::Refusal;

use super::disguise::{appearance, deceives};
use super::scan::{Candidate, candidates, written_part};
use super::spec::{ArgSpec, CommandSpec, find, find_not_yet, nearest, slips};
use super::{Command, CommandError, words};
use crate::base::text::{is_invisible, visible};

/// The most commands read in one comment.
pub const MAX_COMMANDS: usize = 20;
/// The longest comment that is searched for commands, in bytes.
pub const MAX_COMMENT: usize = 256 * 1024;

/// What the parser must know about its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct ParseContext<'a> {
    /// The bot's account on this forge, without `@`; `@login` at the start of a line addresses it.
    pub bot_login: &'a str,
}

/// One line that is addressed to the bot.
#[derive(Clone, Debug)]
pub struct Line {
    /// Position among the commands of the comment, from 0.
    pub index: usize,
    /// The line as typed, without surrounding white space.
    pub raw: String,
    /// Short content hash of `raw`.
    pub hash: String,
    pub command: Result<Command, CommandError>,
}

impl Line {
    /// What makes an intent of this line unique: a redelivery has the same key, an edited line another one.
    pub fn source_key(&self, comment_id: i64) -> String {
        format!("comment:{comment_id}:{}:{}", self.index, self.hash)
    }
}

/// What becomes of a line.
#[derive(Clone, Debug)]
pub enum Verdict<'a> {
    Run(&'a Command),
    /// In order, but another line is not.
    HeldBack(Refusal),
    Refused(Refusal),
}

/// A comment after parsing.
#[derive(Clone, Debug, Default)]
pub struct ParsedComment {
    pub commands: Vec<Line>,
    /// Nothing in it is addressed to the bot.
    pub plain: bool,
    /// The text its author wrote besides commands, as written. Without a mail signature.
    pub rest: String,
}

impl ParsedComment {
    fn of(commands: Vec<Line>, rest: String) -> ParsedComment {
        ParsedComment { plain: commands.is_empty(), commands, rest }
    }

    /// What becomes of each line, in order. One wrong line holds back every command that changes something, so that a comment is never half done.
    pub fn verdicts(&self) -> Vec<(&Line, Verdict<'_>)> {
        let all_right = self.commands.iter().all(|line| line.command.is_ok());
        let verdict = |line: &'_ Line| -> Option<Refusal> {
            match &line.command {
                Err(error) => Some(error.refusal()),
                Ok(command) if command.changes() && !all_right => Some(held_back(command.spec())),
                Ok(_) => None,
            }
        };
        let each = self.commands.iter().map(|line| match (verdict(line), &line.command) {
            (Some(refusal), Ok(_)) => (line, Verdict::HeldBack(refusal)),
            (Some(refusal), Err(_)) => (line, Verdict::Refused(refusal)),
            (None, Ok(command)) => (line, Verdict::Run(command)),
            (None, Err(error)) => (line, Verdict::Refused(error.refusal())),
        });
        each.collect()
    }

    /// The lines to run, in order; see [`ParsedComment::verdicts`].
    pub fn runnable(&self) -> Vec<(&Line, &Command)> {
        let verdicts = self.verdicts().into_iter();
        verdicts.filter_map(|(line, verdict)| if let Verdict::Run(command) = verdict { Some((line, command)) } else { None }).collect()
    }
}

fn held_back(spec: &CommandSpec) -> Refusal {
    let why = format!("`{}` was not run, because I did not understand another line of this comment.", spec.name);
    Refusal::new("held-back", why, "Correct that line and type both again in a new comment.")
}

/// Reads a comment. Never fails: whatever is addressed to the bot and wrong is a line with an error.
pub fn parse(body: &str, cx: &ParseContext<'_>) -> ParsedComment {
    if body.len() > MAX_COMMENT {
        return too_long(body, cx);
    }
    let body = written_part(body);
    let mut commands = Vec::new();
    let mut rest = String::new();
    let mut count = 0;
    let mut copied = 0;
    for candidate in candidates(&body) {
        if candidate.range.start < copied {
            continue;
        }
        let raw = &body[candidate.range.clone()];
        let Some(command) = read(raw, &candidate, cx) else { continue };
        count += 1;
        if count <= MAX_COMMANDS {
            commands.push(Line { index: count - 1, raw: raw.to_owned(), hash: content_key(raw), command });
        }
        rest.push_str(body[copied..candidate.range.start].trim_end_matches([' ', '\t']));
        copied = body[candidate.range.end..].find('\n').map_or(body.len(), |length| candidate.range.end + length + 1);
    }
    rest.push_str(&body[copied.min(body.len())..]);
    if count > MAX_COMMANDS {
        // One answer for all of them: who sends hundreds of commands shall not get hundreds of replies.
        let raw = format!("({count} commands)");
        let command = Err(CommandError::TooMany { count, limit: MAX_COMMANDS });
        commands = vec![Line { index: 0, hash: content_key(&body), raw, command }];
    }
    ParsedComment::of(commands, rest)
}

fn too_long(body: &str, cx: &ParseContext<'_>) -> ParsedComment {
    let addressed = body.lines().any(|line| matches!(address(line.trim(), cx.bot_login), Address::Bot { .. }));
    let error = CommandError::CommentTooLong { bytes: body.len(), limit: MAX_COMMENT };
    let line = Line { index: 0, raw: String::new(), hash: content_key(body), command: Err(error) };
    ParsedComment::of(if addressed { vec![line] } else { Vec::new() }, body.to_owned())
}

/// The commands that an edit added. Lines that stood there before are not run again; a command that may not be added by an edit is an error. Who edited is for
/// the caller to check: the actor must be the author. Indices are those of the new text.
pub fn new_commands(old: &str, new: &str, cx: &ParseContext<'_>) -> ParsedComment {
    let mut before: HashMap<String, usize> = HashMap::new();
    for line in parse(old, cx).commands {
        *before.entry(line.hash).or_default() += 1;
    }
    let after = parse(new, cx);
    let mut added = Vec::new();
    for mut line in after.commands {
        match before.get_mut(&line.hash) {
            Some(left) if *left > 0 => *left -= 1,
            _ => {
                line.command = line.command.and_then(|command| {
                    if command.spec().in_edits { Ok(command) } else { Err(CommandError::NotByEdit { verb: command.spec().name }) }
                });
                added.push(line);
            }
        }
    }
    ParsedComment { plain: after.plain, commands: added, rest: after.rest }
}

/// Whom a line speaks to.
enum Address<'a> {
    Nobody,
    /// The rest of the line after the name, and the bytes the name takes.
    Bot {
        rest: &'a str,
        name: usize,
    },
}

fn address<'a>(line: &'a str, bot_login: &str) -> Address<'a> {
    let mention = format!("@{bot_login}");
    // People write the name of a GitHub App, whose account is called `name[bot]`, with and without that ending.
    let bare = mention.strip_suffix("[bot]").unwrap_or(&mention);
    for name in ["/syndarix", "/sx", mention.as_str(), bare].into_iter().filter(|name| *name != "@") {
        let Some((head, rest)) = line.split_at_checked(name.len()) else { continue };
        let mut after = rest.chars();
        let ends = match (after.next(), after.next()) {
            (None, _) => true,
            (Some(':' | ','), second) => second.is_none_or(char::is_whitespace),
            (Some(first), _) => first.is_whitespace(),
        };
        if head.eq_ignore_ascii_case(name) && ends {
            return Address::Bot { rest: rest.trim_start_matches([':', ',']).trim(), name: name.len() };
        }
    }
    Address::Nobody
}

/// `None`: the line is not addressed to the bot.
fn read(raw: &str, candidate: &Candidate, cx: &ParseContext<'_>) -> Option<Result<Command, CommandError>> {
    let line = raw.trim_start();
    match address(line, cx.bot_login) {
        Address::Bot { name, .. } if candidate.plain < name + (raw.len() - line.len()) => None,
        Address::Bot { rest, .. } => Some(match candidate.block {
            Some(block) => Err(CommandError::InsideBlock(block)),
            None => command(rest),
        }),
        Address::Nobody => nearly(line, cx).map(Err),
    }
}

/// A line that is not addressed to the bot but looks as if it were meant to be.
fn nearly(line: &str, cx: &ParseContext<'_>) -> Option<CommandError> {
    // Longer than any name with a few invisible characters inside; keeps long lines cheap.
    let head: String = line.chars().take(256).collect();
    let seen = appearance(&head);
    let seen = seen.trim_start();
    if seen != head && matches!(address(seen, cx.bot_login), Address::Bot { .. }) {
        return Some(CommandError::Disguised);
    }
    let word = line.split_whitespace().next().filter(|word| word.len() <= 12 && word.is_ascii())?;
    let misspelt = word.starts_with("/sy") && !word[1..].contains('/') && slips(&word.to_ascii_lowercase(), "/syndarix") <= 2;
    misspelt.then(|| CommandError::MisspeltName { typed: word.to_owned() })
}

/// What stands after the name.
fn command(rest: &str) -> Result<Command, CommandError> {
    let (verb, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let spec = match (verb.is_empty(), find(verb), find_not_yet(verb)) {
        (true, _, _) => &super::help::SPEC,
        (_, Some(spec), _) => spec,
        (_, None, Some(verb)) => return Err(CommandError::NotYet { verb }),
        (_, None, None) => {
            let seen = appearance(verb);
            let disguised = seen != verb.to_lowercase() && (find(&seen).is_some() || find_not_yet(&seen).is_some());
            let disguised = disguised || verb.chars().any(|c| is_invisible(c) || deceives(c));
            return Err(if disguised {
                CommandError::Disguised
            } else {
                CommandError::UnknownVerb { near: nearest(&seen), verb: verb.to_owned() }
            });
        }
    };
    let strict = !matches!(spec.args, ArgSpec::Text(_));
    if rest.contains("<!--") || rest.chars().any(|c| deceives(c) || (strict && is_invisible(c))) {
        return Err(CommandError::HiddenText);
    }
    (spec.build)(words::read(spec, &visible(arguments))?)
}
