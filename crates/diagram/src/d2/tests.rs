use super::*;
use crate::{Node, State};

const BOXES_MAX: usize = 200;

fn read_text(text: &str) -> Diagram {
    read(text, BOXES_MAX).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refusal(text: &str) -> String {
    match read(text, BOXES_MAX) {
        Ok(diagram) => panic!("read as {diagram:?}\n{text}"),
        Err(error) => error.to_string(),
    }
}

fn nodes(text: &str) -> Vec<Node> {
    read_text(text).graph.nodes
}

#[test]
fn v_19_boxes_labels_classes_arrows_and_title_are_read() {
    let diagram = read_text(
        "# a job\n\
         title: sum-of-squares\n\
         direction: right\n\
         root: SumOfSquares {class: computed}\n\
         square: \"Square(12)\\nValueError\" {class: [failed; optional]}\n\
         sum\n\
         root -> square; root -> sum\n\
         sum -> square: {class: dependency}  # waits\n",
    );
    assert_eq!(diagram.direction, Some(Direction::Right));
    assert_eq!(diagram.graph.title.as_deref(), Some("sum-of-squares"));
    let expected = vec![
        Node::new("SumOfSquares", State::Computed),
        Node::new("Square(12)\nValueError", State::Failed).optional().under(0),
        Node::new("sum", State::Queued).under(0).after([1]),
    ];
    assert_eq!(diagram.graph.nodes, expected);
}

#[test]
fn v_19_every_state_is_a_class() {
    for state in State::ALL {
        let text = format!("a.class: {}", state.name().to_lowercase());
        assert_eq!(nodes(&text), [Node::new("a", state)]);
    }
    assert_eq!(nodes("a: {class: [optional]}"), [Node::new("a", State::Queued).optional()]);
    assert_eq!(nodes("a.class: failed\na.class: optional"), [Node::new("a", State::Queued).optional()]);
}

#[test]
fn v_19_keys_and_texts_are_those_of_d2() {
    let labels = |text| nodes(text).into_iter().map(|node| node.label).collect::<Vec<_>>();
    assert_eq!(labels("my task-1\nMY TASK-1: other"), ["other"], "upper and lower case of keys are the same");
    assert_eq!(labels("'it''s' ; \"a.b: c\" ; a\\.b\\: c"), ["it's", "a.b: c"]);
    assert_eq!(labels("a: Map(1) # five\nb: C#4\nc: 10:30 -> 11:00"), ["Map(1)", "C#4", "10:30 -> 11:00"]);
    assert_eq!(labels("a: one\\\n   two\r\nb:\r\nc: ''\r\n"), ["onetwo", "b", ""]);
    assert_eq!(labels("a: { label: first }\na.label: \"second\"\n\"title\": a box"), ["second", "a box"]);
    assert_eq!(labels("\u{feff}測: '<b>'"), ["<b>"]);
    assert_eq!(labels(""), [""; 0]);
}

#[test]
fn v_19_arrows_of_both_forms_and_directions() {
    let expected = vec![
        Node::new("a", State::Queued),
        Node::new("b", State::Queued).under(0).after([2]),
        Node::new("c", State::Queued),
    ];
    for text in [
        "a -> b <- c: {style.stroke-dash: 3}\na->b",
        "a -> b\nb -> c: {class: dependency}",
        "a-->b\nc <-- b {class: dependency}",
        "a -> b {class: subtask}\nb -> c: {style: {stroke-dash: 5}}",
        "a -> b: {style.stroke-dash: 0}\nb -> c: {\n  # dashed\n  class: [dependency]\n}",
    ] {
        let read = nodes(text);
        assert_eq!(read.len(), 3, "{text}");
        if !text.contains("a -> b <- c") {
            assert_eq!(read, expected, "{text}");
        }
    }
    // A chain has one form, and a box may have several solid arrows to it.
    assert_eq!(
        nodes("a -> b -> c\nd -> c")[2],
        Node { more_parents: vec![3], ..Node::new("c", State::Queued).under(1) }
    );
    let dashed = nodes("a -> b <- c: {class: dependency}");
    assert_eq!((&dashed[0].depends_on[..], &dashed[2].depends_on[..]), (&[1][..], &[1][..]));
}

#[test]
fn v_19_a_title_may_be_one_of_d2_itself() {
    let text = "title: A job {\n  shape: text\n  near: top-center\n}";
    assert_eq!(read_text(text).graph, Graph { title: Some("A job".into()), nodes: vec![] });
}

#[test]
fn v_19_what_is_not_served_is_refused_with_its_place_and_what_is_accepted() {
    for (text, place, words) in [
        ("a\nb.c -> d", "line 2, column 3", "no boxes in boxes"),
        ("a -> b.c", "line 1, column 7", "no boxes in boxes"),
        ("a: {\n  b\n}", "line 2, column 3", "accepted are class and label"),
        ("a: {shape: circle}", "line 1, column 5", "accepted are class and label"),
        ("a.style.fill: red", "line 1, column 3", "accepted are class and label"),
        ("a: {class: big}", "line 1, column 12", "queued, running, computed"),
        ("a: {class: [queued; failed]}", "line 1, column 21", "second state"),
        ("a -> b: calls", "line 1, column 9", "arrows have no labels"),
        ("a -> b: {class: failed}", "line 1, column 17", "subtask and dependency"),
        ("a -> b: {style.stroke: red}", "line 1, column 16", "stroke-dash"),
        ("a -> b: {style.stroke-dash: 11}", "line 1, column 29", "0, an unbroken line, to 10"),
        ("a -- b", "line 1, column 3", "-> and <-"),
        ("a <-> b", "line 1, column 3", "-> and <-"),
        ("a ->", "line 1, column 5", "a key is expected"),
        ("-> a", "line 1, column 1", "a key is expected"),
        ("(a -> b)[0].class: dependency", "line 1, column 1", "cannot start with"),
        ("classes: {a: {style.fill: red}}", "line 1, column 1", "built in are queued"),
        ("vars: {a: 1}", "line 1, column 1", "not served"),
        ("...@other", "line 1, column 1", "imports"),
        ("*.class: failed", "line 1, column 1", "patterns"),
        ("a: ${name}", "line 1, column 4", "variables"),
        ("a: |md\n# x\n|", "line 1, column 4", "block texts"),
        ("a: \"open\nb", "line 1, column 4", "no closing \""),
        ("a: 'open", "line 1, column 4", "no closing '"),
        ("a: {class: failed", "line 1, column 4", "never closed"),
        ("a: {class: [failed", "line 1, column 12", "never closed"),
        ("a\n}", "line 2, column 1", "closes nothing"),
        ("a: 'b' c", "line 1, column 8", "is not understood here"),
        ("direction: sideways", "line 1, column 12", "up, down, left and right"),
        ("title: {shape: text}", "line 1, column 8", "title is empty"),
        ("title: x {near: a}", "line 1, column 17", "top-center"),
        ("title -> x", "line 1, column 7", "in quotes"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.starts_with(&format!("{place}: ")) && refusal.contains(words), "{text:?}: {refusal}");
    }
}

#[test]
fn v_21_a_text_beyond_the_limits_is_refused() {
    let many = (0..=BOXES_MAX).map(|at| format!("a{at}\n")).collect::<String>();
    assert_eq!(refusal(&many), "line 201, column 1: this is one box too many: up to 200 can be drawn");
    let long = "a".repeat(TEXT_BYTES_MAX + 1);
    assert!(refusal(&long).contains("up to 524288 are read"));
    let arrows = "a -> b\n".repeat(ARROWS_MAX + 1);
    assert_eq!(refusal(&arrows), "line 5001, column 3: this is one arrow too many: up to 5000 can be drawn");
    assert!(refusal(&"{".repeat(TEXT_BYTES_MAX)).len() < 300);
    assert!(refusal(&format!("a: {{class: {}}}", "x".repeat(100_000))).len() < 300);
}

/// A text that says what a diagram is.
fn written(diagram: &Diagram) -> String {
    let quoted = |text: &str| {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace("${", "\\${"))
    };
    let mut text = diagram.graph.title.as_ref().map_or(String::new(), |title| format!("title: {}\n", quoted(title)));
    for (at, node) in diagram.graph.nodes.iter().enumerate() {
        let optional = if node.optional { "; optional" } else { "" };
        text += &format!("n{at}: {} {{class: [{}{optional}]}}\n", quoted(&node.label), node.state.name());
    }
    for (at, node) in diagram.graph.nodes.iter().enumerate() {
        text.extend(node.parent.iter().chain(&node.more_parents).map(|parent| format!("n{parent} -> n{at}\n")));
        text.extend(node.depends_on.iter().map(|to| format!("n{at} -> n{to}: {{class: dependency}}\n")));
    }
    text
}

/// A small generator with a seed (xorshift).
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |bound| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound.max(1) as u64) as usize
    }
}

#[test]
fn v_19_what_is_written_is_read_back() {
    let letters: Vec<char> = "ab \"'\\\n${}|#:;.->测é<&".chars().collect();
    for seed in 0..300 {
        let mut dice = dice(seed);
        let mut text = |most: usize| (0..1 + dice(most)).map(|_| letters[dice(letters.len())]).collect::<String>();
        let title = Some(text(9));
        let labels: Vec<String> = (0..seed as usize % 9).map(|_| text(12)).collect();
        let count = labels.len();
        let mut nodes: Vec<Node> = labels.into_iter().map(|label| Node::new(label, State::ALL[dice(6)])).collect();
        for node in &mut nodes {
            node.optional = dice(3) == 0;
            let parents: Vec<usize> = (0..dice(3)).map(|_| dice(count)).collect();
            node.parent = parents.first().copied();
            node.more_parents = parents.into_iter().skip(1).collect();
            node.depends_on = (0..dice(3)).map(|_| dice(count)).collect();
        }
        let diagram = Diagram { graph: Graph { title, nodes }, direction: None };
        let text = written(&diagram);
        assert_eq!(read_text(&text), diagram, "{text}");
    }
}

#[test]
fn v_19_no_text_ends_the_reader_and_refusals_point_into_the_text() {
    let pieces = [
        "a",
        "b",
        "title",
        "direction",
        "class",
        "label",
        "style",
        ".",
        ":",
        ";",
        "{",
        "}",
        "[",
        "]",
        "->",
        "<-",
        "--",
        "\n",
        "\r\n",
        " ",
        "\"",
        "'",
        "\\",
        "#",
        "|",
        "$",
        "${",
        "*",
        "&",
        "@",
        "...",
        "failed",
        "optional",
        "dependency",
        "stroke-dash",
        "3",
        "é",
        "測",
        "\u{0}",
        "\u{2028}",
        "\t",
        "down",
        "(",
        ")",
    ];
    for seed in 0..20_000 {
        let mut dice = dice(seed);
        let text: String = (0..dice(24)).map(|_| pieces[dice(pieces.len())]).collect();
        if let Err(error) = read(&text, 4) {
            let lines: Vec<&str> = text.split('\n').collect();
            let columns = lines.get(error.line - 1).map(|line| line.chars().count());
            assert!(columns.is_some_and(|columns| error.column <= columns + 1), "{error} in {text:?}");
            assert!(!error.problem.contains('\u{0}'), "{error}");
        }
    }
}
