//! `boxwood docs search`: what the documentation says, without a network.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::Failure;
use crate::output::{Output, Style};
use crate::text::{fit, number, wrap};

/// The documents, as they were when this program was built.
const DOCUMENTS: [(&str, &str); 9] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/tour.md", include_str!("../../../docs/tour.md")),
    ("docs/cli.md", include_str!("../../../docs/cli.md")),
    ("docs/behaviour.md", include_str!("../../../docs/behaviour.md")),
    ("docs/wire.md", include_str!("../../../docs/wire.md")),
    ("docs/backup.md", include_str!("../../../docs/backup.md")),
    ("docs/scaling.md", include_str!("../../../docs/scaling.md")),
    ("docs/reliability.md", include_str!("../../../docs/reliability.md")),
    ("docs/benchmarks.md", include_str!("../../../docs/benchmarks.md")),
];

/// A heading that has a word counts as much as so many times in the text.
const HEADING_WEIGHT: usize = 4;

/// Lines of a passage that are shown.
const LINES_MAX: usize = 6;

/// The documentation.
#[derive(Args, Debug)]
pub(crate) struct DocsArgs {
    #[command(subcommand)]
    command: DocsCommand,
}

#[derive(Subcommand, Debug)]
enum DocsCommand {
    /// Find passages that have all these words
    Search(SearchArgs),
}

#[derive(Args, Debug)]
struct SearchArgs {
    /// What to look for: words, parts of words, or the number of a rule such as T-92
    #[arg(value_name = "WORDS", required = true)]
    words: Vec<String>,
    /// How many passages to show at most
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print one JSON value instead of text
    #[arg(long)]
    json: bool,
}

/// A paragraph, a point of a list, a table or a program.
#[derive(Clone, Debug, Serialize)]
struct Passage {
    document: &'static str,
    /// The headings above it, the outermost first.
    headings: Vec<&'static str>,
    /// The number of its first line.
    line: usize,
    text: String,
}

#[derive(Serialize)]
struct Found {
    results: Vec<Passage>,
    /// How many there are in all.
    total: usize,
}

/// Runs a command on the documentation.
pub(crate) fn run(args: DocsArgs) -> Result<(), Failure> {
    let DocsCommand::Search(args) = args.command;
    let output = Output::new(args.json);
    let words: Vec<String> =
        args.words.iter().flat_map(|words| words.split_whitespace()).map(str::to_lowercase).collect();
    if words.is_empty() {
        return Err(Failure::Usage("there is no word to look for".into()));
    }
    let mut results = search(&words);
    let total = results.len();
    results.truncate(args.limit.into());
    if output.json {
        return output.value(&Found { results, total });
    }
    if results.is_empty() {
        output.talk("no passage has all these words; try fewer, or parts of them");
        return Ok(());
    }
    let more = total - results.len();
    let texts: Vec<String> = results.iter().map(|passage| written(passage, output)).collect();
    output.data(&texts.join("\n"))?;
    if more > 0 {
        output.talk(&format!("\nand {} more passages; --limit COUNT shows them", number(more as u64)));
    }
    Ok(())
}

/// The passages that have all the words, the best first.
fn search(words: &[String]) -> Vec<Passage> {
    let all = DOCUMENTS.iter().flat_map(|(name, text)| passages(name, text));
    let mut found: Vec<(usize, Passage)> = all.filter_map(|passage| Some((score(&passage, words)?, passage))).collect();
    // Those of equal worth stay in the order of the documents.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, passage)| passage).collect()
}

/// How well a passage answers; none if it lacks a word.
fn score(passage: &Passage, words: &[String]) -> Option<usize> {
    let text = passage.text.to_lowercase();
    let headings = passage.headings.join("\n").to_lowercase();
    let mut score = 0;
    for word in words {
        let stem = stem(word);
        let (in_text, in_headings) = (text.matches(stem).count(), headings.contains(stem));
        if in_text == 0 && !in_headings {
            return None;
        }
        // Whole words are worth more, and the rule that is asked for most of all.
        let whole = text.split(|c: char| !c.is_alphanumeric() && c != '-').any(|part| part == word);
        let rule = text.starts_with(&format!("- **{word}.**"));
        score += in_text.min(3) + usize::from(whole) * 2 + usize::from(in_headings) * HEADING_WEIGHT;
        score += usize::from(rule) * 1000;
    }
    Some(score)
}

/// The word without an ending, so that `deleting` finds `delete`.
fn stem(word: &str) -> &str {
    const LETTERS_MIN: usize = 4;
    let without = |ending: &&str| word.strip_suffix(*ending).filter(|stem| stem.chars().count() >= LETTERS_MIN);
    ["ing", "ed", "es", "s", "e"].iter().find_map(without).unwrap_or(word)
}

/// Cuts a document into passages.
fn passages(document: &'static str, text: &'static str) -> Vec<Passage> {
    let mut passages: Vec<Passage> = Vec::new();
    let mut headings: Vec<(usize, &'static str)> = Vec::new();
    let (mut open, mut program) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().starts_with("```");
        let depth = line.chars().take_while(|c| *c == '#').count();
        if !program && depth > 0 && line[depth..].starts_with(' ') {
            headings.retain(|(above, _)| *above < depth);
            headings.push((depth, line[depth..].trim()));
            open = false;
            continue;
        }
        let starts_anew = !program && (line.starts_with("- ") || line.starts_with("| "));
        if line.trim().is_empty() && !program {
            open = false;
        } else if open && !starts_anew {
            if let Some(last) = passages.last_mut() {
                last.text.push('\n');
                last.text.push_str(line);
            }
        } else {
            let headings = headings.iter().map(|(_, heading)| *heading).collect();
            passages.push(Passage { document, headings, line: index + 1, text: line.to_owned() });
            open = true;
        }
        program ^= fence;
    }
    passages
}

/// The passage under its headings.
fn written(passage: &Passage, output: Output) -> String {
    let screen = output.out;
    let place = format!("{}:{}", passage.document, passage.line);
    let headings = passage.headings.join(" › ");
    let room = screen.columns.map_or(usize::MAX, |columns| columns.saturating_sub(place.len() + 2));
    let mut text =
        format!("{}  {}\n", screen.paint(Style::Faint, &place), screen.paint(Style::Bold, &fit(&headings, room)));
    let width = screen.columns.map(|columns| columns.saturating_sub(2).max(20));
    let lines: Vec<String> = passage.text.lines().flat_map(|line| wrap(line, width)).collect();
    for line in lines.iter().take(LINES_MAX) {
        text.push_str(&format!("  {line}\n"));
    }
    if lines.len() > LINES_MAX {
        text.push_str("  …\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> Vec<Passage> {
        search(&words.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>())
    }

    #[test]
    fn a_rule_is_found_by_its_number() {
        let best = found(&["T-92"]).remove(0);
        assert_eq!((best.document, best.headings.last()), ("docs/behaviour.md", Some(&"1.6 Dependencies")));
        assert!(best.text.starts_with("- **T-92.**"), "{}", best.text);
    }

    #[test]
    fn passages_have_all_the_words_in_any_order_and_case() {
        let results = found(&["Cluster", "DELETE", "queued"]);
        assert!(!results.is_empty());
        for passage in results {
            let all = format!("{}\n{}", passage.headings.join("\n"), passage.text).to_lowercase();
            assert!(["cluster", "delet", "queu"].iter().all(|word| all.contains(word)), "{all}");
        }
        assert!(found(&["xyzzy"]).is_empty());
    }

    #[test]
    fn endings_do_not_matter() {
        let stems = ["deleting", "deleted", "deletes", "delete", "jobs", "cli", "used"].map(stem);
        assert_eq!(stems, ["delet", "delet", "delet", "delet", "jobs", "cli", "used"]);
    }

    #[test]
    fn programs_stay_whole_and_their_comments_are_no_headings() {
        let text = "# Title\n\nOne\ntwo\n- a\n  b\n- c\n\n```\n# not a heading\n\nx\n```\n## Sub\nend";
        let cut: Vec<(usize, usize, String)> = passages("x", text)
            .into_iter()
            .map(|passage| (passage.line, passage.headings.len(), passage.text))
            .collect();
        let expected = [
            (3, 1, "One\ntwo"),
            (5, 1, "- a\n  b"),
            (7, 1, "- c"),
            (9, 1, "```\n# not a heading\n\nx\n```"),
            (15, 2, "end"),
        ];
        assert_eq!(cut, expected.map(|(line, depth, text)| (line, depth, text.to_owned())));
    }
}
