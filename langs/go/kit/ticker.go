package kit

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Gap is a time between two wake-ups of the ticker in which it should have woken: Delay is how many ns of it the
// ticker's thread was ready and waited for a CPU.
type Gap struct {
	Span
	Delay int64
}

// Gaps has room for the gaps of a process and counts those that found none. It holds no pointer.
type Gaps struct {
	Dropped int64

	ring [1 << 16]Gap
	kept int
}

// Clear forgets everything. It writes to all of the memory, which is resident afterwards.
func (g *Gaps) Clear() { *g = Gaps{} }

// Add keeps a gap where there is room.
func (g *Gaps) Add(gap Gap) {
	if g.kept == len(g.ring) {
		g.Dropped++
		return
	}
	g.ring[g.kept] = gap
	g.kept++
}

// All returns the gaps that were kept, by time.
func (g *Gaps) All() []Gap { return g.ring[:g.kept] }

// Ticks is what a ticker did: wake-ups, wake-ups that went by, and its thread's CPU time in ns. Over several spans it
// starts with the first and is as long as all of them together.
type Ticks struct {
	Span
	Ticks, Skipped int64
	CPU            int64
}

// Ticker is a thread that wakes up on a fixed schedule and notes when it could not. It is a goroutine like any other to
// the runtime: whatever holds up the program's goroutines, a stopped world or the want of a processor, holds it up too.
type Ticker struct {
	period int64
	gaps   *Gaps
	ticks  Ticks

	schedstat int // file descriptor
	buffer    [128]byte

	begin, begun, ended chan struct{}
	over                atomic.Bool
}

// NewTicker returns a ticker of that period in ns that is at rest. Its thread's own wait for a CPU is read from the
// file schedstat, which is /proc/thread-self/schedstat outside tests. The error is an UnsupportedError.
func NewTicker(period int64, schedstat string, gaps *Gaps) (*Ticker, error) {
	t := &Ticker{
		period: period,
		gaps:   gaps,
		begin:  make(chan struct{}),
		begun:  make(chan struct{}),
		ended:  make(chan struct{}),
	}
	opened := make(chan error)
	go t.serve(schedstat, opened)
	return t, <-opened
}

// Threshold is the least gap that is kept, in ns.
func (t *Ticker) Threshold() int64 { return 2 * t.period }

// Begin lets the ticker tick; it has begun when Begin returns.
func (t *Ticker) Begin() {
	t.over.Store(false)
	t.begin <- struct{}{}
	<-t.begun
}

// End lets the ticker rest. It returns after the next wake-up: what held up the program until now is still noted.
func (t *Ticker) End() {
	t.over.Store(true)
	<-t.ended
}

// Ticks is what was done between each Begin and its End.
func (t *Ticker) Ticks() Ticks { return t.ticks }

func (t *Ticker) serve(schedstat string, opened chan<- error) {
	runtime.LockOSThread() // for good: slack, CPU clock and schedstat are this thread's
	setTimerSlack(1)
	err := t.open(schedstat)
	opened <- err
	if err != nil {
		return
	}
	for range t.begin {
		t.run()
		t.ended <- struct{}{}
	}
}

func (t *Ticker) open(schedstat string) (err error) {
	if t.schedstat, err = syscall.Open(schedstat, syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		return &UnsupportedError{fmt.Sprintf("own wait for a CPU cannot be read: %s: %v", schedstat, err)}
	}
	if _, ok := t.runDelay(); !ok {
		_ = syscall.Close(t.schedstat)
		return &UnsupportedError{"own wait for a CPU cannot be read: no second field in " + schedstat}
	}
	return nil
}

// run ticks until it is over. It allocates nothing.
func (t *Ticker) run() {
	cpu := ThreadCPU()
	delay, _ := t.runDelay() // could be read when the file was opened
	start := Now()
	t.begun <- struct{}{}
	last, passed := start, int64(0) // periods since start
	for again := true; again; again = !t.over.Load() {
		sleepUntil(start + (passed+1)*t.period)
		now := Now()
		until, _ := t.runDelay()
		periods := (now - start) / t.period
		t.ticks.Ticks++
		t.ticks.Skipped += periods - passed - 1
		if now-last >= t.Threshold() {
			t.gaps.Add(Gap{Span{last, now}, until - delay})
		}
		last, passed, delay = now, periods, until
	}
	if t.ticks.Start == 0 {
		t.ticks.Start, t.ticks.End = start, start
	}
	t.ticks.End += last - start
	t.ticks.CPU += ThreadCPU() - cpu
}

// runDelay returns how many ns the thread was ready and waited for a CPU: the second field of its schedstat. A raw
// call, because the kernel answers at once, and because a goroutine that comes back from an ordinary one may have to
// wait for a processor: once per tick is what any goroutine would.
func (t *Ticker) runDelay() (int64, bool) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PREAD64, uintptr(t.schedstat),
		uintptr(unsafe.Pointer(&t.buffer)), uintptr(len(t.buffer)), 0, 0, 0)
	if errno != 0 {
		return 0, false
	}
	return number(t.buffer[:n], afterFirst)
}

// afterFirst is what stands between the first field of schedstat and the second.
var afterFirst = []byte(" ")

// Numbers of the Linux ABI; package syscall does not name them.
const (
	clockMonotonic = 1
	timerAbsolute  = 1
	setSlack       = 29
)

// setTimerSlack sets how many ns late the kernel may wake the calling thread in order to wake others with it.
func setTimerSlack(ns uintptr) {
	// Fails for no value and no kernel that Go runs on.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setSlack, ns, 0)
}

// sleepUntil sleeps until a moment of the monotonic clock, in ns, and waits after it for the runtime: the thread sleeps
// in a system call that the runtime knows of, so that it neither waits for the thread before it stops the world nor
// lets the goroutine go on before that is over. Package time's timers would be late by their own scheduler.
func sleepUntil(moment int64) {
	at := syscall.NsecToTimespec(moment)
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_CLOCK_NANOSLEEP, clockMonotonic, timerAbsolute,
			uintptr(unsafe.Pointer(&at)), 0, 0, 0)
		if errno != syscall.EINTR {
			return // else it was a signal of the runtime's
		}
	}
}
