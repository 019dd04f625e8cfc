// Command gen makes the Go message and client code of the suite from the repository's own
// .proto files. It needs no protoc: the files are compiled in this process, and the two
// official Go plugins, pinned in go.mod, are run on the result.
//
//	go run ./gen -proto ../../crates/proto/proto
//
// Everything is written below internal/pb, which is not under version control.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const (
	modulePath = "boxwood-conformance"
	outputRoot = "internal/pb"
)

// plugins are run in this order; each is a tool of this module.
var plugins = []string{"protoc-gen-go", "protoc-gen-connect-go"}

// generatedTrees are the folders of the proto root that get Go code. The OpenTelemetry
// messages are left out: the exporters already link them, and a message registered
// twice ends the process at start.
var generatedTrees = []string{"tilebox", "workflows"}

func main() {
	protoRoot := flag.String("proto", "../../crates/proto/proto", "folder holding tilebox/v1 and workflows/v1")
	flag.Parse()
	if err := generate(*protoRoot); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func generate(protoRoot string) error {
	targets, err := findTargets(protoRoot)
	if err != nil {
		return err
	}
	files, err := compile([]string{protoRoot, "oldlayout"}, targets)
	if err != nil {
		return err
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: targets,
		Parameter:      proto.String(parameters(files)),
		ProtoFile:      files,
	}
	if err := os.RemoveAll(outputRoot); err != nil {
		return fmt.Errorf("clearing %s: %w", outputRoot, err)
	}
	for _, plugin := range plugins {
		if err := runPlugin(plugin, request); err != nil {
			return fmt.Errorf("%s: %w", plugin, err)
		}
	}
	return nil
}

// findTargets lists the files to generate code for, as import paths.
func findTargets(protoRoot string) ([]string, error) {
	targets := []string{"old_layout.proto"}
	for _, tree := range generatedTrees {
		err := filepath.WalkDir(filepath.Join(protoRoot, tree), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(file) != ".proto" {
				return err
			}
			relative, err := filepath.Rel(protoRoot, file)
			targets = append(targets, filepath.ToSlash(relative))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing the .proto files: %w", err)
		}
	}
	slices.Sort(targets)
	return targets, nil
}

// compile parses and links the targets and returns them with everything they import, imports first.
func compile(roots, targets []string) ([]*descriptorpb.FileDescriptorProto, error) {
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: roots}),
		SourceInfoMode: protocompile.SourceInfoNone,
	}
	linked, err := compiler.Compile(context.Background(), targets...)
	if err != nil {
		return nil, fmt.Errorf("compiling the .proto files: %w", err)
	}
	var ordered []*descriptorpb.FileDescriptorProto
	seen := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		imports := file.Imports()
		for i := range imports.Len() {
			add(imports.Get(i).FileDescriptor)
		}
		ordered = append(ordered, protodesc.ToFileDescriptorProto(file))
	}
	for _, file := range linked {
		add(file)
	}
	return ordered, nil
}

// parameters tells the plugins the Go package of every file, so that the .proto files need no go_package option.
func parameters(files []*descriptorpb.FileDescriptorProto) string {
	settings := []string{"module=" + modulePath}
	for _, file := range files {
		if goPackage := goPackageOf(file.GetName()); goPackage != "" {
			settings = append(settings, "M"+file.GetName()+"="+goPackage)
		}
	}
	return strings.Join(settings, ",")
}

// goPackageOf maps an import path to a Go package; empty means that the file names its own.
func goPackageOf(file string) string {
	folder := path.Dir(file)
	switch {
	case file == "old_layout.proto":
		return modulePath + "/" + outputRoot + "/oldlayout"
	case strings.HasPrefix(file, "opentelemetry/proto/"):
		return "go.opentelemetry.io/proto/otlp/" + strings.TrimPrefix(folder, "opentelemetry/proto/")
	case strings.HasPrefix(file, "google/"):
		return ""
	default: // workflows/v1 becomes package workflowsv1
		return modulePath + "/" + outputRoot + "/" + strings.ReplaceAll(folder, "/", "")
	}
}

// runPlugin feeds one plugin and writes what it answers.
func runPlugin(plugin string, request *pluginpb.CodeGeneratorRequest) error {
	input, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	command := exec.Command("go", "tool", plugin)
	command.Stdin = bytes.NewReader(input)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("running: %w", err)
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(output, response); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	if response.Error != nil {
		return fmt.Errorf("refused: %s", response.GetError())
	}
	for _, file := range response.GetFile() {
		if err := os.MkdirAll(filepath.Dir(file.GetName()), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file.GetName(), []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
