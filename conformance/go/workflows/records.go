package workflows

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"

	"boxwood-conformance/internal/pb/tileboxv1"
	"boxwood-conformance/internal/pb/workflowsv1"
)

// LogRecord is one stored log line of a job.
type LogRecord struct {
	Time             time.Time
	SeverityNumber   int32
	SeverityText     string
	Body             string
	TraceID          string
	SpanID           string
	Attributes       map[string]any
	RunnerAttributes map[string]any
}

// SpanRecord is one stored span of a job.
type SpanRecord struct {
	Start            time.Time
	End              time.Time
	TraceID          string
	SpanID           string
	ParentSpanID     string
	Name             string
	StatusCode       string
	StatusMessage    string
	Attributes       map[string]any
	RunnerAttributes map[string]any
	Events           []SpanEvent
}

// SpanEvent is something that happened during a span.
type SpanEvent struct {
	Time       time.Time
	Name       string
	Attributes map[string]any
}

// RecordQuery chooses the order and the part of a job's records. Its zero value means all, in the server's order.
type RecordQuery struct {
	Sort   SortDirection
	Limit  int64 // a page's size
	Cursor uuid.UUID
}

// QueryLogs returns the log records of a job, page after page.
func (c *JobClient) QueryLogs(ctx context.Context, job uuid.UUID, query RecordQuery) iter.Seq2[LogRecord, error] {
	return everyPage(query, func(query RecordQuery) ([]LogRecord, uuid.UUID, error) {
		return c.QueryLogsPage(ctx, job, query)
	})
}

// QueryLogsPage returns one page of log records and the cursor of the next, zero on the last page.
func (c *JobClient) QueryLogsPage(ctx context.Context, job uuid.UUID, query RecordQuery) ([]LogRecord, uuid.UUID, error) {
	response, err := call(ctx, c.telemetry.tracer, "workflows/jobs/logs", "query logs",
		c.records.QueryJobLogs, &workflowsv1.QueryJobLogsRequest{
			JobId:         wireID(job),
			Page:          wirePage(query.Limit, query.Cursor),
			SortDirection: query.wireSort(),
		})
	if err != nil {
		return nil, uuid.Nil, err
	}
	var records []LogRecord
	for _, entry := range response.GetResourceLogs() {
		record, err := readLog(entry)
		if err != nil {
			return nil, uuid.Nil, err
		}
		records = append(records, record)
	}
	return records, readID(response.GetNextPage().GetStartingAfter()), nil
}

// QuerySpans returns the spans of a job, page after page.
func (c *JobClient) QuerySpans(ctx context.Context, job uuid.UUID, query RecordQuery) iter.Seq2[SpanRecord, error] {
	return everyPage(query, func(query RecordQuery) ([]SpanRecord, uuid.UUID, error) {
		return c.QuerySpansPage(ctx, job, query)
	})
}

// QuerySpansPage returns one page of spans and the cursor of the next, zero on the last page.
func (c *JobClient) QuerySpansPage(ctx context.Context, job uuid.UUID, query RecordQuery) ([]SpanRecord, uuid.UUID, error) {
	response, err := call(ctx, c.telemetry.tracer, "workflows/jobs/spans", "query spans",
		c.records.QueryJobSpans, &workflowsv1.QueryJobSpansRequest{
			JobId:         wireID(job),
			Page:          wirePage(query.Limit, query.Cursor),
			SortDirection: query.wireSort(),
		})
	if err != nil {
		return nil, uuid.Nil, err
	}
	var records []SpanRecord
	for _, entry := range response.GetResourceSpans() {
		record, err := readSpan(entry)
		if err != nil {
			return nil, uuid.Nil, err
		}
		records = append(records, record)
	}
	return records, readID(response.GetNextPage().GetStartingAfter()), nil
}

// wireSort is absent unless a direction was chosen.
func (q RecordQuery) wireSort() *tileboxv1.SortDirection {
	if q.Sort == 0 {
		return nil
	}
	return tileboxv1.SortDirection(q.Sort).Enum()
}

func everyPage[T any](query RecordQuery, page func(RecordQuery) ([]T, uuid.UUID, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			records, cursor, err := page(query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, record := range records {
				if !yield(record, nil) {
					return
				}
			}
			if cursor == uuid.Nil {
				return
			}
			query.Cursor = cursor
		}
	}
}

// readLog reads the first record of an entry, the only one a client looks at.
func readLog(entry *logs.ResourceLogs) (LogRecord, error) {
	scopes := entry.GetScopeLogs()
	if len(scopes) == 0 || len(scopes[0].GetLogRecords()) == 0 {
		return LogRecord{}, errors.New("a resource entry without a log record")
	}
	record := scopes[0].GetLogRecords()[0]
	return LogRecord{
		Time:             nanoseconds(record.GetTimeUnixNano()),
		SeverityNumber:   int32(record.GetSeverityNumber()),
		SeverityText:     record.GetSeverityText(),
		Body:             record.GetBody().GetStringValue(),
		TraceID:          hex.EncodeToString(record.GetTraceId()),
		SpanID:           hex.EncodeToString(record.GetSpanId()),
		Attributes:       readAttributes(record.GetAttributes()),
		RunnerAttributes: readAttributes(entry.GetResource().GetAttributes()),
	}, nil
}

// readSpan reads the first span of an entry, the only one a client looks at.
func readSpan(entry *spans.ResourceSpans) (SpanRecord, error) {
	scopes := entry.GetScopeSpans()
	if len(scopes) == 0 || len(scopes[0].GetSpans()) == 0 {
		return SpanRecord{}, errors.New("a resource entry without a span")
	}
	span := scopes[0].GetSpans()[0]
	record := SpanRecord{
		Start:            nanoseconds(span.GetStartTimeUnixNano()),
		End:              nanoseconds(span.GetEndTimeUnixNano()),
		TraceID:          hex.EncodeToString(span.GetTraceId()),
		SpanID:           hex.EncodeToString(span.GetSpanId()),
		ParentSpanID:     hex.EncodeToString(span.GetParentSpanId()),
		Name:             span.GetName(),
		StatusCode:       span.GetStatus().GetCode().String(),
		StatusMessage:    span.GetStatus().GetMessage(),
		Attributes:       readAttributes(span.GetAttributes()),
		RunnerAttributes: readAttributes(entry.GetResource().GetAttributes()),
	}
	for _, event := range span.GetEvents() {
		record.Events = append(record.Events, SpanEvent{
			Time: nanoseconds(event.GetTimeUnixNano()), Name: event.GetName(), Attributes: readAttributes(event.GetAttributes()),
		})
	}
	return record, nil
}

func nanoseconds(sinceEpoch uint64) time.Time { return time.Unix(0, int64(sinceEpoch)).UTC() }

func readAttributes(attributes []*common.KeyValue) map[string]any {
	read := make(map[string]any, len(attributes))
	for _, attribute := range attributes {
		read[attribute.GetKey()] = readValue(attribute.GetValue())
	}
	return read
}

func readValue(value *common.AnyValue) any {
	switch kind := value.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return kind.StringValue
	case *common.AnyValue_BoolValue:
		return kind.BoolValue
	case *common.AnyValue_IntValue:
		return kind.IntValue
	case *common.AnyValue_DoubleValue:
		return kind.DoubleValue
	case *common.AnyValue_BytesValue:
		return kind.BytesValue
	case *common.AnyValue_ArrayValue:
		list := make([]any, 0, len(kind.ArrayValue.GetValues()))
		for _, entry := range kind.ArrayValue.GetValues() {
			list = append(list, readValue(entry))
		}
		return list
	case *common.AnyValue_KvlistValue:
		return readAttributes(kind.KvlistValue.GetValues())
	default:
		return nil
	}
}
