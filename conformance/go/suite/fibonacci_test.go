package suite

import (
	"context"
	"fmt"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

// FibonacciTask is the recorded workflow: without a cached result it submits the two numbers
// before its own and a sum that waits for both.
type FibonacciTask struct{ N int }

func (t *FibonacciTask) Identifier() workflows.Identifier {
	return workflows.Identifier{Name: "tilebox.com/fibonacci/FibonacciTask", Version: "v1.0"}
}

func (t *FibonacciTask) Execute(ctx context.Context) error {
	results := setting[map[int]int](ctx, "results")
	if t.N <= 2 {
		results[t.N] = 1
		return nil
	}
	if _, cached := results[t.N]; cached {
		return nil
	}
	parts, err := workflows.SubmitSubtasks(ctx, []*FibonacciTask{{N: t.N - 1}, {N: t.N - 2}})
	if err != nil {
		return err
	}
	_, err = workflows.SubmitSubtask(ctx, &SumResultTask{N: t.N}, workflows.WithDependencies(parts...))
	return err
}

type SumResultTask struct{ N int }

func (t *SumResultTask) Identifier() workflows.Identifier {
	return workflows.Identifier{Name: "tilebox.com/fibonacci/SumResultTask", Version: "v1.0"}
}

func (t *SumResultTask) Execute(ctx context.Context) error {
	results := setting[map[int]int](ctx, "results")
	results[t.N] = results[t.N-1] + results[t.N-2]
	return nil
}

// The calls are those of the recordings; the order of siblings is that of submission.
func TestRecordedFibonacciWorkflow(t *testing.T) {
	w := newServer(t)
	results := map[int]int{}
	w.journal.set("results", results)

	runner, err := w.client.NewRunner(w.ctx, "")
	w.must(err)
	w.must(runner.RegisterTasks(&FibonacciTask{}, &SumResultTask{}))
	job, err := w.client.Jobs.Submit(w.ctx, "fibonacci", []workflows.Task{&FibonacciTask{N: 7}})
	w.must(err)
	runner.RunAll(w.ctx)
	equal(w, "result", results[7], 13)

	calls := w.calls.all()
	if len(calls) != 20 {
		w.Fatalf("%d calls, the recording has 20", len(calls))
	}
	cluster := calls[0].response.(*workflowsv1.Cluster)
	equal(w, "display name of the default cluster (C-2)", cluster.GetDisplayName(), "Default")
	equal(w, "deletable", cluster.GetDeletable(), false)
	if len(cluster.GetSlug()) != len("default-")+14 || cluster.GetSlug()[:8] != "default-" {
		w.Errorf("the slug of the default cluster is %q, want default- and 14 characters (C-2, C-5)", cluster.GetSlug())
	}
	checkSubmitted(w, calls[1].response.(*workflowsv1.Job))

	order := []string{
		"Fib(7)", "Fib(6)", "Fib(5)", "Fib(4)", "Fib(3)", "Fib(2)", "Fib(1)", "Sum(3)",
		"Fib(2)", "Sum(4)", "Fib(3)", "Sum(5)", "Fib(4)", "Sum(6)", "Fib(5)", "Sum(7)",
	}
	handed := w.calls.handedOut()
	got := make([]string, 0, len(handed))
	for _, task := range handed {
		got = append(got, fibonacciName(w, task))
		checkHandedOut(w, task, job)
	}
	equal(w, "order of execution", got, order)
	for i, entry := range calls[18:] {
		response := entry.response.(*workflowsv1.NextTaskResponse)
		if response.GetIdling().GetSuggestedIdlingDuration() == nil || response.GetNextTask() != nil {
			w.Errorf("call %d should be answered with idling, got %v", 18+i, response)
		}
	}
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 16})
}

func fibonacciName(w *world, task *workflowsv1.Task) string {
	w.Helper()
	number := 0
	if _, err := fmt.Sscanf(string(task.GetInput()), `{"N":%d}`, &number); err != nil {
		w.Fatalf("input %q: %v", task.GetInput(), err)
	}
	equal(w, "display", task.GetDisplay(), task.GetIdentifier().GetName())
	equal(w, "version", task.GetIdentifier().GetVersion(), "v1.0")
	if task.GetIdentifier().GetName() == "tilebox.com/fibonacci/FibonacciTask" {
		return fmt.Sprintf("Fib(%d)", number)
	}
	return fmt.Sprintf("Sum(%d)", number)
}

// checkSubmitted compares the answer to a submission with the recorded one.
func checkSubmitted(w *world, job *workflowsv1.Job) {
	w.Helper()
	equal(w, "name", job.GetName(), "fibonacci")
	equal(w, "state", job.GetState(), workflowsv1.JobState_JOB_STATE_SUBMITTED)
	equal(w, "legacy state", job.GetLegacyState(), workflowsv1.LegacyJobState_LEGACY_JOB_STATE_QUEUED)
	stats := proto.Clone(job.GetExecutionStats()).(*workflowsv1.ExecutionStats)
	want := &workflowsv1.ExecutionStats{TotalTasks: 1, TasksByState: []*workflowsv1.TaskStateCount{
		{State: workflowsv1.TaskState_TASK_STATE_QUEUED, Count: 1},
	}}
	// Durations of zero may be present or not; clients read both alike.
	stats.ComputeTime, stats.ElapsedTime = nil, nil
	if !proto.Equal(stats, want) {
		w.Errorf("statistics are %v, want %v", stats, want)
	}
}

// checkHandedOut compares a handed-out task with the recorded ones.
func checkHandedOut(w *world, task *workflowsv1.Task, job *workflows.Job) {
	w.Helper()
	equal(w, "state", task.GetState(), workflowsv1.TaskState_TASK_STATE_RUNNING)
	lease := task.GetLease().GetLease().AsDuration().Seconds()
	wait := task.GetLease().GetRecommendedWaitUntilNextExtension().AsDuration().Seconds()
	between(w, "lease in seconds (R-30)", lease, 14, 15)
	if difference := lease - wait; math.Abs(difference-5) > 0.1 {
		w.Errorf("the recommended wait is %vs before the end of the lease, want 5s (R-30)", difference)
	}
	equal(w, "job", read(w, task.GetJob().GetId()), job.ID)
	equal(w, "trace parent", task.GetJob().GetTraceParent(), job.TraceParent)
}
