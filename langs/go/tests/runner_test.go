package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// runner is the program as langs/go/build makes it with the toolchain that runs these tests.
var runner string

func TestMain(m *testing.M) {
	out, err := os.MkdirTemp("", "memverdict-go-")
	if err == nil {
		err = build(filepath.Join("..", "build"), "go1.27", out)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		runner = filepath.Join(out, "runner")
		code = m.Run()
	}
	_ = os.RemoveAll(out)
	os.Exit(code)
}

// build calls a build script with the compiler's cache of the caller; the error holds what the script said.
func build(script string, args ...string) error {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return err
	}
	cmd := exec.Command(script, args...)
	cmd.Env = append(os.Environ(), "GOCACHE="+strings.TrimSpace(string(cache)))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

// minor is the Go 1.x that these tests and the runner are built with.
func minor(t *testing.T) int {
	text, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go1."), ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("version is %s", runtime.Version())
	}
	return n
}

type message struct {
	Type     string
	Index    int
	Phase    string
	Form     string
	Name     string
	Checksum string
	InForce  map[string]any `json:"in_force"`
	Language string

	Operations    int64
	Allocations   int64
	StartNS       int64  `json:"start_ns"`
	ElapsedNS     int64  `json:"elapsed_ns"`
	CPUNS         *int64 `json:"cpu_ns"`
	RuntimeCount  *int64 `json:"runtime_allocations"`
	RuntimeBytes  *int64 `json:"runtime_bytes"`
	LiveBytes     int64  `json:"live_bytes"`
	ResidentBytes int64  `json:"resident_bytes"`
	PeakResident  int64  `json:"peak_resident_bytes"`
	Pss           int64  `json:"pss_bytes"`
	GCCycles      *int64 `json:"gc_cycles"`
	GCCPU         *int64 `json:"gc_cpu_ns"`
	Counters      map[string]int64

	Kind        string
	EndNS       int64  `json:"end_ns"`
	RunDelay    *int64 `json:"run_delay_ns"`
	PeriodNS    int64  `json:"period_ns"`
	ThresholdNS int64  `json:"threshold_ns"`
	Ticks       int64
	Skipped     int64
	Dropped     int64
	Lowest      int64
	Highest     int64
	Digits      int64
	Count       uint64
	Max         int64
	Counts      [][2]uint64
}

// parse reads messages, one a line.
func parse(t *testing.T, text string) (messages []message) {
	t.Helper()
	for line := range strings.Lines(text) {
		var m message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q is not a message: %v", line, err)
		}
		messages = append(messages, m)
	}
	return messages
}

// call runs a program with stdin and extra environment; stderr is text, and code the exit code.
func call(t *testing.T, program, stdin string, env []string, args ...string) (messages []message, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return parse(t, out.String()), errs.String(), cmd.ProcessState.ExitCode()
}

// callWith runs the runner on line, does something to the process once it is released, and fails unless it ends well.
func callWith(t *testing.T, line string, do func(*exec.Cmd)) []message {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(runner, strings.Fields(line)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("gq"), &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	do(cmd)
	if err := cmd.Wait(); err != nil || errs.Len() > 0 {
		t.Fatalf("%s: %v: %s", line, err, errs.String())
	}
	return parse(t, out.String())
}

// complete runs the runner and fails unless it ends well.
func complete(t *testing.T, env []string, line string) []message {
	t.Helper()
	messages, stderr, code := call(t, runner, "gq", env, strings.Fields(line)...)
	if code != 0 || stderr != "" || messages[len(messages)-1].Type != "end" {
		t.Fatalf("%s: exit %d: %s", line, code, stderr)
	}
	return messages
}

func only(messages []message, kind string) []message {
	return slices.DeleteFunc(slices.Clone(messages), func(m message) bool { return m.Type != kind })
}

func types(messages []message) string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Type)
	}
	return strings.Join(all, " ")
}

const (
	cache  = "lru_cache variant=heap seed=0 capacity=100 accesses=10000"
	canary = "canary seed=1 mebibytes=32 hold_ms=0 cpu_ms=0 threads=1 count=1000 size=64 arrivals=100 service_us=10 stall_every=50"
)

func TestRunnerWhenThroughputIsAskedForThenTheStreamIsComplete(t *testing.T) {
	messages := complete(t, nil, cache+" mode=throughput warmup=1 iterations=2")
	if got := types(messages); got != "start ready iteration iteration iteration end" {
		t.Fatal(got)
	}
	for i, it := range messages[2:5] {
		if it.Index != i || it.Phase != []string{"warmup", "measured", "measured"}[i] || it.Form != "" ||
			it.Checksum != messages[2].Checksum || it.StartNS <= 0 || it.ElapsedNS <= 0 || it.CPUNS == nil ||
			it.RuntimeCount != nil || it.RuntimeBytes != nil || it.Operations != 10_000 || it.Allocations != 9083 {
			t.Errorf("iteration %d is %+v", i, it)
		}
	}
	end := messages[5]
	if end.Counters["hits"] != 952 || end.Counters["misses"] != 9048 || end.PeakResident < end.ResidentBytes ||
		end.ResidentBytes <= 0 || end.GCCycles == nil || end.GCCPU == nil {
		t.Errorf("end is %+v", end)
	}
}

func TestRunnerWhenMemoryIsAskedForThenCheckpointsFollowTheirIteration(t *testing.T) {
	messages := complete(t, nil, canary+" variant=memory mode=memory warmup=0 iterations=2")
	if got := types(messages); got != "start ready iteration checkpoint checkpoint iteration checkpoint checkpoint end" {
		t.Fatal(got)
	}
	filled, released := messages[3], messages[4]
	if filled.Name != "after_fill" || filled.LiveBytes != 32<<20 || filled.ResidentBytes < 32<<20 ||
		filled.PeakResident < filled.ResidentBytes || filled.Pss <= 0 || filled.Pss > filled.ResidentBytes+1<<20 {
		t.Errorf("after the writes: %+v", filled)
	}
	if released.Name != "after_release" || released.LiveBytes != 0 {
		t.Errorf("at the end: %+v", released)
	}
}

func TestRunnerWhenEnvironmentSetsTheCollectorThenItIsInForce(t *testing.T) {
	line := cache + " mode=throughput warmup=0 iterations=1"
	want := map[string]any{"gogc": 100.0, "gomemlimit": 0.0, "gomaxprocs": 1.0, "collector": "greentea"}
	if minor(t) < 26 {
		want["collector"] = "classic"
	}
	for _, c := range []struct {
		env  []string
		name string
		as   any
	}{
		{[]string{"GOMAXPROCS=1"}, "gogc", 100.0},
		{[]string{"GOMAXPROCS=1", "GOGC=400"}, "gogc", 400.0},
		{[]string{"GOMAXPROCS=1", "GOGC=off"}, "gogc", -1.0},
		{[]string{"GOMAXPROCS=1", "GOMEMLIMIT=64MiB"}, "gomemlimit", float64(64 << 20)},
	} {
		got := complete(t, c.env, line)[0].InForce
		for name, value := range want {
			if name == c.name {
				value = c.as
			}
			if got[name] != value {
				t.Errorf("%v: %s is %v, want %v", c.env, name, got[name], value)
			}
		}
	}
}

func TestRunnerWhenItCannotRunThenTheExitCodeSaysWhy(t *testing.T) {
	good := cache + " mode=throughput warmup=0 iterations=1"
	for name, c := range map[string]struct {
		line, stdin string
		code        int
		want        string
		lines       string
	}{
		"no workload":      {"", "gq", 64, "expected WORKLOAD key=value", ""},
		"unknown workload": {"lru", "gq", 64, `unknown workload "lru"; there are: ["binary_trees" `, ""},
		"unknown key":      {good + " x=1", "gq", 64, `unknown key "x"`, ""},
		"no schedule":      {cache + " mode=latency warmup=0 iterations=1", "gq", 64, `missing key "rate"`, ""},
		"no operations":    {canary + " variant=pause mode=latency warmup=0 iterations=1 rate=1 tick_us=0", "gq", 69, "single operations", ""},
		"none in any form": {"gcbench variant=node mode=latency seed=1 warmup=0 iterations=1 depth=1 array=1 rate=1 tick_us=0", "gq", 69, "single operations", ""},
		"not released":     {good, "", 64, "expected the byte g", "start ready"},
		"wrongly released": {good, "x", 64, "expected the byte g", "start ready"},
	} {
		t.Run(name, func(t *testing.T) {
			messages, stderr, code := call(t, runner, c.stdin, nil, strings.Fields(c.line)...)
			if code != c.code || !strings.Contains(stderr, c.want) || types(messages) != c.lines {
				t.Errorf("exit %d after %q: %s", code, types(messages), stderr)
			}
		})
	}
}

func TestRunnerWhenStdoutIsFullThenItEndsAsACrash(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	cmd := exec.Command(runner, strings.Fields(cache+" mode=throughput warmup=0 iterations=1")...)
	cmd.Stdin, cmd.Stdout = strings.NewReader("gq"), full
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ends with %v", err)
	}
}

// placement is how many heap allocations one operation of a form makes, and of how many bytes in all.
type placement struct{ count, bytes int64 }

// promised is what the compilers promise, by size and by escape, since Go 1.24; bytes are size classes.
func promised(minor int) map[string]placement {
	want := map[string]placement{
		"value": {}, "local": {}, "merged": {}, "constructor_inlined": {}, "new_local": {}, "make_slice_local": {},
		"make_map_local": {}, "append_local": {}, "buffer_variable_32": {}, "buffer_constant_65536": {},
		"array_131072": {}, "hot_stack": {},
		"heap": {1, 32}, "stored": {1, 32}, "constructor_noinline": {1, 32}, "constructor_stored": {1, 32},
		"interface": {1, 32}, "closure": {1, 48}, "new_escapes": {1, 32}, "make_slice_escapes": {1, 32},
		"make_map_escapes": {2, 192}, "make_channel_local": {1, 128}, "buffer_variable_33": {1, 48},
		"buffer_constant_65537": {1, 73728}, "array_131073": {1, 139264},
	}
	if minor < 25 {
		want["buffer_variable_32"] = placement{1, 32}
		want["make_channel_local"] = placement{1, 112}
	}
	if minor < 26 {
		want["append_local"] = placement{3, 8 + 16 + 32} // room for one, then for two, then for four
	}
	return want
}

// few is what the runtime allocates for itself while a form runs: the tolerance of the claims about exact counts.
const few = 8

// counted runs every form of escape and returns those of the measured iterations.
func counted(t *testing.T, program string) map[string]message {
	t.Helper()
	line := "escape variant=all mode=exact seed=42 warmup=1 iterations=1 operations=20000 large_operations=200"
	messages, stderr, code := call(t, program, "gq", nil, strings.Fields(line)...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	forms := map[string]message{}
	for i, it := range only(messages, "iteration") {
		if it.Index != i {
			t.Errorf("%s has index %d at place %d", it.Form, it.Index, i)
		}
		if it.Phase == "measured" {
			forms[it.Form] = it
		}
	}
	return forms
}

func checkPlacement(t *testing.T, it message, per placement) {
	t.Helper()
	count, size := it.Operations*per.count, it.Operations*per.bytes
	if *it.RuntimeCount < count || *it.RuntimeCount > count+few || *it.RuntimeBytes < size || *it.RuntimeBytes > size+4096 {
		t.Errorf("%s: %d allocations of %d bytes in %d operations, want %d of %d per operation",
			it.Form, *it.RuntimeCount, *it.RuntimeBytes, it.Operations, per.count, per.bytes)
	}
}

func TestEscapeWhenCountedThenEachFormIsPlacedAsPromised(t *testing.T) {
	want, got := promised(minor(t)), counted(t, runner)
	for form, per := range want {
		checkPlacement(t, got[form], per)
	}
	if hot := got["hot_heap"]; *hot.RuntimeCount < 1 || *hot.RuntimeCount > 1+few || *hot.RuntimeBytes < 4096 {
		t.Errorf("hot_heap: %d allocations of %d bytes", *hot.RuntimeCount, *hot.RuntimeBytes)
	}
	if len(got) != 26 {
		t.Errorf("%d forms", len(got))
	}
}

func TestWorkloadsWhenCountedThenTheRuntimeServesWhatTheAlgorithmAsksFor(t *testing.T) {
	for _, line := range []string{
		"binary_trees variant=node seed=42 depth=10 threads=1",
		"message_window variant=heap seed=42 window=2000 size=1024 pushes=10000",
		cache,
		canary + " variant=bytes",
	} {
		messages := complete(t, nil, line+" mode=exact warmup=1 iterations=2")
		for _, it := range only(messages, "iteration") {
			if *it.RuntimeCount < it.Allocations || *it.RuntimeCount > it.Allocations+few {
				t.Errorf("%s: %d asked for, %d served", line, it.Allocations, *it.RuntimeCount)
			}
		}
	}
}

func TestTreesWhenSplitOverThreadsThenTheChecksumIsTheSame(t *testing.T) {
	sums := map[string]bool{}
	for threads := 1; threads <= 3; threads++ {
		line := fmt.Sprintf("binary_trees variant=node mode=throughput seed=42 warmup=0 iterations=1 depth=8 threads=%d", threads)
		sums[complete(t, nil, line)[2].Checksum] = true
	}
	if len(sums) != 1 {
		t.Errorf("checksums: %v", sums)
	}
}
