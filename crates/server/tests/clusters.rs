//! Do the cluster calls do what section 5 says?

mod support;

use boxwood_proto::connectrpc::ErrorCode;
use boxwood_proto::workflows::v1 as wire;
use support::{World, ask, default_cluster, submit, tasks};

fn create(name: &str, slug: &str) -> wire::CreateClusterRequest {
    wire::CreateClusterRequest { name: name.into(), slug: slug.into(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_4_to_c_10_clusters_are_made_changed_listed_and_deleted() {
    let world = World::new().await;
    let clusters = world.grpc().workflows();
    let made = clusters.create_cluster(create("Dev Cluster", "")).await.expect("created").into_owned();
    assert!(made.slug.starts_with("dev-cluster-") && made.slug.len() == "dev-cluster-".len() + 14, "{}", made.slug);
    assert!(made.deletable);
    let own = clusters.create_cluster(create("Dev Cluster", "dev")).await.expect("C-6: same name").into_owned();
    assert_eq!(own.slug, "dev");
    let taken = clusters.create_cluster(create("Other", "dev")).await.expect_err("C-6: taken");
    assert_eq!(taken.code, ErrorCode::AlreadyExists);

    let update = |name: Option<&str>, description: Option<&str>| wire::UpdateClusterRequest {
        cluster_slug: "dev".into(),
        name: name.map(str::to_owned),
        description: description.map(str::to_owned),
        ..Default::default()
    };
    let changed = clusters.update_cluster(update(None, Some("for tests"))).await.expect("updated").into_owned();
    assert_eq!((changed.display_name.as_str(), changed.description.as_str()), ("Dev Cluster", "for tests"));
    let changed = clusters.update_cluster(update(Some("Dev"), Some(""))).await.expect("updated").into_owned();
    assert_eq!(
        (changed.display_name.as_str(), changed.description.as_str(), changed.slug.as_str()),
        ("Dev", "", "dev")
    );

    let listed = clusters.list_clusters(wire::ListClustersRequest::default()).await.expect("listed").into_owned();
    let slugs: Vec<_> = listed.clusters.iter().map(|cluster| cluster.slug.as_str()).collect();
    assert_eq!(slugs.len(), 3);
    assert!(slugs[0].starts_with("default-"), "the default cluster comes first: {slugs:?}");

    let delete = |slug: &str| wire::DeleteClusterRequest { cluster_slug: slug.into(), ..Default::default() };
    clusters.delete_cluster(delete("dev")).await.expect("deleted");
    let get = wire::GetClusterRequest { cluster_slug: "dev".into(), ..Default::default() };
    assert_eq!(clusters.get_cluster(get).await.expect_err("gone").code, ErrorCode::NotFound);
    assert_eq!(clusters.delete_cluster(delete("dev")).await.expect_err("gone").code, ErrorCode::NotFound);
    assert_eq!(clusters.update_cluster(update(None, None)).await.expect_err("gone").code, ErrorCode::NotFound);

    let default = clusters.delete_cluster(delete(&default_cluster(&world).await)).await.expect_err("C-11");
    assert_eq!(default.code, ErrorCode::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_12_tasks_of_a_deleted_cluster_wait_until_it_is_made_again() {
    let world = World::new().await;
    let client = world.grpc();
    client.workflows().create_cluster(create("gpu", "gpu")).await.expect("created");
    client.jobs().submit_job(submit("j", tasks("gpu", "T", 1))).await.expect("submitted");
    let delete = wire::DeleteClusterRequest { cluster_slug: "gpu".into(), ..Default::default() };
    client.workflows().delete_cluster(delete).await.expect("deleted");
    let refused = client.tasks().next_task(ask("gpu", &["T"])).await.expect_err("gone");
    assert_eq!(refused.code, ErrorCode::NotFound);
    client.workflows().create_cluster(create("gpu again", "gpu")).await.expect("created");
    let answer = client.tasks().next_task(ask("gpu", &["T"])).await.expect("an answer").into_owned();
    assert!(answer.next_task.is_set());
}
