package workflows

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"boxwood-conformance/internal/pb/workflowsv1"
)

// renewLease keeps a task's lease alive until the context ends. It waits as recommended, then asks
// for exactly twice the last lease. An answer without a lease is a refusal, and the last renewal of
// this task; so is any error.
func (r *Runner) renewLease(ctx context.Context, task *workflowsv1.Task) {
	lease := task.GetLease()
	for {
		timer := time.NewTimer(lease.GetRecommendedWaitUntilNextExtension().AsDuration())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		granted, err := call(ctx, r.client.telemetry.tracer, "workflows/tasks/lease", "extend the lease",
			r.client.tasks.ExtendTaskLease, &workflowsv1.TaskLeaseRequest{
				TaskId:         task.GetId(),
				RequestedLease: durationpb.New(2 * lease.GetLease().AsDuration()),
			})
		if err != nil {
			r.logError(ctx, "failed to extend the lease", err)
			return
		}
		if granted.GetLease() == nil {
			return
		}
		lease = granted
	}
}
