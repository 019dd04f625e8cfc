package suite

import (
	"context"
	"fmt"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/internal/pb/workflowsv1/workflowsv1connect"
	"boxwood-conformance/workflows"
)

// What older Go programs still send and ask for.

// ProtobufTask is a task that is a protobuf message; any small message will do.
type ProtobufTask struct{ workflowsv1.Progress }

func (t *ProtobufTask) Execute(ctx context.Context) error {
	note(ctx, "%s %d of %d", t.GetLabel(), t.GetDone(), t.GetTotal())
	return nil
}

func TestT29_ProtobufTask(t *testing.T) {
	w := newWorld(t)
	task := &ProtobufTask{}
	task.Label, task.Total, task.Done = "tiles", 7, 3
	job := w.submit("protobuf", task)
	w.runAll(&ProtobufTask{})
	equal(w, "executed", w.journal.all(), []string{"tiles 3 of 7"})
	want, err := proto.Marshal(&workflowsv1.Progress{Label: "tiles", Total: 7, Done: 3})
	w.must(err)
	equal(w, "input: the message's own encoding", w.inputs(), []string{string(want)})
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
}

// single is one entry of the flat lists that came before groups.
func (w *world) single(input string, dependencies ...int64) *workflowsv1.SingleTaskSubmission {
	return &workflowsv1.SingleTaskSubmission{
		ClusterSlug: w.cluster, Identifier: identifier(leaf, "v0.0"), Input: []byte(input), Display: leaf, Dependencies: dependencies,
	}
}

func TestT83_FlatSubmissions(t *testing.T) {
	w := newWorld(t)
	submitted, err := w.raw().jobs.SubmitJob(w.ctx, connect.NewRequest(&workflowsv1.SubmitJobRequest{
		JobName: "flat", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		LegacyTasks: []*workflowsv1.SingleTaskSubmission{w.single("root 0"), w.single("root 1", 0)},
	}))
	w.must(err)
	ask := w.ask(identifier(leaf, "v0.0"))
	root := w.expectTask(nil, ask)
	equal(w, "first", string(root.GetInput()), "root 0")
	w.expectIdle(nil, ask) // the other root depends on it

	report := computed(root)
	report.LegacySubTasks = []*workflowsv1.SingleTaskSubmission{w.single("child 0"), w.single("child 1", 0)}
	order := []string{}
	for task := w.expectTask(report, ask); task != nil; {
		order = append(order, string(task.GetInput()))
		task = w.nextTask(computed(task), ask).GetNextTask()
	}
	equal(w, "then", order, []string{"child 0", "child 1", "root 1"})
	w.expectJob(read(w, submitted.Msg.GetId()), workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 4})

	_, err = w.raw().jobs.SubmitJob(w.ctx, connect.NewRequest(&workflowsv1.SubmitJobRequest{
		JobName: "flat", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		LegacyTasks: []*workflowsv1.SingleTaskSubmission{w.single("x", 1)},
	}))
	expectCode(w, "a dependency out of range", err, connect.CodeInvalidArgument)
}

func TestNU_GetJobProgress(t *testing.T) {
	w := newWorld(t)
	job := w.submit("progress", &ProgressRootTask{Leaves: 2})
	w.runAll(&ProgressRootTask{}, &ProgressSubTask{})
	answer, err := w.raw().jobs.GetJobProgress(w.ctx, connect.NewRequest(&workflowsv1.GetJobProgressRequest{JobId: wire(job.ID)}))
	w.must(err)
	equal(w, "id", read(w, answer.Msg.GetId()), job.ID)
	equal(w, "state", answer.Msg.GetState(), workflowsv1.JobState_JOB_STATE_COMPLETED)
	equal(w, "indicators", len(answer.Msg.GetProgress()), 2)
	equal(w, "done", answer.Msg.GetProgress()[1].GetDone(), 2)
	equal(w, "summaries in field 9", len(answer.Msg.GetTaskSummaries()), 0)
	_, err = w.raw().jobs.GetJobProgress(w.ctx, connect.NewRequest(&workflowsv1.GetJobProgressRequest{JobId: wire(newID())}))
	expectCode(w, "an unknown job", err, connect.CodeNotFound)
}

// Clients up to 0.52 asked this service when they made a runner.
func TestNU_OldStorageLocationService(t *testing.T) {
	w := newWorld(t)
	client := workflowsv1connect.NewAutomationServiceClient(workflows.RetryingHTTPClient(nil), w.address)
	answer, err := client.ListStorageLocations(w.ctx, connect.NewRequest(&emptypb.Empty{}))
	w.must(err)
	equal(w, "locations", len(answer.Msg.GetLocations()), 0)
}

// CountedTask counts its executions.
type CountedTask struct{ Number int }

func (t *CountedTask) Execute(ctx context.Context) error { note(ctx, "%d", t.Number); return nil }

type CountedRoot struct{ Count int }

func (t *CountedRoot) Execute(ctx context.Context) error {
	children := make([]*CountedTask, 0, t.Count)
	for number := range t.Count {
		children = append(children, &CountedTask{Number: number})
	}
	all, err := workflows.SubmitSubtasks(ctx, children)
	if err != nil {
		return err
	}
	_, err = workflows.SubmitSubtask(ctx, &MyTask{}, workflows.WithDependencies(all...))
	return err
}

// with eight runners at once, every task runs exactly once, and the reducer runs last.
func TestR9_T150_EveryTaskOnceOnEightRunners(t *testing.T) {
	w := newWorld(t)
	const count = 400
	for range 8 {
		w.keepRunning(&CountedRoot{}, &CountedTask{}, &MyTask{})
	}
	job := w.submit("counted", &CountedRoot{Count: count})
	w.awaitJob(job.ID, workflows.JobCompleted)
	lines := w.journal.all()
	equal(w, "executions", len(lines), count+1)
	equal(w, "last", lines[count], "MyTask")
	for number := range count {
		if times := w.journal.count(fmt.Sprint(number)); times != 1 {
			w.Errorf("task %d ran %d times", number, times)
		}
	}
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: count + 2})
}
