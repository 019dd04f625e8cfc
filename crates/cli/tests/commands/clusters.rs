//! Clusters.

use crate::here::here;

#[tokio::test]
async fn c_4_to_c_11_a_cluster_is_created_shown_listed_and_deleted() {
    let here = here().await;
    let create = ["cluster", "create", "Big machines", "--slug", "big", "--description", "64 cores\nand more"];
    assert_eq!(here.boxwood(&create).await.ok(), "big\n");
    let shown = here.boxwood(&["cluster", "get", "big"]).await.ok();
    let expected =
        "slug         big\nname         Big machines\ndefault      no\ndescription  64 cores\n             and more\n";
    assert_eq!(shown, expected);

    let list = here.boxwood(&["cluster", "list"]).await.ok();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(lines[0].starts_with("SLUG"), "{list}");
    assert!(list.contains("64 cores\\nand more"), "{list}");

    let json = here.boxwood(&["cluster", "list", "--json"]).await.json();
    assert_eq!(json["next_cursor"], "");
    let big = json["clusters"].as_array().unwrap().iter().find(|cluster| cluster["slug"] == "big").unwrap();
    let expected = r#"{"slug":"big","name":"Big machines","description":"64 cores\nand more","deletable":true}"#;
    assert_eq!(*big, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    let default = here.boxwood(&["cluster", "get", "--json"]).await.json();
    assert_eq!((default["name"].as_str(), default["deletable"].as_bool()), (Some("Default"), Some(false)));

    let deleted = here.boxwood(&["cluster", "delete", "big"]).await;
    assert_eq!((deleted.stdout.as_str(), deleted.stderr.as_str()), ("", "deleted cluster big\n"));
    let gone = here.boxwood(&["cluster", "get", "big"]).await;
    assert_eq!(gone.status, 3);
    assert!(gone.stderr.contains("boxwood cluster list"), "{}", gone.stderr);
}

#[tokio::test]
async fn c_6_c_11_refusals_have_statuses() {
    let here = here().await;
    here.boxwood(&["cluster", "create", "one", "--slug", "one"]).await.ok();
    let taken = here.boxwood(&["cluster", "create", "two", "--slug", "one"]).await;
    assert_eq!(taken.status, 7, "{}", taken.stderr);
    assert!(taken.stderr.contains("one"), "{}", taken.stderr);
    let malformed = here.boxwood(&["cluster", "create", "two", "--slug", "t/w/o"]).await;
    assert_eq!(malformed.status, 2, "{}", malformed.stderr);
    let default = here.boxwood(&["cluster", "get", "--json"]).await.json();
    let slug = default["slug"].as_str().unwrap().to_owned();
    assert_eq!(here.boxwood(&["cluster", "delete", &slug]).await.status, 2, "C-11");
    assert_eq!(here.boxwood(&["cluster", "delete", ""]).await.status, 2, "an empty slug must not mean the default");
}
