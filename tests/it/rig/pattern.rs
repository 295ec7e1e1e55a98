//! Regular expressions: what they take, and the extremes of it.

#![expect(clippy::expect_used, reason = "an expression that cannot be read has failed its test")]

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A pattern of a parameter.
pub(crate) struct Pattern {
    regex: Regex,
    text: String,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self { regex: Regex::new(text).expect("an expression"), text: text.to_owned() }
    }

    pub(crate) fn takes(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// What the pattern takes at its limits: every alternative, every end of every range of characters, and the fewest
    /// and the most repetitions, each once at least.
    pub(crate) fn extremes(&self) -> Vec<String> {
        let hir = regex_syntax::parse(&self.text).expect("an expression");
        let mut extremes = extremes(&hir);
        extremes.sort();
        extremes.dedup();
        extremes.retain(|value| self.takes(value));
        extremes
    }
}

fn extremes(hir: &Hir) -> Vec<String> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(literal) => vec![String::from_utf8(literal.0.to_vec()).expect("UTF-8")],
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().flat_map(|range| [range.start(), range.end()]).map(String::from).collect()
        }
        HirKind::Class(Class::Bytes(_)) => Vec::new(),
        HirKind::Capture(capture) => extremes(&capture.sub),
        HirKind::Alternation(alternatives) => alternatives.iter().flat_map(extremes).collect(),
        HirKind::Concat(parts) => {
            let parts: Vec<Vec<String>> = parts.iter().map(extremes).collect();
            varied(&parts)
        }
        HirKind::Repetition(repetition) => {
            let once = extremes(&repetition.sub);
            let most = repetition.max.unwrap_or(repetition.min + 2) as usize;
            let (Some(first), Some(last)) = (once.first(), once.last()) else {
                return Vec::new();
            };
            let fewest = repetition.min as usize;
            let mut values = vec![first.repeat(fewest)];
            values.extend(once.iter().map(|each| each.repeat(fewest.max(1).min(most))));
            values.extend([first.repeat(most), last.repeat(most)]);
            values
        }
    }
}

/// Each part at each of its extremes, while the others are at their first, and all at their last.
fn varied(parts: &[Vec<String>]) -> Vec<String> {
    let firsts: Option<Vec<&str>> = parts.iter().map(|part| part.first().map(String::as_str)).collect();
    let Some(firsts) = firsts else {
        return Vec::new();
    };
    let mut values = vec![parts.iter().filter_map(|part| part.last().map(String::as_str)).collect()];
    for (index, part) in parts.iter().enumerate() {
        for each in part {
            values.push([&firsts[..index].concat(), each.as_str(), &firsts[index + 1..].concat()].concat());
        }
    }
    values
}

#[test]
fn the_extremes_of_a_pattern_are_its_limits() {
    let extremes = Pattern::new("^$|^[a-c]{2,3}(-x|y)?$").extremes();
    for extreme in ["", "aa", "cc", "aaa", "ccc", "aa-x", "aay"] {
        assert!(extremes.iter().any(|value| value == extreme), "{extreme} is not in {extremes:?}");
    }
    assert!(extremes.iter().all(|value| value.len() <= 5), "{extremes:?}");
}
