//! A small pipeline: fetch something, then do two things with it.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example news
//! cargo run --example news -- sports 10   # another category, more articles
//! ```
//!
//! `FetchNews` writes `news.json`; `PrintHeadlines` and `MostFrequentAuthors` both depend on it, and may run at the same time.
//! All of them log what they find. The download is in a span of its own below the span of its task. Runners that share
//! such a job have to share the working folder as well. The news come from a public service, or from the one that
//! `NEWS_API_URL` names.

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

#[derive(Task, Serialize, Deserialize)]
struct NewsWorkflow {
    category: String,
    max_articles: usize,
}

#[derive(Task, Serialize, Deserialize)]
struct FetchNews {
    category: String,
    max_articles: usize,
}

#[derive(Task)]
struct PrintHeadlines;

#[derive(Task)]
struct MostFrequentAuthors;

/// What the service answers, as far as it matters here.
#[derive(Deserialize)]
struct News {
    articles: Vec<Article>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Article {
    title: String,
    author: Option<String>,
    published_at: String,
}

impl Execute for NewsWorkflow {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let Self { category, max_articles } = self;
        let news = context.submit_subtask(FetchNews { category, max_articles });
        context.submit_subtask(PrintHeadlines).depends_on(news);
        context.submit_subtask(MostFrequentAuthors).depends_on(news);
        Ok(())
    }
}

impl Execute for FetchNews {
    async fn execute(self, _: &ExecutionContext) -> Result {
        let Self { category, max_articles } = self;
        let service =
            std::env::var("NEWS_API_URL").unwrap_or("https://saurav.tech/NewsAPI/top-headlines/category".into());
        let span = tracing::info_span!("fetch-news", category, max_articles);
        let answer = fetch(format!("{service}/{category}/us.json")).instrument(span).await?;

        let mut articles = serde_json::from_slice::<News>(&answer)?.articles;
        articles.truncate(max_articles);
        tokio::fs::write("news.json", serde_json::to_vec(&articles)?).await?;
        tracing::info!(category, article_count = articles.len(), "Fetched news articles");
        Ok(())
    }
}

impl Execute for PrintHeadlines {
    async fn execute(self, _: &ExecutionContext) -> Result {
        for article in articles().await? {
            // The day only.
            let published_at: String = article.published_at.chars().take(10).collect();
            tracing::info!(published_at, title = article.title, "News headline");
        }
        Ok(())
    }
}

impl Execute for MostFrequentAuthors {
    async fn execute(self, _: &ExecutionContext) -> Result {
        let mut authors: Vec<(String, u64)> = Vec::new();
        for author in articles().await?.into_iter().filter_map(|article| article.author) {
            match authors.iter_mut().find(|(known, _)| *known == author) {
                Some((_, count)) => *count += 1,
                None => authors.push((author, 1)),
            }
        }
        authors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (author, count) in authors {
            tracing::info!(author, count, "Author article count");
        }
        Ok(())
    }
}

/// The articles that were fetched.
async fn articles() -> Result<Vec<Article>> {
    Ok(serde_json::from_slice(&tokio::fs::read("news.json").await?)?)
}

/// What is at an address. ureq keeps its thread waiting, so it gets another one than the runner's.
async fn fetch(url: String) -> Result<Vec<u8>> {
    tokio::task::spawn_blocking(move || Ok(ureq::get(&url).call()?.body_mut().read_to_vec()?)).await?
}

#[tokio::main]
async fn main() -> Result {
    let mut arguments = std::env::args().skip(1);
    let category = arguments.next().unwrap_or("science".into());
    let max_articles = arguments.next().map_or(Ok(5), |number| number.parse())?;

    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("process-news", NewsWorkflow { category, max_articles }).await?;

    let runner = Runner::builder(&client)
        .task::<NewsWorkflow>()
        .task::<FetchNews>()
        .task::<PrintHeadlines>()
        .task::<MostFrequentAuthors>()
        .build()
        .await?;
    runner.run_all().await?;

    let job = client.jobs().find(&job).await?;
    println!("{} is {}", job.name, job.state);
    Ok(())
}
