//! Runners that wait for work, in the order in which they came.
//!
//! Each task that becomes ready wakes one runner that can take it: the one that waits longest. A woken runner asks
//! again like any other; what it does not take it passes on to the next.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use boxwood_engine::{Ask, Class, Identifier};
use tokio::sync::Notify;

/// The place of a waiting runner in the order of arrival.
type Ticket = u64;

/// Every runner that waits.
#[derive(Default)]
pub(crate) struct Waiting {
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    next_ticket: Ticket,
    runners: HashMap<Ticket, Runner>,
    /// Who can take tasks of a cluster and name, in some version.
    by_name: HashMap<Arc<str>, HashMap<Arc<str>, BTreeSet<Ticket>>>,
}

struct Runner {
    ask: Ask,
    notify: Arc<Notify>,
    /// The class of the task it was woken for and has not looked for yet.
    woken_for: Option<Arc<Class>>,
}

/// A place in the line; leaving it passes on a wake that was not used.
pub(crate) struct Place {
    waiting: Arc<Waiting>,
    ticket: Ticket,
    notify: Arc<Notify>,
}

fn can_take(identifiers: &[Identifier], wanted: &Identifier) -> bool {
    identifiers.iter().any(|has| has.name == wanted.name && has.version.runs(&wanted.version))
}

impl Waiting {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().expect("nobody panics while holding the line")
    }

    /// Puts a runner at the end of the line.
    pub(crate) fn join(self: &Arc<Self>, ask: Ask) -> Place {
        let notify = Arc::new(Notify::new());
        let mut line = self.line();
        let ticket = line.next_ticket;
        line.next_ticket += 1;
        let names = line.by_name.entry(ask.cluster.clone()).or_default();
        for identifier in ask.identifiers.iter() {
            names.entry(identifier.name.clone()).or_default().insert(ticket);
        }
        line.runners.insert(ticket, Runner { ask, notify: notify.clone(), woken_for: None });
        drop(line);
        Place { waiting: self.clone(), ticket, notify }
    }

    /// Wakes a runner for each of `count` tasks of a class, as far as there are runners.
    pub(crate) fn wake(&self, class: &Arc<Class>, count: u64) {
        self.line().wake(class, count);
    }

    /// What each of the waiting runners can take.
    pub(crate) fn asks(&self) -> Vec<Ask> {
        self.line().runners.values().map(|runner| runner.ask.clone()).collect()
    }

    /// How many runners wait.
    pub(crate) fn len(&self) -> usize {
        self.line().runners.len()
    }
}

impl Line {
    fn wake(&mut self, class: &Arc<Class>, count: u64) {
        let Some(tickets) = self.by_name.get(&class.cluster).and_then(|names| names.get(&class.identifier.name)) else {
            return;
        };
        let mut left = count;
        for ticket in tickets {
            if left == 0 {
                break;
            }
            let Some(runner) = self.runners.get_mut(ticket) else { continue };
            if runner.woken_for.is_none() && can_take(&runner.ask.identifiers, &class.identifier) {
                runner.woken_for = Some(class.clone());
                runner.notify.notify_one();
                left -= 1;
            }
        }
    }

    fn leave(&mut self, ticket: Ticket) -> Option<Arc<Class>> {
        let runner = self.runners.remove(&ticket)?;
        if let Some(names) = self.by_name.get_mut(&runner.ask.cluster) {
            for identifier in runner.ask.identifiers.iter() {
                if let Some(tickets) = names.get_mut(&identifier.name) {
                    tickets.remove(&ticket);
                    if tickets.is_empty() {
                        names.remove(&identifier.name);
                    }
                }
            }
            if names.is_empty() {
                self.by_name.remove(&runner.ask.cluster);
            }
        }
        runner.woken_for
    }
}

impl Place {
    /// Waits until a task is ready for this runner. Cheap to start over; a wake in between is not lost.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }

    /// Says that the runner asks now, on behalf of the wake it got, if it got one.
    pub(crate) fn asks(&self) -> Option<Arc<Class>> {
        self.waiting.line().runners.get_mut(&self.ticket).and_then(|runner| runner.woken_for.take())
    }

    /// Hands a wake on: the runner that asked on its behalf took something else, or nothing was decided.
    pub(crate) fn pass_on(&self, class: &Arc<Class>) {
        self.waiting.wake(class, 1);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut line = self.waiting.line();
        if let Some(class) = line.leave(self.ticket) {
            line.wake(&class, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_engine::{ClassKey, Version};
    use futures::FutureExt as _;

    fn identifier(name: &str, version: &str) -> Identifier {
        Identifier { name: name.into(), version: Version::parse(version).expect("a version") }
    }

    fn class(cluster: &str, name: &str, version: &str) -> Arc<Class> {
        Arc::new(Class { key: ClassKey(1), cluster: cluster.into(), identifier: identifier(name, version) })
    }

    fn ask(cluster: &str, has: &[(&str, &str)]) -> Ask {
        let identifiers: Vec<_> = has.iter().map(|(name, version)| identifier(name, version)).collect();
        Ask { cluster: cluster.into(), identifiers: identifiers.into() }
    }

    fn is_woken(place: &Place) -> bool {
        place.woken().now_or_never().is_some()
    }

    #[test]
    fn no_more_runners_wake_than_tasks_became_ready_and_the_first_come_first() {
        let waiting = Arc::new(Waiting::default());
        let places: Vec<_> = (0..4).map(|_| waiting.join(ask("a", &[("T", "v1.5")]))).collect();
        waiting.wake(&class("a", "T", "v1.0"), 2);
        assert_eq!(places.iter().map(is_woken).collect::<Vec<_>>(), [true, true, false, false]);
        waiting.wake(&class("a", "T", "v1.0"), 1);
        assert_eq!(places.iter().map(is_woken).collect::<Vec<_>>(), [false, false, true, false]);
    }

    #[test]
    fn r_14_t_55_only_compatible_runners_of_the_cluster_wake() {
        let waiting = Arc::new(Waiting::default());
        let others = [
            waiting.join(ask("b", &[("T", "v1.5")])),
            waiting.join(ask("a", &[("U", "v1.5")])),
            waiting.join(ask("a", &[("T", "v1.2")])),
            waiting.join(ask("a", &[("T", "v2.5")])),
            waiting.join(ask("a", &[])),
        ];
        let fitting = waiting.join(ask("a", &[("U", "v0.0"), ("T", "v1.3")]));
        waiting.wake(&class("a", "T", "v1.3"), 10);
        assert!(others.iter().all(|other| !is_woken(other)));
        assert!(is_woken(&fitting));
    }

    #[test]
    fn a_wake_that_comes_before_the_wait_is_not_lost() {
        let waiting = Arc::new(Waiting::default());
        let place = waiting.join(ask("a", &[("T", "v0.0")]));
        waiting.wake(&class("a", "T", "v0.0"), 1);
        assert!(is_woken(&place), "woken although nobody waited yet");
        assert!(!is_woken(&place), "once only");
    }

    #[test]
    fn who_leaves_without_asking_passes_the_wake_on() {
        let waiting = Arc::new(Waiting::default());
        let first = waiting.join(ask("a", &[("T", "v0.0")]));
        let second = waiting.join(ask("a", &[("T", "v0.0")]));
        waiting.wake(&class("a", "T", "v0.0"), 1);
        drop(first);
        assert!(is_woken(&second));
        assert!(second.asks().is_some());
        drop(second);
        assert_eq!(waiting.len(), 0);
        assert!(waiting.line().by_name.is_empty());
    }

    #[test]
    fn who_has_asked_does_not_pass_the_wake_on() {
        let waiting = Arc::new(Waiting::default());
        let first = waiting.join(ask("a", &[("T", "v0.0")]));
        let second = waiting.join(ask("a", &[("T", "v0.0")]));
        waiting.wake(&class("a", "T", "v0.0"), 1);
        let class = first.asks().expect("it was woken");
        drop(first);
        assert!(!is_woken(&second));
        second.pass_on(&class);
        assert!(is_woken(&second));
    }
}
