package kit

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// Package time hides the absolute value of the monotonic clock, and a clock that all processes of a host share is the
// point: the harness compares these stamps with its own.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

// Now returns CLOCK_MONOTONIC in ns.
func Now() int64 { return nanotime() }

// SpinUntil spins until a moment of the monotonic clock and returns the first reading that is not before it. The runtime
// can stop the goroutine meanwhile, which it could not in a loop over Now: inlined, that loop is never out of the
// runtime's own code for long enough to be interrupted, and a collection waits for its end [2.7 s for a spin of 3 s,
// where 40 µs is usual].
func SpinUntil(moment int64) int64 {
	for {
		if now := interruptibly(); now >= moment {
			return now
		}
	}
}

// interruptibly is Now in a function of its own, whose entry is where the runtime can stop the goroutine.
//
//go:noinline
func interruptibly() int64 { return nanotime() }

// Clock numbers of the Linux ABI; package syscall does not name them.
const (
	clockProcessCPU = 2
	clockThreadCPU  = 3
)

// ThreadCPU returns the CPU time of the calling thread in ns. The caller has locked its goroutine to that thread.
func ThreadCPU() int64 { return cpuTime(clockThreadCPU) }

func cpuTime(clock uintptr) int64 {
	var ts syscall.Timespec
	// Fails only for a clock that does not exist, and these two are older than any kernel Go runs on.
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

// CPUClock counts the CPU time of the container, all of its threads and processes, in ns.
type CPUClock struct {
	counter *os.File // nil: the process's own clock
	unit    int64    // ns of one count
	prefix  []byte   // of the line that holds the count
	buffer  [512]byte
}

// NewCPUClock returns a clock over the counter of the group c, or over the process clock where c has no counter of its
// own that can be read.
func NewCPUClock(c Cgroup) *CPUClock {
	clock := &CPUClock{}
	name, ok := c.cpuCounter()
	if !ok {
		return clock
	}
	file, err := os.Open(name)
	if err != nil {
		return clock
	}
	clock.counter, clock.unit = file, 1
	if strings.HasSuffix(name, "cpu.stat") {
		clock.unit, clock.prefix = 1000, []byte("usage_usec ")
	}
	if _, ok := clock.count(); !ok {
		_ = file.Close()
		clock.counter = nil
	}
	return clock
}

// ResolutionNS is how stale a reading may be: the kernel charges a running thread to its group at timer ticks only.
func (c *CPUClock) ResolutionNS() int64 {
	if c.counter == nil {
		return 1
	}
	return 4_000_000
}

// Read returns the CPU time so far. The yield before it makes the kernel charge what the calling thread has used; a raw
// call, because the Go scheduler's own yield may never reach the kernel.
func (c *CPUClock) Read() int64 {
	_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
	if c.counter == nil {
		return cpuTime(clockProcessCPU)
	}
	count, _ := c.count() // was readable when the clock was made, and the file stays open
	return count * c.unit
}

func (c *CPUClock) count() (int64, bool) {
	n, _ := c.counter.ReadAt(c.buffer[:], 0) // a short read ends with io.EOF, as it should
	return number(c.buffer[:n], c.prefix)
}

// number reads the decimal that follows prefix, and blanks, in text; false where there is none. It allocates nothing.
func number(text, prefix []byte) (value int64, ok bool) {
	at := bytes.Index(text, prefix)
	if at < 0 {
		return 0, false
	}
	for _, c := range bytes.TrimLeft(text[at+len(prefix):], " \t") {
		if c < '0' || c > '9' {
			break
		}
		value, ok = value*10+int64(c-'0'), true
	}
	return value, ok
}
