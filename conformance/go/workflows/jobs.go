package workflows

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"boxwood-conformance/internal/pb/oldlayout"
	"boxwood-conformance/internal/pb/tileboxv1"
	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/internal/pb/workflowsv1/workflowsv1connect"
)

// JobState is the state of a job, numbered as on the wire.
type JobState int32

// The states of a job.
const (
	JobSubmitted JobState = 1 + iota
	JobRunning
	JobStarted
	JobCompleted
	JobFailed
	JobCanceled
)

// TaskState is the state of a task, numbered as on the wire.
type TaskState int32

// The states of a task.
const (
	TaskQueued TaskState = 1 + iota
	TaskRunning
	TaskComputed
	TaskFailed
	TaskSkipped
	TaskFailedOptional
)

// Job is a job as the server last described it.
type Job struct {
	ID             uuid.UUID
	Name           string
	TraceParent    string
	State          JobState
	SubmittedAt    time.Time
	TaskSummaries  []TaskSummary
	AutomationID   uuid.UUID
	Progress       []ProgressIndicator
	ExecutionStats *ExecutionStats
}

// TaskSummary is one task of a job, read from field 9 in its old layout.
type TaskSummary struct {
	ID        uuid.UUID
	Display   string
	State     TaskState
	ParentID  uuid.UUID
	StartedAt time.Time
	StoppedAt time.Time
}

// ProgressIndicator is one progress bar of a job.
type ProgressIndicator struct {
	Label string
	Total uint64
	Done  uint64
}

// ExecutionStats says what a job has consumed.
type ExecutionStats struct {
	FirstTaskStartedAt time.Time
	LastTaskStoppedAt  time.Time
	ComputeTime        time.Duration
	ElapsedTime        time.Duration
	Parallelism        float64
	TotalTasks         uint64
	TasksByState       map[TaskState]uint64
}

// JobClient submits, finds, controls and lists jobs.
type JobClient struct {
	service   workflowsv1connect.JobServiceClient
	records   workflowsv1connect.TelemetryQueryServiceClient
	telemetry *telemetry
}

// SubmitOption changes how a job is submitted.
type SubmitOption func(*submitSettings)

type submitSettings struct {
	clusterSlug string
	maxRetries  int64
}

// OnCluster sends the root tasks to a cluster other than the default one.
func OnCluster(slug string) SubmitOption {
	return func(s *submitSettings) { s.clusterSlug = slug }
}

// RetryingRootTasks allows the root tasks so many further executions after a failure.
func RetryingRootTasks(retries int64) SubmitOption {
	return func(s *submitSettings) { s.maxRetries = retries }
}

// Submit submits a job. Its trace parent is the span of the submission.
func (c *JobClient) Submit(ctx context.Context, name string, tasks []Task, options ...SubmitOption) (*Job, error) {
	if len(tasks) == 0 {
		return nil, errors.New("no tasks to submit")
	}
	var chosen submitSettings
	for _, option := range options {
		option(&chosen)
	}
	pending := make([]*pendingTask, 0, len(tasks))
	for _, task := range tasks {
		one, err := newPendingTask(task, chosen.clusterSlug, chosen.maxRetries)
		if err != nil {
			return nil, err
		}
		pending = append(pending, one)
	}
	ctx, span := c.telemetry.tracer.Start(ctx, "workflows/jobs/submit")
	defer span.End()
	job, err := call(ctx, noTracer(), "", "submit job", c.service.SubmitJob, &workflowsv1.SubmitJobRequest{
		Tasks:       encodeSubmissions(pending),
		JobName:     name,
		TraceParent: traceParentOf(span.SpanContext()),
	})
	if err != nil {
		return nil, err
	}
	return readJob(job)
}

// traceParentOf writes a span context in the W3C form; without a real span it makes up a sampled one.
func traceParentOf(span trace.SpanContext) string {
	if span.IsValid() {
		return fmt.Sprintf("00-%s-%s-%s", span.TraceID(), span.SpanID(), span.TraceFlags())
	}
	var random [24]byte
	rand.Read(random[:])
	return fmt.Sprintf("00-%x-%x-01", random[:16], random[16:])
}

// Get returns a job.
func (c *JobClient) Get(ctx context.Context, id uuid.UUID) (*Job, error) {
	job, err := call(ctx, c.telemetry.tracer, "workflows/jobs/get", "get job",
		c.service.GetJob, &workflowsv1.GetJobRequest{JobId: wireID(id)})
	if err != nil {
		return nil, err
	}
	return readJob(job)
}

// Retry queues the failed tasks of a job again and returns their number.
func (c *JobClient) Retry(ctx context.Context, id uuid.UUID) (int64, error) {
	response, err := call(ctx, c.telemetry.tracer, "workflows/jobs/retry", "retry job",
		c.service.RetryJob, &workflowsv1.RetryJobRequest{JobId: wireID(id)})
	return response.GetNumTasksRescheduled(), err
}

// Cancel stops a job from handing out further tasks.
func (c *JobClient) Cancel(ctx context.Context, id uuid.UUID) error {
	_, err := call(ctx, c.telemetry.tracer, "workflows/jobs/cancel", "cancel job",
		c.service.CancelJob, &workflowsv1.CancelJobRequest{JobId: wireID(id)})
	return err
}

// SortDirection orders query results by submission; the zero value leaves the choice to the server.
type SortDirection int32

// The two directions that can be asked for.
const (
	Ascending  SortDirection = 1
	Descending SortDirection = 2
)

// Query selects jobs. Its zero value selects all of them.
type Query struct {
	SubmittedFrom time.Time // included; used when SubmittedTill is set
	SubmittedTill time.Time // excluded
	AutomationIDs []uuid.UUID
	States        []JobState
	TaskStates    []TaskState
	Name          string
	Sort          SortDirection
	Limit         int64     // at most so many jobs; 0 for all
	Cursor        uuid.UUID // continue after this job
}

// Query returns the selected jobs, fetching page after page as they are consumed.
func (c *JobClient) Query(ctx context.Context, query Query) iter.Seq2[*Job, error] {
	return func(yield func(*Job, error) bool) {
		for remaining := query.Limit; ; {
			jobs, cursor, err := c.QueryPage(ctx, query)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, job := range jobs {
				if !yield(job, nil) {
					return
				}
			}
			remaining -= int64(len(jobs))
			if cursor == uuid.Nil || (query.Limit > 0 && remaining <= 0) {
				return
			}
			query.Cursor = cursor
			if query.Limit > 0 {
				query.Limit = remaining
			}
		}
	}
}

// QueryPage returns one page and the cursor of the next one, zero on the last page.
func (c *JobClient) QueryPage(ctx context.Context, query Query) ([]*Job, uuid.UUID, error) {
	response, err := call(ctx, c.telemetry.tracer, "workflows/jobs/query", "query jobs",
		c.service.QueryJobs, &workflowsv1.QueryJobsRequest{
			Filters:       query.filters(),
			Page:          wirePage(query.Limit, query.Cursor),
			SortDirection: tileboxv1.SortDirection(query.Sort),
		})
	if err != nil {
		return nil, uuid.Nil, err
	}
	jobs := make([]*Job, 0, len(response.GetJobs()))
	for _, wire := range response.GetJobs() {
		job, err := readJob(wire)
		if err != nil {
			return nil, uuid.Nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, readID(response.GetNextPage().GetStartingAfter()), nil
}

func (q Query) filters() *workflowsv1.QueryFilters {
	filters := &workflowsv1.QueryFilters{Name: q.Name}
	if !q.SubmittedTill.IsZero() {
		filters.TimeInterval = &tileboxv1.TimeInterval{
			StartTime: timestamppb.New(q.SubmittedFrom),
			EndTime:   timestamppb.New(q.SubmittedTill),
		}
	}
	for _, id := range q.AutomationIDs {
		filters.AutomationIds = append(filters.AutomationIds, wireID(id))
	}
	for _, state := range q.States {
		filters.States = append(filters.States, workflowsv1.JobState(state))
	}
	for _, state := range q.TaskStates {
		filters.TaskStates = append(filters.TaskStates, workflowsv1.TaskState(state))
	}
	return filters
}

// wirePage is absent unless a limit or a cursor was chosen.
func wirePage(limit int64, cursor uuid.UUID) *tileboxv1.Pagination {
	if limit == 0 && cursor == uuid.Nil {
		return nil
	}
	page := &tileboxv1.Pagination{StartingAfter: wireID(cursor)}
	if limit != 0 {
		page.Limit = proto.Int64(limit)
	}
	return page
}

// Collect drains a sequence; the first error ends it.
func Collect[T any](sequence iter.Seq2[T, error]) ([]T, error) {
	var values []T
	for value, err := range sequence {
		if err != nil {
			return values, err
		}
		values = append(values, value)
	}
	return values, nil
}

func readJob(wire *workflowsv1.Job) (*Job, error) {
	summaries, err := readOldSummaries(wire)
	if err != nil {
		return nil, err
	}
	job := &Job{
		ID:            readID(wire.GetId()),
		Name:          wire.GetName(),
		TraceParent:   wire.GetTraceParent(),
		State:         JobState(wire.GetState()),
		SubmittedAt:   wire.GetSubmittedAt().AsTime(),
		TaskSummaries: summaries,
		AutomationID:  readID(wire.GetAutomationId()),
	}
	for _, indicator := range wire.GetProgress() {
		job.Progress = append(job.Progress, ProgressIndicator{
			Label: indicator.GetLabel(), Total: indicator.GetTotal(), Done: indicator.GetDone(),
		})
	}
	if stats := wire.GetExecutionStats(); stats != nil {
		job.ExecutionStats = readStats(stats)
	}
	return job, nil
}

// readOldSummaries reads field 9 with this suite's own definition of the old layout.
func readOldSummaries(wire *workflowsv1.Job) ([]TaskSummary, error) {
	encoded, err := proto.Marshal(wire)
	if err != nil {
		return nil, err
	}
	var old oldlayout.Job
	if err := proto.Unmarshal(encoded, &old); err != nil {
		return nil, fmt.Errorf("field 9 of the job is not in the old layout: %w", err)
	}
	summaries := make([]TaskSummary, 0, len(old.GetTaskSummaries()))
	for _, summary := range old.GetTaskSummaries() {
		summaries = append(summaries, TaskSummary{
			ID:        readID(summary.GetId()),
			Display:   summary.GetDisplay(),
			State:     TaskState(summary.GetState()),
			ParentID:  readID(summary.GetParentId()),
			StartedAt: summary.GetStartedAt().AsTime(),
			StoppedAt: summary.GetStoppedAt().AsTime(),
		})
	}
	return summaries, nil
}

func readStats(wire *workflowsv1.ExecutionStats) *ExecutionStats {
	stats := &ExecutionStats{
		FirstTaskStartedAt: wire.GetFirstTaskStartedAt().AsTime(),
		LastTaskStoppedAt:  wire.GetLastTaskStoppedAt().AsTime(),
		ComputeTime:        wire.GetComputeTime().AsDuration(),
		ElapsedTime:        wire.GetElapsedTime().AsDuration(),
		Parallelism:        wire.GetParallelism(),
		TotalTasks:         wire.GetTotalTasks(),
		TasksByState:       map[TaskState]uint64{},
	}
	for _, count := range wire.GetTasksByState() {
		stats.TasksByState[TaskState(count.GetState())] += count.GetCount()
	}
	return stats
}
