package workflows

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"boxwood-conformance/internal/pb/workflowsv1"
)

type leafTask struct{ N int }

type reduceTask struct{}

func (reduceTask) Identifier() Identifier { return Identifier{Name: "example/Reduce", Version: "v1.0"} }

// inExecution collects what a task submits.
func inExecution(t *testing.T, submit func(ctx context.Context) error) *workflowsv1.TaskSubmissions {
	t.Helper()
	collected := &execution{task: &workflowsv1.Task{}, clusterSlug: "here"}
	if err := submit(context.WithValue(t.Context(), executionKey{}, collected)); err != nil {
		t.Fatal(err)
	}
	return encodeSubmissions(collected.pending)
}

// The encoding of three leaves, a reducer that waits for them, and an optional task on its own.
func TestEncoding_GroupsByDependenciesAndDependents(t *testing.T) {
	got := inExecution(t, func(ctx context.Context) error {
		leaves, err := SubmitSubtasks(ctx, []leafTask{{0}, {1}, {2}})
		if err != nil {
			return err
		}
		if _, err := SubmitSubtask(ctx, reduceTask{}, WithDependencies(leaves...), WithMaxRetries(2)); err != nil {
			return err
		}
		_, err = SubmitSubtask(ctx, reduceTask{}, WithOptional(), WithClusterSlug("there"))
		return err
	})
	want := &workflowsv1.TaskSubmissions{
		TaskGroups: []*workflowsv1.TaskSubmissionGroup{
			{
				Inputs:             [][]byte{[]byte(`{"N":0}`), []byte(`{"N":1}`), []byte(`{"N":2}`)},
				IdentifierPointers: []uint64{0, 1, 2}, ClusterSlugPointers: []uint64{0, 0, 0}, DisplayPointers: []uint64{0, 0, 0},
				MaxRetriesValues: []int64{0, 0, 0}, OptionalValues: []bool{false, false, false},
			},
			{
				DependenciesOnOtherGroups: []uint32{0}, Inputs: [][]byte{[]byte(`{}`)},
				IdentifierPointers: []uint64{3}, ClusterSlugPointers: []uint64{0}, DisplayPointers: []uint64{1},
				MaxRetriesValues: []int64{2}, OptionalValues: []bool{false},
			},
			{
				Inputs:             [][]byte{[]byte(`{}`)},
				IdentifierPointers: []uint64{3}, ClusterSlugPointers: []uint64{1}, DisplayPointers: []uint64{1},
				MaxRetriesValues: []int64{0}, OptionalValues: []bool{true},
			},
		},
		ClusterSlugLookup: []string{"here", "there"},
		IdentifierLookup: []*workflowsv1.TaskIdentifier{ // one entry for every default identifier
			{Name: "leafTask", Version: "v0.0"}, {Name: "leafTask", Version: "v0.0"}, {Name: "leafTask", Version: "v0.0"},
			{Name: "example/Reduce", Version: "v1.0"},
		},
		DisplayLookup: []string{"leafTask", "example/Reduce"},
	}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestT91_DependencyThatWasNotSubmittedIsRefused(t *testing.T) {
	current := &execution{task: &workflowsv1.Task{}}
	ctx := context.WithValue(t.Context(), executionKey{}, current)
	if _, err := SubmitSubtask(ctx, leafTask{}, WithDependencies(0)); err == nil {
		t.Error("a dependency on a task that was not submitted was taken")
	}
	if _, err := SubmitSubtask(t.Context(), leafTask{}); err == nil {
		t.Error("a sub-task was taken outside of an execution")
	}
}
