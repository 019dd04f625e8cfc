"""Every page, by a name that its pictures have too."""

PAGES = {
    "jobs": "/workflows/jobs",
    "tasks": "/workflows/jobs/{mosaic}",
    "task": "/workflows/jobs/{mosaic}?task={task}",
    "logs-of-a-job": "/workflows/jobs/{mosaic}?view=logs",
    "execution": "/workflows/jobs/{mosaic}?view=execution",
    "by-runner": "/workflows/jobs/{mosaic}?view=execution&by=runner",
    "diagram": "/workflows/jobs/{mosaic}?view=diagram",
    "failed": "/workflows/jobs/{failed}",
    "new": "/workflows/jobs/new",
    "clone": "/workflows/jobs/{mosaic}/clone",
    "clusters": "/workflows/clusters",
    "logs": "/workflows/logs",
    "traces": "/workflows/traces",
    "nowhere": "/workflows/nowhere",
}
