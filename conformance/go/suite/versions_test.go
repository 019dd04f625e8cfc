package suite

import (
	"context"
	"strings"
	"testing"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

const versionedName = "tilebox.com/example_workflow/MyTask"

// Each type is the same task in another version.
type (
	versionV09  struct{}
	versionV12  struct{}
	versionV13  struct{}
	versionV15  struct{}
	versionV19  struct{}
	versionV110 struct{}
	versionV25  struct{}
)

func versioned(version string) workflows.Identifier {
	return workflows.Identifier{Name: versionedName, Version: version}
}

func (*versionV09) Identifier() workflows.Identifier  { return versioned("v0.9") }
func (*versionV12) Identifier() workflows.Identifier  { return versioned("v1.2") }
func (*versionV13) Identifier() workflows.Identifier  { return versioned("v1.3") }
func (*versionV15) Identifier() workflows.Identifier  { return versioned("v1.5") }
func (*versionV19) Identifier() workflows.Identifier  { return versioned("v1.9") }
func (*versionV110) Identifier() workflows.Identifier { return versioned("v1.10") }
func (*versionV25) Identifier() workflows.Identifier  { return versioned("v2.5") }

func (*versionV09) Execute(ctx context.Context) error  { note(ctx, "v0.9"); return nil }
func (*versionV12) Execute(ctx context.Context) error  { note(ctx, "v1.2"); return nil }
func (*versionV13) Execute(ctx context.Context) error  { note(ctx, "v1.3"); return nil }
func (*versionV15) Execute(ctx context.Context) error  { note(ctx, "v1.5"); return nil }
func (*versionV19) Execute(ctx context.Context) error  { note(ctx, "v1.9"); return nil }
func (*versionV110) Execute(ctx context.Context) error { note(ctx, "v1.10"); return nil }
func (*versionV25) Execute(ctx context.Context) error  { note(ctx, "v2.5"); return nil }

func TestExample16_T55ToT62_VersionMatrix(t *testing.T) {
	for name, example := range map[string]struct {
		submitted workflows.Task
		runner    []workflows.ExecutableTask
		ran       string // empty: not executed
	}{
		"T-56 v1.3 on v1.3":                   {&versionV13{}, []workflows.ExecutableTask{&versionV13{}}, "v1.3"},
		"T-57 v1.3 on v1.5":                   {&versionV13{}, []workflows.ExecutableTask{&versionV15{}}, "v1.5"},
		"T-58 v1.3 on v1.2":                   {&versionV13{}, []workflows.ExecutableTask{&versionV12{}}, ""},
		"T-59 v1.3 on v2.5":                   {&versionV13{}, []workflows.ExecutableTask{&versionV25{}}, ""},
		"T-59 v1.3 on v0.9":                   {&versionV13{}, []workflows.ExecutableTask{&versionV09{}}, ""},
		"T-60 v1.3 on v1.10":                  {&versionV13{}, []workflows.ExecutableTask{&versionV110{}}, "v1.10"},
		"T-60 v1.9 on v1.10":                  {&versionV19{}, []workflows.ExecutableTask{&versionV110{}}, "v1.10"},
		"T-60 v1.10 on v1.9":                  {&versionV110{}, []workflows.ExecutableTask{&versionV19{}}, ""},
		"T-62 exact preferred":                {&versionV13{}, []workflows.ExecutableTask{&versionV12{}, &versionV13{}, &versionV15{}}, "v1.3"},
		"T-62 else the highest":               {&versionV13{}, []workflows.ExecutableTask{&versionV12{}, &versionV15{}, &versionV110{}, &versionV19{}, &versionV25{}}, "v1.10"},
		"v1.3 on v1.2 and v1.3, as published": {&versionV13{}, []workflows.ExecutableTask{&versionV12{}, &versionV13{}}, "v1.3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("versions", example.submitted)
			w.runAll(example.runner...)
			if example.ran == "" {
				equal(w, "executed", len(w.journal.all()), 0)
				w.expectJob(job.ID, workflows.JobSubmitted, map[workflows.TaskState]uint64{workflows.TaskQueued: 1})
				return
			}
			equal(w, "executed", w.journal.all(), []string{example.ran})
			equal(w, "handed out under a version the runner knows (T-61)",
				w.calls.handedOut()[0].GetIdentifier().GetVersion(), example.ran)
			w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
			w.expectFailureReports(0)
		})
	}
}

// T-54: the stored version stays what was submitted, so a later runner that is too old does not get the retry.
func TestT54_StoredVersionStays(t *testing.T) {
	w := newWorld(t)
	job := w.submit("versions", &versionV13{})
	task := w.expectTask(nil, w.ask(identifier(versionedName, "v1.5")))
	equal(w, "version handed out", task.GetIdentifier().GetVersion(), "v1.5")
	w.handBack(task)
	w.expectIdle(nil, w.ask(identifier(versionedName, "v1.2")))
	again := w.expectTask(nil, w.ask(identifier(versionedName, "v1.3")))
	equal(w, "version handed out", again.GetIdentifier().GetVersion(), "v1.3")
	equal(w, "state", w.job(job.ID).State, workflows.JobRunning)
}

// T-63: a task nobody can run waits without harm to others.
func TestT63_UnknownTaskStaysQueued(t *testing.T) {
	w := newWorld(t)
	waiting := w.submit("nobody knows this", &namedTask{Name: strings.Repeat("n", 256), input: "{}"})
	known := w.submit("known", &MyTask{})
	w.runAll(&MyTask{})
	w.expectJob(known.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
	w.expectJob(waiting.ID, workflows.JobSubmitted, map[workflows.TaskState]uint64{workflows.TaskQueued: 1})
}

// handBack returns a task without blaming it.
func (w *world) handBack(task *workflowsv1.Task) {
	w.Helper()
	w.taskFailed(&workflowsv1.TaskFailedRequest{TaskId: task.GetId(), Display: task.GetDisplay()})
}
