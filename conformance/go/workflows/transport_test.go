package workflows

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// The retry rule of the HTTP layer, which decides what a server may answer without costing a minute.
func TestShouldRetry(t *testing.T) {
	answer := func(status int, body string) *http.Response {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}
	}
	for name, example := range map[string]struct {
		response *http.Response
		err      error
		want     bool
	}{
		"success":            {answer(200, ""), nil, false},
		"not found":          {answer(404, `{"code":"unimplemented"}`), nil, false},
		"quota used up":      {answer(429, `{"code":"resource_exhausted","message":"slow down"}`), nil, false},
		"too many requests":  {answer(429, "busy"), nil, true},
		"compressed 429":     {answer(429, "\x1f\x8b\x08"), nil, true},
		"internal":           {answer(500, `{"code":"internal"}`), nil, true},
		"unimplemented 501":  {answer(501, `{"code":"unimplemented"}`), nil, true},
		"unavailable":        {answer(503, ""), nil, true},
		"connection refused": {nil, &url.Error{Op: "Post", Err: &connectError{}}, true},
		"connection reset":   {nil, &url.Error{Op: "Post", Err: syscall.ECONNRESET}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := shouldRetry(context.Background(), example.response, example.err)
			if got != example.want {
				t.Errorf("retried: %v, want %v", got, example.want)
			}
			if example.response != nil && example.response.StatusCode == 429 {
				if body, err := io.ReadAll(example.response.Body); err != nil || len(body) == 0 {
					t.Errorf("the body can no longer be read: %q, %v", body, err)
				}
			}
		})
	}
}

// connectError reads as the dialer's error for a refused connection.
type connectError struct{}

func (*connectError) Error() string { return "dial tcp 127.0.0.1:1: connect: connection refused" }
