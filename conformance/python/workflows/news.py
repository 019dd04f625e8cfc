"""Example 12: one task fetches, two that may overlap use what it fetched."""

import json
import os
import urllib.request
from collections import Counter
from pathlib import Path

from tilebox.workflows import ExecutionContext, Task

ARTICLES = Path("news.json")


class NewsWorkflow(Task):
    category: str
    max_articles: int

    def execute(self, context: ExecutionContext) -> None:
        fetched = context.submit_subtask(FetchNews(self.category, self.max_articles))
        context.submit_subtask(PrintHeadlines(), depends_on=[fetched])
        context.submit_subtask(MostFrequentAuthors(), depends_on=[fetched])


class FetchNews(Task):
    category: str
    max_articles: int

    def execute(self, context: ExecutionContext) -> None:
        with context.tracer.span("fetch-news") as span:
            span.set_attribute("category", self.category)
            span.set_attribute("max_articles", self.max_articles)
            with urllib.request.urlopen(f"{os.environ['NEWS_API_URL']}/{self.category}") as answer:
                articles = json.load(answer)["articles"][: self.max_articles]
        ARTICLES.write_text(json.dumps(articles))
        context.logger.info("Fetched news articles", category=self.category, article_count=len(articles))


class PrintHeadlines(Task):
    def execute(self, context: ExecutionContext) -> None:
        for article in json.loads(ARTICLES.read_text()):
            context.logger.info("News headline", published_at=article["publishedAt"][:10], title=article["title"])


class MostFrequentAuthors(Task):
    def execute(self, context: ExecutionContext) -> None:
        authors = Counter(article["author"] for article in json.loads(ARTICLES.read_text()))
        for author, count in authors.most_common():
            context.logger.info("Author article count", author=author, count=count)
