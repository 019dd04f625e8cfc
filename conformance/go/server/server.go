// Package server runs the real server as a process of its own, for one test.
package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyPrefix  = "listening on "
	readyTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
)

// Binary finds the server's program: BOXWOOD_BIN, else the release build, else the debug build.
func Binary() (string, error) {
	if chosen := os.Getenv("BOXWOOD_BIN"); chosen != "" {
		return filepath.Abs(chosen)
	}
	root, err := RepositoryRoot()
	if err != nil {
		return "", err
	}
	for _, profile := range []string{"release", "debug"} {
		program := filepath.Join(root, "target", profile, "boxwood")
		if info, err := os.Stat(program); err == nil && !info.IsDir() {
			return program, nil
		}
	}
	return "", fmt.Errorf("no server program below %s: build one with `cargo build --release`, or set BOXWOOD_BIN",
		filepath.Join(root, "target"))
}

// Help is what the server's program says about `serve`, for tests of options that not every release has.
func Help() (string, error) {
	program, err := Binary()
	if err != nil {
		return "", err
	}
	text, err := exec.Command(program, "serve", "--help").Output()
	if err != nil {
		return "", fmt.Errorf("%s serve --help: %w", program, err)
	}
	return string(text), nil
}

// RepositoryRoot is the first folder above the working directory that holds the workspace's Cargo.lock.
func RepositoryRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "Cargo.lock")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("the repository root was not found above the working directory")
		}
		folder = parent
	}
}

// Process is a running server.
type Process struct {
	// Address is what the server said it listens on, for example http://127.0.0.1:40211.
	Address string

	command *exec.Cmd
	exited  chan struct{} // closed when the process has ended and all of its output was read
	exit    error
	killed  bool
	talk    *lockedBuffer
}

// Start runs the server with a data directory and waits until it says that it is ready.
// Further arguments are added to those of `serve`.
func Start(dataDir, listen string, arguments ...string) (*Process, error) {
	program, err := Binary()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, append([]string{"serve", "--listen", listen, "--data-dir", dataDir}, arguments...)...)
	// What the developer has set for their own server must not change the one under test.
	command.Env = withoutBoxwoodSettings(os.Environ())
	talk := &lockedBuffer{}
	command.Stderr = talk
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	process := &Process{command: command, exited: make(chan struct{}), talk: talk}
	ready := make(chan string, 1)
	go process.watch(output, ready)

	timer := time.NewTimer(readyTimeout)
	defer timer.Stop()
	select {
	case process.Address = <-ready:
		return process, nil
	case <-process.exited:
		return nil, fmt.Errorf("the server ended before it was ready (%w); it said:\n%s", process.exit, talk)
	case <-timer.C:
		return nil, errors.Join(
			fmt.Errorf("the server was not ready after %s; it said:\n%s", readyTimeout, talk), process.Kill())
	}
}

func withoutBoxwoodSettings(environment []string) []string {
	kept := make([]string, 0, len(environment))
	for _, setting := range environment {
		if !strings.HasPrefix(setting, "BOXWOOD_") && !strings.HasPrefix(setting, "OTEL_") {
			kept = append(kept, setting)
		}
	}
	return kept
}

// watch reads the output to its end and then waits for the process.
func (p *Process) watch(output io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if address, found := strings.CutPrefix(lines.Text(), readyPrefix); found {
			select {
			case ready <- strings.TrimSpace(address):
			default: // said before
			}
		}
	}
	p.exit = p.command.Wait()
	close(p.exited)
}

// Stop asks the server to end and insists on exit status 0. After Kill it has nothing left to do.
func (p *Process) Stop() error {
	if p.killed {
		return nil
	}
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.exited:
		if p.exit != nil {
			return fmt.Errorf("the server did not end well: %w; it said:\n%s", p.exit, p.talk)
		}
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("the server did not end within %s of SIGTERM", stopTimeout), p.Kill())
	}
}

// Kill ends the server at once, as a crash would.
func (p *Process) Kill() error {
	p.killed = true
	err := p.command.Process.Kill()
	<-p.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Talk is what the server has written to its standard error so far.
func (p *Process) Talk() string { return p.talk.String() }

// lockedBuffer can be read while the process still writes.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}
