package workflows

import (
	"fmt"
	"slices"

	"boxwood-conformance/internal/pb/workflowsv1"
)

// pendingTask is a task on its way into a submission. Dependencies are positions in the same submission.
type pendingTask struct {
	identifier   Identifier
	explicit     bool
	input        []byte
	clusterSlug  string
	maxRetries   int64
	optional     bool
	dependencies []uint32
}

func newPendingTask(task Task, clusterSlug string, maxRetries int64) (*pendingTask, error) {
	identifier, explicit := identifierOf(task)
	if err := identifier.validate(); err != nil {
		return nil, err
	}
	input, err := encodeInput(task)
	if err != nil {
		return nil, fmt.Errorf("failed to marshal task: %w", err)
	}
	return &pendingTask{
		identifier:  identifier,
		explicit:    explicit,
		input:       input,
		clusterSlug: clusterSlug,
		maxRetries:  maxRetries,
	}, nil
}

// lookup collects distinct values and remembers where each one is.
type lookup[T comparable] struct {
	values  []T
	indexes map[T]uint64
}

func (l *lookup[T]) index(value T) uint64 {
	if known, ok := l.indexes[value]; ok {
		return known
	}
	if l.indexes == nil {
		l.indexes = map[T]uint64{}
	}
	l.indexes[value] = uint64(len(l.values))
	return l.append(value)
}

// append adds a value without looking for an equal one.
func (l *lookup[T]) append(value T) uint64 {
	l.values = append(l.values, value)
	return uint64(len(l.values) - 1)
}

// encodeSubmissions groups tasks that have the same dependencies and the same dependents.
// Groups come in the order of their first member. Nothing to submit is an absent message.
func encodeSubmissions(tasks []*pendingTask) *workflowsv1.TaskSubmissions {
	if len(tasks) == 0 {
		return nil
	}
	groupOf := assignGroups(tasks)
	groups := make([]*workflowsv1.TaskSubmissionGroup, slices.Max(groupOf)+1)
	var clusters, displays lookup[string]
	var identifiers lookup[Identifier]
	for i, task := range tasks {
		group := groups[groupOf[i]]
		if group == nil {
			group = &workflowsv1.TaskSubmissionGroup{DependenciesOnOtherGroups: groupsOf(task.dependencies, groupOf)}
			groups[groupOf[i]] = group
		}
		// Only identifiers that tasks chose themselves are shared: the default one is made anew
		// for every task, and brings one entry each.
		identifierIndex := uint64(0)
		if task.explicit {
			identifierIndex = identifiers.index(task.identifier)
		} else {
			identifierIndex = identifiers.append(task.identifier)
		}
		group.Inputs = append(group.Inputs, task.input)
		group.IdentifierPointers = append(group.IdentifierPointers, identifierIndex)
		group.ClusterSlugPointers = append(group.ClusterSlugPointers, clusters.index(task.clusterSlug))
		group.DisplayPointers = append(group.DisplayPointers, displays.index(task.identifier.Name))
		group.MaxRetriesValues = append(group.MaxRetriesValues, task.maxRetries)
		group.OptionalValues = append(group.OptionalValues, task.optional)
	}
	return &workflowsv1.TaskSubmissions{
		TaskGroups:        groups,
		ClusterSlugLookup: clusters.values,
		IdentifierLookup:  wireIdentifiers(identifiers.values),
		DisplayLookup:     displays.values,
	}
}

// assignGroups returns the group index of every task.
func assignGroups(tasks []*pendingTask) []uint32 {
	dependents := make([][]uint32, len(tasks))
	for i, task := range tasks {
		for _, dependency := range task.dependencies {
			dependents[dependency] = append(dependents[dependency], uint32(i))
		}
	}
	var keys lookup[string]
	groupOf := make([]uint32, len(tasks))
	for i, task := range tasks {
		key := fmt.Sprint(distinct(task.dependencies), distinct(dependents[i]))
		groupOf[i] = uint32(keys.index(key))
	}
	return groupOf
}

// groupsOf turns task dependencies into sorted, distinct group dependencies.
func groupsOf(dependencies, groupOf []uint32) []uint32 {
	groups := make([]uint32, 0, len(dependencies))
	for _, dependency := range dependencies {
		groups = append(groups, groupOf[dependency])
	}
	return distinct(groups)
}

func distinct(values []uint32) []uint32 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

func wireIdentifiers(identifiers []Identifier) []*workflowsv1.TaskIdentifier {
	wire := make([]*workflowsv1.TaskIdentifier, 0, len(identifiers))
	for _, identifier := range identifiers {
		wire = append(wire, &workflowsv1.TaskIdentifier{Name: identifier.Name, Version: identifier.Version})
	}
	return wire
}
