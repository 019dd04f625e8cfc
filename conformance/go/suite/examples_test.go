package suite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxwood-conformance/workflows"
)

// The published examples, by the names of their tasks. Inputs are compared byte for byte: they are
// what the server stores and hands out.

type MyFirstTask struct{}

func (t *MyFirstTask) Execute(ctx context.Context) error {
	workflows.Logger(ctx).InfoContext(ctx, "Hello World!")
	note(ctx, "Hello World!")
	return nil
}

func TestExample1_MyFirstTask(t *testing.T) {
	w := newWorld(t)
	job := w.submit("my-first-job", &MyFirstTask{})
	equal(w, "state on return (J-6)", job.State, workflows.JobSubmitted)
	w.runAll(&MyFirstTask{})

	equal(w, "logs", w.journal.all(), []string{"Hello World!"})
	equal(w, "inputs (T-28)", w.inputs(), []string{"{}"})
	handed := w.calls.handedOut()[0]
	equal(w, "name (T-51)", handed.GetIdentifier().GetName(), "MyFirstTask")
	equal(w, "version (T-51)", handed.GetIdentifier().GetVersion(), "v0.0")
	equal(w, "display (T-40)", handed.GetDisplay(), "MyFirstTask")
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
	bodies := w.awaitLogs(job.ID, 1)
	equal(w, "stored logs", bodies, []string{"Hello World!"})
}

type ParametrizableTask struct {
	Message string
	Number  int
	Data    map[string]string
}

func (t *ParametrizableTask) Execute(ctx context.Context) error {
	text := ""
	for range t.Number {
		text += t.Message
	}
	note(ctx, "%s", text)
	return nil
}

func TestExample2_ParametrizableTask(t *testing.T) {
	w := newWorld(t)
	task := &ParametrizableTask{Message: "Hello", Number: 3, Data: map[string]string{"key": "value"}}
	w.submit("parametrizable", task)
	w.runAll(&ParametrizableTask{})
	equal(w, "logs", w.journal.all(), []string{"HelloHelloHello"})
	equal(w, "inputs (T-28, T-33)", w.inputs(), []string{`{"Message":"Hello","Number":3,"Data":{"key":"value"}}`})
}

type ParentTask struct{ NumSubtasks int }

func (t *ParentTask) Execute(ctx context.Context) error {
	for i := range t.NumSubtasks {
		if _, err := workflows.SubmitSubtask(ctx, &ChildTask{Index: i}); err != nil {
			return err
		}
	}
	return nil
}

type ChildTask struct{ Index int }

func (t *ChildTask) Execute(ctx context.Context) error {
	workflows.Logger(ctx).InfoContext(ctx, "Executing child task", slog.Int("index", t.Index))
	note(ctx, "Executing child task %d", t.Index)
	return nil
}

func TestExample3_ParentTaskAndChildTask(t *testing.T) {
	w := newWorld(t)
	job := w.submit("parent", &ParentTask{NumSubtasks: 5})
	w.runAll(&ParentTask{}, &ChildTask{})

	equal(w, "logs, in submission order with one runner (R-12)", w.journal.all(), []string{
		"Executing child task 0", "Executing child task 1", "Executing child task 2", "Executing child task 3", "Executing child task 4",
	})
	equal(w, "inputs", w.inputs(), []string{
		`{"NumSubtasks":5}`, `{"Index":0}`, `{"Index":1}`, `{"Index":2}`, `{"Index":3}`, `{"Index":4}`,
	})
	stored := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 6})
	parent := w.taskOf(stored, "ParentTask")
	for _, child := range stored.TaskSummaries[1:] {
		equal(w, "parent of a child (T-70)", child.ParentID, parent.ID)
		if child.StartedAt.Before(parent.StoppedAt) {
			w.Errorf("a child started at %s, before its parent ended at %s (T-73)", child.StartedAt, parent.StoppedAt)
		}
	}
	for _, task := range w.calls.handedOut() {
		equal(w, "job of a task", read(w, task.GetJob().GetId()), job.ID)
	}
}

// OverlappingParent and OverlappingChild: every child waits for all the others to run.
type OverlappingParent struct{ NumSubtasks int }

func (t *OverlappingParent) Execute(ctx context.Context) error {
	for i := range t.NumSubtasks {
		if _, err := workflows.SubmitSubtask(ctx, &OverlappingChild{Index: i}); err != nil {
			return err
		}
	}
	return nil
}

type OverlappingChild struct{ Index int }

func (t *OverlappingChild) Execute(ctx context.Context) error {
	arrived, everyone := setting[chan int](ctx, "arrived"), setting[chan struct{}](ctx, "everyone")
	arrived <- t.Index
	select {
	case <-everyone:
		return nil
	case <-time.After(patience):
		return errors.New("the other children did not run at the same time")
	}
}

func TestExample3_R15_FiveRunnersOverlap(t *testing.T) {
	w := newWorld(t)
	arrived, everyone := make(chan int, 5), make(chan struct{})
	w.journal.set("arrived", arrived)
	w.journal.set("everyone", everyone)
	job := w.submit("overlapping", &OverlappingParent{NumSubtasks: 5})
	for range 5 {
		w.keepRunning(&OverlappingParent{}, &OverlappingChild{})
	}
	for range 5 {
		select {
		case <-arrived:
		case <-time.After(patience):
			w.Fatal("not all five children ran at the same time (T-74, R-15)")
		}
	}
	close(everyone)
	stored := w.awaitJob(job.ID, workflows.JobCompleted)
	if stored.ExecutionStats.ComputeTime < stored.ExecutionStats.ElapsedTime && stored.ExecutionStats.Parallelism != 1 {
		w.Errorf("parallelism is %v for a compute time below the elapsed time (J-34)", stored.ExecutionStats.Parallelism)
	}
}

type RecursiveTask struct{ Num int }

func (t *RecursiveTask) Execute(ctx context.Context) error {
	note(ctx, "Executing recursive task %d", t.Num)
	if t.Num >= 2 {
		_, err := workflows.SubmitSubtask(ctx, &RecursiveTask{Num: t.Num / 2})
		return err
	}
	return nil
}

func TestExample8_RecursiveTask(t *testing.T) {
	for _, example := range []struct {
		num  int
		logs []string
	}{
		{10, []string{"Executing recursive task 10", "Executing recursive task 5", "Executing recursive task 2", "Executing recursive task 1"}},
		{1, []string{"Executing recursive task 1"}},
		{0, []string{"Executing recursive task 0"}},
	} {
		t.Run(fmt.Sprint(example.num), func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("recursive", &RecursiveTask{Num: example.num})
			w.runAll(&RecursiveTask{})
			equal(w, "logs", w.journal.all(), example.logs)
			stored := w.expectJob(job.ID, workflows.JobCompleted,
				map[workflows.TaskState]uint64{workflows.TaskComputed: uint64(len(example.logs))})
			parent := uuid.Nil
			for _, task := range stored.TaskSummaries {
				equal(w, "parent", task.ParentID, parent)
				parent = task.ID
			}
		})
	}
}

// SequenceRoot submits three PrintTasks, each after the one before.
type SequenceRoot struct{}

func (t *SequenceRoot) Execute(ctx context.Context) error {
	first, err := workflows.SubmitSubtask(ctx, &PrintTask{Message: "Executing first"})
	if err != nil {
		return err
	}
	second, err := workflows.SubmitSubtask(ctx, &PrintTask{Message: "Executing second"}, workflows.WithDependencies(first))
	if err != nil {
		return err
	}
	_, err = workflows.SubmitSubtask(ctx, &PrintTask{Message: "Executing last"}, workflows.WithDependencies(second))
	return err
}

func (t *SequenceRoot) Identifier() workflows.Identifier {
	return workflows.Identifier{Name: "RootTask", Version: "v0.0"}
}

type PrintTask struct{ Message string }

func (t *PrintTask) Execute(ctx context.Context) error {
	note(ctx, "%s", t.Message)
	if ctx.Value(printChildrenKey{}) != nil && t.Message == "Executing first" {
		for _, message := range []string{"child a", "child b"} {
			if _, err := workflows.SubmitSubtask(ctx, &PrintTask{Message: message}); err != nil {
				return err
			}
		}
	}
	return nil
}

type printChildrenKey struct{}

func TestExample11_SequenceOfPrintTasks(t *testing.T) {
	for _, runners := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d runners", runners), func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("sequence", &SequenceRoot{})
			for range runners {
				w.keepRunning(&SequenceRoot{}, &PrintTask{})
			}
			stored := w.awaitJob(job.ID, workflows.JobCompleted)
			equal(w, "logs", w.journal.all(), []string{"Executing first", "Executing second", "Executing last"})
			w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 4})
			for i := 2; i < len(stored.TaskSummaries); i++ {
				earlier, later := stored.TaskSummaries[i-1], stored.TaskSummaries[i]
				if later.StartedAt.Before(earlier.StoppedAt) {
					w.Errorf("%s started before %s stopped (T-92)", later.StartedAt, earlier.StoppedAt)
				}
			}
		})
	}
}

func TestExample11_SubmissionHasThreeGroups(t *testing.T) {
	w := newWorld(t)
	w.submit("sequence", &SequenceRoot{})
	w.runAll(&SequenceRoot{}, &PrintTask{})
	groups := w.reportedGroups(0)
	if len(groups) != 3 {
		w.Fatalf("the root reported %d groups, want 3", len(groups))
	}
	equal(w, "dependencies of group 0", len(groups[0].GetDependenciesOnOtherGroups()), 0)
	equal(w, "dependencies of group 1", groups[1].GetDependenciesOnOtherGroups(), []uint32{0})
	equal(w, "dependencies of group 2", groups[2].GetDependenciesOnOtherGroups(), []uint32{1})
	equal(w, "inputs", w.inputs()[1:], []string{
		`{"Message":"Executing first"}`, `{"Message":"Executing second"}`, `{"Message":"Executing last"}`,
	})
}

// The children of a dependency end before its dependents start.
func TestExample11_T92_DescendantsOfADependencyComeFirst(t *testing.T) {
	w := newWorld(t)
	w.ctx = context.WithValue(w.ctx, printChildrenKey{}, true)
	job := w.submit("sequence", &SequenceRoot{})
	for range 3 {
		w.keepRunning(&SequenceRoot{}, &PrintTask{})
	}
	w.awaitJob(job.ID, workflows.JobCompleted)
	lines := w.journal.all()
	if len(lines) != 5 {
		w.Fatalf("want five executions, got %q", lines)
	}
	equal(w, "first", lines[0], "Executing first")
	equal(w, "children, in any order", slices.Sorted(slices.Values(lines[1:3])), []string{"child a", "child b"})
	equal(w, "after the children", lines[3:], []string{"Executing second", "Executing last"})
}

// MyTask keeps its default identifier; MyTask2 overrides it.
type MyTask struct{}

func (t *MyTask) Execute(ctx context.Context) error { note(ctx, "MyTask"); return nil }

type MyTask2 struct{}

func (t *MyTask2) Execute(ctx context.Context) error { note(ctx, "MyTask2"); return nil }

func (t *MyTask2) Identifier() workflows.Identifier {
	return workflows.Identifier{Name: "tilebox.com/example_workflow/MyTask", Version: "v1.0"}
}

func TestExample15_OverriddenIdentifier(t *testing.T) {
	w := newWorld(t)
	w.submit("default identifier", &MyTask{})
	w.submit("own identifier", &MyTask2{})
	w.runAll(&MyTask{}, &MyTask2{})
	equal(w, "each reaches its own code", w.journal.all(), []string{"MyTask", "MyTask2"})
	handed := w.calls.handedOut()
	equal(w, "default", handed[0].GetIdentifier().GetName()+" "+handed[0].GetIdentifier().GetVersion(), "MyTask v0.0")
	equal(w, "own", handed[1].GetIdentifier().GetName()+" "+handed[1].GetIdentifier().GetVersion(),
		"tilebox.com/example_workflow/MyTask v1.0")
	equal(w, "display of the second (T-40)", handed[1].GetDisplay(), "tilebox.com/example_workflow/MyTask")
}

// inputs lists the inputs of the tasks that the test's first client was given, in order.
func (w *world) inputs() []string {
	inputs := []string{}
	for _, task := range w.calls.handedOut() {
		inputs = append(inputs, string(task.GetInput()))
	}
	return inputs
}

// sortedKeys makes the order of a map's keys comparable.
func sortedKeys[V any](values map[string]V) []string { return slices.Sorted(maps.Keys(values)) }
