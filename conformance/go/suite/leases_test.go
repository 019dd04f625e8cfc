package suite

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

// Two tests here take as long as a lease; they run beside the others.

func (w *world) extend(task *workflowsv1.Task, lease time.Duration) *workflowsv1.TaskLease {
	w.Helper()
	response, err := w.raw().tasks.ExtendTaskLease(w.ctx, connect.NewRequest(&workflowsv1.TaskLeaseRequest{
		TaskId: task.GetId(), RequestedLease: durationpb.New(lease),
	}))
	w.must(err)
	return response.Msg
}

func (w *world) taskFailed(request *workflowsv1.TaskFailedRequest) *workflowsv1.TaskStateResponse {
	w.Helper()
	response, err := w.raw().tasks.TaskFailed(w.ctx, connect.NewRequest(request))
	w.must(err)
	return response.Msg
}

// The chain of requests that doubling makes, without the waiting in between.
func TestR31_LeaseIsGrantedAsAskedWithinBounds(t *testing.T) {
	w := newWorld(t)
	_, task, _ := w.rootTask()
	lease := task.GetLease().GetLease().AsDuration()
	between(w, "first lease in seconds (R-30)", lease.Seconds(), 14, 15)
	for range 4 {
		asked := 2 * lease
		granted := w.extend(task, asked)
		lease = granted.GetLease().AsDuration()
		// The server may take its own processing time off, and may grant whole seconds only.
		want := min(asked, time.Minute).Seconds()
		between(w, "granted lease in seconds", lease.Seconds(), want-1, want)
		wait := granted.GetRecommendedWaitUntilNextExtension().AsDuration()
		left := (lease - wait).Seconds()
		between(w, "seconds left at the next extension", left, max(5, lease.Seconds()/3)-1, max(5, lease.Seconds()/3)+1)
	}
	short := w.extend(task, time.Second).GetLease().AsDuration()
	between(w, "lease granted for a request of one second", short.Seconds(), 14, 15)
}

// a refusal is an empty answer, never an error.
func TestR33_RefusedExtensionIsAnEmptyLease(t *testing.T) {
	w := newWorld(t)
	_, task, _ := w.rootTask()
	w.nextTask(computed(task), nil)
	finished := w.extend(task, 30*time.Second)
	if finished.GetLease() != nil || finished.GetRecommendedWaitUntilNextExtension() != nil {
		w.Errorf("a finished task got a lease: %v", finished)
	}
	unknown := w.extend(&workflowsv1.Task{Id: wire(newID())}, 30*time.Second)
	if unknown.GetLease() != nil {
		w.Errorf("an unknown task got a lease: %v", unknown)
	}
}

// SlowTask runs until its lease was extended twice, or once.
type SlowTask struct{}

func (t *SlowTask) Execute(ctx context.Context) error {
	note(ctx, "started")
	select {
	case <-setting[chan struct{}](ctx, "finish"):
		return nil
	case <-time.After(2 * patience):
		return context.DeadlineExceeded
	}
}

// The runner's goroutine renews after exactly the recommended wait, asking for exactly twice the lease.
func TestR30_R34_RunnerRenewsTheLease(t *testing.T) {
	w := newWorld(t)
	finish := make(chan struct{})
	w.journal.set("finish", finish)
	job := w.submit("slow", &SlowTask{})
	calls := w.keepRunning(&SlowTask{})
	w.journal.await(t, "started")
	started := time.Now()

	renewed := w.awaitRenewal(calls)
	elapsed := time.Since(started).Seconds()
	between(w, "seconds until the first renewal", elapsed, 8.5, 12)
	first := calls.handedOut()[0].GetLease().GetLease().AsDuration()
	request := renewed.request.(*workflowsv1.TaskLeaseRequest)
	equal(w, "requested lease", request.GetRequestedLease().AsDuration(), 2*first)
	granted := renewed.response.(*workflowsv1.TaskLease)
	between(w, "granted seconds", granted.GetLease().AsDuration().Seconds(), 2*first.Seconds()-1, 2*first.Seconds())
	w.expectIdle(nil, w.ask(identifier("SlowTask", "v0.0"))) // nobody else gets it meanwhile
	close(finish)
	w.awaitJob(job.ID, workflows.JobCompleted)
}

// awaitRenewal waits for the first answered lease extension of a client.
func (w *world) awaitRenewal(calls *callLog) oneCall {
	w.Helper()
	timeout := time.After(patience)
	for {
		reported := w.reports.next()
		for _, entry := range calls.all() {
			if _, ok := entry.request.(*workflowsv1.TaskLeaseRequest); ok {
				w.must(entry.err)
				return entry
			}
		}
		select {
		case <-reported:
		case <-timeout:
			w.Fatalf("the lease was not renewed within %s", patience)
		}
	}
}

// A runner that vanished loses its task to another; its late report is still taken if it comes
// first, and the other's is then ignored.
func TestR35_S40_R42_ExpiredLease(t *testing.T) {
	w := newWorld(t)
	job, lost, ask := w.rootTask()
	taken := time.Now()
	var again *workflowsv1.Task
	for again == nil {
		if time.Since(taken) > 25*time.Second {
			w.Fatal("the task was not handed out again within a lease and the grace of 5s (R-35, S-41)")
		}
		response := w.nextTask(nil, ask)
		again = response.GetNextTask()
		if again == nil { // wait as a runner does
			select {
			case <-time.After(min(response.GetIdling().GetSuggestedIdlingDuration().AsDuration(), time.Second)):
			case <-w.ctx.Done():
			}
		}
	}
	between(w, "seconds until the task was handed out again", time.Since(taken).Seconds(), 14.5, 21)
	equal(w, "task", read(w, again.GetId()), read(w, lost.GetId()))
	equal(w, "retry count (S-30)", again.GetRetryCount(), 1)

	late := computed(lost)
	late.SubTasks = w.tasks(group("from the late runner"))
	child := w.expectTask(late, ask)
	equal(w, "child of the late report", string(child.GetInput()), "from the late runner")
	second := computed(again)
	second.SubTasks = w.tasks(group("from the second runner"))
	w.expectIdle(second, ask)
	w.nextTask(computed(child), nil)
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 2})
}
