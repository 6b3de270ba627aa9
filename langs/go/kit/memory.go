package kit

import (
	"fmt"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
)

// ProcessMemory reads what the kernel says about this process's memory. Its files stay open and its buffer is its own,
// so that a reading in the middle of an iteration allocates nothing.
type ProcessMemory struct {
	status *os.File
	rollup *os.File
	buffer [8192]byte
}

// OpenProcessMemory opens the files under proc, which is /proc/self outside tests. The error is an UnsupportedError.
func OpenProcessMemory(proc string) (*ProcessMemory, error) {
	status, err := os.Open(path.Join(proc, "status"))
	if err != nil {
		return nil, &UnsupportedError{fmt.Sprintf("own memory cannot be read: %v", err)}
	}
	rollup, err := os.Open(path.Join(proc, "smaps_rollup"))
	if err != nil {
		_ = status.Close()
		return nil, &UnsupportedError{fmt.Sprintf("own proportional memory cannot be read: %v", err)}
	}
	return &ProcessMemory{status: status, rollup: rollup}, nil
}

var vmHWM, vmRSS, pss = []byte("VmHWM:"), []byte("VmRSS:"), []byte("\nPss:")

// Resident returns the resident set and its high-water mark (VmRSS and VmHWM), in bytes.
func (m *ProcessMemory) Resident() (resident, peak int64) {
	n, _ := m.status.ReadAt(m.buffer[:], 0)
	return kibibytes(m.buffer[:n], vmRSS), kibibytes(m.buffer[:n], vmHWM)
}

// Proportional returns the proportional set size, where a shared page counts in parts, in bytes. It walks the page
// tables: for moments at which nothing is timed.
func (m *ProcessMemory) Proportional() int64 {
	n, _ := m.rollup.ReadAt(m.buffer[:], 0)
	return kibibytes(m.buffer[:n], pss)
}

func kibibytes(text, prefix []byte) int64 {
	value, ok := number(text, prefix)
	if !ok {
		panic("the kernel does not report " + string(prefix)) // missing is never zero
	}
	return value << 10
}

// ResetPeak makes the high-water mark start again from the present resident set; where the kernel refuses, the mark
// stays that of the whole process.
func ResetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// Checkpoint is the process's memory at a named moment; times are ns of the monotonic clock, sizes bytes.
type Checkpoint struct {
	Name         string
	At           int64
	Live         uint64
	Resident     int64
	PeakResident int64
	Proportional int64
}

// Checkpoints collects the checkpoints of one iteration, to be written when it is over.
type Checkpoints struct {
	memory *ProcessMemory
	taken  []Checkpoint
}

// NewCheckpoints returns an empty collection with room for what an iteration takes.
func NewCheckpoints(memory *ProcessMemory) *Checkpoints {
	return &Checkpoints{memory: memory, taken: make([]Checkpoint, 0, 16)}
}

func (c *Checkpoints) take(name string, live uint64) {
	point := Checkpoint{Name: name, At: Now(), Live: live}
	point.Resident, point.PeakResident = c.memory.Resident()
	point.Proportional = c.memory.Proportional()
	c.taken = append(c.taken, point)
}

// Drain calls write for each checkpoint in the order it was taken and forgets them. A nil collection has none.
func (c *Checkpoints) Drain(write func(Checkpoint)) {
	if c == nil {
		return
	}
	for _, point := range c.taken {
		write(point)
	}
	c.taken = c.taken[:0]
}

// HeapCounter is how much the runtime has served, from runtime.MemStats: objects, tiny ones counted one by one, and
// bytes, rounded up to size classes.
type HeapCounter struct{ stats runtime.MemStats }

// Read returns the totals since the process started. It stops the world and flushes every thread's cache, so the
// totals are exact at that moment; it allocates nothing.
func (h *HeapCounter) Read() (objects, bytes uint64) {
	runtime.ReadMemStats(&h.stats)
	return h.stats.Mallocs, h.stats.TotalAlloc
}

// calmHeadroom is how much may be allocated between two cycles of a calm collector.
const calmHeadroom = 128 << 20

// CalmCollector makes the collector wait until the heap has grown by calmHeadroom, for mode exact: each cycle allocates
// a few objects of its own (the queueing of its workers, up to 40 over the two million of a form), and they would be
// counted as the workload's. What a program asks for does not depend on when it is collected. Called before the
// counters are read; the collection it begins with also brings the collector's workers into being, and gives back what
// was grown before, or each call would allow for more than the last.
func CalmCollector(h *HeapCounter) {
	debug.SetGCPercent(-1)
	debug.FreeOSMemory()
	runtime.ReadMemStats(&h.stats)
	debug.SetMemoryLimit(min(configuredLimit(), int64(h.stats.Sys-h.stats.HeapReleased)+calmHeadroom))
}

// configuredLimit is GOMEMLIMIT, read before anything changes it.
var configuredLimit = sync.OnceValue(func() int64 { return debug.SetMemoryLimit(-1) })

// Setting is one of the runtime's settings in force: an integer, or a text where Text is not empty.
type Setting struct {
	Name   string
	Number int64
	Text   string
}

// InForce returns the settings as the runtime reports them: gogc in percent (-1: off), gomemlimit in bytes (0: none),
// gomaxprocs, and which collector was linked in.
func InForce() []Setting {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(sample)
	limit := sample[1].Value.Uint64()
	if limit == math.MaxInt64 {
		limit = 0
	}
	return []Setting{
		{Name: "gogc", Number: int64(sample[0].Value.Uint64())}, // off is all ones
		{Name: "gomemlimit", Number: int64(limit)},
		{Name: "gomaxprocs", Number: int64(runtime.GOMAXPROCS(0))},
		{Name: "collector", Text: CollectorOf(runtime.Version())},
	}
}

// CollectorOf tells from a version as the linker writes it which collector a program has. Green Tea is the default
// since Go 1.26; an experiment that differs from the toolchain's defaults stands behind "X:".
func CollectorOf(version string) string {
	release, experiments, _ := strings.Cut(version, "X:")
	for experiment := range strings.SplitSeq(experiments, ",") {
		switch experiment {
		case "nogreenteagc":
			return "classic"
		case "greenteagc":
			return "greentea"
		}
	}
	minor, _, _ := strings.Cut(strings.TrimPrefix(release, "go1."), ".")
	minor = strings.TrimRight(minor, "- ")
	if n, err := strconv.Atoi(minor); err == nil && n < 26 {
		return "classic"
	}
	return "greentea"
}

// Collections returns the number of cycles finished and the CPU time of the collector in ns, over the whole process.
// The runtime brings the CPU time up to date at the end of a cycle only: a cycle still under way is not in it, and no
// cycle is forced here, because its own cost would then be counted.
func Collections() (cycles uint64, cpuNS int64) {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64(), int64(sample[1].Value.Float64() * 1e9)
}
