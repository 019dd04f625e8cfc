//! Colours, borders, texts, title and margin.

use boxwood_diagram::{Graph, Node, Options, State, Theme, render};
use picture::{Picture, Piece};

#[path = "picture/mod.rs"]
mod picture;
#[path = "samples/mod.rs"]
mod samples;

/// One task in each state, the second half of a pair of arrows of both kinds.
fn all_states() -> Graph {
    let mut nodes: Vec<Node> = State::ALL.iter().map(|&state| Node::new(state.name(), state)).collect();
    nodes[1] = nodes[1].clone().under(0);
    nodes[2] = nodes[2].clone().under(0).after([1]);
    samples::graph(nodes)
}

fn themed(theme: Theme) -> Picture {
    Picture::of(&all_states(), &Options { theme, ..Options::default() })
}

#[test]
fn v_5_v_7_every_state_has_its_colours_in_the_light_theme() {
    let expected = [
        ("QUEUED", "#FFF0F5", "#504448", "#000000"),
        ("RUNNING", "#AFEEEE", "#0E5253", "#000000"),
        ("COMPUTED", "#F0FFF0", "#3F4B40", "#000000"),
        ("FAILED", "#FA8072", "#4A1511", "#000000"),
        ("SKIPPED", "#FCF3AE", "#877E3C", "#000000"),
        ("FAILED_OPTIONAL", "#FA8072", "#4A1511", "#000000"),
    ];
    for theme in [Theme::Light, Theme::ConsoleLight] {
        assert_colours(&themed(theme), &expected, "#170206", "#9B1A47");
    }
}

#[test]
fn v_5_v_8_every_state_has_its_colours_in_the_dark_theme() {
    let expected = [
        ("QUEUED", "#A37200", "#FCC76F", "#FFFFFF"),
        ("RUNNING", "#3E7079", "#B1E5EF", "#FFFFFF"),
        ("COMPUTED", "#265429", "#B7EBB8", "#FFFFFF"),
        ("FAILED", "#A31800", "#F78D79", "#FFFFFF"),
        ("SKIPPED", "#C6B63C", "#FFED67", "#FFFFFF"),
        ("FAILED_OPTIONAL", "#A31800", "#F78D79", "#FFFFFF"),
    ];
    for theme in [Theme::Dark, Theme::ConsoleDark] {
        assert_colours(&themed(theme), &expected, "#F4F1F4", "#F97F76");
    }
}

fn assert_colours(picture: &Picture, expected: &[(&str, &str, &str, &str); 6], subtask: &str, dependency: &str) {
    for (task, &(state, fill, line, text)) in picture.tasks.iter().zip(expected) {
        assert_eq!((task.state.as_str(), &*task.fill, &*task.line, &*task.text), (state, fill, line, text));
    }
    assert_eq!((picture.edges.len(), picture.heads.len()), (3, 3));
    for (is_dependency, colour) in picture
        .edges
        .iter()
        .map(|edge| (edge.dependency, &edge.colour))
        .chain(picture.heads.iter().map(|head| (head.dependency, &head.colour)))
    {
        assert_eq!(colour, if is_dependency { dependency } else { subtask });
    }
}

#[test]
fn v_8_white_letters_on_yellow_are_edged() {
    let svg = |theme, sketchy| render(&all_states(), &Options { theme, sketchy, ..Options::default() });
    for theme in [Theme::Dark, Theme::ConsoleDark] {
        assert_eq!(svg(theme, false).matches("stroke=\"#5C5300\"").count(), 1);
        assert_eq!(svg(theme, true).matches("stroke=\"#5C5300\"").count(), 1);
    }
    assert!(!svg(Theme::Light, false).contains("paint-order"));
}

#[test]
fn v_9_only_the_console_themes_are_transparent() {
    assert_eq!(themed(Theme::Light).background.as_deref(), Some("#FCF9FA"));
    assert_eq!(themed(Theme::Dark).background.as_deref(), Some("#161416"));
    assert_eq!(themed(Theme::ConsoleLight).background, None);
    assert_eq!(themed(Theme::ConsoleDark).background, None);
    assert_eq!(
        render(&all_states(), &Options::default()),
        render(&all_states(), &Options { theme: Theme::Light, ..Options::default() })
    );
}

#[test]
fn v_6_optional_tasks_are_dashed_and_paler_in_any_state() {
    for sketchy in [false, true] {
        for state in State::ALL {
            let graph = samples::graph(vec![
                Node::new("a", state),
                Node::new("b", state).under(0).optional(),
                Node::new("c", state).under(1),
            ]);
            let picture = Picture::of(&graph, &Options { sketchy, ..Options::default() });
            let looks: Vec<_> = picture.tasks.iter().map(|task| (task.dashed, task.opacity.as_deref())).collect();
            assert_eq!(looks, [(false, None), (true, Some("0.8")), (false, None)], "{state:?}");
        }
    }
}

#[test]
fn v_2_lines_of_a_display_are_kept() {
    let picture = Picture::of(&samples::optional(), &Options::default());
    assert_eq!(picture.tasks[2].lines, ["FlakyTask", "RuntimeError('unlucky')"]);
    assert_eq!(picture.tasks[2].tooltip, "FAILED_OPTIONAL, optional");
    assert_eq!(picture.tasks[3].tooltip, "COMPUTED");
}

#[test]
fn v_2_what_a_box_cannot_show_is_in_its_tooltip() {
    let graph = samples::long_labels();
    let picture = Picture::of(&graph, &Options::default());
    for task in &picture.tasks[1..3] {
        let full = &graph.nodes[task.index].label;
        assert!(task.lines.len() <= 12 && task.lines.iter().all(|line| line.chars().count() <= 60), "{:?}", task.lines);
        assert_eq!(task.tooltip, format!("FAILED\n{full}"));
    }
    assert_eq!(
        picture.tasks[1].lines[1..].concat().replace(' ', ""),
        graph.nodes[1].label.split_once('\n').unwrap().1.replace(' ', "")
    );
    assert!(picture.tasks[2].lines[11].ends_with('…'));
}

#[test]
fn v_2_hostile_labels_stay_text() {
    for sketchy in [false, true] {
        let options = Options { title: true, sketchy, ..Options::default() };
        let svg = render(&samples::hostile(), &options);
        for forbidden in
            ["<img", "<script", "onerror=\"", "]]>", "\u{1b}", "\0", "\u{7}", "\u{7f}", "\u{ffff}", "\u{202e}"]
        {
            assert!(!svg.contains(forbidden), "{forbidden:?}");
        }
        let picture = Picture::read(&svg);
        let lines: Vec<&str> = picture.tasks.iter().map(|task| task.lines[0].as_str()).collect();
        assert_eq!(lines[1], "<img src=x onerror=\"alert('1')\">");
        assert_eq!(lines[2], "</text></svg><script>alert(1)</script>");
        assert_eq!(lines[3], "a & b && c &amp; \"quoted\" 'single' ]]>");
        assert_eq!(
            lines[4],
            "\u{fffd}[31mred\u{fffd}[0m \u{fffd}]8;;https://example.org\u{fffd}link\u{fffd}]8;;\u{fffd}"
        );
        assert_eq!(picture.tasks[7].lines, ["日本語のラベル", "한국어 🚀🚀🚀"]);
        assert_eq!(picture.title.as_deref(), Some("<b>hostile & \"name\"</b> \u{fffd}[1m"));
    }
}

#[test]
fn v_10_the_title_is_drawn_only_if_asked_for() {
    let graph = samples::sum_of_squares();
    let plain = Picture::of(&graph, &Options::default());
    assert_eq!(plain.title, None);
    assert!(!render(&graph, &Options::default()).contains("sum-of-squares"));
    let titled = Picture::of(&graph, &Options { title: true, ..Options::default() });
    assert_eq!(titled.title.as_deref(), Some("sum-of-squares"));
    assert!(titled.tasks[0].top > plain.tasks[0].top + 20.0);
    assert_eq!(titled.name, "sum-of-squares: 8 tasks");
    // Nothing to draw, nothing to make room for.
    let nameless = Graph { title: None, ..graph };
    assert_eq!(
        render(&nameless, &Options { title: true, ..Options::default() }),
        render(&nameless, &Options::default())
    );
}

#[test]
fn v_10_a_long_title_fits() {
    let graph = Graph { title: Some("a very long name ".repeat(50)), ..samples::chain(2) };
    let picture = Picture::of(&graph, &Options { title: true, ..Options::default() });
    let title = picture.title.expect("a title");
    assert!(title.ends_with('…') && title.chars().count() <= 80, "{title}");
    assert!(picture.width > title.chars().count() as f64 * 20.0 * 0.5);
    // The boxes stay in the middle.
    assert!((picture.tasks[0].centre().x - picture.width / 2.0).abs() < 10.0);
}

#[test]
fn v_14_padding_is_the_margin_around_the_drawing() {
    let graph = samples::sum_of_squares();
    let none = Picture::of(&graph, &Options { padding: 0, ..Options::default() });
    for padding in [5, 40, 1_000] {
        let picture = Picture::of(&graph, &Options { padding, ..Options::default() });
        let padding = f64::from(padding);
        assert_eq!((picture.width, picture.height), (none.width + 2.0 * padding, none.height + 2.0 * padding));
        assert!((picture.tasks[1].left - none.tasks[1].left - padding).abs() < 0.01);
        assert!((picture.tasks[0].top - none.tasks[0].top - padding).abs() < 0.01);
    }
    assert!(none.tasks[1].left <= 2.0 && none.tasks[0].top <= 2.0);
    Picture::of(&graph, &Options { padding: u32::MAX, ..Options::default() });
}

#[test]
fn v_13_sketchy_lines_waver_but_stay_near() {
    let graph = samples::stages();
    let plain = Picture::of(&graph, &Options::default());
    let sketched = Picture::of(&graph, &Options { sketchy: true, ..Options::default() });
    let edges =
        |picture: &Picture| picture.edges.iter().map(|edge| (edge.from, edge.to, edge.dashed)).collect::<Vec<_>>();
    assert_eq!(edges(&sketched), edges(&plain));
    for (sketch, task) in sketched.tasks.iter().zip(&plain.tasks) {
        assert_eq!(sketch.lines, task.lines);
        // Half of what the canvas grew by, and what a line wavers.
        for (one, other) in
            [(sketch.left, task.left), (sketch.top, task.top), (sketch.right, task.right), (sketch.bottom, task.bottom)]
        {
            assert!((one - other - 3.0).abs() <= 3.0, "{sketch:?} and {task:?}");
        }
        assert!(sketch.left >= 5.0 && sketch.right <= sketched.width - 5.0);
    }
    let straight =
        |piece: &&Piece| matches!(piece, Piece::Straight(start, end) if start.x == end.x || start.y == end.y);
    let pieces = || sketched.edges.iter().flat_map(|edge| &edge.pieces);
    assert!(pieces().filter(straight).count() * 10 < pieces().count());
}

#[test]
fn v_13_letters_are_drawn_by_hand_and_the_text_is_there_too() {
    let options = Options { sketchy: true, title: true, ..Options::default() };
    let svg = render(&samples::letters(), &options);
    let picture = Picture::read(&svg);
    assert_eq!(picture.tasks[0].lines[0], "The quick brown fox jumps over the lazy dog");
    // The label of one box and the title are drawn; the other box has a letter of another script.
    assert_eq!(svg.matches("class=\"lettering\"").count(), 2);
    assert_eq!(svg.matches(" fill-opacity=\"0\"").count(), 6 + 1);
    assert!(svg.contains(">Ж is text</tspan>"));
    assert!(!render(&samples::letters(), &Options::default()).contains("lettering"));
}

#[test]
fn v_2_lines_have_the_width_of_common_fonts_whatever_the_font() {
    let svg = render(&samples::sum_of_squares(), &Options::default());
    assert_eq!(svg.matches("<tspan ").count(), svg.matches(" textLength=").count());
    let hostile = render(&samples::hostile(), &Options::default());
    // Widths of other scripts are not known.
    let line = hostile.split("<tspan ").find(|line| line.contains("日本語")).expect("a line");
    assert!(!line.contains("textLength"), "{line}");
}

#[test]
fn v_1_a_job_without_tasks_is_a_picture_too() {
    let picture = Picture::of(&Graph::default(), &Options { padding: 0, sketchy: false, ..Options::default() });
    assert!(picture.width >= 1.0 && picture.height >= 1.0);
    assert_eq!((picture.tasks.len(), picture.name.as_str()), (0, "Diagram of 0 tasks"));
}

#[test]
fn v_1_what_colours_and_arrows_say_is_there_in_words() {
    let picture = Picture::of(&samples::news(), &Options::default());
    assert_eq!(
        picture.description,
        "2 computed, 1 running, 1 queued; solid arrows lead from tasks to their sub-tasks; \
         dashed arrows lead from tasks to those they wait for"
    );
    let single = samples::graph(vec![Node::new("a", State::Failed)]);
    assert_eq!(Picture::of(&single, &Options::default()).description, "1 failed");
}

#[test]
fn v_22_a_box_says_which_task_it_is() {
    let mut graph = samples::news();
    graph.nodes[1].task = Some(0x0193_5f7a_0000_7000_8000_0000_0000_00ff);
    for sketchy in [false, true] {
        let picture = Picture::of(&graph, &Options { sketchy, ..Options::default() });
        let ids: Vec<_> = picture.tasks.iter().map(|task| task.id.as_deref()).collect();
        assert_eq!(ids, [None, Some("01935f7a-0000-7000-8000-0000000000ff"), None, None]);
    }
}

#[test]
fn v_1_pictures_can_be_put_into_one_page() {
    // Identifiers, styles and references of one picture would reach into the others.
    for sketchy in [false, true] {
        let svg = render(&samples::grown(60, 4), &Options { title: true, sketchy, ..Options::default() });
        for forbidden in [" id=", "<style", "url(", "href", "<?xml", "<!DOCTYPE", "<script"] {
            assert!(!svg.contains(forbidden), "{forbidden}");
        }
    }
}
