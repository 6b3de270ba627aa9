// Package tests holds the native tests of the Go side: the kit by its functions, the programs by what they print. Run
// them with `go test ./...` in the folder above.
package tests

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memverdict/langs/go/kit"
)

func TestRNGWhenSeededThenItStartsAsPublished(t *testing.T) {
	for seed, want := range map[uint64][3]uint64{
		0:  {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f},
		42: {0xbdd732262feb6e95, 0x28efe333b266f103, 0x47526757130f9f52},
	} {
		rng := kit.NewRNG(seed)
		if got := [3]uint64{rng.Next(), rng.Next(), rng.Next()}; got != want {
			t.Errorf("seed %d starts %x, want %x", seed, got, want)
		}
	}
}

func TestChecksumWhenFoldedOverThousandDrawsThenItIsAsPublished(t *testing.T) {
	rng, h := kit.NewRNG(42), kit.NewChecksum()
	for range 1000 {
		h.Add(rng.Next())
	}
	if h != 0x536cee532ddb4678 {
		t.Errorf("checksum is %x", uint64(h))
	}
}

var sample = &kit.Workload{
	ID:         "sample",
	Parameters: []kit.Parameter{{Name: "count"}, {Name: "size", Least: 16, Most: 1024, Multiple: 8}},
	Variants:   []kit.Variant{{ID: "one"}, {ID: "two", Arrivals: "count"}, {ID: "all", Forms: true}},
}

func TestParamsWhenKeysComeInAnyOrderThenAllAreRead(t *testing.T) {
	p, err := kit.ParseParams(sample, strings.Fields(
		"size=64 iterations=3 seed=18446744073709551615 count=0 mode=memory warmup=2 variant=two"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Variant.ID != "two" || p.Mode != kit.Memory || p.Seed != 1<<64-1 || p.Warmup != 2 || p.Iterations != 3 ||
		p.Int("count") != 0 || p.Int("size") != 64 {
		t.Errorf("read %+v", p)
	}
}

func TestParamsWhenCommandLineIsWrongThenUsageSaysWhatWasExpected(t *testing.T) {
	const good = "variant=one mode=exact seed=1 warmup=0 iterations=1 count=1 size=16"
	const inTime = "variant=two mode=latency seed=1 warmup=0 iterations=1 count=1 size=16 rate=1 tick_us=0"
	for name, c := range map[string]struct{ args, want string }{
		"missing":           {strings.Replace(good, "count=1 ", "", 1), `missing key "count"; expected keys: ["variant" "mode"`},
		"unknown":           {good + " colour=1", `unknown key "colour"; expected keys: ["variant" "mode"`},
		"repeated":          {good + " seed=1", `key "seed" is repeated`},
		"not a pair":        {good + " fast", `"fast" is not key=value`},
		"unknown variant":   {strings.Replace(good, "variant=one", "variant=three", 1), `unknown variant "three" of sample; there are: ["one" "two" "all"]`},
		"unknown mode":      {strings.Replace(good, "exact", "quick", 1), `unknown mode "quick"; expected: ["throughput" "memory" "exact" "latency"]`},
		"forms untimed":     {strings.Replace(good, "variant=one mode=exact", "variant=all mode=throughput", 1), `variant "all" runs in mode exact only`},
		"negative seed":     {strings.Replace(good, "seed=1", "seed=-1", 1), "seed=-1 is not an unsigned 64-bit decimal"},
		"seed of 65 bits":   {strings.Replace(good, "seed=1", "seed=18446744073709551616", 1), "is not an unsigned 64-bit decimal"},
		"hexadecimal":       {strings.Replace(good, "count=1", "count=0x1", 1), "count=0x1 is not an integer from 0 to 9223372036854775807"},
		"empty":             {strings.Replace(good, "count=1", "count=", 1), "count= is not an integer"},
		"fractional":        {strings.Replace(good, "warmup=0", "warmup=0.5", 1), "warmup=0.5 is not an integer"},
		"no iterations":     {strings.Replace(good, "iterations=1", "iterations=0", 1), "iterations=0 is not an integer from 1"},
		"below the least":   {strings.Replace(good, "size=16", "size=8", 1), "size=8 is not an integer from 16 to 1024 and a multiple of 8"},
		"above the most":    {strings.Replace(good, "size=16", "size=1032", 1), "size=1032 is not"},
		"not that multiple": {strings.Replace(good, "size=16", "size=17", 1), "size=17 is not"},
		"rate elsewhere":    {good + " rate=1", `unknown key "rate"`},
		"ticker elsewhere":  {good + " tick_us=1000", `unknown key "tick_us"`},
		"no rate":           {strings.Replace(inTime, "rate=1 ", "", 1), `missing key "rate"`},
		"no tick":           {strings.Replace(inTime, "tick_us=0", "", 1), `missing key "tick_us"`},
		"rate of zero":      {strings.Replace(inTime, "rate=1", "rate=0", 1), "rate=0 is not an integer from 1 to 1000000000"},
		"rate too high":     {strings.Replace(inTime, "rate=1", "rate=1000000001", 1), "rate=1000000001 is not"},
		"tick too short":    {strings.Replace(inTime, "us=0", "us=99", 1), "tick_us=99 is not an integer from 100 to 1000000, or 0"},
		"tick too long":     {strings.Replace(inTime, "us=0", "us=1000001", 1), "tick_us=1000001 is not"},
		"forms in time":     {strings.Replace(inTime, "variant=two", "variant=all", 1), `variant "all" runs in mode exact only`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kit.ParseParams(sample, strings.Fields(c.args))
			var usage *kit.UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %T %v, want a UsageError with %q", err, err, c.want)
			}
		})
	}
}

func TestParamsWhenVariantHasNoOperationsThenLatencyIsUnsupportedNotWrong(t *testing.T) {
	line := "mode=latency seed=1 warmup=0 iterations=1 count=7 size=16 rate=1000 tick_us=100 variant="
	_, err := kit.ParseParams(sample, strings.Fields(line+"one"))
	var unsupported *kit.UnsupportedError
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), `which variant "one" of sample does not have`) {
		t.Errorf("error is %T %v", err, err)
	}
	p, err := kit.ParseParams(sample, strings.Fields(line+"two"))
	if err != nil || p.Mode != kit.Latency || p.Rate != 1000 || p.TickUS != 100 || p.Int(p.Variant.Arrivals) != 7 {
		t.Errorf("read %+v, %v", p, err)
	}
}

func TestParamsWhenUndeclaredOneIsAskedForThenItPanics(t *testing.T) {
	panics(t, "parameter not declared: depth", func() { kit.Params{}.Int("depth") })
}

func TestRegistryWhenIDIsTakenThenItPanics(t *testing.T) {
	kit.Register(*sample)
	panics(t, "workload registered twice: sample", func() { kit.Register(*sample) })
}

func TestResultWhenOneFieldDiffersThenItIsNotEqual(t *testing.T) {
	result := func() kit.Result { return kit.Result{Counters: []kit.Counter{{Name: "hits"}}} }
	if !result().Equal(result()) {
		t.Error("equal results differ")
	}
	for i, change := range []func(*kit.Result){
		func(r *kit.Result) { r.Operations++ },
		func(r *kit.Result) { r.Allocations++ },
		func(r *kit.Result) { r.AllocatedBytes++ },
		func(r *kit.Result) { r.PeakLiveBytes++ },
		func(r *kit.Result) { r.Checksum++ },
		func(r *kit.Result) { r.Counters[0].Value++ },
		func(r *kit.Result) { r.Counters = nil },
	} {
		other := result()
		change(&other)
		if result().Equal(other) {
			t.Errorf("change %d goes unseen", i)
		}
	}
}

func TestCgroupFolderWhenMountedInDifferentWaysThenItIsTheProcessesOwn(t *testing.T) {
	const (
		v1     = "30 20 0:25 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		v1Part = "30 20 0:25 /docker/abc /sys/fs/cgroup/cpuacct ro,nosuid - cgroup cpuacct rw,cpuacct\n"
		v2     = "31 20 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
	)
	for name, c := range map[string]struct{ groups, mounts, controller, want string }{
		"whole hierarchy":    {"3:cpu,cpuacct:/user/1\n0::/\n", v1 + v2, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct/user/1"},
		"root of it":         {"3:cpu,cpuacct:/\n", v1, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
		"a container's part": {"3:cpuacct:/docker/abc\n", v1Part, "cpuacct", "/sys/fs/cgroup/cpuacct"},
		"below that part":    {"3:cpuacct:/docker/abc/x\n", v1Part, "cpuacct", "/sys/fs/cgroup/cpuacct/x"},
		"another part":       {"3:cpuacct:/system\n", v1Part, "cpuacct", "/sys/fs/cgroup/cpuacct"},
		"version 2":          {"0::/worker\n", v2, "", "/sys/fs/cgroup/worker"},
		"no such controller": {"0::/worker\n", v2, "cpuacct", ""},
		"not mounted":        {"3:cpuacct:/a\n", v2, "cpuacct", ""},
		"unreadable":         {"", "", "", ""},
		"garbled":            {"3:cpuacct:/a\n", "30 20\n - cgroup\n", "cpuacct", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (kit.Cgroup{Groups: c.groups, Mounts: c.mounts}).Folder(c.controller); got != c.want {
				t.Errorf("folder is %q, want %q", got, c.want)
			}
		})
	}
}

// cgroupIn returns a group of that version whose folder is a temporary one with the given files.
func cgroupIn(t *testing.T, version int, files map[string]string) (kit.Cgroup, string) {
	folder := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(folder, name), text)
	}
	if version == 1 {
		return kit.Cgroup{
			Groups: "2:cpuacct:/\n3:memory:/\n",
			Mounts: fmt.Sprintf("1 0 0:1 / %s rw - cgroup x rw,cpuacct,memory\n", folder),
		}, folder
	}
	return kit.Cgroup{Groups: "0::/\n", Mounts: fmt.Sprintf("1 0 0:1 / %s rw - cgroup2 x rw\n", folder)}, folder
}

func TestMemoryLimitWhenGroupHasOneThenItIsVisible(t *testing.T) {
	for name, c := range map[string]struct {
		version    int
		file, text string
		want       uint64
		visible    bool
	}{
		"version 1":       {1, "memory.limit_in_bytes", "536870912\n", 536870912, true},
		"version 1, none": {1, "memory.limit_in_bytes", "9223372036854771712\n", 0, false},
		"version 2":       {2, "memory.max", "1048576\n", 1048576, true},
		"version 2, none": {2, "memory.max", "max\n", 0, false},
		"no file":         {2, "other", "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			group, _ := cgroupIn(t, c.version, map[string]string{c.file: c.text})
			got, visible := group.MemoryLimit()
			if visible != c.visible || visible && got != c.want {
				t.Errorf("limit is %d, %v", got, visible)
			}
		})
	}
}

func TestCPUClockWhenGroupHasItsOwnCounterThenThatIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		version      int
		files        map[string]string
		counter      string
		later        string
		before, then int64
	}{
		"version 1": {1, map[string]string{"cpuacct.usage": "1000\n"}, "cpuacct.usage", "2500\n", 1000, 2500},
		"version 2": {2, map[string]string{"cgroup.type": "domain\n", "cpu.stat": "usage_usec 7\nuser_usec 5\n"},
			"cpu.stat", "usage_usec 9\nuser_usec 6\n", 7000, 9000},
	} {
		t.Run(name, func(t *testing.T) {
			group, folder := cgroupIn(t, c.version, c.files)
			clock := kit.NewCPUClock(group)
			if got := clock.Read(); got != c.before || clock.ResolutionNS() != 4_000_000 {
				t.Errorf("reads %d in steps of %d", got, clock.ResolutionNS())
			}
			write(t, filepath.Join(folder, c.counter), c.later)
			if got := clock.Read(); got != c.then {
				t.Errorf("reads %d later", got)
			}
		})
	}
}

func TestCPUClockWhenCounterIsNotTheGroupsOwnThenTheProcessIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		version int
		files   map[string]string
	}{
		"root of version 1": {1, map[string]string{"cpuacct.usage": "1\n", "release_agent": ""}},
		"root of version 2": {2, map[string]string{"cpu.stat": "usage_usec 1\n"}},
		"no counter":        {1, nil},
		"garbled counter":   {1, map[string]string{"cpuacct.usage": "many\n"}},
		"garbled statistic": {2, map[string]string{"cgroup.type": "", "cpu.stat": "user_usec 5\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			group, _ := cgroupIn(t, c.version, c.files)
			clock := kit.NewCPUClock(group)
			before := clock.Read()
			after := clock.Read()
			if clock.ResolutionNS() != 1 || before < 10_000 || after <= before {
				t.Errorf("reads %d and then %d in steps of %d", before, after, clock.ResolutionNS())
			}
		})
	}
}

func TestClockWhenReadAgainThenItHasNotGoneBack(t *testing.T) {
	before := kit.Now()
	if after := kit.Now(); before <= 0 || after < before {
		t.Errorf("%d then %d", before, after)
	}
}

func TestCollectorWhenVersionIsReadThenItIsTheOneLinkedIn(t *testing.T) {
	for version, want := range map[string]string{
		"go1.24":                    "classic",
		"go1.24.11":                 "classic",
		"go1.25.1":                  "classic",
		"go1.25.1-X:greenteagc":     "greentea",
		"go1.25.1 X:greenteagc":     "greentea",
		"go1.26.8":                  "greentea",
		"go1.26.8-X:nogreenteagc":   "classic",
		"go1.27.3-X:a,nogreenteagc": "classic",
		"go1.27.3-X:jsonv2":         "greentea",
		"devel go1.28-abcdef":       "greentea",
	} {
		if got := kit.CollectorOf(version); got != want {
			t.Errorf("%s has %s, want %s", version, got, want)
		}
	}
}

func TestProcessMemoryWhenFilesAreMissingThenItIsUnsupported(t *testing.T) {
	for name, files := range map[string][]string{"both": nil, "the rollup": {"status"}} {
		t.Run(name, func(t *testing.T) {
			proc := t.TempDir()
			for _, file := range files {
				write(t, filepath.Join(proc, file), "")
			}
			_, err := kit.OpenProcessMemory(proc)
			var unsupported *kit.UnsupportedError
			if !errors.As(err, &unsupported) {
				t.Errorf("error is %T %v", err, err)
			}
		})
	}
}

func TestProcessMemoryWhenReadThenSizesAreBytes(t *testing.T) {
	proc := t.TempDir()
	write(t, filepath.Join(proc, "status"), "Name:\tx\nVmHWM:\t    20 kB\nVmRSS:\t    10 kB\n")
	write(t, filepath.Join(proc, "smaps_rollup"), "0-1 [rollup]\nRss:    10 kB\nPss:     3 kB\nPss_Anon: 1 kB\n")
	memory, err := kit.OpenProcessMemory(proc)
	if err != nil {
		t.Fatal(err)
	}
	resident, peak := memory.Resident()
	if resident != 10<<10 || peak != 20<<10 || memory.Proportional() != 3<<10 {
		t.Errorf("read %d, %d, %d", resident, peak, memory.Proportional())
	}
}

func TestProcessMemoryWhenKernelDoesNotReportThenItIsNotZero(t *testing.T) {
	proc := t.TempDir()
	write(t, filepath.Join(proc, "status"), "Name:\tx\n")
	write(t, filepath.Join(proc, "smaps_rollup"), "")
	memory, err := kit.OpenProcessMemory(proc)
	if err != nil {
		t.Fatal(err)
	}
	panics(t, "the kernel does not report VmRSS:", func() { memory.Resident() })
}

func TestReadingsWhenTakenThenTheyAllocateNothing(t *testing.T) {
	memory, err := kit.OpenProcessMemory("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	group, _ := cgroupIn(t, 2, map[string]string{"cgroup.type": "", "cpu.stat": "usage_usec 7\n"})
	container, process := kit.NewCPUClock(group), kit.NewCPUClock(kit.Cgroup{})
	points := kit.NewCheckpoints(memory)
	run := kit.NewRun(kit.Params{}, points)
	var heap kit.HeapCounter
	for name, read := range map[string]func(){
		"monotonic clock": func() { kit.Now() },
		"thread clock":    func() { kit.ThreadCPU() },
		"container clock": func() { container.Read() },
		"process clock":   func() { process.Read() },
		"heap counter":    func() { heap.Read() },
		"checkpoint":      func() { run.Checkpoint("x", 1); points.Drain(func(kit.Checkpoint) {}) },
	} {
		if n := testing.AllocsPerRun(100, read); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAwaitReleaseWhenAnythingButGComesThenItIsUsage(t *testing.T) {
	if err := kit.AwaitRelease(strings.NewReader("g")); err != nil {
		t.Error(err)
	}
	for _, given := range []string{"", "q", "\n"} {
		var usage *kit.UsageError
		if err := kit.AwaitRelease(strings.NewReader(given)); !errors.As(err, &usage) {
			t.Errorf("%q: error is %T %v", given, err, err)
		}
	}
}

func TestAwaitDismissalWhenDismissedOrLeftThenItReturns(t *testing.T) {
	silent, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	kit.AwaitDismissal(strings.NewReader("xxq"), time.Hour)
	kit.AwaitDismissal(strings.NewReader("xx"), time.Hour)
	kit.AwaitDismissal(silent, time.Nanosecond)
}

func panics(t *testing.T, want string, do func()) {
	t.Helper()
	defer func() {
		if got := recover(); got != want {
			t.Errorf("panics with %v, want %q", got, want)
		}
	}()
	do()
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
