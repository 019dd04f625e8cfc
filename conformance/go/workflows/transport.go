package workflows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/hashicorp/go-retryablehttp"
)

// Retries of one HTTP request: the wait before retry k is k times a random time between the two bounds.
const (
	retriesMax       = 5
	retryWaitMin     = 20 * time.Millisecond
	retryWaitMax     = 10 * time.Second
	unixSocketOrigin = "http://localhost" // connect wants a URL with a scheme; the dialer ignores the host
)

// isHTTPURL tells a server URL from a socket path: whatever has no http scheme is a path.
func isHTTPURL(address string) bool {
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}

// RetryingHTTPClient retries refused connections and HTTP answers that promise better luck next
// time, below the RPC layer and without its knowledge. The transport may be nil for the default one.
func RetryingHTTPClient(transport http.RoundTripper) connect.HTTPClient {
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax = retriesMax
	client.RetryWaitMin = retryWaitMin
	client.RetryWaitMax = retryWaitMax
	client.Backoff = retryablehttp.LinearJitterBackoff
	client.CheckRetry = shouldRetry
	if transport != nil {
		client.HTTPClient.Transport = transport
	}
	return client.StandardClient()
}

// SocketHTTPClient speaks plain HTTP/1.1 over a unix socket, without retries.
func SocketHTTPClient(socketPath string) connect.HTTPClient {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socketPath)
		},
	}}
}

// shouldRetry is the retry rule: a refused connection; every status from 500 up; and 429,
// unless the JSON body says that a quota is used up.
func shouldRetry(ctx context.Context, response *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		var transportError *url.Error
		refused := errors.As(err, &transportError) && strings.Contains(transportError.Error(), "connect: connection refused")
		return refused, err
	}
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		exhausted, err := saysResourceExhausted(response)
		return !exhausted && err == nil, err
	default:
		return response.StatusCode >= http.StatusInternalServerError, nil
	}
}

// saysResourceExhausted reads the raw body, so a compressed one is not understood and gets retried.
func saysResourceExhausted(response *http.Response) (bool, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return false, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var failure struct {
		Code string `json:"code"`
	}
	return json.Unmarshal(body, &failure) == nil && failure.Code == "resource_exhausted", nil
}

// bearerToken adds the API key to every call.
func bearerToken(apiKey string) connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			request.Header().Set("Authorization", "Bearer "+apiKey)
			return next(ctx, request)
		}
	}
}
