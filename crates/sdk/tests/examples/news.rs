use boxwood::{JobState, TaskState};
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;

use crate::here::Here;
use crate::services::{AUTHORS, Services};

#[tokio::test]
async fn t_23_t_92_news_are_fetched_before_they_are_used() {
    let (here, services) = (Here::start().await, Services::start().await);
    let news = ("NEWS_API_URL", format!("{}/news", services.url));
    assert_eq!(here.run_with("news", &[], &[news]).await, ["process-news is COMPLETED"]);

    let job = here.job().await;
    assert_eq!((job.name.as_str(), job.state), ("process-news", JobState::Completed));
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 4)]);
    let tasks = here.tasks(&job).await;
    const INPUT: &str = r#"{"category":"science","max_articles":5}"#;
    assert_eq!(tasks.inputs(), [INPUT, INPUT, "", ""]);
    // One runner goes by the order of submission (R-12).
    tasks.assert_order(&["NewsWorkflow", "FetchNews", "PrintHeadlines", "MostFrequentAuthors"]);

    let articles: Vec<serde_json::Value> = serde_json::from_str(&here.file("news.json")).unwrap();
    assert_eq!(articles.len(), 5, "no more than were asked for");
    for (index, (article, author)) in articles.iter().zip(AUTHORS).enumerate() {
        assert_eq!((&article["title"], &article["author"]), (&format!("science story {index}").into(), &author.into()));
    }

    let mut logs = vec!["FetchNews: Fetched news articles category=science article_count=5".to_owned()];
    // One for each article in their order, then the authors, the most frequent first.
    logs.extend((0..5).map(|index| {
        format!("PrintHeadlines: News headline published_at=2026-03-0{} title=science story {index}", index + 1)
    }));
    logs.extend(
        [("Ada", 3), ("Grace", 1), ("Edsger", 1)]
            .map(|(author, count)| format!("MostFrequentAuthors: Author article count author={author} count={count}")),
    );
    assert_eq!(here.logs(&job, logs.len()).await, logs);
    here.stop().await;
}

#[tokio::test]
async fn o_14_the_download_is_a_span_below_that_of_its_task() {
    let (here, services) = (Here::start().await, Services::start().await);
    let news = ("NEWS_API_URL", format!("{}/news", services.url));
    here.run_with("news", &[], &[news]).await;
    // Those of the job, the four tasks, and the download.
    let spans = here.spans(&here.job().await, 6).await;
    let named =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let (fetch, task, job) = (named("fetch-news"), named("task/FetchNews"), named("job/process-news"));
    assert_eq!((&fetch.parent_span_id, &task.parent_span_id), (&task.span_id, &job.span_id));
    let value = |key: &str| {
        let attribute = fetch.attributes.iter().find(|attribute| attribute.key == key).unwrap();
        attribute.value.as_option().and_then(|value| value.value.clone())
    };
    assert_eq!(value("category"), Some(Value::StringValue("science".to_owned())));
    assert_eq!(value("max_articles"), Some(Value::IntValue(5)));
    here.stop().await;
}

#[tokio::test]
async fn v_4_its_picture_shows_what_waits_for_the_news() {
    let (here, services) = (Here::start().await, Services::start().await);
    let news = ("NEWS_API_URL", format!("{}/news", services.url));
    here.run_with("news", &["sports", "2"], &[news]).await;
    let picture = here.picture(&here.job().await).await;
    let names = ["NewsWorkflow", "FetchNews", "PrintHeadlines", "MostFrequentAuthors"];
    assert_eq!(picture.texts(), names);
    let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(picture.solid, names[1..].iter().map(|name| edge("NewsWorkflow", name)).collect::<Vec<_>>());
    assert_eq!(picture.dashed, [edge("PrintHeadlines", "FetchNews"), edge("MostFrequentAuthors", "FetchNews")]);
    here.stop().await;
}
