//! Whatever a job looks like, everything is drawn, in its place, and nothing over something else.

use std::sync::LazyLock;

use boxwood_diagram::fold::{Job, fold};
use boxwood_diagram::{Direction, Graph, Layout, Node, Options, State, render};
use picture::{Picture, Piece, Task, ends};

#[path = "picture/mod.rs"]
mod picture;
#[path = "samples/mod.rs"]
mod samples;

fn jobs() -> Vec<(&'static str, Graph)> {
    vec![
        ("one", samples::chain(1)),
        ("ten", samples::chain(10)),
        ("sum of squares", samples::sum_of_squares()),
        ("news", samples::news()),
        ("sequence", samples::sequence()),
        ("stages", samples::stages()),
        ("optional", samples::optional()),
        ("nested optional", samples::nested_optional()),
        ("fan-out", samples::fan_out(60)),
        ("shuffle", samples::shuffle(16)),
        ("small shuffle", samples::shuffle(4)),
        ("recursive", samples::recursive(9)),
        ("wide tree", samples::recursive(120)),
        ("fibonacci", samples::fibonacci(8)),
        ("regions", samples::regions()),
        ("days", samples::days(30)),
        ("forest", samples::forest(150, 5)),
        ("grown", samples::grown(200, 1)),
        ("layered", samples::layered(60, 10, 5)),
        ("diamond", samples::diamond()),
        ("woven", samples::woven(30, 50, 3)),
        ("wild", samples::wild(30, 2)),
        ("wild again", samples::wild(60, 9)),
        ("hostile", samples::hostile()),
        ("long labels", samples::long_labels()),
    ]
}

const DIRECTIONS: [Direction; 4] = [Direction::Down, Direction::Up, Direction::Left, Direction::Right];

/// Every job in every direction with both kinds of arrows; drawn once for all tests.
static PICTURES: LazyLock<Vec<(String, Graph, Picture)>> = LazyLock::new(|| {
    let mut pictures = Vec::new();
    for (name, graph) in jobs() {
        for direction in DIRECTIONS {
            for layout in [Layout::Dagre, Layout::Elk] {
                let options = Options { direction, layout, ..Options::default() };
                let picture = Picture::of(&graph, &options);
                pictures.push((format!("{name} {direction:?} {layout:?}"), graph.clone(), picture));
            }
        }
    }
    pictures
});

fn in_every_form(look: impl Fn(&str, &Graph, &Picture)) {
    PICTURES.iter().for_each(|(name, graph, picture)| look(name, graph, picture));
}

/// Every arrow the rules ask for, as (from, to, is a dependency), in order.
fn arrows(graph: &Graph) -> Vec<(usize, usize, bool)> {
    let count = graph.nodes.len();
    let mut arrows = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        let parents = node.parent.iter().chain(&node.more_parents);
        arrows.extend(parents.filter(|&&parent| parent < count).map(|&parent| (parent, at, false)));
        arrows.extend(node.depends_on.iter().filter(|&&to| to < count).map(|&to| (at, to, true)));
    }
    arrows.sort_unstable();
    arrows.dedup();
    arrows
}

#[test]
fn v_2_v_15_every_task_is_one_box_in_submission_order() {
    in_every_form(|name, graph, picture| {
        assert_eq!(picture.tasks.len(), graph.nodes.len(), "{name}");
        for (at, (task, node)) in picture.tasks.iter().zip(&graph.nodes).enumerate() {
            assert_eq!((task.index, task.state.as_str()), (at, node.state.name()), "{name}");
        }
    });
}

#[test]
fn v_3_v_4_every_arrow_is_drawn_once() {
    in_every_form(|name, graph, picture| {
        let mut drawn: Vec<_> = picture.edges.iter().map(|edge| (edge.from, edge.to, edge.dependency)).collect();
        drawn.sort_unstable();
        assert_eq!(drawn, arrows(graph), "{name}");
        for edge in &picture.edges {
            assert_eq!(edge.dashed, edge.dependency, "{name}");
        }
    });
}

#[test]
fn v_3_v_4_arrows_start_at_one_box_and_end_with_a_head_at_the_other() {
    in_every_form(|name, _, picture| {
        for edge in &picture.edges {
            let touches = |task: &Task, depth: f64| {
                ends(&edge.pieces).any(|end| task.holds(end, -depth) && !task.holds(end, 1.0))
            };
            let (from, to) = (&picture.tasks[edge.from], &picture.tasks[edge.to]);
            assert!(touches(from, 1.0), "{name}: {edge:?} does not start at {from:?}");
            // The line ends inside of its head, the head at the box.
            assert!(touches(to, 9.0), "{name}: {edge:?} does not reach {to:?}");
            let headed =
                picture.heads.iter().any(|head| head.dependency == edge.dependency && to.holds(head.tip, -1.0));
            assert!(headed, "{name}: no head at {to:?}");
        }
    });
}

#[test]
fn v_2_no_two_boxes_overlap() {
    in_every_form(|name, _, picture| assert_apart(name, &picture.tasks));
}

/// Boxes sorted by their left edges are compared while they can meet.
fn assert_apart(name: &str, tasks: &[Task]) {
    let mut sorted: Vec<&Task> = tasks.iter().collect();
    sorted.sort_by(|one, other| one.left.total_cmp(&other.left));
    for (at, one) in sorted.iter().enumerate() {
        for other in sorted[at + 1..].iter().take_while(|other| other.left < one.right + 5.0) {
            let apart = one.bottom + 5.0 <= other.top || other.bottom + 5.0 <= one.top;
            assert!(apart, "{name}: {one:?} and {other:?}");
        }
    }
}

#[test]
fn v_3_v_4_no_arrow_crosses_a_box() {
    in_every_form(|name, _, picture| {
        assert_no_box_crossed(name, picture);
    });
}

fn assert_no_box_crossed(name: &str, picture: &Picture) {
    // The boxes that reach into each strip of the picture.
    const STRIP: f64 = 100.0;
    let strip = |x: f64| (x.max(0.0) / STRIP) as usize;
    let mut strips: Vec<Vec<&Task>> = vec![Vec::new(); strip(picture.width) + 1];
    for task in &picture.tasks {
        (strip(task.left)..=strip(task.right)).for_each(|at| strips[at].push(task));
    }
    for edge in &picture.edges {
        for point in edge.pieces.iter().flat_map(Piece::along) {
            let hit = strips[strip(point.x)].iter().find(|task| task.holds(point, 1.5));
            assert!(hit.is_none(), "{name}: {} -> {} crosses {hit:?} at {point:?}", edge.from, edge.to);
        }
    }
}

#[test]
fn v_2_v_3_wide_trees_are_wrapped_and_nothing_meets() {
    for seed in 0..24 {
        let graph = samples::forest(60 + 10 * seed as usize, seed);
        let options = Options {
            direction: DIRECTIONS[seed as usize % 4],
            layout: if seed % 3 == 0 { Layout::Elk } else { Layout::Dagre },
            ..Options::default()
        };
        let (name, picture) = (format!("forest {seed}"), Picture::of(&graph, &options));
        assert_eq!(picture.edges.len(), arrows(&graph).len(), "{name}");
        assert_apart(&name, &picture.tasks);
        assert_no_box_crossed(&name, &picture);
        // Arrows are written in the order of what they are for, wherever they were drawn.
        let of_kind = |dependency| picture.edges.iter().filter(move |edge| edge.dependency == dependency);
        let written: Vec<(usize, usize)> = of_kind(false)
            .map(|edge| (edge.to, edge.from))
            .chain(of_kind(true).map(|edge| (edge.from, edge.to)))
            .collect();
        let subtasks = of_kind(false).count();
        assert!(written[..subtasks].is_sorted(), "{name}");
        assert!(written[subtasks..].is_sorted_by_key(|arrow| arrow.0), "{name}");
    }
}

#[test]
fn v_16_jobs_up_to_the_limit_are_wrapped_to_two_screens_or_less() {
    for (name, graph, width, height) in [
        ("regions", samples::regions(), 2_400.0, 1_100.0),
        ("days", samples::days(30), 2_600.0, 1_700.0),
        ("halving", samples::recursive(120), 2_600.0, 2_600.0),
        ("fibonacci", samples::fibonacci(8), 3_000.0, 1_200.0),
    ] {
        let picture = Picture::of(&graph, &Options::default());
        let fits = picture.width <= width && picture.height <= height;
        assert!(fits, "{name}: {} x {}", picture.width, picture.height);
    }
}

#[test]
fn v_1_everything_lies_within_the_picture() {
    in_every_form(|name, _, picture| {
        let within = |x: f64, y: f64| x >= 5.0 && y >= 5.0 && x <= picture.width - 5.0 && y <= picture.height - 5.0;
        for task in &picture.tasks {
            assert!(within(task.left, task.top) && within(task.right, task.bottom), "{name}: {task:?}");
        }
        for point in picture.edges.iter().flat_map(|edge| ends(&edge.pieces)) {
            assert!(within(point.x, point.y), "{name}: {point:?}");
        }
    });
}

#[test]
fn v_2_text_is_inside_its_box() {
    in_every_form(|name, _, picture| assert_text_inside(name, &picture.tasks));
}

fn assert_text_inside(name: &str, tasks: &[Task]) {
    for task in tasks {
        for (line, at) in task.lines.iter().zip(&task.baselines) {
            // What these letters take in a common font, measured apart from the estimate under test.
            let ems = |letter| if " .,:;'|!()[]ijlft".contains(letter) { 0.28 } else { 0.56 };
            let half = line.chars().map(ems).sum::<f64>() * 14.0 / 2.0;
            assert!(at.x - half > task.left && at.x + half < task.right, "{name}: {line:?} in {task:?}");
            assert!(at.y - 11.0 > task.top && at.y + 4.0 < task.bottom, "{name}: {line:?} in {task:?}");
        }
    }
}

#[test]
fn v_12_sub_tasks_lie_on_the_side_asked_for() {
    for (name, graph) in jobs().into_iter().filter(|(name, _)| !name.starts_with("wild")) {
        for direction in DIRECTIONS {
            let picture = Picture::of(&graph, &Options { direction, ..Options::default() });
            for edge in picture.edges.iter().filter(|edge| !edge.dependency) {
                let (parent, child) = (&picture.tasks[edge.from], &picture.tasks[edge.to]);
                let right = match direction {
                    Direction::Down => parent.bottom < child.top,
                    Direction::Up => child.bottom < parent.top,
                    Direction::Left => child.right < parent.left,
                    Direction::Right => parent.right < child.left,
                };
                assert!(right, "{name} {direction:?}: {parent:?} and {child:?}");
            }
        }
    }
}

#[test]
fn v_11_elk_draws_right_angles_and_dagre_flows() {
    for (name, graph) in jobs() {
        let picture = Picture::of(&graph, &Options { layout: Layout::Elk, ..Options::default() });
        for piece in picture.edges.iter().flat_map(|edge| &edge.pieces) {
            match piece {
                Piece::Straight(start, end) => assert!(start.x == end.x || start.y == end.y, "{name}: {piece:?}"),
                // The rounding of a right angle.
                Piece::Corner(start, corner, end) => {
                    let upright_first = start.x == corner.x && corner.y == end.y;
                    let level_first = start.y == corner.y && corner.x == end.x;
                    assert!(upright_first || level_first, "{name}: {piece:?}");
                    assert!((end.x - start.x).abs() <= 8.1 && (end.y - start.y).abs() <= 8.1, "{name}: {piece:?}");
                }
                Piece::Curve(..) => panic!("{name}: {piece:?}"),
            }
        }
    }
    let flowing = Picture::of(&samples::sum_of_squares(), &Options::default());
    assert!(flowing.edges.iter().flat_map(|edge| &edge.pieces).any(|piece| matches!(piece, Piece::Curve(..))));
}

#[test]
fn v_3_parents_stand_over_the_middle_of_their_sub_tasks() {
    for images in [4, 9, 33, 120] {
        let graph = samples::recursive(images);
        let picture = Picture::of(&graph, &Options::default());
        for (at, parent) in picture.tasks.iter().enumerate() {
            let children = || picture.tasks.iter().filter(|task| graph.nodes[task.index].parent == Some(at));
            // Children in a block have no middle of their own.
            let row = children().all(|child| children().all(|other| (child.top - other.top).abs() < 30.0));
            if children().next().is_none() || !row {
                continue;
            }
            let least = children().map(|child| child.centre().x).fold(f64::INFINITY, f64::min);
            let most = children().map(|child| child.centre().x).fold(f64::NEG_INFINITY, f64::max);
            let off = (parent.centre().x - (least + most) / 2.0).abs();
            assert!(off < 0.2, "{images} images: {parent:?} is {off} px off");
        }
    }
}

#[test]
fn v_15_siblings_without_dependencies_stand_in_submission_order() {
    let picture = Picture::of(&samples::recursive(9), &Options::default());
    for pair in picture.edges.windows(2).filter(|pair| pair[0].from == pair[1].from) {
        assert!(picture.tasks[pair[0].to].left < picture.tasks[pair[1].to].left);
    }
}

#[test]
fn v_4_a_task_stands_after_all_it_waits_for() {
    for (name, graph) in jobs().into_iter().filter(|(name, _)| !name.starts_with("wild")) {
        let picture = Picture::of(&graph, &Options::default());
        for edge in picture.edges.iter().filter(|edge| edge.dependency) {
            assert!(picture.tasks[edge.to].bottom < picture.tasks[edge.from].top, "{name}: {edge:?}");
        }
    }
}

#[test]
fn v_3_v_4_the_examples_have_no_crossings_but_those_they_must_have() {
    for (name, graph) in [
        ("sum of squares", samples::sum_of_squares()),
        ("news", samples::news()),
        ("optional", samples::optional()),
        ("nested optional", samples::nested_optional()),
        ("recursive", samples::recursive(9)),
    ] {
        let picture = Picture::of(&graph, &Options::default());
        for (at, one) in picture.edges.iter().enumerate() {
            for other in &picture.edges[..at] {
                let shares_end = [one.from, one.to].iter().any(|end| [other.from, other.to].contains(end));
                let meet = one.pieces.iter().flat_map(Piece::along).any(|point| {
                    other
                        .pieces
                        .iter()
                        .flat_map(Piece::along)
                        .any(|near| (near.x - point.x).abs() < 3.0 && (near.y - point.y).abs() < 3.0)
                });
                assert!(shares_end || !meet, "{name}: {} -> {} and {} -> {}", one.from, one.to, other.from, other.to);
            }
        }
    }
}

#[test]
fn v_15_the_same_job_gives_the_same_bytes() {
    for (name, graph) in jobs() {
        let options = Options { sketchy: name.len() % 2 == 0, ..Options::default() };
        assert_eq!(render(&graph, &options), render(&graph.clone(), &options), "{name}");
    }
}

#[test]
fn v_16_jobs_far_beyond_the_limit_can_be_drawn() {
    for (name, graph) in [
        ("chain", samples::chain(5_000)),
        ("fan-out", samples::fan_out(5_000)),
        ("long sequence", samples::long_sequence(5_000)),
        ("layered", samples::layered(2_000, 50, 1)),
        ("grown", samples::grown(5_000, 1)),
        ("woven", samples::woven(200, 400, 1)),
        ("wild", samples::wild(300, 1)),
        ("roots", samples::graph(vec![Node::new("root", State::Queued); 5_000])),
    ] {
        let picture = Picture::of(&graph, &Options::default());
        assert_eq!(picture.tasks.len(), graph.nodes.len(), "{name}");
        assert_eq!(picture.edges.len(), arrows(&graph).len(), "{name}");
        assert_apart(name, &picture.tasks);
        assert_text_inside(name, &picture.tasks);
    }
}

#[test]
fn v_20_stacks_are_drawn_apart_with_all_their_tasks_and_a_bar_of_their_states() {
    for (scenes, sub_tasks) in [(20, 2), (30, 7), (200, 50)] {
        let job = samples::half_done(scenes, sub_tasks);
        let graph = fold(&job, 200);
        for direction in DIRECTIONS {
            let options = Options { direction, ..Options::default() };
            let name = format!("{scenes} scenes {direction:?}");
            let picture = Picture::of(&graph, &options);
            assert_eq!(picture.name, format!("Diagram of {} tasks in {} boxes", job.tasks.len(), graph.nodes.len()));
            assert_eq!(picture.tasks.iter().map(|task| task.count).sum::<usize>(), job.tasks.len(), "{name}");
            assert_apart(&name, &picture.tasks);
            for (task, node) in picture.tasks.iter().zip(&graph.nodes) {
                let Some(stack) = node.stack else { continue };
                let shares: Vec<(&str, usize)> =
                    task.shares.iter().map(|share| (share.state.as_str(), share.count)).collect();
                let states: Vec<(&str, usize)> = stack.states().map(|(state, count)| (state.name(), count)).collect();
                assert_eq!(shares, if states.len() > 1 { states } else { vec![] }, "{name}");
                for (at, share) in task.shares.iter().enumerate() {
                    assert!(share.left > task.left && share.right < task.right && share.right - share.left > 2.0);
                    assert!(at == 0 || (task.shares[at - 1].right - share.left).abs() < 0.2, "{name}: {task:?}");
                    assert!(share.bottom < task.bottom && share.top > task.baselines.last().expect("a line").y + 3.0);
                }
            }
        }
    }
}

/// The same job with its tasks in other states: as it begins, while it runs, and as it ends.
fn at_other_times(job: &Job) -> Vec<Job> {
    let states: [fn(usize, usize) -> State; 5] = [
        |_, _| State::Queued,
        |at, _| if at == 0 { State::Running } else { State::Queued },
        |at, count| match at * 10 / count {
            0..4 => State::Computed,
            4..6 => State::Running,
            _ => State::Queued,
        },
        |at, count| match at * 100 / count {
            50 => State::Failed,
            49 | 51 => State::Running,
            0..50 => State::Computed,
            _ => State::Queued,
        },
        |_, _| State::Computed,
    ];
    let at_time = |of: &fn(usize, usize) -> State| {
        let mut job = job.clone();
        let count = job.tasks.len();
        job.tasks.iter_mut().enumerate().for_each(|(at, task)| task.state = of(at, count));
        job
    };
    states.iter().map(at_time).collect()
}

/// Where everything is, without what it looks like.
fn places(picture: &Picture) -> impl PartialEq + std::fmt::Debug {
    let boxes: Vec<_> =
        picture.tasks.iter().map(|task| [task.left, task.top, task.right, task.bottom].map(f64::to_bits)).collect();
    let arrows: Vec<_> = picture.edges.iter().map(|edge| (edge.from, edge.to, edge.pieces.clone())).collect();
    (boxes, arrows)
}

#[test]
fn v_15_a_picture_keeps_its_places_while_states_change() {
    let mut dice = samples::Dice::new(7);
    for (name, graph) in jobs() {
        let mut later = graph.clone();
        later.nodes.iter_mut().for_each(|node| node.state = State::ALL[dice.below(6)]);
        for direction in DIRECTIONS {
            let options = Options { direction, ..Options::default() };
            let [before, after] = [&graph, &later].map(|graph| Picture::of(graph, &options));
            assert!(places(&before) == places(&after), "{name} {direction:?}");
        }
    }
}

#[test]
fn v_20_a_folded_picture_keeps_its_places_while_the_job_runs() {
    for (scenes, sub_tasks) in [(20, 2), (30, 7), (200, 50), (700, 30)] {
        let times = at_other_times(&samples::half_done(scenes, sub_tasks));
        let pictures: Vec<_> = times.iter().map(|job| Picture::of(&fold(job, 200), &Options::default())).collect();
        assert!(pictures[0].tasks.len() > 2);
        for (at, picture) in pictures.iter().enumerate() {
            let same = places(picture) == places(&pictures[0]);
            assert!(same, "{scenes} scenes, time {at}: {:?} and {:?}", picture.tasks, pictures[0].tasks);
        }
    }
}

#[test]
fn v_15_new_tasks_do_not_exchange_the_places_of_others() {
    // Jobs grow at their end; where no arrow has to be uncrossed, everybody stays left or right of whoever it was.
    for seed in 0..12 {
        let whole = samples::forest(120, seed);
        let strip = |count: usize| {
            let mut nodes = whole.nodes[..count].to_vec();
            nodes.iter_mut().for_each(|node| node.depends_on.clear());
            samples::graph(nodes)
        };
        for count in [10, 20, 30, 31, 32] {
            let [before, after] = [count, count + 4].map(|count| Picture::of(&strip(count), &Options::default()));
            for (one, then) in before.tasks.iter().zip(&after.tasks) {
                for (other, other_then) in before.tasks.iter().zip(&after.tasks) {
                    // In one row, before and after.
                    let level = one.top == other.top && then.top == other_then.top;
                    let exchanged = one.left < other.left && then.left > other_then.left;
                    assert!(!(level && exchanged), "seed {seed}: {one:?} and {other:?}");
                }
            }
        }
    }
}

#[test]
fn v_2_many_equal_tasks_make_a_picture_that_fits_a_screen() {
    let picture = Picture::of(&samples::fan_out(100), &Options::default());
    assert!(picture.width < 1_600.0 && picture.height < 1_100.0, "{} x {}", picture.width, picture.height);
}

#[test]
fn v_3_any_graph_is_drawn_even_with_cycles_and_positions_that_do_not_exist() {
    for seed in 0..60 {
        let graph = samples::wild(1 + seed as usize % 40, seed);
        let options = Options {
            direction: DIRECTIONS[seed as usize % 4],
            layout: if seed % 3 == 0 { Layout::Elk } else { Layout::Dagre },
            sketchy: seed % 5 == 0,
            ..Options::default()
        };
        let picture = Picture::of(&graph, &options);
        assert_eq!(picture.edges.len(), arrows(&graph).len(), "seed {seed}");
        if !options.sketchy {
            assert_apart(&format!("seed {seed}"), &picture.tasks);
        }
    }
}
