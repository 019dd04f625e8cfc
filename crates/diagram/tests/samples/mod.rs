//! Graphs that jobs of every shape make, for the tests and the gallery.

#![allow(unreachable_pub, reason = "shared by several programs")]
#![allow(dead_code, reason = "each program uses some of the samples")]

use boxwood_diagram::fold::{Job, Task};
use boxwood_diagram::{Graph, Node, State};

/// A small generator with a seed (xorshift), so that samples are the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

pub fn graph(nodes: Vec<Node>) -> Graph {
    Graph { title: None, nodes }
}

fn computed(label: &str) -> Node {
    Node::new(label, State::Computed)
}

pub fn sum_of_squares() -> Graph {
    let mut nodes = vec![computed("SumOfSquares")];
    for number in [12, 345, 453, 21, 45, 98] {
        nodes.push(computed(&format!("Square({number})")).under(0));
    }
    nodes.push(computed("Sum").under(0).after(1..7));
    Graph { title: Some("sum-of-squares".into()), nodes }
}

pub fn news() -> Graph {
    graph(vec![
        computed("NewsWorkflow"),
        computed("FetchNews").under(0),
        Node::new("PrintHeadlines", State::Running).under(0).after([1]),
        Node::new("MostFrequentAuthors", State::Queued).under(0).after([1]),
    ])
}

pub fn sequence() -> Graph {
    graph(vec![
        computed("RootTask"),
        computed("PrintTask(\"Executing first\")").under(0),
        Node::new("PrintTask(\"Executing second\")", State::Running).under(0).after([1]),
        Node::new("PrintTask(\"Executing last\")", State::Queued).under(0).after([2]),
    ])
}

/// A sequence of stages, each with a few sub-tasks of its own.
pub fn stages() -> Graph {
    let mut nodes = vec![computed("Pipeline")];
    let mut stage_before = None;
    for stage in ["Ingest", "Align", "Mosaic", "Publish"] {
        let at = nodes.len();
        nodes.push(computed(stage).under(0).after(stage_before));
        for tile in 0..4 {
            nodes.push(computed(&format!("{stage}Tile({tile})")).under(at));
        }
        stage_before = Some(at);
    }
    graph(nodes)
}

/// The steps of an optional branch with its failure, as one runner leaves them.
pub fn nested_optional() -> Graph {
    graph(vec![
        computed("Pipeline"),
        computed("OptionalProcessing").under(0).optional(),
        computed("AlwaysRuns").under(0),
        computed("Step1").under(1),
        Node::new("Step2", State::Skipped).under(1).after([3]),
        computed("Step1A").under(3),
        Node::new("Step1B\nValueError('the scene is empty')", State::FailedOptional).under(3),
        Node::new("Step1C", State::Skipped).under(3),
    ])
}

pub fn optional() -> Graph {
    graph(vec![
        computed("RootTask"),
        computed("RequiredTask").under(0),
        Node::new("FlakyTask\nRuntimeError('unlucky')", State::FailedOptional).under(0).optional(),
        computed("FinalTask").under(0).after([1, 2]),
    ])
}

pub fn chain(length: usize) -> Graph {
    graph(
        (0..length)
            .map(|at| match at {
                0 => computed("RecursiveTask(0)"),
                _ => Node::new(format!("RecursiveTask({at})"), State::Queued).under(at - 1),
            })
            .collect(),
    )
}

/// One parent whose sub-tasks wait each for the one before.
pub fn long_sequence(length: usize) -> Graph {
    let mut nodes = vec![computed("Sequence")];
    for at in 1..length {
        nodes.push(Node::new(format!("Step({at})"), State::Queued).under(0).after((at > 1).then(|| at - 1)));
    }
    graph(nodes)
}

/// One parent, many equal sub-tasks in all states, and one that waits for all of them.
pub fn fan_out(width: usize) -> Graph {
    let mut nodes = vec![computed("MapReduce")];
    for at in 0..width {
        nodes.push(Node::new(format!("Map({at})"), State::ALL[at * 7 % 5]).under(0));
    }
    nodes.push(Node::new("Reduce", State::Queued).under(0).after(1..=width));
    graph(nodes)
}

/// Stages of many equal tasks, each task waiting for the whole stage before.
pub fn shuffle(width: usize) -> Graph {
    let mut nodes = vec![computed("Shuffle"), computed("Plan").under(0)];
    let mut before = 1..2;
    for stage in ["Map", "Sort", "Reduce"] {
        let first = nodes.len();
        for at in 0..width {
            nodes.push(Node::new(format!("{stage}({at})"), State::Queued).under(0).after(before.clone()));
        }
        before = first..nodes.len();
    }
    graph(nodes)
}

/// A tree that splits its work in two until there is little left, as the recursive examples do.
pub fn recursive(images: usize) -> Graph {
    let mut nodes = vec![computed(&format!("DownloadRandomDogImages({images})"))];
    let mut waiting = std::collections::VecDeque::from([(0, images)]);
    while let Some((at, images)) = waiting.pop_front() {
        if images <= 4 {
            for _ in 0..images {
                nodes.push(computed("DownloadImage").under(at));
            }
            continue;
        }
        for half in [images / 2, images - images / 2] {
            waiting.push_back((nodes.len(), half));
            nodes.push(computed(&format!("DownloadRandomDogImages({half})")).under(at));
        }
    }
    graph(nodes)
}

/// The tree of calls that Fibonacci numbers make.
pub fn fibonacci(number: usize) -> Graph {
    let mut nodes = vec![computed(&format!("Fibonacci({number})"))];
    let mut waiting = std::collections::VecDeque::from([(0, number)]);
    while let Some((at, number)) = waiting.pop_front() {
        if number < 2 {
            continue;
        }
        for less in [number - 1, number - 2] {
            waiting.push_back((nodes.len(), less));
            nodes.push(computed(&format!("Fibonacci({less})")).under(at));
        }
    }
    graph(nodes)
}

/// Regions of scenes of tiles: a wide tree of four levels and 200 tasks.
pub fn regions() -> Graph {
    let mut nodes = vec![computed("Mosaic")];
    for region in 0..4 {
        let at = nodes.len();
        nodes.push(computed(&format!("Region({region})")).under(0));
        for scene in 0..5 {
            let scene_at = nodes.len();
            nodes.push(computed(&format!("Scene({region}, {scene})")).under(at));
            let tiles = 9.min(200 - nodes.len());
            nodes.extend((0..tiles).map(|tile| Node::new(format!("Tile({tile})"), State::Queued).under(scene_at)));
        }
    }
    graph(nodes)
}

/// The same few dependent steps for each day, and one task that waits for all days.
pub fn days(count: usize) -> Graph {
    let mut nodes = vec![computed("Backfill")];
    for day in 0..count {
        let at = nodes.len();
        nodes.push(computed(&format!("Day({day})")).under(0));
        nodes.push(computed("Download").under(at));
        nodes.push(Node::new("Mask", State::Running).under(at).after([at + 1]));
        nodes.push(Node::new("Reproject", State::Queued).under(at).after([at + 1]));
        nodes.push(Node::new("Blend", State::Queued).under(at).after([at + 2, at + 3]));
    }
    nodes.push(Node::new("Publish", State::Queued).under(0).after((0..count).map(|day| 1 + 5 * day)));
    graph(nodes)
}

/// A forest of any shape. Here and there siblings wait for each other, and a task for one anywhere before it.
pub fn forest(count: usize, seed: u64) -> Graph {
    let mut dice = Dice::new(seed);
    let mut nodes: Vec<Node> = Vec::new();
    while nodes.len() < count {
        let at = nodes.len();
        let parent = (at > 0 && dice.below(40) > 0).then(|| at - 1 - dice.below(at.min(12)));
        let label = ["Tile", "Mosaic of scenes", "Reproject"][dice.below(3)];
        for _ in 0..1 + dice.below(5) {
            let mut node = Node::new(format!("{label}({})", nodes.len()), State::ALL[dice.below(6)]);
            node.parent = parent;
            match dice.below(24) {
                0 if at > 0 => node.depends_on.push(dice.below(at)),
                1 if at < nodes.len() => node.depends_on.push(nodes.len() - 1),
                _ => {}
            }
            nodes.push(node);
        }
    }
    graph(nodes)
}

/// A job of about `count` tasks that grew at random: sub-tasks, some waiting for siblings.
pub fn grown(count: usize, seed: u64) -> Graph {
    let mut dice = Dice::new(seed);
    let mut nodes = vec![computed("Root")];
    let mut parent = 0;
    while nodes.len() < count {
        let children = 1 + dice.below(6);
        let first = nodes.len();
        for at in first..(first + children).min(count) {
            let state = State::ALL[dice.below(6)];
            let label = ["Tile", "Mosaic", "Reproject", "CloudMask", "Publish"][dice.below(5)];
            let mut node = Node::new(format!("{label}({at})"), state).under(parent);
            for sibling in first..at {
                if dice.below(3) == 0 {
                    node.depends_on.push(sibling);
                }
            }
            node.optional = dice.below(8) == 0;
            nodes.push(node);
        }
        parent += 1 + dice.below(2).min(nodes.len() - 1 - parent);
    }
    graph(nodes)
}

/// Tasks in layers, each waiting for up to three of the layer before or of an earlier one.
pub fn layered(count: usize, width: usize, seed: u64) -> Graph {
    let mut dice = Dice::new(seed);
    let mut nodes = Vec::new();
    for at in 0..count {
        let mut node = Node::new(format!("Step({at})"), State::ALL[dice.below(6)]);
        if at >= width {
            for _ in 0..1 + dice.below(3) {
                let back = if dice.below(8) == 0 { 1 + dice.below(4) } else { 1 };
                let layer = (at / width).saturating_sub(back);
                node.depends_on.push(layer * width + dice.below(width));
            }
        }
        nodes.push(node);
    }
    graph(nodes)
}

/// Any arrows between any tasks, cycles, loops and positions that do not exist among them.
pub fn wild(count: usize, seed: u64) -> Graph {
    let mut dice = Dice::new(seed);
    let mut nodes = Vec::new();
    for at in 0..count {
        let mut node = Node::new(format!("Wild({at})"), State::ALL[dice.below(6)]);
        node.parent = (dice.below(4) > 0).then(|| dice.below(count + 2));
        node.depends_on = (0..dice.below(4)).map(|_| dice.below(count + 2)).collect();
        nodes.push(node);
    }
    graph(nodes)
}

/// A drawn text's boxes: solid arrows from any number of earlier ones, some dashed arrows back to them.
pub fn woven(count: usize, arrows: usize, seed: u64) -> Graph {
    let mut dice = Dice::new(seed);
    let mut nodes: Vec<Node> = (0..count).map(|at| Node::new(format!("box {at}"), State::ALL[dice.below(6)])).collect();
    for _ in 0..arrows {
        let to = 1 + dice.below(count - 1);
        let from = dice.below(to);
        match dice.below(4) {
            0 => nodes[to].depends_on.push(from),
            _ if nodes[to].parent.is_none() => nodes[to].parent = Some(from),
            _ => nodes[to].more_parents.push(from),
        }
    }
    graph(nodes)
}

/// Boxes with solid arrows from two others: what a task never has.
pub fn diamond() -> Graph {
    let mut last = computed("Join").under(1);
    last.more_parents.push(2);
    graph(vec![computed("Split"), computed("Left").under(0), computed("Right").under(0), last])
}

/// A job of `count` mappers, each with sub-tasks of its own, and a reducer, as it is after a while.
pub fn half_done(count: usize, sub_tasks: usize) -> Job {
    let mut dice = Dice::new(7);
    let mut task = |label: String, work, done: bool, parent, group| {
        let state = match (done, dice.below(100)) {
            (true, 0) => State::FailedOptional,
            (true, _) => State::Computed,
            (false, 0..5) => State::Running,
            (false, _) => State::Queued,
        };
        Task { label: label.into(), count: 1, work, state, optional: work == 3, id: None, parent, group }
    };
    let mut tasks = vec![task("Mosaic".into(), 0, true, None, 0)];
    tasks[0].state = State::Computed;
    tasks.extend((0..count).map(|at| task(format!("Scene({at})"), 1, at * 3 < count * 2, Some(0), 1)));
    tasks.push(task("Publish".into(), 2, false, Some(0), 2));
    let mut waits = vec![vec![], vec![], vec![1]];
    for scene in 1..=count {
        if tasks[scene].state == State::Computed {
            let group = waits.len();
            waits.extend([vec![], vec![group]]);
            let done = scene * 2 < count;
            tasks.extend((0..sub_tasks).map(|at| task(format!("Tile({scene}, {at})"), 3, done, Some(scene), group)));
            tasks.push(task(format!("Merge({scene})"), 4, done, Some(scene), group + 1));
        }
    }
    Job { title: Some("mosaic".into()), tasks, waits }
}

/// Labels meant to break the picture.
pub fn hostile() -> Graph {
    let labels = [
        "<img src=x onerror=\"alert('1')\">",
        "</text></svg><script>alert(1)</script>",
        "a & b && c &amp; \"quoted\" 'single' ]]>",
        "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;https://example.org\u{7}link\u{1b}]8;;\u{7}",
        "nul \0 bell \u{7} delete \u{7f} not a character \u{ffff}",
        "right to left \u{202e}gnp.exe",
        "日本語のラベル\n한국어 🚀🚀🚀",
        "",
        "Zalgo\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}",
    ];
    let mut nodes = vec![computed("Hostile")];
    nodes.extend(labels.map(|label| Node::new(label, State::Failed).under(0)));
    Graph { title: Some("<b>hostile & \"name\"</b>\n\u{1b}[1m".into()), nodes }
}

/// Every letter that is drawn by hand.
pub fn letters() -> Graph {
    let lines = [
        "The quick brown fox jumps over the lazy dog",
        "SPHINX OF BLACK QUARTZ, JUDGE MY VOW! 0123456789",
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝ ß × µ ° ·",
        "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿ – — ’ “ ” → … \u{fffd}",
        "ĆćČčĚěŃńŇňŘřŚśŞşŠšŮůŹźŽž ValueError(scene_12/a-b.zip)",
    ];
    Graph {
        title: Some("Every letter".into()),
        nodes: vec![computed(&lines.join("\n")), computed("Ж is text").under(0)],
    }
}

/// Labels of many lines and long ones.
pub fn long_labels() -> Graph {
    graph(vec![
        computed("Root"),
        Node::new(
            "Download\nHTTPError: 503 Server Error: Service Unavailable for url: \
             https://example.org/archive/2024/11/24/scenes/S2A_MSIL1C_20241124T102311_N0511_R065_T32UPU.zip",
            State::Failed,
        )
        .under(0),
        Node::new("Trace\n".to_owned() + &"  File \"mosaic.py\", line 12, in execute\n".repeat(30), State::Failed)
            .under(0),
        computed("Short").under(0),
        computed("X").under(3),
    ])
}
