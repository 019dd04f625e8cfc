package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"runtime"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	scopeName         = "tilebox.com/observability"
	serviceName       = "tilebox-go"
	serviceNamespace  = "tilebox.workflows"
	serviceVersion    = "dev"
	logInterval       = time.Second
	spanInterval      = 5 * time.Second
	spanQueueRecords  = 10240
	exportTimeout     = 10 * time.Second
	logEventName      = "log.message"
	attributeTaskID   = "task_id"
	attributeTraceID  = "trace_id"
	attributeSpanID   = "span_id"
	attributeLogTime  = "time"
	attributeLogBody  = "body"
	attributeLogLevel = "level"
)

// telemetry exports logs and spans to the server that also runs the workflows. The official SDK
// keeps one for the whole process; here it belongs to a client, because one test process talks to
// many servers.
type telemetry struct {
	tracer trace.Tracer
	logger *slog.Logger
	spans  *sdktrace.TracerProvider
	logs   *log.LoggerProvider
}

func noTracer() trace.Tracer { return noop.NewTracerProvider().Tracer(scopeName) }

func newTelemetry(ctx context.Context, address, apiKey string) (*telemetry, error) {
	headers := map[string]string{"Authorization": "Bearer " + apiKey}
	tracesURL, err := endpointOf(address, "/v1/traces")
	if err != nil {
		return nil, err
	}
	logsURL, err := endpointOf(address, "/v1/logs")
	if err != nil {
		return nil, err
	}
	spanExporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(tracesURL), otlptracehttp.WithHeaders(headers), otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, err
	}
	logExporter, err := otlploghttp.New(ctx,
		otlploghttp.WithEndpointURL(logsURL), otlploghttp.WithHeaders(headers), otlploghttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, err
	}
	process := processResource()
	spans := sdktrace.NewTracerProvider(sdktrace.WithResource(process), sdktrace.WithBatcher(spanExporter,
		sdktrace.WithBatchTimeout(spanInterval), sdktrace.WithMaxQueueSize(spanQueueRecords)))
	logs := log.NewLoggerProvider(log.WithResource(process),
		log.WithProcessor(log.NewBatchProcessor(logExporter, log.WithExportInterval(logInterval))))
	exported := otelslog.NewHandler(scopeName, otelslog.WithLoggerProvider(logs))
	return &telemetry{
		tracer: spans.Tracer(scopeName),
		logger: slog.New(&taskLogHandler{next: exported}),
		spans:  spans,
		logs:   logs,
	}, nil
}

// endpointOf joins the path of the API URL with the path of a signal.
func endpointOf(address, signalPath string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("the server address %q is not a URL: %w", address, err)
	}
	parsed.Path = path.Join("/", parsed.Path, signalPath)
	return parsed.String(), nil
}

// processResource describes this process; queries return it as the attributes of the runner.
func processResource() *resource.Resource {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return resource.NewSchemaless(
		attribute.String("service.namespace", serviceNamespace),
		attribute.String("service.name", serviceName),
		attribute.String("service.instance.id", uuid.NewString()),
		attribute.String("service.version", serviceVersion),
		attribute.Int("process.pid", os.Getpid()),
		attribute.String("host.name", host),
		attribute.String("host.arch", runtime.GOARCH),
		attribute.String("os.type", runtime.GOOS),
	)
}

func (t *telemetry) flush(ctx context.Context) error {
	if t.spans == nil {
		return nil
	}
	return errors.Join(t.spans.ForceFlush(ctx), t.logs.ForceFlush(ctx))
}

func (t *telemetry) shutdown(ctx context.Context) error {
	if t.spans == nil {
		return nil
	}
	return errors.Join(t.spans.Shutdown(ctx), t.logs.Shutdown(ctx))
}

// inTaskSpan runs a function inside a span whose parent is the span that submitted the job.
func (t *telemetry) inTaskSpan(ctx context.Context, name, traceParent string, work func(context.Context) error) error {
	carrier := propagation.MapCarrier{"traceparent": traceParent}
	ctx = propagation.TraceContext{}.Extract(ctx, carrier)
	return inSpan(ctx, t.tracer, name, work)
}

// inSpan runs a function inside a span; an error becomes an exception event and the span's status.
func inSpan(ctx context.Context, tracer trace.Tracer, name string, work func(context.Context) error) error {
	ctx, span := tracer.Start(ctx, name)
	defer span.End()
	err := work(ctx)
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

// taskLogHandler adds what links a record to its task, and repeats the record as an event of the current span.
type taskLogHandler struct {
	next  slog.Handler
	bound []slog.Attr
}

func (h *taskLogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo && h.next.Enabled(ctx, level)
}

func (h *taskLogHandler) Handle(ctx context.Context, record slog.Record) error {
	record = record.Clone()
	if current, err := executionOf(ctx); err == nil {
		record.AddAttrs(slog.String(attributeTaskID, readID(current.task.GetId()).String()))
	}
	span := trace.SpanFromContext(ctx)
	if context := span.SpanContext(); context.IsValid() {
		record.AddAttrs(
			slog.String(attributeTraceID, context.TraceID().String()),
			slog.String(attributeSpanID, context.SpanID().String()))
	}
	span.AddEvent(logEventName, trace.WithTimestamp(record.Time), trace.WithAttributes(h.eventAttributes(record)...))
	return h.next.Handle(ctx, record)
}

// eventAttributes writes everything about a record as text.
func (h *taskLogHandler) eventAttributes(record slog.Record) []attribute.KeyValue {
	attributes := []attribute.KeyValue{
		attribute.String(attributeLogTime, record.Time.Format(time.RFC3339Nano)),
		attribute.String(attributeLogBody, record.Message),
		attribute.String(attributeLogLevel, record.Level.String()),
	}
	add := func(attr slog.Attr) bool {
		attributes = append(attributes, attribute.String(attr.Key, attr.Value.String()))
		return true
	}
	for _, attr := range h.bound {
		add(attr)
	}
	record.Attrs(add)
	return attributes
}

func (h *taskLogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	bound := append(append([]slog.Attr{}, h.bound...), attrs...)
	return &taskLogHandler{next: h.next.WithAttrs(attrs), bound: bound}
}

func (h *taskLogHandler) WithGroup(name string) slog.Handler {
	return &taskLogHandler{next: h.next.WithGroup(name), bound: h.bound}
}
