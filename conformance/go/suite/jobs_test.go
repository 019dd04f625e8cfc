package suite

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"boxwood-conformance/internal/pb/tileboxv1"
	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// millisecondsOf reads the time in the first 48 bits of an id.
func millisecondsOf(id uuid.UUID) int64 {
	return int64(binary.BigEndian.Uint64(id[:8]) >> 16)
}

func TestJ6_N9_SubmittedJob(t *testing.T) {
	w := newWorld(t)
	before := time.Now().Truncate(time.Millisecond)
	job := w.submit("my job", &MyTask{}, &MyFirstTask{})
	equal(w, "name", job.Name, "my job")
	equal(w, "state", job.State, workflows.JobSubmitted)
	equal(w, "time in the id (N-9)", millisecondsOf(job.ID), job.SubmittedAt.UnixMilli())
	if job.SubmittedAt.Before(before) || job.SubmittedAt.After(time.Now()) {
		w.Errorf("submitted at %s, want between %s and now", job.SubmittedAt, before)
	}
	equal(w, "total tasks", job.ExecutionStats.TotalTasks, 2)
	displays := []string{}
	for _, summary := range job.TaskSummaries {
		displays = append(displays, summary.Display)
		equal(w, "state of a root task", summary.State, workflows.TaskQueued)
		equal(w, "parent of a root task", summary.ParentID, uuid.Nil)
	}
	equal(w, "root tasks in field 9", displays, []string{"MyTask", "MyFirstTask"})
	equal(w, "the same job when found again", w.job(job.ID).TraceParent, job.TraceParent)
}

func TestJ1_SubmissionsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, spoil := range map[string]func(*workflowsv1.SubmitJobRequest){
		"no name":               func(r *workflowsv1.SubmitJobRequest) { r.JobName = "" },
		"no trace parent":       func(r *workflowsv1.SubmitJobRequest) { r.TraceParent = "" },
		"no tasks":              func(r *workflowsv1.SubmitJobRequest) { r.Tasks = nil },
		"no groups":             func(r *workflowsv1.SubmitJobRequest) { r.Tasks.TaskGroups = nil },
		"65 groups (LM-1)":      func(r *workflowsv1.SubmitJobRequest) { r.Tasks = w.chainOfGroups(65) },
		"long input (LM-2)":     func(r *workflowsv1.SubmitJobRequest) { r.Tasks.TaskGroups[0].Inputs[0] = make([]byte, 2049) },
		"empty display (LM-6)":  func(r *workflowsv1.SubmitJobRequest) { r.Tasks.DisplayLookup[0] = "" },
		"no task name (LM-8)":   func(r *workflowsv1.SubmitJobRequest) { r.Tasks.IdentifierLookup[0].Name = "" },
		"long name (LM-8)":      func(r *workflowsv1.SubmitJobRequest) { r.Tasks.IdentifierLookup[0].Name = strings.Repeat("n", 257) },
		"bad version (LM-9)":    func(r *workflowsv1.SubmitJobRequest) { r.Tasks.IdentifierLookup[0].Version = "v1" },
		"negative retries":      func(r *workflowsv1.SubmitJobRequest) { r.Tasks.TaskGroups[0].MaxRetriesValues[0] = -1 },
		"short automation id":   func(r *workflowsv1.SubmitJobRequest) { r.AutomationId = &tileboxv1.ID{Uuid: []byte{1}} },
		"all-zero automation":   func(r *workflowsv1.SubmitJobRequest) { r.AutomationId = &tileboxv1.ID{Uuid: make([]byte, 16)} },
		"lists of other length": func(r *workflowsv1.SubmitJobRequest) { r.Tasks.TaskGroups[0].DisplayPointers = nil },
	} {
		t.Run(name, func(t *testing.T) {
			request := &workflowsv1.SubmitJobRequest{
				JobName: "refused", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Tasks: w.tasks(group("x")),
			}
			spoil(request)
			_, err := w.raw().jobs.SubmitJob(w.ctx, connect.NewRequest(request))
			expectCode(t, "submitting", err, connect.CodeInvalidArgument)
		})
	}
}

// chainOfGroups makes groups that each depend on the one before.
func (w *world) chainOfGroups(length int) *workflowsv1.TaskSubmissions {
	groups := []*workflowsv1.TaskSubmissionGroup{group("0")}
	for i := 1; i < length; i++ {
		groups = append(groups, after(group(fmt.Sprint(i)), uint32(i-1)))
	}
	return w.tasks(groups...)
}

func TestJ40_UnknownJob(t *testing.T) {
	w := newWorld(t)
	unknown := newID()
	_, err := w.client.Jobs.Get(w.ctx, unknown)
	expectCode(w, "get", err, connect.CodeNotFound)
	_, err = w.client.Jobs.Retry(w.ctx, unknown)
	expectCode(w, "retry (J-60)", err, connect.CodeNotFound)
	expectCode(w, "cancel (J-70)", w.client.Jobs.Cancel(w.ctx, unknown), connect.CodeNotFound)
	_, _, err = w.client.Jobs.QueryLogsPage(w.ctx, unknown, workflows.RecordQuery{})
	expectCode(w, "logs (O-37)", err, connect.CodeNotFound)
	_, _, err = w.client.Jobs.QuerySpansPage(w.ctx, unknown, workflows.RecordQuery{})
	expectCode(w, "spans (O-37)", err, connect.CodeNotFound)
	_, err = w.client.Jobs.Get(w.ctx, uuid.Nil)
	expectCode(w, "no id (N-8)", err, connect.CodeInvalidArgument)
}

// Field 9 and the statistics of a finished job, as the recordings have them.
func TestField9_OldLayoutAndStatistics(t *testing.T) {
	w := newWorld(t)
	job := w.submit("progress-example", &ParentTask{NumSubtasks: 5})
	w.runAll(&ParentTask{}, &ChildTask{})
	stored := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 6})

	if len(stored.TaskSummaries) != 6 {
		w.Fatalf("field 9 has %d summaries, want 6", len(stored.TaskSummaries))
	}
	root := stored.TaskSummaries[0]
	compute := time.Duration(0)
	for i, summary := range stored.TaskSummaries {
		equal(w, "state", summary.State, workflows.TaskComputed)
		if summary.StoppedAt.Before(summary.StartedAt) || summary.StartedAt.Before(stored.SubmittedAt) {
			w.Errorf("task %d ran from %s to %s, in a job of %s", i, summary.StartedAt, summary.StoppedAt, stored.SubmittedAt)
		}
		compute += summary.StoppedAt.Sub(summary.StartedAt)
		if i == 0 {
			equal(w, "display of the root", summary.Display, "ParentTask")
			equal(w, "parent of the root", summary.ParentID, uuid.Nil)
			continue
		}
		equal(w, "display", summary.Display, "ChildTask")
		equal(w, "parent", summary.ParentID, root.ID)
		if bytes.Compare(stored.TaskSummaries[i-1].ID[:], summary.ID[:]) >= 0 {
			w.Errorf("summary %d is not in ascending order of ids", i)
		}
	}
	stats := stored.ExecutionStats
	last := stored.TaskSummaries[5]
	equal(w, "first start (J-30)", stats.FirstTaskStartedAt, root.StartedAt)
	equal(w, "last stop (J-31)", stats.LastTaskStoppedAt, last.StoppedAt)
	equal(w, "elapsed (J-33)", stats.ElapsedTime, stats.LastTaskStoppedAt.Sub(stats.FirstTaskStartedAt))
	between(w, "compute time (J-32)", stats.ComputeTime, compute-time.Millisecond, compute+time.Millisecond)
	equal(w, "parallelism of one runner (J-34)", stats.Parallelism, 1.0)

	answer, err := w.raw().jobs.GetJob(w.ctx, connect.NewRequest(&workflowsv1.GetJobRequest{JobId: wire(job.ID)}))
	w.must(err)
	legacy := answer.Msg
	equal(w, "legacy state (J-24)", legacy.GetLegacyState(), workflowsv1.LegacyJobState_LEGACY_JOB_STATE_COMPLETED)
	equal(w, "canceled (J-24)", legacy.GetCanceled(), false)
	equal(w, "legacy start (J-24)", legacy.GetStartedAt().AsTime(), stats.FirstTaskStartedAt)
}

// movie fails at its third child, until it is told not to.
type movie struct{}

func (t *movie) Execute(ctx context.Context) error {
	return submitMovies(ctx)
}

func submitMovies(ctx context.Context) error {
	for i := range 4 {
		if _, err := workflows.SubmitSubtask(ctx, &movieScene{Scene: i}); err != nil {
			return err
		}
	}
	return nil
}

type movieScene struct{ Scene int }

func (t *movieScene) Execute(ctx context.Context) error {
	note(ctx, "scene %d", t.Scene)
	if t.Scene == 2 && setting[string](ctx, "projector") == "broken" {
		return fmt.Errorf("the projector is broken")
	}
	return nil
}

func TestJ61ToJ68_RetryResumesAtThePointOfFailure(t *testing.T) {
	w := newWorld(t)
	w.journal.set("projector", "broken")
	job := w.submit("movie", &movie{})
	w.runAll(&movie{}, &movieScene{})
	w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{
		workflows.TaskComputed: 3, workflows.TaskFailed: 1, workflows.TaskQueued: 1,
	})
	w.journal.set("projector", "repaired")
	count, err := w.client.Jobs.Retry(w.ctx, job.ID)
	w.must(err)
	equal(w, "tasks rescheduled (J-64)", count, 1)
	w.expectJob(job.ID, workflows.JobStarted, map[workflows.TaskState]uint64{workflows.TaskComputed: 3, workflows.TaskQueued: 2})
	w.runAll(&movie{}, &movieScene{})
	equal(w, "executed (J-68)", w.journal.all(), []string{"scene 0", "scene 1", "scene 2", "scene 2", "scene 3"})
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 5})
	count, err = w.client.Jobs.Retry(w.ctx, job.ID)
	w.must(err)
	equal(w, "retrying a job that is not halted (J-67)", count, 0)
}

// The recorded replay: after a retry with no runner active the job is RUNNING, and errors pile up in the display.
func TestJ22_FlakyJobRetriedByHand(t *testing.T) {
	w := newWorld(t)
	job := w.submit("flaky-task", &FlakyTask{Failures: 2})
	want := "FlakyTask"
	for failure := 1; failure <= 2; failure++ {
		w.runAll(&FlakyTask{})
		want += fmt.Sprintf("\nfailed to execute task: failure %d", failure)
		failed := w.expectJob(job.ID, workflows.JobFailed, map[workflows.TaskState]uint64{workflows.TaskFailed: 1})
		equal(w, "display", failed.TaskSummaries[0].Display, want)
		count, err := w.client.Jobs.Retry(w.ctx, job.ID)
		w.must(err)
		equal(w, "tasks rescheduled", count, 1)
		equal(w, "state after the retry", w.job(job.ID).State, workflows.JobRunning)
	}
	w.runAll(&FlakyTask{})
	handed := w.calls.handedOut()
	equal(w, "display handed out the third time", handed[2].GetDisplay(), want)
	equal(w, "retry count keeps counting (J-65)", handed[2].GetRetryCount(), 2)
	done := w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
	equal(w, "statistics describe the last run (J-32)", done.ExecutionStats.ComputeTime, done.ExecutionStats.ElapsedTime)
}

func TestJ71ToJ75_Cancel(t *testing.T) {
	w := newWorld(t)
	job, root, ask := w.rootTask()
	w.must(w.client.Jobs.Cancel(w.ctx, job.ID))
	w.must(w.client.Jobs.Cancel(w.ctx, job.ID)) // J-75

	if lease := w.extend(root, 30*time.Second); lease.GetLease() == nil {
		w.Error("a running task of a canceled job lost its lease (J-72)")
	}
	report := computed(root)
	report.SubTasks = w.tasks(group("0", "1"))
	w.expectIdle(report, ask)
	w.expectJob(job.ID, workflows.JobCanceled, map[workflows.TaskState]uint64{ // J-73
		workflows.TaskComputed: 1, workflows.TaskQueued: 2,
	})
	count, err := w.client.Jobs.Retry(w.ctx, job.ID) // J-74
	w.must(err)
	equal(w, "tasks rescheduled (J-64)", count, 0)
	first := w.expectTask(nil, ask)
	second := w.expectTask(computed(first), ask)
	w.expectIdle(computed(second), ask)
	w.must(w.client.Jobs.Cancel(w.ctx, job.ID))
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 3})
}

func TestJ21_J24_StatesAndLegacyFields(t *testing.T) {
	w := newWorld(t)
	legacy := func(job *workflows.Job, state workflowsv1.JobState, old workflowsv1.LegacyJobState, canceled bool) {
		w.Helper()
		answer, err := w.raw().jobs.GetJob(w.ctx, connect.NewRequest(&workflowsv1.GetJobRequest{JobId: wire(job.ID)}))
		w.must(err)
		equal(w, "state", answer.Msg.GetState(), state)
		equal(w, "legacy state", answer.Msg.GetLegacyState(), old)
		equal(w, "canceled", answer.Msg.GetCanceled(), canceled)
	}
	job := w.submit("states", &MyTask{}, &MyTask{})
	legacy(job, workflowsv1.JobState_JOB_STATE_SUBMITTED, workflowsv1.LegacyJobState_LEGACY_JOB_STATE_QUEUED, false)
	ask := w.ask(identifier("MyTask", "v0.0"))
	first := w.expectTask(nil, ask)
	legacy(job, workflowsv1.JobState_JOB_STATE_RUNNING, workflowsv1.LegacyJobState_LEGACY_JOB_STATE_STARTED, false)
	w.nextTask(computed(first), nil)
	legacy(job, workflowsv1.JobState_JOB_STATE_STARTED, workflowsv1.LegacyJobState_LEGACY_JOB_STATE_STARTED, false)
	w.must(w.client.Jobs.Cancel(w.ctx, job.ID))
	legacy(job, workflowsv1.JobState_JOB_STATE_CANCELED, workflowsv1.LegacyJobState_LEGACY_JOB_STATE_STARTED, true)
	_, err := w.client.Jobs.Retry(w.ctx, job.ID)
	w.must(err)
	second := w.expectTask(nil, ask)
	w.taskFailed(&workflowsv1.TaskFailedRequest{TaskId: second.GetId(), WasWorkflowError: true})
	legacy(job, workflowsv1.JobState_JOB_STATE_FAILED, workflowsv1.LegacyJobState_LEGACY_JOB_STATE_STARTED, true)
}

// stealing takes the oldest job first.
func TestR13_OldestJobFirst(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.submit(fmt.Sprint("job ", i), &RecursiveTask{Num: 2 + i*10})
	}
	w.runAll(&RecursiveTask{})
	equal(w, "executed", w.journal.all(), []string{
		"Executing recursive task 2", "Executing recursive task 1",
		"Executing recursive task 12", "Executing recursive task 6", "Executing recursive task 3", "Executing recursive task 1",
		"Executing recursive task 22", "Executing recursive task 11", "Executing recursive task 5", "Executing recursive task 2", "Executing recursive task 1",
	})
}

func names(jobs []*workflows.Job) []string {
	list := make([]string, 0, len(jobs))
	for _, job := range jobs {
		list = append(list, job.Name)
	}
	return list
}

func (w *world) query(query workflows.Query) []string {
	w.Helper()
	jobs, err := workflows.Collect(w.client.Jobs.Query(w.ctx, query))
	w.must(err)
	return names(jobs)
}

func TestJ42ToJ55_QueryFilters(t *testing.T) {
	w := newServer(t)
	elsewhere := w.newCluster()
	automation := newID()
	before := time.Now().Add(-time.Minute)

	completed := w.submit("Acme/Mosaic_one", &MyTask{})
	w.runAll(&MyTask{})
	failed := w.submit("acme mosaic two", &FlakyTask{Failures: 1})
	w.runAll(&FlakyTask{})
	canceled := w.submit("beta.mosaic-three", &MyTask{})
	w.must(w.client.Jobs.Cancel(w.ctx, canceled.ID))
	waiting, err := w.client.Jobs.Submit(w.ctx, "waiting elsewhere", []workflows.Task{&MyTask{}}, workflows.OnCluster(elsewhere))
	w.must(err)
	automatic, err := w.raw().jobs.SubmitJob(w.ctx, connect.NewRequest(&workflowsv1.SubmitJobRequest{
		JobName: "automatic", AutomationId: wire(automation), Tasks: w.tasks(group("x")),
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03",
	}))
	w.must(err)
	equal(w, "trace parent with flags 03 returned unchanged", automatic.Msg.GetTraceParent(),
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03")

	all := []string{"automatic", "waiting elsewhere", "beta.mosaic-three", "acme mosaic two", "Acme/Mosaic_one"}
	ascending := slices.Clone(all)
	slices.Reverse(ascending)
	tomorrow := time.Now().Add(24 * time.Hour)
	for name, example := range map[string]struct {
		query workflows.Query
		want  []string
	}{
		"everything, newest first (J-51)": {workflows.Query{}, all},
		"descending":                      {workflows.Query{Sort: workflows.Descending}, all},
		"ascending":                       {workflows.Query{Sort: workflows.Ascending}, ascending},
		"one state (J-47)":                {workflows.Query{States: []workflows.JobState{workflows.JobFailed}}, all[3:4]},
		"several states are alternatives": {workflows.Query{States: []workflows.JobState{workflows.JobCompleted, workflows.JobCanceled}},
			[]string{"beta.mosaic-three", "Acme/Mosaic_one"}},
		"task state (J-48)": {workflows.Query{TaskStates: []workflows.TaskState{workflows.TaskFailed, workflows.TaskComputed}},
			[]string{"acme mosaic two", "Acme/Mosaic_one"}},
		"name, whatever its case (J-46)":   {workflows.Query{Name: "MOSAIC"}, all[2:]},
		"words of the name in any order":   {workflows.Query{Name: "one acme"}, all[4:]},
		"marks between words are alike":    {workflows.Query{Name: "mosaic-two"}, all[3:4]},
		"no such word":                     {workflows.Query{Name: "collage"}, []string{}},
		"automation (J-49)":                {workflows.Query{AutomationIDs: []uuid.UUID{automation}}, all[:1]},
		"filters are combined":             {workflows.Query{Name: "acme", States: []workflows.JobState{workflows.JobCompleted}}, all[4:]},
		"time interval":                    {workflows.Query{SubmittedFrom: before, SubmittedTill: tomorrow}, all},
		"a time interval in the past":      {workflows.Query{SubmittedFrom: before.Add(-time.Hour), SubmittedTill: before}, []string{}},
		"start included (J-43)":            {workflows.Query{SubmittedFrom: waiting.SubmittedAt, SubmittedTill: tomorrow}, submittedFrom(waiting, completed, failed, canceled, waiting, all)},
		"limit 2":                          {workflows.Query{Limit: 2}, all[:2]},
		"limit 2 after the second":         {workflows.Query{Limit: 2, Cursor: waiting.ID}, all[2:4]},
		"cursor, ascending":                {workflows.Query{Cursor: failed.ID, Sort: workflows.Ascending}, ascending[2:]},
		"a limit above the number of jobs": {workflows.Query{Limit: 50}, all},
	} {
		t.Run(name, func(t *testing.T) { equal(t, "jobs", w.query(example.query), example.want) })
	}

	jobs, err := workflows.Collect(w.client.Jobs.Query(w.ctx, workflows.Query{States: []workflows.JobState{workflows.JobCompleted}}))
	w.must(err)
	equal(w, "summaries in query answers (J-55)", len(jobs[0].TaskSummaries), 0)
	equal(w, "statistics in query answers (J-55)", jobs[0].ExecutionStats.TotalTasks, 1)
	jobs, err = workflows.Collect(w.client.Jobs.Query(w.ctx, workflows.Query{AutomationIDs: []uuid.UUID{automation}}))
	w.must(err)
	equal(w, "automation (J-7)", jobs[0].AutomationID, automation)
	w.rawQueries(completed, failed, canceled, elsewhere)
}

// submittedFrom lists the names of jobs submitted in the same millisecond as one of them, or later.
func submittedFrom(from, completed, failed, canceled, waiting *workflows.Job, all []string) []string {
	list := slices.Clone(all[:2])
	for i, job := range []*workflows.Job{canceled, failed, completed} {
		if !job.SubmittedAt.Before(from.SubmittedAt) {
			list = append(list, all[2+i])
		}
	}
	return list
}

// rawQueries asks what the Go client cannot: clusters, id intervals, both intervals, a limit of zero.
func (w *world) rawQueries(completed, failed, canceled *workflows.Job, elsewhere string) {
	w.Helper()
	ask := func(request *workflowsv1.QueryJobsRequest) []string {
		w.Helper()
		response, err := w.raw().jobs.QueryJobs(w.ctx, connect.NewRequest(request))
		w.must(err)
		list := []string{}
		for _, job := range response.Msg.GetJobs() {
			list = append(list, job.GetName())
		}
		return list
	}
	equal(w, "cluster (J-50)", ask(&workflowsv1.QueryJobsRequest{
		Filters: &workflowsv1.QueryFilters{ClusterSlugs: []string{elsewhere}},
	}), []string{"waiting elsewhere"})
	equal(w, "id interval, half open (J-44)", ask(&workflowsv1.QueryJobsRequest{
		Filters: &workflowsv1.QueryFilters{IdInterval: &tileboxv1.IDInterval{StartId: wire(completed.ID), EndId: wire(canceled.ID)}},
	}), []string{failed.Name, completed.Name})
	equal(w, "id interval, turned round (J-44)", ask(&workflowsv1.QueryJobsRequest{
		Filters: &workflowsv1.QueryFilters{IdInterval: &tileboxv1.IDInterval{
			StartId: wire(completed.ID), EndId: wire(canceled.ID), StartExclusive: true, EndInclusive: true,
		}},
	}), []string{canceled.Name, failed.Name})

	refuse := func(what string, request *workflowsv1.QueryJobsRequest) {
		w.Helper()
		_, err := w.raw().jobs.QueryJobs(w.ctx, connect.NewRequest(request))
		expectCode(w, what, err, connect.CodeInvalidArgument)
	}
	refuse("both intervals (J-45)", &workflowsv1.QueryJobsRequest{Filters: &workflowsv1.QueryFilters{
		IdInterval:   &tileboxv1.IDInterval{StartId: wire(completed.ID), EndId: wire(failed.ID)},
		TimeInterval: &tileboxv1.TimeInterval{StartTime: timestamppb.Now(), EndTime: timestamppb.Now()},
	}})
	zero := int64(0)
	refuse("a limit of zero (J-54)", &workflowsv1.QueryJobsRequest{Page: &tileboxv1.Pagination{Limit: &zero}})
	refuse("a name of 101 characters (LM-15)", &workflowsv1.QueryJobsRequest{
		Filters: &workflowsv1.QueryFilters{Name: strings.Repeat("n", 101)},
	})
}

// J-52, J-53: pages follow each other without gaps, while new jobs come in.
func TestJ52_J53_Paging(t *testing.T) {
	w := newServer(t)
	want := []string{}
	for i := range 25 {
		want = append([]string{w.submit(fmt.Sprint("job ", i), &MyTask{}).Name}, want...)
	}
	query := workflows.Query{Limit: 10}
	got := []string{}
	for page := 0; ; page++ {
		jobs, cursor, err := w.client.Jobs.QueryPage(w.ctx, query)
		w.must(err)
		got = append(got, names(jobs)...)
		w.submit(fmt.Sprint("late ", page), &MyTask{})
		if cursor == uuid.Nil {
			equal(w, "jobs on the last page", len(jobs), 5)
			break
		}
		equal(w, "cursor", cursor, jobs[len(jobs)-1].ID)
		query.Cursor = cursor
	}
	equal(w, "all pages", got, want)

	exact, cursor, err := w.client.Jobs.QueryPage(w.ctx, workflows.Query{Limit: 28})
	w.must(err)
	equal(w, "jobs when the limit is their number", len(exact), 28)
	equal(w, "cursor when nothing is left", cursor, uuid.Nil)
}

// J-52: 100 jobs a page when no limit is asked for; the client follows.
func TestJ52_DefaultPage(t *testing.T) {
	w := newServer(t)
	for i := range 103 {
		w.submit(fmt.Sprint("job ", i), &MyTask{})
	}
	page, cursor, err := w.client.Jobs.QueryPage(w.ctx, workflows.Query{})
	w.must(err)
	equal(w, "jobs on the first page", len(page), 100)
	if cursor == uuid.Nil {
		w.Error("the first page does not lead to the next")
	}
	equal(w, "jobs in all", len(w.query(workflows.Query{})), 103)
	equal(w, "an enormous limit", len(w.query(workflows.Query{Limit: math.MaxInt32})), 103)
}
