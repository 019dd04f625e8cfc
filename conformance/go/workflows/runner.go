package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/uuid"

	"boxwood-conformance/internal/pb/workflowsv1"
)

const (
	idleMin         = time.Millisecond
	idleMax         = 5 * time.Minute
	idleFallback    = 5 * time.Second // plus up to as much again, when the server suggests nothing
	reportAttempts  = 10
	reportWaitFirst = 100 * time.Millisecond // doubled after every attempt
)

// Runner executes tasks of one cluster, one at a time.
type Runner struct {
	client      *Client
	clusterSlug string
	registered  map[Identifier]ExecutableTask
}

// NewRunner makes a runner for a cluster, an empty slug meaning the default one.
func (c *Client) NewRunner(ctx context.Context, clusterSlug string) (*Runner, error) {
	cluster, err := c.Clusters.Get(ctx, clusterSlug)
	if err != nil {
		return nil, err
	}
	return &Runner{client: c, clusterSlug: cluster.Slug, registered: map[Identifier]ExecutableTask{}}, nil
}

// RegisterTasks makes tasks known to the runner. Two with the same identifier are refused.
func (r *Runner) RegisterTasks(tasks ...ExecutableTask) error {
	for _, task := range tasks {
		identifier, _ := identifierOf(task)
		if err := identifier.validate(); err != nil {
			return err
		}
		if _, taken := r.registered[identifier]; taken {
			return fmt.Errorf("a task %s %s is registered already", identifier.Name, identifier.Version)
		}
		r.registered[identifier] = task
	}
	return nil
}

// RunAll executes tasks until the server has none for this runner.
func (r *Runner) RunAll(ctx context.Context) { r.run(ctx, true) }

// RunForever executes tasks until the context ends or the process is asked to stop.
func (r *Runner) RunForever(ctx context.Context) { r.run(ctx, false) }

func (r *Runner) run(ctx context.Context, endWhenIdle bool) {
	stopping, release := signal.NotifyContext(context.Background(),
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGTSTP, syscall.SIGQUIT)
	defer release()

	var answer *workflowsv1.NextTaskResponse
	for {
		if answer.GetNextTask() == nil {
			fresh, err := r.nextTask(ctx, nil, r.ask())
			if err != nil {
				r.logError(ctx, "failed to ask for a task", err)
			} else {
				answer = fresh
			}
		}
		task := answer.GetNextTask()
		switch {
		case task != nil && readID(task.GetId()) == uuid.Nil:
			r.logError(ctx, "got a task without an id", nil)
			answer = nil
		case task != nil:
			var err error
			var stop bool
			if answer, stop, err = r.work(ctx, stopping, task); err != nil {
				r.logError(ctx, "failed to report a task", err)
				return
			}
			if stop {
				return
			}
		case endWhenIdle:
			return
		default:
			if !idle(ctx, stopping, answer.GetIdling()) {
				return
			}
		}
	}
}

// work executes a task and reports it. It returns the answer to the report, and whether to stop.
func (r *Runner) work(ctx, stopping context.Context, task *workflowsv1.Task) (*workflowsv1.NextTaskResponse, bool, error) {
	executed, taskError := r.execute(ctx, task)
	if taskError != nil {
		return nil, false, r.reportFailed(ctx, stopping, task, executed, taskError)
	}
	ask := r.ask()
	stop := stopping.Err() != nil || ctx.Err() != nil
	if stop {
		ask = nil
	}
	computed := &workflowsv1.ComputedTask{
		Id:              task.GetId(),
		Display:         executed.currentDisplay(),
		SubTasks:        encodeSubmissions(executed.pending),
		ProgressUpdates: executed.progressUpdates(),
	}
	var answer *workflowsv1.NextTaskResponse
	err := persistently(ctx, stopping, func() (err error) {
		answer, err = r.nextTask(ctx, computed, ask)
		return err
	})
	return answer, stop, err
}

// reportFailed reports any failure as the task's own fault, with the error text below the display.
func (r *Runner) reportFailed(ctx, stopping context.Context, task *workflowsv1.Task, executed *execution, taskError error) error {
	text := taskError.Error()
	if len(text) > messageBytesMax {
		text = text[:messageBytesMax]
	}
	display := task.GetDisplay()
	var progress []*workflowsv1.Progress
	if executed != nil {
		display = executed.currentDisplay()
		progress = executed.progressUpdates()
	}
	if text != "" {
		display += "\n" + text
	}
	return persistently(ctx, stopping, func() error {
		_, err := call(ctx, r.client.telemetry.tracer, "workflows/tasks/failed", "report a failed task",
			r.client.tasks.TaskFailed, &workflowsv1.TaskFailedRequest{
				TaskId:           task.GetId(),
				Display:          display,
				WasWorkflowError: true,
				ProgressUpdates:  progress,
			})
		return err
	})
}

// persistently tries a report ten times, waiting twice as long after each attempt, unless the
// process is stopping or the runner's context has ended.
func persistently(ctx, stopping context.Context, report func() error) error {
	wait := reportWaitFirst
	for attempt := 1; ; attempt++ {
		err := report()
		if err == nil || attempt == reportAttempts {
			return err
		}
		timer := time.NewTimer(wait + rand.N(reportWaitFirst))
		select {
		case <-stopping.Done():
			timer.Stop()
			return errors.Join(err, stopping.Err())
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
		wait *= 2
	}
}

// idle waits as long as the server suggests; false means that the runner shall end.
func idle(ctx, stopping context.Context, suggestion *workflowsv1.IdlingResponse) bool {
	wait := idleFallback + rand.N(idleFallback)
	if suggested := suggestion.GetSuggestedIdlingDuration(); suggested != nil {
		wait = min(max(suggested.AsDuration(), idleMin), idleMax)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-stopping.Done():
		return false
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// ask names the cluster and every registered task, in no particular order.
func (r *Runner) ask() *workflowsv1.NextTaskToRun {
	identifiers := make([]Identifier, 0, len(r.registered))
	for identifier := range r.registered {
		identifiers = append(identifiers, identifier)
	}
	return &workflowsv1.NextTaskToRun{ClusterSlug: r.clusterSlug, Identifiers: wireIdentifiers(identifiers)}
}

func (r *Runner) nextTask(ctx context.Context, computed *workflowsv1.ComputedTask, ask *workflowsv1.NextTaskToRun) (*workflowsv1.NextTaskResponse, error) {
	return call(ctx, r.client.telemetry.tracer, "workflows/tasks/next", "get the next task",
		r.client.tasks.NextTask, &workflowsv1.NextTaskRequest{ComputedTask: computed, NextTaskToRun: ask})
}

// execute runs a task's code while its lease is renewed. The execution is absent when the code
// never ran or panicked.
func (r *Runner) execute(ctx context.Context, task *workflowsv1.Task) (*execution, error) {
	leased, stopRenewing := context.WithCancel(ctx)
	defer stopRenewing()
	go r.renewLease(leased, task)

	identifier := Identifier{Name: task.GetIdentifier().GetName(), Version: task.GetIdentifier().GetVersion()}
	prototype, known := r.registered[identifier]
	if !known {
		return nil, fmt.Errorf("task %s %s is not registered on this runner", identifier.Name, identifier.Version)
	}
	var executed *execution
	err := r.client.telemetry.inTaskSpan(ctx, "task/"+identifier.Name, task.GetJob().GetTraceParent(), func(ctx context.Context) error {
		started := time.Now()
		current := &execution{
			task: task, clusterSlug: r.clusterSlug, telemetry: r.client.telemetry, display: task.GetDisplay(),
		}
		ctx = context.WithValue(ctx, executionKey{}, current)
		ran, err := runCode(ctx, prototype, task.GetInput())
		if ran {
			executed = current
		}
		if err != nil {
			r.client.telemetry.logger.ErrorContext(ctx, "task execution failed",
				slog.String("job_id", readID(task.GetJob().GetId()).String()),
				slog.String("task", identifier.Name),
				slog.String("version", identifier.Version),
				slog.Time("start_time", started),
				slog.Duration("execution_time", time.Since(started)),
				slog.String("error", err.Error()),
				slog.Int64("retry_attempt", task.GetRetryCount()))
		}
		return err
	})
	return executed, err
}

// runCode decodes and executes a task; a panic becomes an error, and what the task collected is lost.
func runCode(ctx context.Context, prototype ExecutableTask, input []byte) (ran bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			ran, err = false, fmt.Errorf("task panicked: %v", cause)
		}
	}()
	fresh, err := decodeInput(prototype, input)
	if err != nil {
		return false, err
	}
	if err := fresh.Execute(ctx); err != nil {
		return true, fmt.Errorf("failed to execute task: %w", err)
	}
	return true, nil
}

func (r *Runner) logError(ctx context.Context, message string, err error) {
	if ctx.Err() == nil {
		r.client.telemetry.logger.ErrorContext(ctx, message, slog.Any("error", err))
	}
}
