// Package workloads holds the programs under test, one file each: setup, iterate, teardown, in this order. What each
// of them does stands in benchmarks/workloads/<id>.toml; the comments allocate, touch, retire and publish mark the same
// steps as in the other languages' files.
package workloads

import (
	"runtime"
	"sync"

	"memverdict/langs/go/kit"
)

// The canaries are runs with a known truth that the harness must read back.
func init() {
	kit.Register(kit.Workload{
		ID: "canary",
		Parameters: []kit.Parameter{
			{Name: "mebibytes", Least: 1, Most: 1 << 20},
			{Name: "hold_ms", Most: maxMS},
			{Name: "cpu_ms", Most: maxMS},
			{Name: "threads", Least: 1, Most: maxThreads},
			{Name: "count"},
			{Name: "size", Least: 16, Most: 1 << 30, Multiple: wordSize},
			{Name: "arrivals"},
			{Name: "service_us", Most: maxMS * 1000},
			{Name: "stall_every", Least: 1},
		},
		Variants: []kit.Variant{
			{ID: "memory", Setup: setupCanaryMemory},
			{ID: "pause", Setup: setupCanaryPause},
			{ID: "cpu", Setup: setupCanaryCPU},
			{ID: "bytes", Setup: setupCanaryBytes},
			{ID: "stall", Setup: setupCanaryStall, Arrivals: "arrivals"},
		},
	})
}

const (
	mebibyte = 1 << 20
	wordSize = 8
	pageSize = 4096

	maxMS      = 3_600_000
	maxThreads = 1 << 15
)

// canaryMemory touches exactly so many MiB.
type canaryMemory struct {
	run      *kit.Run
	bytes    int
	checksum kit.Checksum
}

func setupCanaryMemory(run *kit.Run) kit.State {
	return &canaryMemory{run: run, bytes: run.Int("mebibytes") * mebibyte, checksum: kit.NewChecksum()}
}

func (c *canaryMemory) Iterate() {
	rng := kit.NewRNG(c.run.Seed)
	// allocate: one block
	block := make([]uint64, c.bytes/wordSize)
	// touch: one word on each page
	for i := 0; i < len(block); i += pageSize / wordSize {
		block[i] = rng.Next()
	}
	c.run.Checkpoint("after_fill", uint64(c.bytes))
	for i := 0; i < len(block); i += pageSize / wordSize {
		c.checksum.Add(block[i])
	}
	// retire: nothing refers to the block any more
}

func (c *canaryMemory) Teardown() kit.Result {
	c.run.Checkpoint("after_release", 0)
	return kit.Result{
		Operations:     uint64(c.bytes / pageSize),
		Allocations:    1,
		AllocatedBytes: uint64(c.bytes),
		PeakLiveBytes:  uint64(c.bytes),
		Checksum:       c.checksum,
	}
}

// canaryPause holds one operation for so many milliseconds.
type canaryPause struct {
	holdMS   int64
	checksum kit.Checksum
}

func setupCanaryPause(run *kit.Run) kit.State {
	return &canaryPause{holdMS: int64(run.Int("hold_ms")), checksum: kit.NewChecksum()}
}

func (c *canaryPause) Iterate() {
	hold(c.holdMS * 1_000_000)
	c.checksum.Add(uint64(c.holdMS))
}

func (c *canaryPause) Teardown() kit.Result {
	return kit.Result{Operations: 1, Checksum: c.checksum}
}

// hold spins on the clock for so many ns.
func hold(ns int64) { kit.SpinUntil(kit.Now() + ns) }

// canaryCPU burns so many milliseconds of CPU on so many threads.
type canaryCPU struct {
	cpuMS    int64
	threads  int
	checksum kit.Checksum
}

func setupCanaryCPU(run *kit.Run) kit.State {
	return &canaryCPU{cpuMS: int64(run.Int("cpu_ms")), threads: run.Int("threads"), checksum: kit.NewChecksum()}
}

func (c *canaryCPU) Iterate() {
	share := c.cpuMS * 1_000_000 / int64(c.threads)
	if c.threads == 1 {
		burn(share)
	} else {
		var threads sync.WaitGroup
		for range c.threads {
			threads.Add(1)
			go func() {
				defer threads.Done()
				burn(share)
			}()
		}
		threads.Wait()
	}
	c.checksum.Add(uint64(c.cpuMS))
	c.checksum.Add(uint64(c.threads))
}

func (c *canaryCPU) Teardown() kit.Result {
	return kit.Result{Operations: uint64(c.threads), Checksum: c.checksum}
}

// burn spins until the calling thread has used so many ns of CPU. The goroutine is locked to it: a thread clock means
// nothing to a goroutine that wanders.
func burn(ns int64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for end := kit.ThreadCPU() + ns; kit.ThreadCPU() < end; {
	}
}

// canaryBytes allocates so many objects of so many bytes.
type canaryBytes struct {
	seed     uint64
	count    int
	size     int
	checksum kit.Checksum
}

// published keeps the compiler from placing the block on the stack.
//
//lint:ignore U1000 a global that is only written is the point
var published []uint64

func setupCanaryBytes(run *kit.Run) kit.State {
	return &canaryBytes{seed: run.Seed, count: run.Int("count"), size: run.Int("size"), checksum: kit.NewChecksum()}
}

func (c *canaryBytes) Iterate() {
	rng := kit.NewRNG(c.seed)
	for range c.count {
		// allocate: one block
		block := make([]uint64, c.size/wordSize)
		// touch: its first and its last word
		block[0] = rng.Next()
		block[len(block)-1] = rng.Next()
		// publish: a global refers to it
		published = block
		c.checksum.Add(block[0])
		c.checksum.Add(block[len(block)-1])
		// retire: nothing refers to it when the next one is allocated
		published = nil
	}
}

func (c *canaryBytes) Teardown() kit.Result {
	bytes := uint64(c.count) * uint64(c.size)
	return kit.Result{
		Operations:     uint64(c.count),
		Allocations:    uint64(c.count),
		AllocatedBytes: bytes,
		PeakLiveBytes:  uint64(c.size),
		Checksum:       c.checksum,
	}
}

// canaryStall serves operations of a known length, every so many of them held up for so long.
type canaryStall struct {
	arrivals   int
	service    int64 // ns
	held       int64 // ns
	stallEvery int
	checksum   kit.Checksum
}

func setupCanaryStall(run *kit.Run) kit.State {
	return &canaryStall{
		arrivals:   run.Int("arrivals"),
		service:    int64(run.Int("service_us")) * 1000,
		held:       int64(run.Int("hold_ms")) * 1_000_000,
		stallEvery: run.Int("stall_every"),
		checksum:   kit.NewChecksum(),
	}
}

func (c *canaryStall) Iterate() {
	for i := range c.arrivals {
		c.Operate(i)
	}
	c.Conclude()
}

// Operate serves one operation.
func (c *canaryStall) Operate(i int) {
	hold(c.service)
	if i%c.stallEvery == c.stallEvery-1 {
		hold(c.held)
	}
}

// Conclude hashes how many there were.
func (c *canaryStall) Conclude() {
	c.checksum.Add(uint64(c.arrivals))
	c.checksum.Add(uint64(c.arrivals / c.stallEvery))
}

func (c *canaryStall) Teardown() kit.Result {
	return kit.Result{Operations: uint64(c.arrivals), Checksum: c.checksum}
}
