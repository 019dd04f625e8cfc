package suite

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"boxwood-conformance/server"
	"boxwood-conformance/workflows"
)

// Jobs that Go and Python runners serve together, exchanging tasks of several fields (T-30).

const (
	pythonVariable = "BOXWOOD_PYTHON"
	mixedScript    = "testdata/mixed_runner.py"
)

// python finds an interpreter with the official Python SDK, or skips the test; in CI its absence is a failure.
func (w *world) python() string {
	w.Helper()
	interpreter := os.Getenv(pythonVariable)
	if interpreter == "" {
		root, err := server.RepositoryRoot()
		w.must(err)
		interpreter = filepath.Join(root, "target", "python-venv", "bin", "python")
	}
	output, err := exec.CommandContext(w.ctx, interpreter, "-c", "import tilebox.workflows").CombinedOutput()
	if err == nil {
		return interpreter
	}
	reason := fmt.Sprintf("no Python with the official SDK at %s (%v): install tilebox-workflows there or set %s\n%s",
		interpreter, err, pythonVariable, output)
	if os.Getenv("CI") == "true" {
		w.Fatal(reason)
	}
	fmt.Fprintln(os.Stderr, "SKIPPED", w.Name(), reason)
	w.Skip(reason)
	return ""
}

// pythonRunner is a running Python process; its lines go to the journal of the test.
type pythonRunner struct {
	command *exec.Cmd
	exited  chan struct{} // closed when the process has ended
	exit    error
}

// startPython runs the script and waits until it is ready.
func (w *world) startPython(mode, transport string) *pythonRunner {
	w.Helper()
	command := exec.Command(w.python(), mixedScript, w.address, w.cluster, mode, transport)
	talk := &bytes.Buffer{} // read only after the process has ended
	command.Stderr = talk
	output, err := command.StdoutPipe()
	w.must(err)
	w.must(command.Start())
	runner := &pythonRunner{command: command, exited: make(chan struct{})}
	go func() {
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			note(w.ctx, "%s", lines.Text())
		}
		runner.exit = command.Wait()
		close(runner.exited)
	}()
	w.Cleanup(func() {
		runner.stop(w)
		if w.Failed() {
			w.Logf("the Python runner said:\n%s", talk)
		}
	})
	w.journal.await(w, "ready")
	return runner
}

// stop ends the process, if it still runs; politely at first.
func (r *pythonRunner) stop(w *world) {
	_ = r.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.exited:
	case <-time.After(patience):
		w.Errorf("the Python runner did not end within %s of SIGTERM", patience)
		_ = r.command.Process.Kill()
		<-r.exited
	}
}

// wait waits for the process to end by itself, with status 0.
func (r *pythonRunner) wait(w *world) {
	w.Helper()
	select {
	case <-r.exited:
		w.must(r.exit)
	case <-time.After(2 * patience):
		w.Fatal("the Python runner did not become idle")
	}
}

// PlanMosaic is a Go task that submits Python tasks, and a Go task that waits for them.
type PlanMosaic struct {
	Region string `json:"region"`
	Tiles  int    `json:"tiles"`
}

func (t *PlanMosaic) Execute(ctx context.Context) error {
	note(ctx, "plan %s %d", t.Region, t.Tiles)
	workflows.Progress(ctx, "tiles").Add(uint64(t.Tiles))
	renders := []*RenderTile{}
	for tile := range t.Tiles {
		renders = append(renders, &RenderTile{Region: t.Region, Tile: tile})
	}
	rendered, err := workflows.SubmitSubtasks(ctx, renders)
	if err != nil {
		return err
	}
	_, err = workflows.SubmitSubtask(ctx, &PublishMosaic{Region: t.Region, Tiles: t.Tiles}, workflows.WithDependencies(rendered...))
	return err
}

// RenderTile runs in Python; here it is only submitted. Python has a newer minor version.
type RenderTile struct {
	Region string `json:"region"`
	Tile   int    `json:"tile"`
}

func (*RenderTile) Identifier() workflows.Identifier {
	return workflows.Identifier{Name: "conformance.example/RenderTile", Version: "v1.0"}
}

// CheckTile is submitted by Python and runs here.
type CheckTile struct {
	Region string `json:"region"`
	Tile   int    `json:"tile"`
}

func (*CheckTile) Identifier() workflows.Identifier {
	return workflows.Identifier{Name: "conformance.example/CheckTile", Version: "v1.0"}
}

func (t *CheckTile) Execute(ctx context.Context) error {
	note(ctx, "check %s %d", t.Region, t.Tile)
	return nil
}

// PublishMosaic waits for every tile.
type PublishMosaic struct {
	Region string `json:"region"`
	Tiles  int    `json:"tiles"`
}

func (t *PublishMosaic) Execute(ctx context.Context) error {
	note(ctx, "publish %s", t.Region)
	return nil
}

// PlanInPython is the root of a job that begins in Python.
type PlanInPython struct {
	Region string `json:"region"`
	Tiles  int    `json:"tiles"`
}

func (*PlanInPython) Identifier() workflows.Identifier {
	return workflows.Identifier{Name: "conformance.example/PlanInPython", Version: "v1.0"}
}

func goTasks() []workflows.ExecutableTask {
	return []workflows.ExecutableTask{&PlanMosaic{}, &CheckTile{}, &PublishMosaic{}}
}

// One runner at a time, so that the order is known.
func TestR67_T30_GoAndPythonInTurns(t *testing.T) {
	for _, transport := range []string{"grpc", "http1"} {
		t.Run(transport, func(t *testing.T) {
			w := newWorld(t)
			job := w.submit("mosaic", &PlanMosaic{Region: "alps", Tiles: 2})
			w.runAll(goTasks()...)
			w.startPython("all", transport).wait(w)
			w.runAll(goTasks()...)
			equal(w, "executed", w.journal.all(), []string{
				"plan alps 2", "ready", "render alps 0", "render alps 1", "check alps 0", "check alps 1", "publish alps",
			})
			equal(w, "inputs that reached Go", w.inputs(), []string{
				`{"region":"alps","tiles":2}`, `{"region":"alps","tile":0}`, `{"region":"alps","tile":1}`, `{"region":"alps","tiles":2}`,
			})
			stored := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 6})
			equal(w, "progress of both", stored.Progress, []workflows.ProgressIndicator{{Label: "tiles", Total: 2, Done: 2}})
		})
	}
}

// Both runners at the same time, on one job that begins in Go and one that begins in Python.
func TestR67_GoAndPythonTogether(t *testing.T) {
	w := newWorld(t)
	w.startPython("forever", "grpc")
	w.keepRunning(goTasks()...)
	fromGo := w.submit("mosaic", &PlanMosaic{Region: "alps", Tiles: 5})
	done := w.awaitJob(fromGo.ID, workflows.JobCompleted)
	equal(w, "tasks", done.ExecutionStats.TotalTasks, 12)
	lines := w.journal.all()
	equal(w, "last", lines[len(lines)-1], "publish alps")

	// This one ends in Go, because a rendered tile is checked there.
	fromPython := w.submit("mosaic", &PlanInPython{Region: "andes", Tiles: 3})
	done = w.awaitJob(fromPython.ID, workflows.JobCompleted)
	equal(w, "tasks", done.ExecutionStats.TotalTasks, 6)
	equal(w, "progress", done.Progress, []workflows.ProgressIndicator{{Label: "tiles", Total: 3, Done: 1}})
	lines = w.journal.all()[len(lines):]
	equal(w, "first", lines[0], "plan andes 3")
	checks := slices.Sorted(slices.Values(lines[1:4]))
	equal(w, "then the checks, in any order", checks, []string{"check andes 0", "check andes 1", "check andes 2"})
	equal(w, "then what waited for them", lines[4:], []string{"render andes 3", "check andes 3"})
}
