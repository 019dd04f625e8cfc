package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"boxwood-conformance/internal/pb/workflowsv1/workflowsv1connect"
)

// Client talks to one server.
type Client struct {
	Jobs     *JobClient
	Clusters *ClusterClient

	tasks     workflowsv1connect.TaskServiceClient
	telemetry *telemetry
}

// Option changes how a client is made.
type Option func(*settings)

type settings struct {
	address      string
	apiKey       string
	httpClient   connect.HTTPClient
	interceptors []connect.Interceptor
}

// WithURL sets the server: an http or https URL, with or without a base path, or the path of a unix socket.
func WithURL(address string) Option {
	return func(s *settings) { s.address = address }
}

// WithAPIKey sets the key sent with every call. Without a key no telemetry is exported.
func WithAPIKey(key string) Option {
	return func(s *settings) { s.apiKey = key }
}

// WithHTTPClient replaces the HTTP client that the URL would choose.
func WithHTTPClient(client connect.HTTPClient) Option {
	return func(s *settings) { s.httpClient = client }
}

// WithInterceptors lets a test see every call and its answer.
func WithInterceptors(interceptors ...connect.Interceptor) Option {
	return func(s *settings) { s.interceptors = append(s.interceptors, interceptors...) }
}

// NewClient makes a client. It connects at the first call. Telemetry goes to the server itself,
// if it has an http URL and a key was given.
func NewClient(ctx context.Context, options ...Option) (*Client, error) {
	chosen := &settings{}
	for _, option := range options {
		option(chosen)
	}
	if chosen.address == "" {
		return nil, errors.New("no server address: use WithURL")
	}
	exported := &telemetry{tracer: noTracer(), logger: slog.New(slog.DiscardHandler)}
	if chosen.apiKey != "" && isHTTPURL(chosen.address) {
		var err error
		if exported, err = newTelemetry(ctx, chosen.address, chosen.apiKey); err != nil {
			return nil, fmt.Errorf("setting up the telemetry export: %w", err)
		}
	}

	baseURL := chosen.address
	httpClient := RetryingHTTPClient(nil)
	if !isHTTPURL(chosen.address) {
		baseURL, httpClient = unixSocketOrigin, SocketHTTPClient(chosen.address)
	}
	if chosen.httpClient != nil {
		httpClient = chosen.httpClient
	}
	baseURL = strings.TrimSuffix(baseURL, "/")

	interceptors := chosen.interceptors
	if chosen.apiKey != "" {
		interceptors = append(interceptors, bearerToken(chosen.apiKey))
	}
	rpcOptions := connect.WithInterceptors(interceptors...)
	return &Client{
		Jobs: &JobClient{
			service:   workflowsv1connect.NewJobServiceClient(httpClient, baseURL, rpcOptions),
			records:   workflowsv1connect.NewTelemetryQueryServiceClient(httpClient, baseURL, rpcOptions),
			telemetry: exported,
		},
		Clusters: &ClusterClient{
			service:   workflowsv1connect.NewWorkflowsServiceClient(httpClient, baseURL, rpcOptions),
			telemetry: exported,
		},
		tasks:     workflowsv1connect.NewTaskServiceClient(httpClient, baseURL, rpcOptions),
		telemetry: exported,
	}, nil
}

// Flush sends the telemetry collected so far.
func (c *Client) Flush(ctx context.Context) error { return c.telemetry.flush(ctx) }

// Close sends what is left and stops the exporters.
func (c *Client) Close(ctx context.Context) error { return c.telemetry.shutdown(ctx) }

// call makes one RPC inside a span of its own; errors keep their Connect code and gain a sentence.
func call[Request, Response any](
	ctx context.Context,
	tracer trace.Tracer,
	span, what string,
	rpc func(context.Context, *connect.Request[Request]) (*connect.Response[Response], error),
	request *Request,
) (*Response, error) {
	ctx, current := tracer.Start(ctx, span)
	defer current.End()
	response, err := rpc(ctx, connect.NewRequest(request))
	if err != nil {
		current.RecordError(err)
		current.SetStatus(codes.Error, err.Error())
		return nil, fmt.Errorf("failed to %s: %w", what, err)
	}
	return response.Msg, nil
}
