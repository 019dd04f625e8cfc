package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
)

// journal is what the tasks of a test write down while they run, in the order in which it happened.
type journal struct {
	mutex   sync.Mutex
	lines   []string
	written *pulse
	values  map[string]any
}

type journalKey struct{}

func newJournal() *journal { return &journal{written: newPulse(), values: map[string]any{}} }

// journalOf finds the journal of the test that a task runs for.
func journalOf(ctx context.Context) *journal {
	found, ok := ctx.Value(journalKey{}).(*journal)
	if !ok {
		panic("a task of the suite runs without a journal")
	}
	return found
}

// note writes a line.
func note(ctx context.Context, format string, arguments ...any) {
	j := journalOf(ctx)
	j.mutex.Lock()
	j.lines = append(j.lines, fmt.Sprintf(format, arguments...))
	j.mutex.Unlock()
	j.written.beat()
}

func (j *journal) all() []string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return append([]string(nil), j.lines...)
}

// count says how often a line was written.
func (j *journal) count(line string) int {
	count := 0
	for _, written := range j.all() {
		if written == line {
			count++
		}
	}
	return count
}

// await waits until a line was written.
func (j *journal) await(t testing.TB, line string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		written := j.written.next()
		if j.count(line) > 0 {
			return
		}
		select {
		case <-written:
		case <-timeout:
			t.Fatalf("no task wrote %q within %s: %q", line, patience, j.all())
		}
	}
}

// set gives the tasks of a test something that does not travel in their inputs.
func (j *journal) set(name string, value any) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.values[name] = value
}

// setting reads what set left.
func setting[T any](ctx context.Context, name string) T {
	j := journalOf(ctx)
	j.mutex.Lock()
	defer j.mutex.Unlock()
	value, ok := j.values[name].(T)
	if !ok {
		panic(fmt.Sprintf("the test did not set %q", name))
	}
	return value
}

// equal reports a difference, both sides in full.
func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, pretty(got), pretty(want))
	}
}

func pretty(value any) string {
	if text, err := json.Marshal(value); err == nil {
		return string(text)
	}
	return fmt.Sprintf("%+v", value)
}

// between checks an inclusive range.
func between[T cmp.Ordered](t testing.TB, what string, got, low, high T) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s is %v, want %v to %v", what, got, low, high)
	}
}

// expectCode checks the Connect code of a failed call, and that its message says something.
func expectCode(t testing.TB, what string, err error, code connect.Code) {
	t.Helper()
	if err == nil {
		t.Errorf("%s succeeded, want code %s", what, code)
		return
	}
	if got := connect.CodeOf(err); got != code {
		t.Errorf("%s failed with code %s, want %s: %v", what, got, code, err)
	}
	if strings.TrimSpace(err.Error()) == "" {
		t.Errorf("%s failed without a message", what)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
