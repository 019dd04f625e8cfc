package suite

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"boxwood-conformance/internal/pb/tileboxv1"
	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

// queryable is how long a record may take from the server's door to a query (O-39), with room for a busy machine.
const queryable = 10 * time.Second

// lookAgain is the pause between two looks at the stored telemetry: nothing tells a client that a record has come in.
const lookAgain = 50 * time.Millisecond

func logInfo(ctx context.Context, message string, pairs ...any) {
	workflows.Logger(ctx).InfoContext(ctx, message, pairs...)
}

// describeSpan puts attributes on the current span.
func describeSpan(ctx context.Context, attributes map[string]any) {
	for _, key := range sortedKeys(attributes) {
		switch value := attributes[key].(type) {
		case string:
			trace.SpanFromContext(ctx).SetAttributes(attribute.String(key, value))
		case int:
			trace.SpanFromContext(ctx).SetAttributes(attribute.Int(key, value))
		}
	}
}

// until looks again and again, for a bounded time.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	deadline := time.After(queryable)
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-deadline:
			w.Fatalf("%s did not become queryable within %s", what, queryable)
		}
	}
}

// awaitLogRecords sends what the test's client has collected and waits for so many records of a job.
func (w *world) awaitLogRecords(job uuid.UUID, count int) []workflows.LogRecord {
	w.Helper()
	w.must(w.client.Flush(w.ctx))
	var records []workflows.LogRecord
	w.until(fmt.Sprintf("%d log records", count), func() bool {
		var err error
		records, err = workflows.Collect(w.client.Jobs.QueryLogs(w.ctx, job, workflows.RecordQuery{}))
		w.must(err)
		return len(records) >= count
	})
	equal(w, "log records", len(records), count)
	return records
}

func (w *world) awaitLogs(job uuid.UUID, count int) []string {
	w.Helper()
	bodies := []string{}
	for _, record := range w.awaitLogRecords(job, count) {
		bodies = append(bodies, record.Body)
	}
	return bodies
}

// awaitSpans waits until a job has a span of each name, and returns its spans by name.
func (w *world) awaitSpans(job uuid.UUID, wanted ...string) map[string]workflows.SpanRecord {
	w.Helper()
	w.must(w.client.Flush(w.ctx))
	spans := map[string]workflows.SpanRecord{}
	w.until("the spans", func() bool {
		records, err := workflows.Collect(w.client.Jobs.QuerySpans(w.ctx, job, workflows.RecordQuery{}))
		w.must(err)
		for _, record := range records {
			spans[record.Name] = record
		}
		return !slices.ContainsFunc(wanted, func(name string) bool {
			_, found := spans[name]
			return !found
		})
	})
	return spans
}

// TalkativeTask logs at every level, opens a span, and fails.
type TalkativeTask struct{}

func (t *TalkativeTask) Execute(ctx context.Context) error {
	log := workflows.Logger(ctx)
	log.DebugContext(ctx, "not exported")
	log.InfoContext(ctx, "typed", slog.String("text", "ünï"), slog.Int("whole", 7), slog.Float64("real", 1.5), slog.Bool("truth", true))
	log.WarnContext(ctx, "careful")
	err := workflows.WithSpan(ctx, "step", func(ctx context.Context) error {
		log.ErrorContext(ctx, "inside the span")
		return fmt.Errorf("step failed")
	})
	return err
}

func TestO30ToO38_LogsOfAJob(t *testing.T) {
	w := newWorld(t)
	job := w.submit("talkative", &TalkativeTask{})
	other := w.submit("quiet", &MyTask{})
	w.runAll(&TalkativeTask{}, &MyTask{})
	records := w.awaitLogRecords(job.ID, 4)

	bodies, severities := []string{}, []int32{}
	for _, record := range records {
		bodies = append(bodies, record.Body)
		severities = append(severities, record.SeverityNumber)
	}
	equal(w, "oldest first (O-30)", bodies, []string{"typed", "careful", "inside the span", "task execution failed"})
	equal(w, "severities", severities, []int32{9, 13, 17, 17})
	task := w.calls.handedOut()[0]
	traceID := strings.Split(job.TraceParent, "-")[1]
	for _, record := range records {
		equal(w, "task id", record.Attributes["task_id"], any(read(w, task.GetId()).String()))
		equal(w, "trace id", record.TraceID, traceID)
		equal(w, "runner attributes (O-17)", record.RunnerAttributes["service.name"], any("tilebox-go"))
	}
	equal(w, "text", records[0].Attributes["text"], any("ünï"))
	equal(w, "integer", records[0].Attributes["whole"], any(int64(7)))
	equal(w, "double", records[0].Attributes["real"], any(1.5))
	equal(w, "boolean", records[0].Attributes["truth"], any(true))

	newest, cursor, err := w.client.Jobs.QueryLogsPage(w.ctx, job.ID, workflows.RecordQuery{Sort: workflows.Descending, Limit: 3})
	w.must(err)
	equal(w, "newest first", newest[0].Body, "task execution failed")
	rest, last, err := w.client.Jobs.QueryLogsPage(w.ctx, job.ID, workflows.RecordQuery{Sort: workflows.Descending, Limit: 3, Cursor: cursor})
	w.must(err)
	equal(w, "the rest (O-34)", len(rest), 1)
	equal(w, "the rest", rest[0].Body, "typed")
	equal(w, "cursor of the last page", last, uuid.Nil)

	none, err := workflows.Collect(w.client.Jobs.QueryLogs(w.ctx, other.ID, workflows.RecordQuery{}))
	w.must(err)
	equal(w, "records of a job without any (O-37)", len(none), 0)
	w.oneRecordPerEntry(job.ID)
}

// oneRecordPerEntry checks the shape that both SDKs rely on (O-32), and the severity filter.
func (w *world) oneRecordPerEntry(job uuid.UUID) {
	w.Helper()
	answer, err := w.raw().records.QueryJobLogs(w.ctx, connect.NewRequest(&workflowsv1.QueryJobLogsRequest{JobId: wire(job)}))
	w.must(err)
	for _, entry := range answer.Msg.GetResourceLogs() {
		if len(entry.GetScopeLogs()) != 1 || len(entry.GetScopeLogs()[0].GetLogRecords()) != 1 {
			w.Errorf("an entry with another number of records than one: %v", entry)
		}
	}
	warnings, err := w.raw().records.QueryJobLogs(w.ctx, connect.NewRequest(&workflowsv1.QueryJobLogsRequest{
		JobId: wire(job), Filters: &workflowsv1.LogQueryFilters{
			SeverityLevels: []workflowsv1.LogSeverityGroup{workflowsv1.LogSeverityGroup_LOG_SEVERITY_GROUP_WARNING},
		},
	}))
	w.must(err)
	equal(w, "warnings (O-31)", len(warnings.Msg.GetResourceLogs()), 1)
}

func TestO10ToO16_O33_SpansOfAJob(t *testing.T) {
	w := newWorld(t)
	job := w.submit("talkative", &TalkativeTask{})
	w.runAll(&TalkativeTask{})
	spans := w.awaitSpans(job.ID, "workflows/jobs/submit", "task/TalkativeTask", "step")

	parts := strings.Split(job.TraceParent, "-")
	submitted, task, step := spans["workflows/jobs/submit"], spans["task/TalkativeTask"], spans["step"]
	equal(w, "trace (J-10)", submitted.TraceID, parts[1])
	equal(w, "span of the submission", submitted.SpanID, parts[2])
	equal(w, "parent of the task span", task.ParentSpanID, parts[2])
	equal(w, "parent of the user's span", step.ParentSpanID, task.SpanID)
	equal(w, "status of the task span", task.StatusCode, "STATUS_CODE_ERROR")
	equal(w, "message", task.StatusMessage, "failed to execute task: step failed")
	if !slices.ContainsFunc(task.Events, func(event workflows.SpanEvent) bool { return event.Name == "exception" }) {
		w.Errorf("the task span has no exception event: %+v", task.Events)
	}
	logged := slices.IndexFunc(step.Events, func(event workflows.SpanEvent) bool { return event.Name == "log.message" })
	if logged < 0 {
		w.Fatalf("the user's span has no log event: %+v", step.Events)
	}
	equal(w, "body of the log event", step.Events[logged].Attributes["body"], any("inside the span"))
	if task.End.Before(task.Start) || step.Start.Before(task.Start) {
		w.Errorf("times do not fit: task %s to %s, step from %s", task.Start, task.End, step.Start)
	}
	ordered, err := workflows.Collect(w.client.Jobs.QuerySpans(w.ctx, job.ID, workflows.RecordQuery{Limit: 2}))
	w.must(err)
	if !slices.IsSortedFunc(ordered, func(a, b workflows.SpanRecord) int { return a.Start.Compare(b.Start) }) {
		w.Error("spans do not come in the order of their starts (O-33)")
	}
	equal(w, "spans over several pages", len(ordered), len(spans))

	answer, err := w.raw().records.QueryJobSpans(w.ctx, connect.NewRequest(&workflowsv1.QueryJobSpansRequest{
		JobId: wire(job.ID), SortDirection: tileboxv1.SortDirection_SORT_DIRECTION_DESCENDING.Enum(),
	}))
	w.must(err)
	for _, entry := range answer.Msg.GetResourceSpans() {
		if len(entry.GetScopeSpans()) != 1 || len(entry.GetScopeSpans()[0].GetSpans()) != 1 {
			w.Errorf("an entry with another number of spans than one (O-32): %v", entry)
		}
	}
}

// postLogs sends records as an exporter would, with plain HTTP.
func (w *world) postLogs(compressed bool, records ...*logs.LogRecord) *http.Response {
	w.Helper()
	body, err := proto.Marshal(&collector.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{
		{ScopeLogs: []*logs.ScopeLogs{{LogRecords: records}}},
	}})
	w.must(err)
	request, err := http.NewRequestWithContext(w.ctx, http.MethodPost, w.address+"/v1/logs", nil)
	w.must(err)
	request.Header.Set("Content-Type", "application/x-protobuf")
	if compressed {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, err := writer.Write(body)
		w.must(err)
		w.must(writer.Close())
		body = packed.Bytes()
		request.Header.Set("Content-Encoding", "gzip")
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.ContentLength = int64(len(body))
	response, err := plainHTTP().Do(request)
	w.must(err)
	w.Cleanup(func() { response.Body.Close() })
	return response
}

func textAttribute(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

// O-2, O-4: exporters may compress; a record without a native trace id is found by its attributes.
func TestO2_O4_CompressedRecordsLinkedByAttributes(t *testing.T) {
	w := newWorld(t)
	job, task, _ := w.rootTask()
	now := uint64(time.Now().UnixNano())
	body := func(text string) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: text}}
	}
	parts := strings.Split(job.TraceParent, "-")
	response := w.postLogs(true,
		&logs.LogRecord{TimeUnixNano: now, SeverityNumber: 9, Body: body("by task id"),
			Attributes: []*common.KeyValue{textAttribute("task_id", read(w, task.GetId()).String())}},
		&logs.LogRecord{TimeUnixNano: now + 1, SeverityNumber: 9, Body: body("by trace attribute"),
			Attributes: []*common.KeyValue{textAttribute("trace_id", parts[1]), textAttribute("span_id", parts[2])}},
		&logs.LogRecord{TimeUnixNano: now + 2, SeverityNumber: 9, Body: body("of no job")})
	equal(w, "HTTP status", response.StatusCode, http.StatusOK)
	equal(w, "content type", response.Header.Get("Content-Type"), "application/x-protobuf")
	equal(w, "records", w.awaitLogs(job.ID, 2), []string{"by task id", "by trace attribute"})
}
