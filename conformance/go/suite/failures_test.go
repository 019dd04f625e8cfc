package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

// Retries, failures, panics and optional tasks.

// FlakyRoot submits a FlakyTask with retries.
type FlakyRoot struct {
	Failures   int
	MaxRetries int64
	Optional   bool
}

func (t *FlakyRoot) Execute(ctx context.Context) error {
	options := []workflows.SubtaskOption{workflows.WithMaxRetries(t.MaxRetries)}
	if t.Optional {
		options = append(options, workflows.WithOptional())
	}
	_, err := workflows.SubmitSubtask(ctx, &FlakyTask{Failures: t.Failures}, options...)
	return err
}

// FlakyTask fails a number of times and then succeeds.
type FlakyTask struct{ Failures int }

func (t *FlakyTask) Execute(ctx context.Context) error {
	note(ctx, "Executing flaky task")
	if executions := journalOf(ctx).count("Executing flaky task"); executions <= t.Failures {
		return fmt.Errorf("failure %d", executions)
	}
	return nil
}

func TestExample10_T110_FlakyTaskWithFiveRetries(t *testing.T) {
	for failures := range 7 {
		t.Run(fmt.Sprintf("%d failures", failures), func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("flaky", &FlakyRoot{Failures: failures, MaxRetries: 5})
			w.runAll(&FlakyRoot{}, &FlakyTask{}) // the retries happen within the same run (T-113)

			handed := w.calls.handedOut()[1:]
			for retry, task := range handed {
				equal(w, "retry count (S-30)", task.GetRetryCount(), int64(retry))
			}
			if failures <= 5 {
				equal(w, "executions", w.journal.count("Executing flaky task"), failures+1)
				w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 2})
				return
			}
			equal(w, "executions", w.journal.count("Executing flaky task"), 6)
			stored := w.expectJob(job.ID, workflows.JobFailed,
				map[workflows.TaskState]uint64{workflows.TaskComputed: 1, workflows.TaskFailed: 1})
			lines := strings.Split(stored.TaskSummaries[1].Display, "\n")
			equal(w, "display, first line (T-45)", lines[0], "FlakyTask")
			equal(w, "display, last error", lines[len(lines)-1], "failed to execute task: failure 6")
		})
	}
}

func TestT111_RootTaskWithRetries(t *testing.T) {
	w := newWorld(t)
	job, err := w.client.Jobs.Submit(w.ctx, "flaky root", []workflows.Task{&FlakyTask{Failures: 2}},
		workflows.OnCluster(w.cluster), workflows.RetryingRootTasks(2))
	w.must(err)
	w.runAll(&FlakyTask{})
	equal(w, "executions", w.journal.count("Executing flaky task"), 3)
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
}

// A retried task may run on another runner than the one it failed on: the first one always fails it here.
func TestT112_RetryOnAnotherRunner(t *testing.T) {
	w := newWorld(t)
	job, err := w.client.Jobs.Submit(w.ctx, "flaky root", []workflows.Task{&FlakyTask{}},
		workflows.OnCluster(w.cluster), workflows.RetryingRootTasks(1))
	w.must(err)
	failing := w.expectTask(nil, w.ask(identifier("FlakyTask", "v0.0")))
	answer := w.taskFailed(&workflowsv1.TaskFailedRequest{TaskId: failing.GetId(), Display: "FlakyTask\nbroken here", WasWorkflowError: true})
	equal(w, "state after the failure (T-113)", answer.GetState(), workflowsv1.TaskState_TASK_STATE_QUEUED)
	w.runAll(&FlakyTask{})
	handed := w.calls.handedOut()[0]
	equal(w, "retry count", handed.GetRetryCount(), 1)
	equal(w, "display, kept over the retry", handed.GetDisplay(), "FlakyTask\nbroken here")
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
}

// PanickingTask panics after it has collected something to report.
type PanickingTask struct{}

func (t *PanickingTask) Execute(ctx context.Context) error {
	if _, err := workflows.SubmitSubtask(ctx, &MyTask{}); err != nil {
		return err
	}
	panic("out of cheese")
}

func TestR62_PanicIsReportedAsAFailure(t *testing.T) {
	w := newWorld(t)
	job := w.submit("panic", &PanickingTask{})
	next := w.submit("next", &MyTask{})
	w.runAll(&PanickingTask{}, &MyTask{})
	stored := w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{workflows.TaskFailed: 1})
	equal(w, "display", stored.TaskSummaries[0].Display, "PanickingTask\ntask panicked: out of cheese")
	w.expectJob(next.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
	w.expectFailureReports(1)
}

// Bad input is a workflow error too.
func TestR62_UndecodableInputIsAWorkflowError(t *testing.T) {
	w := newWorld(t)
	job := w.submit("bad input", &namedTask{Name: "ChildTask", input: `{"Index":"not a number"}`})
	w.runAll(&ChildTask{})
	stored := w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{workflows.TaskFailed: 1})
	if !strings.Contains(stored.TaskSummaries[0].Display, "failed to unmarshal json task") {
		w.Errorf("display is %q", stored.TaskSummaries[0].Display)
	}
	w.expectFailureReports(1)
}

// expectFailureReports checks how many failures the first client reported, all as the task's own fault.
func (w *world) expectFailureReports(count int) {
	w.Helper()
	reports := 0
	for _, entry := range w.calls.all() {
		if request, ok := entry.request.(*workflowsv1.TaskFailedRequest); ok {
			reports++
			equal(w, "workflow error", request.GetWasWorkflowError(), true)
		}
	}
	equal(w, "failure reports", reports, count)
}

// namedTask is submitted under any name, with any input.
type namedTask struct {
	Name    string
	Version string
	input   string
}

func (t *namedTask) Identifier() workflows.Identifier {
	version := t.Version
	if version == "" {
		version = "v0.0"
	}
	return workflows.Identifier{Name: t.Name, Version: version}
}

func (t *namedTask) MarshalJSON() ([]byte, error) { return []byte(t.input), nil }

// LoudTask fails with a text longer than a display may be.
type LoudTask struct{}

func (t *LoudTask) Execute(context.Context) error { return errors.New(strings.Repeat("e", 3000)) }

func TestT43_LongDisplayIsCutNotRefused(t *testing.T) {
	w := newWorld(t)
	job := w.submit("loud", &LoudTask{})
	w.runAll(&LoudTask{})
	stored := w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{workflows.TaskFailed: 1})
	equal(w, "length of the display", len([]rune(stored.TaskSummaries[0].Display)), 1024)
}

// By default one failure ends the job: its other queued tasks stay queued.
func TestS22_S23_FailureHaltsTheJob(t *testing.T) {
	w := newWorld(t)
	job := w.submit("halting", &OutcomeRoot{Children: []Outcome{{Name: "a"}, {Name: "b", Fail: true}, {Name: "c"}, {Name: "d"}}})
	w.runAll(outcomeTasks()...)
	equal(w, "executed", w.journal.all(), []string{"root", "a", "b"})
	w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 2, workflows.TaskFailed: 1, workflows.TaskQueued: 2,
	})
	w.runAll(outcomeTasks()...) // and no other runner gets them either
	equal(w, "executed", len(w.journal.all()), 3)
}

// A failed task's submissions never existed.
func TestT71_ChildrenOfAFailedTaskDoNotExist(t *testing.T) {
	w := newWorld(t)
	job := w.submit("fails late", &OutcomeRoot{Children: []Outcome{{Name: "never"}}, FailLate: true})
	w.runAll(outcomeTasks()...)
	w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{workflows.TaskFailed: 1})
}

// Outcome describes a task of the optional examples: what it is called, what it submits, how it ends.
type Outcome struct {
	Name       string
	Fail       bool      `json:",omitempty"`
	Optional   bool      `json:",omitempty"`
	MaxRetries int64     `json:",omitempty"`
	After      []int     `json:",omitempty"` // positions of siblings
	Children   []Outcome `json:",omitempty"`
}

func (t *Outcome) Execute(ctx context.Context) error {
	note(ctx, "%s", t.Name)
	if err := workflows.SetTaskDisplay(ctx, t.Name); err != nil {
		return err
	}
	if t.Fail {
		return errors.New(t.Name + " failed")
	}
	return submitOutcomes(ctx, t.Children)
}

func submitOutcomes(ctx context.Context, children []Outcome) error {
	futures := make([]workflows.Future, 0, len(children))
	for _, child := range children {
		options := []workflows.SubtaskOption{workflows.WithMaxRetries(child.MaxRetries)}
		for _, position := range child.After {
			options = append(options, workflows.WithDependencies(futures[position]))
		}
		if child.Optional {
			options = append(options, workflows.WithOptional())
		}
		child.Optional, child.After, child.MaxRetries = false, nil, 0
		future, err := workflows.SubmitSubtask(ctx, &child, options...)
		if err != nil {
			return err
		}
		futures = append(futures, future)
	}
	return nil
}

// OutcomeRoot submits outcomes.
type OutcomeRoot struct {
	Children []Outcome
	FailLate bool
}

func (t *OutcomeRoot) Execute(ctx context.Context) error {
	note(ctx, "root")
	err := submitOutcomes(ctx, t.Children)
	if t.FailLate {
		return errors.New("failed after submitting")
	}
	return err
}

func outcomeTasks() []workflows.ExecutableTask {
	return []workflows.ExecutableTask{&OutcomeRoot{}, &Outcome{}}
}

func TestExample13_OptionalSubtask(t *testing.T) {
	const computed, failed, optional, queued = workflows.TaskComputed, workflows.TaskFailed, workflows.TaskFailedOptional, workflows.TaskQueued
	final := Outcome{Name: "FinalTask", After: []int{0, 1}}
	for name, example := range map[string]struct {
		required, flaky Outcome
		log             []string
		job             workflows.JobState
		counts          map[workflows.TaskState]uint64
	}{
		"nothing fails": {
			Outcome{Name: "RequiredTask"}, Outcome{Name: "FlakyTask", Optional: true},
			[]string{"root", "RequiredTask", "FlakyTask", "FinalTask"},
			workflows.JobCompleted, map[workflows.TaskState]uint64{computed: 4},
		},
		"the optional task fails (T-123)": {
			Outcome{Name: "RequiredTask"}, Outcome{Name: "FlakyTask", Optional: true, Fail: true},
			[]string{"root", "RequiredTask", "FlakyTask", "FinalTask"},
			workflows.JobCompleted, map[workflows.TaskState]uint64{computed: 3, optional: 1},
		},
		"the optional task fails with retries (T-122)": {
			Outcome{Name: "RequiredTask"}, Outcome{Name: "FlakyTask", Optional: true, Fail: true, MaxRetries: 3},
			[]string{"root", "RequiredTask", "FlakyTask", "FlakyTask", "FlakyTask", "FlakyTask", "FinalTask"},
			workflows.JobCompleted, map[workflows.TaskState]uint64{computed: 3, optional: 1},
		},
		"the required task fails": {
			Outcome{Name: "RequiredTask", Fail: true}, Outcome{Name: "FlakyTask", Optional: true},
			[]string{"root", "RequiredTask"},
			workflows.JobFailed, map[workflows.TaskState]uint64{computed: 1, failed: 1, queued: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("optional", &OutcomeRoot{Children: []Outcome{example.required, example.flaky, final}})
			w.runAll(outcomeTasks()...)
			equal(w, "executed", w.journal.all(), example.log)
			w.expectJob(job.ID, example.job, example.counts)
		})
	}
}

// pipeline is the nested example. Step1B fails.
func pipeline(stepOptional, alwaysWaits bool) *OutcomeRoot {
	always := Outcome{Name: "AlwaysRuns"}
	if alwaysWaits {
		always.After = []int{0}
	}
	return &OutcomeRoot{Children: []Outcome{
		{Name: "OptionalProcessing", Optional: true, Children: []Outcome{
			{Name: "Step1", Children: []Outcome{
				{Name: "Step1A"}, {Name: "Step1B", Fail: true, Optional: stepOptional}, {Name: "Step1C"},
			}},
			{Name: "Step2", After: []int{0}},
		}},
		always,
	}}
}

func TestExample14_T137_NestedOptional(t *testing.T) {
	w := newWorld(t)
	job := w.submit("nested", pipeline(false, false))
	w.runAll(outcomeTasks()...)
	equal(w, "executed", w.journal.all(), []string{"root", "OptionalProcessing", "Step1", "Step1A", "Step1B", "AlwaysRuns"})
	stored := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 5, workflows.TaskFailedOptional: 1, workflows.TaskSkipped: 2,
	})
	states := w.statesOf(stored) // tasks that never ran keep the display of their submission
	for name, want := range map[string]workflows.TaskState{
		"OutcomeRoot": workflows.TaskComputed, "OptionalProcessing": workflows.TaskComputed, "Step1": workflows.TaskComputed,
		"Step1A": workflows.TaskComputed, "AlwaysRuns": workflows.TaskComputed,
		"Step1B": workflows.TaskFailedOptional, "Outcome": workflows.TaskSkipped,
	} {
		equal(w, name, states[name], want)
	}
}

// The branch is finished first although Step1B's failure comes in between: the request after it reports nothing
// and is answered as if the failed task had just been computed.
func TestExample14_T138_R13_InnerOptional(t *testing.T) {
	w := newWorld(t)
	job := w.submit("nested", pipeline(true, false))
	w.runAll(outcomeTasks()...)
	equal(w, "executed", w.journal.all(), []string{
		"root", "OptionalProcessing", "Step1", "Step1A", "Step1B", "Step1C", "Step2", "AlwaysRuns",
	})
	stored := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 7, workflows.TaskFailedOptional: 1,
	})
	equal(w, "Step1B", w.statesOf(stored)["Step1B"], workflows.TaskFailedOptional)
}

func TestExample14_T135_DependentOfTheBranchRunsAfterIt(t *testing.T) {
	for _, stepOptional := range []bool{false, true} {
		t.Run(fmt.Sprintf("inner optional %v", stepOptional), func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("nested", pipeline(stepOptional, true))
			for range 2 {
				w.keepRunning(outcomeTasks()...)
			}
			w.awaitJob(job.ID, workflows.JobCompleted)
			lines := w.journal.all()
			equal(w, "last", lines[len(lines)-1], "AlwaysRuns")
			if stepOptional != slices.Contains(lines, "Step2") {
				w.Errorf("Step2 runs only when its branch survives: %q", lines)
			}
		})
	}
}

// The replay test of the other SDK: an optional parent with a failing child and a child depending on it.
func TestT139_OptionalBranchNextToAnIndependentTask(t *testing.T) {
	w := newWorld(t)
	job := w.submit("branch", &OutcomeRoot{Children: []Outcome{
		{Name: "OptionalSubtasks", Optional: true, Children: []Outcome{{Name: "Failing", Fail: true}, {Name: "Dependent", After: []int{0}}}},
		{Name: "Independent"},
	}})
	w.runAll(outcomeTasks()...)
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 3, workflows.TaskFailedOptional: 1, workflows.TaskSkipped: 1,
	})
}

// Cleanup at the end: it runs whichever of the optional workers fail.
func TestExampleCleanup_RunsWhicheverWorkersFail(t *testing.T) {
	w := newWorld(t)
	children := []Outcome{}
	for i := range 5 {
		children = append(children, Outcome{Name: fmt.Sprint("worker ", i), Optional: true, Fail: i%2 == 0})
	}
	children = append(children, Outcome{Name: "cleanup", After: []int{0, 1, 2, 3, 4}})
	job := w.submit("cleanup", &OutcomeRoot{Children: children})
	w.runAll(outcomeTasks()...)
	lines := w.journal.all()
	equal(w, "last", lines[len(lines)-1], "cleanup")
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 4, workflows.TaskFailedOptional: 3,
	})
}
