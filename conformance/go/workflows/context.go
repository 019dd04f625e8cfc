package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/uuid"

	"boxwood-conformance/internal/pb/workflowsv1"
)

// execution is what one execution of a task collects for its report.
type execution struct {
	task        *workflowsv1.Task
	clusterSlug string
	telemetry   *telemetry

	mutex      sync.Mutex
	display    string
	pending    []*pendingTask
	indicators []*Indicator
}

type executionKey struct{}

var errNotExecuting = errors.New("not called from inside an executing task")

func executionOf(ctx context.Context) (*execution, error) {
	current, ok := ctx.Value(executionKey{}).(*execution)
	if !ok {
		return nil, errNotExecuting
	}
	return current, nil
}

// Future is a sub-task submitted by the current execution, to be named as a dependency.
type Future uint32

// SubtaskOption changes how a sub-task is submitted.
type SubtaskOption func(*subtaskSettings)

type subtaskSettings struct {
	dependencies []Future
	clusterSlug  string
	maxRetries   int64
	optional     bool
}

// WithDependencies lets the sub-task wait for others of the same execution.
func WithDependencies(futures ...Future) SubtaskOption {
	return func(s *subtaskSettings) { s.dependencies = append(s.dependencies, futures...) }
}

// WithClusterSlug sends the sub-task to another cluster.
func WithClusterSlug(slug string) SubtaskOption {
	return func(s *subtaskSettings) { s.clusterSlug = slug }
}

// WithMaxRetries allows so many further executions after a failure.
func WithMaxRetries(retries int64) SubtaskOption {
	return func(s *subtaskSettings) { s.maxRetries = retries }
}

// WithOptional lets the job go on when the sub-task fails.
func WithOptional() SubtaskOption {
	return func(s *subtaskSettings) { s.optional = true }
}

// SubmitSubtask adds a sub-task to the report of the current execution.
func SubmitSubtask(ctx context.Context, task Task, options ...SubtaskOption) (Future, error) {
	current, err := executionOf(ctx)
	if err != nil {
		return 0, err
	}
	chosen := subtaskSettings{clusterSlug: current.clusterSlug}
	for _, option := range options {
		option(&chosen)
	}
	pending, err := newPendingTask(task, chosen.clusterSlug, chosen.maxRetries)
	if err != nil {
		return 0, err
	}
	pending.optional = chosen.optional

	current.mutex.Lock()
	defer current.mutex.Unlock()
	for _, dependency := range chosen.dependencies {
		if int(dependency) >= len(current.pending) {
			return 0, fmt.Errorf("dependency %d was not submitted by this execution", dependency)
		}
		pending.dependencies = append(pending.dependencies, uint32(dependency))
	}
	current.pending = append(current.pending, pending)
	return Future(len(current.pending) - 1), nil
}

// SubmitSubtasks adds several sub-tasks with the same options, in order.
func SubmitSubtasks[T Task](ctx context.Context, tasks []T, options ...SubtaskOption) ([]Future, error) {
	futures := make([]Future, 0, len(tasks))
	for _, task := range tasks {
		future, err := SubmitSubtask(ctx, task, options...)
		if err != nil {
			return nil, err
		}
		futures = append(futures, future)
	}
	return futures, nil
}

// SetTaskDisplay replaces the display of the current task.
func SetTaskDisplay(ctx context.Context, display string) error {
	current, err := executionOf(ctx)
	if err != nil {
		return err
	}
	current.mutex.Lock()
	defer current.mutex.Unlock()
	current.display = display
	return nil
}

// CurrentCluster returns the slug of the cluster the current task runs on.
func CurrentCluster(ctx context.Context) (string, error) {
	current, err := executionOf(ctx)
	if err != nil {
		return "", err
	}
	return current.clusterSlug, nil
}

// CurrentJob returns the id of the job the current task belongs to.
func CurrentJob(ctx context.Context) (uuid.UUID, error) {
	current, err := executionOf(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	return readID(current.task.GetJob().GetId()), nil
}

// Logger returns the logger of the current task; outside of a task it discards everything.
func Logger(ctx context.Context) *slog.Logger {
	current, err := executionOf(ctx)
	if err != nil {
		return slog.New(slog.DiscardHandler)
	}
	return current.telemetry.logger
}

// WithSpan runs a function inside a span below the current one.
func WithSpan(ctx context.Context, name string, work func(context.Context) error) error {
	current, err := executionOf(ctx)
	if err != nil {
		return work(ctx)
	}
	return inSpan(ctx, current.telemetry.tracer, name, work)
}

// Indicator is one progress bar of the current execution.
type Indicator struct {
	mutex *sync.Mutex
	label string
	total uint64
	done  uint64
}

// DefaultProgress is the unnamed progress indicator.
func DefaultProgress(ctx context.Context) *Indicator { return Progress(ctx, unnamedIndicator) }

// Progress is a named progress indicator. Outside of a task it counts for nothing.
func Progress(ctx context.Context, label string) *Indicator {
	current, err := executionOf(ctx)
	if err != nil {
		return &Indicator{mutex: &sync.Mutex{}, label: label}
	}
	current.mutex.Lock()
	defer current.mutex.Unlock()
	for _, known := range current.indicators {
		if known.label == label {
			return known
		}
	}
	fresh := &Indicator{mutex: &current.mutex, label: label}
	current.indicators = append(current.indicators, fresh)
	return fresh
}

// Add adds to the amount of work there is.
func (i *Indicator) Add(count uint64) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.total += count
}

// Done adds to the amount of work that is done.
func (i *Indicator) Done(count uint64) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.done += count
}

// progressUpdates are the totals of this execution, label by label.
func (e *execution) progressUpdates() []*workflowsv1.Progress {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	updates := make([]*workflowsv1.Progress, 0, len(e.indicators))
	for _, indicator := range e.indicators {
		updates = append(updates, &workflowsv1.Progress{
			Label: indicator.label, Total: indicator.total, Done: indicator.done,
		})
	}
	return updates
}

func (e *execution) currentDisplay() string {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.display
}
