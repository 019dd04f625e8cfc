package suite

import (
	"context"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/workflows"
)

func TestClusters_C2ToC11(t *testing.T) {
	w := newServer(t)
	standard, err := w.client.Clusters.Get(w.ctx, "")
	w.must(err)
	equal(w, "default cluster (C-2)", standard, &workflows.Cluster{Slug: standard.Slug, Name: "Default"})

	made, err := w.client.Clusters.Create(w.ctx, "Dev Cluster")
	w.must(err)
	equal(w, "name", made.Name, "Dev Cluster")
	equal(w, "deletable (C-7)", made.Deletable, true)
	if !strings.HasPrefix(made.Slug, "dev-cluster-") || len(made.Slug) != len("dev-cluster-")+14 {
		w.Errorf("the slug is %q, want dev-cluster- and 14 letters or digits (C-5)", made.Slug)
	}
	namesake, err := w.client.Clusters.Create(w.ctx, "Dev Cluster")
	w.must(err)
	if namesake.Slug == made.Slug {
		w.Errorf("two clusters share the slug %q (C-6)", made.Slug)
	}
	found, err := w.client.Clusters.Get(w.ctx, made.Slug)
	w.must(err)
	equal(w, "found", found, made)

	listed, err := w.client.Clusters.List(w.ctx)
	w.must(err)
	slugs := []string{}
	for _, cluster := range listed {
		slugs = append(slugs, cluster.Slug)
	}
	equal(w, "the default cluster comes first", slugs[0], standard.Slug)
	equal(w, "all clusters (C-9)", slices.Sorted(slices.Values(slugs)),
		slices.Sorted(slices.Values([]string{standard.Slug, made.Slug, namesake.Slug})))

	w.must(w.client.Clusters.Delete(w.ctx, namesake.Slug))
	_, err = w.client.Clusters.Get(w.ctx, namesake.Slug)
	expectCode(w, "finding a deleted cluster (C-10)", err, connect.CodeNotFound)
	expectCode(w, "deleting it again (C-10)", w.client.Clusters.Delete(w.ctx, namesake.Slug), connect.CodeNotFound)
	expectCode(w, "deleting the default cluster (C-11)", w.client.Clusters.Delete(w.ctx, standard.Slug), connect.CodeInvalidArgument)
	_, err = w.client.Clusters.Create(w.ctx, "")
	expectCode(w, "a cluster without a name (C-4)", err, connect.CodeInvalidArgument)
	_, err = w.client.Clusters.Create(w.ctx, strings.Repeat("é", 101))
	expectCode(w, "a name of 101 characters (C-4)", err, connect.CodeInvalidArgument)
	_, err = w.client.Clusters.Create(w.ctx, strings.Repeat("é", 100))
	w.must(err) // 100 characters, though 200 bytes
	_, err = w.client.Clusters.Get(w.ctx, "not_a_slug")
	expectCode(w, "a malformed slug (C-14)", err, connect.CodeInvalidArgument)
}

func TestR2_RunnerOnAnUnknownCluster(t *testing.T) {
	w := newWorld(t)
	_, err := w.client.NewRunner(w.ctx, "no-such-cluster")
	expectCode(w, "making the runner", err, connect.CodeNotFound)
	_, err = w.raw().tasks.NextTask(w.ctx, connect.NewRequest(&workflowsv1.NextTaskRequest{
		NextTaskToRun: &workflowsv1.NextTaskToRun{ClusterSlug: "no-such-cluster", Identifiers: []*workflowsv1.TaskIdentifier{identifier("A", "v0.0")}},
	}))
	expectCode(w, "asking for its work", err, connect.CodeNotFound)
}

func TestJ5_JobOnAnUnknownCluster(t *testing.T) {
	w := newWorld(t)
	_, err := w.client.Jobs.Submit(w.ctx, "unknown cluster "+w.cluster, []workflows.Task{&MyTask{}}, workflows.OnCluster("no-such-cluster"))
	expectCode(w, "submitting", err, connect.CodeNotFound)
	jobs, err := workflows.Collect(w.client.Jobs.Query(w.ctx, workflows.Query{Name: "unknown cluster " + w.cluster}))
	w.must(err)
	equal(w, "jobs stored", len(jobs), 0)
}

// TwoClusterRoot sends one child to another cluster and lets a local one wait for it.
type TwoClusterRoot struct{ Elsewhere string }

func (t *TwoClusterRoot) Execute(ctx context.Context) error {
	here, err := workflows.CurrentCluster(ctx)
	if err != nil {
		return err
	}
	note(ctx, "root on %s", here)
	remote, err := workflows.SubmitSubtask(ctx, &WhereAmI{}, workflows.WithClusterSlug(t.Elsewhere))
	if err != nil {
		return err
	}
	_, err = workflows.SubmitSubtask(ctx, &WhereAmI{}, workflows.WithDependencies(remote))
	return err
}

type WhereAmI struct{}

func (t *WhereAmI) Execute(ctx context.Context) error {
	here, err := workflows.CurrentCluster(ctx)
	note(ctx, "child on %s", here)
	return err
}

// R-72, T-78, T-79, C-13: a dependency may cross clusters, and each runner gets only its own.
func TestC13_JobOverTwoClusters(t *testing.T) {
	w := newWorld(t)
	elsewhere := w.newCluster()
	job := w.submit("two clusters", &TwoClusterRoot{Elsewhere: elsewhere})
	w.runAll(&TwoClusterRoot{}, &WhereAmI{})
	equal(w, "the first runner stops at the foreign task (R-14)", w.journal.all(), []string{"root on " + w.cluster})
	w.runnerOf(w.client, elsewhere, &WhereAmI{}).RunAll(w.ctx)
	w.runAll(&WhereAmI{})
	equal(w, "executed", w.journal.all(), []string{"root on " + w.cluster, "child on " + elsewhere, "child on " + w.cluster})
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 3})
}

// C-12: the queued tasks of a deleted cluster wait for a cluster with the same slug.
func TestC12_DeletedClusterKeepsItsTasks(t *testing.T) {
	w := newWorld(t)
	create := func() {
		_, err := w.raw().workflows.CreateCluster(w.ctx, connect.NewRequest(&workflowsv1.CreateClusterRequest{
			Name: "phoenix", Slug: "phoenix",
		}))
		w.must(err)
	}
	create()
	_, err := w.raw().workflows.CreateCluster(w.ctx, connect.NewRequest(&workflowsv1.CreateClusterRequest{Name: "other", Slug: "phoenix"}))
	expectCode(w, "a taken slug (C-6)", err, connect.CodeAlreadyExists)
	job, err := w.client.Jobs.Submit(w.ctx, "waits", []workflows.Task{&MyTask{}}, workflows.OnCluster("phoenix"))
	w.must(err)
	w.must(w.client.Clusters.Delete(w.ctx, "phoenix"))
	w.expectJob(job.ID, workflows.JobSubmitted, map[workflows.TaskState]uint64{workflows.TaskQueued: 1})
	create()
	w.runnerOf(w.client, "phoenix", &MyTask{}).RunAll(w.ctx)
	w.expectJob(job.ID, workflows.JobCompleted, map[workflows.TaskState]uint64{workflows.TaskComputed: 1})
}
