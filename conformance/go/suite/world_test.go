package suite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"google.golang.org/protobuf/proto"

	"boxwood-conformance/internal/pb/tileboxv1"
	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/internal/pb/workflowsv1/workflowsv1connect"
	"boxwood-conformance/server"
	"boxwood-conformance/workflows"
)

// apiKey makes the client export its telemetry; a server without authentication takes any key.
const apiKey = "conformance-key"

// patience bounds every wait of the suite that should take no time at all.
const patience = 30 * time.Second

// clusterNameMax is the longest name of a cluster; those of sub-tests can be longer.
const clusterNameMax = 100

// sharedServer serves all tests that look only at their own cluster and their own jobs.
var sharedServer *server.Process

func TestMain(m *testing.M) {
	if os.Getenv(runnerAddressVariable) != "" {
		os.Exit(runAsRunnerProcess())
	}
	os.Exit(runSuite(m))
}

func runSuite(m *testing.M) int {
	otel.SetErrorHandler(&exportFailures{seen: map[string]bool{}})
	dataDir, err := os.MkdirTemp("", "boxwood-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dataDir)
	if sharedServer, err = server.Start(dataDir, "127.0.0.1:0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	status := m.Run()
	if err := sharedServer.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if status != 0 && sharedServer.Talk() != "" {
		fmt.Fprintf(os.Stderr, "the shared server said:\n%s\n", sharedServer.Talk())
	}
	return status
}

// exportFailures prints each kind of failed telemetry export once. Tests that look at telemetry see
// the errors themselves; the others, and those that stop their server, need not.
type exportFailures struct {
	mutex sync.Mutex
	seen  map[string]bool
}

var portPattern = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// Handle implements otel.ErrorHandler.
func (f *exportFailures) Handle(err error) {
	kind := portPattern.ReplaceAllString(err.Error(), "the server")
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if !f.seen[kind] && !strings.Contains(kind, "connection refused") {
		f.seen[kind] = true
		fmt.Fprintln(os.Stderr, "telemetry export:", kind)
	}
}

// world is what one test works with: a server, a cluster of its own on it, and a client.
type world struct {
	*testing.T
	ctx     context.Context
	address string
	cluster string
	journal *journal
	reports *pulse
	client  *workflows.Client
	calls   *callLog
}

// newWorld gives a test a fresh cluster on the shared server.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := connectTo(t, sharedServer.Address)
	w.cluster = w.newCluster()
	return w
}

// newServer gives a test a server of its own and works on its default cluster. Further arguments go to the server.
func newServer(t *testing.T, arguments ...string) *world {
	t.Helper()
	t.Parallel()
	process := startServer(t, t.TempDir(), "127.0.0.1:0", arguments...)
	w := connectTo(t, process.Address)
	standard, err := w.raw().workflows.GetCluster(w.ctx, connect.NewRequest(&workflowsv1.GetClusterRequest{}))
	w.must(err)
	w.cluster = standard.Msg.GetSlug()
	return w
}

// startServer runs a server for the time of a test, which fails if the server does not end well.
func startServer(t *testing.T, dataDir, listen string, arguments ...string) *server.Process {
	t.Helper()
	process, err := server.Start(dataDir, listen, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", process.Talk())
		}
	})
	return process
}

func connectTo(t *testing.T, address string) *world {
	t.Helper()
	w := &world{T: t, address: address, journal: newJournal(), reports: newPulse()}
	w.ctx = context.WithValue(t.Context(), journalKey{}, w.journal)
	w.client, w.calls = w.connect()
	return w
}

// connect makes one more client and the log of its calls.
func (w *world) connect(options ...workflows.Option) (*workflows.Client, *callLog) {
	w.Helper()
	log := &callLog{reports: w.reports}
	options = append([]workflows.Option{
		workflows.WithURL(w.address), workflows.WithAPIKey(apiKey), workflows.WithInterceptors(log),
	}, options...)
	client, err := workflows.NewClient(w.ctx, options...)
	w.must(err)
	w.Cleanup(func() {
		// The test's own context is over by now. A server that is gone already costs an error nobody needs.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = client.Close(ctx)
	})
	return client, log
}

func (w *world) newCluster() string {
	w.Helper()
	name := w.Name()
	if len(name) > clusterNameMax {
		name = name[len(name)-clusterNameMax:]
	}
	cluster, err := w.client.Clusters.Create(w.ctx, name)
	w.must(err)
	return cluster.Slug
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// submit submits a job to the test's cluster.
func (w *world) submit(name string, tasks ...workflows.Task) *workflows.Job {
	w.Helper()
	job, err := w.client.Jobs.Submit(w.ctx, name, tasks, workflows.OnCluster(w.cluster))
	w.must(err)
	return job
}

// runner makes a runner on the test's cluster.
func (w *world) runner(tasks ...workflows.ExecutableTask) *workflows.Runner {
	w.Helper()
	return w.runnerOf(w.client, w.cluster, tasks...)
}

func (w *world) runnerOf(client *workflows.Client, cluster string, tasks ...workflows.ExecutableTask) *workflows.Runner {
	w.Helper()
	runner, err := client.NewRunner(w.ctx, cluster)
	w.must(err)
	w.must(runner.RegisterTasks(tasks...))
	return runner
}

// runAll runs one runner until it is idle.
func (w *world) runAll(tasks ...workflows.ExecutableTask) {
	w.Helper()
	w.within(patience, "the runner to become idle", func(ctx context.Context) { w.runner(tasks...).RunAll(ctx) })
}

// within runs a function and fails the test if it has not returned in time.
func (w *world) within(limit time.Duration, what string, work func(ctx context.Context)) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, limit)
	defer cancel()
	work(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		w.Fatalf("waited more than %s for %s", limit, what)
	}
}

// keepRunning runs a runner with a client of its own in the background, until the test ends.
func (w *world) keepRunning(tasks ...workflows.ExecutableTask) *callLog {
	w.Helper()
	client, calls := w.connect()
	w.background(w.runnerOf(client, w.cluster, tasks...))
	return calls
}

func (w *world) background(runner *workflows.Runner) {
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runner.RunForever(ctx)
	}()
	w.Cleanup(func() {
		cancel()
		<-ended
	})
}

func (w *world) job(id uuid.UUID) *workflows.Job {
	w.Helper()
	job, err := w.client.Jobs.Get(w.ctx, id)
	w.must(err)
	return job
}

// awaitJob looks at a job again after every report of the test's runners, until it is in a state.
func (w *world) awaitJob(id uuid.UUID, state workflows.JobState) *workflows.Job {
	w.Helper()
	timeout := time.After(patience)
	for {
		reported := w.reports.next()
		job := w.job(id)
		if job.State == state {
			return job
		}
		select {
		case <-reported:
		case <-timeout:
			w.Fatalf("the job is in state %d after %s, not in %d: %+v", job.State, patience, state, job.ExecutionStats)
		}
	}
}

// expectJob checks the state and the task counts of a job.
func (w *world) expectJob(id uuid.UUID, state workflows.JobState, counts map[workflows.TaskState]uint64) *workflows.Job {
	w.Helper()
	job := w.job(id)
	if job.State != state {
		w.Errorf("job %q is in state %d, want %d", job.Name, job.State, state)
	}
	if job.ExecutionStats == nil {
		w.Fatalf("job %q came without statistics", job.Name)
	}
	equal(w, "tasks by state", job.ExecutionStats.TasksByState, counts)
	total := uint64(0)
	for _, count := range counts {
		total += count
	}
	equal(w, "total tasks", job.ExecutionStats.TotalTasks, total)
	return job
}

// raw are the plain services, for what no client library would send.
type raw struct {
	jobs      workflowsv1connect.JobServiceClient
	tasks     workflowsv1connect.TaskServiceClient
	workflows workflowsv1connect.WorkflowsServiceClient
	records   workflowsv1connect.TelemetryQueryServiceClient
}

func (w *world) raw() raw {
	httpClient := workflows.RetryingHTTPClient(nil)
	return raw{
		jobs:      workflowsv1connect.NewJobServiceClient(httpClient, w.address),
		tasks:     workflowsv1connect.NewTaskServiceClient(httpClient, w.address),
		workflows: workflowsv1connect.NewWorkflowsServiceClient(httpClient, w.address),
		records:   workflowsv1connect.NewTelemetryQueryServiceClient(httpClient, w.address),
	}
}

// ask is a request for work on the test's cluster.
func (w *world) ask(identifiers ...*workflowsv1.TaskIdentifier) *workflowsv1.NextTaskToRun {
	return &workflowsv1.NextTaskToRun{ClusterSlug: w.cluster, Identifiers: identifiers}
}

func identifier(name, version string) *workflowsv1.TaskIdentifier {
	return &workflowsv1.TaskIdentifier{Name: name, Version: version}
}

func wire(id uuid.UUID) *tileboxv1.ID { return &tileboxv1.ID{Uuid: id[:]} }

func read(t testing.TB, id *tileboxv1.ID) uuid.UUID {
	t.Helper()
	value, err := uuid.FromBytes(id.GetUuid())
	if err != nil {
		t.Fatalf("an id of %d bytes", len(id.GetUuid()))
	}
	return value
}

// nextTask makes one NextTask call that has to succeed.
func (w *world) nextTask(computed *workflowsv1.ComputedTask, ask *workflowsv1.NextTaskToRun) *workflowsv1.NextTaskResponse {
	w.Helper()
	response, err := w.raw().tasks.NextTask(w.ctx, connect.NewRequest(&workflowsv1.NextTaskRequest{
		ComputedTask: computed, NextTaskToRun: ask,
	}))
	w.must(err)
	return response.Msg
}

// expectTask asks for a task and fails if there is none.
func (w *world) expectTask(computed *workflowsv1.ComputedTask, ask *workflowsv1.NextTaskToRun) *workflowsv1.Task {
	w.Helper()
	response := w.nextTask(computed, ask)
	if response.GetNextTask() == nil {
		w.Fatalf("no task was handed out: %v", response)
	}
	return response.GetNextTask()
}

// expectIdle asks for a task and fails if there is one.
func (w *world) expectIdle(computed *workflowsv1.ComputedTask, ask *workflowsv1.NextTaskToRun) {
	w.Helper()
	response := w.nextTask(computed, ask)
	if response.GetNextTask() != nil || response.GetIdling().GetSuggestedIdlingDuration() == nil {
		w.Fatalf("expected an idle answer with a suggested wait, got %v", response)
	}
}

func computed(task *workflowsv1.Task) *workflowsv1.ComputedTask {
	return &workflowsv1.ComputedTask{Id: task.GetId(), Display: task.GetDisplay()}
}

// taskOf finds a task of a job by its display.
func (w *world) taskOf(job *workflows.Job, display string) workflows.TaskSummary {
	w.Helper()
	for _, summary := range job.TaskSummaries {
		if summary.Display == display {
			return summary
		}
	}
	w.Fatalf("job %q has no task %q: %+v", job.Name, display, job.TaskSummaries)
	return workflows.TaskSummary{}
}

// statesOf maps the first line of every task's display to its state.
func (w *world) statesOf(job *workflows.Job) map[string]workflows.TaskState {
	states := map[string]workflows.TaskState{}
	for _, summary := range job.TaskSummaries {
		states[firstLine(summary.Display)] = summary.State
	}
	return states
}

// oneCall is a finished call of a client.
type oneCall struct {
	procedure string
	request   proto.Message
	response  proto.Message // nil after an error
	err       error
}

// callLog remembers the calls of a client, and tells the test about reports.
type callLog struct {
	reports *pulse
	mutex   sync.Mutex
	entries []oneCall
}

func (l *callLog) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, request)
		entry := oneCall{procedure: request.Spec().Procedure, err: err}
		entry.request, _ = request.Any().(proto.Message)
		if err == nil {
			entry.response, _ = response.Any().(proto.Message)
		}
		l.mutex.Lock()
		l.entries = append(l.entries, entry)
		l.mutex.Unlock()
		if isReport(entry.request) {
			l.reports.beat()
		}
		return response, err
	}
}

func (l *callLog) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (l *callLog) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

func isReport(request proto.Message) bool {
	switch request := request.(type) {
	case *workflowsv1.NextTaskRequest:
		return request.GetComputedTask() != nil
	case *workflowsv1.TaskFailedRequest, *workflowsv1.TaskLeaseRequest:
		return true
	default:
		return false
	}
}

// all returns the calls so far.
func (l *callLog) all() []oneCall {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]oneCall(nil), l.entries...)
}

// handedOut lists the tasks this client was given, in order.
func (l *callLog) handedOut() []*workflowsv1.Task {
	var tasks []*workflowsv1.Task
	for _, entry := range l.all() {
		if response, ok := entry.response.(*workflowsv1.NextTaskResponse); ok && response.GetNextTask() != nil {
			tasks = append(tasks, response.GetNextTask())
		}
	}
	return tasks
}

// pulse wakes everyone who waits for the next beat.
type pulse struct {
	mutex sync.Mutex
	wait  chan struct{}
}

func newPulse() *pulse { return &pulse{wait: make(chan struct{})} }

func (p *pulse) beat() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	close(p.wait)
	p.wait = make(chan struct{})
}

func (p *pulse) next() <-chan struct{} {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.wait
}

// plainHTTP is an HTTP client that neither retries nor decompresses.
func plainHTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableCompression: true}}
}
