"""Example 9: the search halves itself until it is small enough."""

from tilebox.workflows import ExecutionContext, Task

from workflows.dogs import DownloadImage, find_images

__all__ = ["DownloadImage", "DownloadRandomDogImages"]


class DownloadRandomDogImages(Task):
    num_images: int

    def execute(self, context: ExecutionContext) -> None:
        if self.num_images > 4:
            half = self.num_images // 2
            context.submit_subtasks([DownloadRandomDogImages(half), DownloadRandomDogImages(self.num_images - half)])
        else:
            context.submit_subtasks([DownloadImage(url) for url in find_images(self.num_images)])
