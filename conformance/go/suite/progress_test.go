package suite

import (
	"context"
	"errors"
	"testing"

	"boxwood-conformance/workflows"
)

type ProgressRootTask struct{ Leaves int }

func (t *ProgressRootTask) Execute(ctx context.Context) error {
	workflows.Progress(ctx, "test").Add(uint64(t.Leaves))
	workflows.DefaultProgress(ctx).Add(uint64(t.Leaves) + 1)
	workflows.DefaultProgress(ctx).Done(1)
	for range t.Leaves {
		if _, err := workflows.SubmitSubtask(ctx, &ProgressSubTask{}); err != nil {
			return err
		}
	}
	return nil
}

type ProgressSubTask struct{}

func (t *ProgressSubTask) Execute(ctx context.Context) error {
	workflows.Progress(ctx, "test").Done(1)
	workflows.DefaultProgress(ctx).Done(1)
	return nil
}

func TestP10_ProgressOfARootAndFourLeaves(t *testing.T) {
	w := newWorld(t)
	job := w.submit("progress", &ProgressRootTask{Leaves: 4})
	w.runAll(&ProgressRootTask{}) // the leaves wait
	equal(w, "progress after the root", w.job(job.ID).Progress, []workflows.ProgressIndicator{
		{Label: "", Total: 5, Done: 1}, {Label: "test", Total: 4, Done: 0},
	})
	w.runAll(&ProgressSubTask{})
	equal(w, "progress, unnamed first (P-6)", w.job(job.ID).Progress, []workflows.ProgressIndicator{
		{Label: "", Total: 5, Done: 5}, {Label: "test", Total: 4, Done: 4},
	})
}

// FailingProgressTask reports progress with a failure, and other progress when it succeeds.
type FailingProgressTask struct{}

func (t *FailingProgressTask) Execute(ctx context.Context) error {
	note(ctx, "executed")
	if journalOf(ctx).count("executed") == 1 {
		workflows.Progress(ctx, "first try").Add(7)
		workflows.Progress(ctx, "both").Add(2)
		return errors.New("first try failed")
	}
	workflows.Progress(ctx, "both").Add(3)
	workflows.Progress(ctx, "both").Done(4) // P-7: more than the total is allowed
	return nil
}

func TestR46_P3ToP7_ProgressOfARetriedTask(t *testing.T) {
	w := newWorld(t)
	job := w.submit("failing progress", &FailingProgressTask{})
	w.runAll(&FailingProgressTask{})
	first := []workflows.ProgressIndicator{{Label: "both", Total: 2}, {Label: "first try", Total: 7}}
	equal(w, "progress of the failure (R-46)", w.job(job.ID).Progress, first)
	_, err := w.client.Jobs.Retry(w.ctx, job.ID)
	w.must(err)
	equal(w, "progress after the retry (P-5)", w.job(job.ID).Progress, first)
	w.runAll(&FailingProgressTask{})
	equal(w, "progress of the last execution alone (P-3, P-4)", w.job(job.ID).Progress,
		[]workflows.ProgressIndicator{{Label: "both", Total: 3, Done: 4}})
}

// DisplayTask changes its display and then ends well or badly.
type DisplayTask struct{ Fail bool }

func (t *DisplayTask) Execute(ctx context.Context) error {
	if err := workflows.SetTaskDisplay(ctx, "two\nlines"); err != nil {
		return err
	}
	if t.Fail {
		return errors.New("boom")
	}
	return nil
}

func TestT41_T44_T45_Display(t *testing.T) {
	w := newWorld(t)
	good := w.submit("good", &DisplayTask{})
	bad := w.submit("bad", &DisplayTask{Fail: true})
	w.runAll(&DisplayTask{})
	equal(w, "display (T-41, T-44)", w.job(good.ID).TaskSummaries[0].Display, "two\nlines")
	equal(w, "display of the failure (T-45)", w.job(bad.ID).TaskSummaries[0].Display, "two\nlines\nfailed to execute task: boom")
}
