package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"google.golang.org/protobuf/proto"
)

// Task is anything that can be submitted: a struct, sent as JSON, or a protobuf message, sent in its own encoding.
type Task any

// ExecutableTask is a task a runner can execute. It is registered as a pointer to its struct.
type ExecutableTask interface {
	Task
	Execute(ctx context.Context) error
}

// ExplicitlyIdentifiedTask is a task that does not want the default identifier.
type ExplicitlyIdentifiedTask interface {
	Task
	Identifier() Identifier
}

// Identifier names the code of a task.
type Identifier struct {
	Name    string
	Version string
}

const (
	defaultVersion   = "v0.0"
	nameBytesMax     = 256
	messageBytesMax  = 1024 // of an error text put into a display
	unnamedIndicator = ""
)

var versionPattern = regexp.MustCompile(`^v(\d+)\.(\d+)$`)

// identifierOf returns a task's identifier and whether the task chose it itself.
func identifierOf(task Task) (identifier Identifier, explicit bool) {
	if identified, ok := task.(ExplicitlyIdentifiedTask); ok {
		return identified.Identifier(), true
	}
	kind := reflect.TypeOf(task)
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return Identifier{Name: kind.Name(), Version: defaultVersion}, false
}

func (i Identifier) validate() error {
	switch {
	case i.Name == "":
		return errors.New("the task name is empty")
	case len(i.Name) > nameBytesMax:
		return fmt.Errorf("the task name is longer than %d bytes", nameBytesMax)
	case !versionPattern.MatchString(i.Version):
		return fmt.Errorf("the task version %q is not of the form v0.0", i.Version)
	}
	return nil
}

// encodeInput serializes a task for submission.
func encodeInput(task Task) ([]byte, error) {
	if message, ok := task.(proto.Message); ok {
		return proto.Marshal(message)
	}
	return json.Marshal(task)
}

// decodeInput makes a fresh task of the prototype's kind from its input.
func decodeInput(prototype ExecutableTask, input []byte) (ExecutableTask, error) {
	fresh, ok := reflect.New(reflect.TypeOf(prototype).Elem()).Interface().(ExecutableTask)
	if !ok {
		return nil, fmt.Errorf("%T cannot be executed", prototype)
	}
	if message, ok := fresh.(proto.Message); ok {
		if err := proto.Unmarshal(input, message); err != nil {
			return nil, fmt.Errorf("failed to unmarshal protobuf task: %w", err)
		}
		return fresh, nil
	}
	if err := json.Unmarshal(input, fresh); err != nil {
		return nil, fmt.Errorf("failed to unmarshal json task: %w", err)
	}
	return fresh, nil
}
