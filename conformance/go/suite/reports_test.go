package suite

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

// Reports as a runner sends them, and as a network repeats, delays and mangles them.

// leaf is the task that hand-made reports submit.
const leaf = "Leaf"

// group is a group of leaves without dependencies, one for each input.
func group(inputs ...string) *workflowsv1.TaskSubmissionGroup {
	made := &workflowsv1.TaskSubmissionGroup{}
	for _, input := range inputs {
		made.Inputs = append(made.Inputs, []byte(input))
		made.IdentifierPointers = append(made.IdentifierPointers, 0)
		made.ClusterSlugPointers = append(made.ClusterSlugPointers, 0)
		made.DisplayPointers = append(made.DisplayPointers, 0)
		made.MaxRetriesValues = append(made.MaxRetriesValues, 0)
		made.OptionalValues = append(made.OptionalValues, false)
	}
	return made
}

func after(made *workflowsv1.TaskSubmissionGroup, groups ...uint32) *workflowsv1.TaskSubmissionGroup {
	made.DependenciesOnOtherGroups = groups
	return made
}

// tasks makes a submission of leaves on the test's cluster.
func (w *world) tasks(groups ...*workflowsv1.TaskSubmissionGroup) *workflowsv1.TaskSubmissions {
	return &workflowsv1.TaskSubmissions{
		TaskGroups:        groups,
		ClusterSlugLookup: []string{w.cluster},
		IdentifierLookup:  []*workflowsv1.TaskIdentifier{identifier(leaf, "v0.0")},
		DisplayLookup:     []string{leaf},
	}
}

// reportedGroups returns the groups of the n-th report with sub-tasks that the test's first client made.
func (w *world) reportedGroups(n int) []*workflowsv1.TaskSubmissionGroup {
	w.Helper()
	for _, entry := range w.calls.all() {
		request, ok := entry.request.(*workflowsv1.NextTaskRequest)
		if !ok || request.GetComputedTask().GetSubTasks() == nil {
			continue
		}
		if n == 0 {
			return request.GetComputedTask().GetSubTasks().GetTaskGroups()
		}
		n--
	}
	w.Fatal("there was no such report")
	return nil
}

// rootTask submits a job with one MyTask and takes it, as a runner that knows leaves as well would.
func (w *world) rootTask() (*workflows.Job, *workflowsv1.Task, *workflowsv1.NextTaskToRun) {
	w.Helper()
	job := w.submit("by hand", &MyTask{})
	ask := w.ask(identifier("MyTask", "v0.0"), identifier(leaf, "v0.0"))
	return job, w.expectTask(nil, ask), ask
}

func TestR8_HandedOutTask(t *testing.T) {
	w := newWorld(t)
	job, task, _ := w.rootTask()
	equal(w, "state", task.GetState(), workflowsv1.TaskState_TASK_STATE_RUNNING)
	equal(w, "input", string(task.GetInput()), "{}")
	equal(w, "display", task.GetDisplay(), "MyTask")
	equal(w, "retry count (S-30)", task.GetRetryCount(), 0)
	equal(w, "job", read(w, task.GetJob().GetId()), job.ID)
	equal(w, "job name", task.GetJob().GetName(), job.Name)
	equal(w, "trace parent, byte for byte", task.GetJob().GetTraceParent(), job.TraceParent)
	equal(w, "submission time", task.GetJob().GetSubmittedAt().AsTime(), job.SubmittedAt)
	if task.GetId() == nil || task.GetLease() == nil {
		w.Errorf("a task without id or lease: %v", task)
	}
}

func TestR4_NoIdentifiersMeansIdling(t *testing.T) {
	w := newWorld(t)
	w.submit("waiting", &MyTask{})
	w.expectIdle(nil, w.ask())
}

func TestR7_NothingAskedNothingAnswered(t *testing.T) {
	w := newWorld(t)
	job, task, _ := w.rootTask()
	response := w.nextTask(computed(task), nil)
	if response.GetNextTask() != nil || response.GetIdling() != nil {
		w.Errorf("nothing was asked for, but the answer is %v", response)
	}
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
}

func TestR3_EmptyClusterSlugIsRefused(t *testing.T) {
	w := newWorld(t)
	_, err := w.raw().tasks.NextTask(w.ctx, connect.NewRequest(&workflowsv1.NextTaskRequest{
		NextTaskToRun: &workflowsv1.NextTaskToRun{Identifiers: []*workflowsv1.TaskIdentifier{identifier("MyTask", "v0.0")}},
	}))
	expectCode(w, "a request for work without a cluster", err, connect.CodeInvalidArgument)
}

// A lost answer costs nothing: the same report gets the same task again, and its children exist once.
func TestR40_RepeatedReportGetsTheSameTask(t *testing.T) {
	w := newWorld(t)
	job, root, ask := w.rootTask()
	report := computed(root)
	report.SubTasks = w.tasks(group("0", "1", "2"))
	first := w.expectTask(report, ask)
	second := w.expectTask(proto.Clone(report).(*workflowsv1.ComputedTask), ask)
	equal(w, "task after the repeated report", read(w, second.GetId()), read(w, first.GetId()))
	w.expectJob(job.ID, workflows.JobRunning, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 1, workflows.TaskRunning: 1, workflows.TaskQueued: 2,
	})
	other := w.expectTask(nil, ask)
	if read(w, other.GetId()) == read(w, first.GetId()) {
		w.Error("a request without the report was given the same task (R-9)")
	}
}

func TestR41_ReportForATaskNotRunningIsIgnored(t *testing.T) {
	w := newWorld(t)
	job, root, ask := w.rootTask()
	w.expectIdle(computed(root), ask)

	late := computed(root)
	late.Display = "changed"
	late.SubTasks = w.tasks(group("late"))
	late.ProgressUpdates = []*workflowsv1.Progress{{Label: "late", Total: 1, Done: 1}}
	w.expectIdle(late, ask)
	stored := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
	equal(w, "progress", len(stored.Progress), 0)
	equal(w, "display", stored.TaskSummaries[0].Display, "MyTask")

	failed, err := w.raw().tasks.TaskFailed(w.ctx, connect.NewRequest(&workflowsv1.TaskFailedRequest{
		TaskId: root.GetId(), Display: "late failure", WasWorkflowError: true,
	}))
	w.must(err)
	equal(w, "state answered to a late failure (R-45)", failed.Msg.GetState(), workflowsv1.TaskState_TASK_STATE_COMPUTED)
}

func TestR43_ReportForAnUnknownTask(t *testing.T) {
	w := newWorld(t)
	unknown := wire(newID())
	_, err := w.raw().tasks.NextTask(w.ctx, connect.NewRequest(&workflowsv1.NextTaskRequest{
		ComputedTask: &workflowsv1.ComputedTask{Id: unknown},
	}))
	expectCode(w, "a report for an unknown task", err, connect.CodeNotFound)
	_, err = w.raw().tasks.TaskFailed(w.ctx, connect.NewRequest(&workflowsv1.TaskFailedRequest{TaskId: unknown}))
	expectCode(w, "a failure report for an unknown task", err, connect.CodeNotFound)
}

func TestR45_TaskFailedAnswersTheNewState(t *testing.T) {
	w := newWorld(t)
	_, task, _ := w.rootTask()
	response, err := w.raw().tasks.TaskFailed(w.ctx, connect.NewRequest(&workflowsv1.TaskFailedRequest{
		TaskId: task.GetId(), Display: "MyTask\nboom", WasWorkflowError: true,
	}))
	w.must(err)
	equal(w, "state", response.Msg.GetState(), workflowsv1.TaskState_TASK_STATE_FAILED)
}

// A task that is handed back without being to blame goes to the next runner at once, with no retry counted.
func TestR65_HandedBackTaskIsAvailableAtOnce(t *testing.T) {
	w := newWorld(t)
	_, task, ask := w.rootTask()
	response, err := w.raw().tasks.TaskFailed(w.ctx, connect.NewRequest(&workflowsv1.TaskFailedRequest{
		TaskId: task.GetId(), WasWorkflowError: false,
	}))
	w.must(err)
	equal(w, "state (S-6)", response.Msg.GetState(), workflowsv1.TaskState_TASK_STATE_QUEUED)
	again := w.expectTask(nil, ask)
	equal(w, "task", read(w, again.GetId()), read(w, task.GetId()))
	equal(w, "retry count (S-31)", again.GetRetryCount(), 0)
	equal(w, "display (T-42)", again.GetDisplay(), "MyTask")
}

// what no client library can produce is refused and changes nothing.
func TestR50_MalformedReportIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*workflowsv1.TaskSubmissions){
		"lists of different lengths": func(s *workflowsv1.TaskSubmissions) { s.TaskGroups[0].MaxRetriesValues = nil },
		"identifier out of range":    func(s *workflowsv1.TaskSubmissions) { s.TaskGroups[0].IdentifierPointers[0] = 7 },
		"cluster out of range":       func(s *workflowsv1.TaskSubmissions) { s.TaskGroups[0].ClusterSlugPointers[0] = 7 },
		"display out of range":       func(s *workflowsv1.TaskSubmissions) { s.TaskGroups[0].DisplayPointers[0] = 7 },
		"group out of range":         func(s *workflowsv1.TaskSubmissions) { s.TaskGroups[0].DependenciesOnOtherGroups = []uint32{7} },
		"depends on itself":          func(s *workflowsv1.TaskSubmissions) { s.TaskGroups[0].DependenciesOnOtherGroups = []uint32{0} },
		"cycle": func(s *workflowsv1.TaskSubmissions) {
			s.TaskGroups = append(s.TaskGroups, after(group("b"), 0))
			s.TaskGroups[0].DependenciesOnOtherGroups = []uint32{1}
		},
		"empty group": func(s *workflowsv1.TaskSubmissions) { s.TaskGroups[0] = &workflowsv1.TaskSubmissionGroup{} },
		"bad version": func(s *workflowsv1.TaskSubmissions) { s.IdentifierLookup[0].Version = "1.0" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			job, root, ask := w.rootTask()
			report := computed(root)
			report.SubTasks = w.tasks(group("a"))
			spoil(report.SubTasks)
			_, err := w.raw().tasks.NextTask(w.ctx, connect.NewRequest(&workflowsv1.NextTaskRequest{
				ComputedTask: report, NextTaskToRun: ask,
			}))
			expectCode(w, "the report", err, connect.CodeInvalidArgument)
			w.expectJob(job.ID, workflows.JobRunning, map[workflows.TaskState]uint64{workflows.TaskRunning: 1})
			w.expectIdle(computed(root), ask) // and a proper report is still taken
		})
	}
}

// a group may depend on a later one.
func TestT96_ForwardDependency(t *testing.T) {
	w := newWorld(t)
	_, root, ask := w.rootTask()
	report := computed(root)
	report.SubTasks = w.tasks(after(group("second"), 1), group("first"))
	first := w.expectTask(report, ask)
	equal(w, "first", string(first.GetInput()), "first")
	second := w.expectTask(computed(first), ask)
	equal(w, "then", string(second.GetInput()), "second")
}

// ChainTask submits a chain of leaves, each after the one before.
type ChainTask struct{ Length int }

func (t *ChainTask) Execute(ctx context.Context) error {
	var previous []workflows.Future
	for i := range t.Length {
		future, err := workflows.SubmitSubtask(ctx, &ChainLink{Index: i}, workflows.WithDependencies(previous...))
		if err != nil {
			return err
		}
		previous = []workflows.Future{future}
	}
	return nil
}

type ChainLink struct{ Index int }

func (t *ChainLink) Execute(ctx context.Context) error { note(ctx, "link %d", t.Index); return nil }

func TestT100_ChainOf64Groups(t *testing.T) {
	w := newWorld(t)
	job := w.submit("chain", &ChainTask{Length: 64})
	w.runAll(&ChainTask{}, &ChainLink{})
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 65})
	for i, line := range w.journal.all() {
		equal(w, "order", line, fmt.Sprintf("link %d", i))
	}
}

// a mistake in user code fails the task with a sentence, and neither stops the runner nor
// makes it try the report again.
func TestR51_MistakeInAReportFailsTheTask(t *testing.T) {
	for name, mistake := range map[string]workflows.ExecutableTask{
		"70 groups (T-100, LM-1)":              &ChainTask{Length: 70},
		"an input over 2048 bytes (T-31)":      &MistakenTask{Kind: "input"},
		"an unknown cluster":                   &MistakenTask{Kind: "cluster"},
		"a malformed cluster":                  &MistakenTask{Kind: "slug"},
		"negative retries (LM-11)":             &MistakenTask{Kind: "retries"},
		"a label over 100 characters (P-9)":    &MistakenTask{Kind: "label"},
		"more than 1001 indicators (P-8)":      &MistakenTask{Kind: "indicators"},
		"an input over 2048 bytes, and others": &MistakenTask{Kind: "mixed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("mistake", mistake)
			next := w.submit("next", &MyTask{})
			w.runAll(&ChainTask{}, &ChainLink{}, &MistakenTask{}, &MyTask{})

			stored := w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{workflows.TaskFailed: 1})
			name, reason, _ := strings.Cut(stored.TaskSummaries[0].Display, "\n")
			if (name != "ChainTask" && name != "MistakenTask") || strings.TrimSpace(reason) == "" {
				w.Errorf("the display should be extended by a line naming the limit: %q", stored.TaskSummaries[0].Display)
			}
			w.expectJob(next.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
			for _, entry := range w.calls.all() {
				if entry.err != nil {
					w.Errorf("%s failed: %v", entry.procedure, entry.err)
				}
			}
		})
	}
}

// MistakenTask submits what no server can take.
type MistakenTask struct {
	Kind string
}

func (t *MistakenTask) Execute(ctx context.Context) error {
	var err error
	switch t.Kind {
	case "input":
		_, err = workflows.SubmitSubtask(ctx, &PrintTask{Message: strings.Repeat("x", 2048)})
	case "mixed":
		if _, err = workflows.SubmitSubtask(ctx, &MyTask{}); err == nil {
			_, err = workflows.SubmitSubtask(ctx, &PrintTask{Message: strings.Repeat("x", 2048)})
		}
	case "cluster":
		_, err = workflows.SubmitSubtask(ctx, &MyTask{}, workflows.WithClusterSlug("no-such-cluster"))
	case "slug":
		_, err = workflows.SubmitSubtask(ctx, &MyTask{}, workflows.WithClusterSlug("no_such cluster"))
	case "retries":
		_, err = workflows.SubmitSubtask(ctx, &MyTask{}, workflows.WithMaxRetries(-1))
	case "label":
		workflows.Progress(ctx, strings.Repeat("x", 101)).Add(1)
	case "indicators":
		for i := range 1002 {
			workflows.Progress(ctx, fmt.Sprint(i)).Add(1)
		}
	}
	return err
}

// T-31: 2048 bytes are still taken.
func TestT31_InputOf2048Bytes(t *testing.T) {
	w := newWorld(t)
	longest := strings.Repeat("x", 2048-len(`{"Message":""}`))
	job := w.submit("long input", &PrintTask{Message: longest})
	w.runAll(&PrintTask{})
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
	equal(w, "size", len(w.inputs()[0]), 2048)
}

// WideTask submits so many children that the report is far over the usual limit of 4 MiB. Each
// child has the default identifier and so brings its own entry of the lookup list.
type WideTask struct{ Width int }

func (t *WideTask) Execute(ctx context.Context) error {
	children := make([]*PrintTask, 0, t.Width)
	for i := range t.Width {
		children = append(children, &PrintTask{Message: fmt.Sprintf("%06d %s", i, strings.Repeat("x", 500))})
	}
	mapped, err := workflows.SubmitSubtasks(ctx, children)
	if err != nil {
		return err
	}
	_, err = workflows.SubmitSubtask(ctx, &MyTask{}, workflows.WithDependencies(mapped...))
	return err
}

func TestN7_ReportOf10000ChildrenAbove4MiB(t *testing.T) {
	w := newWorld(t)
	const width = 10_000
	job := w.submit("wide", &WideTask{Width: width})
	w.runAll(&WideTask{}) // knows none of the children, so it becomes idle after the report
	w.expectJob(job.ID, workflows.JobStarted, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 1, workflows.TaskQueued: width + 1,
	})
	groups := w.reportedGroups(0)
	equal(w, "groups (T-99)", len(groups), 2)
	for _, entry := range w.calls.all() {
		if request, ok := entry.request.(*workflowsv1.NextTaskRequest); ok && request.GetComputedTask().GetSubTasks() != nil {
			if size := proto.Size(request); size < 4<<20 {
				w.Errorf("the report has only %d bytes", size)
			}
			equal(w, "identifier entries", len(request.GetComputedTask().GetSubTasks().GetIdentifierLookup()), width+1)
		}
	}
	summaries := w.job(job.ID).TaskSummaries
	equal(w, "summaries in field 9 (first 1,000)", len(summaries), 1000)
	first := w.expectTask(nil, w.ask(identifier("PrintTask", "v0.0")))
	equal(w, "first child (R-12)", string(first.GetInput())[:len(`{"Message":"000000`)], `{"Message":"000000`)
	w.must(w.client.Jobs.Cancel(w.ctx, job.ID))
}
