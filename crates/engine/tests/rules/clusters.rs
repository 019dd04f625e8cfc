//! Section 5: clusters.

use boxwood_engine::{Cluster, Command, RefusalKind, Reply, TaskState};
use boxwood_testkit::{Runner, World};

fn slugs(world: &World) -> Vec<String> {
    let clusters = world.reader().clusters().expect("memory can be read");
    clusters.into_iter().map(|cluster| cluster.slug.to_string()).collect()
}

fn cluster(world: &World, slug: &str) -> Cluster {
    let clusters = world.reader().clusters().expect("memory can be read");
    clusters.into_iter().find(|cluster| &*cluster.slug == slug).expect("the cluster exists")
}

fn update(slug: &str, display_name: Option<&str>, description: Option<&str>) -> Command {
    Command::UpdateCluster {
        slug: slug.into(),
        display_name: display_name.map(Into::into),
        description: description.map(Into::into),
    }
}

#[test]
fn c_2_c_7_the_default_cluster_cannot_be_deleted_created_ones_can() {
    let mut world = World::seeded(1).cluster("gpu");
    assert!(!cluster(&world, "default").deletable && cluster(&world, "gpu").deletable);
    let second = world.new_cluster("another", false);
    let refused = world.send(second).expect_err("there is one default cluster");
    assert_eq!(refused.kind, RefusalKind::Invalid);
    world.send(Command::DeleteCluster { slug: "gpu".into() }).expect("deletable");
    assert_eq!(slugs(&world), ["default"]);
}

#[test]
fn c_6_slugs_are_unique_names_are_not() {
    let mut world = World::seeded(1).cluster("gpu");
    let again = world.new_cluster("gpu", true);
    let refused = world.send(again).expect_err("taken");
    assert_eq!(refused.kind, RefusalKind::AlreadyExists);
    assert!(refused.message.contains("gpu"), "E-2: {refused}");
    let Command::CreateCluster(mut other) = world.new_cluster("other", true) else { panic!("a creation") };
    other.display_name = "gpu".into();
    world.send(Command::CreateCluster(other)).expect("the same name under another slug");
}

#[test]
fn c_8_an_update_changes_only_the_fields_given() {
    let mut world = World::seeded(1).cluster("gpu");
    world.send(update("gpu", None, Some("fast ones"))).expect("known");
    world.send(update("gpu", Some("GPUs"), None)).expect("known");
    let Ok(Reply::Cluster(answer)) = world.send(update("gpu", None, None)) else { panic!("known") };
    assert_eq!(answer, cluster(&world, "gpu"));
    assert_eq!(
        (&*answer.slug, answer.display_name.as_str(), answer.description.as_str()),
        ("gpu", "GPUs", "fast ones")
    );
    world.send(update("gpu", None, Some(""))).expect("known");
    assert_eq!(cluster(&world, "gpu").description, "", "an empty description clears it");
}

#[test]
fn c_3_c_8_an_update_without_a_slug_is_about_the_default_cluster() {
    let mut world = World::seeded(1).cluster("gpu");
    world.send(update("", Some("Main"), None)).expect("the default cluster");
    assert_eq!(cluster(&world, "default").display_name, "Main");
}

#[test]
fn c_9_the_default_cluster_is_listed_first_then_by_slug() {
    let world = World::seeded(1).cluster("zebra").cluster("apple").cluster("East");
    assert_eq!(slugs(&world), ["default", "East", "apple", "zebra"]);
}

#[test]
fn c_10_unknown_clusters_are_not_found() {
    let mut world = World::seeded(1);
    for command in [update("gpu", None, None), Command::DeleteCluster { slug: "gpu".into() }] {
        assert_eq!(world.send(command).expect_err("unknown").kind, RefusalKind::NotFound);
    }
}

#[test]
fn c_11_the_default_cluster_stays_whatever_it_is_called_by() {
    let mut world = World::seeded(1);
    for slug in ["default", ""] {
        let refused = world.send(Command::DeleteCluster { slug: slug.into() }).expect_err("protected");
        assert_eq!(refused.kind, RefusalKind::Invalid, "{slug:?}");
    }
    assert_eq!(slugs(&world), ["default"]);
}

#[test]
fn c_12_tasks_of_a_deleted_cluster_wait_for_a_cluster_with_its_slug() {
    let mut world = World::seeded(1).cluster("gpu").job("a on=gpu").job("done on=gpu").runners(0);
    world = world.runner(Runner::on("gpu"));
    let a = world.claim(0).expect("a");
    world.hand_back(&a);
    world.send(Command::DeleteCluster { slug: "gpu".into() }).expect("deletable");
    assert_eq!(world.states(), "a Queued, done Queued", "jobs stay");
    let ask = Some(world.ask(0));
    let report = boxwood_engine::Report { computed: None, ask, now: world.now() };
    assert_eq!(world.send(Command::Report(Box::new(report))).expect_err("R-3").kind, RefusalKind::NotFound);
    world.restart();
    world = world.cluster("gpu");
    world.run();
    assert_eq!(world.states(), "a Computed, done Computed");
}

#[test]
fn c_12_running_tasks_of_a_deleted_cluster_may_still_be_reported() {
    let mut world = World::seeded(1).cluster("gpu").job("a on=gpu").runner(Runner::on("gpu"));
    let a = world.claim(1).expect("a");
    world.send(Command::DeleteCluster { slug: "gpu".into() }).expect("deletable");
    world.complete(&a);
    assert_eq!(world.state("a"), TaskState::Computed);
}

#[test]
fn c_12_t_78_children_of_a_task_on_a_deleted_cluster() {
    // The SDKs name the runner's cluster, others name none; both mean the parent's.
    for child in ["b", "b on=gpu"] {
        let job = format!("a on=gpu\n  {child}");
        let mut world = World::seeded(1).cluster("gpu").job(&job).runner(Runner::on("gpu"));
        let a = world.claim(1).expect("a");
        world.send(Command::DeleteCluster { slug: "gpu".into() }).expect("deletable");
        world.complete(&a);
        assert_eq!(world.states(), "a Computed, b Queued", "{child}: queued as if it had been there before");
        world = world.cluster("gpu");
        assert_eq!(world.claim(1).map(|held| held.name), Some("b".into()));
    }
}
