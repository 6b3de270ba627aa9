package tests

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources copies what is built into a folder that a test may change, and returns the build script in it.
func sources(t *testing.T) (folder, script string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("..")); err != nil {
		t.Fatal(err)
	}
	return folder, filepath.Join(folder, "build")
}

func TestBuildWhenArgumentsAreWrongThenItEndsWithUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"none":              {nil, "too few arguments"},
		"no output":         {[]string{"go1.27"}, "too few arguments"},
		"unknown toolchain": {[]string{"go1.2", "out"}, "unknown toolchain 'go1.2'"},
		"a configuration":   {[]string{"gogc400", "out"}, "unknown toolchain 'gogc400'"},
		"unknown key":       {[]string{"go1.27", "out", "COLOUR=red"}, "unknown key in 'COLOUR=red'"},
		"no layout":         {[]string{"go1.27", "out", "LAYOUTS=0"}, "unknown key in 'LAYOUTS=0'"},
		"not a pair":        {[]string{"go1.27", "out", "GCFLAGS"}, "unknown key in 'GCFLAGS'"},
	} {
		t.Run(name, func(t *testing.T) {
			err := build(filepath.Join("..", "build"), c.args...)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 64 || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), "toolchains: go1.27 go1.26 go1.24") {
				t.Errorf("ends with %v", err)
			}
		})
	}
}

// listing is every path below folder with the time of its last change.
func listing(t *testing.T, folder string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		found[path] = info.ModTime().UnixNano()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestBuildWhenItEndsThenSourcesAreUntouchedAndOnlyTheRunnerIsLeft(t *testing.T) {
	folder, script := sources(t)
	before, out := listing(t, folder), t.TempDir()
	if err := build(script, "go1.26", out); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, folder); !maps.Equal(before, after) {
		t.Errorf("sources were %v and are %v", before, after)
	}
	if left := slices.Sorted(maps.Keys(listing(t, out))); !slices.Equal(left, []string{out, filepath.Join(out, "runner")}) {
		t.Errorf("left behind: %v", left)
	}
}

func TestBuildWhenSourcesDoNotCompileThenItFailsAndLeavesNoRunner(t *testing.T) {
	folder, script := sources(t)
	write(t, filepath.Join(folder, "workloads", "broken.go"), "package workloads\nimport \"os\"\n")
	out := t.TempDir()
	if err := build(script, "go1.27", out); err == nil || !strings.Contains(err.Error(), `"os" imported and not used`) {
		t.Errorf("ends with %v", err)
	}
	if left := listing(t, out); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

const unsteady = `package workloads

import "memverdict/langs/go/kit"

func init() {
	kit.Register(kit.Workload{ID: "unsteady", Variants: []kit.Variant{{ID: "one", Setup: setupUnsteady}}})
}

var runs kit.Checksum

type unsteadyState struct{}

func setupUnsteady(*kit.Run) kit.State       { return unsteadyState{} }
func (unsteadyState) Iterate()              { runs++ }
func (unsteadyState) Teardown() kit.Result { return kit.Result{Checksum: runs / 3} }
`

func TestRunnerWhenIterationsDisagreeThenItEndsWithTheirExitCode(t *testing.T) {
	folder, script := sources(t)
	write(t, filepath.Join(folder, "workloads", "unsteady.go"), unsteady) // that it is found shows that no list names it
	out := t.TempDir()
	if err := build(script, "go1.27", out); err != nil {
		t.Fatal(err)
	}
	line := strings.Fields("unsteady variant=one mode=throughput seed=1 warmup=1 iterations=9")
	messages, stderr, code := call(t, filepath.Join(out, "runner"), "gq", nil, line...)
	if code != 65 || !strings.Contains(stderr, "iterations of one process disagree") ||
		types(messages) != "start ready iteration iteration iteration" {
		t.Errorf("exit %d after %q: %s", code, types(messages), stderr)
	}
}

func TestBuildWhenInliningIsOffThenTheConstructorAllocates(t *testing.T) {
	out := t.TempDir()
	if err := build(filepath.Join("..", "build"), "go1.27", out, "GCFLAGS=-l"); err != nil {
		t.Fatal(err)
	}
	got := counted(t, filepath.Join(out, "runner"))
	checkPlacement(t, got["constructor_inlined"], placement{1, 32})
	checkPlacement(t, got["local"], placement{})
}

func TestBuildWhenGreenTeaIsSwitchedOffThenTheClassicCollectorIsInForce(t *testing.T) {
	out := t.TempDir()
	err := build(filepath.Join("..", "build"), "go1.27", out, "GOEXPERIMENT=nogreenteagc")
	if minor(t) < 25 { // there was nothing to switch off
		if err == nil || !strings.Contains(err.Error(), "greenteagc") {
			t.Errorf("ends with %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Fields(cache + " mode=throughput warmup=0 iterations=1")
	messages, _, code := call(t, filepath.Join(out, "runner"), "gq", nil, line...)
	if code != 0 || messages[0].InForce["collector"] != "classic" {
		t.Errorf("exit %d with %v", code, messages[0].InForce)
	}
}
