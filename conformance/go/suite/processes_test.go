package suite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

// Processes that are stopped, killed and started again.

// With these variables set, the test program is a runner instead.
const (
	runnerAddressVariable = "CONFORMANCE_RUNNER_ADDRESS"
	runnerClusterVariable = "CONFORMANCE_RUNNER_CLUSTER"
)

// HeldTask runs until its process reads a line.
type HeldTask struct{ Name string }

func (t *HeldTask) Execute(context.Context) error {
	fmt.Println("holding", t.Name)
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	return err
}

// runAsRunnerProcess says on its output when it was asked to stop, so that a test can go on from there.
func runAsRunnerProcess() int {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		fmt.Println("asked to stop")
	}()
	ctx := context.Background()
	client, err := workflows.NewClient(ctx, workflows.WithURL(os.Getenv(runnerAddressVariable)))
	if err == nil {
		var runner *workflows.Runner
		if runner, err = client.NewRunner(ctx, os.Getenv(runnerClusterVariable)); err == nil {
			if err = runner.RegisterTasks(&HeldTask{}); err == nil {
				runner.RunForever(ctx)
				return 0
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// asked to stop, a Go runner finishes its task, reports it without asking for more, and ends.
func TestR64_RunnerProcessStopsInOrder(t *testing.T) {
	w := newWorld(t)
	job := w.submit("held", &HeldTask{Name: "first"}, &HeldTask{Name: "second"})
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), runnerAddressVariable+"="+w.address, runnerClusterVariable+"="+w.cluster)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	w.must(err)
	output, err := command.StdoutPipe()
	w.must(err)
	w.must(command.Start())
	exited := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			note(w.ctx, "%s", lines.Text())
		}
		exited <- command.Wait()
	}()
	w.journal.await(w, "holding first")
	w.must(command.Process.Signal(syscall.SIGTERM))
	w.journal.await(w, "asked to stop")
	_, err = io.WriteString(input, "go on\n")
	w.must(err)
	select {
	case err := <-exited:
		w.must(err)
	case <-time.After(patience):
		_ = command.Process.Kill()
		w.Fatal("the runner did not end")
	}
	equal(w, "executed", w.journal.all(), []string{"holding first", "asked to stop"})
	w.expectJob(job.ID, workflows.JobStarted, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 1, workflows.TaskQueued: 1,
	})
}

// What was answered is on disk: it survives the end of the server by crash and by request.
func TestDurability_AnsweredCallsSurvive(t *testing.T) {
	t.Parallel()
	dataDir := t.TempDir()
	process := startServer(t, dataDir, "127.0.0.1:0")
	w := connectTo(t, process.Address)
	w.cluster = w.newCluster()
	job, root, ask := w.rootTask()
	report := computed(root)
	report.SubTasks = w.tasks(group("0", "1"), after(group("2"), 0))
	first := w.expectTask(report, ask)
	w.must(process.Kill())

	process = startServer(t, dataDir, "127.0.0.1:0")
	w.address = process.Address
	w.client, w.calls = w.connect()
	w.expectJob(job.ID, workflows.JobRunning, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 1, workflows.TaskRunning: 1, workflows.TaskQueued: 2,
	})
	second := w.expectTask(computed(first), ask) // the lease still holds (S-42)
	equal(w, "second child", string(second.GetInput()), "1")
	w.expectIdle(nil, ask)
	w.must(process.Stop())

	process = startServer(t, dataDir, "127.0.0.1:0")
	w.address = process.Address
	w.client, w.calls = w.connect()
	third := w.expectTask(computed(second), ask)
	equal(w, "dependent child", string(third.GetInput()), "2")
	w.nextTask(computed(third), nil)
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 4})
}

// A Go runner that was only asking lives through the absence of its server.
func TestRunnerSurvivesAServerRestart(t *testing.T) {
	t.Parallel()
	dataDir := t.TempDir()
	process := startServer(t, dataDir, "127.0.0.1:0")
	w := connectTo(t, process.Address)
	w.cluster = w.newCluster()
	calls := w.keepRunning(&MyTask{})
	first := w.submit("before", &MyTask{})
	w.awaitJob(first.ID, workflows.JobCompleted)
	w.must(process.Stop())

	startServer(t, dataDir, strings.TrimPrefix(process.Address, "http://"))
	second := w.submit("after", &MyTask{})
	w.awaitJob(second.ID, workflows.JobCompleted)
	for _, task := range calls.handedOut() {
		equal(w, "state", task.GetState(), workflowsv1.TaskState_TASK_STATE_RUNNING)
	}
	equal(w, "executions", len(calls.handedOut()), 2)
}
