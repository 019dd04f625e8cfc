//! What Callgrind writes: how many instructions each function took.

use std::collections::HashMap;

/// Instructions of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// In the function alone.
    pub(crate) own: u64,
    /// In the function and in what it called. What a function calls that leads back to it is counted twice.
    pub(crate) with_calls: u64,
}

/// The instructions that were counted in all.
pub(crate) fn total(text: &str) -> Option<u64> {
    let mut lines =
        text.lines().filter_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    lines.next_back()?.trim().parse().ok()
}

/// Every function with what it took.
pub(crate) fn functions(text: &str) -> HashMap<String, Cost> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut costs: HashMap<&str, Cost> = HashMap::new();
    let (mut function, mut called, mut is_call) = ("", "", false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = resolve(name, &mut names);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            called = resolve(name, &mut names);
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let count: u64 = line.split(' ').nth(1).and_then(|count| count.parse().ok()).unwrap_or(0);
            let cost = costs.entry(function).or_default();
            if !is_call {
                cost.own += count;
                cost.with_calls += count;
            } else if called != function {
                cost.with_calls += count;
            }
            is_call = false;
        }
    }
    costs.into_iter().map(|(name, cost)| (name.to_owned(), cost)).collect()
}

/// A name is written once, as `(7) name`, and is `(7)` from then on.
fn resolve<'a>(text: &'a str, names: &mut HashMap<&'a str, &'a str>) -> &'a str {
    match text.split_once(") ") {
        Some((number, name)) => {
            names.insert(number, name);
            name
        }
        None => names.get(text.trim_end_matches(')')).copied().unwrap_or(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "version: 1\npositions: line\nevents: Ir\nsummary: 130\n\n\
        fn=(1) outer\n0 10\ncfn=(2) inner\ncalls=3 0 \n0 120\n\n\
        fn=(2)\n+3 90\ncfn=(2)\ncalls=1 0\n* 40\ncfn=(3) leaf\ncalls=1 0\n0 30\n\nfn=(3)\n0 30\n\ntotals: 130\n";

    #[test]
    fn a_function_has_its_own_instructions_and_those_of_what_it_called() {
        let functions = functions(FILE);
        let cost = |own, with_calls| Cost { own, with_calls };
        assert_eq!(functions["outer"], cost(10, 130));
        assert_eq!(functions["inner"], cost(90, 120), "a call of itself is not counted again");
        assert_eq!(functions["leaf"], cost(30, 30));
        assert_eq!(total(FILE), Some(130));
    }
}
