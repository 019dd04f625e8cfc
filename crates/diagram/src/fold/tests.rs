use super::*;

fn task(label: impl Into<Arc<str>>, work: usize, group: usize, parent: Option<usize>) -> Task {
    Task { label: label.into(), count: 1, work, state: State::Computed, optional: false, id: None, parent, group }
}

/// A root, mappers in the given states, and a reducer that waits for them.
fn map_reduce(states: impl Iterator<Item = State>) -> Job {
    let mut tasks = vec![task("MapReduce", 0, 0, None)];
    tasks.extend(states.enumerate().map(|(at, state)| Task { state, ..task(format!("Map({at})"), 1, 1, Some(0)) }));
    tasks.push(Task { state: State::Queued, ..task("Reduce", 2, 2, Some(0)) });
    Job { title: Some("words".into()), tasks, waits: vec![vec![], vec![], vec![1]] }
}

fn labels(graph: &Graph) -> Vec<&str> {
    graph.nodes.iter().map(|node| node.label.as_str()).collect()
}

/// How many tasks each box stands for.
fn counts(graph: &Graph) -> Vec<usize> {
    graph.nodes.iter().map(|node| node.stack.map_or(1, |stack| stack.total())).collect()
}

#[test]
fn v_20_equal_siblings_of_one_state_are_one_box_with_their_count() {
    let states = (0..100_000).map(|at| [State::Computed, State::Failed, State::Queued][(at / 40_000) as usize]);
    let job = map_reduce(states);
    let graph = fold(&job, 200);
    let expected = ["MapReduce", "Map(…)\n× 40,000", "Map(…)\n× 40,000", "Map(…)\n× 20,000", "Reduce"];
    assert_eq!(labels(&graph), expected);
    let states: Vec<State> = graph.nodes.iter().map(|node| node.state).collect();
    assert_eq!(states, [State::Computed, State::Computed, State::Failed, State::Queued, State::Queued]);
    assert_eq!(graph.nodes[4].depends_on, [1, 2, 3]);
    assert!(graph.nodes[1..].iter().all(|node| node.parent == Some(0) && node.more_parents.is_empty()));
    assert_eq!(graph.title.as_deref(), Some("words"));
}

#[test]
fn v_20_while_tasks_change_their_states_these_do_not_tell_boxes_apart() {
    let boxes = |states: [State; 3]| {
        let job = map_reduce((0..300).map(|at| states[at / 100]));
        fold(&job, 200).nodes.len()
    };
    use State::{Computed, Failed, Queued, Running, Skipped};
    for live in [[Queued; 3], [Computed, Running, Queued], [Failed, Running, Queued], [Computed; 3]] {
        assert_eq!(boxes(live), 3, "{live:?}");
    }
    for settled in [[Computed, Failed, Queued], [Computed, Skipped, Failed]] {
        assert_eq!(boxes(settled), 5, "{settled:?}");
    }
}

#[test]
fn v_20_a_job_that_is_read_easily_is_drawn_as_it_is() {
    let graph = fold(&map_reduce(std::iter::repeat_n(State::Queued, TASKS_UNFOLDED_MAX - 2)), 200);
    assert_eq!(graph.nodes.len(), TASKS_UNFOLDED_MAX);
    assert!(graph.nodes.iter().all(|node| node.stack.is_none()));
    assert_eq!(graph.nodes.last().map(|node| node.depends_on.len()), Some(TASKS_UNFOLDED_MAX - 2));
    let graph = fold(&map_reduce(std::iter::repeat_n(State::Queued, 60)), 200);
    assert_eq!(counts(&graph), [1, 60, 1]);
}

#[test]
fn v_20_tasks_that_an_arrow_or_a_border_tells_apart_stay_apart() {
    let mut job = map_reduce(std::iter::repeat_n(State::Queued, 100));
    // Ten of them are optional, and a second reducer waits for twenty others.
    job.tasks[1..11].iter_mut().for_each(|task| task.optional = true);
    job.tasks[11..31].iter_mut().for_each(|task| task.group = 3);
    job.tasks.push(Task { state: State::Queued, ..task("Reduce", 2, 4, Some(0)) });
    job.waits[2].push(3);
    job.waits.extend([vec![], vec![3]]);
    let graph = fold(&job, 200);
    assert_eq!(counts(&graph), [1, 10, 90, 1, 1]);
    // The kinds of tasks that wait are the same for both groups, so they are told apart by another kind only.
    job.tasks.last_mut().unwrap().work = 7;
    let graph = fold(&job, 200);
    assert_eq!(counts(&graph), [1, 10, 20, 70, 1, 1]);
    assert_eq!((&graph.nodes[4].depends_on[..], &graph.nodes[5].depends_on[..]), (&[1, 2, 3][..], &[2][..]));
}

#[test]
fn v_20_the_sub_tasks_of_a_stack_are_stacks() {
    let mut job = map_reduce(std::iter::repeat_n(State::Computed, 100));
    for parent in 1..101 {
        let group = job.waits.len();
        job.waits.extend([vec![], vec![group]]);
        job.tasks.extend((0..parent).map(|at| task(format!("Read({at})"), 3, group, Some(parent))));
        job.tasks.push(task("Merge", 4, group + 1, Some(parent)));
    }
    let graph = fold(&job, 200);
    assert_eq!(labels(&graph), ["MapReduce", "Map(…)\n× 100", "Reduce", "Read(…)\n× 5,050", "Merge\n× 100"]);
    assert_eq!((graph.nodes[3].parent, graph.nodes[4].parent), (Some(1), Some(1)));
    assert_eq!(graph.nodes[4].depends_on, [3]);
}

#[test]
fn v_20_states_are_folded_together_where_they_make_too_many_boxes() {
    // Twenty stages, each in all states.
    let mut job = Job { waits: vec![vec![]], tasks: vec![task("Root", 0, 0, None)], title: None };
    for stage in 0..20 {
        job.waits.push(vec![stage]);
        job.tasks.extend((0..60).map(|at| Task {
            state: State::ALL[at % 6],
            ..task(format!("S{stage}T{at}"), 1 + stage, stage + 1, Some(0))
        }));
    }
    job.waits[1].clear();
    let graph = fold(&job, 200);
    assert_eq!(graph.nodes.len(), 21);
    assert_eq!(graph.nodes[3].label, "S2T…\n× 60");
    let states: Vec<_> = graph.nodes[3].stack.expect("a stack").states().collect();
    assert_eq!(states.iter().map(|&(_, count)| count).collect::<Vec<_>>(), [10; 6]);
    assert_eq!(graph.nodes[3].state, State::Failed);
    assert_eq!(graph.nodes[3].depends_on, [2]);
}

#[test]
fn v_20_sequences_and_recursion_are_folded_too() {
    let sequence = Job {
        title: None,
        tasks: (0..5_000).map(|at| task(format!("Step({at})"), 1, at, None)).collect(),
        waits: (0..5_000).map(|at: usize| at.checked_sub(1).into_iter().collect()).collect(),
    };
    let graph = fold(&sequence, 200);
    assert_eq!((labels(&graph), &graph.nodes[0].depends_on[..]), (vec!["Step(…)\n× 5,000"], &[0][..]));
    let recursion = Job {
        title: None,
        tasks: (0..5_000).map(|at: usize| task(format!("Down({at})"), 1, at, at.checked_sub(1))).collect(),
        waits: vec![vec![]; 5_000],
    };
    let graph = fold(&recursion, 200);
    assert_eq!((labels(&graph), graph.nodes[0].parent), (vec!["Down(…)\n× 5,000"], Some(0)));
}

#[test]
fn v_20_too_many_different_things_stay_too_many_boxes() {
    let mut job = map_reduce(std::iter::repeat_n(State::Queued, 500));
    job.tasks.iter_mut().enumerate().for_each(|(at, task)| task.work = at);
    assert_eq!(fold(&job, 200).nodes.len(), 502);
}

#[test]
fn v_20_every_task_is_in_one_stack_whatever_the_job() {
    for seed in 1..200_u64 {
        let mut state = seed;
        let mut dice = |bound: usize| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as usize % bound
        };
        let (count, groups) = (41 + dice(200), 1 + dice(20));
        let tasks = (0..count)
            .map(|at| Task {
                label: ["a", "a(1)", "", "é\nx"][dice(4)].into(),
                count: 1,
                work: dice(4),
                state: State::ALL[dice(6)],
                optional: dice(5) == 0,
                id: None,
                // Also places that do not exist, cycles, and groups whose tasks have several parents.
                parent: (dice(3) > 0).then(|| dice(at + 3)),
                group: dice(groups + 1),
            })
            .collect();
        let job = Job {
            title: None,
            tasks,
            waits: (0..groups).map(|_| (0..dice(4)).map(|_| dice(groups + 2)).collect()).collect(),
        };
        let graph = fold(&job, 60);
        assert_eq!(counts(&graph).iter().sum::<usize>(), count, "seed {seed}");
        assert!(
            graph.nodes.iter().all(|node| node.depends_on.iter().chain(&node.parent).all(|&to| to < graph.nodes.len()))
        );
    }
}

#[test]
fn v_20_neighbours_given_together_are_drawn_as_those_given_one_by_one() {
    let mut stages = Job { title: None, tasks: vec![task("Root", 0, 0, None)], waits: vec![vec![], vec![], vec![1]] };
    let run = |count, state, group| Task { count, state, ..task("Scene", group, group, Some(0)) };
    stages.tasks.extend([run(30, State::Computed, 1), run(1, State::Skipped, 1), run(500_000, State::Queued, 1)]);
    stages.tasks.extend([run(400_000, State::Queued, 2), Task { label: "Other".into(), ..run(3, State::Failed, 2) }]);
    let graph = fold(&stages, 200);
    assert_eq!(counts(&graph), [1, 30, 1, 500_000, 400_000, 3]);
    assert_eq!(graph.nodes[4].depends_on, [1, 2, 3]);

    let mut singles = Job { tasks: Vec::new(), ..stages.clone() };
    stages.tasks[3].count = 50;
    stages.tasks[4].count = 70;
    for run in &stages.tasks {
        singles.tasks.extend(std::iter::repeat_n(Task { count: 1, ..run.clone() }, run.count));
    }
    assert_eq!(fold(&stages, 200), fold(&singles, 200));
}

#[test]
fn v_20_what_labels_have_in_common() {
    let shared = |labels: &[&str]| shared_label(labels.iter().copied());
    assert_eq!(shared(&["Sum", "Sum"]), "Sum");
    assert_eq!(shared(&["Map(1)", "Map(2)"]), "Map(…)");
    assert_eq!(shared(&["Map(10)", "Map(11)", "Map(19)"]), "Map(…)");
    assert_eq!(shared(&["Tile_1_of_9", "Tile_2_of_9"]), "Tile_…_of_9");
    assert_eq!(shared(&["a\nValueError(1)", "a\nValueError(2)"]), "a");
    assert_eq!(shared(&["aa", "aaa"]), "aa…");
    assert_eq!(shared(&["Region north-west", "Region south-east"]), "Region …");
    assert_eq!(shared(&["Read 1st file", "Read 2nd file"]), "Read … file");
    assert_eq!(shared(&["one", "two"]), "one …");
    assert_eq!(shared(&["", "x"]), " …");
    assert_eq!(shared(&["測1", "測2"]), "測…");
}
