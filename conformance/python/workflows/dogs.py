"""Examples 4 and 5: one task that finds images, and one for each image that fetches it."""

import json
import os
import urllib.request
from pathlib import Path

from tilebox.workflows import ExecutionContext, Task


def find_images(count: int) -> list[str]:
    """Addresses of `count` images of the image service."""
    with urllib.request.urlopen(f"{os.environ['DOG_API_URL']}/search?limit={count}") as answer:
        return [image["url"] for image in json.load(answer)]


class DownloadRandomDogImages(Task):
    num_images: int

    def execute(self, context: ExecutionContext) -> None:
        for url in find_images(self.num_images):
            context.submit_subtask(DownloadImage(url))


class DownloadImage(Task):
    url: str

    def execute(self, context: ExecutionContext) -> None:
        with urllib.request.urlopen(self.url) as answer:
            Path("dogs", self.url.rsplit("/", 1)[-1]).write_bytes(answer.read())
