//! The commands of all workloads, with times and ids that count up.

use std::sync::Arc;

use boxwood_engine::{
    Ask, Command, ComputedTask, Identifier, JobId, NewCluster, NewGroup, NewJob, NewTasks, ProgressUpdate, Report,
    Submission, TaskId, Timestamp, Version,
};

/// What a task is given to work on, as an SDK would write it.
const INPUT: &[u8] = br#"{"scene": "S2A_MSIL2A_20250101", "row": 12, "column": 34}"#;

/// Makes commands.
pub(crate) struct Commands {
    ask: Ask,
    ids: u128,
    now: Timestamp,
}

impl Commands {
    pub(crate) fn new() -> Self {
        let names = ["acme.Mosaic", "acme.Tile", "acme.Blend", "acme.Report"];
        let version = Version::parse("v1.0").expect("a version");
        let identifiers = names.map(|name| Identifier { name: name.into(), version: version.clone() });
        // A time like today's, so that ids look as they do in life.
        let ask = Ask { cluster: "main".into(), identifiers: identifiers.into() };
        Self { ask, ids: 0x0198_0000_0000_7000_8000_0000_0000_0001, now: Timestamp(1_750_000_000_000_000) }
    }

    fn ids(&mut self, count: u64) -> u128 {
        self.ids += u128::from(count);
        self.ids - u128::from(count)
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        self.now.0 += 1_000;
        self.now
    }

    pub(crate) fn cluster(&mut self) -> Command {
        Command::CreateCluster(NewCluster {
            slug: "main".into(),
            display_name: "Default".into(),
            description: String::new(),
            deletable: false,
            now: self.now(),
        })
    }

    /// So many equal tasks that wait for the groups named.
    pub(crate) fn group(&self, count: u64, dependencies: &[usize], max_retries: u32) -> NewGroup {
        let tasks = NewTasks {
            count,
            cluster: "".into(),
            identifier: self.ask.identifiers[1].clone(),
            max_retries,
            optional: false,
            display: "Tile".into(),
        };
        let inputs = Arc::new(vec![INPUT.to_vec(); usize::try_from(count).expect("a small number")]);
        NewGroup { dependencies: dependencies.to_vec(), tasks: vec![tasks], inputs }
    }

    /// So many equal tasks.
    pub(crate) fn tasks(&self, count: u64) -> Submission {
        self.groups(vec![self.group(count, &[], 0)])
    }

    pub(crate) fn groups(&self, groups: Vec<NewGroup>) -> Submission {
        Submission::new(groups).expect("well formed")
    }

    /// A new job and its id.
    pub(crate) fn submit(&mut self, tasks: Submission) -> (JobId, Command) {
        let id = JobId::from_u128(self.ids(1)).expect("not zero");
        let job = NewJob {
            id,
            first_task: TaskId::from_u128(self.ids(tasks.tasks())).expect("not zero"),
            name: "Mosaic of the north".into(),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
            automation: None,
            tasks,
            fingerprint: self.ids,
            repeated: false,
            now: self.now(),
        };
        (id, Command::SubmitJob(job))
    }

    /// A question for work.
    pub(crate) fn ask(&mut self) -> Command {
        self.next_task(None)
    }

    /// A report with so many sub-tasks, and the question for the next task.
    pub(crate) fn report(&mut self, task: TaskId, sub_tasks: u64) -> Command {
        let computed = self.computed(task, sub_tasks);
        self.next_task(Some(computed))
    }

    /// A report and a question, either of them optional.
    pub(crate) fn next_task(&mut self, computed: Option<ComputedTask>) -> Command {
        Command::Report(Box::new(Report { computed, ask: Some(self.ask.clone()), now: self.now() }))
    }

    /// A report without a question.
    pub(crate) fn last(&mut self, computed: ComputedTask) -> Command {
        Command::Report(Box::new(Report { computed: Some(computed), ask: None, now: self.now() }))
    }

    /// A task computed, with so many sub-tasks.
    pub(crate) fn computed(&mut self, task: TaskId, sub_tasks: u64) -> ComputedTask {
        ComputedTask {
            task,
            display: "Tile".into(),
            progress: Vec::new(),
            sub_tasks: (sub_tasks > 0).then(|| self.tasks(sub_tasks)),
            first_sub_task: TaskId::from_u128(self.ids(sub_tasks.max(1))).expect("not zero"),
            content_error: None,
        }
    }

    /// A task computed, that says how far it is.
    pub(crate) fn computed_with_progress(&mut self, task: TaskId) -> ComputedTask {
        let update = ProgressUpdate { label: "pixels".into(), total: 100, done: 100 };
        ComputedTask { progress: vec![update], ..self.computed(task, 0) }
    }
}
