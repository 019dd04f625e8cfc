//! NextTask and TaskFailed (sections 4.1, 4.4, 4.5).

use super::{Identifier, Lease, Model, NewTask, Place, Refused, State, Time};

/// What a runner asks for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) cluster: String,
    pub(crate) identifiers: Vec<Identifier>,
}

/// One indicator in a report (P-1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Progress {
    pub(crate) label: String,
    pub(crate) total: u64,
    pub(crate) done: u64,
}

/// A task reported computed.
#[derive(Clone, Debug)]
pub(crate) struct Computed {
    pub(crate) task: u128,
    pub(crate) display: String,
    pub(crate) progress: Vec<Progress>,
    pub(crate) children: Vec<NewTask>,
    pub(crate) first_child: u128,
    /// A limit that the report violates, as the line that names it.
    pub(crate) mistake: Option<String>,
}

/// A task reported failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) task: u128,
    pub(crate) display: String,
    pub(crate) progress: Vec<Progress>,
    pub(crate) was_workflow_error: bool,
    pub(crate) now: Time,
}

/// The answer to NextTask.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Nothing,
    Task(HandOut),
    Idle,
}

/// A task handed out: which one, under which of the runner's identifiers (T-61), and its lease.
#[derive(Clone, Debug)]
pub(crate) struct HandOut {
    pub(crate) place: Place,
    pub(crate) identifier: Identifier,
    pub(crate) lease: Lease,
}

impl Model {
    /// stores the computed task, if there is one, and then hands out a task, if one is asked for.
    pub(crate) fn next_task(
        &mut self,
        computed: Option<Computed>,
        ask: Option<Ask>,
        now: Time,
    ) -> Result<Answer, Refused> {
        self.next_task_by(computed, ask, now, Self::choose)
    }

    /// The same, with another way to choose.
    pub(super) fn next_task_by(
        &mut self,
        computed: Option<Computed>,
        ask: Option<Ask>,
        now: Time,
        choose: impl FnOnce(&mut Self, Option<Place>, &Ask) -> Option<Place>,
    ) -> Result<Answer, Refused> {
        let named = match computed {
            Some(computed) => Some((self.find_task(computed.task)?, self.store(computed, now)?)),
            None => None,
        };
        let Some(ask) = ask else { return Ok(Answer::Nothing) };
        // the result of a runner whose cluster was deleted is still stored.
        if self.cluster(&ask.cluster).is_err() {
            return if named.is_some() { Ok(Answer::Idle) } else { Err(Refused::NotFound) };
        }
        if let Some((place, Stored::Ignored)) = named
            && let Some(again) = self.repeated(place, &ask, now)
        {
            let lease_until = Lease::first(&self.numbers).end(now);
            let task = self.task_mut(again);
            (task.lease_until, task.given_again) = (lease_until, true);
            return Ok(Answer::Task(self.hand_out(again, &ask)));
        }
        let chosen = choose(self, named.map(|(place, _)| place), &ask);
        if let Some(chosen) = chosen {
            self.start(chosen, now);
        }
        if let Some((place, Stored::Computed)) = named {
            self.task_mut(place).answered_with = chosen.map(|chosen| (chosen, self.task(chosen).hand_outs));
        }
        Ok(chosen.map_or(Answer::Idle, |chosen| Answer::Task(self.hand_out(chosen, &ask))))
    }

    /// S-4.
    fn start(&mut self, place: Place, now: Time) {
        let lease_until = Lease::first(&self.numbers).end(now);
        let task = self.task_mut(place);
        task.state = State::Running;
        task.hand_outs += 1;
        task.given_again = false;
        (task.started_at, task.stopped_at) = (Some(now), None);
        task.lease_until = lease_until;
    }

    /// R-8, T-61, T-62.
    fn hand_out(&self, place: Place, ask: &Ask) -> HandOut {
        let wanted = &self.task(place).identifier;
        let compatible = ask.identifiers.iter().filter(|has| has.runs(wanted));
        let identifier = compatible.max_by(|one, other| wanted.prefers(one, other)).expect("it fits the runner");
        HandOut { place, identifier: identifier.clone(), lease: Lease::first(&self.numbers) }
    }

    /// the task handed out in answer to the first arrival of a report, if that hand-out is still running, its lease
    /// has not ended, and the runner that asks can take it.
    fn repeated(&self, place: Place, ask: &Ask, now: Time) -> Option<Place> {
        let task = self.task(place);
        let (answer, number) = task.answered_with?;
        let given = self.task(answer);
        let runs = given.state == State::Running && given.hand_outs == number && given.lease_until > now;
        (!task.ever_lost_a_lease && runs && ask.fits(given)).then_some(answer)
    }
}

/// What became of a computed report.
#[derive(Clone, Copy)]
enum Stored {
    Computed,
    ///
    Ignored,
    ///
    Failed,
}

impl Model {
    /// A computed report (S-5, T-71, T-73, R-40 to ).
    fn store(&mut self, computed: Computed, now: Time) -> Result<Stored, Refused> {
        let (job, place) = self.find_task(computed.task)?;
        if self.task((job, place)).state != State::Running {
            return Ok(Stored::Ignored);
        }
        let own_cluster = self.task((job, place)).cluster.clone();
        let mut mistake = computed.mistake.clone();
        let mut clusters = Vec::new();
        for child in &computed.children {
            // T-78, T-79: the parent's own cluster may be gone by now.
            let inherits = child.cluster.is_empty() || child.cluster == own_cluster;
            let slug = if inherits { own_cluster.clone() } else { child.cluster.clone() };
            if !inherits && self.cluster(&slug).is_err() {
                mistake.get_or_insert(slug.clone());
            }
            clusters.push(slug);
        }
        let refuse = self.numbers.refuse_mistakes;
        let job = &mut self.jobs[job];
        let task = &mut job.tasks[place];
        if let Some(line) = mistake {
            if refuse {
                return Err(Refused::Invalid);
            }
            task.display.replace(&computed.display);
            task.display.add_line(&line);
            job.workflow_failure(place, now);
            return Ok(Stored::Failed);
        }
        task.display.replace(&computed.display);
        task.progress = computed.progress;
        task.stop(State::Computed, now);
        job.add(Some(place), computed.children, clusters, computed.first_child, now);
        Ok(Stored::Computed)
    }

    /// TaskFailed (S-6 to S-8, S-31 to S-33, T-134, R-41, R-45, R-46). Answers the state of the task afterwards.
    pub(crate) fn fail(&mut self, failed: Failed) -> Result<State, Refused> {
        let (job, place) = self.find_task(failed.task)?;
        let hand_backs_max = self.numbers.hand_backs_max;
        let job = &mut self.jobs[job];
        let task = &mut job.tasks[place];
        if task.state != State::Running {
            return Ok(task.state);
        }
        task.display.replace(&failed.display);
        task.progress = failed.progress;
        if failed.was_workflow_error {
            job.workflow_failure(place, failed.now);
        } else {
            task.hand_backs += 1;
            let in_a_row = task.hand_backs;
            let branch_failed = job.is_in_failed_branch(place);
            job.come_back(place, failed.now);
            if in_a_row > hand_backs_max && !branch_failed {
                job.tasks[place].display.add_line(&in_a_row.to_string());
                job.fail_for_good(place);
            }
        }
        job.failed_last = Some(place);
        Ok(job.tasks[place].state)
    }
}
