//! Servers that are stopped (SIGSTOP) and woken (SIGCONT), and answers that come late.

use std::path::PathBuf;
use std::time::Duration;

use boxwood_proto::workflows::v1::JobState;

use crate::calls::{One, PATIENCE, database_is_away, server_is_gone};
use crate::cluster::{LEASE_SECONDS, Server};
use crate::load::{Load, lease_of, task_of};
use crate::recount::Rows;

/// How long some runners wait for an answer before they ask another server.
const GIVE_UP_AFTER: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_41_a_report_that_lay_at_a_stopped_server_beyond_the_lease_changes_nothing() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let servers = [0, 1].map(|number| Server::start(dir.path(), number, &database));
    let [stopped, other] = servers.each_ref().map(|server| One::new(server.socket()));
    let cluster = other.cluster().await.expect("a default cluster");
    let job = other.submit(&[1]).await.expect("submitted");
    let (task, _) = task_of(&stopped.next(&cluster, None).await.expect("an answer")).expect("the task");

    servers[0].signal("-STOP");
    let late = async {
        let sub_tasks = vec![vec![0], vec![0], vec![0]];
        let answer = stopped.next(&cluster, Some((&task, sub_tasks))).await.expect("a late report is no error");
        task_of(&answer)
    };
    let others = async {
        let mut sub_task = loop {
            let answer = other.next(&cluster, None).await.expect("an answer");
            if let Some((again, _)) = task_of(&answer) {
                assert_eq!(again.uuid, task.uuid, "there is no other");
                let answer = other.next(&cluster, Some((&again, vec![vec![0], vec![0]]))).await.expect("reported");
                break task_of(&answer);
            }
        };
        servers[0].signal("-CONT");
        while let Some((task, _)) = sub_task {
            sub_task = task_of(&other.next(&cluster, Some((&task, Vec::new()))).await.expect("reported"));
        }
    };
    let both = async { tokio::join!(late, others) };
    let (handed_out, ()) = tokio::time::timeout(PATIENCE, both).await.expect("in time");
    if let Some((task, _)) = handed_out {
        // An answer to a late report may hand out other work.
        stopped.next(&cluster, Some((&task, Vec::new()))).await.expect("reported");
    }
    let job = stopped.job(&job).await.expect("it is there");
    assert_eq!(job.state.as_known(), Some(JobState::Completed));
    assert_eq!(job.execution_stats.total_tasks, 3, "the late report brings no sub-tasks");
    Rows::of(&database).await.add_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_stopped_under_load_until_their_leases_ran_out_go_on_when_they_are_woken() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut servers = [0, 1, 2].map(|number| Server::start(dir.path(), number, &database));
    let sockets: Vec<PathBuf> = servers.iter().map(|server| server.socket().to_owned()).collect();
    let rows = Rows::of(&database).await;
    let load = Load::start_impatient(sockets, server_is_gone, GIVE_UP_AFTER).await;
    for server in &servers {
        load.answers(100).await;
        server.signal("-STOP");
        let now = rows.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").await;
        let held = format!("SELECT count(*) FROM running WHERE started_at <= {now}");
        rows.until("leases of the stopped server run out", &held, |count| count == 0).await;
        rows.add_up().await;
        load.answers(50).await;
        server.signal("-CONT");
    }
    load.answers(100).await;
    let told = load.finish().await;
    rows.add_up().await;
    println!("{} jobs, {} tasks acknowledged; errors: {:#?}", told.jobs.len(), told.computed.len(), told.errors);
    servers.iter_mut().for_each(Server::stop);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_30_an_answer_that_comes_after_the_lease_hands_nothing_out() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), 0, &database);
    let one = One::new(server.socket());
    let cluster = one.cluster().await.expect("a default cluster");
    one.submit(&[0]).await.expect("submitted");
    // Somebody else is at work on the job for longer than a lease.
    let (rows, other) = (Rows::of(&database).await, Rows::of(&database).await);
    let asked = one.next(&cluster, None);
    let kept_waiting = async {
        let waits = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
             AND clock_timestamp() - query_start > interval '{LEASE_SECONDS} s'"
        );
        rows.until("a server has waited for longer than a lease", &waits, |count| count == 1).await;
        other.execute("COMMIT").await;
    };
    other.execute("BEGIN; SELECT FROM job_status FOR UPDATE").await;
    let (answer, ()) = tokio::join!(asked, kept_waiting);
    let answer = answer.expect("an answer");
    if task_of(&answer).is_some() {
        panic!("a task was handed out for {:?} when its lease had run out", lease_of(&answer));
    }
    // It was put back: nothing of this counts.
    let (task, _) = loop {
        if let Some(task) = task_of(&one.next(&cluster, None).await.expect("an answer")) {
            break task;
        }
    };
    assert_eq!(rows.number("SELECT sum(crashes + retry_count)::bigint FROM running").await, 0);
    one.next(&cluster, Some((&task, Vec::new()))).await.expect("reported");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopped_server_read_in_a_transaction_that_ended_meanwhile_is_not_used() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let servers = [0, 1].map(|number| Server::start(dir.path(), number, &database));
    let [stopped, other] = servers.each_ref().map(|server| One::new(server.socket()));
    let cluster = other.cluster().await.expect("a default cluster");
    // It prepares its statements when it first needs them, and then waits for locks there.
    stopped.submit(&[0]).await.expect("submitted");
    let (first, _) = task_of(&stopped.next(&cluster, None).await.expect("an answer")).expect("the task");
    stopped.next(&cluster, Some((&first, Vec::new()))).await.expect("reported");
    let job = other.submit(&[0]).await.expect("submitted");
    let (task, _) = task_of(&other.next(&cluster, None).await.expect("an answer")).expect("the task");

    let (rows, lock) = (Rows::of(&database).await, Rows::of(&database).await);
    lock.execute("BEGIN; LOCK TABLE ready").await;
    let report = stopped.next(&cluster, Some((&task, Vec::new())));
    let meanwhile = async {
        // It has the job locked, and has read all rows but the last ones.
        let waits =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        rows.until("the server waits", waits, |count| count > 0).await;
        servers[0].signal("-STOP");
        lock.execute("COMMIT").await;
        // The database ends its transaction, and the other server the lease.
        rows.until("the lease is ended", "SELECT count(*) FROM running", |count| count == 0).await;
        servers[0].signal("-CONT");
    };
    let (answer, ()) = tokio::join!(report, meanwhile);
    rows.add_up().await;
    assert!(answer.as_ref().is_err_and(database_is_away), "{answer:?}");
    let again = loop {
        if let Some((again, _)) = task_of(&stopped.next(&cluster, None).await.expect("an answer")) {
            break again;
        }
    };
    assert_eq!(again.uuid, task.uuid);
    other.next(&cluster, Some((&again, Vec::new()))).await.expect("reported");
    let job = stopped.job(&job).await.expect("it is there");
    assert_eq!(job.state.as_known(), Some(JobState::Completed));
    rows.add_up().await;
}
